//! The form: PINFL, document and number (R113), or an electronic signature and a number (R114); one error for each field that is wrong.

use serde::{Deserialize, Serialize};

use crate::mobile_id::{Field, FieldError};
use crate::people::{DocumentKind, DocumentNumber, PhoneNumber, Pinfl};
use crate::platform::web::params::Params;
use crate::sign_in::EriProof;

/// The documents, in the order of the form, with the keys of their names. Foreigners enter the one with which the PINFL was obtained (R116).
pub(super) const DOCUMENTS: [(DocumentKind, &str); 7] = [
    (DocumentKind::IdCard, "document.id_card"),
    (DocumentKind::BiometricPassport, "document.biometric_passport"),
    (DocumentKind::ForeignTravelPassport, "document.foreign_travel_passport"),
    (DocumentKind::DrivingLicence, "document.driving_licence"),
    (DocumentKind::ResidencePermit, "document.residence_permit"),
    (DocumentKind::NationalPassport, "document.national_passport"),
    (DocumentKind::TravelDocument, "document.travel_document"),
];

/// What was typed, field by field.
#[derive(Clone, Default)]
pub(super) struct Typed {
    pub(super) pinfl: String,
    pub(super) document: String,
    pub(super) document_number: String,
    pub(super) number: String,
}

impl Typed {
    pub(super) fn of(form: &Params) -> Self {
        let of = |name: &str| form.get(name).unwrap_or_default().chars().take(64).collect();
        Self {
            pinfl: of(Field::Pinfl.name()),
            document: of(Field::Document.name()),
            document_number: of(Field::DocumentNumber.name()),
            number: of(Field::Number.name()),
        }
    }
}

/// The form, right in itself.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub(super) struct Form {
    pub(super) pinfl: Pinfl,
    pub(super) by: By,
    pub(super) number: PhoneNumber,
}

/// By what the person of a form is known to be meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// A document (R113, R116).
    Document(DocumentKind, DocumentNumber),
    /// An electronic signature, by the key of a certificate in this name (R114).
    Signature(String),
}

impl Form {
    /// Reads the form of somebody who signed: it asks for the number alone.
    ///
    /// # Errors
    /// As [`Form::parse`].
    pub(super) fn signed(
        proof: EriProof,
        typed: &Typed,
        test_numbers: bool,
    ) -> Result<Self, Vec<(Field, FieldError)>> {
        let number = number(typed, test_numbers).map_err(|error| vec![error])?;
        Ok(Self { pinfl: proof.pinfl, by: By::Signature(proof.name), number })
    }

    /// Reads it.
    ///
    /// # Errors
    /// One for each field that is wrong, in the order of the form.
    pub(super) fn parse(typed: &Typed, test_numbers: bool) -> Result<Self, Vec<(Field, FieldError)>> {
        let mut wrong = Vec::new();
        let mut note = |field, error| wrong.push((field, error));
        let pinfl =
            Pinfl::parse(&typed.pinfl).map_err(|error| note(Field::Pinfl, FieldError::Pinfl(error))).ok();
        let document = DOCUMENTS.iter().map(|row| row.0).find(|kind| kind.name() == typed.document);
        if document.is_none() {
            note(
                Field::Document,
                if typed.document.is_empty() { FieldError::Empty } else { FieldError::Unknown },
            );
        }
        let document_number = match document {
            Some(kind) => DocumentNumber::parse(kind, &typed.document_number)
                .map_err(|error| note(Field::DocumentNumber, FieldError::DocumentNumber(error)))
                .ok(),
            None => None,
        };
        let number = number(typed, test_numbers).map_err(|(field, error)| note(field, error)).ok();
        match (pinfl, document, document_number, number) {
            (Some(pinfl), Some(document), Some(document_number), Some(number)) => {
                Ok(Self { pinfl, by: By::Document(document, document_number), number })
            }
            _ => Err(wrong),
        }
    }
}

fn number(typed: &Typed, test_numbers: bool) -> Result<PhoneNumber, (Field, FieldError)> {
    PhoneNumber::parse_typed(&typed.number, test_numbers)
        .map_err(|error| (Field::Number, FieldError::Phone(error)))
}

/// The form in the store.
#[derive(Serialize, Deserialize)]
struct Written {
    pinfl: String,
    by: WrittenBy,
    number: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenBy {
    Document(DocumentKind, String),
    Signature(String),
}

impl From<Form> for Written {
    fn from(form: Form) -> Self {
        Self {
            pinfl: form.pinfl.digits().to_owned(),
            by: match form.by {
                By::Document(kind, number) => WrittenBy::Document(kind, number.as_str().to_owned()),
                By::Signature(name) => WrittenBy::Signature(name),
            },
            number: form.number.digits().to_owned(),
        }
    }
}

impl TryFrom<Written> for Form {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { pinfl, by, number } = written;
        Ok(Self {
            pinfl: Pinfl::from_registry(&pinfl).map_err(|error| error.to_string())?,
            by: match by {
                WrittenBy::Document(kind, number) => By::Document(
                    kind,
                    DocumentNumber::parse(kind, &number).map_err(|error| error.to_string())?,
                ),
                WrittenBy::Signature(name) => By::Signature(name),
            },
            number: PhoneNumber::from_digits(&number).map_err(|error| error.to_string())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pinfl: &str, document: &str, document_number: &str, number: &str) -> Typed {
        let [pinfl, document, document_number, number] =
            [pinfl, document, document_number, number].map(str::to_owned);
        Typed { pinfl, document, document_number, number }
    }

    #[test]
    fn r113_the_form_is_right_in_itself_or_says_which_fields_are_not() {
        let right = typed("41405882050012", "id_card", "ad 7000001", "+998 90 123 45 67");
        let form = Form::parse(&right, false).ok().unwrap();
        let number = DocumentNumber::parse(DocumentKind::IdCard, "AD7000001").unwrap();
        assert_eq!(form.by, By::Document(DocumentKind::IdCard, number));
        assert_eq!(form.number.digits(), "998901234567");
        let kept: Form = serde_json::from_str(&serde_json::to_string(&form).unwrap()).unwrap();
        assert_eq!((kept.pinfl.digits(), kept.by), ("41405882050012", form.by));
        let fields = |typed: &Typed| -> Vec<Field> {
            Form::parse(typed, false).err().unwrap().into_iter().map(|(field, _)| field).collect()
        };
        assert_eq!(
            fields(&Typed::default()),
            [Field::Pinfl, Field::Document, Field::Number],
            "the number of a document is looked at once its kind is known"
        );
        assert_eq!(fields(&typed("41405882050013", "id_card", "AD7000001", "901234567")), [Field::Pinfl]);
        assert_eq!(fields(&typed("41405882050012", "birth", "AD7000001", "901234567")), [Field::Document]);
        assert_eq!(
            fields(&typed("41405882050012", "id_card", "7", "712000000")),
            [Field::DocumentNumber, Field::Number]
        );
    }
}
