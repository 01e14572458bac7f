//! What a signature is of: the content of a PKCS #7 (RFC 5652 §5), read from its BER. E-IMZO writes lengths that are told only by an end
//! (X.690 §8.1.3.6), so DER alone would not do.
//!
//! Whether the signature is good, E-IMZO's server says. It does not say what was signed, only that it was one of its challenges: that it was
//! the challenge of this browser is found here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest signature that is read, in characters of Base64. E-IMZO's have some four thousand.
pub const LONGEST: usize = 64 << 10;

/// How deep values may lie within each other.
const DEEPEST: u8 = 16;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const CONSTRUCTED_OCTETS: u8 = 0x24;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;

/// `1.2.840.113549.1.7.2` and `….1`.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/// A PKCS #7 in Base64, as it goes to the server, and what it signs. `None` for what is none, or has no content.
pub(super) fn content(text: &str) -> Option<(String, Vec<u8>)> {
    if text.len() > LONGEST {
        return None;
    }
    // Lines are broken by some programs.
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(&text).ok()?;
    let content = of_signed_data(&bytes)?;
    Some((text, content))
}

fn of_signed_data(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut info = Ber(bytes).within(SEQUENCE)?;
    if info.expect(OBJECT_IDENTIFIER)? != SIGNED_DATA {
        return None;
    }
    let mut data = info.within(EXPLICIT_0)?.within(SEQUENCE)?;
    data.expect(INTEGER)?;
    data.expect(SET)?;
    let mut content = data.within(SEQUENCE)?;
    if content.expect(OBJECT_IDENTIFIER)? != DATA {
        return None;
    }
    let mut octets = content.within(EXPLICIT_0)?;
    match octets.next()? {
        (OCTET_STRING, octets) => Some(octets.to_vec()),
        (CONSTRUCTED_OCTETS, parts) => {
            let (mut parts, mut whole) = (Ber(parts), Vec::new());
            while !parts.0.is_empty() {
                whole.extend_from_slice(parts.expect(OCTET_STRING)?);
            }
            Some(whole)
        }
        _ => None,
    }
}

/// Values one after another.
struct Ber<'a>(&'a [u8]);

impl<'a> Ber<'a> {
    /// The next value: its tag, and its content without the end that may follow it.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, content, rest) = value(self.0, DEEPEST)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
    }

    fn within(&mut self, wanted: u8) -> Option<Self> {
        self.expect(wanted).map(Self)
    }
}

/// A value: its tag, its content, and what follows.
fn value(bytes: &[u8], depth: u8) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        // Only a value that is made of values can tell its end by two zeros.
        0x80 if tag & 0x20 != 0 => {
            let depth = depth.checked_sub(1)?;
            let mut inner = rest;
            while !inner.starts_with(&[0, 0]) {
                inner = value(inner, depth)?.2;
            }
            let length = rest.len() - inner.len();
            return Some((*tag, &rest[..length], &inner[2..]));
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match content.len() {
            length @ 0..=0x7f => out.push(length as u8),
            length => out.extend([0x82, (length >> 8) as u8, length as u8]),
        }
        out.extend_from_slice(content);
        out
    }

    fn open(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80], content, &[0, 0]].concat()
    }

    /// Made by `wrap`, which tells lengths or ends.
    fn signed(octets: &[u8], wrap: fn(u8, &[u8]) -> Vec<u8>) -> String {
        let content = wrap(SEQUENCE, &[der(OBJECT_IDENTIFIER, DATA), wrap(EXPLICIT_0, octets)].concat());
        let data = wrap(SEQUENCE, &[der(INTEGER, &[1]), der(SET, &[]), content, der(SET, &[])].concat());
        let info = [der(OBJECT_IDENTIFIER, SIGNED_DATA), wrap(EXPLICIT_0, &data)].concat();
        STANDARD.encode(wrap(SEQUENCE, &info))
    }

    fn found(text: &str) -> Option<Vec<u8>> {
        content(text).map(|(_, content)| content)
    }

    #[test]
    fn what_was_signed_is_read_with_lengths_and_with_ends() {
        let challenge = b"b1e6a9a4-0a3b-4a2b-9a3a-2d3c1c0f7e11";
        for wrap in [der, open] {
            assert_eq!(found(&signed(&der(OCTET_STRING, challenge), wrap)).unwrap(), challenge);
        }
        let parts = [der(OCTET_STRING, &challenge[..10]), der(OCTET_STRING, &challenge[10..])].concat();
        assert_eq!(found(&signed(&open(CONSTRUCTED_OCTETS, &parts), open)).unwrap(), challenge);
        let broken: String = signed(&der(OCTET_STRING, challenge), open)
            .as_bytes()
            .chunks(64)
            .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
            .collect();
        let (sent, content) = content(&broken).unwrap();
        assert!(!sent.contains(char::is_whitespace) && content == challenge, "lines may be broken");
    }

    #[test]
    fn a_signature_beside_its_content_another_kind_and_what_is_cut_are_none() {
        assert_eq!(found(&signed(&[], der)), None, "detached");
        let good = signed(&der(OCTET_STRING, b"abc"), der);
        let bytes = STANDARD.decode(&good).unwrap();
        for end in 0..20 {
            assert_eq!(found(&STANDARD.encode(&bytes[..end])), None, "{end}");
        }
        let mut other = bytes;
        other[12] = 0x03;
        assert_eq!(found(&STANDARD.encode(&other)), None, "enveloped data");
        assert_eq!(found(&"A".repeat(LONGEST + 4)), None);
        let deep = STANDARD.encode([[SEQUENCE, 0x80]; 1000].concat());
        assert_eq!(found(&deep), None, "no stack is long enough for everything");
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = found(&STANDARD.encode(&bytes));
        }
    }
}
