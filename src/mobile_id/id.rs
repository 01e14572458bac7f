//! What an application for identification is called.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::platform::bytes::{self, Digest};

const LENGTH: usize = 26;

/// The identifier of an application: random, so that it reveals nothing and cannot be guessed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentificationId(String);

impl IdentificationId {
    /// A new identifier.
    pub fn random() -> Self {
        Self(bytes::random_alphanumeric::<LENGTH>())
    }

    /// An identifier that came from outside; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        (text.len() == LENGTH && plain).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is printed and told: it follows from the identifier, which does not follow from it.
    pub fn reference(&self) -> Reference {
        let letters = bytes::alphanumeric(&Digest::of(format!("reference {}", self.0).as_bytes()).0[..8]);
        Reference(letters.to_ascii_uppercase())
    }
}

/// The printable reference of an application: eight letters and digits, in two groups on paper.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reference(String);

impl Reference {
    /// Reads what somebody typed: blanks, dashes and small letters do not matter. `None` when it cannot be one.
    pub fn parse(typed: &str) -> Option<Self> {
        let kept =
            typed.chars().filter(|c| !(c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}')));
        let letters: String = kept.map(|c| c.to_ascii_uppercase()).take(9).collect();
        let fits =
            letters.len() == 8 && letters.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        fits.then_some(Self(letters))
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", &self.0[..4], &self.0[4..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_follows_from_its_application_and_is_read_as_people_write_it() {
        let id = IdentificationId::random();
        let reference = id.reference();
        assert_eq!(id.reference(), reference);
        assert_ne!(IdentificationId::random().reference(), reference);
        for typed in
            [reference.to_string(), reference.to_string().to_lowercase(), format!(" {} ", reference.as_str())]
        {
            assert_eq!(Reference::parse(&typed), Some(reference.clone()), "{typed}");
        }
        for typed in ["", "ABCD", "ABCD-EFGHI", "АБВГ-ДЕЖЗ"] {
            assert_eq!(Reference::parse(typed), None, "{typed}");
        }
        assert_eq!(IdentificationId::parse(id.as_str()), Some(id));
        assert_eq!(IdentificationId::parse("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), None);
    }
}
