//! Short-lived state in this process, in shards so that no request waits for all others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::envelope::Envelope;
use super::{Unavailable, Version};
use crate::platform::clock::Timestamp;

const SHARDS: usize = 64;

/// Entries of all shards together; what would go beyond is refused, not dropped elsewhere.
const CAPACITY: usize = 2_000_000;

type Name = [u8; 33];

/// Bytes of all values together.
const BYTES: usize = 512 * 1024 * 1024;

#[derive(Default)]
struct Shard {
    /// Bytes of `values`, as of the last purge and what came since.
    bytes: usize,
    values: HashMap<Name, Envelope>,
    windows: HashMap<Name, (Timestamp, u64)>,
}

pub(super) struct Memory {
    shards: Vec<Mutex<Shard>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Memory {
    pub(super) fn put(&self, name: Name, value: Envelope) -> Result<(), Unavailable> {
        let mut shard = self.shard(&name);
        room(&shard)?;
        shard.bytes += value.raw().len();
        shard.values.insert(name, value);
        Ok(())
    }

    pub(super) fn get(&self, name: &Name) -> Option<Envelope> {
        self.shard(name).values.get(name).cloned()
    }

    pub(super) fn take(&self, name: &Name) -> Option<Envelope> {
        self.shard(name).values.remove(name)
    }

    pub(super) fn swap(&self, name: Name, seen: Version, value: Envelope) -> bool {
        let mut shard = self.shard(&name);
        match shard.values.get_mut(&name) {
            Some(old) if old.version() == seen => {
                *old = value;
                true
            }
            _ => false,
        }
    }

    pub(super) fn count(&self, name: Name, window: i64, now: Timestamp) -> Result<u64, Unavailable> {
        let mut shard = self.shard(&name);
        room(&shard)?;
        let (until, count) = shard.windows.entry(name).or_insert((now.plus(window), 0));
        if *until <= now {
            (*until, *count) = (now.plus(window), 0);
        }
        *count += 1;
        Ok(*count)
    }

    pub(super) fn purge(&self, now: Timestamp) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.values.retain(|_, value| value.expires_at() > now);
            shard.windows.retain(|_, (until, _)| *until > now);
            shard.bytes = shard.values.values().map(|value| value.raw().len()).sum();
            if shard.values.capacity() > 4 * shard.values.len() + 64 {
                shard.values.shrink_to_fit();
            }
        }
    }

    fn shard(&self, name: &Name) -> MutexGuard<'_, Shard> {
        // The first byte is the space, the second is of a digest: spread evenly.
        self.shards[usize::from(name[1]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn room(shard: &Shard) -> Result<(), Unavailable> {
    if shard.values.len() + shard.windows.len() < CAPACITY / SHARDS && shard.bytes < BYTES / SHARDS {
        Ok(())
    } else {
        Err(Unavailable("this process holds as much short-lived state as it may".to_owned()))
    }
}
