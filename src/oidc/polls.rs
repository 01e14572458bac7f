//! How often clients ask whether a person has decided, counted in this node's memory: whoever asks before the interval is over is
//! answered from here.

use std::time::Duration;

use moka::sync::Cache;

use crate::platform::bytes::Digest;

/// Requests whose pace is known at once; what is more is let through to the store.
const MOST: u64 = 100_000;

/// For how long the pace of a request is known after its last poll, in seconds: longer than any waits.
const KNOWN: u64 = 600;

/// Seconds between two polls (RFC 8628 §3.2, CIBA Core §7.3).
pub(super) const INTERVAL: i64 = 5;

/// What each poll that comes too soon adds to the interval, in seconds (RFC 8628 §3.5).
const SLOWER: i64 = 5;

/// When a client asked last for a request, and how long it must wait.
#[derive(Clone, Copy)]
struct Pace {
    last_ms: i64,
    interval: i64,
}

/// The paces of requests, by the digests of their codes.
pub(super) struct Polls(Cache<Digest, Pace>);

impl Default for Polls {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_idle(Duration::from_secs(KNOWN)).build())
    }
}

impl Polls {
    /// Notes a poll; whether it may ask the store.
    pub(super) fn admit(&self, request: Digest, now_ms: i64) -> bool {
        let mut admitted = true;
        self.0.entry(request).and_upsert_with(|known| {
            let Some(known) = known.map(moka::Entry::into_value) else {
                return Pace { last_ms: now_ms, interval: INTERVAL };
            };
            admitted = now_ms - known.last_ms >= known.interval * 1000;
            let interval = if admitted { known.interval } else { known.interval + SLOWER };
            Pace { last_ms: now_ms, interval }
        });
        admitted
    }

    /// Forgets the pace of a request on which there is a decision: whoever asks for it again is told what became of it.
    pub(super) fn forget(&self, request: &Digest) {
        self.0.invalidate(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8628_3_5_whoever_asks_too_often_must_wait_longer() {
        let (polls, device) = (Polls::default(), Digest::of(b"device"));
        assert!(polls.admit(device, 0));
        assert!(!polls.admit(device, 4_999), "five seconds");
        assert!(!polls.admit(device, 14_998), "ten seconds since the last one");
        assert!(polls.admit(device, 29_998), "fifteen");
        assert!(polls.admit(Digest::of(b"another"), 29_999));
        polls.forget(&device);
        assert!(polls.admit(device, 30_000));
    }
}
