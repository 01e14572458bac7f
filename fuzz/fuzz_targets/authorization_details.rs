//! The `authorization_details` parameter.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| yagona::oidc::fuzzing::authorization_details(text));
