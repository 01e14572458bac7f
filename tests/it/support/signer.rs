//! Keys of clients, and what is signed with them: apart from the provider's own code.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::jwt::encode;

/// A private key.
pub(crate) struct Signer {
    kid: &'static str,
    key: Key,
}

enum Key {
    Elliptic(EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// The keys of the clients that every provider has.
pub(crate) static KEYS: LazyLock<[Signer; 3]> =
    LazyLock::new(|| [Signer::elliptic("e"), Signer::edwards("d"), Signer::rsa("r")]);

impl Signer {
    /// A P-256 key.
    pub(crate) fn elliptic(kid: &'static str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { kid, key: Key::Elliptic(key) }
    }

    /// The P-256 key of a private JWK, with its `kid`.
    pub(crate) fn of_jwk(jwk: &Value) -> Self {
        let member = |name: &str| {
            let text = jwk[name].as_str().unwrap_or_else(|| panic!("no {name}"));
            BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url")
        };
        let point = [vec![4], member("x"), member("y")].concat();
        let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_private_key_and_public_key(alg, &member("d"), &point).expect("a pair");
        let kid = jwk["kid"].as_str().expect("a kid").to_owned();
        Self { kid: Box::leak(kid.into_boxed_str()), key: Key::Elliptic(key) }
    }

    /// What its public half is called.
    pub(crate) const fn kid(&self) -> &'static str {
        self.kid
    }

    /// An Ed25519 key.
    pub(crate) fn edwards(kid: &'static str) -> Self {
        Self { kid, key: Key::Edwards(Ed25519KeyPair::generate().expect("a key")) }
    }

    /// An RSA key, which signs with PS256 unless the header says RS256.
    pub(crate) fn rsa(kid: &'static str) -> Self {
        Self { kid, key: Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")) }
    }

    /// Its private half, of an elliptic key.
    pub(crate) fn pkcs8(&self) -> Vec<u8> {
        match &self.key {
            Key::Elliptic(key) => key.to_pkcs8v1().expect("a document").as_ref().to_vec(),
            Key::Edwards(_) | Key::Rsa(_) => panic!("no elliptic key"),
        }
    }

    /// Its public half, without `kid`.
    pub(crate) fn bare_jwk(&self) -> Value {
        match &self.key {
            Key::Elliptic(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Key::Edwards(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref())})
            }
            Key::Rsa(key) => {
                let key = key.public_key();
                let n = key.modulus().big_endian_without_leading_zero();
                let e = key.exponent().big_endian_without_leading_zero();
                json!({"kty": "RSA", "n": encode(n), "e": encode(e)})
            }
        }
    }

    /// Its public half.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = self.bare_jwk();
        jwk["kid"] = self.kid.into();
        jwk
    }

    /// RFC 7638, of an elliptic key.
    pub(crate) fn thumbprint(&self) -> String {
        let jwk = self.bare_jwk();
        // The members of a JSON object are sorted by name here, as the standard wants them.
        encode(digest(&SHA256, jwk.to_string().as_bytes()).as_ref())
    }

    /// The algorithm that it signs with.
    pub(crate) fn alg(&self) -> &'static str {
        match self.key {
            Key::Elliptic(_) => "ES256",
            Key::Edwards(_) => "EdDSA",
            Key::Rsa(_) => "PS256",
        }
    }

    /// A compact JWS with this header as it is.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Elliptic(key) => {
                key.sign(&random, message.as_bytes()).expect("a signature").as_ref().to_vec()
            }
            Key::Edwards(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
            Key::Rsa(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                let padding: &dyn aws_lc_rs::signature::RsaEncoding =
                    if header["alg"] == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
                key.sign(padding, &random, message.as_bytes(), &mut out).expect("a signature");
                out
            }
        };
        format!("{message}.{}", encode(&signature))
    }

    /// A client assertion (RFC 7523) with these claims besides the usual ones; a `null` takes one away.
    pub(crate) fn assertion(&self, client_id: &str, audience: &str, more: &Value) -> String {
        let header = json!({"alg": self.alg(), "kid": self.kid});
        self.sign(&header, &assertion_claims(client_id, audience, more))
    }

    /// A proof of possession (RFC 9449) for a request, with these claims besides the usual ones; a `null` takes one away.
    pub(crate) fn proof(&self, method: &str, url: &str, more: &Value) -> String {
        let header = json!({"alg": self.alg(), "typ": "dpop+jwt", "jwk": self.bare_jwk()});
        self.sign(&header, &with(json!({"jti": unique(), "htm": method, "htu": url, "iat": now()}), more))
    }
}

/// The claims of a client assertion.
pub(crate) fn assertion_claims(client_id: &str, audience: &str, more: &Value) -> Value {
    let claims = json!({"iss": client_id, "sub": client_id, "aud": audience, "jti": unique(), "iat": now(),
        "exp": now() + 60});
    with(claims, more)
}

/// An object with other members; a `null` takes one away.
pub(crate) fn with(mut object: Value, members: &Value) -> Value {
    let own = object.as_object_mut().expect("an object");
    for (name, value) in members.as_object().expect("an object") {
        own.insert(name.clone(), value.clone());
    }
    own.retain(|_, value| !value.is_null());
    object
}

/// A compact JWS with HS256.
pub(crate) fn sign_with_secret(secret: &[u8], claims: &Value) -> String {
    let message = message(&json!({"alg": "HS256"}), claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encode(tag.as_ref()))
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

/// A text that nobody used before.
pub(crate) fn unique() -> String {
    encode(&std::array::from_fn::<u8, 16, _>(|_| fastrand::u8(..)))
}

/// Seconds since the Unix epoch, by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs() as i64
}
