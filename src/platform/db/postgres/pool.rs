//! The connections of one thread.
//!
//! sqlx's own pool pings a connection for every statement, which is a second round trip.
//! Here a connection is checked only if its last statement did not complete.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// Maximum age of a connection: frees memory of the server's session, and follows a moved server.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Timeout for cleaning up or closing a connection.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(2);

/// The connection pool of one thread.
pub(super) struct Pool {
    idle: Mutex<Vec<Open>>,
    places: Arc<Semaphore>,
}

/// An open connection.
pub(super) struct Open {
    connection: PgConnection,
    opened: Instant,
    /// [`Availability::losses`](crate::platform::db::availability::Availability::losses) when it was opened.
    losses: u64,
}

/// A connection in use. If dropped, it is cleaned up first: a statement may be running, a transaction may be open.
pub(super) struct Lease {
    /// `None` once it is returned or discarded.
    held: Option<(Open, OwnedSemaphorePermit)>,
    pool: Arc<Pool>,
}

/// Opens a connection. The server cancels statements after `longest` and a second, and transactions that nobody goes on
/// with: a node that vanished must not keep others waiting for its locks. TCP keepalive lets the server find a peer that
/// is gone, and keeps idle connections open in firewalls; what the server says must be acknowledged within half a minute.
/// On this side every wait has a deadline, after which the connection is closed.
pub(super) async fn open(
    options: &PgConnectOptions,
    longest: Duration,
    losses: u64,
) -> Result<Open, sqlx::Error> {
    let mut connection = options.connect().await?;
    let longest = longest.as_millis() + 1000;
    let settings = format!(
        "SET statement_timeout = {longest}; SET idle_in_transaction_session_timeout = {longest}; \
         SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; \
         SET tcp_user_timeout = 30000"
    );
    sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut connection).await?;
    Ok(Open { connection, opened: Instant::now(), losses })
}

impl Pool {
    pub(super) fn new(most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        Self { idle: Mutex::default(), places: Arc::new(Semaphore::new(most)) }
    }

    /// Waits for a permit; `None` if the pool is closed.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// The most recently used connection. Those opened before the last outage are dropped.
    pub(super) fn take(&self, losses: u64) -> Option<Open> {
        let mut idle = self.idle();
        while let Some(open) = idle.pop() {
            if open.losses == losses && open.opened.elapsed() < LIFETIME {
                return Some(open);
            }
        }
        None
    }

    /// Closes idle connections; those in use are closed when returned.
    pub(super) async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle());
        for open in idle {
            // The thread that polled its socket may have ended: then it cannot be closed gracefully.
            let _ = timeout(CLEANUP_TIMEOUT, open.connection.close()).await;
        }
    }

    fn put(&self, open: Open) {
        if !self.places.is_closed() {
            self.idle().push(open);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Open>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    pub(super) fn new(open: Open, pool: Arc<Pool>, place: OwnedSemaphorePermit) -> Self {
        Self { held: Some((open, place)), pool }
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match &mut self.held {
            Some((open, _)) => &mut open.connection,
            None => unreachable!("a lease is consumed when its connection goes"),
        }
    }

    /// Of which generation the connection is
    /// ([`Availability::losses`](crate::platform::db::availability::Availability::losses) when it was opened).
    pub(super) fn losses(&self) -> u64 {
        self.held.as_ref().map_or(0, |(open, _)| open.losses)
    }

    /// Returns it to the pool: its last statement completed and no transaction is open.
    pub(super) fn give_back(mut self) {
        if let Some((open, _place)) = self.held.take() {
            self.pool.put(open);
        }
    }

    /// Discards it.
    pub(super) fn discard(mut self) {
        self.held = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((mut open, place)) = self.held.take() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        let pool = Arc::clone(&self.pool);
        runtime.spawn(async move {
            // Waits for the running statement; without a transaction this changes nothing.
            let ordered =
                timeout(CLEANUP_TIMEOUT, sqlx::raw_sql("ROLLBACK").execute(&mut open.connection)).await;
            if let Ok(Ok(_)) = ordered {
                pool.put(open);
            }
            drop(place);
        });
    }
}
