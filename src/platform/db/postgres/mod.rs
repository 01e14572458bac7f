//! PostgreSQL: each thread has its own connection pool, whose sockets its own reactor polls.

mod lock;
mod pool;
mod run;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
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

/// Timeout of a ping, long enough for a server that is slow and alive. A connection that gave no answer by then is
/// replaced by one over which the server is asked again, before a readiness check is given up.
const PING: Duration = Duration::from_millis(1500);

/// Time for one connection outside of the pools.
const DIAL: Duration = Duration::from_secs(5);

/// More than the program has statements.
const CACHED_STATEMENTS: usize = 200;

/// Bounds of connections and statements.
pub(super) struct Bounds {
    /// Maximum number of connections of one thread.
    pub(super) connections: u32,
    /// Timeout for a connection from the pool.
    pub(super) acquire_timeout: Duration,
    /// Timeout of a statement.
    pub(super) longest: Duration,
}

/// A connection outside of the pools, for the schema and for commands.
pub(super) async fn dial(options: &PgConnectOptions) -> Result<PgConnection, DbError> {
    match tokio::time::timeout(DIAL, options.connect()).await {
        Ok(made) => made.map_err(DbError::unavailable),
        Err(_) => Err(DbError::unavailable("no connection to it was made in time")),
    }
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
        guard: (Vec<Statement>, Option<Statement>),
        then: Vec<Statement>,
    ) -> Result<Done, DbError> {
        let mut lease = self.lease().await?;
        let work = run::transaction(lease.connection(), &self.metrics, guard, then);
        let outcome = tokio::time::timeout(self.bounds.longest, work).await;
        self.finish(lease, outcome)
    }

    /// Probes the server. A dead connection is replaced.
    pub(super) async fn probe(&self) -> Result<(), DbError> {
        match self.ping().await {
            Ok(()) => Ok(()),
            Err(_) => self.ping().await,
        }
    }

    async fn ping(&self) -> Result<(), DbError> {
        let mut lease = self.lease().await?;
        let outcome = tokio::time::timeout(PING, lease.connection().ping()).await;
        self.finish(lease, outcome)
    }

    /// Closes idle connections, and connections in use when they are returned.
    pub(super) async fn close(&self) {
        for pool in &self.pools {
            pool.close().await;
        }
    }

    /// Address and credentials of the server.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// A connection of the calling thread, perhaps a new one.
    async fn lease(&self) -> Result<Lease, DbError> {
        let pool = self.pools.get_or(|| Arc::new(Pool::new(self.bounds.connections)));
        let latest = Instant::now() + self.bounds.acquire_timeout;
        let place = match tokio::time::timeout_at(latest, pool.place()).await {
            Ok(Some(place)) => place,
            Ok(None) => return Err(DbError::unavailable("it was closed")),
            Err(_) => return Err(DbError::unavailable("all connections of this thread are in use")),
        };
        // Read before connecting: a connection from before an outage is stale.
        let losses = self.availability.losses();
        if let Some(open) = pool.take(losses) {
            return Ok(Lease::new(open, Arc::clone(pool), place));
        }
        match tokio::time::timeout_at(latest, pool::open(&self.options, self.bounds.longest, losses)).await {
            Ok(Ok(open)) => Ok(Lease::new(open, Arc::clone(pool), place)),
            Ok(Err(error)) => {
                if run::fault_of_connecting(&error) == Fault::Lost {
                    self.availability.lost_over(losses);
                }
                Err(DbError::unavailable(error))
            }
            Err(_) => {
                self.availability.lost_over(losses);
                Err(DbError::unavailable("no connection to it was made in time"))
            }
        }
    }

    /// Decides whether the connection is kept, and whether the server counts as unavailable.
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
            Err(_) => {
                // It may be waiting for a lock, or the connection may have vanished without an end, and with it all others
                // to that address: new ones are made, and only if that fails is the server lost.
                self.availability.suspect(lease.losses());
                lease.discard();
                return Err(DbError::unavailable("it did not answer in time"));
            }
        };
        match run::fault(&error) {
            Fault::Lost => {
                self.availability.lost_over(lease.losses());
                lease.discard();
                Err(DbError::unavailable(error))
            }
            Fault::Connection => {
                if self.availability.takes_no_writes(lease.losses(), Instant::now()) {
                    lease.discard();
                }
                Err(DbError::unavailable(error))
            }
            Fault::Moment => Err(DbError::unavailable(error)),
            Fault::Statement => Err(DbError::statement(error)),
        }
    }
}
