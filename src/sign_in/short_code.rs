//! A short code that a person types and that names something which waits (RFC 8628 §6.1): eight consonants, 34 bits, of which no two look alike and no word is made.

use crate::platform::bytes;

const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A short code, without its dash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortCode(String);

impl ShortCode {
    /// From the operating system's generator.
    pub fn random() -> Self {
        let mut letters = String::with_capacity(8);
        while letters.len() < 8 {
            // 240 is the largest multiple of 20 in a byte: above it the first letters would come more often.
            let drawn = bytes::random::<16>();
            let fair = drawn.iter().filter(|byte| **byte < 240);
            let more = fair.map(|byte| char::from(ALPHABET[usize::from(byte % 20)]));
            letters.extend(more.take(8 - letters.len()));
        }
        Self(letters)
    }

    /// Reads what somebody typed: small letters, blanks and dashes of any kind do not matter.
    pub fn parse(typed: &str) -> Option<Self> {
        let skipped =
            |c: &char| !(c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '.' | '_'));
        let letters: String = typed.chars().filter(skipped).map(|c| c.to_ascii_uppercase()).take(9).collect();
        let fits = letters.len() == 8 && letters.bytes().all(|letter| ALPHABET.contains(&letter));
        fits.then_some(Self(letters))
    }

    /// Its letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people read it: in two groups.
    pub fn shown(&self) -> String {
        format!("{}-{}", &self.0[..4], &self.0[4..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_read_leniently_and_nothing_else() {
        let code = ShortCode::parse("WDJB-MJHT").unwrap();
        for typed in ["wdjbmjht", " wdjb mjht ", "WDJB\u{2013}MJHT", "w-d-j-b-m-j-h-t"] {
            assert_eq!(ShortCode::parse(typed), Some(code.clone()), "{typed}");
        }
        for typed in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH0", "ШДЖБ-МЖХТ"] {
            assert_eq!(ShortCode::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_code_that_is_made_is_one_that_can_be_typed() {
        for _ in 0..200 {
            let code = ShortCode::random();
            assert_eq!(ShortCode::parse(&code.shown().to_lowercase()), Some(code));
        }
    }
}
