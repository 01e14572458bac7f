//! Keys of clients, made once for all tests, and what is signed with them.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};
use yagona::platform::jose::{Alg, SigningKey};

use super::jwt;

/// A key of a client, with its private half (PKCS #8).
type Pair = (SigningKey, Vec<u8>);

/// The keys of a client, by algorithm.
type Pairs = [Pair; 2];

fn pairs(client_id: &str) -> &'static Pairs {
    static ALL: OnceLock<Mutex<HashMap<String, &'static Pairs>>> = OnceLock::new();
    let mut all = ALL.get_or_init(Mutex::default).lock().expect("a lock");
    all.entry(client_id.to_owned()).or_insert_with(|| {
        let made = [Alg::ES256, Alg::RS256].map(|alg| {
            let kid = format!("{client_id}-{}", alg.name());
            let private = SigningKey::generate(alg, 2048);
            (SigningKey::from_pkcs8(&kid, alg, &private).expect("a key"), private.to_vec())
        });
        Box::leak(Box::new(made))
    })
}

/// The public keys of a client, as its registration has them. They name no `alg`: RSA may serve for RS256 and PS256.
pub(crate) fn jwks(client_id: &str) -> String {
    let keys = pairs(client_id).each_ref().map(|(pair, _)| {
        let mut key = serde_json::to_value(pair.public_jwk()).expect("a key");
        key.as_object_mut().expect("an object").remove("alg");
        key
    });
    json!({ "keys": keys }).to_string()
}

/// A token that a client signed with this algorithm.
pub(crate) fn sign(client_id: &str, alg: Alg, typ: &'static str, claims: &Value) -> String {
    pair_of(client_id, alg).0.sign(typ, claims)
}

/// The private half (PKCS #8) of a client's key of this algorithm. An RSA key may sign with PS256 as well.
pub(crate) fn pkcs8(client_id: &str, alg: Alg) -> &'static [u8] {
    &pair_of(client_id, alg).1
}

fn pair_of(client_id: &str, alg: Alg) -> &'static Pair {
    pairs(client_id).iter().find(|(pair, _)| pair.alg() == alg).expect("a key of that algorithm")
}

/// The same with `alg` `none`, and no signature.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| jwt::encode(value.to_string().as_bytes());
    format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
}
