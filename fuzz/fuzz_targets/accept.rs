//! The `Accept` headers of an introspection request, a line each.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|headers: &str| yagona::oidc::fuzzing::accept(headers));
