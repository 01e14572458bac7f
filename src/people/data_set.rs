//! The data sets that a client may request, each shown on the consent page as one line with its value.

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
    /// Registered address.
    Address,
}

impl DataSet {
    /// All, in the order of the consent page.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::BirthDate,
        Self::Sex,
        Self::Citizenship,
        Self::Pinfl,
        Self::Document,
        Self::Phone,
        Self::Address,
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
        }
    }

    /// The data set of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// The scope that requests it: OpenID Connect Core §5.4, `pinfl` and `document` are ours.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Name | Self::BirthDate | Self::Sex => "profile",
            Self::Citizenship | Self::Document => "document",
            Self::Pinfl => "pinfl",
            Self::Phone => "phone",
            Self::Address => "address",
        }
    }
}
