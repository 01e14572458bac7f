//! What was done to prove who somebody is, said honestly (`acr`, `amr`).

use serde::{Deserialize, Serialize};

/// Authentication context class references, lowest to highest. An SMS code alone is one factor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Acr {
    /// Login and password.
    #[serde(rename = "urn:yagona:acr:password")]
    Password,
    /// The enrolled number and a code sent to it.
    #[serde(rename = "urn:yagona:acr:mobile-id")]
    MobileId,
    /// Mobile-ID and a second factor.
    #[serde(rename = "urn:yagona:acr:mobile-id+")]
    MobileIdPlus,
    /// Electronic digital signature.
    #[serde(rename = "urn:yagona:acr:eri")]
    Eri,
    /// Face compared with the state's register.
    #[serde(rename = "urn:yagona:acr:face")]
    Face,
}

impl Acr {
    const ALL: [Self; 5] = [Self::Password, Self::MobileId, Self::MobileIdPlus, Self::Eri, Self::Face];

    /// The highest that the steps of this version reach.
    pub const REACHABLE: Self = Self::MobileId;

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "urn:yagona:acr:password",
            Self::MobileId => "urn:yagona:acr:mobile-id",
            Self::MobileIdPlus => "urn:yagona:acr:mobile-id+",
            Self::Eri => "urn:yagona:acr:eri",
            Self::Face => "urn:yagona:acr:face",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|acr| acr.name() == name)
    }
}

/// Authentication methods (RFC 8176).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amr {
    /// Confirmation by SMS.
    Sms,
    /// A one-time code.
    Otp,
}
