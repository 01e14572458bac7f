//! The data sets that a service asks for, no more than its registration allows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Client;
use crate::people::{Account, DataSet};

/// The data sets that a service asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRequest {
    /// Data sets without which the service does not work.
    pub required: BTreeSet<DataSet>,
    /// Data sets that the person may withhold.
    pub optional: BTreeSet<DataSet>,
    /// Whether the service wants to use them while the person is absent (`offline_access`).
    pub offline: bool,
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

    /// The part that exists in the person's record: nothing is agreed to, or released later, that the person could not see.
    #[must_use]
    pub fn available(&self, account: &Account) -> Self {
        let existing =
            |sets: &BTreeSet<DataSet>| sets.iter().copied().filter(|set| account.has(*set)).collect();
        Self { required: existing(&self.required), optional: existing(&self.optional), offline: self.offline }
    }

    /// Everything asked for.
    pub fn all(&self) -> BTreeSet<DataSet> {
        self.required.union(&self.optional).copied().collect()
    }

    /// Whether nothing personal is asked for.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty() && self.optional.is_empty() && !self.offline
    }
}
