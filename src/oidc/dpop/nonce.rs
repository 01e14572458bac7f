//! Nonces that the provider gives out (RFC 9449 §8, §9): a proof that contains one was made a moment ago, whatever the
//! client's clock says. Nothing is stored: a nonce is the number of a span of time and a keyed digest of it.

use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::seal::{Keyring, Mac};

/// Length of a span, in seconds. A nonce is accepted in its own span, the next and, by a node whose clock is behind, the one
/// before.
const SPAN: i64 = 150;

/// For how long a nonce is accepted at most, in seconds: so long a proof that contains one is remembered.
pub(super) const LONGEST: i64 = 3 * SPAN;

/// Makes and knows nonces.
pub(super) struct Nonces(Mac);

impl Nonces {
    /// With the key of their own purpose, which all nodes have.
    pub(super) fn new(keyring: &Keyring) -> Self {
        Self(keyring.mac("dpop-nonce"))
    }

    /// The nonce of this moment.
    pub(super) fn at(&self, now: Timestamp) -> String {
        self.of(now.0.div_euclid(SPAN))
    }

    /// Whether a text is a nonce of this moment or was one a moment ago.
    pub(super) fn is_valid(&self, nonce: &str, now: Timestamp) -> bool {
        let span = now.0.div_euclid(SPAN);
        // The next one, too: the clock of another node may be ahead.
        [span, span - 1, span + 1].iter().any(|span| bytes::same(self.of(*span).as_bytes(), nonce.as_bytes()))
    }

    fn of(&self, span: i64) -> String {
        let span = span.to_be_bytes();
        let digest = self.0.digest(&[&span]);
        bytes::encode(&[&span[4..], &digest.0[..20]].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_lives_for_its_span_and_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap();
        let nonces = Nonces::new(&keyring);
        let now = Timestamp(SPAN * 1000);
        let nonce = nonces.at(now);
        assert_eq!((nonce.len(), &nonce), (32, &nonces.at(now.plus(SPAN - 1))));
        assert_ne!(nonce, nonces.at(now.plus(SPAN)));
        for later in [0, SPAN, 2 * SPAN - 1] {
            assert!(nonces.is_valid(&nonce, now.plus(later)), "{later}");
        }
        assert!(!nonces.is_valid(&nonce, now.plus(2 * SPAN)));
        // Whenever a proof with it is first used, it is remembered until the nonce is no longer accepted.
        let accepted: Vec<i64> =
            (-2 * SPAN..3 * SPAN).filter(|at| nonces.is_valid(&nonce, now.plus(*at))).collect();
        let last = accepted.iter().max().unwrap();
        assert!(accepted.iter().all(|used| used + LONGEST > *last), "{accepted:?}");
        assert!(nonces.is_valid(&nonce, now.minus(1)) && !nonces.is_valid(&nonce, now.minus(SPAN + 1)));
        for odd in ["", "x", &nonce[..31], &nonce.to_uppercase()] {
            assert!(!nonces.is_valid(odd, now), "{odd}");
        }
    }
}
