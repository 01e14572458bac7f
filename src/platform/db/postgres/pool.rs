//! The connections of one thread.
//!
//! sqlx's own pool asks the server after every statement whether the connection still lives, which is a second round trip
//! for each. Here a connection is asked only if its last statement was not seen to its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How long a connection is used: servers free what a session gathered, and a moved server is found again.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// How long it may take to bring a connection into order, or to close it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The connections of one thread, and the places for more.
pub(super) struct Pool {
    idle: Mutex<Vec<Open>>,
    places: Arc<Semaphore>,
}

/// An open connection.
pub(super) struct Open {
    connection: PgConnection,
    opened: Instant,
    /// How often the database had been lost when it was opened.
    losses: u64,
}

/// A connection in use. Dropped, it is brought into order first: a statement may be under way, a transaction may be open.
pub(super) struct Lease {
    /// `None` once it is given back or discarded.
    held: Option<(Open, OwnedSemaphorePermit)>,
    pool: Arc<Pool>,
}

/// Opens a connection. The server ends what was abandoned `longest` and a second after it began, finds out within two
/// minutes when this side is gone, and keeps firewalls from forgetting an idle connection.
pub(super) async fn open(
    options: &PgConnectOptions,
    longest: Duration,
    losses: u64,
) -> Result<Open, sqlx::Error> {
    let mut connection = options.connect().await?;
    let settings = format!(
        "SET statement_timeout = {}; SET tcp_keepalives_idle = 60; SET tcp_keepalives_interval = 10; \
         SET tcp_keepalives_count = 6",
        longest.as_millis() + 1000
    );
    sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut connection).await?;
    Ok(Open { connection, opened: Instant::now(), losses })
}

impl Pool {
    pub(super) fn new(most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        Self { idle: Mutex::default(), places: Arc::new(Semaphore::new(most)) }
    }

    /// Waits for a place; `None` when the pool is closed.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// The connection used last, since it is the warmest. Those opened before the last loss are dropped.
    pub(super) fn take(&self, losses: u64) -> Option<Open> {
        let mut idle = self.idle();
        while let Some(open) = idle.pop() {
            if open.losses == losses && open.opened.elapsed() < LIFETIME {
                return Some(open);
            }
        }
        None
    }

    /// Closes what is idle; what is in use is closed when it comes back.
    pub(super) async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle());
        for open in idle {
            // The thread that polled its socket may have ended: then the server sees the connection end without a word.
            let _ = timeout(PATIENCE, open.connection.close()).await;
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

    /// Its last statement was seen to its end and no transaction is open.
    pub(super) fn give_back(mut self) {
        if let Some((open, _place)) = self.held.take() {
            self.pool.put(open);
        }
    }

    /// It is of no more use.
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
            // Waits for the statement under way; without a transaction it changes nothing.
            let ordered = timeout(PATIENCE, sqlx::raw_sql("ROLLBACK").execute(&mut open.connection)).await;
            if let Ok(Ok(_)) = ordered {
                pool.put(open);
            }
            drop(place);
        });
    }
}
