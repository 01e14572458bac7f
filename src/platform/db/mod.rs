//! Durable storage: one portable subset of SQL over PostgreSQL and SQLite, each query written once.
//!
//! Stores (one `store.rs` per subject) hand their statements to [`Db`], which knows which database it is,
//! counts round trips and commits, gives up after a deadline and says [`DbError::Unavailable`] at once while
//! the database does not answer. No statement of any subject lives here.
//!
//! Values are `TEXT`, `BIGINT` or NULL. A state change is one conditional statement; what belongs together goes through
//! [`Db::guarded`] or [`Db::all_or_nothing`].

mod availability;
mod connect;
mod error;
mod postgres;
mod row;
mod schema;
mod settings;
mod sqlite;
mod statement;
#[cfg(test)]
pub(crate) mod test_db;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use connect::{ConnectError, connect, without_password};
pub use error::{Cause, DbError};
pub use postgres::{OnlyNode, drop_everything, only_node};
pub use row::{Row, int, json, maybe_int, maybe_text, text, to_json};
pub use schema::{migrate, pending_migrations};
pub use settings::DatabaseSettings;
pub use statement::{Statement, Value, statement};

use availability::Availability;
use postgres::Server;
use sqlite::{Embedded, Work};

use crate::platform::clock::Timestamp;
use crate::platform::telemetry::Metrics;

/// How long one statement or one transaction may take before its caller is told that the database is unavailable.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a probe waits for an answer.
const PROBE: Duration = Duration::from_secs(2);

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
    backend: Backend,
    availability: Arc<Availability>,
    metrics: Arc<Metrics>,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Arc<Embedded>),
    Postgres(Arc<Server>),
}

/// What a statement did.
#[derive(Default)]
struct Done {
    rows: Vec<Row>,
    /// Rows changed.
    touched: u64,
}

impl Db {
    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match &self.backend {
            Backend::Sqlite(_) => Engine::Sqlite,
            Backend::Postgres(_) => Engine::Postgres,
        }
    }

    /// At most one row, read.
    ///
    /// # Errors
    /// [`DbError`], as for all statements.
    pub async fn read_optional(&self, statement: Statement) -> Result<Option<Row>, DbError> {
        Ok(self.read(statement, 1).await?.into_iter().next())
    }

    /// The one row that this statement always has, such as a count.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn read_one(&self, statement: Statement) -> Result<Row, DbError> {
        self.read_optional(statement).await?.ok_or_else(|| DbError::statement("it gave no row"))
    }

    /// All rows, read. Only for results that are small by nature, or limited by the statement.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn read_all(&self, statement: Statement) -> Result<Vec<Row>, DbError> {
        self.read(statement, usize::MAX).await
    }

    /// One conditional change that returns its row if it took place: one statement, one winner, durable when it returns.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn change(&self, statement: Statement) -> Result<Option<Row>, DbError> {
        Ok(self.change_all(statement).await?.into_iter().next())
    }

    /// A change of any number of rows that returns them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn change_all(&self, statement: Statement) -> Result<Vec<Row>, DbError> {
        Ok(self.write(Work::Statement(statement)).await?.rows)
    }

    /// A change that returns nothing but the number of rows it touched.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn execute(&self, statement: Statement) -> Result<u64, DbError> {
        Ok(self.write(Work::Statement(statement)).await?.touched)
    }

    /// A guard and what takes place only if the guard touched a row: all of it, or nothing. The guard is a change with
    /// `RETURNING`; its first row is returned, `None` when it touched none and nothing was written.
    ///
    /// # Errors
    /// [`DbError`]; then nothing was written, or, if the database became unavailable, it is not known to be.
    pub async fn guarded(&self, guard: Statement, then: Vec<Statement>) -> Result<Option<Row>, DbError> {
        let done = self.write(Work::Transaction { guard: Some(guard), then }).await?;
        Ok(done.rows.into_iter().next())
    }

    /// Several changes: all of them, or nothing.
    ///
    /// # Errors
    /// As for [`Db::guarded`].
    pub async fn all_or_nothing(&self, statements: Vec<Statement>) -> Result<(), DbError> {
        self.write(Work::Transaction { guard: None, then: statements }).await.map(|_| ())
    }

    /// Whether the database answers now. Called in the background, so that requests need not find out.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it does not.
    pub async fn probe(&self) -> Result<(), DbError> {
        let answer = match &self.backend {
            Backend::Sqlite(embedded) => embedded.read(&statement("SELECT 1"), 1).map(|_| ()),
            Backend::Postgres(server) => match tokio::time::timeout(PROBE, server.probe()).await {
                Ok(answer) => answer,
                Err(late) => Err(DbError::unavailable(late)),
            },
        };
        match &answer {
            Ok(()) => self.availability.found(),
            Err(_) => self.availability.lost(),
        }
        answer
    }

    /// What the database takes the time to be.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn server_time(&self) -> Result<Timestamp, DbError> {
        let now = match self.engine() {
            Engine::Sqlite => statement("SELECT CAST(strftime('%s', 'now') AS BIGINT) AS now"),
            Engine::Postgres => {
                statement("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) AS now")
            }
        };
        int(&self.read_one(now).await?, "clock", "now").map(Timestamp)
    }

    /// Closes all connections, letting the changes that wait finish.
    pub async fn close(&self) {
        self.availability.close();
        match &self.backend {
            Backend::Sqlite(embedded) => embedded.close().await,
            Backend::Postgres(server) => server.close().await,
        }
    }

    async fn read(&self, statement: Statement, most: usize) -> Result<Vec<Row>, DbError> {
        self.availability.check()?;
        match &self.backend {
            Backend::Sqlite(embedded) => {
                self.metrics.count_statement();
                Ok(embedded.read(&statement, most)?.rows)
            }
            Backend::Postgres(server) => Ok(server.run(statement).await?.rows),
        }
    }

    async fn write(&self, work: Work) -> Result<Done, DbError> {
        self.availability.check()?;
        let done = match &self.backend {
            Backend::Sqlite(embedded) => {
                self.metrics.count_statement();
                embedded.write(work).await?
            }
            Backend::Postgres(server) => match work {
                Work::Statement(statement) => server.run(statement).await?,
                Work::Transaction { guard, then } => server.transaction(guard, then).await?,
            },
        };
        if done.touched > 0 || !done.rows.is_empty() {
            self.metrics.count_commit();
        }
        Ok(done)
    }
}
