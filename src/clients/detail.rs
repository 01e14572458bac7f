//! What a service asks for by an object of `authorization_details` (RFC 9396): data with a purpose, a term and a use of their
//! own. The kinds of objects are a closed list, which registrations and discovery name; how they are written on the wire is
//! the protocol's (`oidc/authorization_details.rs`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Basis, Client};
use crate::people::{Account, DataSet};
use crate::platform::clock::Timestamp;

/// A kind of object, by its `type` (RFC 9396 §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetailType {
    /// Data sets for one purpose.
    PersonalData,
    /// An application to be confirmed.
    Application,
}

impl DetailType {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::PersonalData, Self::Application];

    /// The value of `type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PersonalData => "personal_data",
            Self::Application => "application",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How often data may be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Once.
    Single,
    /// As often as the service likes.
    Repeated,
}

impl Use {
    /// Its word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Repeated => "repeated",
        }
    }
}

/// When a permission ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// At that time (exclusive).
    At(Timestamp),
    /// So many seconds after the person agreed.
    After(i64),
}

/// Data that a service asks for with a purpose of their own (`personal_data`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PersonalData {
    /// Which; the service needs all of them.
    pub data_sets: BTreeSet<DataSet>,
    /// What for, as the person reads it.
    pub purpose: String,
    /// Why they may go to the service: what its registration says.
    pub basis: Basis,
    /// For how long.
    pub ends: Ends,
    /// How often.
    #[serde(rename = "use")]
    pub how_often: Use,
    /// The resource servers that are told of it and may act on it, and the issuer for UserInfo; empty for UserInfo and every
    /// resource server that an access token is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// Marks of the resource servers that are told of it, each with who answers for it ([`Terms::mark`](super::Terms::mark)): the
    /// person sees those, so that a permission holds for no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
}

impl PersonalData {
    /// The part that exists in the person's record, if any does.
    pub fn available(&self, account: &Account) -> Option<Self> {
        self.only(|set| account.has(set))
    }

    /// Takes away what `client` may not ask for now, whatever it might when it asked; whether anything is left.
    pub(super) fn hold_to(&mut self, client: &Client) -> bool {
        let agreed =
            |purpose| client.contract.as_ref().is_none_or(|contract| contract.allows_purpose(purpose));
        if self.basis != client.data.basis || !agreed(&self.purpose) {
            return false;
        }
        self.data_sets.retain(|set| client.data_set(*set).is_some());
        !self.data_sets.is_empty()
    }

    /// This with the data sets that `other` has as well, if everything else is the same and there are any.
    pub fn within(&self, other: &Self) -> Option<Self> {
        let mut rest = other.clone();
        rest.data_sets.clone_from(&self.data_sets);
        if rest == *self { self.only(|set| other.data_sets.contains(&set)) } else { None }
    }

    /// This without the data sets that `other` has as well, if everything else is the same; nothing when none are left.
    pub fn without(&self, other: &Self) -> Option<Self> {
        if self.within(other).is_none() {
            return Some(self.clone());
        }
        self.only(|set| !other.data_sets.contains(&set))
    }

    /// Whether both ask for some of the same data for the same: then what was agreed to for the one is told from the other by nothing
    /// but its term.
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = |detail: &Self| (detail.purpose.clone(), detail.how_often, detail.locations.clone());
        apart(self) == apart(other) && !self.data_sets.is_disjoint(&other.data_sets)
    }

    /// Whether a resource server is among those that the person saw: the same one, with the same owner.
    pub fn tells(&self, server: &Client) -> bool {
        self.told.contains(&server.terms.mark(&server.id))
    }

    fn only(&self, keeps: impl Fn(DataSet) -> bool) -> Option<Self> {
        let data_sets: BTreeSet<DataSet> = self.data_sets.iter().copied().filter(|set| keeps(*set)).collect();
        (!data_sets.is_empty()).then(|| Self { data_sets, ..self.clone() })
    }

    /// When the permission ends if it is given `now`.
    pub const fn until(&self, now: Timestamp) -> Timestamp {
        match self.ends {
            Ends::At(time) => time,
            Ends::After(seconds) => now.plus(seconds),
        }
    }

    /// Whether it may be read once only.
    pub fn is_single(&self) -> bool {
        self.how_often == Use::Single
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Data for a loan, for a day.
    pub(crate) fn loan(sets: &[DataSet], how_often: Use) -> PersonalData {
        PersonalData {
            data_sets: sets.iter().copied().collect(),
            purpose: "A loan".to_owned(),
            basis: Basis::Consent,
            ends: Ends::After(86_400),
            how_often,
            locations: Vec::new(),
            told: Vec::new(),
        }
    }

    #[test]
    fn what_is_within_differs_by_its_data_sets_alone() {
        let wide = loan(&[DataSet::Phone, DataSet::Address], Use::Repeated);
        let narrow = loan(&[DataSet::Phone], Use::Repeated);
        assert_eq!(wide.within(&narrow), Some(narrow.clone()));
        assert_eq!(narrow.within(&wide), Some(narrow.clone()));
        assert_eq!(narrow.within(&loan(&[DataSet::Pinfl], Use::Repeated)), None);
        for other in [
            PersonalData { purpose: "A car".to_owned(), ..narrow.clone() },
            PersonalData { ends: Ends::After(1), ..narrow.clone() },
            PersonalData { how_often: Use::Single, ..narrow.clone() },
            PersonalData { basis: Basis::Statutory, ..narrow.clone() },
            PersonalData { locations: vec!["https://api.uz/".to_owned()], ..narrow.clone() },
            PersonalData { told: vec!["somebody".to_owned()], ..narrow.clone() },
        ] {
            assert_eq!(narrow.within(&other), None, "{other:?}");
            assert_eq!(narrow.without(&other), Some(narrow.clone()), "{other:?}");
        }
        assert_eq!(wide.without(&narrow), Some(loan(&[DataSet::Address], Use::Repeated)));
        assert_eq!(narrow.without(&wide), None);
    }

    #[test]
    fn a_term_is_a_moment_or_a_time_from_now() {
        let asked = loan(&[DataSet::Phone], Use::Single);
        assert_eq!(asked.until(Timestamp(10)), Timestamp(86_410));
        assert_eq!(
            PersonalData { ends: Ends::At(Timestamp(20)), ..asked }.until(Timestamp(10)),
            Timestamp(20)
        );
    }
}
