//! The ledger: to whom data of a person went. One entry for each release, committed before the data leave: when, to whom, which
//! fields (never their values), what for, why, by which channel.
//!
//! [`Ledger::row`] gives the statement that goes into the transaction of the release itself, [`Ledger::commit`] writes an entry
//! where there is no other transaction. What makes an entry one release is its `once`: a repetition on whatever node writes
//! nothing.

mod entry;
mod store;

use std::sync::Arc;

pub use entry::{Channel, Entry, EntryId, Leaf, Listed};
pub(crate) use store::TABLES;

use store::NewRow;

use crate::clients::ClientId;
use crate::people::PersonId;
use crate::platform::bytes;
use crate::platform::clock::Clock;
use crate::platform::db::{self, Db, DbError, Statement};
use crate::platform::seal::{Keyring, Mac};

/// The form of leaves.
const VERSION: u8 = 1;

/// The ledger. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    once: Mac,
    person: Mac,
}

/// Which entries of a person are listed: all, unless something is set.
#[derive(Clone, Default, Debug)]
pub struct Filter {
    /// Those of this client.
    pub client: Option<ClientId>,
    /// Those of this moment or later, in milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
    /// Those of before this moment.
    pub until_ms: Option<i64>,
}

/// A place in a person's list, which is ordered by time and name: the next page begins after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// When the last entry of the page happened, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Its name.
    pub id: String,
}

impl Place {
    /// Before the newest entry.
    pub fn newest() -> Self {
        Self { at_ms: i64::MAX, id: String::new() }
    }

    /// After an entry that was listed.
    pub fn after(listed: &Listed) -> Self {
        Self { at_ms: listed.leaf.at_ms, id: listed.leaf.id.as_str().to_owned() }
    }
}

impl Ledger {
    /// The ledger in `db`, with keys of `keyring`.
    pub fn new(db: Db, clock: Clock, keyring: &Keyring) -> Self {
        let (once, person) = (keyring.mac("ledger-once"), keyring.mac("ledger-person"));
        Self(Arc::new(Inner { db, clock, once, person }))
    }

    /// The statement that writes an entry, for the transaction of the release itself ([`Db::guarded`], [`Db::all_or_nothing`]).
    /// It writes nothing if the entry is there.
    ///
    /// # Errors
    /// [`DbError`] when the leaf cannot be written down.
    pub fn row(&self, entry: &Entry<'_>) -> Result<(EntryId, Statement), DbError> {
        let row = self.new_row(entry, 0)?;
        Ok((row.id.clone(), store::insert(row)))
    }

    /// Writes an entry, and says whether it was not there before. It is durable when this returns.
    ///
    /// # Errors
    /// [`DbError`]: what it tells of must not leave.
    pub async fn commit(&self, entry: &Entry<'_>) -> Result<bool, DbError> {
        let (_, statement) = self.row(entry)?;
        Ok(self.0.db.change(statement).await?.is_some())
    }

    /// Entries of a person, newest first, `most` at most, after a place of that order.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of_person(
        &self,
        person: &PersonId,
        filter: &Filter,
        before: &Place,
        most: i64,
    ) -> Result<Vec<Listed>, DbError> {
        store::of_person(&self.0.db, person, filter, before, most).await
    }

    /// An entry by its name.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find(&self, id: &EntryId) -> Result<Option<Listed>, DbError> {
        Ok(store::find(&self.0.db, id).await?.map(|(listed, _)| listed))
    }

    /// Whether an entry is about a person.
    pub fn is_about(&self, listed: &Listed, person: &PersonId) -> bool {
        listed.leaf.person == self.pseudonym(person)
    }

    fn pseudonym(&self, person: &PersonId) -> String {
        bytes::encode(&self.0.person.digest(&[person.as_str().as_bytes()]).0[..16])
    }

    fn id(&self, entry: &Entry<'_>) -> EntryId {
        if entry.once.is_empty() {
            return EntryId(bytes::random_text::<16>());
        }
        let parts = entry.once.iter().map(|part| part.as_bytes());
        let parts: Vec<&[u8]> = std::iter::once(entry.channel.name().as_bytes()).chain(parts).collect();
        EntryId(bytes::encode(&self.0.once.digest(&parts).0[..16]))
    }

    fn new_row(&self, entry: &Entry<'_>, reads: i64) -> Result<NewRow, DbError> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = Leaf {
            version: VERSION,
            id: self.id(entry),
            nonce: bytes::random_text::<16>(),
            at_ms: self.0.clock.now_ms(),
            person: self.pseudonym(entry.person),
            client: entry.client.as_str().to_owned(),
            channel: entry.channel,
            data_sets: owned(&entry.data_sets),
            fields: owned(&entry.fields),
            purpose: entry.purpose.map(str::to_owned),
            basis: entry.basis,
            contract: entry.contract.map(str::to_owned),
            consent: entry.consent.map(str::to_owned),
        };
        let text = db::to_json(&leaf)?;
        let (person, client) = (entry.person.as_str().to_owned(), leaf.client);
        Ok(NewRow { id: leaf.id, person, client, at_ms: leaf.at_ms, leaf: text, reads })
    }
}

#[cfg(test)]
mod tests;
