//! The code of a device, as somebody types it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| yagona::oidc::fuzzing::user_code(typed));
