//! What operators do with institutions and contracts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::book::Book;
use super::contract::{Contract, ContractDocument};
use super::file::ContractFile;
use super::institution::Institution;
pub use super::store::Version;
use super::{book, store, usage};
use crate::audit::{Event, Kind};
use crate::clients::registry::Registry;
use crate::clients::{Client, ClientId};
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;

/// A change of contracts did not take place.
#[derive(Debug, thiserror::Error)]
pub enum ContractsError {
    /// What is written is wrong; nothing was stored.
    #[error("{0}")]
    Invalid(String),
    /// There is no such contract.
    #[error("there is no contract `{0}`; `yagona contract list` shows them")]
    Unknown(String),
    /// There is one, and its row cannot be read.
    #[error(
        "the contract `{0}` is stored and cannot be read, so it is not in force; `yagona check` says why, and importing it \
         again mends it"
    )]
    Unreadable(String),
    /// There is no such institution.
    #[error("there is no institution `{0}`; `yagona institution list` shows them")]
    UnknownInstitution(String),
    /// It was ended before.
    #[error(
        "the contract `{0}` was ended before, on {1}; a contract that was ended does not come back: make another one"
    )]
    Ended(String, String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A contract in a list, with the clients that live under it.
pub struct Listed {
    /// The contract.
    pub contract: Arc<Contract>,
    /// Identifiers of the clients.
    pub clients: Vec<String>,
}

impl Registry {
    /// Stores institutions and contracts, new ones and changed ones, all of them or none. What is as it was gets no new version. Returns
    /// the identifiers of the contracts that are new or changed.
    ///
    /// # Errors
    /// [`ContractsError`].
    pub async fn import_contracts(&self, file: &ContractFile) -> Result<Vec<String>, ContractsError> {
        let (known, _) = store::institutions(&self.db).await?;
        let book = store::book(&self.db, None).await?;
        // What cannot be read has its versions all the same, and gets its next one here: that mends it.
        let (heads, versions) = (store::heads(&self.db).await?, store::institution_versions(&self.db).await?);
        check(file, &known, (&book, &heads))?;
        let now = self.clock.now();
        let (mut statements, mut events, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for institution in &file.institutions {
            let old = known.get(&institution.id);
            if old.is_some_and(|(old, _)| old == institution) {
                continue;
            }
            let version = versions.get(&institution.id).map_or(1, |version| version + 1);
            statements.push(store::add_institution(institution, version, now)?);
            events.push(
                Event::new(Kind::InstitutionChanged).institution(institution.id.as_str()).count(version),
            );
            // What its contracts may say can depend on its kind: they are looked at again.
            let own = heads.iter().filter(|(_, head)| head.institution == institution.id);
            let changes = |id: &String| {
                let named = file.contracts.iter().find(|document| document.id == *id);
                named.is_some_and(|document| book.find(id).is_none_or(|old| old.document != *document))
            };
            let own = own.filter(|(id, _)| !changes(id));
            statements.extend(own.map(|(id, _)| store::uncleared(id, now)));
        }
        for document in &file.contracts {
            let old = book.find(&document.id);
            if old.is_some_and(|old| old.document == *document) {
                continue;
            }
            let version = heads.get(&document.id).map_or(1, |head| head.version + 1);
            statements.push(store::add_contract(document, (version, None), now)?);
            events.push(Event::new(Kind::ContractChanged).contract(document.id.as_str()).count(version));
            changed.push(document.id.clone());
        }
        if !statements.is_empty() {
            statements.push(store::changed());
            self.db.all_or_nothing(statements).await?;
        }
        for event in events {
            self.audit.record(event);
        }
        self.refresh().await?;
        Ok(changed)
    }

    /// Ends a contract now, before its period is over.
    ///
    /// # Errors
    /// [`ContractsError`].
    pub async fn end_contract(&self, id: &str) -> Result<(), ContractsError> {
        let book = store::book(&self.db, None).await?;
        let Some(contract) = book.find(id) else {
            let is_stored = store::heads(&self.db).await?.contains_key(id);
            let id = id.to_owned();
            return Err(if is_stored { ContractsError::Unreadable(id) } else { ContractsError::Unknown(id) });
        };
        if let Some(ended) = contract.ended_at {
            return Err(ContractsError::Ended(id.to_owned(), ended.to_rfc3339()));
        }
        let now = self.clock.now();
        let (version, document) = (contract.version + 1, &contract.document);
        let end = store::add_contract(document, (version, Some(now)), now)?;
        self.db.all_or_nothing(vec![end, store::changed()]).await?;
        self.audit.record(Event::new(Kind::ContractEnded).contract(id).count(version));
        Ok(self.refresh().await?)
    }

    /// All institutions.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn institutions(&self) -> Result<Vec<Institution>, DbError> {
        let (all, _) = store::institutions(&self.db).await?;
        Ok(all.into_values().map(|(institution, _)| institution).collect())
    }

    /// Why institutions and contracts that are stored are not in force: their rows cannot be read.
    pub fn contract_faults(&self) -> Vec<String> {
        self.book().faults().to_vec()
    }

    /// All contracts, with the clients that live under each.
    pub fn contracts(&self) -> Vec<Listed> {
        let (book, clients) = (self.book(), self.all());
        let under =
            |contract: &Contract, client: &Client| client.under.contract.as_deref() == Some(contract.id());
        let listed = book.all().map(|contract| {
            let own = clients.values().filter(|client| under(contract, client));
            let mut own: Vec<String> = own.map(|client| client.id.as_str().to_owned()).collect();
            own.sort_unstable();
            Listed { contract: Arc::clone(contract), clients: own }
        });
        listed.collect()
    }

    /// A contract by its identifier.
    pub fn contract(&self, id: &str) -> Option<Arc<Contract>> {
        self.book().find(id).cloned()
    }

    /// All versions of a contract, the newest first.
    ///
    /// # Errors
    /// [`ContractsError`].
    pub async fn contract_history(&self, id: &str) -> Result<Vec<Version>, ContractsError> {
        let versions = store::history(&self.db, id).await?;
        if versions.is_empty() { Err(ContractsError::Unknown(id.to_owned())) } else { Ok(versions) }
    }

    /// Institutions and contracts as a file: all that were not ended, or one with its institution.
    ///
    /// # Errors
    /// [`ContractsError`].
    pub async fn export_contracts(&self, only: Option<&str>) -> Result<ContractFile, ContractsError> {
        let book = store::book(&self.db, None).await?;
        if let Some(id) = only
            && book.find(id).is_none()
        {
            return Err(ContractsError::Unknown(id.to_owned()));
        }
        let wanted = |contract: &&Arc<Contract>| match only {
            Some(id) => contract.id() == id,
            None => contract.ended_at.is_none(),
        };
        let contracts: Vec<ContractDocument> =
            book.all().filter(wanted).map(|contract| contract.document.clone()).collect();
        let of = |institution: &&Institution| {
            only.is_none() || contracts.iter().any(|contract| contract.institution == institution.id)
        };
        let institutions = book.institutions.values().filter(of).cloned().collect();
        Ok(ContractFile { institutions, contracts })
    }

    /// The contracts of which something is to be ended that people had agreed to.
    pub fn uncleared_contracts(&self) -> Vec<Arc<Contract>> {
        let now = self.clock.now();
        self.book().all().filter(|contract| contract.is_uncleared(now)).cloned().collect()
    }

    /// The clients whose registrations name a contract, those that no longer serve included.
    pub fn clients_under(&self, contract: &str) -> Vec<ClientId> {
        let all = self.all();
        let own = all.values().filter(|client| client.under.contract.as_deref() == Some(contract));
        let mut own: Vec<ClientId> = own.map(|client| client.id.clone()).collect();
        own.sort_unstable();
        own
    }

    /// Notes that everything was ended that a version of a contract does not allow; `over`: all, because it is over.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn contract_cleared(&self, contract: &Contract, over: bool) -> Result<(), DbError> {
        let state = if over { 2 } else { 1 };
        store::cleared(&self.db, (contract.id(), contract.version), state).await?;
        self.refresh().await
    }

    /// Counts a release of data to a client.
    pub fn released(&self, client: &Client) {
        self.usage.released(client, self.clock.now());
    }

    /// Which quota of a client's contract is used up, if one is.
    pub fn spent(&self, client: &Client) -> Option<usage::Spent> {
        let contract = client.contract.as_ref()?;
        self.usage.spent(contract, self.clock.now())
    }

    /// Adds what this node counted to what all nodes did, and reads that.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn add_usage(&self) -> Result<(), DbError> {
        self.usage.refresh(&self.db, self.clock.now()).await
    }

    /// Releases by contract, client and month.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn contract_usage(&self) -> Result<Vec<usage::UsageRow>, DbError> {
        store::usage(&self.db).await
    }

    /// Of the contracts in force with clients, those that end within `days`, with the moment.
    pub fn ending_contracts(&self, days: u32) -> Vec<(Arc<Contract>, Timestamp)> {
        let (now, book, clients) = (self.clock.now(), self.book(), self.all());
        let named = |contract: &Contract| {
            clients.values().any(|client| client.under.contract.as_deref() == Some(contract.id()))
        };
        let ending = |contract: &Arc<Contract>| {
            let end = contract.ends().filter(|end| end.since(now) <= i64::from(days) * 86_400)?;
            (contract.suspension(now).is_none() && named(contract)).then(|| (Arc::clone(contract), end))
        };
        book.all().filter_map(ending).collect()
    }
}

/// Holds a file against what it says and what is stored.
fn check(
    file: &ContractFile,
    known: &BTreeMap<String, (Institution, i64)>,
    (stored, heads): (&Book, &BTreeMap<String, store::Head>),
) -> Result<(), ContractsError> {
    let mut wrong = String::new();
    let mut tell = |what: &str, id: &str, faults: &[String]| {
        if !faults.is_empty() {
            let _ = writeln!(wrong, "the {what} `{id}` cannot be stored:");
            for fault in faults {
                let _ = writeln!(wrong, "  - {fault}");
            }
        }
    };
    for (at, institution) in file.institutions.iter().enumerate() {
        let mut faults = institution.faults();
        if file.institutions[..at].iter().any(|other| other.id == institution.id) {
            faults.push("id: it is in the file twice".to_owned());
        }
        let others = file.institutions[..at].iter().chain(known.values().map(|(known, _)| known));
        if let Some(other) =
            others.into_iter().find(|other| other.tin == institution.tin && other.id != institution.id)
        {
            faults.push(format!("tin: it is that of the institution `{}`", other.id));
        }
        // What its contracts say must still be right.
        let of_file = |contract: &Contract| file.contracts.iter().any(|other| other.id == contract.id());
        let own = stored.all().filter(|contract| contract.document.institution == institution.id);
        for contract in own.filter(|contract| contract.ended_at.is_none() && !of_file(contract)) {
            let wrong = contract.document.faults(Some(institution)).into_iter();
            faults.extend(
                wrong.map(|wrong| format!("its contract `{}` would be wrong: {wrong}", contract.id())),
            );
        }
        tell("institution", &institution.id, &faults);
    }
    for (at, contract) in file.contracts.iter().enumerate() {
        let of_file = file.institutions.iter().find(|institution| institution.id == contract.institution);
        let of_store = || known.get(&contract.institution).map(|(institution, _)| institution);
        let mut faults = contract.faults(of_file.or_else(of_store));
        if file.contracts[..at].iter().any(|other| other.id == contract.id) {
            faults.push("id: it is in the file twice".to_owned());
        }
        if contract.id == book::SANDBOX {
            faults.push("id: the sandbox has a contract of that name: choose another one".to_owned());
        }
        if let Some(head) = heads.get(&contract.id) {
            // What is as it was changes nothing.
            let is_same = stored.find(&contract.id).is_some_and(|old| old.document == *contract);
            if let Some(ended) = head.ended_at.filter(|_| !is_same) {
                faults.push(format!(
                    "id: the contract was ended on {}, and does not come back: choose another one",
                    ended.to_rfc3339()
                ));
            }
            if head.institution != contract.institution {
                faults.push(format!("institution: it is the contract of `{}`", head.institution));
            }
        }
        tell("contract", &contract.id, &faults);
    }
    if wrong.is_empty() { Ok(()) } else { Err(ContractsError::Invalid(wrong)) }
}
