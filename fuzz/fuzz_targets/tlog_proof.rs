//! A proof of the ledger as somebody hands it in.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| yagona::platform::tlog::fuzzing::proof(text));
