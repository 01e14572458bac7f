//! The circuit breaker: when Redis has failed once, requests are answered 503 at once instead of each waiting for its
//! own failure, and one of them at a time finds out whether Redis is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long Redis is left alone after a trial failed.
const PAUSE: Duration = Duration::from_millis(100);

/// The circuit breaker of one process: all its threads share what one of them found.
#[derive(Default)]
pub(super) struct Breaker {
    open: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Before then no trial is made.
    paused_until: Option<Instant>,
    /// A request is finding out whether Redis is back.
    in_trial: bool,
}

/// Leave to ask Redis.
pub(super) struct Permit<'b> {
    breaker: &'b Breaker,
    is_trial: bool,
}

impl Breaker {
    /// Leave to ask, `now`; `None` while the breaker is open and no trial is due.
    pub(super) fn permit(&self, now: Instant) -> Option<Permit<'_>> {
        if !self.open.load(Ordering::Acquire) {
            return Some(Permit { breaker: self, is_trial: false });
        }
        let mut state = self.lock();
        if state.in_trial || state.paused_until.is_some_and(|until| until > now) {
            return None;
        }
        state.in_trial = true;
        Some(Permit { breaker: self, is_trial: true })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Whether the breaker is open, and this request is the one that tries.
    pub(super) const fn is_trial(&self) -> bool {
        self.is_trial
    }

    /// Redis answered: the breaker closes if this was the trial.
    pub(super) fn succeeded(&self) {
        if self.is_trial && self.breaker.open.swap(false, Ordering::AcqRel) {
            self.breaker.lock().paused_until = None;
            tracing::info!(event = "redis.available", "Redis is available again");
        }
    }

    /// Redis failed: the breaker opens. The first trial may be made at once, since what failed may have been one
    /// connection; after a trial that failed, Redis is left alone for a while.
    pub(super) fn failed(&self, now: Instant) {
        if self.is_trial {
            self.breaker.lock().paused_until = Some(now + PAUSE);
        } else if !self.breaker.open.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                event = "redis.unavailable",
                "Redis is unavailable: requests that need it fail at once"
            );
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // A request that is given up half-way leaves the trial to the next one.
        if self.is_trial {
            self.breaker.lock().in_trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_opens_it_and_one_trial_at_a_time_closes_it_again() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let (one, other) = (breaker.permit(now).unwrap(), breaker.permit(now).unwrap());
        one.failed(now);
        other.succeeded();
        let trial = breaker.permit(now).expect("the first trial is made at once");
        assert!(trial.is_trial() && breaker.permit(now).is_none(), "one at a time");
        trial.failed(now);
        drop(trial);
        assert!(breaker.permit(now).is_none(), "paused");
        let trial = breaker.permit(now + PAUSE).unwrap();
        trial.succeeded();
        drop(trial);
        assert!(!breaker.permit(now + PAUSE).unwrap().is_trial());
    }

    #[test]
    fn a_trial_that_was_given_up_is_made_by_the_next_request() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.permit(now).unwrap().failed(now);
        drop(breaker.permit(now).unwrap());
        assert!(breaker.permit(now).is_some_and(|trial| trial.is_trial()));
    }
}
