//! Migrations on PostgreSQL. Each is one transaction under an advisory lock.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Row as _};

use super::{Applied, Migration, TABLE, pending};
use crate::platform::db::postgres::dial;
use crate::platform::db::{DEADLINE, DbError};

/// An arbitrary key of this advisory lock.
const LOCK: i64 = 0x7961_676f_6e62;

const MAKE_TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, \
     description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), \
     success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)";

/// Applies pending migrations; returns how many.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<usize, DbError> {
    let mut connection = dial(options).await?;
    let mut count = 0;
    // On an error the connection is dropped, and the transaction with it.
    while apply_next(&mut connection).await? {
        count += 1;
    }
    let _ = connection.close().await;
    Ok(count)
}

/// The applied migrations.
pub(super) async fn applied(options: &PgConnectOptions) -> Result<Vec<Applied>, DbError> {
    let mut connection = dial(options).await?;
    let listing = tokio::time::timeout(DEADLINE, list(&mut connection)).await;
    let applied = listing.map_err(DbError::unavailable)?.map_err(DbError::statement)?;
    let _ = connection.close().await;
    Ok(applied)
}

async fn apply_next(connection: &mut PgConnection) -> Result<bool, DbError> {
    let mut transaction = connection.begin().await.map_err(DbError::unavailable)?;
    // The table of migrations is created under the lock as well: concurrent creation would fail.
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
    lock.execute(&mut *transaction).await.map_err(DbError::unavailable)?;
    let applied = list(&mut transaction).await.map_err(DbError::statement)?;
    let next = pending(&applied).map_err(DbError::statement)?.next();
    if let Some(migration) = next {
        run(&mut transaction, migration).await.map_err(|error| super::failed(migration, error))?;
    }
    transaction.commit().await.map_err(DbError::unavailable)?;
    Ok(next.is_some())
}

async fn run(connection: &mut PgConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(MAKE_TABLE).execute(&mut *connection).await?;
    sqlx::raw_sql(migration.sql).execute(&mut *connection).await?;
    let row = sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES ($1, $2, TRUE, $3, 0)",
    );
    let checksum = migration.checksum();
    row.bind(migration.version)
        .bind(migration.description)
        .bind(checksum.as_ref())
        .execute(connection)
        .await
        .map(|_| ())
}

async fn list(connection: &mut PgConnection) -> Result<Vec<Applied>, sqlx::Error> {
    let found = sqlx::query("SELECT to_regclass($1) IS NOT NULL").bind(TABLE);
    if !found.fetch_one(&mut *connection).await?.try_get::<bool, _>(0)? {
        return Ok(Vec::new());
    }
    let rows = sqlx::query("SELECT version, success, checksum FROM _sqlx_migrations");
    let rows = rows.fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(Applied { version: row.try_get(0)?, success: row.try_get(1)?, checksum: row.try_get(2)? })
        })
        .collect()
}
