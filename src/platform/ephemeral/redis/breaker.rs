//! The circuit breaker: after a failure of Redis, requests fail at once with 503 instead of each waiting for a
//! timeout, and one request at a time probes whether Redis is available again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Pause after a failed probe.
const PAUSE: Duration = Duration::from_millis(100);

/// The circuit breaker of one process, shared by its threads.
#[derive(Default)]
pub(super) struct Breaker {
    open: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// No probe before this time.
    paused_until: Option<Instant>,
    /// A request is probing.
    probing: bool,
}

/// Permission to send a command to Redis.
pub(super) struct Permit<'b> {
    breaker: &'b Breaker,
    is_probe: bool,
}

impl Breaker {
    /// Permission at `now`; `None` while the breaker is open and no probe is due.
    pub(super) fn permit(&self, now: Instant) -> Option<Permit<'_>> {
        if !self.open.load(Ordering::Acquire) {
            return Some(Permit { breaker: self, is_probe: false });
        }
        let mut state = self.lock();
        if state.probing || state.paused_until.is_some_and(|until| until > now) {
            return None;
        }
        state.probing = true;
        Some(Permit { breaker: self, is_probe: true })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Whether the breaker is open and this request is the probe.
    pub(super) const fn is_probe(&self) -> bool {
        self.is_probe
    }

    /// Redis responded: the breaker closes if this was the probe.
    pub(super) fn succeeded(&self) {
        if self.is_probe && self.breaker.open.swap(false, Ordering::AcqRel) {
            self.breaker.lock().paused_until = None;
            tracing::info!(event = "redis.available", "Redis is available again");
        }
    }

    /// Redis failed: the breaker opens. The first probe is due at once, since only one connection may have
    /// failed; a failed probe is followed by a pause.
    pub(super) fn failed(&self, now: Instant) {
        if self.is_probe {
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
        // A cancelled request leaves the probe to the next one.
        if self.is_probe {
            self.breaker.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_opens_it_and_one_probe_at_a_time_closes_it_again() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let (one, other) = (breaker.permit(now).unwrap(), breaker.permit(now).unwrap());
        one.failed(now);
        other.succeeded();
        let probe = breaker.permit(now).expect("the first probe is due at once");
        assert!(probe.is_probe() && breaker.permit(now).is_none(), "one at a time");
        probe.failed(now);
        drop(probe);
        assert!(breaker.permit(now).is_none(), "paused");
        let probe = breaker.permit(now + PAUSE).unwrap();
        probe.succeeded();
        drop(probe);
        assert!(!breaker.permit(now + PAUSE).unwrap().is_probe());
    }

    #[test]
    fn a_cancelled_probe_is_made_by_the_next_request() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.permit(now).unwrap().failed(now);
        drop(breaker.permit(now).unwrap());
        assert!(breaker.permit(now).is_some_and(|probe| probe.is_probe()));
    }
}
