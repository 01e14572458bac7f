//! How a person authenticated (`acr`, `amr`), and which of that a client accepts.

use serde::{Deserialize, Serialize};

use crate::clients::Client;

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

/// A means of signing in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// An enrolled number and a code sent to it.
    MobileId,
}

impl Means {
    /// All means that this provider offers.
    pub const OFFERED: [Self; 1] = [Self::MobileId];

    /// The class that using it alone reaches.
    const fn acr(self) -> Acr {
        match self {
            Self::MobileId => Acr::MobileId,
        }
    }
}

/// The classes that a person with `means` can reach at `client`, none of which the client refuses. A service in lending
/// accepts no Mobile-ID alone (R3, D-a).
pub fn reachable(means: &[Means], client: &Client) -> Vec<Acr> {
    let minimum = client.sessions.minimum_acr.as_deref().map_or(Some(Acr::Password), Acr::parse);
    let accepted = |acr: &Acr| {
        minimum.is_some_and(|minimum| *acr >= minimum)
            && !(client.sessions.lending && matches!(acr, Acr::MobileId | Acr::Password))
    };
    means.iter().map(|means| means.acr()).filter(accepted).collect()
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

impl Amr {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Otp => "otp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Acr;
    use crate::clients::ACR_VALUES;

    #[test]
    fn registrations_know_every_class_in_its_order() {
        assert_eq!(Acr::ALL.map(Acr::name), ACR_VALUES);
        assert!(Acr::ALL.is_sorted() && ACR_VALUES.iter().all(|name| Acr::parse(name).is_some()));
    }
}
