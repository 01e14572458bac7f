//! A person's record, as sealed in the store.

use serde::{Deserialize, Serialize};

use super::{BirthDate, Document, PersonNames, Pinfl, Sex};
use crate::platform::bytes::{self, Digest};

/// Names a person inside Yagona; random, so that it says nothing about them. Never given to services.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(String);

/// How the identifiers of the table `decoys` begin.
const DECOY: &str = "nobody-";

impl PersonId {
    /// A new identifier.
    pub fn random() -> Self {
        Self(bytes::random_text::<16>())
    }

    /// Stands in where a number has no account, so that it costs what others cost. There are sixteen of them, so
    /// that they do not wait for each other; their rows are in a table of their own.
    pub fn nobody(number_index: &Digest) -> Self {
        Self(format!("{DECOY}{:x}", number_index.0[0] & 15))
    }

    /// Whether it stands in for a number that has no account. Identifiers of persons are longer.
    pub(super) fn is_decoy(&self) -> bool {
        self.0.len() == DECOY.len() + 1 && self.0.starts_with(DECOY)
    }

    /// An identifier read from the store.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the registries say about a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Personal identification number.
    #[serde(serialize_with = "Pinfl::serialize_digits")]
    pub pinfl: Pinfl,
    /// Names in two scripts and in the form of travel documents.
    pub names: PersonNames,
    /// Date of birth.
    pub birth_date: BirthDate,
    /// Sex.
    pub sex: Sex,
    /// Citizenship, ISO 3166-1 alpha-2.
    pub citizenship: String,
    /// The identity document in force.
    pub document: Document,
    /// Registered address, if there is one.
    pub address: Option<Address>,
}

/// A registered address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Region or city of republican rank.
    pub region: String,
    /// District or town.
    pub district: String,
    /// Street, house, flat.
    pub street: String,
    /// Postal code, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
}
