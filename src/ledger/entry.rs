//! One release of data, and what stands of it in the log.

use serde::{Deserialize, Serialize};

use crate::clients::{Basis, Client, ClientId, Contract};
use crate::people::PersonId;

/// The language in which an entry has the purpose of a registration.
const LANGUAGE: &str = "uz-Latn";

/// The way by which data of a person leave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// In an ID token.
    IdToken,
    /// In an access token that its readers can read.
    AccessToken,
    /// From UserInfo.
    #[serde(rename = "userinfo")]
    UserInfo,
    /// From introspection.
    Introspection,
    /// From OneID's identification.
    #[serde(rename = "oneid")]
    OneId,
    /// From the data API of back offices.
    DataApi,
    /// An answer whether a number is this person's.
    Verification,
    /// A receipt for an application that the person confirmed.
    Application,
    /// An answer to a service that asked, by a law, for access to data of this person: that there are any, whether or not it got it.
    Naming,
}

impl Channel {
    /// All.
    pub const ALL: [Self; 9] = [
        Self::IdToken,
        Self::AccessToken,
        Self::UserInfo,
        Self::Introspection,
        Self::OneId,
        Self::DataApi,
        Self::Verification,
        Self::Application,
        Self::Naming,
    ];

    /// Its name, as leaves and commands write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdToken => "id_token",
            Self::AccessToken => "access_token",
            Self::UserInfo => "userinfo",
            Self::Introspection => "introspection",
            Self::OneId => "oneid",
            Self::DataApi => "data_api",
            Self::Verification => "verification",
            Self::Application => "application",
            Self::Naming => "naming",
        }
    }
}

/// Why data may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The person agreed.
    Consent,
    /// A law lets the service have them.
    Statutory,
    /// The service's contract lets it ask, and nobody is asked for a consent: whether a number is a person's.
    Contract,
}

impl Ground {
    /// Its name, as leaves and answers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Statutory => "statutory",
            Self::Contract => "contract",
        }
    }
}

impl From<Basis> for Ground {
    fn from(basis: Basis) -> Self {
        match basis {
            Basis::Consent => Self::Consent,
            Basis::Statutory => Self::Statutory,
        }
    }
}

/// A release of data of a person: names of things, no value of any (R70, R71).
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Whose data.
    pub person: &'a PersonId,
    /// To whom.
    pub client: &'a ClientId,
    /// How.
    pub channel: Channel,
    /// The data sets.
    pub data_sets: Vec<&'a str>,
    /// The names of the claims or fields, never their values.
    pub fields: Vec<&'a str>,
    /// What for: the purpose that was named for these data, or else the one of the service's registration (R67).
    pub purpose: Option<&'a str>,
    /// Why they may go.
    pub basis: Ground,
    /// The contract under which the service got them; none of the provider's own services.
    pub contract: Option<&'a str>,
    /// The consent that it rests on.
    pub consent: Option<&'a str>,
    /// What makes it one release, such as the identifier of the token by which it is read: an entry with the same parts is the same
    /// one, whichever node writes it, and is written once. Without any it is a release of its own.
    pub once: Vec<&'a str>,
}

impl<'a> Entry<'a> {
    /// A release of nothing yet to a service, under the contract, for the purpose and on the basis that it has now; the rest is set by
    /// its fields.
    pub fn to(person: &'a PersonId, client: &'a Client, channel: Channel) -> Self {
        let purpose = Some(client.data.purpose.get(LANGUAGE)).filter(|purpose| !purpose.is_empty());
        let contract = client.contract.as_deref().map(Contract::id);
        Self {
            purpose,
            basis: client.data.basis.into(),
            ..Self::new(person, (&client.id, contract), channel)
        }
    }

    /// A release of nothing yet to a service under a contract, on the basis of consent.
    pub const fn new(
        person: &'a PersonId,
        (client, contract): (&'a ClientId, Option<&'a str>),
        channel: Channel,
    ) -> Self {
        Self {
            person,
            client,
            channel,
            data_sets: Vec::new(),
            fields: Vec::new(),
            purpose: None,
            basis: Ground::Consent,
            contract,
            consent: None,
            once: Vec::new(),
        }
    }
}

/// The name of an entry: 128 bits, random or a keyed digest of what makes it one release.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub(super) String);

impl EntryId {
    /// Reads one; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 22 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        fits.then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A leaf of the log. Its text is stored and hashed character by character, so the order of its members stays as it is. The nonce is
/// a keyed digest of the rest: whoever sees a hash alone cannot find by trying what it is of, and nobody without the keyring makes a leaf.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Leaf {
    /// The form of the leaf.
    #[serde(rename = "v")]
    pub version: u8,
    /// The entry's name.
    pub id: EntryId,
    /// A keyed digest of the other members, of 128 bits.
    pub nonce: String,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// A keyed digest of the person: the same in all leaves of this person.
    pub person: String,
    /// To whom.
    pub client: String,
    /// How.
    pub channel: Channel,
    /// The data sets.
    pub data_sets: Vec<String>,
    /// The names of the claims or fields.
    pub fields: Vec<String>,
    /// What for, if a purpose of its own was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Why they may go.
    pub basis: Ground,
    /// The contract, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The consent, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
}

/// An entry as it is written.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NewRow {
    #[serde(rename = "entry_id")]
    pub(super) id: EntryId,
    #[serde(rename = "person_id")]
    pub(super) person: String,
    #[serde(rename = "client_id")]
    pub(super) client: String,
    pub(super) at_ms: i64,
    pub(super) leaf: String,
}

/// An entry as it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// What stands in the log.
    pub leaf: Leaf,
    /// How often it was read so far, as far as nodes have written it down: they do so at least once a minute. Entries that are
    /// answers by themselves, such as those of ID tokens, are not counted.
    pub reads: i64,
    /// When it was last read, in milliseconds since the Unix epoch.
    pub read_at_ms: Option<i64>,
    /// Its place in the log, a second after it was written at the latest.
    pub position: Option<i64>,
}

impl Listed {
    /// Whether the service may fetch what it tells of, and has not, as far as nodes have written it down: what UserInfo opens is written
    /// with the sign-in that gives it.
    pub fn is_unread(&self) -> bool {
        self.leaf.channel == Channel::UserInfo && self.reads == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_words_and_leaves() {
        for channel in Channel::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.name());
        }
        for ground in [Ground::Consent, Ground::Statutory, Ground::Contract] {
            assert_eq!(serde_json::to_value(ground).unwrap(), ground.name());
        }
        assert!(EntryId::parse("AAAAAAAAAAAAAAAAAAAA-_").is_some());
        assert!(EntryId::parse("AAAAAAAAAAAAAAAAAAAA'_").is_none() && EntryId::parse("").is_none());
    }
}
