//! Keys of clients, made once for all tests, and what is signed with them.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};
use yagona::platform::jose::{Alg, SigningKey};

use super::jwt;

/// The keys of a client, by algorithm.
type Pairs = [SigningKey; 2];

fn pairs(client_id: &str) -> &'static Pairs {
    static ALL: OnceLock<Mutex<HashMap<String, &'static Pairs>>> = OnceLock::new();
    let mut all = ALL.get_or_init(Mutex::default).lock().expect("a lock");
    all.entry(client_id.to_owned()).or_insert_with(|| {
        let made = [Alg::ES256, Alg::RS256].map(|alg| {
            let kid = format!("{client_id}-{}", alg.name());
            SigningKey::from_pkcs8(&kid, alg, &SigningKey::generate(alg, 2048)).expect("a key")
        });
        Box::leak(Box::new(made))
    })
}

/// The public keys of a client, as its registration has them. They name no `alg`: RSA may serve for RS256 and PS256.
pub(crate) fn jwks(client_id: &str) -> String {
    let keys = pairs(client_id).each_ref().map(|pair| {
        let mut key = serde_json::to_value(pair.public_jwk()).expect("a key");
        key.as_object_mut().expect("an object").remove("alg");
        key
    });
    json!({ "keys": keys }).to_string()
}

/// A token that a client signed with this algorithm.
pub(crate) fn sign(client_id: &str, alg: Alg, typ: &'static str, claims: &Value) -> String {
    let pair = pairs(client_id).iter().find(|pair| pair.alg() == alg).expect("a key of that algorithm");
    pair.sign(typ, claims)
}

/// The same with `alg` `none`, and no signature.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| jwt::encode(value.to_string().as_bytes());
    format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
}
