//! Whether the database is available, shared by all threads.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::DbError;

const UP: u8 = 0;
const DOWN: u8 = 1;
const CLOSED: u8 = 2;

/// A server that takes no writes is not connected to anew more often than this.
const AGAIN: Duration = Duration::from_secs(1);

/// Up, down until a probe succeeds, or closed.
#[derive(Default)]
pub(super) struct Availability {
    state: AtomicU8,
    losses: AtomicU64,
    recoveries: AtomicU64,
    /// When a connection last led to a server that takes no writes.
    refused_at: Mutex<Option<Instant>>,
    /// Whether one did, and none has led to one that takes them since.
    refuses: AtomicBool,
}

impl Availability {
    /// Fails at once if the database is known to be unavailable.
    pub(super) fn check(&self) -> Result<(), DbError> {
        match self.state.load(Ordering::Relaxed) {
            UP => Ok(()),
            DOWN => Err(DbError::unavailable("it did not answer the last probe")),
            _ => Err(DbError::unavailable("it was closed")),
        }
    }

    /// The database is unavailable: statements fail at once until a probe succeeds.
    pub(super) fn lost(&self) {
        self.losses.fetch_add(1, Ordering::Relaxed);
        self.is_down();
    }

    /// A connection of that generation, or one that was to be of it, found the database unavailable. Of an earlier generation that
    /// says nothing about now: a statement that began in an outage may fail after its end.
    pub(super) fn lost_over(&self, losses: u64) {
        if self.losses.compare_exchange(losses, losses + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.is_down();
        }
    }

    fn is_down(&self) {
        if self.state.compare_exchange(UP, DOWN, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::error!(
                event = "database.unavailable",
                "the database is unavailable: statements fail at once"
            );
        }
    }

    /// A connection of that generation gave no answer. Those opened with it may have vanished as well, and are dropped; the
    /// next ones tell whether the server itself is at fault.
    pub(super) fn suspect(&self, losses: u64) {
        let _ = self.losses.compare_exchange(losses, losses + 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A connection of that generation leads to a server that takes no writes. Whether it is to be dropped, with those
    /// opened with it: the next ones may lead to another server, if that was not found to be untrue a moment ago.
    pub(super) fn takes_no_writes(&self, losses: u64, now: Instant) -> bool {
        let mut refused_at = self.refused_at.lock().unwrap_or_else(PoisonError::into_inner);
        if self.losses() == losses && refused_at.is_some_and(|at| now < at + AGAIN) {
            return false;
        }
        *refused_at = Some(now);
        self.refuses.store(true, Ordering::Relaxed);
        self.suspect(losses);
        true
    }

    /// A change was made. Connections that were opened while none could be made may lead to the former server, and are
    /// dropped before anybody finds that out.
    pub(super) fn takes_writes(&self) {
        if self.refuses.load(Ordering::Relaxed) && self.refuses.swap(false, Ordering::Relaxed) {
            self.losses.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A probe succeeded.
    pub(super) fn found(&self) {
        if self.state.compare_exchange(DOWN, UP, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.recoveries.fetch_add(1, Ordering::Relaxed);
            tracing::info!(event = "database.available", "the database is available again");
        }
    }

    /// How often it became available again. A probe that began before that and fails after it says nothing about now.
    pub(super) fn recoveries(&self) -> u64 {
        self.recoveries.load(Ordering::Relaxed)
    }

    /// All further statements fail.
    pub(super) fn close(&self) {
        self.state.store(CLOSED, Ordering::Relaxed);
    }

    /// How often the database became unavailable or was suspected: the generation of connections opened now. Earlier ones
    /// are stale.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_began_before_the_end_of_an_outage_does_not_begin_another() {
        let availability = Availability::default();
        let begun = availability.losses();
        availability.lost_over(begun);
        assert!(availability.check().is_err());
        availability.found();
        availability.lost_over(begun);
        assert!(availability.check().is_ok(), "it failed over a connection of before");
        availability.lost_over(availability.losses());
        assert!(availability.check().is_err(), "it failed over a new one");
    }

    #[test]
    fn connections_to_a_server_without_writes_are_dropped_with_their_kind_once_a_second() {
        let (availability, now) = (Availability::default(), Instant::now());
        assert!(availability.takes_no_writes(0, now), "the first one");
        assert_eq!(availability.losses(), 1);
        assert!(availability.takes_no_writes(0, now), "opened with it");
        assert_eq!(availability.losses(), 1, "which costs the new ones nothing");
        assert!(!availability.takes_no_writes(1, now), "a new one leads to the same server");
        assert!(availability.takes_no_writes(1, now + AGAIN), "and is tried anew later");
        assert_eq!(availability.losses(), 2);
        availability.takes_writes();
        assert_eq!(availability.losses(), 3, "those that were opened meanwhile are dropped");
        availability.takes_writes();
        assert_eq!(availability.losses(), 3);
    }
}
