//! Third-party signatures, verified with published keys (RFC 7515, RFC 7517): client assertions, request
//! objects, proofs of possession. The caller's [`Policy`] decides what is accepted; the caller checks expiry, audience
//! and replay.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{KeyManagement, RecipientKey, provider};
use crate::platform::bytes::Digest;

mod embedded;
mod registered;
mod shared;

pub use embedded::{Embedded, verify_embedded};
pub use shared::{numeric_date, unverified, verify_shared};

/// Signature algorithms that can be allowed (RFC 7518 §3.1, RFC 8037). `none` and HMAC are not among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ForeignAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

/// Which tokens are accepted.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The allowed algorithms.
    pub algs: &'a [ForeignAlg],
    /// The required header `typ`, without `application/`; `None` accepts any or none.
    pub typ: Option<&'a str>,
    /// Maximum length of a token, in bytes.
    pub max_bytes: usize,
}

/// A token that one of the keys signed.
#[derive(Debug)]
pub struct Verified {
    /// The algorithm that was used.
    pub alg: ForeignAlg,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// Why a token is rejected.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// It is longer than the policy allows.
    #[error("the token is too long")]
    TooLong,
    /// It is not a compact JWS of a JSON object, or its algorithm is unknown.
    #[error("the token is malformed: {0}")]
    Malformed(#[source] Error),
    /// It is not a compact JWS of a JSON object.
    #[error("the token is no compact JWS")]
    NoJws,
    /// It is a compact JWE (RFC 7516 §7.1), and nothing is published here to encrypt for.
    #[error("the token is encrypted")]
    Encrypted,
    /// It should bring its key along, and brings none of use.
    #[error("the token's header has no public key in jwk")]
    NoEmbeddedKey,
    /// It brings a private or symmetric key along.
    #[error("the token's header has a private key in jwk")]
    PrivateKey,
    /// The policy does not allow its algorithm.
    #[error("the token's alg is not allowed")]
    AlgorithmNotAllowed,
    /// Its `typ` is not the required one.
    #[error("the token's typ is not the expected one")]
    UnexpectedType,
    /// It has critical extensions, none of which is supported (RFC 7515 §4.1.11).
    #[error("the token's header has crit")]
    Critical,
    /// No key has its `kid`: the keys may be stale.
    #[error("the token's kid matches no key")]
    UnknownKey,
    /// It has no `kid`, and its algorithm has no key or several.
    #[error("the token has no kid, and its key is not the only one of its algorithm")]
    AmbiguousKey,
    /// The key of its `kid` is for encryption, another algorithm or another key type.
    #[error("the key that the token names is not for signatures of its alg")]
    WrongUse,
    /// The signature does not verify.
    #[error("the token's signature is invalid")]
    WrongSignature,
}

impl ForeignError {
    /// What a developer can act on, in ASCII (`error_description` of RFC 6749 §5.2).
    pub const fn description(&self) -> &'static str {
        match self {
            Self::TooLong => "the JWT is too long",
            Self::Malformed(_) => "the JWT is no compact JWS of a JSON object with a known alg",
            Self::NoJws => "the JWT is no compact JWS of a JSON object",
            Self::Encrypted => {
                "the JWT is encrypted (JWE): send it signed and not encrypted, as no key is published to encrypt for"
            }
            Self::NoEmbeddedKey => "the JWT has no public key in jwk",
            Self::PrivateKey => "the JWT has a private key in jwk",
            Self::AlgorithmNotAllowed => "the alg of the JWT is not allowed for this client",
            Self::UnexpectedType => "the typ of the JWT is not the expected one",
            Self::Critical => "the JWT has crit, and no critical extension is supported",
            Self::UnknownKey => "no key of the client has the kid of the JWT",
            Self::AmbiguousKey => "the JWT has no kid, and its alg has no key or several",
            Self::WrongUse => "the key that the kid of the JWT names is not for signatures of its alg",
            Self::WrongSignature => "the signature of the JWT is invalid",
        }
    }
}

/// The public keys of a third party.
#[derive(Debug)]
pub struct ForeignKeys(Vec<ForeignKey>);

#[derive(Debug)]
struct ForeignKey {
    kid: Option<String>,
    /// Its algorithms; empty for keys of other types, for encryption, and those that are too short.
    algs: Vec<ForeignAlg>,
    key: DecodingKey,
    /// Itself, if it is for encryption.
    recipient: Option<RecipientKey>,
    /// RFC 7638.
    thumbprint: Option<Digest>,
    /// The certificate that it is meant with.
    certificate: Named,
}

/// The first certificate of a key's `x5c`.
#[derive(Debug)]
enum Named {
    /// There is no `x5c`: any certificate of the key.
    Any,
    /// The one with this SHA-256.
    Only(Digest),
    /// There is an `x5c` that cannot be read: none.
    Unreadable,
}

impl ForeignAlg {
    /// All of them.
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

    fn of(algorithm: Algorithm) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.algorithm() == algorithm)
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

/// The most keys of a set that are looked at.
const MOST_KEYS: usize = 32;

impl ForeignError {
    /// Whether newer keys of the third party may say otherwise.
    pub const fn may_be_stale(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::AmbiguousKey | Self::WrongUse | Self::WrongSignature)
    }
}

impl ForeignKeys {
    /// Parses a JWK set. Keys that cannot be parsed are ignored (RFC 7517 §5), and so are those after the 32nd, and all but the
    /// first of one `kid` and algorithm: what one token may cost is bounded.
    ///
    /// # Errors
    /// If it is not a JSON object with a list of keys.
    pub fn parse(set: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let Set { keys } = serde_json::from_slice(set)?;
        let mut read: Vec<ForeignKey> = Vec::new();
        for key in keys.into_iter().take(MOST_KEYS) {
            let recipient = RecipientKey::read(&key);
            let key = serde_json::from_value(key).ok().and_then(|key| ForeignKey::read(&key));
            let key = key.map(|key| ForeignKey { recipient, ..key });
            let kind = |key: &ForeignKey| key.recipient.as_ref().map(RecipientKey::alg);
            let same = |key: &ForeignKey, known: &ForeignKey| {
                known.kid.is_some()
                    && known.kid == key.kid
                    && known.algs == key.algs
                    && kind(known) == kind(key)
            };
            if let Some(key) = key.filter(|key| !read.iter().any(|known| same(key, known))) {
                read.push(key);
            }
        }
        Ok(Self(read))
    }

    /// Whether a certificate with this SHA-256 is one of theirs: by its `x5c`, or where a key has none by the key, whose
    /// thumbprint is `key` (RFC 8705 §2.2.2). Keys that are for something else than signatures, or too short, prove nothing.
    pub fn have_certificate(&self, certificate: Digest, key: Option<Digest>) -> bool {
        self.0.iter().filter(|own| !own.algs.is_empty()).any(|own| match own.certificate {
            Named::Only(registered) => registered == certificate,
            Named::Any => key.is_some() && own.thumbprint == key,
            Named::Unreadable => false,
        })
    }

    /// The first key that is for encryption by `alg`.
    pub fn recipient(&self, alg: KeyManagement) -> Option<RecipientKey> {
        self.0.iter().filter_map(|key| key.recipient.as_ref()).find(|key| key.alg() == alg).cloned()
    }

    /// RFC 7638, of each key that has one.
    pub fn thumbprints(&self) -> impl Iterator<Item = Option<Digest>> {
        self.0.iter().map(|key| key.thumbprint)
    }

    /// The names of the keys; of one without a name `-`.
    pub fn kids(&self) -> Vec<&str> {
        self.0.iter().map(|key| key.kid.as_deref().unwrap_or("-")).collect()
    }

    /// Whether one of the keys can make signatures by one of `algs`.
    pub fn serve(&self, algs: &[ForeignAlg]) -> bool {
        self.0.iter().any(|key| key.algs.iter().any(|alg| algs.contains(alg)))
    }

    /// Reads the claims of a compact JWS that one of these keys signed.
    ///
    /// # Errors
    /// [`ForeignError`] if the policy does not allow it.
    pub fn verify(&self, token: &str, policy: &Policy<'_>) -> Result<Verified, ForeignError> {
        if token.len() > policy.max_bytes {
            return Err(ForeignError::TooLong);
        }
        if is_encrypted(token) {
            return Err(ForeignError::Encrypted);
        }
        provider::install();
        let header = decode_header(token).map_err(ForeignError::Malformed)?;
        let alg = ForeignAlg::of(header.alg).filter(|alg| policy.algs.contains(alg));
        let alg = alg.ok_or(ForeignError::AlgorithmNotAllowed)?;
        if policy.typ.is_some_and(|typ| !header.typ.as_deref().is_some_and(|given| is_type(given, typ))) {
            return Err(ForeignError::UnexpectedType);
        }
        if header.crit.is_some() {
            return Err(ForeignError::Critical);
        }
        Self::decode(token, alg, &self.candidates(header.kid.as_deref(), alg)?)
    }

    /// The claims of a token that one of `keys` signed by `alg`.
    fn decode(token: &str, alg: ForeignAlg, keys: &[&ForeignKey]) -> Result<Verified, ForeignError> {
        let mut validation = Validation::new(alg.algorithm());
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_aud) = (false, false);
        for key in keys {
            match decode(token, &key.key, &validation) {
                Ok(token) => return Ok(Verified { alg, claims: token.claims }),
                Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
                Err(error) => return Err(ForeignError::Malformed(error)),
            }
        }
        Err(ForeignError::WrongSignature)
    }

    fn candidates(&self, kid: Option<&str>, alg: ForeignAlg) -> Result<Vec<&ForeignKey>, ForeignError> {
        let serving = |key: &&ForeignKey| key.algs.contains(&alg);
        let Some(kid) = kid else {
            let found: Vec<_> = self.0.iter().filter(serving).collect();
            return if found.len() == 1 { Ok(found) } else { Err(ForeignError::AmbiguousKey) };
        };
        let named: Vec<_> = self.0.iter().filter(|key| key.kid.as_deref() == Some(kid)).collect();
        if named.is_empty() {
            return Err(ForeignError::UnknownKey);
        }
        let found: Vec<_> = named.into_iter().filter(serving).collect();
        if found.is_empty() { Err(ForeignError::WrongUse) } else { Ok(found) }
    }
}

impl ForeignKey {
    /// `None` if it is not a public key.
    fn read(jwk: &Jwk) -> Option<Self> {
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let operations = jwk.common.key_operations.as_deref();
        let verifies = operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let algs = serving(jwk, &key);
        let own = |alg: &ForeignAlg| {
            jwk.common.key_algorithm.is_none_or(|only| only == KeyAlgorithm::from(alg.algorithm()))
        };
        let algs = algs.iter().copied().filter(|alg| for_signatures && verifies && own(alg)).collect();
        let certificate = match &jwk.common.x509_chain {
            None => Named::Any,
            Some(chain) => {
                let first = chain.first().and_then(|first| STANDARD.decode(first).ok());
                first.map_or(Named::Unreadable, |der| Named::Only(Digest::of(&der)))
            }
        };
        let thumbprint = embedded::thumbprint(jwk);
        Some(Self { kid: jwk.common.key_id.clone(), algs, key, recipient: None, thumbprint, certificate })
    }
}

/// The algorithms that a key can serve by its type and size.
fn serving(jwk: &Jwk, key: &DecodingKey) -> &'static [ForeignAlg] {
    let (bytes, bits) = match key.kind() {
        DecodingKeyKind::SecretOrDer(point) => (point.len(), 0),
        // A short modulus is no longer for zeros in front of it.
        DecodingKeyKind::RsaModulusExponent { n, .. } => {
            let zeros = n.iter().take_while(|byte| **byte == 0).count();
            let first = n.get(zeros).map_or(8, |byte| byte.leading_zeros() as usize);
            (n.len(), (n.len() - zeros) * 8 - first.min((n.len() - zeros) * 8))
        }
    };
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) if (2048..=8192).contains(&bits) => {
            &[ForeignAlg::RS256, ForeignAlg::PS256]
        }
        AlgorithmParameters::EllipticCurve(key) if bytes == 65 && key.curve == EllipticCurve::P256 => {
            &[ForeignAlg::ES256]
        }
        AlgorithmParameters::OctetKeyPair(key) if bytes == 32 && key.curve == EllipticCurve::Ed25519 => {
            &[ForeignAlg::EdDSA]
        }
        _ => &[],
    }
}

/// Whether a token is a compact JWE: it has five parts where a JWS has three (RFC 7516 §9).
fn is_encrypted(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 4
}

/// RFC 7515 §4.1.9: media types, in any case, with or without `application/`.
fn is_type(given: &str, wanted: &str) -> bool {
    let bare = match given.split_at_checked("application/".len()) {
        Some((prefix, bare)) if prefix.eq_ignore_ascii_case("application/") => bare,
        _ => given,
    };
    bare.eq_ignore_ascii_case(wanted)
}

#[cfg(test)]
mod tests;
