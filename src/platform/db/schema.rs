//! The schema: plain SQL files in `migrations/`, one set for both databases, additive.

use sqlx::migrate::{Migrate as _, MigrateError, Migrator};

use super::{Db, DbError};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to this version. Safe to run by several nodes at once and while the former version
/// serves. Returns how many migrations were applied.
///
/// # Errors
/// [`DbError`] when one fails; those before it stay applied.
pub async fn migrate(db: &Db) -> Result<usize, DbError> {
    let before = pending_migrations(db).await?;
    if before.is_empty() {
        return Ok(0);
    }
    MIGRATIONS.run(&db.writer).await.map_err(failed)?;
    Ok(before.len())
}

/// Names of the migrations that this version needs and the database does not have yet.
///
/// # Errors
/// [`DbError`] when the database cannot be asked.
pub async fn pending_migrations(db: &Db) -> Result<Vec<String>, DbError> {
    let mut connection =
        db.writer.acquire().await.map_err(|error| DbError::Unavailable(error.to_string()))?;
    let table = &MIGRATIONS.table_name;
    connection.ensure_migrations_table(table).await.map_err(failed)?;
    let applied = connection.list_applied_migrations(table).await.map_err(failed)?;
    Ok(MIGRATIONS
        .iter()
        .filter(|wanted| !applied.iter().any(|done| done.version == wanted.version))
        .map(|wanted| wanted.description.to_string())
        .collect())
}

fn failed(error: MigrateError) -> DbError {
    DbError::Statement(format!("migration: {error}"))
}
