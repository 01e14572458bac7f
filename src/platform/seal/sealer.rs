//! Authenticated encryption and keyed digests, each bound to one purpose.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::platform::bytes::{self, Digest};

const NONCE: usize = 12;

/// Seals and opens values of one purpose: AES-256-GCM-SIV, which tolerates nonce reuse, with the
/// key's version and a random nonce as prefix.
pub struct Sealer {
    current: u8,
    keys: Vec<(u8, RandomizedNonceKey)>,
}

/// A sealed value cannot be decrypted: altered, moved to another place, or sealed with a key that is missing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with this keyring")]
pub struct OpenError;

impl Sealer {
    pub(super) fn new(current: u8, masters: &[(u8, Zeroizing<[u8; 32]>)], purpose: &'static str) -> Self {
        let keys = masters
            .iter()
            .map(|(version, master)| {
                let key = derive(&master[..], &["seal", purpose]);
                let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, &key[..])
                    .expect("32 bytes are a key of AES-256");
                (*version, key)
            })
            .collect();
        Self { current, keys }
    }

    /// Seals `plain`, bound to `place`: it opens only with the same `place`.
    ///
    /// # Panics
    /// Never for values below 2^36 bytes.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let (version, key) =
            self.keys.iter().find(|(v, _)| *v == self.current).expect("checked when the keyring was read");
        let mut body = Vec::with_capacity(plain.len() + 16);
        body.extend_from_slice(plain);
        let nonce = key
            .seal_in_place_append_tag(Aad::from(place), &mut body)
            .expect("values are far below the cipher's limit");
        let mut out = Vec::with_capacity(1 + NONCE + body.len());
        out.push(*version);
        out.extend_from_slice(nonce.as_ref());
        out.extend_from_slice(&body);
        out
    }

    /// Opens what [`Sealer::seal`] made for the same `place`.
    ///
    /// # Errors
    /// [`OpenError`] if it was not sealed by this keyring for this purpose and place.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (version, rest) = sealed.split_first().ok_or(OpenError)?;
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or(OpenError)?;
        let (_, key) = self.keys.iter().find(|(v, _)| v == version).ok_or(OpenError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError)?;
        let mut body = body.to_vec();
        let length = key.open_in_place(nonce, Aad::from(place), &mut body).map_err(|_| OpenError)?.len();
        body.truncate(length);
        Ok(body)
    }

    /// Seals into base64url, for a TEXT column or a token.
    pub fn seal_text(&self, place: &[u8], plain: &[u8]) -> String {
        bytes::encode(&self.seal(place, plain))
    }

    /// Opens what [`Sealer::seal_text`] made.
    ///
    /// # Errors
    /// As [`Sealer::open`].
    pub fn open_text(&self, place: &[u8], sealed: &str) -> Result<Vec<u8>, OpenError> {
        self.open(place, &bytes::decode(sealed).ok_or(OpenError)?)
    }
}

/// Seals one value with its own key, which is stored in short-lived state: once that key has expired the value cannot
/// be decrypted, even with the keyring.
pub struct OneTimeSeal(Zeroizing<[u8; 32]>);

impl OneTimeSeal {
    /// A new key.
    pub fn random() -> Self {
        Self(Zeroizing::new(bytes::random::<32>()))
    }

    /// The key that [`OneTimeSeal::key`] gave.
    pub fn from_key(key: &str) -> Option<Self> {
        bytes::decode(key)?.try_into().ok().map(|key| Self(Zeroizing::new(key)))
    }

    /// The key, to be stored.
    pub fn key(&self) -> String {
        bytes::encode(&self.0[..])
    }

    /// Seals `plain`, bound to `place`.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> String {
        self.sealer().seal_text(place, plain)
    }

    /// Opens what [`OneTimeSeal::seal`] made with the same key.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, place: &[u8], sealed: &str) -> Result<Vec<u8>, OpenError> {
        self.sealer().open_text(place, sealed)
    }

    fn sealer(&self) -> Sealer {
        Sealer::new(1, &[(1, self.0.clone())], "one-time")
    }
}

/// A keyed digest (HMAC-SHA-256) of one purpose: blind indexes, one-time codes, authentic identifiers.
pub struct Mac(hmac::Key);

impl Mac {
    pub(super) fn new(master: &Zeroizing<[u8; 32]>, purpose: &'static str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &derive(&master[..], &["mac", purpose])[..]))
    }

    /// The digest of `parts`. Parts are length-prefixed, so that different lists have different digests.
    pub fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        Digest(out)
    }
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

fn derive(master: &[u8], info: &[&str]) -> Zeroizing<[u8; 32]> {
    let info: Vec<&[u8]> = info.iter().flat_map(|part| [part.as_bytes(), b"\0"]).collect();
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"yagona")
        .extract(master)
        .expand(&info, Length)
        .and_then(|okm| okm.fill(&mut key[..]))
        .expect("32 bytes are within the limit of HKDF-SHA-256");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(fill: u8) -> Zeroizing<[u8; 32]> {
        Zeroizing::new([fill; 32])
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_own_place_and_for_its_own_purpose() {
        let keys = [(1, master(7))];
        let person = Sealer::new(1, &keys, "person");
        let sealed = person.seal(b"persons/record/1", b"data");
        assert_eq!(person.open(b"persons/record/1", &sealed).unwrap(), b"data");
        assert_eq!(person.open(b"persons/record/2", &sealed), Err(OpenError));
        assert_eq!(Sealer::new(1, &keys, "other").open(b"persons/record/1", &sealed), Err(OpenError));
    }

    #[test]
    fn every_altered_byte_and_every_cut_is_refused() {
        let sealer = Sealer::new(1, &[(1, master(7))], "person");
        let sealed = sealer.seal(b"p", b"data");
        for position in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[position] ^= 1;
            assert_eq!(sealer.open(b"p", &altered), Err(OpenError), "byte {position}");
            assert_eq!(sealer.open(b"p", &sealed[..position]), Err(OpenError), "cut at {position}");
        }
    }

    #[test]
    fn an_older_key_still_opens_after_a_newer_one_took_over() {
        let old = Sealer::new(1, &[(1, master(1))], "person").seal(b"p", b"data");
        let both = Sealer::new(2, &[(1, master(1)), (2, master(2))], "person");
        assert_eq!(both.open(b"p", &old).unwrap(), b"data");
        assert_eq!(both.seal(b"p", b"data")[0], 2);
    }

    #[test]
    fn keyed_digests_tell_apart_how_the_parts_are_cut() {
        let mac = Mac::new(&master(3), "code");
        assert_ne!(mac.digest(&[b"ab", b"c"]), mac.digest(&[b"a", b"bc"]));
        assert_ne!(mac.digest(&[b"a"]), Mac::new(&master(3), "other").digest(&[b"a"]));
    }
}
