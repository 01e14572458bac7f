//! Properties of `config/people.toml` that pages, tests and the demo rely on.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use super::{BirthDate, CivilDate, Document, DocumentKind, PersonNames, PhoneNumber, Pinfl, Sex};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    person: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    about: String,
    phone: PhoneNumber,
    status: String,
    pinfl: Pinfl,
    birth_date: BirthDate,
    sex: Sex,
    citizenship: String,
    email: Option<String>,
    names: PersonNames,
    document: Document,
    address: Option<Address>,
    birth_place: Option<super::BirthPlace>,
    temporary_address: Option<Address>,
    tin: Option<super::Tin>,
    employment: Option<super::Employment>,
    photo: Option<super::Photo>,
    #[serde(default)]
    as_of: BTreeMap<super::DataSet, CivilDate>,
    identified_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    region: String,
    district: String,
    street: String,
    postal_code: Option<String>,
}

fn test_people() -> Vec<Entry> {
    toml::from_str::<File>(include_str!("../../config/people.toml")).unwrap().person
}

#[test]
fn test_people_agree_with_their_own_numbers() {
    for person in test_people() {
        let about = &person.about;
        assert_eq!(Pinfl::parse(person.pinfl.digits()).as_ref(), Ok(&person.pinfl), "{about}");
        assert_eq!(person.pinfl.birth_date(), Some(person.birth_date), "{about}");
        assert_eq!(person.pinfl.sex(), Some(person.sex), "{about}");
        assert!(person.phone.is_test(), "{about}");
        assert!(["enrolled", "not_enrolled", "blocked"].contains(&person.status.as_str()), "{about}");
        assert!(person.citizenship.len() == 2 && person.about.ends_with('.'), "{about}");
        assert!(person.email.is_none_or(|email| email.ends_with("example.com")), "{about}");
        assert!(person.document.issued_on > person.birth_date, "{about}");
        assert!(person.document.is_valid_on(CivilDate::new(2027, 12, 31).unwrap()), "{about}");
        assert!(!person.document.issuer.is_empty(), "{about}");
        assert!(person.names.english.patronymic.is_none(), "{about}");
        assert_eq!(
            person.names.latin.patronymic.is_some(),
            person.names.cyrillic.patronymic.is_some(),
            "{about}"
        );
        assert!(person.birth_place.is_none_or(|place| place.country.len() == 2), "{about}");
        assert!(person.as_of.values().all(|day| *day > person.birth_date), "{about}");
        for address in person.address.into_iter().chain(person.temporary_address) {
            assert!([address.region, address.district, address.street].iter().all(|part| !part.is_empty()));
            assert!(address.postal_code.is_none_or(|code| code.len() == 6), "{about}");
        }
    }
}

#[test]
fn no_two_test_people_share_a_number_or_a_document() {
    let people = test_people();
    let all = people.len();
    assert_eq!(people.iter().map(|p| p.phone.digits()).collect::<HashSet<_>>().len(), all);
    assert_eq!(people.iter().map(|p| p.pinfl.digits()).collect::<HashSet<_>>().len(), all);
    assert_eq!(people.iter().map(|p| p.document.number.as_str()).collect::<HashSet<_>>().len(), all);
}

#[test]
fn the_kinds_of_person_that_pages_and_tests_count_on_exist() {
    let people = test_people();
    assert_eq!(people[0].status, "enrolled");
    assert!(people[0].address.is_some() && people[0].names.latin.patronymic.is_some());
    let robot = people.iter().find(|p| p.phone.digits() == "998001234567").unwrap();
    assert!(robot.status == "enrolled" && robot.about.contains("automated"));
    let exists = |rule: fn(&Entry) -> bool| people.iter().any(rule);
    assert!(exists(|p| p.status == "blocked") && exists(|p| p.status == "not_enrolled"));
    assert!(exists(|p| p.identified_at.is_some()) && exists(|p| p.identified_at.is_none()));
    assert!(exists(|p| p.names.latin.patronymic.is_none()));
    assert!(exists(|p| p.names.latin.full().chars().count() > 70));
    assert!(exists(|p| p.document.kind == DocumentKind::ResidencePermit && p.citizenship != "UZ"));
    assert!(exists(|p| p.address.is_none()));
    // Every value that registers have, and somebody without each of them (R109–R111).
    let first = &people[0];
    assert!(first.birth_place.is_some() && first.tin.is_some() && first.employment.is_some());
    assert!(first.photo.is_some() && first.as_of.contains_key(&super::DataSet::Address));
    assert!(exists(|p| p.temporary_address.is_some()) && exists(|p| p.temporary_address.is_none()));
    assert!(
        exists(|p| p.employment.is_none()) && exists(|p| p.photo.is_none()) && exists(|p| p.tin.is_none())
    );
    assert!(exists(|p| p.birth_date < BirthDate::new(1940, 1, 1).unwrap()));
    let names: HashSet<_> = people.iter().map(|p| p.names.latin.key()).collect();
    assert_eq!(names.len(), people.len() - 1, "exactly two are named identically");
}
