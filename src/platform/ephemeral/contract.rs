//! The contract of short-lived state, tested on both backends. Redis is one of them if `YAGONA_TEST_REDIS` names a
//! server, as it always does under `scripts/test`.

use std::sync::Arc;
use std::time::Duration;

use super::{Applied, Batch, Ephemeral, EphemeralKey, KeySpace, Version};
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::seal::Keyring;
use crate::platform::telemetry::Metrics;

const SPACE: KeySpace = KeySpace::new(b'T', "test");
const START: Timestamp = Timestamp(1_790_000_000);

/// A backend, with a stopped clock.
struct Subject {
    state: Ephemeral,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Subject {
    fn round_trips(&self) -> u64 {
        let page = self.metrics.encode();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix("yagona_redis_round_trips_total{cause=\"background\"} "));
        line.unwrap().parse().unwrap()
    }
}

fn keyring() -> Keyring {
    let folder = std::env::temp_dir().join(format!("yagona-ephemeral-{}", bytes::random_text::<8>()));
    let keyring = Keyring::read_or_create(&folder.join("keyring.toml")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    keyring
}

async fn backends() -> Vec<Subject> {
    let (keyring, clock, metrics) = (keyring(), Clock::manual(START), Metrics::new());
    let state = Ephemeral::in_process(clock.clone(), &keyring);
    let mut all = vec![Subject { state, clock: clock.clone(), metrics }];
    if let Ok(url) = std::env::var("YAGONA_TEST_REDIS") {
        let (clock, metrics) = (Clock::manual(START), Metrics::new());
        let timeout = Duration::from_secs(5);
        let state = Ephemeral::redis(&url, timeout, clock.clone(), &keyring, Arc::clone(&metrics));
        all.push(Subject { state: state.await.expect("the Redis of YAGONA_TEST_REDIS"), clock, metrics });
    }
    all
}

/// A key that no other test uses.
fn key() -> EphemeralKey {
    EphemeralKey::of(SPACE, &bytes::random_text::<16>())
}

async fn value(state: &Ephemeral, key: EphemeralKey) -> Option<String> {
    state.get(key).await.unwrap().map(|(value, _)| value)
}

#[tokio::test]
async fn a_value_is_there_until_it_expires_by_the_injected_clock() {
    for Subject { state, clock, .. } in backends().await {
        let key = key();
        assert_eq!(value(&state, key).await, None);
        state.put(key, &"one", 10).await.unwrap();
        state.put(key, &"two", 10).await.unwrap();
        clock.advance(9);
        assert_eq!(value(&state, key).await.as_deref(), Some("two"));
        clock.advance(1);
        assert_eq!(value(&state, key).await, None);
        assert_eq!(state.take::<String>(key).await.unwrap(), None);
        state.purge();
    }
}

#[tokio::test]
async fn one_of_many_takers_gets_a_value() {
    for Subject { state, .. } in backends().await {
        let key = key();
        state.put(key, &"one", 10).await.unwrap();
        let takers = (0..8).map(|_| state.take::<String>(key));
        let taken = futures_util::future::join_all(takers).await;
        assert_eq!(taken.into_iter().filter_map(Result::unwrap).collect::<Vec<_>>(), ["one"]);
    }
}

#[tokio::test]
async fn one_of_many_swappers_wins_and_a_version_is_good_once() {
    for Subject { state, .. } in backends().await {
        let key = key();
        state.put(key, &"one", 10).await.unwrap();
        let (_, seen) = state.get::<String>(key).await.unwrap().unwrap();
        let names: Vec<String> = (0..8).map(|n| format!("swapper {n}")).collect();
        let swaps = names.iter().map(|name| state.swap(key, seen, name, 10));
        let won: Vec<bool> = futures_util::future::join_all(swaps)
            .await
            .into_iter()
            .map(|won| won.unwrap().is_some())
            .collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let winner = won.iter().position(|won| *won).unwrap();
        assert_eq!(value(&state, key).await, Some(names[winner].clone()));
        assert!(
            state.swap(self::key(), seen, &"none", 10).await.unwrap().is_none(),
            "what is not there has no version"
        );
    }
}

#[tokio::test]
async fn what_is_absent_is_stored_by_one_of_many_and_again_once_it_expired() {
    for Subject { state, clock, .. } in backends().await {
        let key = key();
        let names: Vec<String> = (0..8).map(|n| format!("first {n}")).collect();
        let swaps = names.iter().map(|name| state.swap(key, Version::ABSENT, name, 10));
        let won = futures_util::future::join_all(swaps).await;
        assert_eq!(won.into_iter().filter(|won| won.as_ref().unwrap().is_some()).count(), 1);
        let stored = value(&state, key).await.unwrap();
        assert!(state.swap(key, Version::ABSENT, &"late", 10).await.unwrap().is_none());
        assert_eq!(value(&state, key).await, Some(stored));
        clock.advance(10);
        assert!(state.swap(key, Version::ABSENT, &"again", 10).await.unwrap().is_some());
        assert_eq!(value(&state, key).await.as_deref(), Some("again"));
    }
}

#[tokio::test]
async fn two_keys_are_read_in_one_round_trip_each_with_its_own_type_and_version() {
    for subject in backends().await {
        let (state, a, b) = (&subject.state, key(), key());
        state.put(a, &"text", 10).await.unwrap();
        state.put(b, &7_u32, 20).await.unwrap();
        let before = subject.round_trips();
        let (text, number) = state.get_pair::<String, u32>(a, b).await.unwrap();
        assert_eq!(subject.round_trips() - before, u64::from(state.is_shared()));
        let (text, seen) = text.unwrap();
        assert_eq!((text.as_str(), number.unwrap().0), ("text", 7));
        let new = state.swap(a, seen, &"new", 10).await.unwrap().unwrap();
        assert!(state.swap(a, seen, &"late", 10).await.unwrap().is_none());
        assert!(state.swap(a, new, &"newer", 10).await.unwrap().is_some(), "the version that was stored");
        subject.clock.advance(10);
        let (text, number) = state.get_pair::<String, u32>(a, b).await.unwrap();
        assert!(text.is_none() && number.is_some());
        // A value of another type counts as absent.
        assert!(state.get_pair::<u32, String>(b, b).await.unwrap().1.is_none());
    }
}

#[tokio::test]
async fn any_is_whether_one_of_the_keys_has_a_valid_value() {
    for subject in backends().await {
        let (state, a, b, none) = (&subject.state, key(), key(), key());
        state.put(a, &true, 10).await.unwrap();
        state.put(b, &true, 20).await.unwrap();
        let before = subject.round_trips();
        assert!(state.get_any::<bool>(&[none, a]).await.unwrap());
        assert!(!state.get_any::<bool>(&[none]).await.unwrap());
        assert!(!state.get_any::<bool>(&[]).await.unwrap());
        assert_eq!(subject.round_trips() - before, 2 * u64::from(state.is_shared()));
        subject.clock.advance(10);
        assert!(!state.get_any::<bool>(&[a]).await.unwrap());
        assert!(state.get_any::<bool>(&[a, b]).await.unwrap());
    }
}

#[tokio::test]
async fn a_window_begins_with_its_first_event_and_ends_by_the_injected_clock() {
    for Subject { state, clock, .. } in backends().await {
        let (long, short) = (key(), key());
        assert_eq!(state.count(long, 300).await.unwrap(), 1);
        clock.advance(100);
        assert_eq!(state.count_all(&[(long, 300, 1), (short, 50, 1)]).await.unwrap(), [2, 1]);
        clock.advance(50);
        assert_eq!(state.count_all(&[(long, 300, 1), (short, 50, 1)]).await.unwrap(), [3, 1]);
        clock.advance(149);
        assert_eq!(state.count(long, 300).await.unwrap(), 4);
        clock.advance(1);
        assert_eq!(state.count(long, 300).await.unwrap(), 1, "later events do not prolong a window");
    }
}

#[tokio::test]
async fn an_event_is_given_back_and_no_more_than_there_were() {
    for subject in backends().await {
        let (state, one, none) = (&subject.state, key(), key());
        assert_eq!(state.count_all(&[(one, 60, 2)]).await.unwrap(), [2]);
        let before = subject.round_trips();
        state.give_back(&[(one, 60), (none, 60)]).await.unwrap();
        assert_eq!(subject.round_trips() - before, u64::from(state.is_shared()));
        assert_eq!(state.count_all(&[(one, 60, 0), (none, 60, 0)]).await.unwrap(), [1, 0]);
        for _ in 0..2 {
            state.give_back(&[(one, 60)]).await.unwrap();
        }
        assert_eq!(state.count(one, 60).await.unwrap(), 1);
        // Nor of a window that has ended.
        subject.clock.advance(60);
        state.give_back(&[(one, 60)]).await.unwrap();
        assert_eq!(state.count(one, 60).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_clock_that_was_ahead_leaves_no_window_that_outlasts_its_length() {
    for Subject { state, clock, .. } in backends().await {
        let key = key();
        clock.advance(86_400);
        assert_eq!(state.count(key, 60).await.unwrap(), 1);
        clock.advance(-86_400);
        assert_eq!(state.count(key, 60).await.unwrap(), 2);
        clock.advance(60);
        assert_eq!(state.count(key, 60).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn every_event_of_many_at_once_is_counted() {
    for Subject { state, .. } in backends().await {
        let key = key();
        let mut counts: Vec<u64> = futures_util::future::join_all((0..16).map(|_| state.count(key, 60)))
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        counts.sort_unstable();
        assert_eq!(counts, (1..=16).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn a_value_is_read_and_an_event_counted_in_one_round_trip() {
    for subject in backends().await {
        let (state, at, counter) = (&subject.state, key(), key());
        state.put(at, &"text", 10).await.unwrap();
        let before = subject.round_trips();
        let (found, count) = state.get_and_count::<String>(at, counter, 60).await.unwrap();
        assert_eq!(subject.round_trips() - before, u64::from(state.is_shared()));
        let (text, seen) = found.unwrap();
        assert_eq!((text.as_str(), count), ("text", 1));
        assert!(state.swap(at, seen, &"new", 10).await.unwrap().is_some());
        let (found, count) = state.get_and_count::<String>(key(), counter, 60).await.unwrap();
        assert_eq!((found, count), (None, 1), "where there is nothing, nothing is counted");
        assert_eq!(state.count(counter, 60).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_batch_counts_and_changes_in_one_round_trip() {
    for subject in backends().await {
        let (state, attempt, new, old, counter) = (&subject.state, key(), key(), key(), key());
        state.put(attempt, &"number", 10).await.unwrap();
        state.put(old, &"old", 10).await.unwrap();
        let (_, seen) = state.get::<String>(attempt).await.unwrap().unwrap();
        let before = subject.round_trips();
        let mut batch = Batch::new(state);
        batch.limit(counter, 60, 1).put(new, &"new", 10).remove(old);
        batch.swap(attempt, seen, &"code", 10);
        assert!(!batch.is_empty());
        assert_eq!(state.apply(batch).await.unwrap(), Applied::Done);
        assert_eq!(subject.round_trips() - before, u64::from(state.is_shared()));
        assert_eq!(value(state, attempt).await.as_deref(), Some("code"));
        assert_eq!(value(state, new).await.as_deref(), Some("new"));
        assert_eq!(value(state, old).await, None);
        assert_eq!(state.count(counter, 60).await.unwrap(), 2);
        assert_eq!(state.apply(Batch::new(state)).await.unwrap(), Applied::Done);
    }
}

#[tokio::test]
async fn an_exceeded_limit_stops_a_batch_after_its_group() {
    for Subject { state, clock, .. } in backends().await {
        let (first, ten, hour, last, changed) = (key(), key(), key(), key(), key());
        let asked = async || {
            let mut batch = Batch::new(&state);
            batch.limit(first, 60, 9).limits([(ten, 60, 2), (hour, 3600, 1)]).limit(last, 60, 9);
            batch.put(changed, &"changed", 10);
            state.apply(batch).await.unwrap()
        };
        assert_eq!(asked().await, Applied::Done);
        assert_eq!(state.take::<String>(changed).await.unwrap().as_deref(), Some("changed"));
        for _ in 0..2 {
            assert_eq!(
                asked().await,
                Applied::Exceeded { group: 1, index: 1 },
                "what was refused fills no window"
            );
        }
        assert_eq!(value(&state, changed).await, None);
        // The groups before it are counted; neither it nor those after it are.
        let counts =
            state.count_all(&[(first, 60, 1), (ten, 60, 1), (hour, 3600, 1), (last, 60, 1)]).await.unwrap();
        assert_eq!(counts, [4, 2, 2, 2]);
        clock.advance(3600);
        assert_eq!(asked().await, Applied::Done, "a new window");
    }
}

#[tokio::test]
async fn an_event_that_does_not_count_is_held_against_the_limit_all_the_same() {
    for Subject { state, .. } in backends().await {
        let (window, changed) = (key(), key());
        let asked = async |counts: bool| {
            let mut batch = Batch::new(&state);
            batch.limits_if(counts, [(window, 60, 2)]).put(changed, &"changed", 10);
            state.apply(batch).await.unwrap()
        };
        for _ in 0..3 {
            assert_eq!(asked(false).await, Applied::Done);
        }
        for _ in 0..2 {
            assert_eq!(asked(true).await, Applied::Done);
        }
        for counts in [false, true] {
            assert_eq!(asked(counts).await, Applied::Exceeded { group: 0, index: 0 });
        }
        assert_eq!(
            state.count(window, 60).await.unwrap(),
            3,
            "the two that counted and this one; what was refused is not counted"
        );
    }
}

#[tokio::test]
async fn an_event_that_counts_once_is_passed_over_until_its_mark_ends() {
    for Subject { state, clock, .. } in backends().await {
        let (one, other, third, window, after) = (key(), key(), key(), key(), key());
        let asked = async |mark: EphemeralKey, cap: u64| {
            let mut batch = Batch::new(&state);
            batch.limits_once([(mark, 60, u64::MAX), (window, 3600, cap)]).limit(after, 3600, 99);
            state.apply(batch).await.unwrap()
        };
        for mark in [one, one, other, one, other] {
            assert_eq!(asked(mark, 2).await, Applied::Done, "two different ones, however often each comes");
        }
        for _ in 0..2 {
            assert_eq!(asked(third, 2).await, Applied::Exceeded { group: 0, index: 1 });
        }
        assert_eq!(asked(third, 3).await, Applied::Done, "what was refused left no mark");
        let counts = state.count_all(&[(one, 60, 0), (window, 3600, 0), (after, 3600, 0)]).await.unwrap();
        assert_eq!(counts, [1, 3, 6]);
        clock.advance(60);
        assert_eq!(asked(one, 3).await, Applied::Exceeded { group: 0, index: 1 }, "its mark is over");
    }
}

#[tokio::test]
async fn many_events_are_counted_at_once_and_none_is_a_look() {
    for Subject { state, clock, .. } in backends().await {
        let (one, other) = (key(), key());
        assert_eq!(state.count_all(&[(one, 60, 7), (other, 60, 0)]).await.unwrap(), [7, 0]);
        assert_eq!(state.count_all(&[(one, 60, 3), (other, 60, 1)]).await.unwrap(), [10, 1]);
        clock.advance(60);
        assert_eq!(state.count_all(&[(one, 60, 0), (other, 60, 2)]).await.unwrap(), [0, 2]);
    }
}

#[tokio::test]
async fn a_version_that_differs_changes_nothing_and_leaves_what_was_counted() {
    for Subject { state, .. } in backends().await {
        let (one, other, put, gone, counter) = (key(), key(), key(), key(), key());
        for key in [one, other, gone] {
            state.put(key, &"before", 10).await.unwrap();
        }
        let (_, seen_one) = state.get::<String>(one).await.unwrap().unwrap();
        let (_, seen_other) = state.get::<String>(other).await.unwrap().unwrap();
        state.put(other, &"meanwhile", 10).await.unwrap();
        let mut batch = Batch::new(&state);
        batch.limit(counter, 60, 5).put(put, &"put", 10).remove(gone);
        batch.swap(one, seen_one, &"after", 10);
        batch.swap(other, seen_other, &"after", 10);
        assert_eq!(state.apply(batch).await.unwrap(), Applied::Conflict);
        assert_eq!(value(&state, one).await.as_deref(), Some("before"));
        assert_eq!(value(&state, other).await.as_deref(), Some("meanwhile"));
        assert_eq!(value(&state, put).await, None);
        assert_eq!(value(&state, gone).await.as_deref(), Some("before"));
        assert_eq!(state.count(counter, 60).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn of_many_batches_that_saw_the_same_version_one_is_done() {
    for Subject { state, .. } in backends().await {
        let (attempt, extra) = (key(), key());
        state.put(attempt, &0, 10).await.unwrap();
        let (_, seen) = state.get::<u32>(attempt).await.unwrap().unwrap();
        let batches = (1..=8_u32).map(|n| {
            let mut batch = Batch::new(&state);
            batch.put(extra, &n, 10);
            batch.swap(attempt, seen, &n, 10);
            state.apply(batch)
        });
        let applied = futures_util::future::join_all(batches).await;
        let done = applied.into_iter().filter(|applied| matches!(applied, Ok(Applied::Done))).count();
        assert_eq!(done, 1);
        let (attempt, extra) = state.get_pair::<u32, u32>(attempt, extra).await.unwrap();
        assert_eq!(attempt.unwrap().0, extra.unwrap().0, "all of one batch, nothing of the others");
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_written_refuses_the_batch() {
    for Subject { state, .. } in backends().await {
        let (good, bad) = (key(), key());
        let mut batch = Batch::new(&state);
        // JSON has no maps with keys of this kind.
        batch.put(good, &"good", 10).put(bad, &std::collections::BTreeMap::from([((1, 2), 3)]), 10);
        assert!(state.apply(batch).await.is_err());
        assert_eq!(value(&state, good).await, None);
    }
}

#[tokio::test]
async fn the_store_answers_and_tells_the_time() {
    for Subject { state, .. } in backends().await {
        state.probe().await.unwrap();
        assert!(state.server_time_ms().await.unwrap() > 1_700_000_000_000);
    }
}
