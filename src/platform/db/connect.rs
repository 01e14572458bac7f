//! Opening the database that a URL names.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, Executor as _};

use super::writer::Writer;
use super::{Db, Engine};
use crate::platform::telemetry::Metrics;

/// The database could not be opened.
#[derive(Debug)]
pub struct ConnectError {
    /// The URL without its password.
    pub url: String,
    /// What is wrong and what to do.
    pub why: String,
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the database {} cannot be opened: {}", self.url, self.why)
    }
}

impl std::error::Error for ConnectError {}

/// Opens `sqlite:path` (made if it is not there) or `postgres://…`.
///
/// # Errors
/// [`ConnectError`] when the URL is of neither kind or the database does not answer.
pub async fn connect(
    url: &str,
    max_connections: u32,
    acquire_timeout: Duration,
    metrics: Arc<Metrics>,
) -> Result<Db, ConnectError> {
    sqlx::any::install_default_drivers();
    let failed = |why: String| ConnectError { url: without_password(url), why };
    // An idle connection is not asked whether it lives: that would be a round trip for every statement.
    let options = AnyPoolOptions::new().acquire_timeout(acquire_timeout).test_before_acquire(false);
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if let Some(folder) = Path::new(path.split('?').next().unwrap_or(path)).parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        let url =
            if path.contains('?') { format!("sqlite:{path}") } else { format!("sqlite:{path}?mode=rwc") };
        let open = |connections: u32, options: AnyPoolOptions| {
            let url = url.clone();
            async move {
                options
                    .max_connections(connections)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .after_connect(|connection, _| {
                        Box::pin(async move {
                            connection.execute(SQLITE_SETTINGS).await?;
                            Ok(())
                        })
                    })
                    .connect(&url)
                    .await
            }
        };
        let writer = open(1, options.clone()).await.map_err(|error| failed(error.to_string()))?;
        let reader =
            open(max_connections.clamp(1, 8), options).await.map_err(|error| failed(error.to_string()))?;
        return Ok(db(Engine::Sqlite, writer, reader, metrics));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let pool = options
            .max_connections(max_connections)
            .min_connections(1)
            .connect(url)
            .await
            .map_err(|error| failed(error.to_string()))?;
        return Ok(db(Engine::Postgres, pool.clone(), pool, metrics));
    }
    Err(failed("it must begin with `sqlite:` or `postgres://`".to_owned()))
}

/// `synchronous = FULL`: what was acknowledged survives a power failure, not only a crash of the process.
const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
     PRAGMA cache_size = -8000; \
     PRAGMA mmap_size = 268435456; PRAGMA wal_autocheckpoint = 4000;";

fn db(engine: Engine, writer: AnyPool, reader: AnyPool, metrics: Arc<Metrics>) -> Db {
    let queue = (engine == Engine::Sqlite).then(|| Writer::new(writer.clone()));
    Db { engine, writer, queue, reader, available: Arc::new(AtomicBool::new(true)), metrics }
}

/// The URL as it may be shown in logs and errors.
pub fn without_password(url: &str) -> String {
    url::Url::parse(url).map_or_else(
        |_| url.split('@').next_back().unwrap_or_default().to_owned(),
        |mut parsed| {
            if parsed.password().is_some() && parsed.set_password(Some("***")).is_err() {
                return "(not shown)".to_owned();
            }
            // A password may stand in the query as well.
            if parsed.scheme().starts_with("postgres") {
                parsed.set_query(None);
            }
            parsed.to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_never_shows() {
        let shown = without_password("postgres://yagona:hunter2@db/yagona");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("db/yagona"), "{shown}");
    }
}
