//! Parameters of every endpoint: a query or a body.

#![no_main]

use libfuzzer_sys::fuzz_target;
use yagona::platform::web::params::{LONGEST, Params};

fuzz_target!(|body: &[u8]| {
    let Ok(params) = Params::parse_body(body) else { return };
    assert!(body.len() <= LONGEST);
    for name in ["client_id", "code", "scope", "a", ""] {
        let value = params.get(name);
        assert!(value.is_none_or(|value| !value.is_empty() && !value.contains('\0')));
    }
});
