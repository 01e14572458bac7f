//! The personal identification number (PINFL, JShShIR): fourteen digits that carry sex, century, birth date and a
//! check digit (resolution 177 of 2022-04-12). Requirement R5: no one without it can be a user.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::date::BirthDate;
use super::typed;

/// Maximum length of an input, including spaces between groups.
const LONGEST_INPUT: usize = 40;

/// A person's sex as the first digit of the number and the registries state it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// Male: the number's first digit is odd.
    Male,
    /// Female: the number's first digit is even.
    Female,
}

/// A PINFL. `Debug` shows only its last two digits; [`Pinfl::digits`] is the only access to the whole number.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Pinfl(String);

/// Why an input is not a PINFL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinflError {
    /// Nothing was typed.
    #[error("no PINFL given")]
    Empty,
    /// Not fourteen digits.
    #[error("a PINFL has fourteen digits")]
    Shape,
    /// The first digit is not a century, or digits two to seven are not a date in it.
    #[error("the PINFL carries no possible birth date")]
    BirthDate,
    /// The check digit is wrong: almost always a typing error.
    #[error("the PINFL's check digit is wrong")]
    Checksum,
}

impl Pinfl {
    /// Parses typed input: length, birth date, century and sex, check digit. Spaces, dashes and digits of
    /// other scripts are understood.
    ///
    /// # Errors
    /// The first rule that the input breaks.
    pub fn parse(input: &str) -> Result<Self, PinflError> {
        let mut digits = String::with_capacity(14);
        let mut seen = 0_usize;
        for c in input.chars().filter(|c| !typed::is_blank(*c) && !typed::is_dash(*c)) {
            seen += 1;
            match typed::digit(c) {
                Some(digit) if seen <= LONGEST_INPUT => digits.push(char::from(b'0' + digit)),
                _ => return Err(PinflError::Shape),
            }
        }
        if seen == 0 {
            return Err(PinflError::Empty);
        }
        let pinfl = Self::from_registry(&digits)?;
        if pinfl.birth_date().is_none() || pinfl.sex().is_none() {
            return Err(PinflError::BirthDate);
        }
        if pinfl.checksum_ok() { Ok(pinfl) } else { Err(PinflError::Checksum) }
    }

    /// Parses the form of registries and of our store: checks the length only, since records older than the rules exist.
    /// [`Pinfl::checksum_ok`] checks the check digit.
    ///
    /// # Errors
    /// [`PinflError::Shape`] when it is not exactly fourteen ASCII digits.
    pub fn from_registry(digits: &str) -> Result<Self, PinflError> {
        if digits.len() == 14 && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(digits.to_owned()))
        } else {
            Err(PinflError::Shape)
        }
    }

    /// The fourteen digits, for release or encryption only.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Whether the check digit is right (weights 7, 3, 1 repeating, modulo 10).
    pub fn checksum_ok(&self) -> bool {
        let (body, check) = self.0.as_bytes().split_at(13);
        let sum: u32 = body
            .iter()
            .zip([7, 3, 1].into_iter().cycle())
            .map(|(b, weight)| u32::from(b - b'0') * weight)
            .sum();
        sum % 10 == u32::from(check[0] - b'0')
    }

    /// The birth date in the number; `None` in old records without one.
    pub fn birth_date(&self) -> Option<BirthDate> {
        let bytes = self.0.as_bytes();
        let pair = |at: usize| (bytes[at] - b'0') * 10 + (bytes[at + 1] - b'0');
        let century = match bytes[0] {
            b'1' | b'2' => 1800,
            b'3' | b'4' => 1900,
            b'5' | b'6' => 2000,
            _ => return None,
        };
        BirthDate::new(century + i32::from(pair(5)), pair(3), pair(1))
    }

    /// The sex in the number: odd first digits are men's, even ones women's.
    pub fn sex(&self) -> Option<Sex> {
        match self.0.as_bytes()[0] {
            b'1' | b'3' | b'5' => Some(Sex::Male),
            b'2' | b'4' | b'6' => Some(Sex::Female),
            _ => None,
        }
    }

    /// The number for pages and logs: all but the last two digits hidden.
    pub fn masked(&self) -> String {
        format!("••••••••••••{}", &self.0[12..])
    }

    /// For `#[serde(serialize_with = "Pinfl::serialize_digits")]`: there is no `Serialize` impl, so that no
    /// struct exposes the whole number by accident.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize_digits<S: Serializer>(pinfl: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&pinfl.0)
    }
}

impl fmt::Debug for Pinfl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinfl({})", self.masked())
    }
}

impl TryFrom<String> for Pinfl {
    type Error = PinflError;

    fn try_from(digits: String) -> Result<Self, PinflError> {
        Self::from_registry(&digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: [&str; 7] = [
        "31210632040244",
        "31210932040247",
        "40201902050010",
        "30101902040015",
        "41505852050029",
        "50101052060033",
        "63112002070048",
    ];

    #[test]
    fn the_regulations_samples_are_accepted() {
        for sample in SAMPLES {
            assert_eq!(Pinfl::parse(sample).unwrap().digits(), sample);
        }
    }

    #[test]
    fn one_wrong_digit_anywhere_is_noticed() {
        for sample in SAMPLES {
            for at in 0..14 {
                let mut bytes = sample.as_bytes().to_vec();
                bytes[at] = b'0' + (bytes[at] - b'0' + 1) % 10;
                let wrong = String::from_utf8(bytes).unwrap();
                assert!(Pinfl::parse(&wrong).is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn birth_date_century_and_sex_are_read_from_the_digits() {
        let woman = Pinfl::parse("40201902050010").unwrap();
        assert_eq!(woman.birth_date(), BirthDate::new(1990, 1, 2));
        assert_eq!(woman.sex(), Some(Sex::Female));
        let young = Pinfl::parse("50101052060033").unwrap();
        assert_eq!(young.birth_date(), BirthDate::new(2005, 1, 1));
        assert_eq!(young.sex(), Some(Sex::Male));
    }

    #[test]
    fn typed_spaces_and_wide_digits_are_understood() {
        assert_eq!(Pinfl::parse(" 4 020190 205 001 0\u{00A0}").unwrap().digits(), "40201902050010");
        assert_eq!(Pinfl::parse("４０２０１９０２０５００１０").unwrap().digits(), "40201902050010");
    }

    #[test]
    fn each_broken_rule_has_its_own_answer() {
        assert_eq!(Pinfl::parse("  "), Err(PinflError::Empty));
        assert_eq!(Pinfl::parse("4020190205001"), Err(PinflError::Shape));
        assert_eq!(Pinfl::parse("4020190205001O"), Err(PinflError::Shape));
        assert_eq!(Pinfl::parse(&"4".repeat(10_000)), Err(PinflError::Shape));
        assert_eq!(Pinfl::parse("70201902050011"), Err(PinflError::BirthDate));
        assert_eq!(Pinfl::parse("43002902050010"), Err(PinflError::BirthDate));
        assert_eq!(Pinfl::parse("40201902050011"), Err(PinflError::Checksum));
    }

    #[test]
    fn a_registrys_old_number_is_kept_and_flagged() {
        let old = Pinfl::from_registry("40201902050011").unwrap();
        assert!(!old.checksum_ok());
        assert_eq!(Pinfl::from_registry("00000000000000").unwrap().birth_date(), None);
        assert_eq!(Pinfl::from_registry("4020190205001\u{FF11}"), Err(PinflError::Shape));
    }

    #[test]
    fn debug_output_does_not_reveal_the_number() {
        let shown = format!("{:?}", Pinfl::parse("40201902050010").unwrap());
        assert_eq!(shown, "Pinfl(••••••••••••10)");
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    /// A number that keeps every rule.
    fn valid() -> impl Strategy<Value = String> {
        ("[3-6]", 1_u8..=28, 1_u8..=12, "[0-9]{2}", "[0-9]{6}").prop_map(|(first, day, month, year, rest)| {
            let body = format!("{first}{day:02}{month:02}{year}{rest}");
            let weights = [7, 3, 1].into_iter().cycle();
            let sum: u32 = body.bytes().zip(weights).map(|(b, weight)| u32::from(b - b'0') * weight).sum();
            format!("{body}{}", sum % 10)
        })
    }

    proptest! {
        #[test]
        fn what_is_taken_has_fourteen_digits_that_agree(typed in "[ 0-9\\-]{0,20}|\\PC*") {
            if let Ok(pinfl) = Pinfl::parse(&typed) {
                prop_assert!(pinfl.digits().len() == 14 && pinfl.checksum_ok());
                prop_assert!(pinfl.birth_date().is_some() && pinfl.sex().is_some());
            }
        }

        #[test]
        fn a_slip_of_one_finger_is_noticed(digits in valid(), place in 0_usize..14, by in 1_u8..10) {
            prop_assert!(Pinfl::parse(&digits).is_ok());
            let mut slipped = digits.into_bytes();
            slipped[place] = b'0' + (slipped[place] - b'0' + by) % 10;
            prop_assert!(Pinfl::parse(&String::from_utf8(slipped).unwrap()).is_err());
        }
    }
}
