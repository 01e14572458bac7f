//! The ledger: to whom data of a person went. One entry for each release, committed before the data leave: when, to whom, which
//! fields (never their values), what for, why, by which channel.
//!
//! [`Ledger::row`] gives the statement that goes into the transaction of the release itself, [`Ledger::commit`] writes an entry
//! where there is no other transaction. What makes an entry one release is its `once`: a repetition on whatever node writes
//! nothing.

mod entry;
mod list;
mod purge;
mod reads;
mod rows;
mod sequencer;
mod settings;
mod store;
mod verify;

use std::sync::Arc;
use std::time::Duration;

pub use entry::{Channel, Entry, EntryId, Ground, Leaf, Listed};
pub use list::{Filter, Place};
pub use purge::PurgeError;
pub(crate) use rows::rows_after;
pub use rows::{Rows, mark};
pub use settings::LedgerSettings;
pub(crate) use store::TABLES;
pub use verify::{Report, Tampering};

use entry::NewRow;
use reads::Counters;
use sequencer::Sequencer;

use crate::people::PersonId;
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Statement};
use crate::platform::seal::{Keyring, Mac};
use crate::platform::telemetry::{self, Metrics};
use crate::platform::tlog::{Log, Proof, Published, VerifierKey};

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
    nonce: Mac,
    counters: Counters,
    log: Log,
    published: Arc<Published>,
    metrics: Arc<Metrics>,
}

/// The name of the log in the tables, what ends its name to others, and where it is published below the issuer.
pub const LOG: &str = "ledger";

/// Seconds of the clock between two writings of what was counted.
const COUNTED: i64 = 30;

/// How often a node looks whether that is due.
const LOOK: Duration = Duration::from_secs(1);

impl Ledger {
    /// The ledger in `db`, with keys of `keyring`, that publishes nothing to anybody by its own name.
    pub fn new(db: Db, clock: Clock, keyring: &Keyring) -> Self {
        Self::of_provider((db, clock, Metrics::new()), keyring, "localhost")
    }

    /// The ledger of the provider at `address`: host, port and path of its issuer, by which its log is known.
    pub fn of_provider(
        (db, clock, metrics): (Db, Clock, Arc<Metrics>),
        keyring: &Keyring,
        address: &str,
    ) -> Self {
        let origin = format!("{}/{LOG}", address.trim_end_matches('/'));
        let log = Log::new(db.clone(), LOG, origin, keyring);
        let [once, person, nonce] =
            ["ledger-once", "ledger-person", "ledger-nonce"].map(|name| keyring.mac(name));
        let (counters, published) = (Counters::new(), Arc::new(Published::new(log.clone())));
        Self(Arc::new(Inner { db, clock, once, person, nonce, counters, log, published, metrics }))
    }

    /// The statement that writes an entry, for the transaction of the release itself ([`Db::guarded`], [`Db::all_or_nothing`]).
    /// It writes nothing if the entry is there.
    ///
    /// # Errors
    /// [`DbError`] when the leaf cannot be written down.
    pub fn row(&self, entry: &Entry<'_>) -> Result<(EntryId, Statement), DbError> {
        let row = self.new_row(entry)?;
        Ok((row.id.clone(), store::insert(row)))
    }

    /// As [`Ledger::row`], but it writes nothing either if the grant that the release rests on has ended: revoked, or with everything of
    /// its person. One statement, so that nothing ends between the look and the entry.
    ///
    /// # Errors
    /// As [`Ledger::row`].
    pub fn row_under(&self, entry: &Entry<'_>, grant: &str) -> Result<(EntryId, Statement), DbError> {
        let row = self.new_row(entry)?;
        Ok((row.id.clone(), store::insert_under(self.0.db.engine(), row, grant)))
    }

    /// Entries for the transaction of the release itself, where there may be several.
    ///
    /// # Errors
    /// As [`Ledger::row`].
    pub fn rows(&self, entries: &[Entry<'_>]) -> Result<Rows, DbError> {
        entries.iter().map(|entry| self.new_row(entry)).collect::<Result<_, _>>().map(Rows)
    }

    /// The names of entries that have a `once`.
    pub fn names(&self, entries: &[Entry<'_>]) -> Vec<EntryId> {
        entries.iter().map(|entry| self.id(entry)).collect()
    }

    /// Whether this node knows that all these are written.
    pub fn knows(&self, names: &[EntryId]) -> bool {
        names.iter().all(|name| self.0.counters.knows(name))
    }

    /// Writes those of several entries that are not known to be written, all or none. They are durable when this returns.
    ///
    /// # Errors
    /// [`DbError`]: what they tell of must not leave.
    pub async fn write<'a>(&self, entries: impl IntoIterator<Item = &'a Entry<'a>>) -> Result<(), DbError> {
        let (inner, mut rows) = (&*self.0, Vec::new());
        for entry in entries {
            if entry.once.is_empty() || !inner.counters.knows(&self.id(entry)) {
                rows.push(self.new_row(entry)?);
            }
        }
        let names: Vec<EntryId> = rows.iter().map(|row| row.id.clone()).collect();
        let mut statements = Rows(rows).statements();
        match statements.len() {
            0 => {}
            1 => drop(inner.db.change(statements.remove(0)).await?),
            _ => inner.db.all_or_nothing(statements).await?,
        }
        names.into_iter().for_each(|name| inner.counters.remember(name));
        Ok(())
    }

    /// Writes an entry that has a `once`, and with it what else is to be there if it was not written before.
    ///
    /// # Errors
    /// [`DbError`]: what it tells of must not leave.
    pub async fn write_with(&self, entry: &Entry<'_>, then: Vec<Statement>) -> Result<(), DbError> {
        let inner = &*self.0;
        if !inner.counters.knows(&self.id(entry)) {
            let (id, row) = self.row(entry)?;
            inner.db.guarded(row, then).await?;
            inner.counters.remember(id);
        }
        Ok(())
    }

    /// Counts a read of what these entries opened. It is added to them within a minute.
    pub fn count(&self, names: Vec<EntryId>) {
        let now_ms = self.0.clock.now_ms();
        names.into_iter().for_each(|name| self.0.counters.count(name, now_ms));
    }

    /// Writes down what was counted.
    ///
    /// # Errors
    /// [`DbError`]; what was not written is kept.
    pub async fn write_counts(&self) -> Result<(), DbError> {
        let cause = self.0.metrics.route("ledger");
        telemetry::on_account_of(&cause, self.0.counters.write(&self.0.db)).await
    }

    /// Writes down what is counted, until the process ends.
    pub async fn keep_counts(self) {
        let mut last: Option<Timestamp> = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.0.clock.now();
            let due = last.is_none_or(|last| now.since(last) >= COUNTED || now < last);
            if due || self.0.counters.are_many() {
                last = Some(now);
                if let Err(error) = self.write_counts().await {
                    tracing::warn!(event = "ledger.uncounted", %error, "reads are not added to the ledger and will be later");
                }
            }
        }
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

    /// The proof that an entry stands in the log, which anybody verifies with the log's public key; `None` where there is no such entry,
    /// or it waits for its place.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn proof(&self, id: &EntryId) -> Result<Option<Proof>, DbError> {
        let Some((listed, leaf)) = store::find(&self.0.db, id).await? else { return Ok(None) };
        let Some(position) = listed.position.and_then(|position| u64::try_from(position).ok()) else {
            return Ok(None);
        };
        self.0.log.prove(leaf.into_bytes(), position).await
    }

    /// The public key of the checkpoints.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn verifier_key(&self) -> Result<VerifierKey, DbError> {
        self.0.log.verifier_key().await
    }

    /// Its log, as this node publishes it.
    pub fn published(&self) -> &Arc<Published> {
        &self.0.published
    }

    /// Gives entries their places every second while this node leads, and follows the published head, until the process ends.
    pub async fn sequence(self) {
        let mut sequencer = Sequencer::default();
        loop {
            sequencer.look(&self).await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether an entry is about a person.
    pub fn is_about(&self, listed: &Listed, person: &PersonId) -> bool {
        listed.leaf.person == self.pseudonym(person)
    }

    fn pseudonym(&self, person: &PersonId) -> String {
        bytes::encode(&self.0.person.digest(&[person.as_str().as_bytes()]).0[..16])
    }

    /// What makes a leaf's hash tell nothing to others, and the leaf one that only this provider makes: a keyed digest of the rest.
    fn nonce(&self, bare: &str) -> String {
        bytes::encode(&self.0.nonce.digest(&[bare.as_bytes()]).0[..16])
    }

    fn id(&self, entry: &Entry<'_>) -> EntryId {
        if entry.once.is_empty() {
            return EntryId(bytes::random_text::<16>());
        }
        let parts = entry.once.iter().map(|part| part.as_bytes());
        let parts: Vec<&[u8]> = std::iter::once(entry.channel.name().as_bytes()).chain(parts).collect();
        EntryId(bytes::encode(&self.0.once.digest(&parts).0[..16]))
    }

    fn new_row(&self, entry: &Entry<'_>) -> Result<NewRow, DbError> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = Leaf {
            version: VERSION,
            id: self.id(entry),
            nonce: String::new(),
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
        let bare = db::to_json(&leaf)?;
        // Nothing that callers give stands before it.
        let text = bare.replacen(r#""nonce":"""#, &format!(r#""nonce":"{}""#, self.nonce(&bare)), 1);
        let (person, client) = (entry.person.as_str().to_owned(), leaf.client);
        Ok(NewRow { id: leaf.id, person, client, at_ms: leaf.at_ms, leaf: text })
    }
}

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;
