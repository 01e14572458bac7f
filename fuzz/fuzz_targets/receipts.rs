//! What gateways, or somebody in their name, report of messages.

#![no_main]

use libfuzzer_sys::fuzz_target;
use yagona::notices::sms::Receipt;
use yagona::notices::sms::receipt::{parse_eskiz, parse_playmobile};

fn check(receipt: &Receipt) {
    for id in [&receipt.message_id, &receipt.gateway_id] {
        assert!((1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    }
}

fuzz_target!(|body: &[u8]| {
    parse_eskiz(body).iter().for_each(check);
    parse_playmobile(body).iter().flatten().for_each(check);
});
