//! The document of a sector.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| yagona::oidc::fuzzing::sector(body));
