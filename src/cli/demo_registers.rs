//! What the registers of the demo's sandbox know: the people of the provider, who are enrolled, and those of
//! `config/registry-people.toml`, who are there to be enrolled.

use secrecy::ExposeSecret as _;

use crate::app::{StartError, cannot_start};
use crate::people::test_people::TestPerson;
use crate::people::{Address, Document, DocumentKind, NumberStatus, Person, Sex};
use crate::registries::RegistriesSettings;
use crate::sandbox::{OwnNumber, RegistryDocument, RegistryFile, RegistryPerson, RegistrySettings};

/// The people who are there to be enrolled.
const PEOPLE: &str = include_str!("../../config/registry-people.toml");

/// The accounts of the configuration, and everybody.
pub(super) fn settings(
    settings: &RegistriesSettings,
    people: &[TestPerson],
) -> Result<RegistrySettings, StartError> {
    let mut everybody = RegistryFile::parse(PEOPLE).map_err(cannot_start)?;
    everybody.person.extend(people.iter().map(known));
    let missing = || StartError("the demo's configuration names the gateway of registers".to_owned());
    let gateway = settings.gateway.as_ref().ok_or_else(missing)?;
    let token = settings.operators.as_ref().and_then(|operators| operators.token.as_ref());
    Ok(RegistrySettings {
        consumer: (gateway.consumer_key.clone(), gateway.consumer_secret.expose_secret().to_owned()),
        account: (gateway.username.clone(), gateway.password.expose_secret().to_owned()),
        token: token.map(|token| token.expose_secret().to_owned()).unwrap_or_default(),
        myid: settings.myid.as_ref().map_or_else(Default::default, |myid| {
            (myid.client_id.clone(), myid.client_secret.expose_secret().to_owned())
        }),
        everybody,
    })
}

/// A test person as registers have them.
fn known(person: &TestPerson) -> RegistryPerson {
    let record = person.record();
    let without_permit =
        matches!(record.document.kind, DocumentKind::NationalPassport | DocumentKind::TravelDocument);
    let names = |name: &crate::people::PersonName| {
        [name.family.clone(), name.given.clone(), name.patronymic.clone().unwrap_or_default()]
    };
    let since = |set| record.origin(set).as_of.map_or_else(|| "2020-01-01".to_owned(), |day| day.to_string());
    let address = |address: &Address, since: String| {
        [address.region.clone(), address.district.clone(), address.street.clone(), since]
    };
    let english = [record.names.english.family.clone(), record.names.english.given.clone()];
    let numbers = match person.status {
        // Whose it is, their file does not say.
        NumberStatus::NotEnrolled => Vec::new(),
        NumberStatus::Enrolled | NumberStatus::Blocked => vec![OwnNumber {
            msisdn: person.phone.digits().to_owned(),
            state: "active".to_owned(),
            operator: "Namuna Mobile".to_owned(),
            since: None,
        }],
    };
    RegistryPerson {
        about: format!("Of the provider's people. {}", person.about),
        pinfl: record.pinfl.digits().to_owned(),
        other_pinfls: Vec::new(),
        latin: names(&record.names.latin),
        cyrillic: names(&record.names.cyrillic),
        english,
        birth_date: record.birth_date.to_string(),
        birth_place: record.birth_place.as_ref().and_then(|place| place.locality.clone()).unwrap_or_default(),
        sex: if record.sex == Sex::Male { 1 } else { 2 },
        citizenship: citizenship(&record),
        died: None,
        photo: person.photo().map(crate::people::Photo::base64),
        other_face: false,
        fingerprints: true,
        documents: vec![document(&record.document, &record.citizenship)],
        without_permit,
        address: record.address.as_ref().map(|one| address(one, since(crate::people::DataSet::Address))),
        temporary_address: record
            .temporary_address
            .as_ref()
            .map(|one| address(one, since(crate::people::DataSet::TemporaryAddress))),
        tin: record.tin.as_ref().map(|tin| tin.digits().to_owned()),
        job: record.employment.as_ref().map(|job| {
            let since = since(crate::people::DataSet::Employment);
            [job.employer.clone(), job.employer_tin.digits().to_owned(), job.position.clone(), since]
        }),
        social: false,
        disability: None,
        numbers,
        certificate: None,
        foreign_certificate: false,
    }
}

/// A country as the register writes it, and the register's number for it.
fn citizenship(record: &Person) -> (String, u32) {
    match record.citizenship.as_str() {
        "UZ" => ("УЗБЕКИСТАН".to_owned(), 182),
        "XX" => ("ЛБГ".to_owned(), 999),
        other => (other.to_owned(), 0),
    }
}

fn document(document: &Document, citizenship: &str) -> RegistryDocument {
    let kind = match (document.kind, citizenship) {
        (DocumentKind::BiometricPassport, _) => "IDMS_RECV_CITIZ_DOCUMENTS",
        (DocumentKind::IdCard, "UZ") => "IDMS_RECV_MVD_IDCARD_CITIZEN",
        (DocumentKind::IdCard, "XX") => "IDMS_RECV_MVD_IDCARD_LBG",
        (DocumentKind::IdCard, _) => "IDMS_RECV_MVD_IDCARD_FOREIGN",
        (DocumentKind::ForeignTravelPassport, _) => "IDMS_RECV_IP_DOCUMENTS",
        (DocumentKind::DrivingLicence, _) => "DRIVING_LICENCE",
        (DocumentKind::NationalPassport, _) => "NATIONAL_PASSPORT",
        (DocumentKind::TravelDocument, _) => "IDMS_RECV_LBG_DOCUMENTS",
        (DocumentKind::ResidencePermit, _) => "RESIDENCE_PERMIT",
    };
    RegistryDocument {
        kind: kind.to_owned(),
        number: document.number.as_str().to_owned(),
        issuer: document.issuer.clone(),
        from: document.issued_on.to_string(),
        until: document.expires_on.to_string(),
        in_force: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{Pinfl, test_people};

    #[test]
    fn the_people_of_the_registers_agree_with_their_numbers_and_cover_annex_2() {
        let file = RegistryFile::parse(PEOPLE).unwrap();
        let mut wrong_digits = 0;
        for person in &file.person {
            let pinfl = Pinfl::from_registry(&person.pinfl).unwrap();
            wrong_digits += usize::from(!pinfl.checksum_ok());
            assert_eq!(pinfl.birth_date().unwrap().to_string(), person.birth_date, "{}", person.about);
            assert_eq!(pinfl.sex() == Some(Sex::Male), person.sex == 1, "{}", person.about);
            assert!(
                person.numbers.iter().all(|number| number.msisdn.starts_with("99800")),
                "{}",
                person.about
            );
        }
        assert_eq!(wrong_digits, 1, "one old record");
        let kinds: std::collections::BTreeSet<&str> =
            file.person.iter().flat_map(|person| &person.documents).map(|one| one.kind.as_str()).collect();
        assert_eq!(kinds.len(), 9, "R27, R28: {kinds:?}");
        for state in ["active", "no_balance", "frozen", "returned"] {
            assert!(
                file.person.iter().flat_map(|person| &person.numbers).any(|number| number.state == state)
            );
        }
    }

    #[test]
    fn the_registers_know_the_providers_people_and_nobody_twice() {
        let people = test_people::parse(test_people::BUILT_IN).unwrap();
        let settings =
            settings(&crate::app::settings::Settings::demo(std::path::Path::new("")).registries, &people)
                .unwrap();
        let mut pinfls: Vec<&str> =
            settings.everybody.person.iter().map(|person| person.pinfl.as_str()).collect();
        let all = pinfls.len();
        pinfls.sort_unstable();
        pinfls.dedup();
        assert_eq!((pinfls.len(), all > people.len()), (all, true));
        assert!(!settings.token.is_empty() && !settings.consumer.1.is_empty());
    }
}
