//! What something is counted towards: windows in short-lived state, in groups of which each is counted as a whole or not at all, and what
//! it says that one of them is full.

use super::WINDOWS;
use super::risk::{Level, TollWindow};
use crate::platform::ephemeral::{Batch, EphemeralKey};

/// Which limit was met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// This sign-in attempt's own.
    Attempt,
    /// The number's.
    Number,
    /// Of the person whom services ask, by whatever they named them: nobody is told of it.
    Person,
    /// The address's.
    Address,
    /// The networks' around it.
    Network,
    /// An account's, of passwords that are tried.
    Account,
    /// An address's forms.
    Forms,
    /// The service's.
    Client,
    /// The country's.
    Country,
    /// None that refuses: the next code costs a toll of this level.
    Toll(Level),
}

impl Limit {
    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Number => "number",
            Self::Person => "person",
            Self::Address => "address",
            Self::Network => "network",
            Self::Account => "account",
            Self::Forms => "forms",
            Self::Client => "client",
            Self::Country => "country",
            Self::Toll(1) => "toll",
            Self::Toll(_) => "dear_toll",
        }
    }

    /// Seconds after which trying again makes sense.
    pub const fn retry_after(self) -> i64 {
        match self {
            Self::Number | Self::Person | Self::Attempt => 600,
            Self::Address | Self::Network | Self::Forms => 300,
            Self::Client | Self::Country => 900,
            Self::Account | Self::Toll(_) => 60,
        }
    }
}

/// A window of time in which events are counted.
pub(super) struct Window {
    pub(super) key: EphemeralKey,
    pub(super) seconds: i64,
    pub(super) cap: u64,
    pub(super) limit: Limit,
}

/// Windows that are looked at together: all of them are counted, or none.
pub(super) struct Group {
    counts: Counts,
    windows: Vec<Window>,
}

/// How often a group counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Each time.
    Always,
    /// Never: it is only held against its caps.
    Never,
    /// Once while its first window lasts, which names the event.
    Once,
}

impl Group {
    pub(super) const fn of(windows: Vec<Window>) -> Self {
        Self { counts: Counts::Always, windows }
    }

    pub(super) fn one(window: Window) -> Self {
        Self::of(vec![window])
    }

    pub(super) fn of_toll(toll: TollWindow) -> Self {
        let limit = Limit::Toll(toll.level);
        let own = window(&toll.name, toll.seconds, toll.cap, limit);
        match toll.once {
            None => Self::one(own),
            Some(event) => {
                let mark = window(&event, toll.seconds, u64::MAX, limit);
                Self { counts: Counts::Once, windows: vec![mark, own] }
            }
        }
    }

    pub(super) fn counted_if(mut self, counts: bool) -> Self {
        if !counts {
            self.counts = Counts::Never;
        }
        self
    }
}

/// What one message is counted towards.
#[derive(Default)]
pub struct Counted {
    pub(super) groups: Vec<Group>,
    /// Of which totals it is one more, where it is stored.
    pub(super) scopes: Vec<String>,
}

impl Counted {
    /// How many groups it adds to a batch.
    pub const fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether it is counted towards nothing.
    pub const fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The limit that a window of a group is of.
    pub(super) fn limit(&self, group: usize, index: usize) -> Option<Limit> {
        self.groups.get(group).and_then(|group| group.windows.get(index)).map(|window| window.limit)
    }

    /// Adds the windows to a batch, which only goes on while each keeps its cap.
    pub fn count_in(&self, batch: &mut Batch<'_>) {
        for Group { counts, windows } in &self.groups {
            let windows = windows.iter().map(|window| (window.key, window.seconds, window.cap));
            match counts {
                Counts::Once => batch.limits_once(windows),
                always => batch.limits_if(*always == Counts::Always, windows),
            };
        }
    }
}

/// A window by its name.
pub(super) fn window(name: &str, seconds: i64, cap: u64, limit: Limit) -> Window {
    Window { key: EphemeralKey::of(WINDOWS, name), seconds, cap, limit }
}
