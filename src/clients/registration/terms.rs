//! What a service says when it asks for data, as digests: what a consent is bound to (D-r).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Basis, DataPolicy, Identity};
use crate::clients::{ClientId, Localized};
use crate::people::DataSet;
use crate::platform::bytes::{self, Digest};

/// The terms under which a service gets data: one digest for each, over its text in every language, so that a consent
/// given in one language is not asked for again in another. No text can be read back from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    name: String,
    owner: String,
    purpose: String,
    basis: String,
    recipients: String,
    policy: String,
    period: String,
    /// Of the contract's identifier; empty where there is none, and in what was kept before there were contracts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    contract: String,
    /// Why each set of data is wanted.
    why: BTreeMap<DataSet, String>,
}

/// One of the terms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Term {
    /// The service's name.
    Name,
    /// Who answers for it.
    Owner,
    /// What the data are for, as a whole or one set of them.
    Purpose,
    /// The basis, and the contract or law.
    Basis,
    /// To whom the data are passed on.
    Recipients,
    /// How the service treats personal data.
    Policy,
    /// For how long a consent holds.
    Period,
    /// The contract that the service lives under.
    Contract,
}

impl Terms {
    /// The terms of a registration that lives under a contract.
    pub(in crate::clients) fn of(identity: &Identity, data: &DataPolicy, contract: Option<&str>) -> Self {
        let law = match data.basis {
            Basis::Consent => "consent",
            Basis::Statutory => "statutory",
        };
        Self {
            name: digest(&[], &identity.name),
            owner: digest(&[], &identity.owner),
            purpose: digest(&[], &data.purpose),
            basis: digest(&[law], &data.basis_reference),
            recipients: digest(&[], &data.recipients),
            policy: digest(&[identity.policy_uri.as_deref().unwrap_or_default()], &Localized::default()),
            period: digest(&[&data.consent_seconds.to_string()], &Localized::default()),
            contract: contract.map(|id| digest(&[id], &Localized::default())).unwrap_or_default(),
            why: data.sets.iter().map(|set| (set.data_set, digest(&[], &set.why))).collect(),
        }
    }

    /// Which of these terms are others than `before`, as far as they concern `sets`.
    pub fn changed(&self, before: &Self, sets: &BTreeSet<DataSet>) -> BTreeSet<Term> {
        // A set that is asked for the first time has no purpose that could have changed.
        let why =
            sets.iter().any(|set| before.why.contains_key(set) && self.why.get(set) != before.why.get(set));
        [
            (Term::Name, self.name != before.name),
            (Term::Owner, self.owner != before.owner),
            (Term::Purpose, why || self.purpose != before.purpose),
            (Term::Basis, self.basis != before.basis),
            (Term::Recipients, self.recipients != before.recipients),
            (Term::Policy, self.policy != before.policy),
            (Term::Period, self.period != before.period),
            (Term::Contract, self.contract != before.contract),
        ]
        .into_iter()
        .filter_map(|(term, changed)| changed.then_some(term))
        .collect()
    }

    /// Whether these are the terms of a service of the same name and owner, which is all that somebody decided on who
    /// gave it no data.
    pub fn same_service(&self, before: &Self) -> bool {
        (&self.name, &self.owner) == (&before.name, &before.owner)
    }

    /// Whether data go for the same purpose as a whole.
    pub fn same_purpose(&self, before: &Self) -> bool {
        self.purpose == before.purpose
    }

    /// A short mark of the client `id`, whose terms these are, and of who answers for it: another one when that changes.
    pub fn mark(&self, id: &ClientId) -> String {
        bytes::encode(&Digest::of(format!("{id} {}", self.owner).as_bytes()).0[..9])
    }

    /// One digest of all terms.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

fn digest(parts: &[&str], text: &Localized) -> String {
    let mut all = String::new();
    for part in parts.iter().copied().chain(text.all()) {
        // Each with its length, so that no two lists read the same.
        all.push_str(&format!("{}:{part}", part.len()));
    }
    bytes::encode(&Digest::of(all.as_bytes()).0[..16])
}

#[cfg(test)]
mod tests {
    use super::super::tests::client;
    use super::*;

    const DATA: &str = "data_sets = [{ name = 'name' }, { name = 'phone', why = 'to call' }]\n";

    fn changed(before: &str, after: &str) -> Vec<Term> {
        let sets = BTreeSet::from([DataSet::Name, DataSet::Phone]);
        let (before, after) = (client(&format!("{DATA}{before}")), client(&format!("{DATA}{after}")));
        after.terms.changed(&before.terms, &sets).into_iter().collect()
    }

    #[test]
    fn each_term_that_changes_is_named() {
        for (before, after, term) in [
            ("", "client_name = 'Other'", Term::Name),
            ("", "'client_name#ru' = 'Портал'", Term::Name),
            ("", "owner = 'Others'", Term::Owner),
            ("", "purpose = 'Advertising'", Term::Purpose),
            ("", "'purpose#en' = 'Advertising'", Term::Purpose),
            ("basis_reference = 'contract 1'", "basis_reference = 'contract 2'", Term::Basis),
            ("", "recipients = 'Couriers'", Term::Recipients),
            ("", "policy_uri = 'https://portal.uz/other'", Term::Policy),
            ("consent_days = 30", "consent_days = 60", Term::Period),
        ] {
            assert_eq!(changed(before, after), [term], "{before} {after}");
        }
        assert!(
            changed("", "sector = 'portal.uz'\ndefault_max_age = 60").is_empty(),
            "nobody is told of these"
        );
    }

    #[test]
    fn the_basis_is_a_term_as_well_as_its_reference() {
        let law = "kind = 'state'\nbasis_reference = 'Law 1'\n";
        assert_eq!(changed(law, &format!("{law}basis = 'statutory'")), [Term::Basis]);
    }

    #[test]
    fn another_reason_for_a_set_is_another_purpose_and_a_new_set_is_none() {
        let of = |sets: &str| client(&format!("data_sets = [{sets}]")).terms;
        let (before, after) = (of("{ name = 'phone', why = 'a' }"), of("{ name = 'phone', why = 'b' }"));
        let phone = BTreeSet::from([DataSet::Phone]);
        assert_eq!(after.changed(&before, &phone), BTreeSet::from([Term::Purpose]));
        assert!(after.changed(&before, &BTreeSet::new()).is_empty(), "it is not asked for");
        let grown = of("{ name = 'phone', why = 'a' }, { name = 'name', why = 'c' }");
        assert!(grown.changed(&before, &BTreeSet::from([DataSet::Phone, DataSet::Name])).is_empty());
    }

    #[test]
    fn terms_survive_storage_and_have_one_digest() {
        let terms = client(DATA).terms;
        let stored: Terms = serde_json::from_str(&serde_json::to_string(&terms).unwrap()).unwrap();
        assert_eq!(stored, terms);
        assert_eq!(stored.digest(), terms.digest());
        assert_ne!(client("purpose = 'Other'").terms.digest(), client("").terms.digest());
        assert!(terms.same_service(&client("purpose = 'Other'").terms));
        assert!(!terms.same_service(&client("owner = 'Other'").terms));
    }
}
