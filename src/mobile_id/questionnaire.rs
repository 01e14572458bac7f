//! The form of annex 2 (R26–R28, R53): what is typed, and one error for each field that is wrong. There is no field for a
//! representative (R24).

use serde::{Deserialize, Serialize};

use crate::people::document::DocumentNumberError;
use crate::people::names::is_apostrophe;
use crate::people::{
    Category, DocumentKind, DocumentNumber, PersonName, PhoneError, PhoneNumber, Pinfl, PinflError,
};

/// The longest part of a name, in characters.
const LONGEST_NAME: usize = 60;

/// The categories of person that annex 2 gives documents to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonCategory {
    /// A citizen of Uzbekistan.
    Citizen,
    /// A citizen of another country who lives here for a time.
    TemporaryForeigner,
    /// A stateless person who lives here for a time.
    TemporaryStateless,
    /// A citizen of another country with a permanent residence here.
    PermanentForeigner,
    /// A stateless person with a permanent residence here.
    PermanentStateless,
}

impl PersonCategory {
    /// All, in the order of annex 2.
    pub const ALL: [Self; 5] = [
        Self::Citizen,
        Self::TemporaryForeigner,
        Self::TemporaryStateless,
        Self::PermanentForeigner,
        Self::PermanentStateless,
    ];

    /// Its name in forms.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::TemporaryForeigner => "temporary_foreigner",
            Self::TemporaryStateless => "temporary_stateless",
            Self::PermanentForeigner => "permanent_foreigner",
            Self::PermanentStateless => "permanent_stateless",
        }
    }

    /// The category of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// The documents of which annex 2 accepts one (R27, R28).
    pub const fn documents(self) -> &'static [DocumentKind] {
        use DocumentKind as D;
        match self {
            Self::Citizen => &[D::BiometricPassport, D::IdCard, D::ForeignTravelPassport, D::DrivingLicence],
            Self::TemporaryForeigner => &[D::NationalPassport],
            Self::TemporaryStateless => &[D::TravelDocument],
            Self::PermanentForeigner | Self::PermanentStateless => &[D::ResidencePermit, D::IdCard],
        }
    }

    /// Whether such people live here for a time.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::TemporaryForeigner | Self::TemporaryStateless)
    }

    /// What a register calls the citizenship of such people.
    pub const fn citizenship(self) -> Category {
        match self {
            Self::Citizen => Category::Citizen,
            Self::TemporaryForeigner | Self::PermanentForeigner => Category::Foreigner,
            Self::TemporaryStateless | Self::PermanentStateless => Category::Stateless,
        }
    }
}

/// What was typed, field by field. What is not there is empty.
#[derive(Clone, Copy, Default, Debug)]
pub struct Typed<'a> {
    /// The family name.
    pub surname: &'a str,
    /// The given name.
    pub name: &'a str,
    /// The patronymic; empty for people who have none.
    pub patronymic: &'a str,
    /// The mobile number.
    pub number: &'a str,
    /// The personal identification number.
    pub pinfl: &'a str,
    /// [`PersonCategory::name`].
    pub category: &'a str,
    /// [`DocumentKind::name`].
    pub document: &'a str,
    /// Series and number of the document.
    pub document_number: &'a str,
}

/// A field of the form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Field {
    /// The family name.
    Surname,
    /// The given name.
    Name,
    /// The patronymic.
    Patronymic,
    /// The mobile number.
    Number,
    /// The personal identification number.
    Pinfl,
    /// The category of person.
    Category,
    /// The kind of document.
    Document,
    /// Series and number of the document.
    DocumentNumber,
}

impl Field {
    /// Its name in forms and in the app's API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Surname => "surname",
            Self::Name => "name",
            Self::Patronymic => "patronymic",
            Self::Number => "number",
            Self::Pinfl => "pinfl",
            Self::Category => "category",
            Self::Document => "document",
            Self::DocumentNumber => "document_number",
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldError {
    /// It is empty.
    Empty,
    /// A name has other characters than letters, apostrophes, dashes and blanks.
    Letters,
    /// A name is too long.
    TooLong,
    /// It is none of the choices.
    Unknown,
    /// Annex 2 gives this document to people of another category (R28).
    NotOfCategory,
    /// It is not a mobile number of Uzbekistan (R6).
    Phone(PhoneError),
    /// It is no personal identification number (R5).
    Pinfl(PinflError),
    /// It is not a number of this kind of document.
    DocumentNumber(DocumentNumberError),
}

impl FieldError {
    /// Its machine code in the app's API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty
            | Self::Phone(PhoneError::Empty)
            | Self::Pinfl(PinflError::Empty)
            | Self::DocumentNumber(DocumentNumberError::Empty) => "empty",
            Self::Letters
            | Self::Phone(PhoneError::NotANumber)
            | Self::DocumentNumber(DocumentNumberError::Characters) => "characters",
            Self::TooLong | Self::Phone(PhoneError::TooLong) => "too_long",
            Self::Unknown => "unknown",
            Self::NotOfCategory => "not_of_category",
            Self::Phone(PhoneError::TooShort) => "too_short",
            Self::Phone(PhoneError::NotUzbek) => "not_uzbek",
            Self::Phone(PhoneError::NotMobile) => "not_mobile",
            Self::Pinfl(PinflError::Shape) => "not_fourteen_digits",
            Self::Pinfl(PinflError::BirthDate) => "birth_date",
            Self::Pinfl(PinflError::Checksum) => "check_digit",
            Self::DocumentNumber(DocumentNumberError::Format) => "format",
        }
    }
}

/// The form, filled in and right in itself. `Debug` shows nobody's data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Questionnaire {
    /// The name, as it was typed.
    pub names: PersonName,
    /// The number to be bound.
    pub number: PhoneNumber,
    /// The personal identification number.
    pub pinfl: Pinfl,
    /// The category of person.
    pub category: PersonCategory,
    /// The kind of document that was presented.
    pub document: DocumentKind,
    /// Its series and number.
    pub document_number: DocumentNumber,
}

impl std::fmt::Debug for Questionnaire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Questionnaire({:?}, {:?})", self.category, self.document)
    }
}

impl Questionnaire {
    /// Reads the form.
    ///
    /// # Errors
    /// One error for each field that is wrong, in the order of the form.
    pub fn parse(typed: &Typed<'_>, test_numbers: bool) -> Result<Self, Vec<(Field, FieldError)>> {
        let mut wrong = Vec::new();
        let mut note = |field, error| wrong.push((field, error));
        let family = name(typed.surname).map_err(|error| note(Field::Surname, error)).ok();
        let given = name(typed.name).map_err(|error| note(Field::Name, error)).ok();
        let patronymic = match name(typed.patronymic) {
            Ok(patronymic) => Some(Some(patronymic)),
            Err(FieldError::Empty) => Some(None),
            Err(error) => {
                note(Field::Patronymic, error);
                None
            }
        };
        let number = PhoneNumber::parse_typed(typed.number, test_numbers)
            .map_err(|error| note(Field::Number, FieldError::Phone(error)))
            .ok();
        let pinfl =
            Pinfl::parse(typed.pinfl).map_err(|error| note(Field::Pinfl, FieldError::Pinfl(error))).ok();
        let category = PersonCategory::parse(typed.category);
        if category.is_none() {
            note(Field::Category, choice(typed.category));
        }
        let all = PersonCategory::ALL.iter().flat_map(|category| category.documents());
        let document = all.copied().find(|kind| kind.name() == typed.document);
        match (document, category) {
            (None, _) => note(Field::Document, choice(typed.document)),
            (Some(kind), Some(category)) if !category.documents().contains(&kind) => {
                note(Field::Document, FieldError::NotOfCategory);
            }
            _ => {}
        }
        let document_number = match document {
            Some(kind) => DocumentNumber::parse(kind, typed.document_number)
                .map_err(|error| note(Field::DocumentNumber, FieldError::DocumentNumber(error)))
                .ok(),
            // Without its kind only its absence can be told.
            None => {
                if typed.document_number.trim().is_empty() {
                    note(Field::DocumentNumber, FieldError::Empty);
                }
                None
            }
        };
        match (family, given, patronymic, number, pinfl, category, document, document_number) {
            (
                Some(family),
                Some(given),
                Some(patronymic),
                Some(number),
                Some(pinfl),
                Some(category),
                Some(document),
                Some(document_number),
            ) if wrong.is_empty() => Ok(Self {
                names: PersonName { family, given, patronymic },
                number,
                pinfl,
                category,
                document,
                document_number,
            }),
            _ => Err(wrong),
        }
    }
}

/// What is wrong where one of a list is to be chosen.
fn choice(typed: &str) -> FieldError {
    if typed.trim().is_empty() { FieldError::Empty } else { FieldError::Unknown }
}

/// A part of a name: letters of any script with what joins them.
fn name(typed: &str) -> Result<String, FieldError> {
    let words: Vec<&str> = typed.split_whitespace().collect();
    let name = words.join(" ");
    if name.is_empty() {
        return Err(FieldError::Empty);
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(FieldError::TooLong);
    }
    let fits = |c: char| c.is_alphabetic() || is_apostrophe(c) || matches!(c, ' ' | '-' | '.');
    if !name.chars().all(fits) || !name.chars().any(char::is_alphabetic) {
        return Err(FieldError::Letters);
    }
    Ok(name)
}

/// The form in which it is sealed.
#[derive(Serialize, Deserialize)]
struct Written {
    names: PersonName,
    number: String,
    pinfl: String,
    category: PersonCategory,
    document: DocumentKind,
    document_number: String,
}

impl From<Questionnaire> for Written {
    fn from(form: Questionnaire) -> Self {
        Self {
            number: form.number.digits().to_owned(),
            pinfl: form.pinfl.digits().to_owned(),
            names: form.names,
            category: form.category,
            document: form.document,
            document_number: form.document_number.as_str().to_owned(),
        }
    }
}

impl TryFrom<Written> for Questionnaire {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        Ok(Self {
            number: PhoneNumber::from_digits(&written.number).map_err(|_| "a number")?,
            pinfl: Pinfl::from_registry(&written.pinfl).map_err(|_| "a PINFL")?,
            document_number: DocumentNumber::parse(written.document, &written.document_number)
                .map_err(|_| "a document's number")?,
            names: written.names,
            category: written.category,
            document: written.document,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A form that is right.
    pub(crate) const RIGHT: Typed<'static> = Typed {
        surname: "Karimov",
        name: "Anvar",
        patronymic: "Olim o'g'li",
        number: "90 123 45 67",
        pinfl: "30101902040015",
        category: "citizen",
        document: "id_card",
        document_number: "AD 1234567",
    };

    fn wrong(typed: Typed<'_>) -> Vec<(Field, &'static str)> {
        let errors = Questionnaire::parse(&typed, false).unwrap_err();
        errors.into_iter().map(|(field, error)| (field, error.code())).collect()
    }

    #[test]
    fn r26_the_form_has_the_fields_of_annex_2_and_is_sealed_as_it_was_read() {
        let form = Questionnaire::parse(&RIGHT, false).unwrap();
        assert_eq!(form.number.digits(), "998901234567");
        assert_eq!(form.document_number.as_str(), "AD1234567");
        let sealed = serde_json::to_string(&form).unwrap();
        assert_eq!(serde_json::from_str::<Questionnaire>(&sealed).unwrap(), form);
        assert_eq!(format!("{form:?}"), "Questionnaire(Citizen, IdCard)");
        let none = Questionnaire::parse(&Typed { patronymic: " ", ..RIGHT }, false).unwrap();
        assert_eq!(none.names.patronymic, None, "a patronymic is there where somebody has one");
    }

    #[test]
    fn r45_every_wrong_field_has_its_own_error() {
        assert_eq!(
            wrong(Typed::default()),
            [
                (Field::Surname, "empty"),
                (Field::Name, "empty"),
                (Field::Number, "empty"),
                (Field::Pinfl, "empty"),
                (Field::Category, "empty"),
                (Field::Document, "empty"),
                (Field::DocumentNumber, "empty"),
            ]
        );
        let long = "a".repeat(61);
        for (typed, field, code) in [
            (Typed { surname: "K4rimov", ..RIGHT }, Field::Surname, "characters"),
            (Typed { name: &long, ..RIGHT }, Field::Name, "too_long"),
            (Typed { patronymic: "<b>", ..RIGHT }, Field::Patronymic, "characters"),
            (Typed { number: "71 123 45 67", ..RIGHT }, Field::Number, "not_mobile"),
            (Typed { number: "+7 901 123 45 67", ..RIGHT }, Field::Number, "not_uzbek"),
            (Typed { number: "00 123 45 67", ..RIGHT }, Field::Number, "not_mobile"),
            (Typed { pinfl: "30101902040016", ..RIGHT }, Field::Pinfl, "check_digit"),
            (Typed { pinfl: "3010190204001", ..RIGHT }, Field::Pinfl, "not_fourteen_digits"),
            (Typed { category: "king", ..RIGHT }, Field::Category, "unknown"),
            (Typed { document: "diploma", ..RIGHT }, Field::Document, "unknown"),
            (Typed { document_number: "AD 123456", ..RIGHT }, Field::DocumentNumber, "format"),
        ] {
            assert_eq!(wrong(typed), [(field, code)], "{typed:?}");
        }
    }

    #[test]
    fn r27_r28_only_the_pairs_of_annex_2_are_accepted() {
        let mut accepted = 0;
        for category in PersonCategory::ALL {
            let kinds = PersonCategory::ALL.iter().flat_map(|category| category.documents());
            let mut kinds: Vec<_> = kinds.copied().collect();
            kinds.sort_by_key(|kind| kind.name());
            kinds.dedup();
            assert_eq!(kinds.len(), 7);
            for kind in kinds {
                let typed = Typed {
                    category: category.name(),
                    document: kind.name(),
                    document_number: "AD1234567",
                    ..RIGHT
                };
                let read = Questionnaire::parse(&typed, false);
                assert_eq!(read.is_ok(), category.documents().contains(&kind), "{category:?} {kind:?}");
                accepted += usize::from(read.is_ok());
            }
        }
        assert_eq!(accepted, 10);
    }
}
