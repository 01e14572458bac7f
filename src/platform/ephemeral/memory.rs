//! In-process short-lived state, in shards to reduce lock contention.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::{Applied, Change, Group, Limit};
use super::envelope::Envelope;
use super::key::Name;
use super::unavailable::Cause;
use super::{Stored, Version};
use crate::platform::clock::Timestamp;

const SHARDS: usize = 64;

/// Maximum number of entries of all shards; beyond it new entries fail, and nothing is evicted.
const CAPACITY: usize = 2_000_000;

/// Maximum bytes of all values.
const BYTES: usize = 512 * 1024 * 1024;

/// A value, shared with readers, so that reading copies nothing.
#[derive(Clone)]
pub(super) struct Kept {
    expires_at: Timestamp,
    version: [u8; 8],
    body: Arc<[u8]>,
}

impl Kept {
    pub(super) fn envelope(&self) -> Envelope<'_> {
        Envelope { expires_at: self.expires_at, version: self.version, body: &self.body }
    }
}

impl From<Stored> for Kept {
    fn from(value: Stored) -> Self {
        let version = value.version.0.unwrap_or_default();
        Self { expires_at: value.expires_at, version, body: value.bytes.into() }
    }
}

#[derive(Default)]
struct Shard {
    /// Bytes of the bodies in `values`.
    bytes: usize,
    values: HashMap<Name, Kept>,
    /// The end of a window, and its number of events.
    windows: HashMap<Name, (Timestamp, u64)>,
}

impl Shard {
    fn put(&mut self, name: Name, value: Kept) {
        self.bytes += value.body.len();
        if let Some(old) = self.values.insert(name, value) {
            self.bytes -= old.body.len();
        }
    }

    fn remove(&mut self, name: &Name) -> Option<Kept> {
        let old = self.values.remove(name)?;
        self.bytes -= old.body.len();
        Some(old)
    }

    fn is_version(&self, name: &Name, seen: Version, now: Timestamp) -> bool {
        // As in Redis, an expired value is none.
        let held = self.values.get(name).filter(|value| value.expires_at > now);
        held.map(|value| value.version) == seen.0
    }

    /// As in `window.lua`.
    fn count(&mut self, name: Name, window: i64, by: u64, now: Timestamp) -> u64 {
        let latest = now.plus(window);
        let (ends, count) = self.windows.entry(name).or_insert((latest, 0));
        if *ends <= now {
            (*ends, *count) = (latest, 0);
        }
        // A clock that was temporarily ahead must not leave a window longer than its length.
        *ends = latest.min(*ends);
        *count += by;
        *count
    }

    /// Whether there is room for one more entry.
    fn room(&self) -> Result<(), Cause> {
        if self.values.len() + self.windows.len() < CAPACITY / SHARDS && self.bytes < BYTES / SHARDS {
            Ok(())
        } else {
            Err(Cause::Full)
        }
    }
}

pub(super) struct Memory {
    shards: Vec<Mutex<Shard>>,
    versions: AtomicU64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), versions: AtomicU64::new(0) }
    }
}

impl Memory {
    /// A new version, unique in this process.
    pub(super) fn next_version(&self) -> Version {
        Version::of(self.versions.fetch_add(1, Ordering::Relaxed).to_be_bytes())
    }

    pub(super) fn put(&self, name: Name, value: Stored) -> Result<(), Cause> {
        let mut shard = self.shard(&name);
        shard.room()?;
        shard.put(name, value.into());
        Ok(())
    }

    pub(super) fn get(&self, name: &Name) -> Option<Kept> {
        self.shard(name).values.get(name).cloned()
    }

    pub(super) fn take(&self, name: &Name) -> Option<Kept> {
        self.shard(name).remove(name)
    }

    pub(super) fn count(&self, name: Name, window: i64, by: u64, now: Timestamp) -> Result<u64, Cause> {
        let mut shard = self.shard(&name);
        shard.room()?;
        Ok(shard.count(name, window, by, now))
    }

    /// Takes one event back from a window that has not ended.
    pub(super) fn give_back(&self, name: &Name, now: Timestamp) {
        if let Some((ends, count)) = self.shard(name).windows.get_mut(name)
            && *ends > now
        {
            *count = count.saturating_sub(1);
        }
    }

    /// How many events a window has had that has not ended.
    pub(super) fn had(&self, name: &Name, now: Timestamp) -> u64 {
        self.shard(name).windows.get(name).filter(|(ends, _)| *ends > now).map_or(0, |(_, count)| *count)
    }

    pub(super) fn apply(
        &self,
        groups: &[Group],
        changes: Vec<Change>,
        now: Timestamp,
    ) -> Result<Applied, Cause> {
        let mut held =
            Held::of(self, groups.iter().flat_map(|group| &group.limits).map(|limit| &limit.name), &changes);
        // Existing entries can be changed even when the limit is reached: a flood of new sign-ins does
        // not stop those in progress.
        let existing =
            |change: &Change| matches!(change, Change::Swap { seen, .. } if *seen != Version::ABSENT);
        if !changes.iter().any(existing) {
            held.guards.iter().try_for_each(|(_, shard)| shard.room())?;
        }
        for (group, Group { marked, limits }) in groups.iter().enumerate() {
            let mut had =
                |limit: &Limit, by| held.shard(&limit.name).count(limit.name, limit.window, by, now);
            if *marked && limits.first().is_some_and(|mark| had(mark, 0) > 0) {
                continue;
            }
            if let Some(index) = limits.iter().position(|limit| had(limit, 0) >= limit.cap) {
                return Ok(Applied::Exceeded { group, index });
            }
            for limit in limits {
                had(limit, u64::from(limit.counts));
            }
        }
        for change in &changes {
            if let Change::Swap { name, seen, .. } = change
                && !held.shard(name).is_version(name, *seen, now)
            {
                return Ok(Applied::Conflict);
            }
        }
        for change in changes {
            match change {
                Change::Swap { name, value, .. } | Change::Put { name, value } => {
                    held.shard(&name).put(name, value.into());
                }
                Change::Remove { name } => drop(held.shard(&name).remove(&name)),
            }
        }
        Ok(Applied::Done)
    }

    /// Whether there is room for one more entry, whatever its name.
    pub(super) fn room(&self) -> Result<(), Cause> {
        self.shards.iter().try_for_each(|shard| lock(shard).room())
    }

    pub(super) fn purge(&self, now: Timestamp) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.values.retain(|_, value| value.expires_at > now);
            shard.windows.retain(|_, (ends, _)| *ends > now);
            shard.bytes = shard.values.values().map(|value| value.body.len()).sum();
            if shard.values.capacity() > 4 * shard.values.len() + 64 {
                shard.values.shrink_to_fit();
            }
            if shard.windows.capacity() > 4 * shard.windows.len() + 64 {
                shard.windows.shrink_to_fit();
            }
        }
    }

    fn shard(&self, name: &Name) -> MutexGuard<'_, Shard> {
        lock(&self.shards[place(name)])
    }
}

/// The first byte of a name is its space, the second is of a digest: spread evenly.
fn place(name: &Name) -> usize {
    usize::from(name[1]) % SHARDS
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks all shards that a batch needs, in order, which prevents deadlocks.
struct Held<'m> {
    guards: Vec<(usize, MutexGuard<'m, Shard>)>,
}

impl<'m> Held<'m> {
    fn of<'n>(memory: &'m Memory, limits: impl Iterator<Item = &'n Name>, changes: &'n [Change]) -> Self {
        let mut places: Vec<usize> = limits.chain(changes.iter().map(Change::name)).map(place).collect();
        places.sort_unstable();
        places.dedup();
        Self { guards: places.into_iter().map(|place| (place, lock(&memory.shards[place]))).collect() }
    }

    fn shard(&mut self, name: &Name) -> &mut Shard {
        let place = place(name);
        let (_, shard) = self
            .guards
            .iter_mut()
            .find(|(held, _)| *held == place)
            .expect("the shards of all names were locked when the batch began");
        shard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000);
    const MEGABYTE: usize = 1024 * 1024;

    /// Names of one shard.
    fn name(number: u8) -> Name {
        let mut name = [b'T'; 33];
        name[2] = number;
        name
    }

    fn stored(memory: &Memory, bytes: usize) -> Stored {
        Stored { expires_at: NOW.plus(10), version: memory.next_version(), ttl: 10, bytes: vec![0; bytes] }
    }

    fn bytes(memory: &Memory) -> usize {
        memory.shard(&name(0)).bytes
    }

    fn swap(memory: &Memory, number: u8, bytes: usize) -> Result<Applied, Cause> {
        let seen = Version::of(memory.get(&name(number)).unwrap().version);
        let value = stored(memory, bytes);
        memory.apply(&[], vec![Change::Swap { name: name(number), seen, value }], NOW)
    }

    #[test]
    fn what_is_held_is_accounted_for_by_every_change() {
        let memory = Memory::default();
        memory.put(name(1), stored(&memory, 100)).unwrap();
        memory.put(name(1), stored(&memory, 300)).unwrap();
        assert_eq!(bytes(&memory), 300);
        assert_eq!(swap(&memory, 1, 50).unwrap(), Applied::Done);
        assert_eq!(bytes(&memory), 50);
        memory.put(name(2), stored(&memory, 7)).unwrap();
        assert!(memory.take(&name(1)).is_some() && memory.take(&name(1)).is_none());
        assert_eq!(bytes(&memory), 7);
        let remove = Change::Remove { name: name(2) };
        assert_eq!(memory.apply(&[], vec![remove], NOW).unwrap(), Applied::Done);
        assert_eq!(bytes(&memory), 0);
        memory.put(name(3), stored(&memory, 9)).unwrap();
        memory.purge(NOW.plus(9));
        assert_eq!(bytes(&memory), 9);
        memory.purge(NOW.plus(10));
        assert_eq!(bytes(&memory), 0);
        assert!(memory.get(&name(3)).is_none());
    }

    #[test]
    fn a_full_process_rejects_new_entries_and_changes_existing_ones() {
        let memory = Memory::default();
        let full = u8::try_from(BYTES / SHARDS / MEGABYTE).unwrap();
        for number in 0..full {
            memory.put(name(number), stored(&memory, MEGABYTE)).unwrap();
        }
        assert!(matches!(memory.put(name(full), stored(&memory, 1)), Err(Cause::Full)));
        assert!(matches!(memory.count(name(full), 60, 1, NOW), Err(Cause::Full)));
        let put = Change::Put { name: name(full), value: stored(&memory, 1) };
        assert!(matches!(memory.apply(&[], vec![put], NOW), Err(Cause::Full)));
        assert!(memory.get(&name(full)).is_none());
        assert_eq!(swap(&memory, 0, MEGABYTE + 1).unwrap(), Applied::Done);
        assert!(memory.room().is_err(), "readiness says so");
        let (seen, value) = (Version::ABSENT, stored(&memory, 1));
        let first = Change::Swap { name: name(full), seen, value };
        assert!(matches!(memory.apply(&[], vec![first], NOW), Err(Cause::Full)));
        memory.take(&name(0));
        memory.room().unwrap();
        memory.put(name(full), stored(&memory, 1)).unwrap();
    }

    #[test]
    fn batches_that_need_the_same_shards_in_any_order_do_not_wait_for_each_other() {
        let memory = Memory::default();
        let spread = |number: u8| {
            let mut name = [b'T'; 33];
            name[1] = number;
            name
        };
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let memory = &memory;
                scope.spawn(move || {
                    for round in 0..500_u16 {
                        let mut numbers: Vec<u8> = (0..8).collect();
                        numbers.rotate_left(usize::from(round) % 8);
                        if thread % 2 == 0 {
                            numbers.reverse();
                        }
                        let changes = numbers.iter().map(|number| Change::Put {
                            name: spread(*number),
                            value: stored(memory, usize::from(thread) + 1),
                        });
                        let applied = memory.apply(&[], changes.collect(), NOW).unwrap();
                        assert_eq!(applied, Applied::Done);
                    }
                });
            }
        });
        // Batches are atomic: the last one wrote all eight.
        let sizes: Vec<usize> =
            (0..8).map(|number| memory.get(&spread(number)).unwrap().body.len()).collect();
        assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
    }
}
