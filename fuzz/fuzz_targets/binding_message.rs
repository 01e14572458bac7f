//! What a service wants a person to compare.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| yagona::oidc::fuzzing::binding_message(text));
