//! Encryption for one recipient: JSON Web Encryption in its compact form (RFC 7516), by a key that the recipient published
//! (RFC 7518 §4). This provider encrypts for others and decrypts nothing, so there is nothing in here that reads ciphertexts.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::platform::bytes;

/// How the recipient's key leads to the key of the content (RFC 7518 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyManagement {
    /// A key agreement with P-256, whose result is the key of the content (RFC 7518 §4.6).
    EcdhEs,
    /// A random key, encrypted by RSAES-OAEP with SHA-256 (RFC 7518 §4.3).
    RsaOaep256,
}

/// The encryption of the content (RFC 7518 §5.3): the only one that is served.
pub const CONTENT: &str = "A256GCM";

/// What a nested token says of its content (RFC 7519 §5.2).
const NESTED: (&str, &str) = ("cty", "JWT");

/// Bytes of a key of the content.
const CONTENT_KEY: usize = 32;

impl KeyManagement {
    /// All, in the order they are published.
    pub const ALL: [Self; 2] = [Self::EcdhEs, Self::RsaOaep256];

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdhEs => "ECDH-ES",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }

    /// The algorithm of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }
}

/// A recipient's public key, parsed once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RecipientKey(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    kid: Option<String>,
    key: Public,
}

#[derive(Debug)]
enum Public {
    /// An uncompressed point of P-256.
    Elliptic(Vec<u8>),
    Rsa(OaepPublicEncryptingKey),
}

/// Something could not be encrypted.
#[derive(Debug, thiserror::Error)]
#[error("nothing can be encrypted by the recipient's key")]
pub struct EncryptionFailed;

impl From<Unspecified> for EncryptionFailed {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

impl RecipientKey {
    /// A public key that its owner means for encryption: `use` is `enc`, or `alg` names one of [`KeyManagement`]. `None` for all
    /// others, and for keys that no such algorithm takes.
    pub(super) fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let number = |name: &str| text(name).and_then(bytes::decode);
        let (alg, key) = match text("kty")? {
            "EC" if text("crv") == Some("P-256") => {
                let point = [vec![4], number("x")?, number("y")?].concat();
                // What is not on the curve is refused here.
                ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, &point)).ok()?;
                (KeyManagement::EcdhEs, Public::Elliptic(point))
            }
            "RSA" => {
                let key: PublicEncryptingKey =
                    PublicKeyComponents { n: number("n")?, e: number("e")? }.try_into().ok()?;
                if !(2048..=8192).contains(&key.key_size_bits()) {
                    return None;
                }
                (KeyManagement::RsaOaep256, Public::Rsa(OaepPublicEncryptingKey::new(key).ok()?))
            }
            _ => return None,
        };
        let named = jwk.get("alg").map(|named| named.as_str() == Some(alg.name()));
        let meant = jwk.get("use").map(|meant| meant.as_str() == Some("enc"));
        if named == Some(false) || meant == Some(false) || (named.is_none() && meant.is_none()) {
            return None;
        }
        let operations: &[&str] = match alg {
            KeyManagement::EcdhEs => &["deriveKey", "deriveBits"],
            KeyManagement::RsaOaep256 => &["wrapKey", "encrypt"],
        };
        let serves = |listed: &Value| {
            let mut listed = listed.as_array().into_iter().flatten().filter_map(Value::as_str);
            listed.any(|operation| operations.contains(&operation))
        };
        if jwk.get("key_ops").is_some_and(|listed| !serves(listed)) {
            return None;
        }
        Some(Self(Arc::new(Kept { kid: text("kid").map(str::to_owned), key })))
    }

    /// The algorithm that it is for.
    pub fn alg(&self) -> KeyManagement {
        match self.0.key {
            Public::Elliptic(_) => KeyManagement::EcdhEs,
            Public::Rsa(_) => KeyManagement::RsaOaep256,
        }
    }

    /// Encrypts a token that was signed before: a nested JWT (RFC 7519 §5.2).
    ///
    /// # Errors
    /// [`EncryptionFailed`] when the cryptography does.
    pub fn nest(&self, token: &str) -> Result<String, EncryptionFailed> {
        self.encrypt(&[NESTED], token.as_bytes())
    }

    /// As [`RecipientKey::nest`], with the issuer where the recipient reads it before it decrypts (RFC 7519 §5.3).
    ///
    /// # Errors
    /// [`EncryptionFailed`] when the cryptography does.
    pub fn nest_of(&self, token: &str, issuer: &str) -> Result<String, EncryptionFailed> {
        self.encrypt(&[NESTED, ("iss", issuer)], token.as_bytes())
    }

    /// Encrypts `content` as a compact JWE, with these members in its header besides what every recipient needs.
    ///
    /// # Errors
    /// [`EncryptionFailed`] when the cryptography does.
    pub fn encrypt(&self, members: &[(&str, &str)], content: &[u8]) -> Result<String, EncryptionFailed> {
        let mut header = json!({"alg": self.alg().name(), "enc": CONTENT});
        if let Some(kid) = &self.0.kid {
            header["kid"] = kid.as_str().into();
        }
        for (name, value) in members {
            header[*name] = (*value).into();
        }
        let (key, encrypted_key) = match &self.0.key {
            Public::Elliptic(point) => {
                let ephemeral = PrivateKey::generate(&ECDH_P256)?;
                let own = ephemeral.compute_public_key()?;
                let (x, y) = own.as_ref().get(1..).ok_or(EncryptionFailed)?.split_at(32);
                header["epk"] =
                    json!({"kty": "EC", "crv": "P-256", "x": bytes::encode(x), "y": bytes::encode(y)});
                (agreed(&ephemeral, point)?, Vec::new())
            }
            Public::Rsa(recipient) => {
                let key = Zeroizing::new(bytes::random::<CONTENT_KEY>());
                let mut encrypted = vec![0; recipient.ciphertext_size()];
                recipient.encrypt(&OAEP_SHA256_MGF1SHA256, &*key, &mut encrypted, None)?;
                (key, encrypted)
            }
        };
        seal(&header, &key, &encrypted_key, content)
    }
}

/// The key of the content that both sides can tell (RFC 7518 §4.6).
fn agreed(ephemeral: &PrivateKey, point: &[u8]) -> Result<Zeroizing<[u8; CONTENT_KEY]>, EncryptionFailed> {
    let recipient = UnparsedPublicKey::new(&ECDH_P256, point);
    agree(ephemeral, recipient, EncryptionFailed, |secret| {
        Ok(concat_kdf(secret, CONTENT, (b"", b""), CONTENT_KEY as u32 * 8))
    })
}

/// The key derivation of NIST SP 800-56A (RFC 7518 §4.6.2): one round of SHA-256, of which `bits` are taken.
fn concat_kdf(
    secret: &[u8],
    algorithm: &str,
    (apu, apv): (&[u8], &[u8]),
    bits: u32,
) -> Zeroizing<[u8; CONTENT_KEY]> {
    let mut hash = Context::new(&SHA256);
    hash.update(&1_u32.to_be_bytes());
    hash.update(secret);
    for data in [algorithm.as_bytes(), apu, apv] {
        hash.update(&(data.len() as u32).to_be_bytes());
        hash.update(data);
    }
    hash.update(&bits.to_be_bytes());
    let mut out = Zeroizing::new([0; CONTENT_KEY]);
    out.copy_from_slice(hash.finish().as_ref());
    out
}

/// The compact form (RFC 7516 §7.1): the encoded header is authenticated with the content.
fn seal(
    header: &Value,
    key: &[u8; CONTENT_KEY],
    encrypted_key: &[u8],
    content: &[u8],
) -> Result<String, EncryptionFailed> {
    let mut token = bytes::encode(header.to_string().as_bytes());
    token.reserve(encrypted_key.len() * 4 / 3 + content.len() * 4 / 3 + 64);
    let nonce: [u8; NONCE_LEN] = bytes::random();
    let mut sealed = content.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
    let aad = Aad::from(token.as_bytes());
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)?;
    for part in [encrypted_key, &nonce, &sealed, tag.as_ref()] {
        token.push('.');
        bytes::encode_into(part, &mut token);
    }
    Ok(token)
}

#[cfg(test)]
pub(crate) mod tests;
