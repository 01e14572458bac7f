//! What an account is opened on at a place: a document, which foreigners need not have any more (R116), and a number, which nobody needs.

use serde::{Deserialize, Serialize};

use crate::mobile_id::{Field, FieldError};
use crate::people::{DocumentKind, DocumentNumber, PhoneNumber};
use crate::platform::web::locale::Language;
use crate::platform::web::params::Params;
use crate::registries::AskedDocument;

/// The documents, in the order of the form. Foreigners show the one that they have, and name the one with which the PINFL was obtained.
pub(super) const DOCUMENTS: [DocumentKind; 7] = [
    DocumentKind::IdCard,
    DocumentKind::BiometricPassport,
    DocumentKind::ForeignTravelPassport,
    DocumentKind::DrivingLicence,
    DocumentKind::ResidencePermit,
    DocumentKind::NationalPassport,
    DocumentKind::TravelDocument,
];

/// The form, right in itself, but for PINFL and photo, which all forms of this kind have.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Form {
    pub(super) document: DocumentKind,
    document_number: String,
    number: Option<String>,
    /// The tag of the person's language.
    language: String,
    /// When they agreed, in milliseconds since the Unix epoch.
    pub(super) agreed_at_ms: i64,
}

impl Form {
    /// Reads it.
    ///
    /// # Errors
    /// One for each field that is wrong, in the order of the form.
    pub(super) fn parse(
        given: &Params,
        (test_numbers, needs_number): (bool, bool),
        now_ms: i64,
    ) -> Result<Self, Vec<(Field, FieldError)>> {
        let of = |name: &str| given.get(name).unwrap_or_default().trim();
        let mut wrong = Vec::new();
        let typed = of(Field::Document.name());
        let document = DOCUMENTS.into_iter().find(|kind| kind.name() == typed);
        if document.is_none() {
            let error = if typed.is_empty() { FieldError::Empty } else { FieldError::Unknown };
            wrong.push((Field::Document, error));
        }
        let number_of_document = document.and_then(|kind| {
            DocumentNumber::parse(kind, of(Field::DocumentNumber.name()))
                .map_err(|error| wrong.push((Field::DocumentNumber, FieldError::DocumentNumber(error))))
                .ok()
        });
        let number = match of(Field::Number.name()) {
            "" if !needs_number => None,
            typed => PhoneNumber::parse_typed(typed, test_numbers)
                .map_err(|error| wrong.push((Field::Number, FieldError::Phone(error))))
                .ok(),
        };
        let language = Language::parse(of("language")).unwrap_or(Language::UzLatn);
        match (document, number_of_document, wrong.is_empty()) {
            (Some(document), Some(document_number), true) => Ok(Self {
                document,
                document_number: document_number.as_str().to_owned(),
                number: number.map(|number| number.digits().to_owned()),
                language: language.tag().to_owned(),
                agreed_at_ms: now_ms,
            }),
            _ => Err(wrong),
        }
    }

    /// The document, as registers are asked by it. It was read by the same rule.
    pub(super) fn asked(&self) -> Option<AskedDocument> {
        let number = DocumentNumber::parse(self.document, &self.document_number).ok()?;
        Some(AskedDocument { kind: self.document, number })
    }

    /// The document's number, as it was typed.
    pub(super) fn document_number(&self) -> &str {
        &self.document_number
    }

    /// The number that the person has, in whoever's name.
    pub(super) fn number(&self) -> Option<PhoneNumber> {
        self.number.as_deref().and_then(|digits| PhoneNumber::from_digits(digits).ok())
    }

    /// The person's language.
    pub(super) fn language(&self) -> Language {
        Language::parse(&self.language).unwrap_or(Language::UzLatn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)], needs_number: bool) -> Result<Form, Vec<(Field, FieldError)>> {
        let pairs = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Form::parse(&Params::of_pairs(pairs).unwrap(), (false, needs_number), 7)
    }

    fn fields(wrong: Result<Form, Vec<(Field, FieldError)>>) -> Vec<Field> {
        wrong.err().unwrap().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn r107_a_number_is_not_needed_where_a_password_can_be_printed_and_right_where_it_is_given() {
        let document = [("document", "id_card"), ("document_number", "ad 7000001")];
        let form = read(&document, false).ok().unwrap();
        assert_eq!((form.document_number(), form.number()), ("AD7000001", None));
        let kept: Form = serde_json::from_str(&serde_json::to_string(&form).unwrap()).unwrap();
        assert_eq!(kept.asked().unwrap().number.as_str(), "AD7000001");
        let with = |number| [document[0], document[1], ("number", number)];
        let form = read(&with("90 123 45 67"), false).ok().unwrap();
        assert_eq!(form.number().unwrap().digits(), "998901234567");
        assert_eq!(fields(read(&document, true)), [Field::Number]);
        assert_eq!(fields(read(&with("71 200 00 00"), false)), [Field::Number]);
        assert_eq!(fields(read(&[], false)), [Field::Document]);
        assert_eq!(
            fields(read(&[("document", "id_card"), ("document_number", "7")], false)),
            [Field::DocumentNumber]
        );
        assert_eq!(fields(read(&[("document", "diploma")], false)), [Field::Document]);
    }
}
