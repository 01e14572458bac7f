//! The code on a problem page that a person reads to support, by which the line in the log is found.

use std::fmt::{self, Write as _};

use crate::platform::bytes::Digest;

/// Digits, and letters that no one takes for another one, for a digit, or for a letter of the Cyrillic alphabet.
const SIGNS: &[u8; 15] = b"23456789DFJNRVW";

/// Eight signs in two groups of four, such as `4J7W-9D2F`; the same for the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupportCode([u8; 8]);

impl SupportCode {
    /// The code of the request with this id.
    pub fn of(request_id: &str) -> Self {
        let digest = Digest::of(request_id.as_bytes()).0;
        let mut drawn = u64::from_be_bytes([
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
        ]);
        Self([(); 8].map(|()| {
            let sign = SIGNS[usize::try_from(drawn % 15).unwrap_or(0)];
            drawn /= 15;
            sign
        }))
    }
}

impl fmt::Display for SupportCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, sign) in self.0.iter().enumerate() {
            if at == 4 {
                f.write_char('-')?;
            }
            f.write_char(char::from(*sign))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::SupportCode;

    #[test]
    fn a_code_has_two_groups_of_four_and_is_the_same_for_the_same_request() {
        let code = SupportCode::of("bxmswttye4h5buhaj4rr").to_string();
        assert_eq!(code, SupportCode::of("bxmswttye4h5buhaj4rr").to_string());
        let groups: Vec<&str> = code.split('-').collect();
        assert!(groups.len() == 2 && groups.iter().all(|group| group.len() == 4), "{code}");
        assert_ne!(code, SupportCode::of("bxmswttye4h5buhaj4rs").to_string());
    }

    #[test]
    fn no_sign_of_a_code_can_be_taken_for_another() {
        for n in 0..200 {
            let code = SupportCode::of(&n.to_string()).to_string();
            assert!(
                !code.contains(['0', 'O', '1', 'I', 'L', 'B', 'S', 'Z', 'P', 'H', 'C', 'X', 'Y', 'U']),
                "{code}"
            );
        }
    }
}
