//! Security events for services (Shared Signals Framework 1.0): what happened to a person's account, whom it concerns, and what
//! services were not told yet. How it is said on the wire and sent is in `oidc/signals`.
//!
//! An event is stored in the transaction of what it tells of, by one statement for all services that have a stream, want that
//! event and know the person ([`Signals::rows`]).

mod events;
mod streams;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::clients::ClientId;
use crate::people::PersonId;
use crate::platform::bytes;
use crate::platform::clock::Clock;
use crate::platform::db::{Db, Statement};
use crate::platform::seal::{Keyring, Sealer};

pub use events::{Due, Waiting};
pub use streams::{Status, Stream};

/// What this subject keeps its data in.
pub(crate) const TABLES: &[&str] = &["signal_streams", "signal_exclusions", "signal_events"];

/// For how long an event waits for its service, in seconds.
pub const KEPT: i64 = 7 * 86_400;

/// A kind of event about a person's account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EventType {
    /// All sessions of the person ended (CAEP 1.0 §3.1).
    SessionRevoked,
    /// Nobody can sign in as the person (RISC 1.0 §2.3).
    AccountDisabled,
    /// The person can sign in again (RISC 1.0 §2.4).
    AccountEnabled,
    /// What the service holds of the person was revoked (OAuth Event Types 1.0).
    TokensRevoked,
    /// Another number is enrolled as the person's (RISC 1.0 §2.5).
    IdentifierChanged,
    /// The number that was enrolled as the person's is enrolled as somebody else's (RISC 1.0 §2.6).
    IdentifierRecycled,
}

impl EventType {
    /// All.
    pub const ALL: [Self; 6] = [
        Self::SessionRevoked,
        Self::AccountDisabled,
        Self::AccountEnabled,
        Self::TokensRevoked,
        Self::IdentifierChanged,
        Self::IdentifierRecycled,
    ];

    /// Its short name, in the store and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionRevoked => "session-revoked",
            Self::AccountDisabled => "account-disabled",
            Self::AccountEnabled => "account-enabled",
            Self::TokensRevoked => "tokens-revoked",
            Self::IdentifierChanged => "identifier-changed",
            Self::IdentifierRecycled => "identifier-recycled",
        }
    }

    /// Its URI on the wire.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::SessionRevoked => "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
            Self::AccountDisabled => "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
            Self::AccountEnabled => "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
            Self::TokensRevoked => "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked",
            Self::IdentifierChanged => {
                "https://schemas.openid.net/secevent/risc/event-type/identifier-changed"
            }
            Self::IdentifierRecycled => {
                "https://schemas.openid.net/secevent/risc/event-type/identifier-recycled"
            }
        }
    }

    /// The type of that URI.
    pub fn of_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.uri() == uri)
    }

    fn payload(self, now: i64) -> Value {
        match self {
            Self::SessionRevoked => json!({ "event_timestamp": now }),
            // The new number is told to nobody here: who may have it reads it where data are read.
            Self::AccountDisabled
            | Self::AccountEnabled
            | Self::TokensRevoked
            | Self::IdentifierChanged
            | Self::IdentifierRecycled => json!({}),
        }
    }
}

/// The type of the event by which a receiver checks that its stream works (SSF 1.0 §8.1.4).
pub const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// Streams and the events that wait for them. Cheap to clone.
#[derive(Clone)]
pub struct Signals {
    db: Db,
    clock: Clock,
    sealer: Arc<Sealer>,
    /// Notified when this node stored something to be pushed.
    pub wake: Arc<Notify>,
}

impl Signals {
    /// The store. What receivers want in a header is sealed with a key of its own purpose.
    pub fn new(db: Db, clock: Clock, keyring: &Keyring) -> Self {
        Self { db, clock, sealer: Arc::new(keyring.sealer("signal-stream")), wake: Arc::default() }
    }

    /// What stores that something happened to a person's account, for the transaction in which it does: one row for each service
    /// that wants it; with `only`, for that one alone.
    pub fn rows(&self, person: &PersonId, what: &[EventType], only: Option<&ClientId>) -> Vec<Statement> {
        let (txn, now) = (bytes::random_alphanumeric::<26>(), self.clock.now());
        let row = |event: &EventType| {
            let payload = event.payload(now.0).to_string();
            let jti = bytes::random_alphanumeric::<26>();
            events::insert((&jti, &txn), person, (*event, &payload), now, only)
        };
        what.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests;
