//! Durable storage: one portable subset of SQL over PostgreSQL and SQLite, each query written once.
//!
//! Stores (one `store.rs` per subject) run their statements on [`Db`], which knows which database it is,
//! counts round trips and commits, enforces a timeout, and fails with [`DbError::Unavailable`] at once while
//! the database is unavailable. The statements of subjects are not here.
//!
//! Values are `TEXT`, `BIGINT` or NULL. A state change is one conditional statement; several that belong together use
//! [`Db::guarded`] or [`Db::all_or_nothing`].

mod availability;
mod connect;
mod error;
mod lease;
mod postgres;
mod row;
mod schema;
mod sequence;
mod settings;
mod sqlite;
mod statement;
#[cfg(test)]
pub(crate) mod test_db;
#[cfg(test)]
mod tests;
mod writes;

use std::sync::Arc;
use std::time::Duration;

pub use connect::{ConnectError, connect, embedded_file, without_password};
pub use error::{Cause, DbError};
pub use lease::Lease;
pub use postgres::{OnlyNode, drop_everything, only_node};
pub use row::{Row, int, json, left_out, maybe_int, maybe_text, readable, text, to_json};
pub use schema::{is_empty, is_unused, migrate, pending_migrations};
pub use sequence::{last_number, take_number};
pub use settings::DatabaseSettings;
pub use statement::{Statement, Value, statement};

/// What this layer keeps for itself.
pub(crate) const TABLES: &[&str] = &[sequence::TABLE, lease::TABLE, writes::TABLE];

use availability::Availability;
use postgres::Server;
use sqlite::{Embedded, Work};
use writes::Writes;

use crate::platform::clock::Timestamp;
use crate::platform::telemetry::Metrics;

/// Timeout of one statement or one transaction; then it fails with [`DbError::Unavailable`].
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Timeout of a probe: a ping without an answer, a new connection, and a ping over that.
const PROBE: Duration = Duration::from_secs(4);

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
    writes: Arc<Writes>,
    metrics: Arc<Metrics>,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Arc<Embedded>),
    Postgres(Arc<Server>),
}

/// The result of a statement.
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

    /// Reads at most one row.
    ///
    /// # Errors
    /// [`DbError`], as for all statements.
    pub async fn read_optional(&self, statement: Statement) -> Result<Option<Row>, DbError> {
        Ok(self.read(statement, 1).await?.into_iter().next())
    }

    /// The one row of a statement that always has one, such as a count.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn read_one(&self, statement: Statement) -> Result<Row, DbError> {
        self.read_optional(statement).await?.ok_or_else(|| DbError::statement("it gave no row"))
    }

    /// All rows. Only for small or limited results.
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

    /// A change that returns only the number of changed rows.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn execute(&self, statement: Statement) -> Result<u64, DbError> {
        Ok(self.write(Work::Statement(statement)).await?.touched)
    }

    /// A guard, and changes that are made only if the guard changed a row: all or nothing. The guard is a change with
    /// `RETURNING`; its first row is returned, or `None` if it changed none and nothing was written.
    ///
    /// # Errors
    /// [`DbError`]; then nothing was written, or, if the database became unavailable, the outcome is unknown.
    pub async fn guarded(&self, guard: Statement, then: Vec<Statement>) -> Result<Option<Row>, DbError> {
        let done = self.write(Work::Transaction { hold: Vec::new(), guard: Some(guard), then }).await?;
        Ok(done.rows.into_iter().next())
    }

    /// As [`Db::guarded`], after `hold`: changes that make others which begin with them wait until this one has ended, so that the guard sees
    /// what they did, or that rest on what the guard changes. Where the guard changes no row, `hold` is undone as well.
    ///
    /// # Errors
    /// As for [`Db::guarded`].
    pub async fn held(
        &self,
        hold: Vec<Statement>,
        guard: Statement,
        then: Vec<Statement>,
    ) -> Result<Option<Row>, DbError> {
        let done = self.write(Work::Transaction { hold, guard: Some(guard), then }).await?;
        Ok(done.rows.into_iter().next())
    }

    /// Several changes, all or nothing.
    ///
    /// # Errors
    /// As for [`Db::guarded`].
    pub async fn all_or_nothing(&self, statements: Vec<Statement>) -> Result<(), DbError> {
        self.write(Work::Transaction { hold: Vec::new(), guard: None, then: statements }).await.map(|_| ())
    }

    /// Probes the database. Called in the background, so that requests need not detect an outage.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] if it is unavailable.
    pub async fn probe(&self) -> Result<(), DbError> {
        let recoveries = self.availability.recoveries();
        let answer = match &self.backend {
            Backend::Sqlite(embedded) => embedded.read(&statement("SELECT 1"), 1).map(|_| ()),
            Backend::Postgres(server) => match tokio::time::timeout(PROBE, server.probe()).await {
                Ok(answer) => answer,
                Err(late) => Err(DbError::unavailable(late)),
            },
        };
        match &answer {
            Ok(()) => self.availability.found(),
            Err(_) if self.availability.recoveries() == recoveries => self.availability.lost(),
            Err(_) => {}
        }
        answer
    }

    /// Whether the database takes changes. Where none was made in the last seconds, or one has failed, one is made.
    ///
    /// # Errors
    /// [`DbError`] if it is unavailable, full or read-only.
    pub async fn check_writable(&self) -> Result<(), DbError> {
        if self.availability.check().is_err() {
            self.probe().await?;
        }
        if self.writes.are_proven() {
            return Ok(());
        }
        self.execute(writes::probe()).await.map(|_| ())
    }

    /// The database's time; of an embedded one, this machine's.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn server_time(&self) -> Result<Timestamp, DbError> {
        Ok(Timestamp(self.server_time_ms().await?.div_euclid(1000)))
    }

    /// The same in milliseconds.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn server_time_ms(&self) -> Result<i64, DbError> {
        let now = match self.engine() {
            Engine::Sqlite => statement("SELECT CAST(strftime('%s', 'now') AS BIGINT) * 1000 AS now"),
            Engine::Postgres => {
                statement("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now")
            }
        };
        int(&self.read_one(now).await?, "clock", "now")
    }

    /// Closes all connections after waiting changes have finished.
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
        let outcome = match &self.backend {
            Backend::Sqlite(embedded) => {
                self.metrics.count_statement();
                embedded.write(work).await
            }
            Backend::Postgres(server) => match work {
                Work::Statement(statement) => server.run(statement).await,
                Work::Transaction { hold, guard, then } => server.transaction((hold, guard), then).await,
            },
        };
        match &outcome {
            Ok(done) if done.touched > 0 || !done.rows.is_empty() => {
                self.metrics.count_commit();
                self.writes.made();
                self.availability.takes_writes();
            }
            Err(DbError::Unavailable(_)) => self.writes.failed(),
            _ => {}
        }
        outcome
    }
}
