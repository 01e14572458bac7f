//! Temporary passwords: what a message tells somebody once.

use zeroize::Zeroizing;

use crate::platform::bytes;

/// Letters and digits that nobody takes for one another.
const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Random bytes from here on are not used, so that each letter is as likely as any other.
const UNEVEN: u8 = 248;

/// Characters in a group, and groups.
const GROUPS: [usize; 3] = [4, 4, 4];

/// A temporary password: fifty-nine random bits, in groups of four with hyphens between.
pub struct Temporary(Zeroizing<String>);

impl Temporary {
    pub(super) fn random() -> Self {
        let mut text = Zeroizing::new(String::with_capacity(16));
        for group in GROUPS {
            if !text.is_empty() {
                text.push('-');
            }
            let even = std::iter::repeat_with(|| bytes::random::<1>()[0]).filter(|byte| *byte < UNEVEN);
            text.extend(even.take(group).map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()])));
        }
        Self(text)
    }

    /// Its text, for the message.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_password_is_easily_read_and_typed() {
        let (one, other) = (Temporary::random(), Temporary::random());
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.as_str().len(), 14);
        assert!(one.as_str().bytes().all(|b| b == b'-' || LETTERS.contains(&b)), "{}", one.as_str());
    }
}
