use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::nonce::Nonces;
use super::proof::{Expected, Proof, Refusal, check};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::seal::Keyring;
use url::Url;

const NOW: Timestamp = Timestamp(1_800_000_000);
const TOKEN: &str = "an access token";

struct Place {
    key: EcdsaKeyPair,
    nonces: Nonces,
    addresses: Vec<Url>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap();
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            nonces: Nonces::new(&keyring),
            addresses: vec![Url::parse("https://id.uz/oidc/userinfo").unwrap()],
        }
    }

    /// What becomes of a proof whose claims differ by `members`.
    fn check(&self, members: &Value, nonce_required: bool) -> Result<Proof, Refusal> {
        let point = self.key.public_key().as_ref();
        let (x, y) = (bytes::encode(&point[1..33]), bytes::encode(&point[33..]));
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk});
        let mut claims = json!({"jti": "1", "htm": "GET", "htu": "https://id.uz/oidc/userinfo", "iat": NOW.0,
            "ath": Digest::of(TOKEN.as_bytes()).encode()});
        for (name, value) in members.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let encoded = |value: &Value| bytes::encode(value.to_string().as_bytes());
        let message = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        let expected =
            Expected { method: "GET", addresses: &self.addresses, token: Some(TOKEN), nonce_required };
        let text = format!("{message}.{}", bytes::encode(signature.as_ref()));
        check(&text, &expected, (&self.nonces, NOW))
    }
}

#[test]
fn rfc9449_4_3_a_proof_is_for_one_request_and_one_token() {
    let place = Place::new();
    assert_eq!(place.check(&json!({}), false).unwrap().id, "1");
    for htu in [
        "HTTPS://ID.uz:443/oidc/userinfo",
        "https://id.uz/oidc/userinfo?a=b#c",
        "https://id.uz/oidc/./userinfo",
    ] {
        assert!(place.check(&json!({"htu": htu}), false).is_ok(), "{htu}");
    }
    for wrong in [
        json!({"htu": "https://id.uz/oidc/token"}),
        json!({"htu": "http://id.uz/oidc/userinfo"}),
        json!({"htu": "https://id.uz:8443/oidc/userinfo"}),
        json!({"htu": "https://a@id.uz/oidc/userinfo"}),
        json!({"htu": "/oidc/userinfo"}),
        json!({"htu": null}),
        json!({"htm": "POST"}),
        json!({"htm": "get"}),
        json!({"htm": null}),
        json!({"ath": Digest::of(b"another").encode()}),
        json!({"ath": null}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": 5}),
        json!({"jti": "x".repeat(257)}),
        json!({"iat": null}),
        json!({"iat": "1800000000"}),
    ] {
        let refused = place.check(&wrong, false);
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{wrong}: {refused:?}");
    }
}

#[test]
fn rfc9449_11_1_a_proof_lives_for_a_minute_by_the_clock_of_the_provider() {
    let place = Place::new();
    for (iat, lives) in [(NOW.0 - 60, 10), (NOW.0, 70), (NOW.0 + 10, 80)] {
        assert_eq!(place.check(&json!({"iat": iat}), false).unwrap().seconds, lives);
    }
    assert!(place.check(&json!({"iat": NOW.0 as f64 + 0.5}), false).is_ok());
    for iat in [NOW.0 - 61, NOW.0 + 11, NOW.0 - 3600, NOW.0 + 3600] {
        let refused = place.check(&json!({"iat": iat}), false);
        assert!(matches!(refused, Err(Refusal::WrongTime(_))), "{iat}: {refused:?}");
    }
}

#[test]
fn rfc9449_8_a_nonce_says_when_the_proof_was_made() {
    let place = Place::new();
    let nonce = |at: Timestamp| json!({"nonce": place.nonces.at(at), "iat": NOW.0 - 3600});
    assert!(place.check(&nonce(NOW), true).is_ok());
    for (members, required) in [
        (json!({}), true),
        (nonce(NOW.minus(600)), false),
        (json!({"nonce": "made up"}), false),
        (json!({"nonce": 5}), true),
    ] {
        let refused = place.check(&members, required);
        assert!(matches!(refused, Err(Refusal::Nonce(_))), "{members}: {refused:?}");
    }
}
