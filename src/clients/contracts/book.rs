//! All contracts in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contract::{Contract, ContractDocument, Right};
use super::institution::{Institution, InstitutionKind};
use super::words::Words;
use crate::clients::{Basis, Permission};
use crate::people::{CivilDate, DataSet};
use crate::platform::clock::Timestamp;

/// The contracts of this moment, and those without one.
#[derive(Clone, Debug, Default)]
pub(in crate::clients) struct Book {
    pub(super) institutions: BTreeMap<String, Institution>,
    contracts: BTreeMap<String, Arc<Contract>>,
    /// The one of clients that name none, in a sandbox.
    usual: Option<Arc<Contract>>,
    /// Why others that are stored cannot be read, and so are not in force.
    faults: Arc<[String]>,
}

impl Book {
    /// Contracts with their institutions. `usual` is for clients that name none.
    pub(super) fn new(
        institutions: BTreeMap<String, Institution>,
        contracts: impl Iterator<Item = Contract>,
        usual: Option<Arc<Contract>>,
    ) -> Self {
        let contracts = contracts.map(|contract| (contract.id().to_owned(), Arc::new(contract))).collect();
        Self { institutions, contracts, usual, faults: Arc::default() }
    }

    /// The same, beside others that cannot be read, with the reasons.
    pub(super) fn without(self, faults: Vec<String>) -> Self {
        Self { faults: faults.into(), ..self }
    }

    /// Why institutions and contracts that are stored are not in force: their rows cannot be read.
    pub(super) fn faults(&self) -> &[String] {
        &self.faults
    }

    /// The same, with a contract for clients that name none.
    pub(in crate::clients) fn with(&self, usual: Option<Arc<Contract>>) -> Self {
        Self { usual, ..self.clone() }
    }

    /// The contract of that identifier.
    pub(in crate::clients) fn find(&self, id: &str) -> Option<&Arc<Contract>> {
        self.contracts.get(id)
    }

    /// The contract that a client lives under which names `named`.
    pub(in crate::clients) fn of_client(&self, named: Option<&str>) -> Option<&Arc<Contract>> {
        match named {
            Some(id) => self.find(id),
            None => self.usual.as_ref(),
        }
    }

    /// All of them.
    pub(in crate::clients) fn all(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.contracts.values()
    }

    /// The moments around `now` at which none of them begins or ends: from (inclusive), until (exclusive).
    pub(in crate::clients) fn steady(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let (mut from, mut until) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        for contract in self.contracts.values() {
            for turn in [Some(contract.begins()), contract.ends()].into_iter().flatten() {
                if turn <= now { from = from.max(turn) } else { until = until.min(turn) }
            }
        }
        (from, until)
    }
}

/// The contract of clients that name none, which only a sandbox has: it allows everything that there is, and the words of a
/// registration stand.
pub(in crate::clients) fn built_in() -> Option<Contract> {
    let words = |text: &str| Words {
        uz_latn: text.to_owned(),
        uz_cyrl: text.to_owned(),
        ru: text.to_owned(),
        en: text.to_owned(),
    };
    let institution = Institution {
        id: SANDBOX.to_owned(),
        kind: InstitutionKind::State,
        tin: "000000000".to_owned(),
        name: words("Sandbox"),
        contacts: Vec::new(),
    };
    let document = ContractDocument {
        id: SANDBOX.to_owned(),
        institution: SANDBOX.to_owned(),
        reference: words("the sandbox"),
        article: Some(words("the sandbox")),
        basis: Basis::Statutory,
        purposes: Vec::new(),
        data_sets: DataSet::ALL.into_iter().collect(),
        from: CivilDate::new(2000, 1, 1)?,
        until: None,
        releases_per_day: None,
        releases_per_month: None,
        lending: false,
        permission: Permission::Click,
        minimum_age: None,
        valid_document: false,
        allows: Right::ALL.into_iter().collect(),
        payment: None,
    };
    Some(Contract {
        document,
        institution,
        ended_at: None,
        recorded_at: Timestamp(0),
        version: 1,
        cleared: 2,
        built_in: true,
    })
}

/// Its name, and that of its institution.
pub(super) const SANDBOX: &str = "sandbox";
