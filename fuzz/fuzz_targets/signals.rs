//! What a service sends about its stream of security events.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| yagona::oidc::fuzzing::signals(body));
