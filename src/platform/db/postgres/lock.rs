//! PostgreSQL only: a lock for one process at a time, and resetting the database.

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use super::dial;
use crate::platform::db::DbError;
use crate::platform::db::schema;

/// The lock; it is released when the process ends.
pub struct OnlyNode {
    _connection: PgConnection,
}

/// An arbitrary key of this advisory lock.
const LOCK: i64 = 0x7961_676f_6e61;

/// Takes the lock, for a node with in-process short-lived state.
///
/// # Errors
/// [`DbError`] if another node has it, or the database is unavailable.
pub async fn only_node(url: &str) -> Result<OnlyNode, DbError> {
    let mut connection = dial(&url.parse().map_err(DbError::unavailable)?).await?;
    let row = sqlx::query("SELECT pg_try_advisory_lock($1) AS held")
        .bind(LOCK)
        .fetch_one(&mut connection)
        .await
        .map_err(DbError::unavailable)?;
    if row.try_get::<bool, _>("held").map_err(DbError::unavailable)? {
        Ok(OnlyNode { _connection: connection })
    } else {
        Err(DbError::statement(
            "another node already runs on this database with short-lived state of its own: several nodes need Redis",
        ))
    }
}

/// Drops these tables and the list of migrations, for `demo --reset`.
///
/// # Errors
/// [`DbError`].
pub async fn drop_everything(url: &str, tables: impl Iterator<Item = &'static str>) -> Result<(), DbError> {
    let mut connection = dial(&url.parse().map_err(DbError::unavailable)?).await?;
    let tables: Vec<&str> = tables.chain([schema::TABLE]).collect();
    let statement = format!("DROP TABLE IF EXISTS {} CASCADE", tables.join(", "));
    let statement = sqlx::raw_sql(sqlx::AssertSqlSafe(statement));
    statement.execute(&mut connection).await.map_err(DbError::statement)?;
    Ok(())
}
