//! Parameters of OneID's protocol: a query and a body of any type, joined by line breaks.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(parts.next().unwrap_or_default()).ok();
    let (Some(query), Some(kind)) = (text(), text()) else { return };
    let body = parts.next().unwrap_or_default();
    RUNTIME.block_on(yagona::oneid::fuzzing::params(query, kind, body));
});
