//! The people of the sandbox, read from a file. They exist only where `environment = "sandbox"`.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{
    Address, BirthDate, BirthPlace, Category, CivilDate, DataSet, Document, Employment, NumberStatus, Origin,
    People, Person, PersonNames, PhoneNumber, Photo, Pinfl, Register, Sex, Tin,
};
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;

/// The built-in test people.
pub const BUILT_IN: &str = include_str!("../../config/people.toml");

/// A file of test people.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    person: Vec<TestPerson>,
}

/// A test person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestPerson {
    /// A description for testers.
    pub about: String,
    /// Their number, of the code 00 that no operator has.
    pub phone: PhoneNumber,
    /// The number's state.
    pub status: NumberStatus,
    pinfl: Pinfl,
    birth_date: BirthDate,
    sex: Sex,
    citizenship: String,
    #[serde(default)]
    #[expect(dead_code, reason = "in the file for the accounts that registration will open")]
    email: Option<String>,
    names: PersonNames,
    document: Document,
    address: Option<Address>,
    birth_place: Option<BirthPlace>,
    temporary_address: Option<Address>,
    tin: Option<Tin>,
    employment: Option<Employment>,
    photo: Option<Photo>,
    /// Of which days values are, by data set.
    #[serde(default)]
    as_of: BTreeMap<DataSet, CivilDate>,
    #[serde(default, deserialize_with = "moment")]
    identified_at: Option<Timestamp>,
}

/// A time as RFC 3339 writes it.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(D::Error::custom)?;
    Ok(Some(Timestamp(moment.unix_timestamp())))
}

impl TestPerson {
    /// Why annex 2 does not identify the person by their document, if so.
    fn objection(&self) -> Option<String> {
        let (kind, accepted) = (self.document.kind, Category::of(&self.citizenship).documents());
        let whose = match Category::of(&self.citizenship) {
            Category::Stateless => "a stateless person".to_owned(),
            _ => format!("a citizen of {}", self.citizenship),
        };
        (!accepted.contains(&kind)).then(|| {
            let accepted: Vec<&str> = accepted.iter().map(|kind| kind.name()).collect();
            format!(
                "the person with the number {} has a {}: {whose} is identified by {} (resolution 479, annex 2)",
                self.phone.masked(),
                kind.name(),
                accepted.join(", "),
            )
        })
    }

    /// Their photo, if there is one.
    pub const fn photo(&self) -> Option<&Photo> {
        self.photo.as_ref()
    }

    /// Their record.
    pub fn record(&self) -> Person {
        let mut person = Person {
            pinfl: self.pinfl.clone(),
            names: self.names.clone(),
            birth_date: self.birth_date,
            sex: self.sex,
            citizenship: self.citizenship.clone(),
            document: self.document.clone(),
            address: self.address.clone(),
            birth_place: self.birth_place.clone(),
            temporary_address: self.temporary_address.clone(),
            tin: self.tin.clone(),
            employment: self.employment.clone(),
            identified_at: self.identified_at,
            has_photo: self.photo.is_some(),
            origins: BTreeMap::new(),
        };
        // Registers are not connected: what comes of a file says so.
        let origin = |set| Origin { source: Register::TestData, as_of: self.as_of.get(&set).copied() };
        let known = DataSet::ALL.into_iter().filter(|set| set.is_of_record() && person.has(*set));
        person.origins = known.map(|set| (set, origin(set))).collect();
        person
    }
}

/// Reads a file of test people.
///
/// # Errors
/// What is wrong, with its location.
pub fn parse(text: &str) -> Result<Vec<TestPerson>, String> {
    let people = toml::from_str::<File>(text).map_err(|error| error.to_string())?.person;
    if let Some(person) = people.iter().find(|person| !person.phone.is_test()) {
        return Err(format!(
            "{} is not a test number: test numbers begin with 998 00",
            person.phone.masked()
        ));
    }
    match people.iter().find_map(TestPerson::objection) {
        Some(objection) => Err(objection),
        None => Ok(people),
    }
}

/// Stores test people; existing ones are replaced.
///
/// # Errors
/// [`DbError`].
pub async fn store(people: &People, from: &[TestPerson], now: Timestamp) -> Result<(), DbError> {
    for person in from {
        let record = (&person.record(), person.photo.as_ref());
        people.store_with_photo(record, &person.phone, person.status, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first person of the built-in file, with another citizenship and document.
    fn changed(citizenship: &str, kind: &str) -> Result<Vec<TestPerson>, String> {
        let first = BUILT_IN.split("[[person]]").nth(1).unwrap();
        let changed = first
            .replace("citizenship = \"UZ\"", &format!("citizenship = \"{citizenship}\""))
            .replace("kind = \"id_card\"", &format!("kind = \"{kind}\""));
        parse(&format!("[[person]]{changed}"))
    }

    #[test]
    fn a_document_that_annex_2_does_not_give_the_person_is_refused_in_plain_words() {
        for (citizenship, kind) in [
            ("UZ", "id_card"),
            ("UZ", "driving_licence"),
            ("KZ", "residence_permit"),
            ("KZ", "national_passport"),
            ("XX", "travel_document"),
        ] {
            assert!(changed(citizenship, kind).is_ok(), "{citizenship} {kind}");
        }
        for (citizenship, kind) in [
            ("UZ", "residence_permit"),
            ("UZ", "national_passport"),
            ("KZ", "driving_licence"),
            ("KZ", "travel_document"),
            ("XX", "national_passport"),
        ] {
            assert!(changed(citizenship, kind).is_err(), "{citizenship} {kind}");
        }
        assert_eq!(
            changed("UZ", "residence_permit").unwrap_err(),
            "the person with the number +998 •• ••• 22 33 has a residence_permit: a citizen of UZ is identified by \
             biometric_passport, id_card, foreign_travel_passport, driving_licence (resolution 479, annex 2)"
        );
    }
}
