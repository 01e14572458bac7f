//! The form of codes and tokens: 122 random bits as a version 4 UUID (RFC 9562 §5.4).

use std::fmt::Write as _;

use crate::platform::bytes;

/// A UUID as text, in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uuid(String);

impl Uuid {
    /// From the operating system's generator.
    pub(super) fn random() -> Self {
        Self::of(bytes::random())
    }

    /// Of bytes as good as random ones, six bits of which say that they are.
    pub(super) fn of(mut random: [u8; 16]) -> Self {
        random[6] = (random[6] & 0x0F) | 0x40;
        random[8] = (random[8] & 0x3F) | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in random.iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                text.push('-');
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// Reads one that came from outside, in letters of either case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let dash = |at: usize| [8, 13, 18, 23].contains(&at);
        let fits = text.len() == 36
            && text
                .bytes()
                .enumerate()
                .all(|(at, byte)| if dash(at) { byte == b'-' } else { byte.is_ascii_hexdigit() });
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// Its text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_is_read_in_either_case() {
        assert_eq!(Uuid::of([0; 16]).as_str(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(Uuid::of([0xFF; 16]).as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let made = Uuid::random();
        assert_eq!(Uuid::parse(&made.as_str().to_ascii_uppercase()), Some(made));
        for odd in ["", "0", "00000000-0000-4000-8000-00000000000", "00000000_0000-4000-8000-000000000000"] {
            assert_eq!(Uuid::parse(odd), None, "{odd}");
        }
        assert_eq!(Uuid::parse("0000000é-0000-4000-8000-00000000000"), None);
    }
}
