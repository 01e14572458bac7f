//! The circuit breaker: once Redis has failed, requests are answered 503 at once instead of each waiting for its own
//! failure, and one of them at a time finds out whether Redis is back.
//!
//! An answer that does not come may be the fault of one connection, so it opens the breaker only if what is asked next,
//! over a new connection, fails as well. A connection that cannot be made opens it at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long Redis is left alone after it failed.
const PAUSE: Duration = Duration::from_millis(100);

/// The circuit breaker of one process: all its threads share what one of them found.
#[derive(Default)]
pub(super) struct Breaker {
    /// An answer did not come, and none has come since.
    suspicious: AtomicBool,
    open: AtomicBool,
    /// How often it was closed again.
    closed: AtomicU64,
    state: Mutex<State>,
}

/// What matters while it is open.
#[derive(Default)]
struct State {
    /// Before then no trial is made.
    paused_until: Option<Instant>,
    /// A request is finding out whether Redis is back.
    in_trial: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Usual,
    Suspicious,
    Trial,
}

/// Leave to ask Redis.
pub(super) struct Permit<'b> {
    breaker: &'b Breaker,
    kind: Kind,
    /// [`Breaker::closed`] when it was given.
    closed: u64,
}

impl Breaker {
    /// Leave to ask, `now`; `None` while the breaker is open and no trial is due.
    pub(super) fn permit(&self, now: Instant) -> Option<Permit<'_>> {
        let closed = self.closed.load(Ordering::Acquire);
        let kind = if self.open.load(Ordering::Acquire) {
            let mut state = self.lock();
            if state.in_trial || state.paused_until.is_some_and(|until| until > now) {
                return None;
            }
            state.in_trial = true;
            Kind::Trial
        } else if self.suspicious.load(Ordering::Relaxed) {
            Kind::Suspicious
        } else {
            Kind::Usual
        };
        Some(Permit { breaker: self, kind, closed })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Whether Redis is expected to answer; otherwise no time is to be lost on it.
    pub(super) fn is_usual(&self) -> bool {
        self.kind == Kind::Usual
    }

    /// Redis answered.
    pub(super) fn answered(&self) {
        match self.kind {
            Kind::Usual => {}
            Kind::Suspicious => self.breaker.suspicious.store(false, Ordering::Relaxed),
            Kind::Trial => {
                self.breaker.suspicious.store(false, Ordering::Relaxed);
                self.breaker.lock().paused_until = None;
                self.breaker.closed.fetch_add(1, Ordering::AcqRel);
                if self.breaker.open.swap(false, Ordering::AcqRel) {
                    tracing::info!(event = "redis.available", "Redis answers again");
                }
            }
        }
    }

    /// An answer did not come in time.
    pub(super) fn unanswered(&self, now: Instant) {
        if self.is_outlived() {
            return;
        }
        match self.kind {
            Kind::Usual => self.breaker.suspicious.store(true, Ordering::Relaxed),
            Kind::Suspicious | Kind::Trial => self.unreachable(now),
        }
    }

    /// Whether Redis was found again since it was given: its failure is one of before, and says nothing about now.
    fn is_outlived(&self) -> bool {
        self.closed != self.breaker.closed.load(Ordering::Acquire)
    }

    /// No connection could be made.
    pub(super) fn unreachable(&self, now: Instant) {
        if self.is_outlived() {
            return;
        }
        let is_trial = self.kind == Kind::Trial;
        let mut state = self.breaker.lock();
        let was_open = self.breaker.open.swap(true, Ordering::AcqRel);
        if is_trial || !was_open {
            state.paused_until = Some(now + PAUSE);
        }
        drop(state);
        if !was_open {
            let event = "redis.unavailable";
            tracing::warn!(event, "Redis failed: requests that need it are refused until it answers");
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // A request that is given up half-way leaves the trial to the next one.
        if self.kind == Kind::Trial {
            self.breaker.lock().in_trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(breaker: &Breaker, now: Instant) -> Option<Kind> {
        breaker.permit(now).map(|permit| permit.kind)
    }

    #[test]
    fn a_second_answer_that_does_not_come_opens_it_and_one_trial_at_a_time_closes_it_again() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let (one, other) = (breaker.permit(now).unwrap(), breaker.permit(now).unwrap());
        one.unanswered(now);
        other.unanswered(now);
        assert_eq!(
            kind(&breaker, now),
            Some(Kind::Suspicious),
            "both were asked before anything was suspected"
        );
        breaker.permit(now).unwrap().unanswered(now);
        assert_eq!(kind(&breaker, now), None);
        let later = now + PAUSE;
        let trial = breaker.permit(later).unwrap();
        assert!(trial.kind == Kind::Trial && breaker.permit(later).is_none(), "one at a time");
        trial.unanswered(later);
        drop(trial);
        assert_eq!(kind(&breaker, later), None, "paused again");
        let trial = breaker.permit(later + PAUSE).unwrap();
        trial.answered();
        drop(trial);
        assert_eq!(kind(&breaker, later + PAUSE), Some(Kind::Usual));
    }

    #[test]
    fn one_lost_answer_is_forgotten_when_another_comes() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.permit(now).unwrap().unanswered(now);
        breaker.permit(now).unwrap().answered();
        assert_eq!(kind(&breaker, now), Some(Kind::Usual));
    }

    #[test]
    fn a_connection_that_cannot_be_made_opens_it_at_once() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.permit(now).unwrap().unreachable(now);
        assert_eq!(kind(&breaker, now), None);
    }

    #[test]
    fn a_late_failure_of_what_was_asked_before_prolongs_nothing() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let (one, other) = (breaker.permit(now).unwrap(), breaker.permit(now).unwrap());
        one.unreachable(now);
        other.unreachable(now + PAUSE);
        assert_eq!(kind(&breaker, now + PAUSE), Some(Kind::Trial));
    }

    #[test]
    fn a_failure_that_began_before_redis_was_found_again_opens_nothing() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.permit(now).unwrap().unanswered(now);
        let (one, other) = (breaker.permit(now).unwrap(), breaker.permit(now).unwrap());
        one.unanswered(now);
        let trial = breaker.permit(now + PAUSE).unwrap();
        trial.answered();
        drop(trial);
        other.unanswered(now + PAUSE);
        assert_eq!(kind(&breaker, now + PAUSE), Some(Kind::Usual));
    }

    #[test]
    fn a_trial_that_was_given_up_is_made_by_the_next_request() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.permit(now).unwrap().unreachable(now);
        for _ in 0..2 {
            assert_eq!(kind(&breaker, now + PAUSE), Some(Kind::Trial));
        }
    }
}
