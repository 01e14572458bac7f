//! What a browser and an authenticator say in a ceremony (Web Authentication Level 3 §7.1, §7.2), held against what was asked.
//!
//! Signatures are verified by the same library as everything else of this program. The crates for this bring a second stack of
//! cryptography with them or a licence that binds what links them; what is left besides signatures is the reading of three short
//! structures. Attestation is not asked for: which models of authenticators staff get is decided where they are handed out.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use super::cbor::Value;
use crate::platform::bytes::{self, Digest};

/// The algorithms that are offered, by their COSE numbers, the most wanted first: ES256, EdDSA, RS256.
pub(super) const ALGORITHMS: [i64; 3] = [-7, -8, -257];

/// The longest identifier of a credential, in bytes (Level 3 §5.8.3).
const LONGEST_ID: usize = 1023;

/// Flags of the authenticator's data (§6.1): the person was there, and was verified by the authenticator.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
/// The credential may be copied to other devices of its holder, and it was.
const MAY_BE_COPIED: u8 = 0x08;
const COPIED: u8 = 0x10;
/// A credential, or extensions, follow.
const CREDENTIAL: u8 = 0x40;
const EXTENSIONS: u8 = 0x80;

/// Why what was sent is not taken: for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotTaken(pub &'static str);

/// Whom ceremonies are for.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// The host of this provider: what credentials are bound to.
    pub id: String,
    /// The origin that pages have.
    pub origin: String,
}

/// A credential's public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublicKey {
    /// A point of P-256, uncompressed.
    Es256(Vec<u8>),
    /// A point of Curve25519.
    Ed25519(Vec<u8>),
    /// Modulus and exponent.
    Rs256(Vec<u8>, Vec<u8>),
}

/// A credential that an authenticator made.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Its identifier.
    pub id: Vec<u8>,
    /// Its public key.
    pub key: PublicKey,
    /// What the authenticator says of it.
    pub seen: Use,
}

/// What an authenticator says of a credential whenever it makes or uses it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Use {
    /// What it counted; 0 where it counts nothing.
    pub counter: u32,
    /// Whether the credential may be copied to other devices of its holder (§6.1.3, BE). Where not, it is bound to one device.
    pub may_be_copied: bool,
    /// Whether it was (BS).
    pub copied: bool,
}

/// What the browser says (§5.8.1).
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<String>,
}

/// The challenge that a browser was given, from what it says; before anything of that is believed.
pub(super) fn challenge_of(client_data: &[u8]) -> Option<String> {
    serde_json::from_slice::<ClientData>(client_data).ok().map(|data| data.challenge)
}

impl RelyingParty {
    /// A new credential, from what `navigator.credentials.create` gave.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn created(
        &self,
        challenge: &str,
        client_data: &[u8],
        attestation: &[u8],
    ) -> Result<NewCredential, NotTaken> {
        self.check_client(client_data, "webauthn.create", challenge)?;
        let object = Value::whole(attestation).ok_or(NotTaken("the attestation object is not CBOR"))?;
        let data = object.member("authData").and_then(Value::bytes);
        let data = self.check_data(data.ok_or(NotTaken("it has no authenticator data"))?)?;
        let (id, key) = data.credential.ok_or(NotTaken("it has no credential"))?;
        Ok(NewCredential { id: id.to_vec(), key, seen: data.seen })
    }

    /// What the authenticator says of the credential, from what `navigator.credentials.get` gave.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn proved(
        &self,
        challenge: &str,
        key: &PublicKey,
        (client_data, authenticator_data, signature): (&[u8], &[u8], &[u8]),
    ) -> Result<Use, NotTaken> {
        self.check_client(client_data, "webauthn.get", challenge)?;
        let data = self.check_data(authenticator_data)?;
        let signed = [authenticator_data, &Digest::of(client_data).0[..]].concat();
        if key.verify(&signed, signature) {
            Ok(data.seen)
        } else {
            Err(NotTaken("the signature is not the passkey's"))
        }
    }

    fn check_client(&self, client_data: &[u8], kind: &str, challenge: &str) -> Result<(), NotTaken> {
        let data: ClientData =
            serde_json::from_slice(client_data).map_err(|_| NotTaken("the client data are not JSON"))?;
        if data.kind != kind {
            return Err(NotTaken("it is of another ceremony"));
        }
        if !bytes::same(data.challenge.as_bytes(), challenge.as_bytes()) {
            return Err(NotTaken("it answers another challenge"));
        }
        if data.origin != self.origin || data.cross_origin || data.top_origin.is_some() {
            return Err(NotTaken("it was made on another site's page"));
        }
        Ok(())
    }

    fn check_data<'a>(&self, data: &'a [u8]) -> Result<AuthenticatorData<'a>, NotTaken> {
        let data = AuthenticatorData::read(data).ok_or(NotTaken("the authenticator data are malformed"))?;
        if !bytes::same(data.party, &Digest::of(self.id.as_bytes()).0) {
            return Err(NotTaken("it is bound to another site"));
        }
        if data.flags & PRESENT == 0 || data.flags & VERIFIED == 0 {
            return Err(NotTaken("the authenticator did not verify who used it"));
        }
        Ok(data)
    }
}

/// What an authenticator says (§6.1).
struct AuthenticatorData<'a> {
    party: &'a [u8],
    flags: u8,
    seen: Use,
    credential: Option<(&'a [u8], PublicKey)>,
}

impl<'a> AuthenticatorData<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (party, rest) = data.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let mut credential = None;
        if flags & CREDENTIAL != 0 {
            let (_model, after) = rest.split_at_checked(16)?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (id, after) = after.split_at_checked(length)?;
            let (key, after) = Value::read(after)?;
            if length == 0 || length > LONGEST_ID {
                return None;
            }
            credential = Some((id, PublicKey::of_cose(&key)?));
            rest = after;
        }
        if flags & EXTENSIONS != 0 {
            rest = Value::read(rest)?.1;
        }
        let (may_be_copied, copied) = (flags & MAY_BE_COPIED != 0, flags & COPIED != 0);
        let seen = Use { counter: u32::from_be_bytes(*counter), may_be_copied, copied };
        // What was copied could be (§6.1.3).
        (rest.is_empty() && (may_be_copied || !copied)).then_some(Self {
            party,
            flags: *flags,
            seen,
            credential,
        })
    }
}

impl PublicKey {
    /// Of a COSE key (RFC 9053 §7).
    fn of_cose(key: &Value<'_>) -> Option<Self> {
        let bytes = |number| key.numbered(number)?.bytes();
        match (key.numbered(1)?, key.numbered(3)?) {
            (Value::Int(2), Value::Int(-7)) if key.numbered(-1) == Some(&Value::Int(1)) => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                (x.len() == 32 && y.len() == 32).then(|| Self::Es256([&[4], x, y].concat()))
            }
            (Value::Int(1), Value::Int(-8)) if key.numbered(-1) == Some(&Value::Int(6)) => {
                bytes(-2).filter(|x| x.len() == 32).map(|x| Self::Ed25519(x.to_vec()))
            }
            (Value::Int(3), Value::Int(-257)) => {
                let (n, e) = (bytes(-1)?, bytes(-2)?);
                ((256..=1024).contains(&n.len()) && e.len() <= 8).then(|| Self::Rs256(n.to_vec(), e.to_vec()))
            }
            _ => None,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Self::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok()
            }
            Self::Rs256(n, e) => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
        }
    }

    /// Its form in the store.
    pub fn write(&self) -> String {
        let text = bytes::encode;
        match self {
            Self::Es256(point) => format!("es256:{}", text(point)),
            Self::Ed25519(point) => format!("ed25519:{}", text(point)),
            Self::Rs256(n, e) => format!("rs256:{}.{}", text(n), text(e)),
        }
    }

    /// Of its form in the store.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once(':')?;
        match kind {
            "es256" => bytes::decode(value).map(Self::Es256),
            "ed25519" => bytes::decode(value).map(Self::Ed25519),
            "rs256" => {
                let (n, e) = value.split_once('.')?;
                Some(Self::Rs256(bytes::decode(n)?, bytes::decode(e)?))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
