//! Empties the stores that a turn begins with.

use sqlx::Connection as _;

use crate::flags::Flags;

/// Drops all that schema `public` of the named database holds, and all keys of the named Redis number; without
/// names, SQLite and in-process state begin empty anyway.
///
/// # Errors
/// In words, when a named store cannot be emptied.
pub(crate) async fn empty(flags: &Flags) -> Result<(), String> {
    if let Some(url) = &flags.database_url {
        if !url.starts_with("postgres") {
            return Err("only PostgreSQL is emptied between turns; without a URL each has a new SQLite file"
                .to_owned());
        }
        empty_postgres(url).await.map_err(|error| format!("the database cannot be emptied: {error}"))?;
    }
    if let Some(url) = &flags.redis_url {
        empty_redis(url).await.map_err(|error| format!("Redis cannot be emptied: {error}"))?;
    }
    Ok(())
}

async fn empty_postgres(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = sqlx::PgConnection::connect(url).await?;
    sqlx::raw_sql("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
        .execute(&mut connection)
        .await?;
    connection.close().await
}

async fn empty_redis(url: &str) -> redis::RedisResult<()> {
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    redis::cmd("FLUSHDB").exec_async(&mut connection).await
}
