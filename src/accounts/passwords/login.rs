//! Logins: a person's PINFL at first (R44, D-e), or what they chose in its place (R113).

use crate::people::{Pinfl, digits_of};

/// The fewest and the most characters of a chosen login.
pub const LENGTH: std::ops::RangeInclusive<usize> = 4..=64;

/// A login that somebody chose, in lower case: Latin letters, digits, `.`, `_` and `-`, at least one of them a letter. So it cannot be
/// taken for anybody's PINFL or number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChosenLogin(String);

/// Why a login cannot be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginError {
    /// It is too short or too long.
    Length,
    /// It has other characters.
    Characters,
    /// It has no letter.
    NoLetter,
}

impl ChosenLogin {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`LoginError`].
    pub fn parse(typed: &str) -> Result<Self, LoginError> {
        let typed = typed.trim();
        if !typed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return Err(LoginError::Characters);
        }
        if !LENGTH.contains(&typed.len()) {
            return Err(LoginError::Length);
        }
        if !typed.bytes().any(|b| b.is_ascii_alphabetic()) {
            return Err(LoginError::NoLetter);
        }
        Ok(Self(typed.to_ascii_lowercase()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A login as somebody typed it to sign in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TypedLogin {
    /// Fourteen digits.
    Pinfl(Pinfl),
    /// What may have been chosen.
    Chosen(ChosenLogin),
    /// What is nobody's, cut to what is compared.
    Nobodys(String),
}

impl TypedLogin {
    /// Reads what was typed; `None` when nothing was.
    pub fn read(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        if typed.is_empty() {
            return None;
        }
        let pinfl = digits_of(typed, 80).and_then(|digits| Pinfl::from_registry(&digits).ok());
        Some(match (pinfl, ChosenLogin::parse(typed)) {
            (Some(pinfl), _) => Self::Pinfl(pinfl),
            (None, Ok(chosen)) => Self::Chosen(chosen),
            (None, Err(_)) => {
                Self::Nobodys(typed.chars().take(*LENGTH.end()).flat_map(char::to_lowercase).collect())
            }
        })
    }

    /// The text by which it is told apart.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Pinfl(pinfl) => pinfl.digits(),
            Self::Chosen(chosen) => chosen.as_str(),
            Self::Nobodys(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r113_a_chosen_login_is_plain_and_never_looks_like_a_pinfl_or_a_number() {
        let chosen = |typed: &str| ChosenLogin::parse(typed).map(|login| login.0);
        assert_eq!(chosen(" Aziz.Karimov_90-x ").as_deref(), Ok("aziz.karimov_90-x"));
        assert_eq!(chosen("a1b"), Err(LoginError::Length));
        assert_eq!(chosen(&"a".repeat(65)), Err(LoginError::Length));
        for typed in ["azíz", "aziz karimov", "aziz@mail", "азиз"] {
            assert_eq!(chosen(typed), Err(LoginError::Characters), "{typed}");
        }
        for typed in ["32506901234565", "998901234567", "90-123-45-67"] {
            assert_eq!(chosen(typed), Err(LoginError::NoLetter), "{typed}");
        }
    }

    #[test]
    fn what_is_typed_is_read_as_people_write_it() {
        let pinfl = Pinfl::from_registry("32506901234565").unwrap();
        assert_eq!(TypedLogin::read(" 3250690 123456-5 "), Some(TypedLogin::Pinfl(pinfl)));
        assert_eq!(TypedLogin::read("AZIZ.k").unwrap(), TypedLogin::read("aziz.K").unwrap());
        assert_eq!(TypedLogin::read("  "), None);
        assert!(matches!(TypedLogin::read("a b"), Some(TypedLogin::Nobodys(_))));
    }
}
