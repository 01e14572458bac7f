//! Random values, digests and their text form: the small change of everything single-use.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A SHA-256 digest. Digests may be stored, compared and used as keys; what they are made of may not.
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

    /// Whether both are the same, in time that does not depend on where they differ.
    pub fn matches(&self, other: &Digest) -> bool {
        bool::from(subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Six characters tell two digests apart in a log and are of no use to anybody else.
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

/// `N` bytes from the operating system's generator.
///
/// # Panics
/// When the operating system has no randomness to give: nothing secure can be done from there on.
pub fn random<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    rand::fill(&mut out).expect("the operating system's random generator failed");
    out
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

/// Reads base64url without padding; `None` for anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Whether two secrets are the same, in time that does not depend on where they differ.
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
    }
}
