//! What only PostgreSQL can do or needs: a lock that one process at a time holds, and starting afresh.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};

use super::DbError;

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
    let away = |error: sqlx::Error| DbError::Unavailable(error.to_string());
    let mut connection = PgConnection::connect(url).await.map_err(away)?;
    let row = sqlx::query("SELECT pg_try_advisory_lock($1) AS held")
        .bind(LOCK)
        .fetch_one(&mut connection)
        .await
        .map_err(away)?;
    if row.try_get::<bool, _>("held").map_err(away)? {
        Ok(OnlyNode { _connection: connection })
    } else {
        Err(DbError::Statement(
            "another node already runs on this database with short-lived state of its own: several nodes need Redis".to_owned(),
        ))
    }
}

/// Yagona's tables, and the list of migrations.
const TABLES: &str = "decoys, messages, consents, grants, revoked_tokens, phone_numbers, persons, clients, signing_keys, _sqlx_migrations";

/// Deletes Yagona's tables and nothing else: how a demo starts afresh.
///
/// # Errors
/// [`DbError`].
pub async fn drop_everything(url: &str) -> Result<(), DbError> {
    let away = |error: sqlx::Error| DbError::Unavailable(error.to_string());
    let mut connection = PgConnection::connect(url).await.map_err(away)?;
    let statement = format!("DROP TABLE IF EXISTS {TABLES} CASCADE");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.map_err(away)?;
    Ok(())
}
