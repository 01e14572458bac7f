//! Verifying a provider's tokens by its published keys, apart from the provider's own code: `jsonwebtoken` with its own
//! cryptography, as a relying party would use it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde::Deserialize as _;
use serde_json::Value;

/// A decoded token.
#[derive(Debug)]
pub(crate) struct Jwt {
    pub header: Value,
    pub claims: Value,
}

/// Text in base64url.
pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a token without verification.
pub(crate) fn read(token: &str) -> Jwt {
    let mut parts = token.split('.').map(|part| {
        let raw = BASE64_URL_SAFE_NO_PAD.decode(part);
        raw.unwrap_or_else(|error| panic!("{part} is not base64url: {error}"))
    });
    let mut next = || serde_json::from_slice(&parts.next().expect("a part")).expect("JSON");
    Jwt { header: next(), claims: next() }
}

/// Decodes a token and verifies its signature with `keys` (a JWK set); it may have expired.
pub(crate) fn verify(token: &str, keys: &Value) -> Jwt {
    let header = decode_header(token).unwrap_or_else(|error| panic!("the header of {token}: {error}"));
    let kid = header.kid.as_deref().expect("a kid");
    let keys = JwkSet::deserialize(keys).expect("a JWK set");
    let key = keys.find(kid).unwrap_or_else(|| panic!("no key {kid} is published"));
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let key = DecodingKey::from_jwk(key).unwrap_or_else(|error| panic!("the key {kid}: {error}"));
    let verified = decode::<Value>(token, &key, &validation);
    let claims = verified.unwrap_or_else(|error| panic!("the signature of {token}: {error}")).claims;
    Jwt { claims, ..read(token) }
}
