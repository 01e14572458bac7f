//! The circuit breaker of one register: after some failures in a row it is left alone for a while, and everybody is answered at
//! once; then one call at a time finds out whether it is back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::platform::clock::Timestamp;

/// The breaker of one register; all threads of this process share what one of them found.
#[derive(Debug)]
pub(super) struct Breaker {
    /// So many failures in a row open it.
    failures: u32,
    /// For so many seconds the register is left alone.
    rest: i64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failed: u32,
    /// When the first of these failures was.
    since: Option<Timestamp>,
    open_until: Option<Timestamp>,
    in_trial: bool,
}

/// Leave to ask. Whoever drops it without a verdict was interrupted, which says nothing of the register.
#[derive(Debug)]
pub(super) struct Permit<'b> {
    breaker: &'b Breaker,
    trial: bool,
    settled: bool,
}

/// What became of the breaker by a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing that was not so before.
    None,
    /// It opened.
    Opened,
    /// It closed.
    Closed,
}

impl Breaker {
    pub(super) fn new(failures: u32, rest: i64) -> Self {
        Self { failures: failures.max(1), rest, state: Mutex::default() }
    }

    /// Leave to ask, `now`.
    ///
    /// # Errors
    /// Since when calls have failed, while it is open.
    pub(super) fn permit(&self, now: Timestamp) -> Result<Permit<'_>, Timestamp> {
        let mut state = self.lock();
        let Some(until) = state.open_until else {
            return Ok(Permit { breaker: self, trial: false, settled: false });
        };
        if state.in_trial || now < until {
            return Err(state.since.unwrap_or(now));
        }
        state.in_trial = true;
        Ok(Permit { breaker: self, trial: true, settled: false })
    }

    /// Since when calls have failed; `None` if the last one did not.
    pub(super) fn failing_since(&self) -> Option<Timestamp> {
        self.lock().since
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.lock().open_until.is_some()
    }

    /// Counters are never half-written, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The register answered, whatever it said.
    pub(super) fn answered(mut self) -> Turn {
        self.settled = true;
        let mut state = self.breaker.lock();
        // Who was let in before it opened does not close it.
        if state.open_until.is_some() && !self.trial {
            return Turn::None;
        }
        let was_open = state.open_until.is_some();
        *state = State::default();
        if was_open { Turn::Closed } else { Turn::None }
    }

    /// It did not.
    pub(super) fn failed(mut self, now: Timestamp) -> Turn {
        self.settled = true;
        let mut state = self.breaker.lock();
        state.failed = state.failed.saturating_add(1);
        state.since.get_or_insert(now);
        let was_open = state.open_until.is_some();
        if self.trial {
            state.in_trial = false;
        }
        if self.trial || (!was_open && state.failed >= self.breaker.failures) {
            state.open_until = Some(now.plus(self.breaker.rest));
        }
        if was_open || state.open_until.is_none() { Turn::None } else { Turn::Opened }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.trial && !self.settled {
            self.breaker.lock().in_trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds)
    }

    fn fail(breaker: &Breaker, now: i64) -> Turn {
        breaker.permit(at(now)).unwrap().failed(at(now))
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_answer_between_does_not() {
        let breaker = Breaker::new(3, 15);
        assert_eq!((fail(&breaker, 1), fail(&breaker, 2)), (Turn::None, Turn::None));
        assert_eq!(breaker.failing_since(), Some(at(1)));
        assert_eq!(breaker.permit(at(3)).unwrap().answered(), Turn::None);
        assert_eq!(breaker.failing_since(), None);
        assert_eq!(
            (fail(&breaker, 4), fail(&breaker, 5), fail(&breaker, 6)),
            (Turn::None, Turn::None, Turn::Opened)
        );
        assert!(breaker.is_open());
        assert_eq!(breaker.permit(at(7)).unwrap_err(), at(4), "since the first of them");
    }

    #[test]
    fn after_the_rest_one_at_a_time_finds_out_whether_it_is_back() {
        let breaker = Breaker::new(1, 15);
        assert_eq!(fail(&breaker, 100), Turn::Opened);
        assert!(breaker.permit(at(114)).is_err());
        let trial = breaker.permit(at(115)).unwrap();
        assert!(breaker.permit(at(115)).is_err(), "a second trial at once");
        assert_eq!(trial.failed(at(120)), Turn::None);
        assert!(breaker.permit(at(134)).is_err(), "left alone again, from the end of the trial");
        assert_eq!(breaker.permit(at(135)).unwrap().answered(), Turn::Closed);
        assert!(!breaker.is_open() && breaker.permit(at(135)).is_ok());
    }

    #[test]
    fn an_interrupted_trial_lets_the_next_one_try() {
        let breaker = Breaker::new(1, 15);
        fail(&breaker, 0);
        drop(breaker.permit(at(15)).unwrap());
        assert!(breaker.permit(at(15)).is_ok());
    }

    #[test]
    fn a_late_answer_of_before_does_not_close_it() {
        let breaker = Breaker::new(1, 15);
        let early = breaker.permit(at(0)).unwrap();
        fail(&breaker, 1);
        assert_eq!(early.answered(), Turn::None);
        assert!(breaker.is_open());
    }
}
