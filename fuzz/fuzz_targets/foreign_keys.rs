//! Key sets of clients, as they are published and as they are registered, and what is signed: with these keys, with a key that
//! comes along (proofs of possession), with a secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use yagona::platform::jose::KeyManagement;
use yagona::platform::jose::foreign::{ForeignAlg, ForeignKeys, Policy, unverified, verify_embedded, verify_shared};

fuzz_target!(|data: &[u8]| {
    let policy = Policy { algs: &ForeignAlg::ALL, typ: None, max_bytes: 8192 };
    let (set, token) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let token = std::str::from_utf8(token).unwrap_or_default().trim();
    let _ = unverified(token);
    let _ = verify_embedded(token, &policy);
    let _ = verify_shared(token, b"a secret of more than thirty-two bytes", 8192);
    if let Ok(keys) = ForeignKeys::parse(set) {
        let _ = keys.verify(token, &policy);
        // Whatever was taken for a key of a recipient encrypts.
        for key in KeyManagement::ALL.into_iter().filter_map(|alg| keys.recipient(alg)) {
            assert!(key.nest(token).is_ok());
        }
    }
    if let Ok(set) = serde_json::from_slice(set) {
        let _ = ForeignKeys::parse_strictly(&set);
    }
});
