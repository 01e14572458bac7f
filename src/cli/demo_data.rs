//! What a demo keeps its data in. A demo marks the database that it makes, and deletes no other: a database that holds a
//! provider's people is lost for good, and with its keyring so is every copy of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start, tables};
use crate::platform::db::{self, Db, DbError};
use crate::platform::telemetry::Metrics;

/// The table that only a demo makes. It is not part of the schema.
const MARK: &str = "made_by_demo";

/// Marks a database as the demo's own if it is empty. One that a server has and no demo made is refused: the demo
/// registers clients whose secrets everybody knows.
pub(super) async fn mark(stores: &Stores) -> Result<(), StartError> {
    let db = &stores.db;
    if is_marked(db).await? {
        return Ok(());
    }
    // Not if anybody else has a table there: a reset drops tables by their names.
    if db::is_empty(db).await.map_err(cannot_start)? {
        let make = "CREATE TABLE IF NOT EXISTS made_by_demo (note TEXT)";
        return db.execute(db::statement(make)).await.map(|_| ()).map_err(cannot_start);
    }
    // The file of a demo of an earlier version has no mark: it is used as before, and not deleted.
    if stores.settings.database.is_embedded() { Ok(()) } else { Err(not_ours(&stores.settings)) }
}

/// Deletes the data of earlier demos.
pub(super) async fn reset(settings: &Settings) -> Result<(), StartError> {
    let url = settings.database.url.expose_secret();
    let Some(file) = db::embedded_file(url) else {
        let db = open(settings).await?;
        let unused = db::is_unused(&db).await.map_err(cannot_start)?;
        let marked = is_marked(&db).await?;
        db.close().await;
        return match (unused, marked) {
            (true, _) => Ok(()),
            (false, false) => Err(not_ours(settings)),
            (false, true) => {
                let tables = tables().chain([MARK]);
                db::drop_everything(url, tables).await.map_err(cannot_start)?;
                remove(&settings.keys.keyring)
            }
        };
    };
    if !file.exists() {
        return Ok(());
    }
    let db = open(settings).await?;
    let unused = db::is_unused(&db).await.map_err(cannot_start)?;
    let marked = is_marked(&db).await?;
    db.close().await;
    if !marked {
        return if unused { Ok(()) } else { Err(not_ours(settings)) };
    }
    let file = file.display();
    let files = ["", "-wal", "-shm"].map(|end| PathBuf::from(format!("{file}{end}")));
    files.iter().map(PathBuf::as_path).chain([settings.keys.keyring.as_path()]).try_for_each(remove)
}

async fn open(settings: &Settings) -> Result<Db, StartError> {
    let url = settings.database.url.expose_secret();
    let metrics: Arc<Metrics> = Metrics::new();
    db::connect(url, 1, Duration::from_secs(5), metrics).await.map_err(cannot_start)
}

async fn is_marked(db: &Db) -> Result<bool, StartError> {
    match db.read_all(db::statement("SELECT note FROM made_by_demo")).await {
        Ok(_) => Ok(true),
        // There is no such table.
        Err(DbError::Statement(_)) => Ok(false),
        Err(error) => Err(cannot_start(error)),
    }
}

fn not_ours(settings: &Settings) -> StartError {
    let url = db::without_password(settings.database.url.expose_secret());
    StartError(format!(
        "{url} has data that no demo of this version made, so the demo leaves it alone: name another database, or \
         another --dir, or delete it yourself"
    ))
}

fn remove(file: &Path) -> Result<(), StartError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StartError(format!("{} cannot be deleted: {error}", file.display())))
        }
        _ => Ok(()),
    }
}
