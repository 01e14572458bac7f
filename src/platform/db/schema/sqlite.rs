//! Migrations of the embedded database. Each is one transaction that excludes every other process.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Applied, Migration, TABLE, pending};
use crate::platform::db::DbError;
use crate::platform::db::sqlite::{Purpose, open};

const MAKE_TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, \
     description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
     success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

/// Applies what is pending; returns how many migrations that was.
pub(super) fn migrate(path: &str) -> Result<usize, DbError> {
    let connection = open(path, Purpose::Write).map_err(DbError::unavailable)?;
    let mut count = 0;
    while apply_next(&connection)? {
        count += 1;
    }
    Ok(count)
}

/// What was applied.
pub(super) fn applied(path: &str) -> Result<Vec<Applied>, DbError> {
    let connection = open(path, Purpose::Read).map_err(DbError::unavailable)?;
    list(&connection).map_err(DbError::statement)
}

fn apply_next(connection: &Connection) -> Result<bool, DbError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(DbError::unavailable)?;
    let result = next(connection);
    let end = if matches!(result, Ok(true)) { "COMMIT" } else { "ROLLBACK" };
    if !connection.is_autocommit() {
        connection.execute_batch(end).map_err(DbError::unavailable)?;
    }
    result
}

fn next(connection: &Connection) -> Result<bool, DbError> {
    let applied = list(connection).map_err(DbError::statement)?;
    let Some(migration) = pending(&applied).map_err(DbError::statement)?.next() else {
        return Ok(false);
    };
    run(connection, migration).map_err(|error| super::failed(migration, error))?;
    Ok(true)
}

fn run(connection: &Connection, migration: &Migration) -> Result<(), rusqlite::Error> {
    connection.execute_batch(MAKE_TABLE)?;
    connection.execute_batch(migration.sql)?;
    connection.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (?1, ?2, TRUE, ?3, 0)",
        params![migration.version, migration.description, migration.checksum().as_ref()],
    )?;
    Ok(())
}

fn list(connection: &Connection) -> Result<Vec<Applied>, rusqlite::Error> {
    let found = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
    if connection.query_row(found, [TABLE], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let mut all = connection.prepare("SELECT version, success, checksum FROM _sqlx_migrations")?;
    let rows = all.query_map([], |row| {
        Ok(Applied { version: row.get(0)?, success: row.get(1)?, checksum: row.get(2)? })
    })?;
    rows.collect()
}
