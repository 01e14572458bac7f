//! How long an answer is waited for. A Redis that does not answer is one that is silent: while answers to others come
//! over the same connection, or this thread is too busy to look at them, ours is on its way. Otherwise a busy node would
//! refuse everything just when it is needed most.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// A thread that looks at its timers later than this has been busy.
const LATE: Duration = Duration::from_millis(20);

/// How often it is waited anew: the longest wait is so many times the usual one.
const TIMES: usize = 8;

/// What `work` yields within `limit`. If meanwhile there was a sign of life, of which `last_sign` tells the moment, or
/// this thread was busy, it is waited as long again, a few times.
pub(super) async fn within<W: Future>(
    limit: Duration,
    work: W,
    last_sign: impl Fn() -> Option<Instant>,
) -> Option<W::Output> {
    let mut work = pin!(work);
    for _ in 0..TIMES {
        let begun = Instant::now();
        if let Ok(done) = timeout_at(begun + limit, &mut work).await {
            return Some(done);
        }
        let was_busy = begun.elapsed() > limit + LATE;
        if !was_busy && last_sign().is_none_or(|sign| sign < begun) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn silence_ends_the_wait_and_signs_of_life_prolong_it_up_to_a_bound() {
        let begun = Instant::now();
        assert_eq!(within(LIMIT, std::future::pending::<()>(), || Some(begun - LIMIT)).await, None);
        assert!(begun.elapsed() < LIMIT * 8, "it was not waited anew");
        let begun = Instant::now();
        assert_eq!(within(LIMIT, std::future::pending::<()>(), || Some(Instant::now())).await, None);
        assert!(begun.elapsed() >= LIMIT * 8);
        let late = async { tokio::time::sleep(LIMIT * 3).await };
        assert_eq!(within(LIMIT, late, || Some(Instant::now())).await, Some(()));
    }
}
