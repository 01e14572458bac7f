//! The audit log: what happened, each event once in the log and once as a row of a chain that cannot be changed unnoticed.
//!
//! [`Audit::record`] takes an [`Event`] and never waits or fails: it writes a line to the log and puts the row into a
//! bounded queue (`queue.rs`), which one task per process writes to the database, a batch in one commit (`writer.rs`). All
//! processes append to one chain (`chain.rs`), whose rows are the leaves of a transparency log (`tree.rs`). [`verify`](Verifier)
//! reads both again. Commands of operators are recorded
//! before they act ([`Audit::begin_command`]).
//!
//! Persons and networks appear as keyed pseudonyms, identifiers of sessions and attempts as parts of their digests. No
//! code, token, number or PINFL has a field here.

mod chain;
mod event;
mod kind;
mod purge;
mod queue;
mod refusals;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod verify;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use chain::Keys;
use queue::{Added, Queue};
use tree::Sequencer;
use writer::Writer;

use crate::platform::bytes;
use crate::platform::clock::Clock;
use crate::platform::db::{Db, DbError};
use crate::platform::seal::Keyring;
use crate::platform::telemetry::{self, Metrics};
use crate::platform::tlog::{Log, Published, VerifierKey};

pub use chain::Link;
pub use event::Event;
pub use kind::Kind;
pub use refusals::Refused;
pub use settings::AuditSettings;
pub(crate) use store::TABLES;
pub use tree::LOG;
pub use verify::{Gap, Report, Tampering, Verifier};

/// How often rows get their places in the tree.
const LOOK: Duration = Duration::from_secs(1);

/// The audit log of one process. Cheap to clone.
#[derive(Clone)]
pub struct Audit(Arc<Inner>);

struct Inner {
    queue: Queue,
    keys: Keys,
    db: Db,
    clock: Clock,
    metrics: Arc<Metrics>,
    /// Random for each process.
    node_id: String,
    writer: tokio::sync::Mutex<Writer>,
    tree: Arc<Published>,
}

impl Audit {
    /// The audit log in `db`, with keys of `keyring`, that publishes nothing to anybody by its own name. Nothing is written until
    /// [`Audit::run`] or a command's event.
    pub fn new(db: Db, clock: Clock, keyring: &Keyring, metrics: Arc<Metrics>) -> Self {
        Self::of_provider((db, clock, metrics), keyring, "localhost")
    }

    /// The audit log of the provider at `address`: host, port and path of its issuer, by which its tree is known.
    pub fn of_provider(
        (db, clock, metrics): (Db, Clock, Arc<Metrics>),
        keyring: &Keyring,
        address: &str,
    ) -> Self {
        let origin = format!("{}/{LOG}", address.trim_end_matches('/'));
        let tree = Arc::new(Published::new(Log::new(db.clone(), LOG, origin, keyring)));
        Self(Arc::new(Inner {
            queue: Queue::new(),
            keys: Keys::new(keyring),
            db,
            clock,
            metrics,
            node_id: bytes::random_alphanumeric::<16>(),
            writer: tokio::sync::Mutex::default(),
            tree,
        }))
    }

    /// Records an event: a line in the log now, and a row soon. It never waits and never fails: a row that finds no room is
    /// counted, and its absence can be seen in the chain.
    pub fn record(&self, mut event: Event<'_>) {
        let inner = &*self.0;
        let origin = telemetry::origin(|id, client| (id.to_string(), client.network().to_string()));
        if let Some((request, network)) = origin {
            event.came_from(request, network);
        }
        event.hide(|id| inner.keys.person(id), |text| inner.keys.network(text));
        event.log();
        match inner.queue.add(event.kind(), inner.clock.now_us(), event.content()) {
            Added::Waits => drop(inner.metrics.audit_waiting.inc()),
            Added::Suppressed => {}
            Added::Dropped => drop(inner.metrics.audit_dropped.inc()),
        }
    }

    /// Writes waiting rows until the process ends: a batch at most every 80 ms, and nothing when nothing happened.
    pub async fn run(self) {
        writer::run(&self.0).await;
    }

    /// Gives rows their places in the tree every second while this node leads, and follows the published head, until the process ends.
    pub async fn sequence(self) {
        let mut sequencer = Sequencer::default();
        loop {
            sequencer.look(&self.0).await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The tree of its rows, as this node publishes it.
    pub fn tree(&self) -> &Arc<Published> {
        &self.0.tree
    }

    /// The public key of the tree's checkpoints.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn verifier_key(&self) -> Result<VerifierKey, DbError> {
        self.0.tree.log().verifier_key().await
    }

    /// Records that a node serves.
    pub fn node_started(&self) {
        self.record(Event::new(Kind::NodeStarted).version(env!("CARGO_PKG_VERSION")));
    }

    /// Records that the node ends in order and writes everything that waits, for `longest` at most.
    pub async fn node_stopped(&self, longest: Duration) {
        self.record(Event::new(Kind::NodeStopped));
        let written = tokio::time::timeout(longest, writer::drain(&self.0)).await;
        let why = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        tracing::error!(
            event = "audit.lost",
            count = self.0.queue.len(),
            error = why,
            "events were not written to the audit log"
        );
    }

    /// Records that an operator's command is about to act, and returns when that is durable.
    ///
    /// # Errors
    /// [`DbError`]: it is not recorded, and must not act.
    pub async fn begin_command(&self, event: Event<'_>) -> Result<(), DbError> {
        self.record(event);
        writer::drain(&self.0).await
    }

    /// Records how the command ended, and writes everything that waits.
    ///
    /// # Errors
    /// [`DbError`]: what the command did may not be recorded in full.
    pub async fn end_command(&self, command: &str, ok: bool) -> Result<(), DbError> {
        let outcome = if ok { "ok" } else { "failed" };
        self.record(Event::new(Kind::CommandEnded).command(command).outcome(outcome));
        writer::drain(&self.0).await
    }

    /// Removes rows that are older than `keep_days`, `most` at most; returns how many went. Where the chain then begins is
    /// proved by a keyed digest.
    ///
    /// # Errors
    /// [`PurgeError`](purge::PurgeError): what does not verify is not removed.
    pub async fn purge(&self, keep_days: u32, most: i64) -> Result<u64, purge::PurgeError> {
        purge::run(self, keep_days, most).await
    }

    /// When the last row of before a moment was written, by the clock of its process; both in milliseconds since the Unix
    /// epoch.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn newest_ms(&self, before_ms: i64) -> Result<Option<i64>, DbError> {
        Ok(store::newest_us(&self.0.db, before_ms.saturating_mul(1000)).await?.map(|us| us / 1000))
    }

    /// Reads the chain from the database.
    pub fn verifier(&self) -> Verifier<'_> {
        Verifier::new(&self.0.db, &self.0.keys, self.0.tree.log())
    }
}
