//! Reads of what an entry opened: counted in memory and added to the entries from time to time, so that a read stays a read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use super::entry::EntryId;
use super::store::{self, Reads};
use crate::platform::db::{Db, DbError};

/// Entries that a node remembers to be written; others are asked for by writing them, which changes nothing.
const REMEMBERED: u64 = 200_000;

/// For how long it remembers one that nobody reads: longer than access tokens live.
const IDLE: Duration = Duration::from_secs(7200);

/// Counted entries that are written without waiting for the time.
const MANY: usize = 20_000;

/// Entries of one statement.
const TOGETHER: usize = 1000;

pub(super) struct Counters {
    known: Cache<EntryId, ()>,
    waiting: Mutex<HashMap<EntryId, Reads>>,
}

impl Counters {
    pub(super) fn new() -> Self {
        let known = Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build();
        Self { known, waiting: Mutex::default() }
    }

    /// Whether this node knows an entry to be written.
    pub(super) fn knows(&self, entry: &EntryId) -> bool {
        self.known.contains_key(entry)
    }

    /// Remembers that an entry is written.
    pub(super) fn remember(&self, entry: EntryId) {
        self.known.insert(entry, ());
    }

    /// Counts a read.
    pub(super) fn count(&self, entry: EntryId, now_ms: i64) {
        let mut waiting = self.waiting();
        let reads = waiting.entry(entry).or_default();
        reads.count += 1;
        reads.last_ms = reads.last_ms.max(now_ms);
    }

    /// Whether so many wait that they should be written now.
    pub(super) fn are_many(&self) -> bool {
        self.waiting().len() >= MANY
    }

    /// Writes what was counted. What cannot be written goes on waiting.
    pub(super) async fn write(&self, db: &Db) -> Result<(), DbError> {
        let mut taken: Vec<(EntryId, Reads)> = std::mem::take(&mut *self.waiting()).into_iter().collect();
        // All nodes take the rows in one order, so none waits for another in a circle.
        taken.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (at, together) in taken.chunks(TOGETHER).enumerate() {
            if let Err(error) = store::add_reads(db, together).await {
                let mut waiting = self.waiting();
                for (entry, reads) in &taken[at * TOGETHER..] {
                    let again = waiting.entry(entry.clone()).or_default();
                    again.count += reads.count;
                    again.last_ms = again.last_ms.max(reads.last_ms);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<EntryId, Reads>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
