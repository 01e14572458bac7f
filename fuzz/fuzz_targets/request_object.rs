//! The claims of a request object.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| yagona::oidc::fuzzing::request_object(text));
