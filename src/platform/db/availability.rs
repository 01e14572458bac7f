//! Whether the database answered when it was last asked, known to all threads.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::DbError;

const UP: u8 = 0;
const DOWN: u8 = 1;
const CLOSED: u8 = 2;

/// Up, down until a probe succeeds, or closed for good.
#[derive(Default)]
pub(super) struct Availability {
    state: AtomicU8,
    losses: AtomicU64,
}

impl Availability {
    /// Lets a statement through, or says at once that it would fail.
    pub(super) fn check(&self) -> Result<(), DbError> {
        match self.state.load(Ordering::Relaxed) {
            UP => Ok(()),
            DOWN => Err(DbError::unavailable("it did not answer the last time it was asked")),
            _ => Err(DbError::unavailable("it was closed")),
        }
    }

    /// The database is lost: nothing is sent to it before a probe has found it again.
    pub(super) fn lost(&self) {
        self.losses.fetch_add(1, Ordering::Relaxed);
        if self.state.compare_exchange(UP, DOWN, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::error!(event = "database.lost", "the database stopped answering");
        }
    }

    /// A probe has found the database.
    pub(super) fn found(&self) {
        if self.state.compare_exchange(DOWN, UP, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::info!(event = "database.back", "the database answers again");
        }
    }

    /// Nothing is sent to the database any more.
    pub(super) fn close(&self) {
        self.state.store(CLOSED, Ordering::Relaxed);
    }

    /// How often the database was lost. What was connected before the last time is worth nothing.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }
}
