//! An authenticator in software: what a browser's script and a security key would do with a passkey page, on P-256.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{Browser, Page, Step};

/// The flags of who was there and was verified, and of a credential that follows.
const VERIFIED: u8 = 0x05;
const CREDENTIAL: u8 = 0x40;

/// A passkey.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    user: String,
    /// What it counted so far.
    pub counter: u32,
    /// What it says of who used it.
    pub flags: u8,
    /// The origin that its browser says.
    pub origin: String,
}

fn digest(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Authenticator {
    /// A new one, in a browser at the provider's own origin.
    pub(crate) fn new(browser: &Browser) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let id = digest(key.public_key().as_ref());
        let origin = browser.origin();
        Self { key, id, user: String::new(), counter: 0, flags: VERIFIED, origin }
    }

    /// What names it.
    pub(crate) fn credential(&self) -> String {
        text(&self.id)
    }

    /// What the page asks of the browser.
    pub(crate) fn asked(page: &Page) -> Value {
        serde_json::from_str(&page.attribute("#passkey", "data-asked")).expect("JSON")
    }

    fn data(&self, party: &str, flags: u8) -> Vec<u8> {
        let mut data = digest(party.as_bytes());
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client(&self, kind: &str, asked: &Value) -> Vec<u8> {
        let challenge = asked["challenge"].as_str().expect("a challenge");
        let origin = &self.origin;
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#)
            .into_bytes()
    }

    /// Makes a passkey for whom the page says: the fields that a script fills in.
    pub(crate) fn make(&mut self, asked: &Value) -> Vec<(&'static str, String)> {
        self.user = asked["user"][0].as_str().expect("a user").to_owned();
        let client = self.client("webauthn.create", asked);
        let mut data = self.data(asked["rp"].as_str().expect("a host"), self.flags | CREDENTIAL);
        let point = self.key.public_key().as_ref();
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
        data.extend(&self.id);
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&point[33..]);
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x58");
        object.push(u8::try_from(data.len()).expect("short"));
        object.extend(data);
        vec![("credential", text(&self.id)), ("client_data", text(&client)), ("data", text(&object))]
    }

    /// Signs what the page asks: the fields that a script fills in.
    pub(crate) fn sign(&mut self, asked: &Value) -> Vec<(&'static str, String)> {
        self.counter += 1;
        let client = self.client("webauthn.get", asked);
        let data = self.data(asked["rp"].as_str().expect("a host"), self.flags);
        let signed = [&data[..], &digest(&client)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        vec![
            ("credential", text(&self.id)),
            ("client_data", text(&client)),
            ("data", text(&data)),
            ("signature", text(signature.as_ref())),
            ("user", self.user.clone()),
        ]
    }

    /// Answers the page's form.
    pub(crate) async fn answer(&mut self, browser: &mut Browser, page: &Page) -> Step {
        let asked = Self::asked(page);
        let filled = if asked["user"].is_null() { self.sign(&asked) } else { self.make(&asked) };
        let filled: Vec<(&str, &str)> = filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.press(page, "use-passkey", &filled).await
    }
}
