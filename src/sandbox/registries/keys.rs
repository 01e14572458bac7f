//! Electronic signatures of the people of the file: who has which keys, and signatures by them. What a key really is exists only in this
//! process (Ed25519 in place of O'z DSt 1092), in a PKCS #7 written as E-IMZO writes it (RFC 5652 §5, in BER).

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::locked;
use super::people::{Everybody, RegistryKey, RegistryPerson, joined};

/// What is typed where E-IMZO asks for a key's password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Typed {
    #[default]
    Right,
    Wrong,
    Cancelled,
}

impl Typed {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "right" => Some(Self::Right),
            "wrong" => Some(Self::Wrong),
            "cancelled" => Some(Self::Cancelled),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a tester set about a key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Set {
    pub typed: Typed,
    /// The status with which the server answers its signatures, if not the natural one.
    pub status: Option<i64>,
}

/// The secret of all keys, and what is set about them by serial number.
pub(super) struct Keys {
    secret: hmac::Key,
    set: Mutex<HashMap<String, Set>>,
}

/// What a PKCS #7 of ours says.
pub(super) struct Read {
    pub content: Vec<u8>,
    pub serial: String,
    signature: Vec<u8>,
}

impl Keys {
    pub(super) fn new() -> io::Result<Self> {
        let secret = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| io::Error::other("the operating system gives no randomness"))?;
        Ok(Self { secret, set: Mutex::default() })
    }

    fn pair(&self, serial: &str) -> Option<Ed25519KeyPair> {
        let seed = hmac::sign(&self.secret, serial.as_bytes());
        Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).ok()
    }

    pub(super) fn of(&self, serial: &str) -> Set {
        locked(&self.set).get(serial).copied().unwrap_or_default()
    }

    pub(super) fn set(&self, serial: &str, what: Set) {
        locked(&self.set).insert(serial.to_owned(), what);
    }

    /// A signature by a key, and its raw value.
    pub(super) fn sign(&self, serial: &str, content: &[u8]) -> Option<(String, Vec<u8>)> {
        let signature = self.pair(serial)?.sign(content).as_ref().to_vec();
        Some((STANDARD.encode(signed_data(content, serial, &signature)), signature))
    }

    /// Reads a PKCS #7; `None` if it is none of ours.
    pub(super) fn read(text: &str) -> Option<Read> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        let mut values = Vec::new();
        walk(&bytes, &mut values, 0)?;
        let octets = |at: &(u8, Vec<u8>)| at.0 == 0x04;
        let first = values.iter().position(octets)?;
        let after = first + values[first..].iter().position(|value| !octets(value))?;
        let content = values[first..after].iter().flat_map(|(_, part)| part.clone()).collect();
        let serial = values[after..].iter().find(|(tag, _)| *tag == 0x0c)?;
        let signature = values[after..].iter().find(|value| octets(value))?;
        Some(Read {
            content,
            serial: String::from_utf8(serial.1.clone()).ok()?,
            signature: signature.1.clone(),
        })
    }

    /// Whether a signature is the key's.
    pub(super) fn verifies(&self, read: &Read) -> bool {
        let Some(pair) = self.pair(&read.serial) else { return false };
        UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref())
            .verify(&read.content, &read.signature)
            .is_ok()
    }
}

/// Everybody's keys: of their ID-cards and others.
pub(super) fn all(everybody: &Everybody) -> Vec<(&RegistryPerson, RegistryKey)> {
    let of = |person: &RegistryPerson| -> Vec<RegistryKey> {
        let card = person.certificate.iter().map(|serial| RegistryKey {
            pinfl: person.pinfl.clone(),
            serial: serial.clone(),
            organisation: None,
            latin: None,
            from: "2026-01-01".to_owned(),
            until: "2029-01-01".to_owned(),
            revoked: false,
        });
        card.chain(everybody.keys.iter().filter(|key| key.pinfl == person.pinfl).cloned()).collect()
    };
    everybody.people.iter().flat_map(|person| of(person).into_iter().map(move |key| (person, key))).collect()
}

/// What the server says of a certificate.
pub(super) fn info(person: &RegistryPerson, key: &RegistryKey) -> Value {
    let whole = key.latin.as_ref().unwrap_or(&person.latin);
    let [surname, name, _] = whole;
    let mut subject = json!({
        "CN": joined(whole), "SURNAME": surname, "Name": name, "UID": person.tin, "C": "UZ",
        "O": "НЕ УКАЗАНО", "1.2.860.3.16.1.2": person.pinfl,
    });
    if let Some([tin, organisation, position]) = &key.organisation {
        subject["1.2.860.3.16.1.1"] = Value::from(tin.as_str());
        subject["O"] = Value::from(organisation.as_str());
        subject["T"] = Value::from(position.as_str());
    }
    json!({
        "serialNumber": key.serial, "subjectName": subject,
        "validFrom": format!("{} 00:00:00", key.from), "validTo": format!("{} 00:00:00", key.until),
    })
}

/// How E-IMZO's program lists a key.
pub(super) fn alias(person: &RegistryPerson, key: &RegistryKey) -> String {
    let whole = key.latin.as_ref().unwrap_or(&person.latin);
    let [surname, name, _] = whole;
    // A comma would begin the next part.
    let plain = |text: &str| text.to_lowercase().replace(',', " ");
    let mut alias = format!(
        "cn={},name={},surname={},l=toshkent,st=toshkent shahri,c=uz,o={}",
        plain(&joined(whole)),
        plain(name),
        plain(surname),
        key.organisation.as_ref().map_or("не указано".to_owned(), |[_, name, _]| plain(name)),
    );
    if let Some([tin, _, position]) = &key.organisation {
        alias += &format!(",t={},1.2.860.3.16.1.1={tin}", plain(position));
    }
    let dotted = |day: &str| day.replace('-', ".");
    alias
        + &format!(
            ",uid={},1.2.860.3.16.1.2={},serialnumber={},validfrom={} 00:00:00,validto={} 00:00:00",
            person.tin.as_deref().unwrap_or_default(),
            person.pinfl,
            key.serial,
            dotted(&key.from),
            dotted(&key.until),
        )
}

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// O'z DSt 1106 (1.2.860.3.15.1.3.2.1.1).
const DIGEST: &[u8] = &[0x2a, 0x86, 0x5c, 0x03, 0x0f, 0x01, 0x03, 0x02, 0x01, 0x01];

fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..=0x7f => out.push(length as u8),
        length => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// A value whose length is told only by its end.
fn open(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![tag, 0x80];
    out.extend(parts.concat());
    out.extend([0, 0]);
    out
}

fn signed_data(content: &[u8], serial: &str, signature: &[u8]) -> Vec<u8> {
    let octets = open(0x24, &content.chunks(1000).map(|part| value(0x04, part)).collect::<Vec<_>>());
    let content = open(0x30, &[value(0x06, DATA), open(0xa0, &[octets])]);
    let digests = value(0x31, &value(0x30, &value(0x06, DIGEST)));
    let signer = [value(0x02, &[1]), value(0x0c, serial.as_bytes()), value(0x04, signature)].concat();
    let signers = value(0x31, &value(0x30, &signer));
    let data = open(0x30, &[value(0x02, &[1]), digests, content, signers]);
    open(0x30, &[value(0x06, SIGNED_DATA), open(0xa0, &[data])])
}

/// The values that contain no others, in their order; what follows.
fn walk<'b>(mut bytes: &'b [u8], found: &mut Vec<(u8, Vec<u8>)>, depth: u8) -> Option<&'b [u8]> {
    while let [tag, first, rest @ ..] = bytes {
        if (*tag, *first) == (0, 0) {
            return Some(rest);
        }
        if depth > 16 {
            return None;
        }
        let (length, rest) = match first {
            0x80 => {
                bytes = walk(rest, found, depth + 1)?;
                continue;
            }
            0..=0x7f => (usize::from(*first), rest),
            0x82 => {
                let (length, rest) = rest.split_at_checked(2)?;
                (usize::from(length[0]) << 8 | usize::from(length[1]), rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        if tag & 0x20 == 0 {
            found.push((*tag, content.to_vec()));
        } else {
            walk(content, found, depth + 1)?;
        }
        bytes = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_read_and_verifies_and_a_changed_one_does_not() {
        let keys = Keys::new().unwrap();
        let content = "b1e6a9a4-".repeat(300);
        let (text, raw) = keys.sign("77a1", content.as_bytes()).unwrap();
        let read = Keys::read(&text).unwrap();
        assert_eq!((read.serial.as_str(), read.content.as_slice()), ("77a1", content.as_bytes()));
        assert!(text.starts_with("MIAGCSqGSIb3DQEHAqCA") && raw.len() == 64 && keys.verifies(&read));
        assert!(!keys.verifies(&Read { content: b"other".to_vec(), ..Keys::read(&text).unwrap() }));
        assert!(!keys.verifies(&Read { serial: "77a2".to_owned(), ..read }), "somebody else's");
        for odd in ["", "MIAG", "AAAA", &STANDARD.encode([0x30, 0x80].repeat(100))] {
            assert!(Keys::read(odd).is_none(), "{odd}");
        }
    }
}
