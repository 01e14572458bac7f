//! What only a server needs: a lock that one process at a time holds, and starting afresh.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};

use crate::platform::db::DbError;
use crate::platform::db::schema;

/// The lock; it ends with the process, however that ends.
pub struct OnlyNode {
    _connection: PgConnection,
}

/// An arbitrary number that names this lock among a database's advisory locks.
const LOCK: i64 = 0x7961_676f_6e61;

/// Takes the lock, for a node whose short-lived state no other node can see.
///
/// # Errors
/// [`DbError`] when another node has it, or the database does not answer.
pub async fn only_node(url: &str) -> Result<OnlyNode, DbError> {
    let mut connection = PgConnection::connect(url).await.map_err(DbError::unavailable)?;
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

/// Deletes these tables and the list of migrations, and nothing else: how a demo starts afresh.
///
/// # Errors
/// [`DbError`].
pub async fn drop_everything(url: &str, tables: impl Iterator<Item = &'static str>) -> Result<(), DbError> {
    let mut connection = PgConnection::connect(url).await.map_err(DbError::unavailable)?;
    let tables: Vec<&str> = tables.chain([schema::TABLE]).collect();
    let statement = format!("DROP TABLE IF EXISTS {} CASCADE", tables.join(", "));
    let statement = sqlx::raw_sql(sqlx::AssertSqlSafe(statement));
    statement.execute(&mut connection).await.map_err(DbError::statement)?;
    Ok(())
}
