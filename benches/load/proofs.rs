//! What a client signs: assertions (RFC 7523) and proofs of possession (RFC 9449), with one P-256 key for all users.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The key of this run: providers that are started here live no longer.
pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::new);

/// A P-256 key.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    fn new() -> Self {
        // A generator that gives no random bytes leaves nothing to measure.
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { key, random: SystemRandom::new() }
    }

    /// Its public half (RFC 7517), as JSON.
    pub(crate) fn jwk(&self) -> String {
        let point = self.key.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#)
    }

    /// An assertion by which a client proves itself to the provider with this issuer identifier.
    pub(crate) fn assertion(&self, client_id: &str, issuer: &str) -> String {
        let (now, jti) = (now(), jti());
        let claims = format!(
            r#"{{"iss":"{client_id}","sub":"{client_id}","aud":"{issuer}","jti":"{jti}","iat":{now},"exp":{}}}"#,
            now + 60
        );
        self.sign(r#"{"alg":"ES256"}"#, &claims)
    }

    /// A proof for a POST to this URL.
    pub(crate) fn proof(&self, url: &str) -> String {
        let header = format!(r#"{{"alg":"ES256","typ":"dpop+jwt","jwk":{}}}"#, self.jwk());
        let claims = format!(r#"{{"jti":"{}","htm":"POST","htu":"{url}","iat":{}}}"#, jti(), now());
        self.sign(&header, &claims)
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = self.key.sign(&self.random, message.as_bytes()).expect("a signature");
        format!("{message}.{}", encode(signature.as_ref()))
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Used once.
fn jti() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
