//! The data sets that a client may request, each shown on the consent page as one line with its value. What each of them is stands
//! in `config/data-sets.toml`; `data_sets.rs` holds this list to it.

use serde::{Deserialize, Serialize};

/// A data set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataSet {
    /// Names in both scripts.
    Name,
    /// Date of birth.
    BirthDate,
    /// Sex.
    Sex,
    /// Citizenship.
    Citizenship,
    /// Personal identification number.
    Pinfl,
    /// Kind, number and validity of the identity document.
    Document,
    /// The enrolled mobile number.
    Phone,
    /// Registered (permanent) address.
    Address,
    /// Place of birth.
    BirthPlace,
    /// Address of a temporary registration.
    TemporaryAddress,
    /// Taxpayer number of the person.
    Tin,
    /// Present job: employer and position.
    Employment,
    /// The legal entity for which the person signed in: of a session by its certificate, not of the record.
    LegalEntity,
    /// Photo of the face.
    Photo,
    /// Who got which of these: the person's entries of the ledger.
    DataUsage,
}

impl DataSet {
    /// All, in the order of the consent page.
    pub const ALL: [Self; 15] = [
        Self::Name,
        Self::BirthDate,
        Self::BirthPlace,
        Self::Sex,
        Self::Citizenship,
        Self::Pinfl,
        Self::Document,
        Self::Photo,
        Self::Phone,
        Self::Address,
        Self::TemporaryAddress,
        Self::Tin,
        Self::Employment,
        Self::LegalEntity,
        Self::DataUsage,
    ];

    /// Its name in registrations, forms and page texts (`data.<name>`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::BirthDate => "birth_date",
            Self::Sex => "sex",
            Self::Citizenship => "citizenship",
            Self::Pinfl => "pinfl",
            Self::Document => "document",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::BirthPlace => "birth_place",
            Self::TemporaryAddress => "temporary_address",
            Self::Tin => "tin",
            Self::Employment => "employment",
            Self::LegalEntity => "legal_entity",
            Self::Photo => "photo",
            Self::DataUsage => "data_usage",
        }
    }

    /// The data set of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// The scope that requests it: OpenID Connect Core §5.4; all but `profile`, `phone` and `address` are ours. Sets that came later
    /// have scopes of their own, so that no registration may ask for more than it did.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Name | Self::BirthDate | Self::Sex => "profile",
            Self::Citizenship | Self::Document => "document",
            Self::Pinfl => "pinfl",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::BirthPlace => "birth_place",
            Self::TemporaryAddress => "temporary_address",
            Self::Tin => "tin",
            Self::Employment => "employment",
            Self::LegalEntity => "legal_entity",
            Self::Photo => "photo",
            Self::DataUsage => "data_usage",
        }
    }

    /// Whether it is a part of the person's record: all but what the provider itself wrote down, and for whom the
    /// person acts in a session.
    pub const fn is_of_record(self) -> bool {
        !matches!(self, Self::DataUsage | Self::LegalEntity)
    }
}
