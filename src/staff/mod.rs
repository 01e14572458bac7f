//! The places where people come for an identification, and who works there.

use serde::{Deserialize, Serialize};

/// The identifier of a place: a state service centre, a notary office or a post office.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlaceId(String);

impl PlaceId {
    /// An identifier read from the store, or made by an operator.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identifier of a member of staff.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StaffId(String);

impl StaffId {
    /// An identifier read from the store, or made by an operator.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kinds of place (479, clause 4; 679, annex 2; R9, R107, D-n).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// A state service centre (DXM).
    ServiceCentre,
    /// A notary office.
    NotaryOffice,
    /// A post office: accounts only, no Mobile-ID.
    PostOffice,
}

impl PlaceKind {
    /// All.
    pub const ALL: [Self; 3] = [Self::ServiceCentre, Self::NotaryOffice, Self::PostOffice];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceCentre => "service_centre",
            Self::NotaryOffice => "notary_office",
            Self::PostOffice => "post_office",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether people are identified in Mobile-ID there (D-n).
    pub const fn identifies(self) -> bool {
        matches!(self, Self::ServiceCentre | Self::NotaryOffice)
    }
}
