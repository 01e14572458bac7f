//! Mobile phone numbers of Uzbekistan: from any typed form to `998` and nine digits (requirement R6).
//! Whether a number is enrolled or blocked is not known here.

use std::fmt;

use serde::{Deserialize, Serializer};

use super::typed;

/// Codes of mobile networks. Because of number portability a code does not identify the operator, only that the
/// number is a mobile one.
const MOBILE_CODES: [&str; 17] =
    ["20", "33", "50", "70", "77", "80", "87", "88", "90", "91", "92", "93", "94", "95", "97", "98", "99"];

/// No operator has this code: numbers of test people, in the sandbox only.
const TEST_CODE: &str = "00";

/// Maximum length of an input, in characters.
const LONGEST_INPUT: usize = 64;

/// A mobile number of Uzbekistan. `Debug` and `Display` show the last four digits only; [`PhoneNumber::digits`] is
/// the one way to the whole number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PhoneNumber(String);

/// Why an input is not a mobile number of Uzbekistan. Each has its own words on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing was typed.
    #[error("no phone number given")]
    Empty,
    /// Invalid characters.
    #[error("not a phone number")]
    NotANumber,
    /// Fewer digits than a mobile number has.
    #[error("too few digits for a phone number")]
    TooShort,
    /// More digits than a mobile number has.
    #[error("too many digits for a phone number")]
    TooLong,
    /// A number of another country.
    #[error("not a phone number of Uzbekistan")]
    NotUzbek,
    /// A number of Uzbekistan that is not a mobile one (or a test number where there are none).
    #[error("not a mobile number of Uzbekistan")]
    NotMobile,
}

impl PhoneNumber {
    /// Reads what a person typed or pasted: with or without `+998`, `998` or `00998`, the old trunk prefix `8`
    /// before nine digits, grouped by spaces, brackets, dots or dashes, in digits of other scripts.
    /// Numbers of the test code `00` are accepted only if `allow_test_numbers`.
    ///
    /// # Errors
    /// See [`PhoneError`]; input is bounded, so any length may be passed.
    pub fn parse_typed(input: &str, allow_test_numbers: bool) -> Result<Self, PhoneError> {
        let (digits, plus) = typed_digits(input)?;
        let national = national_part(&digits, plus)?;
        let code = &national[..2];
        if MOBILE_CODES.contains(&code) || (allow_test_numbers && code == TEST_CODE) {
            Ok(Self(format!("998{national}")))
        } else {
            Err(PhoneError::NotMobile)
        }
    }

    /// Parses the stored form: exactly `998` and nine digits of a mobile or test code.
    ///
    /// # Errors
    /// [`PhoneError::NotANumber`] for any other form, [`PhoneError::NotMobile`] for other codes.
    pub fn from_digits(digits: &str) -> Result<Self, PhoneError> {
        let Some(national) = digits.strip_prefix("998") else { return Err(PhoneError::NotANumber) };
        if national.len() != 9 || !national.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PhoneError::NotANumber);
        }
        let code = &national[..2];
        if MOBILE_CODES.contains(&code) || code == TEST_CODE {
            Ok(Self(digits.to_owned()))
        } else {
            Err(PhoneError::NotMobile)
        }
    }

    /// The twelve digits, for gateways, sealing and look-up.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Whether the number belongs to a test person (code `00`).
    pub fn is_test(&self) -> bool {
        &self.0[3..5] == TEST_CODE
    }

    /// `+998 •• ••• 45 67`: recognisable by its owner only.
    pub fn masked(&self) -> String {
        format!("+998 •• ••• {} {}", &self.0[8..10], &self.0[10..])
    }

    /// `+998 90 123 45 67`, the whole number as its owner writes it; only for pages that show people their own.
    pub fn written_out(&self) -> String {
        let d = &self.0;
        format!("+998 {} {} {} {}", &d[3..5], &d[5..8], &d[8..10], &d[10..])
    }

    /// For `#[serde(serialize_with = "PhoneNumber::serialize_digits")]`: there is no `Serialize` impl, so that
    /// no struct exposes the whole number by accident.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize_digits<S: Serializer>(number: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number.0)
    }
}

/// The digits of an input, and whether a plus sign precedes them.
fn typed_digits(input: &str) -> Result<(String, bool), PhoneError> {
    let mut digits = String::new();
    let (mut plus, mut anything) = (false, false);
    for (position, c) in input.chars().enumerate() {
        if position >= LONGEST_INPUT {
            return Err(PhoneError::TooLong);
        }
        if typed::is_blank(c) {
            continue;
        }
        anything = true;
        if let Some(digit) = typed::digit(c) {
            digits.push(char::from(b'0' + digit));
        } else if matches!(c, '+' | '\u{FF0B}' | '\u{FE62}') && digits.is_empty() && !plus {
            plus = true;
        } else if !typed::is_dash(c) && !is_grouping(c) {
            return Err(PhoneError::NotANumber);
        }
    }
    match (anything, digits.is_empty()) {
        (false, _) => Err(PhoneError::Empty),
        (true, true) => Err(PhoneError::NotANumber),
        (true, false) => Ok((digits, plus)),
    }
}

/// Characters, besides dashes, that group digits.
fn is_grouping(c: char) -> bool {
    matches!(
        c,
        '(' | ')' | '[' | ']' | '.' | ',' | '/' | '_' | '·' | '•' | '\u{FF08}' | '\u{FF09}' | '\u{FF0E}'
    )
}

/// The nine digits after the country's code.
fn national_part(digits: &str, plus: bool) -> Result<&str, PhoneError> {
    if plus {
        return after_country_code(digits);
    }
    if let Some(rest) = digits.strip_prefix("00").or_else(|| digits.strip_prefix("810"))
        && digits.len() > 10
    {
        return after_country_code(rest);
    }
    match digits.len() {
        0..9 => Err(PhoneError::TooShort),
        9 => Ok(digits),
        10 if digits.starts_with('8') && MOBILE_CODES.contains(&&digits[1..3]) => Ok(&digits[1..]),
        _ if digits.starts_with("998") => after_country_code(digits),
        11 if digits.starts_with(['7', '8']) => Err(PhoneError::NotUzbek),
        12 => Err(PhoneError::NotUzbek),
        _ => Err(PhoneError::TooLong),
    }
}

fn after_country_code(digits: &str) -> Result<&str, PhoneError> {
    match digits.strip_prefix("998") {
        Some(national) if national.len() == 9 => Ok(national),
        Some(national) if national.len() < 9 => Err(PhoneError::TooShort),
        Some(_) => Err(PhoneError::TooLong),
        None if "998".starts_with(digits) => Err(PhoneError::TooShort),
        None => Err(PhoneError::NotUzbek),
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneError;

    fn try_from(digits: String) -> Result<Self, PhoneError> {
        Self::from_digits(&digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(input: &str) -> Result<String, PhoneError> {
        PhoneNumber::parse_typed(input, false).map(|number| number.digits().to_owned())
    }

    #[test]
    fn every_way_people_write_their_number_is_understood() {
        let ways = [
            "+998 90 123-45-67",
            "998901234567",
            "901234567",
            "90 123 45 67",
            "(90) 123-45-67",
            "+998(90)123.45.67",
            "00998901234567",
            "8 90 123 45 67",
            "8 10 998 90 123 45 67",
            "＋９９８　９０　１２３４５６７",
            "٩٩٨٩٠١٢٣٤٥٦٧",
            "۹۰۱۲۳۴۵۶۷",
            "+998\u{00A0}90\u{202F}123\u{2011}45\u{2013}67",
            "\u{202A}+998 90 123 45 67\u{202C}",
            "\t998\u{200B}90 123−45—67\r\n",
            "90/123_45_67",
        ];
        for way in ways {
            assert_eq!(typed(way).as_deref(), Ok("998901234567"), "{way:?}");
        }
    }

    #[test]
    fn every_mobile_code_is_accepted_and_no_other() {
        for code in 0..100 {
            let code = format!("{code:02}");
            let expected = MOBILE_CODES.contains(&code.as_str());
            assert_eq!(typed(&format!("+998{code}1234567")).is_ok(), expected, "{code}");
        }
        assert_eq!(typed("71 200 00 00"), Err(PhoneError::NotMobile));
        assert_eq!(typed("998961234567"), Err(PhoneError::NotMobile));
    }

    #[test]
    fn nine_digits_that_begin_like_the_countrys_code_are_a_number_of_their_own() {
        assert_eq!(typed("998901234").as_deref(), Ok("998998901234"));
        assert_eq!(typed("+998901234"), Err(PhoneError::TooShort));
    }

    #[test]
    fn each_mistake_has_its_own_answer() {
        for (input, error) in [
            ("", PhoneError::Empty),
            (" \u{00A0}\u{202A}", PhoneError::Empty),
            ("my number", PhoneError::NotANumber),
            ("90 123 45 6O", PhoneError::NotANumber),
            ("---", PhoneError::NotANumber),
            ("+", PhoneError::NotANumber),
            ("90+1234567", PhoneError::NotANumber),
            ("++998901234567", PhoneError::NotANumber),
            ("90 123 45 67; 91 123 45 67", PhoneError::NotANumber),
            ("9", PhoneError::TooShort),
            ("90 123 45 6", PhoneError::TooShort),
            ("+99", PhoneError::TooShort),
            ("99890123456", PhoneError::TooShort),
            ("9012345678", PhoneError::TooLong),
            ("9989012345678", PhoneError::TooLong),
            ("+998 90 123 45 67 8", PhoneError::TooLong),
            ("+7 901 234 56 78", PhoneError::NotUzbek),
            ("8 901 234 56 78", PhoneError::NotUzbek),
            ("992901234567", PhoneError::NotUzbek),
            ("007 901 234 56 78", PhoneError::NotUzbek),
            ("+1", PhoneError::NotUzbek),
        ] {
            assert_eq!(typed(input), Err(error), "{input:?}");
        }
    }

    #[test]
    fn endless_input_is_cut_short() {
        assert_eq!(typed(&"9".repeat(1_000_000)), Err(PhoneError::TooLong));
        assert_eq!(typed(&" ".repeat(1_000_000)), Err(PhoneError::TooLong));
    }

    #[test]
    fn test_numbers_exist_only_where_they_are_allowed() {
        for way in ["+998 00 123 45 67", "00 123 45 67", "00998001234567"] {
            assert_eq!(typed(way), Err(PhoneError::NotMobile), "{way}");
            let number = PhoneNumber::parse_typed(way, true).unwrap();
            assert_eq!(number.digits(), "998001234567");
            assert!(number.is_test());
        }
        assert!(!PhoneNumber::parse_typed("901234567", true).unwrap().is_test());
    }

    #[test]
    fn printing_a_number_hides_all_but_its_last_four_digits() {
        let number = PhoneNumber::from_digits("998901234567").unwrap();
        assert_eq!(number.to_string(), "+998 •• ••• 45 67");
        assert_eq!(format!("{number:?}"), "PhoneNumber(+998 •• ••• 45 67)");
        assert_eq!(number.written_out(), "+998 90 123 45 67");
    }

    #[test]
    fn stored_numbers_have_one_form_only() {
        for bad in
            ["+998901234567", "901234567", "99890123456", "9989012345678", "998711234567", "99890123456x"]
        {
            assert!(PhoneNumber::from_digits(bad).is_err(), "{bad}");
        }
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    proptest! {
        #[test]
        fn what_is_taken_is_a_mobile_number_and_reads_the_same_again(typed in "[ \\-+().0-9０-９]{0,20}|\\PC*") {
            if let Ok(number) = PhoneNumber::parse_typed(&typed, false) {
                prop_assert!(number.digits().len() == 12 && MOBILE_CODES.contains(&&number.digits()[3..5]));
                for form in [number.digits().to_owned(), number.written_out()] {
                    prop_assert_eq!(PhoneNumber::parse_typed(&form, false), Ok(number.clone()));
                }
                prop_assert_eq!(PhoneNumber::from_digits(number.digits()), Ok(number));
            }
        }

        #[test]
        fn a_number_is_understood_however_it_is_grouped(
            code in select(&MOBILE_CODES[..]),
            rest in "[0-9]{7}",
            prefix in select(&["", "998", "+998", "00998", "8 10 998"][..]),
            marks in prop::collection::vec(select(&["", " ", "-", ".", ") ", "\u{a0}", "\u{2013}"][..]), 9),
        ) {
            let grouped: String =
                code.chars().chain(rest.chars()).zip(&marks).map(|(digit, mark)| format!("{mark}{digit}")).collect();
            let number = PhoneNumber::parse_typed(&format!("{prefix}{grouped}"), false);
            let number = number.map(|number| number.digits().to_owned());
            prop_assert_eq!(number, Ok(format!("998{code}{rest}")));
        }
    }
}
