//! The outbox: a message is stored before the response, and sent in the background, at most once (`send.rs`).
//!
//! Storing has three steps, so that the announcement is in the same batch as the caller's short-lived state:
//! [`Outbox::prepare`] encrypts the message, [`Prepared::announce_in`] adds its announcement to the caller's batch, and
//! [`Outbox::store`] stores it once the batch was applied.

mod send;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};

use super::charges::Charges;
use super::delivery::Deliveries;
use super::inbox::sms as progress;
use super::inbox::{NoticeId, SmsFailure};
use super::sms::{DeliveryState, Gateways};
use super::store::{self, NewMessage, Series};
use crate::people::PhoneNumber;
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::ephemeral::Batch;
use crate::platform::seal::OneTimeSeal;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::Metrics;

/// Maximum number of concurrent sends per node: bounds the backlog of a slow gateway.
const IN_FLIGHT: usize = 512;

/// A message to one number.
pub struct OutboundMessage<'a> {
    /// Its identifier, at most 20 characters.
    pub id: &'a str,
    /// The recipient; `None` stores an indistinguishable row that is never sent.
    pub to: Option<&'a PhoneNumber>,
    /// The number's blind index, by which messages are counted.
    pub number_index: &'a Digest,
    /// The daily numbering in which it is counted.
    pub series: Series,
    /// The client of the sign-in, by which messages are counted; empty for none.
    pub client_id: &'a str,
    /// A digest of the client IP, by which messages are counted; empty for none.
    pub address: &'a str,
    /// The text.
    pub text: String,
    /// Time until it expires, in seconds.
    pub ttl: i64,
    /// Daily limit of messages of the series to this number.
    pub daily_cap: i64,
}

/// Result of storing a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Submitted {
    /// It will be sent.
    Stored,
    /// The daily limit of the number is reached.
    CapReached,
}

/// A message that is encrypted and not stored yet. If dropped, it is never sent.
#[must_use = "the caller announces and stores it"]
pub struct Prepared {
    deliveries: Deliveries,
    id: String,
    number_index: Digest,
    series: Series,
    client_id: String,
    address: String,
    seal: Arc<OneTimeSeal>,
    sealed: String,
    now: Timestamp,
    ttl: i64,
    daily_cap: i64,
    /// It is stored and taken like any other, but never sent.
    decoy: bool,
    stored: bool,
}

impl Prepared {
    /// Adds its announcement to the caller's batch, which must be applied before [`Outbox::store`].
    pub fn announce_in(&self, batch: &mut Batch<'_>) {
        self.deliveries.announce_in(batch, &self.id, &self.seal, self.ttl);
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.stored {
            self.deliveries.forget(&self.id, self.now);
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    to: Option<String>,
    text: String,
}

/// The outbox. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    db: Db,
    clock: Clock,
    gateways: Arc<Gateways>,
    deliveries: Deliveries,
    charges: Charges,
    metrics: Arc<Metrics>,
    wake: Arc<Notify>,
    in_flight: Arc<Semaphore>,
    slow_until: Arc<AtomicI64>,
}

impl Outbox {
    /// The outbox over `db`, sending through `gateways` once [`Outbox::run`] does; what was sent is charged for by `charges`.
    pub fn new(
        db: Db,
        clock: Clock,
        gateways: Gateways,
        deliveries: Deliveries,
        charges: Charges,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            db,
            clock,
            gateways: Arc::new(gateways),
            deliveries,
            charges,
            metrics,
            wake: Arc::new(Notify::new()),
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            slow_until: Arc::default(),
        }
    }

    /// State of its messages: announcements and delivery reports.
    pub(super) fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// The clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The gateways that it sends through.
    pub(super) fn gateways(&self) -> &Gateways {
        &self.gateways
    }

    /// Encrypts a message. The same work is done for a message that is never sent.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] when its content cannot be serialised.
    pub fn prepare(&self, message: OutboundMessage<'_>) -> Result<Prepared, ServiceError> {
        let now = self.clock.now();
        let content = Content { to: message.to.map(|to| to.digits().to_owned()), text: message.text };
        let plain =
            serde_json::to_vec(&content).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let seal = Arc::new(OneTimeSeal::random());
        self.deliveries.remember(message.id, Arc::clone(&seal), now);
        Ok(Prepared {
            deliveries: self.deliveries.clone(),
            id: message.id.to_owned(),
            number_index: *message.number_index,
            series: message.series,
            client_id: message.client_id.to_owned(),
            address: message.address.to_owned(),
            sealed: seal.seal(message.id.as_bytes(), &plain),
            seal,
            now,
            ttl: message.ttl,
            daily_cap: message.daily_cap,
            decoy: message.to.is_none(),
            stored: false,
        })
    }

    /// Adds the withdrawal of a replaced message to a batch: it is not sent, unless it was sent already.
    pub fn withdraw_in(&self, batch: &mut Batch<'_>, former_id: &str) {
        self.deliveries.withdraw_in(batch, former_id, self.clock.now());
    }

    /// Stores a message that was announced; it is sent soon after.
    ///
    /// # Errors
    /// [`ServiceError`]; then it will not be sent.
    pub async fn store(&self, mut prepared: Prepared) -> Result<Submitted, ServiceError> {
        let message = NewMessage {
            id: &prepared.id,
            number_index: &prepared.number_index,
            series: prepared.series,
            sealed: &prepared.sealed,
            client_id: &prepared.client_id,
            address: &prepared.address,
            now: prepared.now,
            expires_at: prepared.now.plus(prepared.ttl),
            decoy: prepared.decoy,
        };
        // Two concurrent messages to one number compete for the same row; the loser retries.
        for _ in 0..8 {
            if store::insert(&self.db, &message, prepared.daily_cap).await? {
                prepared.stored = true;
                self.wake.notify_one();
                return Ok(Submitted::Stored);
            }
            let had =
                store::had_today(&self.db, &prepared.number_index, prepared.series, prepared.now).await?;
            if had >= prepared.daily_cap {
                return Ok(Submitted::CapReached);
            }
        }
        Err(ServiceError::Unavailable("too many messages to one number at once".to_owned()))
    }

    /// What stores a message that was announced, for a transaction of the caller; [`Outbox::is_in`] follows. Of two to one number at
    /// once the second fails with its transaction, which may be tried again. The daily limit is the caller's: see
    /// [`Outbox::numbers_of_today`].
    pub fn row(&self, prepared: &Prepared) -> Statement {
        store::row(&NewMessage {
            id: &prepared.id,
            number_index: &prepared.number_index,
            series: prepared.series,
            sealed: &prepared.sealed,
            client_id: &prepared.client_id,
            address: &prepared.address,
            now: prepared.now,
            expires_at: prepared.now.plus(prepared.ttl),
            decoy: prepared.decoy,
        })
    }

    /// Notes that the transaction with a message's row took place: it is sent soon after.
    pub fn is_in(&self, mut prepared: Prepared) {
        prepared.stored = true;
        self.wake.notify_one();
    }

    /// By which `day` and numbers above the second and up to the third the messages of a series are counted at `now`, for the
    /// condition of a transaction.
    pub fn numbers_of_today(series: Series, now: Timestamp) -> (i64, i64, i64) {
        let (above, up_to) = series.range();
        (now.0.div_euclid(86_400), above, up_to)
    }

    /// The number's messages of a series today.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn had_today(&self, number_index: &Digest, series: Series) -> Result<i64, DbError> {
        store::had_today(&self.db, number_index, series, self.clock.now()).await
    }

    /// Whether what can wait should: gateways are slow, or much is being sent.
    pub(super) fn is_busy(&self) -> bool {
        self.is_slow() || self.in_flight.available_permits() < IN_FLIGHT * 3 / 4
    }

    /// Whether delivery reports on a message are accepted: for some minutes, and on one about a notice always.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub(super) async fn is_reported(&self, message_id: &str) -> Result<bool, ServiceError> {
        if self.deliveries.is_known(message_id, self.clock.now()).await? {
            return Ok(true);
        }
        match NoticeId::parse(message_id) {
            Some(id) => Ok(progress::is_known(&self.db, &id).await?),
            None => Ok(false),
        }
    }

    /// Notes in the cabinet what a gateway reports of a message about a notice; on other messages it does nothing.
    ///
    /// # Errors
    /// [`DbError`]; the gateway may report it again.
    pub(super) async fn note_report(&self, message_id: &str, state: DeliveryState) -> Result<(), DbError> {
        let Some(id) = NoticeId::parse(message_id) else { return Ok(()) };
        match state {
            DeliveryState::Accepted => Ok(()),
            DeliveryState::Delivered => {
                progress::delivered(&self.db, &id, self.clock.now_ms()).await.map(|_| ())
            }
            DeliveryState::Failed | DeliveryState::Expired => {
                progress::failed(&self.db, &id, SmsFailure::NotDelivered).await
            }
        }
    }

    /// Waits until no send is in progress, at most `limit`.
    pub async fn drain(&self, limit: Duration) {
        let all = u32::try_from(IN_FLIGHT).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(limit, self.in_flight.acquire_many(all)).await;
    }

    /// Updates the gauges of waiting messages.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn measure(&self) -> Result<(), DbError> {
        let (waiting, oldest) = store::waiting(&self.db).await?;
        self.metrics.outbox_depth.set(waiting);
        self.metrics.outbox_age_seconds.set(oldest.map_or(0, |oldest| self.clock.now().since(oldest).max(0)));
        Ok(())
    }

    /// Messages stored since a point in time, by minute and scope: `client/…` for clients, `address/…` for client IPs with
    /// at least `least` in the minute.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn stored_since(
        &self,
        since: Timestamp,
        least: i64,
    ) -> Result<Vec<(i64, String, i64)>, DbError> {
        let clients = store::by_client(&self.db, since).await?;
        let addresses = store::by_address(&self.db, since, least).await?;
        let clients =
            clients.into_iter().map(|found| (found.minute, format!("client/{}", found.scope), found.count));
        let addresses = addresses
            .into_iter()
            .map(|found| (found.minute, format!("address/{}", found.scope), found.count));
        Ok(clients.chain(addresses).collect())
    }

    /// Whether a message to a number was stored: one that was announced may not have been, when the database failed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_stored(&self, number_index: &Digest, id: &str) -> Result<bool, DbError> {
        store::is_stored(&self.db, number_index, id).await
    }

    /// Deletes messages of days before that of `now`; returns how many.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        store::purge(&self.db, now, most).await
    }
}
