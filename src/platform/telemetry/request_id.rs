use std::fmt;

/// Fills a buffer with random bytes; in production, the operating system's generator.
pub type Entropy = fn(&mut [u8]);

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A request id for headers and logs: 96 random bits in base32, or the id set by a trusted proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// A new id from 12 random bytes.
    pub fn new(random: [u8; 12]) -> Self {
        let bits = random.iter().fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
        // 20 letters of 5 bits are 100 bits; the first letter has the remaining bit.
        let letter = |place: u32| char::from(ALPHABET[((bits >> (5 * place)) & 31) as usize]);
        Self((0..20).rev().map(letter).collect())
    }

    /// An id of a proxy, if well-formed: 8 to 64 letters, digits, `-`, `_` and `.`, which excludes log injection.
    pub fn given(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        ((8..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The id, as in the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pool of random bytes, since a call for twelve costs nearly as much as one for hundreds.
pub(super) struct Pool {
    entropy: Entropy,
    bytes: [u8; 12 * 64],
    used: usize,
}

impl Pool {
    pub(super) fn new(entropy: Entropy) -> Self {
        Self { entropy, bytes: [0; 12 * 64], used: 12 * 64 }
    }

    pub(super) fn take(&mut self) -> RequestId {
        if self.used == self.bytes.len() {
            (self.entropy)(&mut self.bytes);
            self.used = 0;
        }
        let mut random = [0; 12];
        random.copy_from_slice(&self.bytes[self.used..self.used + 12]);
        self.used += 12;
        RequestId::new(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU8, Ordering};

    #[test]
    fn every_bit_of_the_random_bytes_shows() {
        assert_eq!(RequestId::new([0; 12]).as_str(), "aaaaaaaaaaaaaaaaaaaa");
        assert_eq!(RequestId::new([255; 12]).as_str(), "b7777777777777777777");
        let mut seen = BTreeSet::new();
        for bit in 0..96 {
            let mut random = [0; 12];
            random[bit / 8] = 1 << (bit % 8);
            assert!(seen.insert(RequestId::new(random).to_string()));
        }
    }

    #[test]
    fn the_pool_never_gives_the_same_bytes_twice() {
        static CALL: AtomicU8 = AtomicU8::new(0);
        let mut pool = Pool::new(|bytes| {
            let call = CALL.fetch_add(1, Ordering::Relaxed);
            bytes.iter_mut().enumerate().for_each(|(i, byte)| *byte = (i / 12) as u8 ^ (call << 6));
        });
        let ids: BTreeSet<_> = (0..200).map(|_| pool.take().to_string()).collect();
        assert_eq!(ids.len(), 200);
    }

    #[test]
    fn a_given_id_must_be_harmless() {
        assert_eq!(RequestId::given("edge-7f.01_A").unwrap().as_str(), "edge-7f.01_A");
        for text in ["short", "with space in it", "line\nbreak-in-it", "<script>alert", &"x".repeat(65)] {
            assert_eq!(RequestId::given(text), None, "{text}");
        }
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_given_id_is_kept_as_it_is_or_not_at_all(text in "[a-zA-Z0-9_.-]{0,80}|\\PC*") {
            let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let fits = (8..=64).contains(&text.len()) && text.chars().all(harmless);
            let given = RequestId::given(&text);
            prop_assert_eq!(given.as_ref().map(RequestId::as_str), fits.then_some(text.as_str()));
        }

        #[test]
        fn an_id_of_ours_may_be_given_on(random in any::<[u8; 12]>()) {
            let own = RequestId::new(random);
            prop_assert_eq!(RequestId::given(own.as_str()), Some(own));
        }
    }
}
