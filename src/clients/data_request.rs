//! What a service asks for, no more than its registration allows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Client, PersonalData};
use crate::people::{Account, DataSet};
use crate::platform::clock::Timestamp;

/// The data sets that a service asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRequest {
    /// Data sets without which the service does not work.
    pub required: BTreeSet<DataSet>,
    /// Data sets that the person may withhold.
    pub optional: BTreeSet<DataSet>,
    /// Whether the service wants to use them while the person is absent (`offline_access`).
    pub offline: bool,
    /// Data with a purpose of their own, none of which is among the ones above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<PersonalData>,
}

impl DataRequest {
    /// The part of `asked` that `client` may ask for. Which data sets are required is for the registration to say: a
    /// request cannot take the choice from the person.
    pub fn allowed(client: &Client, asked: &BTreeSet<DataSet>, offline: bool) -> Self {
        let mut request = Self { offline, ..Self::default() };
        for set in asked {
            if let Some(policy) = client.data_set(*set) {
                if policy.required { &mut request.required } else { &mut request.optional }.insert(*set);
            }
        }
        request
    }

    /// Takes away what `client` may not ask for now, whatever it might when it asked: its registration or its contract may have been
    /// changed while a person was on their way (R104).
    pub fn hold_to(&mut self, client: &Client) {
        self.required.retain(|set| client.data_set(*set).is_some());
        self.optional.retain(|set| client.data_set(*set).is_some());
        self.details.retain_mut(|detail| detail.hold_to(client));
    }

    /// Whether `client` may ask for all of it now.
    pub fn is_held_to(&self, client: &Client) -> bool {
        let mut held = self.clone();
        held.hold_to(client);
        held == *self
    }

    /// The part that exists in the person's record: nothing is agreed to, or released later, that the person could not see.
    #[must_use]
    pub fn available(&self, account: &Account) -> Self {
        let existing =
            |sets: &BTreeSet<DataSet>| sets.iter().copied().filter(|set| account.has(*set)).collect();
        Self {
            required: existing(&self.required),
            optional: existing(&self.optional),
            offline: self.offline,
            details: self.details.iter().filter_map(|detail| detail.available(account)).collect(),
        }
    }

    /// The data sets that are asked for without a purpose of their own.
    pub fn general(&self) -> BTreeSet<DataSet> {
        self.required.union(&self.optional).copied().collect()
    }

    /// The data sets that are asked for with a purpose of their own.
    pub fn detailed(&self) -> BTreeSet<DataSet> {
        self.details.iter().flat_map(|detail| &detail.data_sets).copied().collect()
    }

    /// Everything asked for.
    pub fn all(&self) -> BTreeSet<DataSet> {
        self.general().union(&self.detailed()).copied().collect()
    }

    /// Whether nothing personal is asked for.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty() && self.optional.is_empty() && !self.offline && self.details.is_empty()
    }

    /// Whether nothing is asked for but data that are read once: such a permission stands beside what the person allowed before.
    pub fn is_one_off(&self) -> bool {
        let general = !self.required.is_empty() || !self.optional.is_empty() || self.offline;
        !general && !self.details.is_empty() && self.details.iter().all(PersonalData::is_single)
    }

    /// When a consent to this that is given `client` now ends.
    pub fn ends_at(&self, client: &Client, now: Timestamp) -> Timestamp {
        let usual = now.plus(client.data.consent_seconds);
        let last = self.details.iter().map(|detail| detail.until(now)).max();
        last.filter(|_| self.is_one_off()).map_or(usual, |last| last.min(usual))
    }
}
