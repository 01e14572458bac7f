//! Whether this machine's clock is to be believed. It is compared with those of the stores: nodes whose clocks differ would
//! remove what others still need. On embedded stores, which have no other clock, it is compared with its own past.
//!
//! What a sandbox was moved by is in none of this: it is the time of the whole deployment, not of a machine.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::{Clock, Timestamp};
use super::db::{Db, DbError, Engine};
use super::ephemeral::Ephemeral;
use super::telemetry::Metrics;

/// For how long nothing is removed because of its age after the clock of embedded stores jumped.
const SETTLE: Duration = Duration::from_secs(3600);

/// Embedded stores whose newest row is older than this, in milliseconds, were perhaps started with a wrong clock.
const LONG_PAUSE_MS: i64 = 86_400_000;

/// A clock differs from this machine's by more than is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock of {of} differs from this machine's by {seconds} s, and more than {most} s (server.clock_skew_seconds) makes \
     nodes remove what others need: correct the clock that is wrong, by NTP"
)]
pub struct Skew {
    of: Store,
    /// Their time less ours.
    seconds: i64,
    most: i64,
}

/// Whose clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// The database.
    Database,
    /// Redis.
    Redis,
}

impl Store {
    const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Redis => "redis",
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "the database",
            Self::Redis => "Redis",
        })
    }
}

/// Watches this machine's clock. Cheap to clone.
#[derive(Clone)]
pub struct ClockCheck(Arc<Inner>);

struct Inner {
    clock: Clock,
    db: Db,
    ephemeral: Ephemeral,
    metrics: Arc<Metrics>,
    /// The largest difference allowed, in seconds.
    most: i64,
    state: Mutex<State>,
}

struct State {
    database: Option<Skew>,
    redis: Option<Skew>,
    /// This machine's time in milliseconds, and the moment by the process's own measure, when both were last seen to agree.
    agreed: (i64, Instant),
    /// Until when nothing is removed because of its age.
    unsettled_until: Option<Instant>,
}

impl ClockCheck {
    /// Allows a difference of `most` seconds. `newest_ms` is the time of the newest row of embedded stores.
    pub fn new(
        (clock, metrics): (Clock, Arc<Metrics>),
        (db, ephemeral): (Db, Ephemeral),
        most: i64,
        newest_ms: Option<i64>,
    ) -> Self {
        let now = (clock.machine_ms(), Instant::now());
        let paused = newest_ms
            .filter(|newest| db.engine() == Engine::Sqlite && now.0.saturating_sub(*newest) > LONG_PAUSE_MS);
        if let Some(newest) = paused {
            let hours = now.0.saturating_sub(newest) / 3_600_000;
            tracing::warn!(
                event = "clock.unsettled",
                hours,
                "nothing was stored for long: nothing is removed for an hour, in case the clock is wrong"
            );
        }
        let unsettled_until = paused.map(|_| now.1 + SETTLE);
        let state = Mutex::new(State { database: None, redis: None, agreed: now, unsettled_until });
        Self(Arc::new(Inner { clock, db, ephemeral, metrics, most, state }))
    }

    /// Compares the clocks before the node serves.
    ///
    /// # Errors
    /// [`Skew`]. A store that does not answer is not one: others find that.
    pub async fn at_start(&self) -> Result<(), Skew> {
        for of in [Store::Database, Store::Redis] {
            if let Ok(Some(skew)) = self.compare(of).await {
                return Err(skew);
            }
        }
        Ok(())
    }

    /// Compares a store's clock with this machine's. `None` when they agree, or the store has no clock of its own.
    ///
    /// # Errors
    /// Why the store did not answer.
    pub async fn compare(&self, of: Store) -> Result<Option<Skew>, String> {
        let inner = &*self.0;
        if !inner.has(of) {
            return Ok(None);
        }
        let (before, begun) = (inner.clock.machine_ms(), Instant::now());
        let theirs = match of {
            Store::Database => inner.db.server_time_ms().await.map_err(|error| error.to_string())?,
            Store::Redis => inner.ephemeral.server_time_ms().await.map_err(|error| error.to_string())?,
        };
        let seconds = outside(theirs, before, milliseconds(begun.elapsed()));
        inner.metrics.clock_skew(of.name()).set(seconds);
        Ok((seconds.abs() > inner.most).then_some(Skew { of, seconds, most: inner.most }))
    }

    /// Looks at the clock, about every second. Returns whether it is to be believed: whether things may be removed or
    /// replaced because of their age.
    pub async fn look(&self) -> bool {
        for of in [Store::Database, Store::Redis] {
            // While a store does not answer, what was last seen of it holds.
            if let Ok(skew) = self.compare(of).await {
                self.found(of, skew);
            }
        }
        !self.0.clock.is_doubted()
            && (self.0.has(Store::Database) || self.is_settled(self.0.clock.machine_ms(), Instant::now()))
    }

    /// What keeps this node from serving: its clock and the database's differ. Redis's clock decides on nothing, so that
    /// it alone takes no node out of service.
    ///
    /// # Errors
    /// [`Skew`].
    pub fn verdict(&self) -> Result<(), Skew> {
        self.0.state().database.clone().map_or(Ok(()), Err)
    }

    /// The time by which rows may be removed now: this machine's or the database's, whichever is earlier. `None` while
    /// the clock is not to be believed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn removal_time(&self) -> Result<Option<Timestamp>, DbError> {
        let inner = &*self.0;
        let machine = inner.clock.machine_ms();
        let time = if inner.has(Store::Database) {
            let begun = Instant::now();
            let theirs = inner.db.server_time_ms().await?;
            let skew = outside(theirs, machine, milliseconds(begun.elapsed()));
            (skew.abs() <= inner.most && !inner.clock.is_doubted()).then_some(machine.min(theirs))
        } else {
            self.is_settled(machine, Instant::now()).then_some(machine)
        };
        Ok(time.map(|ms| Timestamp(ms.saturating_add(inner.clock.moved_ms()).div_euclid(1000))))
    }

    fn found(&self, of: Store, skew: Option<Skew>) {
        let mut state = self.0.state();
        let known = match of {
            Store::Database => &mut state.database,
            Store::Redis => &mut state.redis,
        };
        match (&skew, &known) {
            (Some(skew), None) => {
                tracing::error!(event = "clock.skewed", store = of.name(), seconds = skew.seconds, "{skew}");
            }
            (None, Some(_)) => {
                tracing::info!(event = "clock.agrees", store = of.name(), "the clocks agree again");
            }
            _ => {}
        }
        *known = skew;
        if of == Store::Database {
            self.0.clock.doubt(state.database.is_some());
        }
    }

    /// Whether the clock of embedded stores, which says `machine` at `now`, has gone on evenly for long enough.
    fn is_settled(&self, machine: i64, now: Instant) -> bool {
        let mut state = self.0.state();
        let (then, moment) = state.agreed;
        let jumped = machine.saturating_sub(then).saturating_sub(milliseconds(now.duration_since(moment)));
        if jumped.abs() > self.0.most.saturating_mul(1000) {
            tracing::warn!(
                event = "clock.jumped",
                seconds = jumped / 1000,
                "this machine's clock jumped: nothing is removed because of its age for an hour"
            );
            state.agreed = (machine, now);
            state.unsettled_until = Some(now + SETTLE);
        }
        state.unsettled_until.is_none_or(|until| until <= now)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a store has a clock of its own.
    fn has(&self, of: Store) -> bool {
        match of {
            Store::Database => self.db.engine() == Engine::Postgres,
            Store::Redis => self.ephemeral.is_shared(),
        }
    }
}

/// By how many seconds `theirs` lies outside of the time in which the answer was made, which began at `before` and took
/// `took` milliseconds: above 0 when their clock is ahead.
const fn outside(theirs: i64, before: i64, took: i64) -> i64 {
    let ahead = theirs.saturating_sub(before);
    if ahead < 0 {
        ahead.saturating_sub(500) / 1000
    } else if ahead > took {
        ahead.saturating_sub(took).saturating_add(500) / 1000
    } else {
        0
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;
    use crate::platform::seal::Keyring;

    async fn embedded(clock: &Clock, newest_ms: Option<i64>) -> (ClockCheck, TestDb) {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let ephemeral = Ephemeral::in_process(clock.clone(), &keyring);
        let check = ClockCheck::new((clock.clone(), Metrics::new()), (db.clone(), ephemeral), 5, newest_ms);
        (check, db)
    }

    #[test]
    fn what_an_answer_takes_is_no_skew() {
        assert_eq!(outside(1000, 1000, 0), 0);
        assert_eq!(outside(3000, 1000, 2000), 0, "it was answered at the end");
        assert_eq!(outside(9000, 1000, 2000), 6);
        assert_eq!(outside(900, 1000, 2000), 0, "less than a second is none");
        assert_eq!(outside(-3_598_990, 1000, 5), -3600);
    }

    #[actix_web::test]
    async fn on_embedded_stores_nothing_is_removed_for_an_hour_after_a_jump() {
        let clock = Clock::of_process(true);
        let (check, _db) = embedded(&clock, None).await;
        assert!(check.look().await);
        assert!(clock.advance(40 * 86_400));
        assert!(check.look().await, "a sandbox that is moved has not jumped");
        let time = check.removal_time().await.unwrap().unwrap();
        assert!((time.0 - clock.now().0).abs() < 60);

        clock.make_wrong(15);
        assert_eq!(check.removal_time().await.unwrap(), None, "seen at once");
        clock.make_wrong(0);
        assert!(!check.look().await, "back again is another jump");
        assert_eq!(check.verdict(), Ok(()), "the node goes on serving");
        let machine = clock.machine_ms();
        assert!(check.is_settled(machine + milliseconds(SETTLE), Instant::now() + SETTLE));
    }

    #[actix_web::test]
    async fn embedded_stores_that_rested_long_wait_before_anything_is_removed() {
        let clock = Clock::of_process(false);
        let ago = |days: i64| Some(clock.machine_ms() - days * 86_400_000);
        assert!(!embedded(&clock, ago(40)).await.0.look().await);
        assert!(embedded(&clock, ago(0)).await.0.look().await);
    }
}
