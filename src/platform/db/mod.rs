//! Durable storage: one portable subset of SQL over PostgreSQL and SQLite, each query written once.
//!
//! Stores (one `store.rs` per subject) hand their statements to [`Db`], which knows which database it is,
//! counts round trips and commits, gives up after a deadline and says [`DbError::Unavailable`] at once while
//! the database is away. No statement of any subject lives here.

mod connect;
mod postgres;
mod schema;
mod settings;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyPool, Row as _};

pub use connect::{ConnectError, connect, without_password};
pub use postgres::{OnlyNode, drop_everything, only_node};
pub use schema::{migrate, pending_migrations};
pub use settings::DatabaseSettings;

use writer::{Wanted, Writer};

use crate::platform::clock::Timestamp;
use crate::platform::telemetry::Metrics;

/// A statement with its values bound.
pub type Statement<'q> = Query<'q, Any, AnyArguments>;

/// How long one statement may take before its caller is told that the database is away.
const DEADLINE: Duration = Duration::from_secs(5);

/// Which database is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// Embedded: one file, one node.
    Sqlite,
    /// A server: any number of nodes.
    Postgres,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    /// Where changes are made.
    writer: AnyPool,
    /// In front of an embedded database's only writer.
    queue: Option<Writer>,
    reader: AnyPool,
    available: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

/// Why a statement has no result.
#[derive(Debug)]
pub enum DbError {
    /// The database cannot be reached now; nothing was written, or it is not known to be (503).
    Unavailable(String),
    /// A stored row does not have the shape it was written with.
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong, without the value.
        what: String,
    },
    /// The statement itself failed.
    Statement(String),
}

impl std::fmt::Display for DbError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the database is unavailable: {why}"),
            Self::Corrupt { table, what } => write!(f, "a row of `{table}` is corrupt: {what}"),
            Self::Statement(why) => write!(f, "a statement failed: {why}"),
        }
    }
}

impl std::error::Error for DbError {}

impl Db {
    /// Which database it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// At most one row, read.
    ///
    /// # Errors
    /// [`DbError`], as for all statements.
    pub async fn read_optional(&self, statement: Statement<'_>) -> Result<Option<AnyRow>, DbError> {
        self.metrics.count_statement();
        self.bounded(statement.fetch_optional(&self.reader)).await
    }

    /// All rows, read. Only for results that are small by nature, or limited by the statement.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn read_all(&self, statement: Statement<'_>) -> Result<Vec<AnyRow>, DbError> {
        self.metrics.count_statement();
        self.bounded(statement.fetch_all(&self.reader)).await
    }

    /// One conditional change that returns its row if it took place: one statement, one winner, durable when it returns.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn change(&self, statement: Statement<'_>) -> Result<Option<AnyRow>, DbError> {
        Ok(self.change_all(statement).await?.into_iter().next())
    }

    /// A change of any number of rows that returns them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn change_all(&self, statement: Statement<'_>) -> Result<Vec<AnyRow>, DbError> {
        self.metrics.count_statement();
        let rows = match &self.queue {
            Some(queue) => self.bounded(queue.change(statement, Wanted::Rows)).await?.rows,
            None => self.bounded(statement.fetch_all(&self.writer)).await?,
        };
        if !rows.is_empty() {
            self.metrics.count_commit();
        }
        Ok(rows)
    }

    /// A change that returns nothing but the number of rows it touched.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn execute(&self, statement: Statement<'_>) -> Result<u64, DbError> {
        self.metrics.count_statement();
        let touched = match &self.queue {
            Some(queue) => self.bounded(queue.change(statement, Wanted::Count)).await?.touched,
            None => self.bounded(statement.execute(&self.writer)).await?.rows_affected(),
        };
        if touched > 0 {
            self.metrics.count_commit();
        }
        Ok(touched)
    }

    /// Whether the database answers now. Called in the background, so that requests need not find out.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it does not.
    pub async fn probe(&self) -> Result<(), DbError> {
        let answer =
            tokio::time::timeout(Duration::from_secs(2), sqlx::query("SELECT 1").fetch_one(&self.reader))
                .await
                .map_err(|_| DbError::Unavailable("no answer within two seconds".to_owned()))
                .and_then(|row| row.map_err(|error| DbError::Unavailable(error.to_string())));
        let was = self.available.swap(answer.is_ok(), Ordering::Relaxed);
        if was != answer.is_ok() {
            if was {
                tracing::error!(event = "database.lost", "the database stopped answering");
            } else {
                tracing::info!(event = "database.back", "the database answers again");
            }
        }
        answer.map(|_| ())
    }

    /// What the database takes the time to be.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn server_time(&self) -> Result<Timestamp, DbError> {
        let statement = match self.engine {
            Engine::Sqlite => sqlx::query("SELECT CAST(strftime('%s', 'now') AS BIGINT) AS now"),
            Engine::Postgres => {
                sqlx::query("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) AS now")
            }
        };
        let row = self.read_optional(statement).await?;
        row.map_or(Err(DbError::Statement("the database tells no time".to_owned())), |row| {
            int(&row, "clock", "now").map(Timestamp)
        })
    }

    /// Closes all connections, letting statements under way finish.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    async fn bounded<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, DbError> {
        if !self.available.load(Ordering::Relaxed) {
            return Err(DbError::Unavailable("it did not answer the last probe".to_owned()));
        }
        match tokio::time::timeout(DEADLINE, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.classify(error)),
            Err(_) => {
                self.available.store(false, Ordering::Relaxed);
                Err(DbError::Unavailable(format!("no answer within {DEADLINE:?}")))
            }
        }
    }

    fn classify(&self, error: sqlx::Error) -> DbError {
        use sqlx::Error as E;
        match &error {
            E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Tls(_) | E::Protocol(_) => {
                if !matches!(error, E::PoolTimedOut) {
                    self.available.store(false, Ordering::Relaxed);
                }
                DbError::Unavailable(error.to_string())
            }
            // PostgreSQL: 57P0x shutting down or starting, 53xxx out of resources, 08xxx connection lost,
            // 25006 a standby that accepts no writes.
            E::Database(inner)
                if inner.code().is_some_and(|code| {
                    ["57P", "53", "08", "25006"].iter().any(|class| code.starts_with(class))
                }) =>
            {
                DbError::Unavailable(error.to_string())
            }
            _ => DbError::Statement(error.to_string()),
        }
    }
}

/// Reads a TEXT column.
///
/// # Errors
/// [`DbError::Corrupt`] when it is not there or not text.
pub fn text(row: &AnyRow, table: &'static str, column: &str) -> Result<String, DbError> {
    row.try_get(column).map_err(|error| DbError::Corrupt { table, what: error.to_string() })
}

/// Reads a BIGINT column.
///
/// # Errors
/// [`DbError::Corrupt`] when it is not there or not a number.
pub fn int(row: &AnyRow, table: &'static str, column: &str) -> Result<i64, DbError> {
    row.try_get(column).map_err(|error| DbError::Corrupt { table, what: error.to_string() })
}

/// Reads a nullable TEXT column.
///
/// # Errors
/// [`DbError::Corrupt`] when it is not there or not text.
pub fn maybe_text(row: &AnyRow, table: &'static str, column: &str) -> Result<Option<String>, DbError> {
    row.try_get(column).map_err(|error| DbError::Corrupt { table, what: error.to_string() })
}

/// Reads a nullable BIGINT column.
///
/// # Errors
/// [`DbError::Corrupt`] when it is not there or not a number.
pub fn maybe_int(row: &AnyRow, table: &'static str, column: &str) -> Result<Option<i64>, DbError> {
    row.try_get(column).map_err(|error| DbError::Corrupt { table, what: error.to_string() })
}

/// Reads JSON from a TEXT column.
///
/// # Errors
/// [`DbError::Corrupt`] when it is not there or not of this shape.
pub fn json<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    table: &'static str,
    column: &str,
) -> Result<T, DbError> {
    serde_json::from_str(&text(row, table, column)?)
        .map_err(|error| DbError::Corrupt { table, what: format!("{column}: {error}") })
}
