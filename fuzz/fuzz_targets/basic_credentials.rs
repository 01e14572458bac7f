//! The `Authorization` header of the token endpoint.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    yagona::oidc::fuzzing::basic_credentials(header);
    yagona::oidc::fuzzing::basic_credentials(&format!("Basic {header}"));
});
