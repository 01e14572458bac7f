//! Signed tokens that come back: ID token hints and access tokens.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use yagona::platform::clock::Clock;
use yagona::platform::db;
use yagona::platform::jose::{Alg, KeySet, SigningKeys};
use yagona::platform::seal::Keyring;
use yagona::platform::telemetry::Metrics;

/// Keys as a provider has them, and a token of each: what is fuzzed is joined to their parts.
static KEYS: LazyLock<(Arc<KeySet>, Vec<String>)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let keys = runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).expect("a keyring");
        let url = format!("sqlite:{}", folder.path().join("keys.db").display());
        let db = db::connect(&url, 1, Duration::from_secs(5), Metrics::new()).await.expect("a database");
        db::migrate(&db).await.expect("a schema");
        SigningKeys::load(db, &keyring, Clock::System, 2048).await.expect("keys").current()
    });
    let now = Clock::System.now();
    let sign = |alg| keys.signing(alg, now).expect("a key").sign("JWT", &json!({"sub": "a"}));
    let tokens = Alg::ALL.map(sign).to_vec();
    // The database's own threads end with it; the keys need neither.
    std::mem::forget(runtime);
    (keys, tokens)
});

fuzz_target!(|data: &[u8]| {
    let (keys, tokens) = &*KEYS;
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(keys.verify(text, "JWT").is_err() || tokens.iter().any(|token| token == text));
    for token in tokens {
        assert!(keys.verify(token, "JWT").is_ok());
        let mut parts: Vec<&str> = token.split('.').collect();
        for place in 0..parts.len() {
            let part = std::mem::replace(&mut parts[place], text);
            assert!(keys.verify(&parts.join("."), "JWT").is_err() || part == text);
            parts[place] = part;
        }
    }
});
