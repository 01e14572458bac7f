//! What a service sends to register itself.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| yagona::oidc::fuzzing::registration(body));
