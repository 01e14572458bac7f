//! Whether the database is available, shared by all threads.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::DbError;

const UP: u8 = 0;
const DOWN: u8 = 1;
const CLOSED: u8 = 2;

/// Up, down until a probe succeeds, or closed.
#[derive(Default)]
pub(super) struct Availability {
    state: AtomicU8,
    losses: AtomicU64,
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
        if self.state.compare_exchange(UP, DOWN, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::error!(
                event = "database.unavailable",
                "the database is unavailable: statements fail at once"
            );
        }
    }

    /// A probe succeeded.
    pub(super) fn found(&self) {
        if self.state.compare_exchange(DOWN, UP, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::info!(event = "database.available", "the database is available again");
        }
    }

    /// All further statements fail.
    pub(super) fn close(&self) {
        self.state.store(CLOSED, Ordering::Relaxed);
    }

    /// How often the database became unavailable. Connections from before the last time are stale.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }
}
