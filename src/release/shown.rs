//! The values of a set of data as a person reads them: the very ones that would be released.

use super::DataSet;
use crate::people::{
    Account, Address, BirthPlace, CivilDate, DocumentKind, Employment, Organisation, PersonName, PersonNames,
    Sex,
};
use crate::platform::web::{locale::Language, text::Text};

/// The values of `set`, one a line, the one that matters most first; empty when the person's record has none.
pub fn values(account: &Account, set: DataSet, text: Text) -> Vec<String> {
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
            vec![
                format!("{} {}", text.get(kind_key(document.kind)), document.number.as_str()),
                format!("{} – {}", day(document.issued_on, text), day(document.expires_on, text)),
                document.issuer.clone(),
            ]
        }
        DataSet::Phone => account.number().iter().map(|number| number.written_out()).collect(),
        DataSet::Address => person.address.as_ref().map(written).into_iter().collect(),
        DataSet::TemporaryAddress => person.temporary_address.as_ref().map(written).into_iter().collect(),
        DataSet::BirthPlace => person.birth_place.as_ref().map(born).into_iter().collect(),
        DataSet::Tin => person.tin.iter().map(|tin| tin.digits().to_owned()).collect(),
        DataSet::Employment => person.employment.as_ref().map(job).unwrap_or_default(),
        DataSet::LegalEntity => account.organisation.as_deref().map(acting).unwrap_or_default(),
        // Its bytes are not shown: pages load no picture but the service's icon.
        DataSet::Photo if person.has_photo => vec![text.get("data.photo_on_file").to_owned()],
        DataSet::Photo => Vec::new(),
        DataSet::DataUsage => vec![text.get("data.data_usage_list").to_owned()],
    }
}

/// What a person must know of values before they go to anybody: that the document is not valid `today`.
pub fn warning(account: &Account, set: DataSet, text: Text, today: CivilDate) -> Option<String> {
    let document = &account.person.document;
    if set != DataSet::Document || document.is_valid_on(today) {
        return None;
    }
    if document.expires_on >= today {
        return Some(text.get("document.not_valid").to_owned());
    }
    Some(text.with("document.expired", &[("day", &day(document.expires_on, text))]))
}

/// The person's name in the script of the page.
pub fn person_name(account: &Account, language: Language) -> String {
    names_in(&account.person.names, language)
}

/// A person's names as they are written in a language.
pub fn names_in(names: &PersonNames, language: Language) -> String {
    match language {
        Language::UzCyrl | Language::Ru => names.cyrillic.for_pages().full(),
        Language::UzLatn | Language::En => names.latin.for_pages().full(),
    }
}

/// The key of a set's plain name.
pub const fn label(set: DataSet) -> &'static str {
    match set {
        DataSet::Name => "data.name",
        DataSet::BirthDate => "data.birth_date",
        DataSet::Sex => "data.sex",
        DataSet::Citizenship => "data.citizenship",
        DataSet::Pinfl => "data.pinfl",
        DataSet::Document => "data.document",
        DataSet::Phone => "data.phone",
        DataSet::Address => "data.address",
        DataSet::BirthPlace => "data.birth_place",
        DataSet::TemporaryAddress => "data.temporary_address",
        DataSet::Tin => "data.tin",
        DataSet::Employment => "data.employment",
        DataSet::LegalEntity => "data.legal_entity",
        DataSet::Photo => "data.photo",
        DataSet::DataUsage => "data.data_usage",
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

fn written(address: &Address) -> String {
    let mut parts = vec![address.street.as_str(), &address.district, &address.region];
    parts.extend(address.postal_code.as_deref());
    parts.join(", ")
}

fn born(place: &BirthPlace) -> String {
    let parts = [place.locality.as_deref(), place.region.as_deref(), Some(place.country.as_str())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn job(job: &Employment) -> Vec<String> {
    vec![job.employer.clone(), job.position.clone(), job.employer_tin.digits().to_owned()]
}

fn acting(one: &Organisation) -> Vec<String> {
    let mut lines = vec![one.name.clone()];
    lines.extend(one.position.clone());
    lines.push(one.tin.digits().to_owned());
    lines
}

/// The key of the word for a kind of document.
pub const fn kind_key(kind: DocumentKind) -> &'static str {
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
