//! One signing key: made, parsed once, kept, signing compact JWS by hand.
//!
//! The private key is parsed when it is loaded: parsing it for every signature costs more than the signature.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::platform::bytes;

/// Signature algorithms (RFC 7518 §3.1, RFC 8037). `none` and HMAC are not among them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, PartialOrd, Ord)]
pub enum Alg {
    /// RSASSA-PKCS1-v1_5 with SHA-256; every OpenID client knows it.
    RS256,
    /// ECDSA with P-256 and SHA-256; what new clients get.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl Alg {
    /// All, in the order they are published.
    pub const ALL: [Self; 3] = [Self::RS256, Self::ES256, Self::EdDSA];

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A private key with its public half.
pub struct SigningKey {
    kid: String,
    alg: Alg,
    pair: Pair,
    jwk: Value,
    /// base64url of `{"alg":…,"typ":…,"kid":…}` for the types of token that are signed often.
    headers: Vec<(&'static str, String)>,
}

/// A signature, or the token around it, is not one of ours.
#[derive(Debug, PartialEq, Eq)]
pub struct VerifyError(pub &'static str);

/// The `typ` headers in use: ID tokens, access tokens (RFC 9068), logout tokens (Back-Channel Logout 1.0).
const TYPES: [&str; 3] = ["JWT", "at+jwt", "logout+jwt"];

impl SigningKey {
    /// Makes a new private key, as PKCS#8.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub fn generate(alg: Alg, rsa_bits: u32) -> Zeroizing<Vec<u8>> {
        let der: Result<Vec<u8>, aws_lc_rs::error::Unspecified> = match alg {
            Alg::RS256 => {
                let size = match rsa_bits {
                    0..=2048 => KeySize::Rsa2048,
                    2049..=3072 => KeySize::Rsa3072,
                    _ => KeySize::Rsa4096,
                };
                RsaKeyPair::generate(size)
                    .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map(|der| der.as_ref().to_vec()))
            }
            Alg::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .and_then(|pair| pair.to_pkcs8v1().map(|der| der.as_ref().to_vec())),
            Alg::EdDSA => {
                Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map(|der| der.as_ref().to_vec())
            }
        };
        Zeroizing::new(der.expect("the operating system's random generator failed"))
    }

    /// Parses a private key. `None` when it is not one of this algorithm.
    pub fn from_pkcs8(kid: &str, alg: Alg, pkcs8: &[u8]) -> Option<Self> {
        let (pair, mut jwk) = match alg {
            Alg::RS256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                let jwk = json!({"kty": "RSA", "n": bytes::encode(n), "e": bytes::encode(e)});
                (Pair::Rsa(pair), jwk)
            }
            Alg::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
                let point = pair.public_key().as_ref();
                let (x, y) = (bytes::encode(point.get(1..33)?), bytes::encode(point.get(33..65)?));
                (Pair::Ec(pair), json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}))
            }
            Alg::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
                let jwk =
                    json!({"kty": "OKP", "crv": "Ed25519", "x": bytes::encode(pair.public_key().as_ref())});
                (Pair::Ed(pair), jwk)
            }
        };
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        jwk["alg"] = alg.name().into();
        let headers = TYPES
            .iter()
            .map(|typ| {
                let header = json!({"alg": alg.name(), "typ": typ, "kid": kid});
                (*typ, bytes::encode(header.to_string().as_bytes()))
            })
            .collect();
        Some(Self { kid: kid.to_owned(), alg, pair, jwk, headers })
    }

    /// The key's identifier.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it signs with.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// The public half (RFC 7517).
    pub fn public_jwk(&self) -> &Value {
        &self.jwk
    }

    /// Signs `claims` as a compact JWS with the header type `typ`.
    ///
    /// # Panics
    /// Never with a key that was parsed; signing fails only when the machine has no randomness.
    pub fn sign<T: Serialize>(&self, typ: &'static str, claims: &T) -> String {
        let header = self.headers.iter().find(|(name, _)| *name == typ).map_or("", |(_, header)| header);
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        let mut token = String::with_capacity(header.len() + payload.len() * 4 / 3 + 360);
        token.push_str(header);
        token.push('.');
        token.push_str(&bytes::encode(&payload));
        let signature = self.sign_bytes(token.as_bytes());
        token.push('.');
        token.push_str(&bytes::encode(&signature));
        token
    }

    fn sign_bytes(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let signed = match &self.pair {
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut out).map(|()| out)
            }
            Pair::Ec(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Pair::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        };
        signed.expect("a parsed key signs")
    }

    /// Whether `signature` over `message` was made by this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                RsaPublicKeyComponents {
                    n: public.modulus().big_endian_without_leading_zero(),
                    e: public.exponent().big_endian_without_leading_zero(),
                }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok()
            }
            Pair::Ec(pair) => {
                unparsed(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref(), message, signature)
            }
            Pair::Ed(pair) => unparsed(&ED25519, pair.public_key().as_ref(), message, signature),
        }
    }
}

fn unparsed(
    algorithm: &'static dyn signature::VerificationAlgorithm,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, public).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_each_algorithm_verifies_and_an_altered_message_does_not() {
        for alg in Alg::ALL {
            let key = SigningKey::from_pkcs8("k", alg, &SigningKey::generate(alg, 2048)).unwrap();
            let token = key.sign("JWT", &json!({"sub": "s"}));
            let (message, signature) = token.rsplit_once('.').unwrap();
            let signature = bytes::decode(signature).unwrap();
            assert!(key.verifies(message.as_bytes(), &signature), "{alg:?}");
            assert!(!key.verifies(b"something else", &signature), "{alg:?}");
        }
    }

    #[test]
    fn a_public_key_says_nothing_private() {
        for alg in Alg::ALL {
            let key = SigningKey::from_pkcs8("k", alg, &SigningKey::generate(alg, 2048)).unwrap();
            for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(key.public_jwk().get(member).is_none(), "{alg:?} {member}");
            }
        }
    }
}
