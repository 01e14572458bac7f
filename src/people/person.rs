//! A person's record, as encrypted in the store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BirthDate, BirthPlace, DataSet, Document, Employment, Origin, PersonNames, Pinfl, Sex, Tin};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;

/// The internal identifier of a person; random, so that it reveals nothing. Never released to clients.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(String);

/// How the identifiers of decoys begin.
const DECOY: &str = "nobody-";

impl PersonId {
    /// A new identifier.
    pub fn random() -> Self {
        Self(bytes::random_text::<16>())
    }

    /// A decoy for numbers without an account, so that they take the same time. There are 65,536: so many that two
    /// requests seldom wait for one another's row, so few that nobody fills the database with them.
    pub fn decoy(number_index: &Digest) -> Self {
        Self(format!("{DECOY}{:02x}{:02x}", number_index.0[0], number_index.0[1]))
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

/// The registry data of a person.
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
    /// The current identity document.
    pub document: Document,
    /// Registered address, if there is one.
    pub address: Option<Address>,
    /// Place of birth, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_place: Option<BirthPlace>,
    /// Address of a temporary registration, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary_address: Option<Address>,
    /// Taxpayer number, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tin: Option<Tin>,
    /// Present job, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment: Option<Employment>,
    /// When the person was identified, if the record says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identified_at: Option<Timestamp>,
    /// Whether a photo is on file. It is stored apart and read only where it goes out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_photo: bool,
    /// From whom the values are, as far as that was said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<DataSet, Origin>,
}

impl Person {
    /// From whom the values of a data set are.
    pub fn origin(&self, set: DataSet) -> Origin {
        self.origins.get(&set).copied().unwrap_or(Origin::UNSAID)
    }

    /// Whether the record has any value of a data set.
    pub fn has(&self, set: DataSet) -> bool {
        match set {
            DataSet::Name
            | DataSet::BirthDate
            | DataSet::Sex
            | DataSet::Citizenship
            | DataSet::Pinfl
            | DataSet::Document
            | DataSet::Phone
            // Everybody has a list, if an empty one.
            | DataSet::DataUsage => true,
            DataSet::Address => self.address.is_some(),
            DataSet::BirthPlace => self.birth_place.is_some(),
            DataSet::TemporaryAddress => self.temporary_address.is_some(),
            DataSet::Tin => self.tin.is_some(),
            DataSet::Employment => self.employment.is_some(),
            // Nobody acts for an organisation but in a session.
            DataSet::LegalEntity => false,
            DataSet::Photo => self.has_photo,
        }
    }
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
