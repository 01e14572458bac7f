//! Identity documents: accepted kinds (requirements R27, R28) and the form of their numbers. A person's
//! document changes, so it is never used as a key.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::date::CivilDate;
use super::typed;

/// Maximum length of an input, in characters.
const LONGEST_INPUT: usize = 40;

/// The kinds of document that identification accepts (resolution 479, annex 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A citizen's biometric passport.
    BiometricPassport,
    /// An ID-card: a citizen's, or a permanently resident foreigner's or stateless person's.
    IdCard,
    /// A citizen's passport for travel abroad.
    ForeignTravelPassport,
    /// A citizen's driving licence of the new form.
    DrivingLicence,
    /// A temporarily resident foreigner's passport of their own country.
    NationalPassport,
    /// A temporarily resident stateless person's travel document.
    TravelDocument,
    /// A permanently resident foreigner's or stateless person's residence permit.
    ResidencePermit,
}

/// The categories of person that annex 2 gives documents to. It also tells temporary from permanent residence, which the
/// document itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// A citizen of Uzbekistan.
    Citizen,
    /// A citizen of another country.
    Foreigner,
    /// A stateless person.
    Stateless,
}

impl Category {
    /// The citizenship (ISO 3166-1) that stands for none. ISO keeps it free for such uses.
    pub const STATELESS: &str = "XX";

    /// The category of a citizenship, ISO 3166-1 alpha-2.
    pub fn of(citizenship: &str) -> Self {
        match citizenship {
            "UZ" => Self::Citizen,
            Self::STATELESS => Self::Stateless,
            _ => Self::Foreigner,
        }
    }

    /// The kinds of document that identification accepts from this category (R27, R28).
    pub const fn documents(self) -> &'static [DocumentKind] {
        use DocumentKind as D;
        match self {
            Self::Citizen => &[D::BiometricPassport, D::IdCard, D::ForeignTravelPassport, D::DrivingLicence],
            Self::Foreigner => &[D::NationalPassport, D::ResidencePermit, D::IdCard],
            Self::Stateless => &[D::TravelDocument, D::ResidencePermit, D::IdCard],
        }
    }
}

impl DocumentKind {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BiometricPassport => "biometric_passport",
            Self::IdCard => "id_card",
            Self::ForeignTravelPassport => "foreign_travel_passport",
            Self::DrivingLicence => "driving_licence",
            Self::NationalPassport => "national_passport",
            Self::TravelDocument => "travel_document",
            Self::ResidencePermit => "residence_permit",
        }
    }

    /// Whether numbers of this kind are two letters and seven digits; the others have a free form within bounds.
    fn has_series(self) -> bool {
        matches!(
            self,
            Self::BiometricPassport | Self::IdCard | Self::ForeignTravelPassport | Self::DrivingLicence
        )
    }
}

/// A document's series and number, in upper-case Latin letters and digits. `Debug` shows only the last two.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DocumentNumber(String);

/// Why an input is not a number of the document's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentNumberError {
    /// Nothing was typed.
    #[error("no document number given")]
    Empty,
    /// An invalid character.
    #[error("a document number has Latin letters and digits only")]
    Characters,
    /// Not two letters and seven digits, or for free forms not 5 to 20 characters.
    #[error("not a number of this kind of document")]
    Format,
}

impl DocumentNumber {
    /// Reads a number as people type it and registries split it: spaces, dashes and the sign № are dropped, letters
    /// upper-cased, Cyrillic letters that look like Latin ones converted.
    ///
    /// # Errors
    /// See [`DocumentNumberError`]; input is bounded, so any length may be passed.
    pub fn parse(kind: DocumentKind, input: &str) -> Result<Self, DocumentNumberError> {
        let mut number = String::with_capacity(9);
        for (position, c) in input.chars().enumerate() {
            if position >= LONGEST_INPUT {
                return Err(DocumentNumberError::Format);
            }
            if typed::is_blank(c) || typed::is_dash(c) || c == '№' {
                continue;
            }
            number.push(folded(c).ok_or(DocumentNumberError::Characters)?);
        }
        let bytes = number.as_bytes();
        let right = if kind.has_series() {
            bytes.len() == 9
                && bytes[..2].iter().all(u8::is_ascii_uppercase)
                && bytes[2..].iter().all(u8::is_ascii_digit)
        } else {
            (5..=20).contains(&bytes.len())
        };
        match (bytes.is_empty(), right) {
            (true, _) => Err(DocumentNumberError::Empty),
            (false, false) => Err(DocumentNumberError::Format),
            (false, true) => Ok(Self(number)),
        }
    }

    /// The whole number, for release or encryption only.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number for pages and logs: all but the last two characters hidden.
    pub fn masked(&self) -> String {
        let (hidden, shown) = self.0.split_at(self.0.len() - 2);
        format!("{}{shown}", "•".repeat(hidden.len()))
    }
}

impl fmt::Debug for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocumentNumber({})", self.masked())
    }
}

/// One character of a number in its stored form; `None` if invalid.
fn folded(c: char) -> Option<char> {
    if let Some(digit) = typed::digit(c) {
        return Some(char::from(b'0' + digit));
    }
    Some(match c {
        'A'..='Z' => c,
        'a'..='z' => c.to_ascii_uppercase(),
        'А' | 'а' => 'A',
        'В' | 'в' => 'B',
        'С' | 'с' => 'C',
        'Е' | 'е' => 'E',
        'Н' | 'н' => 'H',
        'К' | 'к' => 'K',
        'М' | 'м' => 'M',
        'О' | 'о' => 'O',
        'Р' | 'р' => 'P',
        'Т' | 'т' => 'T',
        'Х' | 'х' => 'X',
        _ => return None,
    })
}

/// A person's identity document, as stated by a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenDocument")]
pub struct Document {
    /// The kind of document.
    pub kind: DocumentKind,
    /// Its series and number.
    #[serde(serialize_with = "serialize_number")]
    pub number: DocumentNumber,
    /// The body that issued it, in its own words.
    pub issuer: String,
    /// The date of issue, the first day of its validity.
    pub issued_on: CivilDate,
    /// The last day of its validity.
    pub expires_on: CivilDate,
}

impl Document {
    /// Whether the document is valid on `today`, its first and last days included.
    pub fn is_valid_on(&self, today: CivilDate) -> bool {
        (self.issued_on..=self.expires_on).contains(&today)
    }
}

fn serialize_number<S: Serializer>(number: &DocumentNumber, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.0)
}

/// A document before its number is checked against its kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDocument {
    kind: DocumentKind,
    number: String,
    issuer: String,
    issued_on: CivilDate,
    expires_on: CivilDate,
}

impl TryFrom<WrittenDocument> for Document {
    type Error = DocumentNumberError;

    fn try_from(written: WrittenDocument) -> Result<Self, DocumentNumberError> {
        let WrittenDocument { kind, number, issuer, issued_on, expires_on } = written;
        let number = DocumentNumber::parse(kind, &number)?;
        Ok(Self { kind, number, issuer, issued_on, expires_on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_card(input: &str) -> Result<String, DocumentNumberError> {
        DocumentNumber::parse(DocumentKind::IdCard, input).map(|number| number.as_str().to_owned())
    }

    #[test]
    fn a_number_is_understood_however_it_is_typed() {
        for way in [
            "AC1234567",
            "ac 1234567",
            "АС 1234567",
            "ас-123-45-67",
            "AC№1234567",
            "AC\u{00A0}１２３４５６７",
        ] {
            assert_eq!(id_card(way).as_deref(), Ok("AC1234567"), "{way:?}");
        }
    }

    #[test]
    fn all_look_alike_letters_are_folded() {
        let folded = DocumentNumber::parse(DocumentKind::NationalPassport, "АВСЕНКМОРТХ").unwrap();
        assert_eq!(folded.as_str(), "ABCEHKMOPTX");
    }

    #[test]
    fn a_number_of_another_form_is_refused() {
        assert_eq!(id_card(" "), Err(DocumentNumberError::Empty));
        for bad in ["A1234567", "AC123456", "AC12345678", "AAC123456", "1234567AC"] {
            assert_eq!(id_card(bad), Err(DocumentNumberError::Format), "{bad}");
        }
        for bad in ["ЯЖ1234567", "AC'234567", "ÅC1234567"] {
            assert_eq!(id_card(bad), Err(DocumentNumberError::Characters), "{bad}");
        }
        assert_eq!(id_card(&"7".repeat(100_000)), Err(DocumentNumberError::Format));
    }

    #[test]
    fn annex_2_says_whose_document_is_accepted() {
        use DocumentKind as D;
        let all = [
            D::BiometricPassport,
            D::IdCard,
            D::ForeignTravelPassport,
            D::DrivingLicence,
            D::NationalPassport,
            D::TravelDocument,
            D::ResidencePermit,
        ];
        let accepted = |citizenship| all.map(|kind| Category::of(citizenship).documents().contains(&kind));
        assert_eq!(accepted("UZ"), [true, true, true, true, false, false, false]);
        assert_eq!(accepted("KZ"), [false, true, false, false, true, false, true]);
        assert_eq!(accepted(Category::STATELESS), [false, true, false, false, false, true, true]);
        for kind in all {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn foreign_numbers_are_free_within_bounds() {
        let kind = DocumentKind::NationalPassport;
        assert!(DocumentNumber::parse(kind, "C01X0006H").is_ok());
        assert_eq!(DocumentNumber::parse(kind, "1234"), Err(DocumentNumberError::Format));
        assert_eq!(DocumentNumber::parse(kind, &"1".repeat(21)), Err(DocumentNumberError::Format));
    }

    #[test]
    fn a_document_is_valid_from_its_first_to_its_last_day() {
        let text = r#"{"kind":"id_card","number":"AD 7654321","issuer":"IIV","issued_on":"2020-05-01","expires_on":"2030-04-30"}"#;
        let document: Document = serde_json::from_str(text).unwrap();
        assert_eq!(document.number.as_str(), "AD7654321");
        let valid = |day| document.is_valid_on(CivilDate::parse(day).unwrap());
        assert_eq!(
            [valid("2020-04-30"), valid("2020-05-01"), valid("2030-04-30"), valid("2030-05-01")],
            [false, true, true, false]
        );
        assert_eq!(
            serde_json::from_str::<Document>(&serde_json::to_string(&document).unwrap()).unwrap(),
            document
        );
    }

    #[test]
    fn a_document_whose_number_does_not_fit_its_kind_is_not_read() {
        let text = r#"{"kind":"id_card","number":"12","issuer":"IIV","issued_on":"2020-05-01","expires_on":"2030-04-30"}"#;
        assert!(serde_json::from_str::<Document>(text).is_err());
    }

    #[test]
    fn debug_output_does_not_reveal_the_number() {
        let number = DocumentNumber::parse(DocumentKind::IdCard, "AD7654321").unwrap();
        assert_eq!(format!("{number:?}"), "DocumentNumber(•••••••21)");
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    const KINDS: [DocumentKind; 3] =
        [DocumentKind::IdCard, DocumentKind::NationalPassport, DocumentKind::TravelDocument];

    proptest! {
        #[test]
        fn what_is_taken_is_in_its_stored_form(kind in select(&KINDS[..]), typed in "[ A-Za-zАВСаев0-9№-]{0,24}|\\PC*") {
            if let Ok(number) = DocumentNumber::parse(kind, &typed) {
                let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
                prop_assert!(number.as_str().bytes().all(plain), "{}", number.as_str());
                prop_assert_eq!(DocumentNumber::parse(kind, number.as_str()), Ok(number.clone()));
                prop_assert!(number.masked().ends_with(&number.as_str()[number.as_str().len() - 2..]));
                prop_assert_eq!(number.masked().chars().count(), number.as_str().len());
            }
        }

        #[test]
        fn a_number_is_read_however_it_is_typed(
            letters in "[ABCEHKMOPTX]{2}",
            digits in "[0-9]{7}",
            mark in select(&["", " ", " № ", "-"][..]),
            small in any::<bool>(),
        ) {
            let typed = format!("{letters}{mark}{digits}");
            let typed = if small { typed.to_lowercase() } else { typed };
            let number = DocumentNumber::parse(DocumentKind::IdCard, &typed).unwrap();
            prop_assert_eq!(number.as_str(), format!("{letters}{digits}"));
        }
    }
}
