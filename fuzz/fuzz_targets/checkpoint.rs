//! A checkpoint of a log, and a public key.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| yagona::platform::tlog::fuzzing::checkpoint(text));
