//! The address of a tile of the ledger.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| yagona::platform::tlog::fuzzing::tile(text));
