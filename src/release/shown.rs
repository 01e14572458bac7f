//! The values of a set of data as a person reads them: the very ones that would be released.

use super::DataSet;
use crate::people::{Account, Address, CivilDate, DocumentKind, PersonName, Sex};
use crate::platform::web::{locale::Language, text::Text};

/// The values of `set`, one a line; empty when the person's record has none. A document that is not valid `today` is
/// said to be so.
pub fn values(account: &Account, set: DataSet, text: Text, today: CivilDate) -> Vec<String> {
    let person = &account.person;
    match set {
        DataSet::Name => {
            let (latin, cyrillic) = (full(&person.names.latin), full(&person.names.cyrillic));
            let english = full(&person.names.english);
            if matches!(text.language(), Language::UzLatn | Language::En) {
                vec![latin, cyrillic, english]
            } else {
                vec![cyrillic, latin, english]
            }
        }
        DataSet::BirthDate => vec![day(person.birth_date, text)],
        DataSet::Sex => vec![
            text.get(match person.sex {
                Sex::Male => "data.male",
                Sex::Female => "data.female",
            })
            .to_owned(),
        ],
        DataSet::Citizenship => vec![person.citizenship.clone()],
        DataSet::Pinfl => vec![person.pinfl.digits().to_owned()],
        DataSet::Document => {
            let document = &person.document;
            let mut lines = vec![
                text.get(kind_key(document.kind)).to_owned(),
                document.number.as_str().to_owned(),
                format!("{} – {}", day(document.issued_on, text), day(document.expires_on, text)),
                document.issuer.clone(),
            ];
            if !document.is_valid_on(today) {
                lines.push(text.get("document.not_valid").to_owned());
            }
            lines
        }
        DataSet::Phone => vec![account.phone.written_out()],
        DataSet::Address => person.address.as_ref().map(lines).unwrap_or_default(),
    }
}

/// A day as people say it.
fn day(date: CivilDate, text: Text) -> String {
    text.date(date.to_date().midnight().assume_utc().unix_timestamp())
}

/// A name as pages write it.
fn full(name: &PersonName) -> String {
    name.for_pages().full()
}

fn lines(address: &Address) -> Vec<String> {
    let mut lines = vec![address.street.clone(), address.district.clone(), address.region.clone()];
    lines.extend(address.postal_code.clone());
    lines
}

const fn kind_key(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::BiometricPassport => "document.biometric_passport",
        DocumentKind::IdCard => "document.id_card",
        DocumentKind::ForeignTravelPassport => "document.foreign_travel_passport",
        DocumentKind::DrivingLicence => "document.driving_licence",
        DocumentKind::NationalPassport => "document.national_passport",
        DocumentKind::TravelDocument => "document.travel_document",
        DocumentKind::ResidencePermit => "document.residence_permit",
    }
}
