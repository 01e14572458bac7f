//! What state registers, operators, billing and E-IMZO's server answer.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| yagona::registries::read_everything(input.0, input.1));
