//! The people of the sandbox, read from a file. They exist only where `environment = "sandbox"`.

use serde::Deserialize;

use super::{
    Address, BirthDate, Document, NumberStatus, People, Person, PersonNames, PhoneNumber, Pinfl, Sex,
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
}

impl TestPerson {
    /// Their record.
    pub fn record(&self) -> Person {
        Person {
            pinfl: self.pinfl.clone(),
            names: self.names.clone(),
            birth_date: self.birth_date,
            sex: self.sex,
            citizenship: self.citizenship.clone(),
            document: self.document.clone(),
            address: self.address.clone(),
        }
    }
}

/// Reads a file of test people.
///
/// # Errors
/// What is wrong, with its location.
pub fn parse(text: &str) -> Result<Vec<TestPerson>, String> {
    let people = toml::from_str::<File>(text).map_err(|error| error.to_string())?.person;
    match people.iter().find(|person| !person.phone.is_test()) {
        Some(person) => {
            Err(format!("{} is not a test number: test numbers begin with 998 00", person.phone.masked()))
        }
        None => Ok(people),
    }
}

/// Stores test people; existing ones are replaced.
///
/// # Errors
/// [`DbError`].
pub async fn store(people: &People, from: &[TestPerson], now: Timestamp) -> Result<(), DbError> {
    for person in from {
        people.store(&person.record(), &person.phone, person.status, now).await?;
    }
    Ok(())
}
