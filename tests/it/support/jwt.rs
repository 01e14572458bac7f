//! Verifying a provider's tokens by its published keys, apart from the provider's own code.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

/// What a token says.
#[derive(Debug)]
pub struct Jwt {
    pub header: Value,
    pub claims: Value,
}

fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_else(|error| panic!("{text} is not base64url: {error}"))
}

/// Text in base64url.
pub fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a token without believing it.
pub fn read(token: &str) -> Jwt {
    let mut parts = token.split('.').map(decode);
    let mut next = || serde_json::from_slice(&parts.next().expect("a part")).expect("JSON");
    Jwt { header: next(), claims: next() }
}

/// Reads a token whose signature one of `keys` (a JWK set) must prove.
pub fn verify(token: &str, keys: &Value) -> Jwt {
    let jwt = read(token);
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let kid = &jwt.header["kid"];
    let keys = keys["keys"].as_array().expect("a JWK set");
    let key =
        keys.iter().find(|key| key["kid"] == *kid).unwrap_or_else(|| panic!("no key {kid} is published"));
    let part = |name: &str| decode(key[name].as_str().unwrap_or_else(|| panic!("no {name} in {key}")));
    let (signed, signature) = (signed.as_bytes(), decode(signature));
    let proven = match jwt.header["alg"].as_str() {
        Some("ES256") => {
            let point = [vec![4], part("x"), part("y")].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, &signature)
        }
        Some("EdDSA") => UnparsedPublicKey::new(&ED25519, part("x")).verify(signed, &signature),
        Some("RS256") => RsaPublicKeyComponents { n: part("n"), e: part("e") }.verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed,
            &signature,
        ),
        other => panic!("signed with {other:?}"),
    };
    assert!(proven.is_ok(), "the signature of {token} is wrong");
    jwt
}
