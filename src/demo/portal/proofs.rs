//! Proofs of possession (RFC 9449): tokens that the counter gets are of use to nobody else. The key lives as long as the portal does.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{now, random_id};

/// A key that tokens are bound to.
pub(super) struct Key(EcdsaKeyPair);

impl Key {
    pub(super) fn new() -> std::io::Result<Self> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self).map_err(std::io::Error::other)
    }

    /// A proof for one request, by which `token` is used if there is one. `None` when signing fails.
    pub(super) fn proof(&self, method: &str, url: &str, token: Option<&str>) -> Option<String> {
        let point = self.0.public_key().as_ref();
        let (x, y) = (encode(point.get(1..33)?), encode(point.get(33..65)?));
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk});
        let mut claims = json!({"jti": random_id(), "htm": method, "htu": url, "iat": now()});
        if let Some(token) = token {
            claims["ath"] = Value::from(encode(digest(&SHA256, token.as_bytes()).as_ref()));
        }
        let message =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).ok()?;
        Some(format!("{message}.{}", encode(signature.as_ref())))
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
