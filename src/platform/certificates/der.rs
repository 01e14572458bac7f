//! The few parts of a certificate (RFC 5280 §4.1) that are read here, from its DER: whom it names, and its key.

/// Tags (X.690 §8).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Values one after another.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value: its tag and its content. `None` at the end, and for what DER does not allow.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        // No tag of more than one byte is read here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
                // The shortest form is the only one.
                if bytes.first() == Some(&0) || length < 0x80 {
                    return None;
                }
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
    }

    fn within(&mut self, wanted: u8) -> Option<Self> {
        self.expect(wanted).map(Self)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is read of a certificate.
pub(super) struct Parts<'a> {
    /// The subject, from the root of its tree on: relative names with their attributes, by type and value.
    pub(super) subject: Option<Vec<Vec<(String, String)>>>,
    /// Alternative names (RFC 5280 §4.2.1.6).
    pub(super) alternative: Der<'a>,
    /// Its key.
    pub(super) key: Option<Key<'a>>,
}

/// A public key.
pub(super) enum Key<'a> {
    /// Modulus and exponent, without zeros in front.
    Rsa(&'a [u8], &'a [u8]),
    /// The coordinates of a point on P-256.
    P256(&'a [u8], &'a [u8]),
    /// Ed25519.
    Ed25519(&'a [u8]),
}

/// Reads a certificate of version 3; `None` if it is none.
pub(super) fn parts(der: &[u8]) -> Option<Parts<'_>> {
    let mut whole = Der(der);
    let mut certificate = whole.within(SEQUENCE)?;
    let mut signed = certificate.within(SEQUENCE)?;
    if !whole.is_empty() {
        return None;
    }
    // The version, which has a default that no certificate of today has; serial number, algorithm, issuer, validity.
    for tag in [0xa0, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE] {
        signed.expect(tag)?;
    }
    let (subject, key) = (signed.within(SEQUENCE)?, signed.within(SEQUENCE)?);
    let mut alternative = None;
    while !signed.is_empty() {
        let (tag, content) = signed.next()?;
        if tag == 0xa3 {
            let mut extensions = Der(content).within(SEQUENCE)?;
            while !extensions.is_empty() {
                let found = subject_alternative_name(extensions.within(SEQUENCE)?)?;
                if found.is_some() && alternative.is_some() {
                    return None;
                }
                alternative = alternative.or(found);
            }
        }
    }
    let alternative = alternative.unwrap_or(Der(&[]));
    Some(Parts { subject: subject_of(subject), alternative, key: key_of(key) })
}

/// The names in an extension, if it is that of alternative names; `None` outside if it is malformed.
#[expect(clippy::option_option, reason = "malformed, another extension, this one")]
fn subject_alternative_name(mut extension: Der<'_>) -> Option<Option<Der<'_>>> {
    let id = extension.expect(OBJECT_IDENTIFIER)?;
    let (mut tag, mut content) = extension.next()?;
    if tag == 0x01 {
        (tag, content) = extension.next()?;
    }
    if tag != OCTET_STRING {
        return None;
    }
    if dotted(id)? != "2.5.29.17" {
        return Some(None);
    }
    Der(content).within(SEQUENCE).map(Some)
}

/// `None` if a value is no text of a kind that is read here.
fn subject_of(mut subject: Der<'_>) -> Option<Vec<Vec<(String, String)>>> {
    let mut names = Vec::new();
    while !subject.is_empty() {
        let (mut relative, mut attributes) = (subject.within(SET)?, Vec::new());
        while !relative.is_empty() {
            let mut attribute = relative.within(SEQUENCE)?;
            let kind = dotted(attribute.expect(OBJECT_IDENTIFIER)?)?;
            let (UTF8_STRING | PRINTABLE_STRING | IA5_STRING, value) = attribute.next()? else { return None };
            attributes.push((kind, std::str::from_utf8(value).ok()?.to_owned()));
        }
        attributes.sort();
        names.push(attributes);
    }
    Some(names)
}

/// RFC 8017 §A.1, RFC 5480 §2.1.1, RFC 8410 §3.
fn key_of(mut key: Der<'_>) -> Option<Key<'_>> {
    let mut algorithm = key.within(SEQUENCE)?;
    let id = dotted(algorithm.expect(OBJECT_IDENTIFIER)?)?;
    let (0, raw) = key.expect(BIT_STRING)?.split_first().map(|(unused, raw)| (*unused, raw))? else {
        return None;
    };
    match id.as_str() {
        "1.2.840.113549.1.1.1" => {
            let mut numbers = Der(raw).within(SEQUENCE)?;
            let mut number = || {
                let number = numbers.expect(INTEGER)?;
                let zeros = number.iter().take_while(|byte| **byte == 0).count();
                Some(&number[zeros..])
            };
            Some(Key::Rsa(number()?, number()?))
        }
        "1.2.840.10045.2.1" if dotted(algorithm.expect(OBJECT_IDENTIFIER)?)? == "1.2.840.10045.3.1.7" => {
            let (4, point) = raw.split_first().map(|(form, point)| (*form, point))? else { return None };
            let (x, y) = point.split_at_checked(32).filter(|(_, y)| y.len() == 32)?;
            Some(Key::P256(x, y))
        }
        "1.3.101.112" if raw.len() == 32 => Some(Key::Ed25519(raw)),
        _ => None,
    }
}

/// An object identifier as numbers and dots (X.690 §8.19).
fn dotted(id: &[u8]) -> Option<String> {
    let (mut numbers, mut number, mut open) = (Vec::new(), 0_u64, false);
    for byte in id {
        number = number.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        open = byte & 0x80 != 0;
        if !open {
            numbers.push(number);
            number = 0;
        }
    }
    let (first, rest) = numbers.split_first().filter(|_| !open)?;
    let root = (first / 40).min(2);
    let all = [root, first - 40 * root].into_iter().chain(rest.iter().copied());
    Some(all.map(|number| number.to_string()).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn x690_8_19_identifiers_are_read_as_they_are_written() {
        assert_eq!(dotted(&[0x55, 0x1d, 0x11]).as_deref(), Some("2.5.29.17"));
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]).as_deref(), Some("1.2.840.10045.2.1"));
        assert_eq!(dotted(&[0x88, 0x37, 0x03]).as_deref(), Some("2.999.3"));
        assert_eq!((dotted(&[]), dotted(&[0x88]), dotted(&[0xff; 20])), (None, None, None));
    }

    #[test]
    fn x690_10_1_only_the_shortest_length_is_one() {
        let read = |bytes: &[u8]| Der(bytes).next().map(|(_, content)| content.len());
        assert_eq!((read(&[4, 1, 0]), read(&[4, 2, 0]), read(&[4, 0x80, 0, 0])), (Some(1), None, None));
        assert_eq!(read(&[4, 0x81, 1, 0]), None);
        assert_eq!(read(&[&[4, 0x81, 0x80][..], &[0; 128]].concat()), Some(128));
        assert_eq!(read(&[&[4, 0x82, 0, 0x80][..], &[0; 128]].concat()), None);
        assert_eq!((read(&[0x1f, 1, 0]), read(&[4, 0x84, 0, 0, 0, 1, 0])), (None, None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parts(&bytes);
        }
    }
}
