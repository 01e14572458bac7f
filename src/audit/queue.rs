//! What waits to be written: bounded, in memory, and never waited for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::chain::Entry;
use super::kind::Budget;
use super::{Event, Kind};

/// Maximum number of rows that wait, of some 400 bytes each: minutes of a busy node without a database.
const ROOM: usize = 50_000;

/// Beyond this, what strangers can bring about gets no row, so that they cannot use up the room of the rest.
const ROOM_OF_STRANGERS: usize = ROOM / 2;

const SECOND: i64 = 1_000_000;

/// How many seconds of a budget may be used in one burst.
const BURST: i64 = 10;

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    /// The number of the last entry, dropped ones included: what is dropped leaves a gap.
    node_seq: i64,
    budgets: BTreeMap<Kind, Allowance>,
}

/// What is left of a budget: a theoretical arrival time (GCRA), and how many got no row.
#[derive(Default)]
struct Allowance {
    used_until: i64,
    suppressed: i64,
}

/// What became of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Added {
    /// It waits.
    Waits,
    /// It gets no row, but is counted in one.
    Suppressed,
    /// There is no room: it is a gap.
    Dropped,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), filled: Notify::new() }
    }

    /// Adds an event of the time `now_us`.
    pub(super) fn add(&self, kind: Kind, now_us: i64, content: String) -> Added {
        let mut waiting = self.lock();
        if let Budget::PerSecond(most) = kind.budget() {
            let full = waiting.entries.len() >= ROOM_OF_STRANGERS;
            if !waiting.budgets.entry(kind).or_default().takes(most, full, now_us) {
                drop(waiting);
                self.filled.notify_one();
                return Added::Suppressed;
            }
        }
        let added = waiting.push(kind, now_us, content);
        drop(waiting);
        self.filled.notify_one();
        added
    }

    /// Takes up to `most` entries, oldest first; before them, what was suppressed gets its own.
    pub(super) fn take(&self, most: usize, now_us: i64) -> Vec<Entry> {
        let mut waiting = self.lock();
        let suppressed: Vec<(Kind, i64)> = waiting
            .budgets
            .iter_mut()
            .filter(|(_, allowance)| allowance.suppressed > 0)
            .map(|(kind, allowance)| (*kind, std::mem::take(&mut allowance.suppressed)))
            .collect();
        for (kind, count) in suppressed {
            let event = Event::new(Kind::Suppressed).reason(kind.name()).count(count);
            event.log();
            waiting.push(Kind::Suppressed, now_us, event.content());
        }
        let take = most.min(waiting.entries.len());
        waiting.entries.drain(..take).collect()
    }

    /// How many entries wait.
    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Lets numbers pass as if events had been dropped.
    #[cfg(test)]
    pub(super) fn lose(&self, events: i64) {
        self.lock().node_seq += events;
    }

    /// Returns when something waits, at once if it does already.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, kind: Kind, time_us: i64, content: String) -> Added {
        self.node_seq += 1;
        if self.entries.len() >= ROOM {
            return Added::Dropped;
        }
        let entry = Entry { time_us, node_seq: self.node_seq, event: kind.name(), content };
        self.entries.push_back(entry);
        Added::Waits
    }
}

impl Allowance {
    /// Takes one from a budget of `most` per second, or counts what it cannot take.
    fn takes(&mut self, most: i64, full: bool, now_us: i64) -> bool {
        let from = self.used_until.max(now_us);
        // A clock that was set back must not leave the budget used up for long.
        let from = if from - now_us > 2 * BURST * SECOND { now_us } else { from };
        if full || from - now_us > BURST * SECOND {
            self.suppressed += 1;
            return false;
        }
        self.used_until = from + SECOND / most;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(queue: &Queue, kind: Kind, now_us: i64) -> Added {
        queue.add(kind, now_us, String::new())
    }

    #[test]
    fn strangers_use_up_their_budget_and_nobody_elses() {
        let queue = Queue::new();
        let written = (0..5000).filter(|_| add(&queue, Kind::TokenRefused, 0) == Added::Waits).count();
        assert!((1000..=1001).contains(&written), "ten seconds of a hundred: {written}");
        assert_eq!(add(&queue, Kind::UserinfoRefused, 0), Added::Waits, "each kind has its own");
        assert_eq!(add(&queue, Kind::SessionOpened, 0), Added::Waits);
        assert_eq!(add(&queue, Kind::TokenRefused, 5 * SECOND), Added::Waits, "the budget comes back");
        let rows = queue.take(10_000, 5 * SECOND);
        let told = rows.iter().find(|row| row.event == Kind::Suppressed.name()).unwrap();
        assert!(told.content.contains(&format!("\"count\":{}", 5000 - written)), "{}", told.content);
        assert!(told.content.contains("token.refused"));
        assert!(rows.iter().zip(1..).all(|(row, n)| row.node_seq == n), "what is suppressed is no gap");
        assert!(queue.take(10, 6 * SECOND).is_empty(), "it is told once");
    }

    #[test]
    fn beyond_its_room_the_queue_drops_and_leaves_a_gap() {
        let queue = Queue::new();
        let outcomes: Vec<Added> = (0..ROOM + 3).map(|_| add(&queue, Kind::SessionOpened, 0)).collect();
        assert!(outcomes[..ROOM].iter().all(|added| *added == Added::Waits));
        assert!(outcomes[ROOM..].iter().all(|added| *added == Added::Dropped));
        assert_eq!(add(&queue, Kind::TokenRefused, 0), Added::Suppressed);
        assert_eq!(queue.take(ROOM, 0).len(), ROOM);
        add(&queue, Kind::SessionOpened, 0);
        let next = queue.take(10, 0).pop().unwrap();
        // Three were dropped, and the row that tells of the stranger's found no room either.
        assert_eq!(next.node_seq, i64::try_from(ROOM).unwrap() + 5);
    }

    #[test]
    fn strangers_cannot_fill_the_room_of_the_rest() {
        let queue = Queue::new();
        let mut now_us = 0;
        while queue.len() < ROOM_OF_STRANGERS {
            add(&queue, Kind::SignInBegun, now_us);
            now_us += SECOND / 2000;
        }
        assert_eq!(add(&queue, Kind::SignInBegun, now_us + 60 * SECOND), Added::Suppressed);
        assert_eq!(add(&queue, Kind::SessionOpened, now_us), Added::Waits);
    }
}
