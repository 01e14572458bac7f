//! Several changes in one round trip, all or nothing.

use serde::Serialize;

use super::key::Name;
use super::{Ephemeral, EphemeralKey, Stored, Unavailable, Version};

/// One more event of a window, and its limit.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) name: Name,
    pub(super) window: i64,
    pub(super) cap: u64,
    /// Whether the event is counted, or only held against the limit.
    pub(super) counts: bool,
}

/// Limits that are looked at together.
pub(super) struct Group {
    /// Whether the first of them is a mark: while its window has had an event, the others neither hold nor count anything.
    pub(super) marked: bool,
    pub(super) limits: Vec<Limit>,
}

/// A change that is made if no limit is exceeded and every version is unchanged since it was read.
pub(super) enum Change {
    Swap { name: Name, seen: Version, value: Stored },
    Put { name: Name, value: Stored },
    Remove { name: Name },
}

impl Change {
    pub(super) const fn name(&self) -> &Name {
        match self {
            Self::Swap { name, .. } | Self::Put { name, .. } | Self::Remove { name } => name,
        }
    }
}

/// Rate limits to count and changes to make by [`Ephemeral::apply`] in one round trip.
///
/// Groups of limits are looked at in the order in which they were added, before anything else. If one is exceeded, neither
/// it nor later groups are counted and nothing changes: a window counts what was let through. Then all versions are compared; if one differs nothing
/// changes, and what was counted stays counted. Then all changes are made, in the order in which they were added.
pub struct Batch<'e> {
    ephemeral: &'e Ephemeral,
    pub(super) groups: Vec<Group>,
    pub(super) changes: Vec<Change>,
    /// Why a value could not be added; [`Ephemeral::apply`] returns it.
    pub(super) refused: Option<Unavailable>,
}

/// What [`Ephemeral::apply`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "changes were made only if it is `Done`"]
pub enum Applied {
    /// No limit is exceeded, and all changes were made.
    Done,
    /// A limit is exceeded: the groups before this one were counted, and nothing was changed.
    Exceeded {
        /// Which group, in the order in which they were added, from 0.
        group: usize,
        /// The first limit of the group that is exceeded, from 0.
        index: usize,
    },
    /// Another request changed a value concurrently: all limits were counted, and nothing was changed.
    Conflict,
}

impl<'e> Batch<'e> {
    /// An empty batch for `ephemeral`.
    pub const fn new(ephemeral: &'e Ephemeral) -> Self {
        Self { ephemeral, groups: Vec::new(), changes: Vec::new(), refused: None }
    }

    /// A group of one limit: counts one event of `key`, with a limit of `cap` per window of `window` seconds.
    pub fn limit(&mut self, key: EphemeralKey, window: i64, cap: u64) -> &mut Self {
        self.limits([(key, window, cap)])
    }

    /// A group of limits: all of them are counted unless one is exceeded.
    pub fn limits(&mut self, group: impl IntoIterator<Item = (EphemeralKey, i64, u64)>) -> &mut Self {
        self.limits_if(true, group)
    }

    /// As [`Batch::limits`]; unless it `counts`, the event is held against the limits like any other, with the same work,
    /// but is not counted.
    pub fn limits_if(
        &mut self,
        counts: bool,
        group: impl IntoIterator<Item = (EphemeralKey, i64, u64)>,
    ) -> &mut Self {
        let limit =
            |(key, window, cap): (EphemeralKey, i64, u64)| Limit { name: key.name(), window, cap, counts };
        self.groups.push(Group { marked: false, limits: group.into_iter().map(limit).collect() });
        self
    }

    /// As [`Batch::limits`], for events that count once: the first of the group is a mark, which names the event. While its window has
    /// had one, the event is held against none of the others and counted by none.
    pub fn limits_once(&mut self, group: impl IntoIterator<Item = (EphemeralKey, i64, u64)>) -> &mut Self {
        self.limits(group);
        if let Some(group) = self.groups.last_mut() {
            group.marked = true;
        }
        self
    }

    /// Replaces what was read as `seen`, as [`Ephemeral::swap`]. Returns the version that the value has once the batch
    /// was applied.
    pub fn swap<T: Serialize>(
        &mut self,
        key: EphemeralKey,
        seen: Version,
        value: &T,
        ttl: i64,
    ) -> Option<Version> {
        let value = self.ephemeral.wrap(key, value, ttl);
        let version = value.as_ref().ok().map(|value| value.version);
        self.add(value.map(|value| Change::Swap { name: key.name(), seen, value }));
        version
    }

    /// Stores `value` for `ttl` seconds, replacing any value.
    pub fn put<T: Serialize>(&mut self, key: EphemeralKey, value: &T, ttl: i64) -> &mut Self {
        let value = self.ephemeral.wrap(key, value, ttl);
        self.add(value.map(|value| Change::Put { name: key.name(), value }))
    }

    /// Removes the value, if any.
    pub fn remove(&mut self, key: EphemeralKey) -> &mut Self {
        self.add(Ok(Change::Remove { name: key.name() }))
    }

    /// Whether it is empty.
    pub const fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.changes.is_empty()
    }

    fn add(&mut self, change: Result<Change, Unavailable>) -> &mut Self {
        match change {
            Ok(change) => self.changes.push(change),
            Err(error) => self.refused = Some(error),
        }
        self
    }
}
