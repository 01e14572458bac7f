//! Whom a certificate names (RFC 8705 §2.1.2), and its public key as RFC 7638 names keys.

use std::net::IpAddr;

use super::der::{Key, parts};
use crate::platform::bytes::{self, Digest};

/// What in a certificate names its client; one of them is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectName {
    /// The subject, from the root of its tree on: relative names with their attributes, by type and value.
    Distinguished(Vec<Vec<(String, String)>>),
    /// A host among the alternative names.
    Dns(String),
    /// A URI among them.
    Uri(String),
    /// An address among them.
    Ip(IpAddr),
    /// A mailbox among them.
    Email(String),
}

/// Types of attributes by their names (RFC 4514 §3, RFC 4519 §2, RFC 2985).
const TYPES: [(&str, &str); 16] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("TITLE", "2.5.4.12"),
    ("GIVENNAME", "2.5.4.42"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
];

impl SubjectName {
    /// Reads a distinguished name as RFC 4514 writes it: the most specific relative name first. `None` if it is none.
    pub fn distinguished(text: &str) -> Option<Self> {
        let mut names = Vec::new();
        for relative in split(text, ',')? {
            let mut attributes = Vec::new();
            for attribute in split(relative, '+')? {
                let (kind, value) = attribute.split_once('=')?;
                attributes.push((type_of(kind.trim())?, unescaped(value)?));
            }
            attributes.sort();
            names.push(attributes);
        }
        names.reverse();
        Some(Self::Distinguished(names))
    }

    /// Whether the certificate with this DER has the name. Values are compared as they are, hosts without regard to case.
    pub fn names(&self, der: &[u8]) -> bool {
        let Some(certificate) = parts(der) else { return false };
        if let Self::Distinguished(names) = self {
            return certificate.subject.is_some_and(|subject| subject == *names);
        }
        let mut alternative = certificate.alternative;
        while let Some((tag, name)) = alternative.next() {
            if self.is(tag, name) {
                return true;
            }
        }
        false
    }

    /// Whether it is the alternative name of this kind (RFC 5280 §4.2.1.6).
    fn is(&self, tag: u8, name: &[u8]) -> bool {
        match (self, tag) {
            (Self::Email(mailbox), 0x81) => mailbox.as_bytes() == name,
            (Self::Dns(host), 0x82) => host.as_bytes().eq_ignore_ascii_case(name),
            (Self::Uri(uri), 0x86) => uri.as_bytes() == name,
            (Self::Ip(IpAddr::V4(address)), 0x87) => address.octets() == name,
            (Self::Ip(IpAddr::V6(address)), 0x87) => address.octets() == name,
            _ => false,
        }
    }
}

fn type_of(name: &str) -> Option<String> {
    let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some((_, oid)) = known {
        return Some((*oid).to_owned());
    }
    let dotted = name.contains('.') && name.split('.').all(|part| part.parse::<u64>().is_ok());
    dotted.then(|| name.to_owned())
}

/// The parts of a text between separators that are not escaped; `None` if one is empty.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, sign) in text.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            sign if sign == separator => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.iter().all(|part| !part.trim().is_empty()).then_some(parts)
}

/// RFC 4514 §2.4, §3. The form with `#` and hexadecimal digits is not taken.
fn unescaped(value: &str) -> Option<String> {
    let mut value = value.trim_start();
    // A blank at the end belongs to the value if it is escaped.
    while let Some(shorter) = value.strip_suffix(' ').filter(|shorter| !shorter.ends_with('\\')) {
        value = shorter;
    }
    if value.starts_with('#') || value.is_empty() {
        return None;
    }
    let (mut out, mut rest) = (Vec::new(), value.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'\\' => {
                let escape = *after.first()?;
                if escape.is_ascii_hexdigit() {
                    out.push(u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok()?);
                    rest = &after[2..];
                } else if b" \"#+,;<=>\\".contains(&escape) {
                    out.push(escape);
                    rest = &after[1..];
                } else {
                    return None;
                }
            }
            b'"' | b';' | b'<' | b'>' | 0 => return None,
            other => out.push(*other),
        }
    }
    String::from_utf8(out).ok()
}

/// The thumbprint (RFC 7638) of a certificate's public key, if it is RSA, P-256 or Ed25519.
pub fn public_key(der: &[u8]) -> Option<Digest> {
    let encode = |raw: &[u8]| bytes::encode(raw);
    let canonical = match parts(der)?.key? {
        Key::Rsa(n, e) => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
        Key::P256(x, y) => {
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y))
        }
        Key::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
    };
    Some(Digest::of(canonical.as_bytes()))
}
