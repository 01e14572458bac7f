//! What E-IMZO's app reads from a QR code or a link: site, document, the hash of the challenge, and a check sum.

use std::fmt::Write as _;

use gost94::{Digest as _, Gost94CryptoPro};

/// How long a payload is, in characters.
pub const LENGTH: usize = 84;

/// What the app reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(String);

impl Payload {
    /// The payload of a document: `site` has 4 hexadecimal digits, `document` 8; the hash (GOST R 34.11-94 with CryptoPro's parameters) is of
    /// the challenge's text. `None` for names of another form.
    pub fn new(site: &str, document: &str, challenge: &str) -> Option<Self> {
        let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex(site, 4) || !hex(document, 8) {
            return None;
        }
        let mut text = format!("{site}{document}");
        for byte in Gost94CryptoPro::digest(challenge.as_bytes()) {
            let _ = write!(text, "{byte:02x}");
        }
        let sum = crc32(&decoded(&text)?);
        let _ = write!(text, "{sum:08x}");
        Some(Self(text))
    }

    /// Reads a payload; `None` if it has another form or its check sum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH || !text.is_ascii() {
            return None;
        }
        let (body, sum) = text.split_at(LENGTH - 8);
        let sum = u32::from_str_radix(sum, 16).ok()?;
        (crc32(&decoded(body)?) == sum).then(|| Self(text.to_owned()))
    }

    /// Its 84 characters, as a QR code on a page has them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The link that opens the app on the same phone.
    pub fn deep_link(&self) -> String {
        format!("eimzo://sign?qc={}", self.0)
    }

    /// The document that it names.
    pub fn document(&self) -> &str {
        &self.0[4..12]
    }
}

fn decoded(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

/// CRC-32 as in IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1)))
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_is_made_and_read() {
        let payload = Payload::new("b552", "362811E9", "abc").unwrap();
        let hash = "b285056dbf18d7392d7677369524dd14747459ed8143997e163b2986f92fd42c";
        assert_eq!(payload.as_str(), format!("b552362811E9{hash}33d4ad61"));
        assert_eq!(payload.deep_link(), format!("eimzo://sign?qc={}", payload.as_str()));
        assert_eq!(payload.document(), "362811E9");
        assert_eq!(Payload::parse(payload.as_str()), Some(payload));
    }

    #[test]
    fn the_check_sum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_changed_or_cut_payload_is_none() {
        let good = Payload::new("0000", "2944F1F2", "challenge").unwrap().0;
        for at in [0, 5, 40, 83] {
            let mut bad = good.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            assert!(Payload::parse(&String::from_utf8(bad).unwrap()).is_none(), "{at}");
        }
        assert!(Payload::parse(&good[..83]).is_none() && Payload::parse(&"ʻ".repeat(42)).is_none());
        assert!(
            Payload::new("00", "2944F1F2", "x").is_none() && Payload::new("0000", "2944F1FG", "x").is_none()
        );
    }
}
