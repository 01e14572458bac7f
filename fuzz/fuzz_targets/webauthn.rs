//! What a browser and an authenticator send of a passkey: client data, and after a line feed the rest.

#![no_main]

use libfuzzer_sys::fuzz_target;
use yagona::platform::webauthn::{PublicKey, RelyingParty};

fuzz_target!(|data: &[u8]| {
    let party = RelyingParty { id: "id.uz".to_owned(), origin: "https://id.uz".to_owned() };
    let (client, rest) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let made = br#"{"type":"webauthn.create","challenge":"c","origin":"https://id.uz"}"#;
    let _ = party.created("c", client, rest);
    if let Ok(new) = party.created("c", made, data) {
        // Whatever was taken for a key is kept and read again, and proves nothing by what nobody signed.
        assert_eq!(PublicKey::parse(&new.key.write()), Some(new.key.clone()));
        assert!(party.proved("c", &new.key, (client, rest, rest)).is_err());
    }
});
