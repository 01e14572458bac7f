//! The database server: each thread has a few connections of its own, whose sockets its own reactor polls.

mod lock;
mod pool;
mod run;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use thread_local::ThreadLocal;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::availability::Availability;
use super::statement::Statement;
use super::{DbError, Done};
use crate::platform::telemetry::Metrics;
use pool::{Lease, Pool};
use run::Fault;

pub use lock::{OnlyNode, drop_everything, only_node};

/// More than there are statements in the program.
const CACHED_STATEMENTS: usize = 200;

/// What using a server may take.
pub(super) struct Bounds {
    /// Most connections of one thread.
    pub(super) connections: u32,
    /// Longest wait for a connection.
    pub(super) patience: Duration,
    /// Longest wait for an answer.
    pub(super) longest: Duration,
}

/// The database server.
pub(super) struct Server {
    options: PgConnectOptions,
    bounds: Bounds,
    pools: ThreadLocal<Arc<Pool>>,
    availability: Arc<Availability>,
    metrics: Arc<Metrics>,
}

impl Server {
    /// Connects for the first time, on the calling thread.
    pub(super) async fn connect(
        url: &str,
        bounds: Bounds,
        availability: Arc<Availability>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, DbError> {
        let options: PgConnectOptions = url.parse().map_err(DbError::unavailable)?;
        let options = options.disable_statement_logging().statement_cache_capacity(CACHED_STATEMENTS);
        let server = Self { options, bounds, pools: ThreadLocal::new(), availability, metrics };
        server.lease().await?.give_back();
        Ok(server)
    }

    /// Runs one statement: one round trip.
    pub(super) async fn run(&self, statement: Statement) -> Result<Done, DbError> {
        let mut lease = self.lease().await?;
        let work = run::statement(lease.connection(), &self.metrics, statement);
        let outcome = tokio::time::timeout(self.bounds.longest, work).await;
        self.finish(lease, outcome)
    }

    /// Runs several statements, all or none of them; with a guard, only if it touches a row. The rows are the guard's.
    pub(super) async fn transaction(
        &self,
        guard: Option<Statement>,
        then: Vec<Statement>,
    ) -> Result<Done, DbError> {
        let mut lease = self.lease().await?;
        let work = run::transaction(lease.connection(), &self.metrics, guard, then);
        let outcome = tokio::time::timeout(self.bounds.longest, work).await;
        self.finish(lease, outcome)
    }

    /// Whether the server answers. A connection that was found dead is replaced.
    pub(super) async fn probe(&self) -> Result<(), DbError> {
        match self.ping().await {
            Ok(()) => Ok(()),
            Err(_) => self.ping().await,
        }
    }

    async fn ping(&self) -> Result<(), DbError> {
        let mut lease = self.lease().await?;
        let outcome = tokio::time::timeout(self.bounds.longest, lease.connection().ping()).await;
        self.finish(lease, outcome)
    }

    /// Closes all connections that are not in use, and those in use when they are done with.
    pub(super) async fn close(&self) {
        for pool in &self.pools {
            pool.close().await;
        }
    }

    /// Where the server is and as whom it is used.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// A connection of the calling thread, perhaps a new one.
    async fn lease(&self) -> Result<Lease, DbError> {
        let pool = self.pools.get_or(|| Arc::new(Pool::new(self.bounds.connections)));
        let latest = Instant::now() + self.bounds.patience;
        let place = match tokio::time::timeout_at(latest, pool.place()).await {
            Ok(Some(place)) => place,
            Ok(None) => return Err(DbError::unavailable("it was closed")),
            Err(_) => return Err(DbError::unavailable("all connections of this thread are in use")),
        };
        // Read before connecting: a connection that was begun before a loss is not believed.
        let losses = self.availability.losses();
        if let Some(open) = pool.take(losses) {
            return Ok(Lease::new(open, Arc::clone(pool), place));
        }
        match tokio::time::timeout_at(latest, pool::open(&self.options, self.bounds.longest, losses)).await {
            Ok(Ok(open)) => Ok(Lease::new(open, Arc::clone(pool), place)),
            Ok(Err(error)) => {
                if run::fault_of_connecting(&error) == Fault::Lost {
                    self.availability.lost();
                }
                Err(DbError::unavailable(error))
            }
            Err(late) => {
                self.availability.lost();
                Err(DbError::unavailable(late))
            }
        }
    }

    /// Decides what becomes of the connection, and whether the server counts as lost.
    fn finish<T>(
        &self,
        lease: Lease,
        outcome: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, DbError> {
        let error = match outcome {
            Ok(Ok(done)) => {
                lease.give_back();
                return Ok(done);
            }
            Ok(Err(error)) => error,
            Err(late) => {
                lease.discard();
                self.availability.lost();
                return Err(DbError::unavailable(late));
            }
        };
        match run::fault(&error) {
            Fault::Lost => {
                lease.discard();
                self.availability.lost();
                Err(DbError::unavailable(error))
            }
            Fault::Connection => {
                lease.discard();
                Err(DbError::unavailable(error))
            }
            Fault::Moment => Err(DbError::unavailable(error)),
            Fault::Statement => Err(DbError::statement(error)),
        }
    }
}
