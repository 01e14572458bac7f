//! What this node knows of its latest messages: bounded in time and in number. Whatever is forgotten can be asked of
//! short-lived state.

use std::collections::{HashMap, VecDeque};

use crate::platform::clock::Timestamp;

/// Values by message identifiers, each for the same time.
pub(super) struct Recent<V> {
    /// For how long a value is kept, in seconds.
    seconds: i64,
    /// How many values are kept.
    most: usize,
    values: HashMap<String, (Timestamp, V)>,
    /// In the order of their ends; may name values that were removed.
    order: VecDeque<(Timestamp, String)>,
}

impl<V> Recent<V> {
    /// Nothing yet. Each value will be kept for `seconds`, and of more than `most` the oldest is dropped.
    pub(super) fn new(seconds: i64, most: usize) -> Self {
        Self { seconds, most, values: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn insert(&mut self, id: &str, value: V, now: Timestamp) {
        while self.order.len() >= self.most || self.order.front().is_some_and(|(ends, _)| *ends <= now) {
            let Some((_, oldest)) = self.order.pop_front() else { break };
            self.values.remove(&oldest);
        }
        let ends = now.plus(self.seconds);
        self.order.push_back((ends, id.to_owned()));
        self.values.insert(id.to_owned(), (ends, value));
    }

    pub(super) fn get_mut(&mut self, id: &str, now: Timestamp) -> Option<&mut V> {
        self.values.get_mut(id).filter(|(ends, _)| *ends > now).map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, id: &str, now: Timestamp) -> Option<V> {
        self.values.remove(id).filter(|(ends, _)| *ends > now).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000);

    #[test]
    fn a_value_is_kept_for_its_time_and_can_be_taken_out_once() {
        let mut recent = Recent::new(3, 10);
        recent.insert("a", 1, NOW);
        recent.insert("b", 2, NOW.plus(1));
        assert_eq!(recent.get_mut("a", NOW.plus(2)), Some(&mut 1));
        assert_eq!(recent.get_mut("a", NOW.plus(3)), None);
        assert_eq!(recent.remove("b", NOW.plus(3)), Some(2));
        assert_eq!(recent.remove("b", NOW.plus(3)), None);
    }

    #[test]
    fn it_holds_no_more_than_its_bound_and_nothing_that_has_ended() {
        let mut recent = Recent::new(3, 4);
        for n in 0..100 {
            recent.insert(&n.to_string(), n, NOW);
            assert!(recent.values.len() <= 4 && recent.order.len() <= 4);
        }
        assert_eq!(recent.get_mut("99", NOW), Some(&mut 99));
        assert_eq!(recent.get_mut("95", NOW), None, "the oldest went first");
        recent.insert("later", 0, NOW.plus(3));
        assert_eq!((recent.values.len(), recent.order.len()), (1, 1));
        recent.remove("later", NOW.plus(3));
        for n in 0..100 {
            recent.insert(&n.to_string(), n, NOW.plus(4));
            recent.remove(&n.to_string(), NOW.plus(4));
        }
        assert!(recent.order.len() <= 4, "what was removed does not pile up");
    }
}
