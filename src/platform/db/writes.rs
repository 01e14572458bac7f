//! Whether changes can be made. A database that is full or read-only still answers what is asked of it, so only a change
//! shows that changes are possible: one of the provider's own, or where there was none lately, one of a row made for that.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::statement::{Statement, statement};

/// What the probe keeps its row in.
pub(super) const TABLE: &str = "write_probes";

/// For how long one change shows that others are possible: a node without requests makes no more changes than that.
const PROVEN: Duration = Duration::from_secs(5);

/// What became of the changes of this process.
pub(super) struct Writes {
    begun: Instant,
    /// When a change last became durable, in milliseconds since it began, and one more; 0 if none did.
    made_ms: AtomicU64,
    /// Whether one failed since.
    failed: AtomicBool,
}

impl Default for Writes {
    fn default() -> Self {
        Self { begun: Instant::now(), made_ms: AtomicU64::new(0), failed: AtomicBool::new(false) }
    }
}

impl Writes {
    /// A change became durable.
    pub(super) fn made(&self) {
        self.made_ms.store(self.now_ms(), Ordering::Relaxed);
        self.failed.store(false, Ordering::Relaxed);
    }

    /// A change failed for a reason that is not its own.
    pub(super) fn failed(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Whether changes were possible a moment ago, and none failed since.
    pub(super) fn are_proven(&self) -> bool {
        let made_ms = self.made_ms.load(Ordering::Relaxed);
        let proven_ms = u64::try_from(PROVEN.as_millis()).unwrap_or(u64::MAX);
        made_ms != 0 && self.now_ms() - made_ms < proven_ms && !self.failed.load(Ordering::Relaxed)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }
}

/// A change of the row that is there for nothing else.
pub(super) fn probe() -> Statement {
    statement(
        "INSERT INTO write_probes (probe, count) VALUES ('ready', 1) \
         ON CONFLICT (probe) DO UPDATE SET count = write_probes.count + 1",
    )
}
