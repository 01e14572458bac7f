//! Random values, digests and their text form. Randomness comes from the operating system and is not injected:
//! it makes secrets, which no test may predict.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rand::{Rng as _, RngExt as _};
use serde::{Deserialize, Serialize};

/// A SHA-256 digest. Unlike the secret behind it, a digest may be stored, compared and used as a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `value`.
    pub fn of(value: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, value).as_ref());
        Self(out)
    }

    /// base64url without padding, as stored in TEXT columns.
    pub fn encode(&self) -> String {
        encode(&self.0)
    }

    /// Constant-time equality.
    pub fn matches(&self, other: &Digest) -> bool {
        bool::from(subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Six characters distinguish digests in a log and reveal nothing.
        write!(f, "Digest({}…)", &self.encode()[..6])
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.encode()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        decode(&text)
            .and_then(|raw| raw.try_into().ok())
            .map(Digest)
            .ok_or("not a SHA-256 digest in base64url")
    }
}

/// The operating system's generator. It panics if that fails: nothing secure is possible without randomness.
fn system() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Twenty-six letters and six digits: 32 symbols, so that five random bits choose one without bias.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Fills `out` from the operating system's generator.
///
/// # Panics
/// If the operating system has no randomness.
pub fn fill(out: &mut [u8]) {
    system().fill_bytes(out);
}

/// `N` bytes from the operating system's generator.
///
/// # Panics
/// If the operating system has no randomness.
pub fn random<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// `N` random decimal digits, leading zeros included, uniformly distributed.
///
/// # Panics
/// If the operating system has no randomness.
pub fn random_digits<const N: u32>() -> String {
    const { assert!(N >= 1 && N <= 18) };
    let value = system().random_range(0..10_u64.pow(N));
    format!("{value:0width$}", width = N as usize)
}

/// `N` random lower-case letters and digits, five bits in each.
///
/// # Panics
/// If the operating system has no randomness.
pub fn random_alphanumeric<const N: usize>() -> String {
    // One system call for all letters, instead of one for each.
    alphanumeric(&random::<N>())
}

/// A letter or digit for each byte, of which five bits count.
pub fn alphanumeric(raw: &[u8]) -> String {
    raw.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// `N` letters and digits, as of [`random_alphanumeric`], that follow from a digest; at most 32.
pub fn alphanumeric_of<const N: usize>(digest: &Digest) -> String {
    const { assert!(N <= 32) };
    digest.0[..N].iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// A random value of `N` bytes in base64url: 43 characters for 32 bytes.
pub fn random_text<const N: usize>() -> String {
    encode(&random::<N>())
}

/// base64url without padding (RFC 4648 §5).
pub fn encode(raw: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(raw)
}

/// Appends base64url without padding to `out`.
pub fn encode_into(raw: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(raw, out);
}

/// Decodes base64url without padding; `None` for anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Constant-time equality of two secrets.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    bool::from(subtle::ConstantTimeEq::ct_eq(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_its_text_form_and_never_prints_itself_whole() {
        let digest = Digest::of(b"value");
        assert_eq!(Digest::try_from(digest.encode()).unwrap(), digest);
        assert!(!format!("{digest:?}").contains(&digest.encode()));
        assert!(Digest::try_from("short".to_owned()).is_err());
    }

    #[test]
    fn two_random_values_differ() {
        assert_ne!(random::<32>(), random::<32>());
        assert_ne!(random_alphanumeric::<20>(), random_alphanumeric::<20>());
    }

    /// Fails if the counts are not uniform: a false alarm has a probability of about 10^-12.
    fn assert_uniform(counts: &[u32]) {
        let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        let chi_squared: f64 =
            counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        let freedom = (counts.len() - 1) as f64;
        assert!(chi_squared < freedom + 12.0 * (2.0 * freedom).sqrt(), "{chi_squared}: {counts:?}");
    }

    #[test]
    fn digits_have_a_fixed_length_and_each_number_is_as_likely() {
        let mut counts = [0; 100];
        for _ in 0..20_000 {
            let digits = random_digits::<2>();
            assert!(digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit()), "{digits}");
            counts[digits.parse::<usize>().unwrap()] += 1;
        }
        assert_uniform(&counts);
        let mut places = [[0; 10]; 6];
        for _ in 0..5000 {
            for (place, digit) in random_digits::<6>().bytes().enumerate() {
                places[place][usize::from(digit - b'0')] += 1;
            }
        }
        places.iter().for_each(|counts| assert_uniform(counts));
        assert_eq!(random_digits::<18>().len(), 18);
    }

    #[test]
    fn letters_are_lower_case_and_each_is_as_likely() {
        let mut counts = [0; 32];
        for _ in 0..1000 {
            for letter in random_alphanumeric::<20>().bytes() {
                counts[ALPHABET.iter().position(|known| *known == letter).unwrap()] += 1;
            }
        }
        assert_uniform(&counts);
    }
}
