//! What leaves by identification, as an entry of the ledger. It is written with the grant; a token of this protocol can be used again,
//! and is counted then.

use std::collections::BTreeSet;

use super::fields;
use crate::clients::{Client, OneIdPolicy};
use crate::grants::GrantDetails;
use crate::ledger::{Channel, Entry};
use crate::people::DataSet;

/// What identification tells of a person.
pub(super) struct Told {
    sets: BTreeSet<DataSet>,
    fields: Vec<&'static str>,
    all: String,
}

impl Told {
    pub(super) fn of(details: &GrantDetails, client: &Client, policy: &OneIdPolicy) -> Self {
        let mut sets = details.may_go(client);
        // OneID's answer has no member for some.
        sets.retain(|set| fields::has(*set, policy));
        let fields = fields::names(&sets, policy);
        Self { all: fields.join(" "), sets, fields }
    }

    /// The data sets that go.
    pub(super) const fn sets(&self) -> &BTreeSet<DataSet> {
        &self.sets
    }

    /// The entry; none where no data set goes.
    pub(super) fn entries<'a>(
        &'a self,
        (grant, details): (&'a str, &'a GrantDetails),
        client: &'a Client,
    ) -> Vec<Entry<'a>> {
        if self.fields.is_empty() {
            return Vec::new();
        }
        vec![Entry {
            data_sets: self.sets.iter().map(|set| set.name()).collect(),
            fields: self.fields.clone(),
            consent: details.consent_id.as_deref(),
            once: vec![grant, &self.all],
            ..Entry::to(&details.person_id, client, Channel::OneId)
        }]
    }
}
