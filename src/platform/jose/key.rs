//! A signing key, parsed once; `jsonwebtoken` makes and verifies its signatures.

use std::borrow::Cow;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use jsonwebtoken::crypto;
use jsonwebtoken::jwk::{CommonParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::provider::{KeptPair, Pair};
use crate::platform::bytes;

/// Signature algorithms (RFC 7518 §3.1, RFC 8037). `none` and HMAC are not among them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, PartialOrd, Ord)]
pub enum Alg {
    /// RSASSA-PKCS1-v1_5 with SHA-256; every OpenID client supports it.
    RS256,
    /// RSASSA-PSS with SHA-256. Its key is not that of RS256: a key is used with one algorithm (RFC 8725 §3.1).
    PS256,
    /// ECDSA with P-256 and SHA-256; the default of new clients.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl Alg {
    /// All, in the order they are published.
    pub const ALL: [Self; 4] = [Self::RS256, Self::PS256, Self::ES256, Self::EdDSA];

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// Whether there were versions without it: a node of such a version may run beside this one during an upgrade.
    pub(super) const fn came_later(self) -> bool {
        match self {
            Self::RS256 | Self::ES256 | Self::EdDSA => false,
            Self::PS256 => true,
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::PS256 => Algorithm::PS256,
            Self::ES256 => Algorithm::ES256,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }
}

/// A private key with its public half.
pub struct SigningKey {
    public: VerifyingKey,
    pair: KeptPair,
    jwk: Jwk,
    /// Encoded headers of the token types that are signed often.
    headers: [(&'static str, String); TYPES.len()],
}

/// The public half of a key of ours.
pub(super) struct VerifyingKey {
    kid: String,
    alg: Alg,
    key: DecodingKey,
    validation: Validation,
}

/// A stored private key is invalid.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not a private key of its algorithm.
    #[error("it is not a PKCS#8 private key of its algorithm")]
    Private(#[from] KeyRejected),
    /// Its public half cannot be published.
    #[error("its public half is malformed")]
    Public(#[from] jsonwebtoken::errors::Error),
}

/// The `typ` headers in use: ID tokens, access tokens (RFC 9068), logout tokens (Back-Channel Logout 1.0), introspection
/// (RFC 9701), and none.
const TYPES: [&str; 5] = ["JWT", "at+jwt", "logout+jwt", "token-introspection+jwt", UNTYPED];

/// For tokens without a `typ`, which nothing here verifies: signed authorization responses (JARM) and signed UserInfo, for which
/// none is registered and libraries expect none. So neither is taken for an ID token that comes back as a hint.
pub const UNTYPED: &str = "";

impl SigningKey {
    /// Generates a private key, as PKCS#8.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub fn generate(alg: Alg, rsa_bits: u32) -> Zeroizing<Vec<u8>> {
        let der: Result<Vec<u8>, Unspecified> = match alg {
            Alg::RS256 | Alg::PS256 => {
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

    /// Parses a private key.
    ///
    /// # Errors
    /// [`KeyError`] when it is not one of this algorithm.
    pub fn from_pkcs8(kid: &str, alg: Alg, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let (pair, public) = match alg {
            Alg::RS256 | Alg::PS256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8)?;
                let key = pair.public_key();
                let n = key.modulus().big_endian_without_leading_zero();
                let e = key.exponent().big_endian_without_leading_zero();
                let public = DecodingKey::from_rsa_raw_components(n, e);
                (if alg == Alg::PS256 { Pair::RsaPss(pair) } else { Pair::Rsa(pair) }, public)
            }
            Alg::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?;
                let public = DecodingKey::from_ec_der(pair.public_key().as_ref());
                (Pair::Ec(pair), public)
            }
            Alg::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8)?;
                let public = DecodingKey::from_ed_der(pair.public_key().as_ref());
                (Pair::Ed(pair), public)
            }
        };
        let pair = KeptPair::new(pair);
        let jwk = Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(alg.algorithm().into()),
                key_id: Some(kid.to_owned()),
                ..CommonParameters::default()
            },
            ..Jwk::from_decoding_key(&public, None)?
        };
        // The caller checks expiry and audience.
        let mut validation = Validation::new(alg.algorithm());
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let headers = TYPES.map(|typ| (typ, header(alg, typ, kid)));
        let public = VerifyingKey { kid: kid.to_owned(), alg, key: public, validation };
        Ok(Self { public, pair, jwk, headers })
    }

    /// The key's identifier.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The algorithm it signs with.
    pub fn alg(&self) -> Alg {
        self.public.alg
    }

    /// The half that verifies.
    pub(super) fn verifying(&self) -> &VerifyingKey {
        &self.public
    }

    /// The half that verifies; the other one is forgotten.
    pub(super) fn into_verifying(self) -> VerifyingKey {
        self.public
    }

    /// The public half (RFC 7517).
    pub fn public_jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs `claims` as a compact JWS with the header type `typ`.
    ///
    /// # Panics
    /// If the operating system has no randomness, or `claims` cannot be serialised.
    pub fn sign<T: Serialize>(&self, typ: &'static str, claims: &T) -> String {
        let payload = serde_json::to_vec(claims).expect("claims are JSON");
        let header = match self.headers.iter().find(|(name, _)| *name == typ) {
            Some((_, header)) => Cow::Borrowed(header.as_str()),
            None => Cow::Owned(header(self.alg(), typ, self.kid())),
        };
        let mut token = String::with_capacity(header.len() + payload.len() * 4 / 3 + 360);
        token.push_str(&header);
        token.push('.');
        bytes::encode_into(&payload, &mut token);
        let (key, algorithm) = (self.pair.encoding_key(), self.alg().algorithm());
        let signature = crypto::sign(token.as_bytes(), key, algorithm).expect("a parsed key signs");
        token.push('.');
        token.push_str(&signature);
        token
    }
}

impl VerifyingKey {
    /// The key's identifier.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The claims of a compact JWS that this key signed, with its algorithm in the header. The caller checks other
    /// header members, expiry and audience.
    ///
    /// # Errors
    /// When the token is malformed or not signed by this key.
    pub(super) fn claims(&self, token: &str) -> jsonwebtoken::errors::Result<Value> {
        jsonwebtoken::decode(token, &self.key, &self.validation).map(|token| token.claims)
    }

    /// Whether a token's header has this key's algorithm, the type `typ`, and no `crit`.
    pub(super) fn expects(&self, header: &Header, typ: &str) -> bool {
        header.alg == self.alg.algorithm() && header.typ.as_deref() == Some(typ) && header.crit.is_none()
    }
}

/// The encoded header, the same for every token of a key and a type: encoded once, since
/// `jsonwebtoken::encode` would encode it for each signature.
fn header(alg: Alg, typ: &str, kid: &str) -> String {
    let mut header = Header::new(alg.algorithm());
    header.typ = (typ != UNTYPED).then(|| typ.to_owned());
    header.kid = Some(kid.to_owned());
    bytes::encode(&serde_json::to_vec(&header).expect("a header is JSON"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(alg: Alg) -> SigningKey {
        SigningKey::from_pkcs8("k", alg, &SigningKey::generate(alg, 2048)).unwrap()
    }

    #[test]
    fn a_token_of_each_algorithm_says_what_was_signed_under_the_header_that_was_asked_for() {
        for alg in Alg::ALL {
            let (key, claims) = (key(alg), json!({"sub": "s", "list": [1, 2]}));
            for typ in ["JWT", "at+jwt", "logout+jwt", "seldom+jwt"] {
                let token = key.sign(typ, &claims);
                let header = bytes::decode(token.split('.').next().unwrap()).unwrap();
                let header: Value = serde_json::from_slice(&header).unwrap();
                assert_eq!(header, json!({"alg": alg.name(), "typ": typ, "kid": "k"}));
                assert_eq!(key.public.claims(&token).unwrap(), claims, "{alg:?}");
            }
        }
    }

    #[test]
    fn another_key_of_the_same_algorithm_verifies_nothing_of_this_one() {
        for alg in Alg::ALL {
            let token = key(alg).sign("JWT", &json!({"sub": "s"}));
            assert!(key(alg).public.claims(&token).is_err(), "{alg:?}");
        }
    }

    #[test]
    fn a_key_of_another_algorithm_does_not_parse() {
        for (alg, other) in [
            (Alg::RS256, Alg::ES256),
            (Alg::ES256, Alg::EdDSA),
            (Alg::EdDSA, Alg::PS256),
            (Alg::PS256, Alg::ES256),
        ] {
            assert!(SigningKey::from_pkcs8("k", alg, &SigningKey::generate(other, 2048)).is_err());
        }
        assert!(SigningKey::from_pkcs8("k", Alg::ES256, b"not a key").is_err());
    }

    #[test]
    fn a_published_key_is_complete_and_says_nothing_private() {
        for (alg, members) in [
            (Alg::RS256, ["alg", "e", "kid", "kty", "n", "use"].as_slice()),
            (Alg::PS256, &["alg", "e", "kid", "kty", "n", "use"]),
            (Alg::ES256, &["alg", "crv", "kid", "kty", "use", "x", "y"]),
            (Alg::EdDSA, &["alg", "crv", "kid", "kty", "use", "x"]),
        ] {
            let jwk = serde_json::to_value(key(alg).public_jwk()).unwrap();
            let mut names: Vec<&String> = jwk.as_object().unwrap().keys().collect();
            names.sort();
            assert_eq!(names, members, "{alg:?}");
            assert_eq!((&jwk["alg"], &jwk["use"]), (&json!(alg.name()), &json!("sig")));
        }
    }
}
