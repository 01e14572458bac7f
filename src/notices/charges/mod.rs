//! What SMS cost those who get them (R76, R77): a dated tariff, a record of each chargeable message that a gateway took, and
//! numbers without money, to which no SMS about notices is sent (R78, D-j, D-k). The money itself is taken by the operators, who are
//! given the records.

mod settings;
mod store;
mod tariff;

use std::sync::Arc;

use crate::people::{CivilDate, PhoneNumber};
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError};
use crate::platform::seal::{Keyring, Sealer};

pub use settings::ChargeSettings;
pub use tariff::{Price, Tariff};

/// A kind of message, as the tariff has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MessageKind {
    /// A code with which a person signs in or lets data go.
    Code,
    /// A request of a service to approve something.
    Request,
    /// An SMS about a notice.
    Notice,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Code, Self::Request, Self::Notice];

    /// Its name in the tariff, in the store and in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Request => "request",
            Self::Notice => "notice",
        }
    }
}

/// A charge to a number.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The message that it is for: gateways know it by the same identifier.
    pub message_id: String,
    /// The number.
    pub number: PhoneNumber,
    /// The name of the message's kind.
    pub kind: String,
    /// How much, in tiyin.
    pub tiyin: i64,
    /// Since when the tariff was in force.
    pub tariff_from: String,
    /// When a gateway took the message, in milliseconds since the Unix epoch.
    pub sent_at_ms: i64,
}

/// Tariff, records of charges, and numbers without money. Cheap to clone.
#[derive(Clone)]
pub struct Charges {
    db: Db,
    clock: Clock,
    tariff: Arc<Tariff>,
    sealer: Arc<Sealer>,
}

impl Charges {
    /// By this tariff. Numbers are sealed with a key of their own purpose.
    pub fn new(db: Db, clock: Clock, tariff: Tariff, keyring: &Keyring) -> Self {
        Self { db, clock, tariff: Arc::new(tariff), sealer: Arc::new(keyring.sealer("charge")) }
    }

    /// What a message of a kind costs today; `None` when it is free.
    pub fn price(&self, kind: MessageKind) -> Option<Price> {
        self.tariff.price(kind, CivilDate::of(self.clock.now()))
    }

    /// Records that a message was sent, if it is chargeable today. Recorded twice, it is one charge.
    ///
    /// # Errors
    /// [`DbError`]; then the number may not be charged for it.
    pub(super) async fn record(
        &self,
        message_id: &str,
        kind: MessageKind,
        (number, number_index): (&PhoneNumber, &str),
    ) -> Result<(), DbError> {
        let Some(price) = self.price(kind) else { return Ok(()) };
        let sealed = self.sealer.seal_text(place(message_id).as_bytes(), number.digits().as_bytes());
        store::insert(
            &self.db,
            &store::NewCharge {
                message_id,
                number_index,
                sealed: &sealed,
                kind: kind.name(),
                tiyin: price.tiyin,
                tariff_from: &price.since.to_string(),
                sent_at_ms: self.clock.now_ms(),
            },
        )
        .await
    }

    /// The charges of some time, oldest first: `most` at most, after the one that `after` names by time and message.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn between(
        &self,
        (from_ms, until_ms): (i64, i64),
        after: Option<(i64, &str)>,
        most: i64,
    ) -> Result<Vec<Charge>, DbError> {
        store::between(&self.db, &self.sealer, (from_ms, until_ms), after, most).await
    }

    /// Deletes charges of before a moment; returns how many, at most `most`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, before: Timestamp, most: i64) -> Result<u64, DbError> {
        store::purge(&self.db, before, most).await
    }

    /// Whether a number has no money for SMS about notices.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_suspended(&self, number_index: &Digest) -> Result<bool, DbError> {
        store::is_suspended(&self.db, number_index).await
    }

    /// Notes that numbers have no money for SMS about notices; returns of how many that is new.
    ///
    /// # Errors
    /// [`DbError`]; then some may be noted.
    pub async fn suspend(&self, numbers: &[Digest]) -> Result<u64, DbError> {
        let mut new = 0;
        for number in numbers {
            new += store::suspend(&self.db, number, self.clock.now_ms()).await?;
        }
        Ok(new)
    }

    /// Notes that numbers have money again; returns of how many that is new.
    ///
    /// # Errors
    /// [`DbError`]; then some may be noted.
    pub async fn resume(&self, numbers: &[Digest]) -> Result<u64, DbError> {
        let mut gone = 0;
        for number in numbers {
            gone += store::resume(&self.db, number).await?;
        }
        Ok(gone)
    }
}

fn place(message_id: &str) -> String {
    format!("charges/sealed/{message_id}")
}

#[cfg(test)]
mod tests;
