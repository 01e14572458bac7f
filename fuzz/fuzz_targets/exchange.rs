//! A list of an operator or the civil registry.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| yagona::mobile_id::exchange::fuzz(text));
