//! The outbox: a message is stored before its page is answered, and sent off the request's path, at most once.
//!
//! A message is taken (one durable statement, one winner) before it is handed to a gateway, so that no crash and
//! no second node sends it again. One that expired, was replaced or was never announced is dropped. Only what
//! every gateway refused is put back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};

use super::delivery::{Deliveries, Delivery};
use super::sms::{Gateways, OutgoingSms, SendOutcome};
use super::store::{self, NewMessage, Taken};
use crate::people::PhoneNumber;
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError};
use crate::platform::seal::OneTimeSeal;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::Metrics;

/// Messages taken in one statement.
const BATCH: i64 = 64;

/// Messages in the hands of gateways at a time, per node: a slow gateway cannot pile up more.
const IN_FLIGHT: usize = 512;

/// A message to one number.
pub struct OutboundMessage<'a> {
    /// Its identifier, at most 20 characters.
    pub id: &'a str,
    /// To whom; `None` stores a row that looks the same and is never sent.
    pub to: Option<&'a PhoneNumber>,
    /// The number's blind index, by which messages are counted.
    pub number_index: &'a Digest,
    /// The service on whose behalf it is sent, by which messages are counted.
    pub client_id: &'a str,
    /// A digest of the address that asked for it, by which messages are counted.
    pub address: &'a str,
    /// The text.
    pub text: String,
    /// For how long it is worth sending, in seconds.
    pub ttl: i64,
    /// Messages that this number may have in a day.
    pub daily_cap: i64,
}

/// What became of a letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Submitted {
    /// It will be sent.
    Stored,
    /// The number has had its messages for today.
    CapReached,
}

#[derive(Serialize, Deserialize)]
struct Content {
    to: Option<String>,
    text: String,
}

pub struct Prepared {
    id: String,
    decoy: bool,
    index: Digest,
    client: String,
    address: String,
    ttl: i64,
    cap: i64,
    seal: String,
    sealed: String,
}
impl Prepared {
    pub fn announce_in(&self, batch: &mut crate::platform::ephemeral::Batch<'_>) {
        batch.put(
            crate::platform::ephemeral::EphemeralKey::of(super::DELIVERIES, &self.id),
            &Delivery::Waiting { key: self.seal.clone() },
            self.ttl,
        );
    }
}
/// The outbox. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    db: Db,
    clock: Clock,
    gateways: Arc<Gateways>,
    deliveries: Deliveries,
    metrics: Arc<Metrics>,
    wake: Arc<Notify>,
    in_flight: Arc<Semaphore>,
    slow_until: Arc<AtomicI64>,
}

/// How long messages are gathered before they are taken.
const GATHER: Duration = Duration::from_millis(15);

/// A gateway that takes longer than this for one message is slow.
const SLOW: Duration = Duration::from_secs(4);

/// For how long pages say that messages are slow, in seconds.
const SLOW_FOR: i64 = 60;

impl Outbox {
    /// The outbox over `db`, sending through `gateways` once [`Outbox::run`] does.
    pub fn new(
        db: Db,
        clock: Clock,
        gateways: Gateways,
        deliveries: Deliveries,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            db,
            clock,
            gateways: Arc::new(gateways),
            deliveries,
            metrics,
            wake: Arc::new(Notify::new()),
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            slow_until: Arc::default(),
        }
    }

    /// The delivery states of its messages.
    pub fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// The gateways that it sends through.
    pub fn gateways(&self) -> &Gateways {
        &self.gateways
    }

    /// Stores a letter; it is sent soon after.
    ///
    /// # Errors
    /// [`DbError`]; then it will not be sent.
    pub async fn submit(&self, letter: OutboundMessage<'_>) -> Result<Submitted, ServiceError> {
        let now = self.clock.now();
        let content = Content { to: letter.to.map(|to| to.digits().to_owned()), text: letter.text };
        let plain =
            serde_json::to_vec(&content).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let seal = OneTimeSeal::random();
        let sealed = seal.seal(letter.id.as_bytes(), &plain);
        self.deliveries.announce(letter.id, &seal, letter.ttl).await?;
        let message = NewMessage {
            id: letter.id,
            number_index: letter.number_index,
            sealed: &sealed,
            client_id: letter.client_id,
            address: letter.address,
            now,
            expires_at: now.plus(letter.ttl),
            decoy: letter.to.is_none(),
        };
        // Two messages to one number in the same instant compete for a place in its day; the loser looks again.
        for _ in 0..8 {
            if store::insert(&self.db, &message, letter.daily_cap).await? {
                if letter.to.is_some() {
                    self.wake.notify_one();
                }
                return Ok(Submitted::Stored);
            }
            if store::had_today(&self.db, letter.number_index, now).await? >= letter.daily_cap {
                return Ok(Submitted::CapReached);
            }
        }
        Err(ServiceError::Unavailable("too many messages to one number at once".to_owned()))
    }

    pub fn prepare(&self, m: OutboundMessage<'_>) -> Result<Prepared, ServiceError> {
        let content = Content { to: m.to.map(|to| to.digits().to_owned()), text: m.text };
        let plain =
            serde_json::to_vec(&content).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let seal = OneTimeSeal::random();
        let sealed = seal.seal(m.id.as_bytes(), &plain);
        Ok(Prepared {
            id: m.id.to_owned(),
            decoy: m.to.is_none(),
            index: *m.number_index,
            client: m.client_id.to_owned(),
            address: m.address.to_owned(),
            ttl: m.ttl,
            cap: m.daily_cap,
            seal: seal.key(),
            sealed,
        })
    }
    pub fn withdraw_in(&self, batch: &mut crate::platform::ephemeral::Batch<'_>, id: &str) {
        batch.remove(crate::platform::ephemeral::EphemeralKey::of(super::DELIVERIES, id));
    }
    pub async fn store(&self, p: Prepared) -> Result<Submitted, ServiceError> {
        let now = self.clock.now();
        let message = NewMessage {
            id: &p.id,
            number_index: &p.index,
            sealed: &p.sealed,
            client_id: &p.client,
            address: &p.address,
            now,
            expires_at: now.plus(p.ttl),
            decoy: p.decoy,
        };
        for _ in 0..8 {
            if store::insert(&self.db, &message, p.cap).await? {
                if !p.decoy {
                    self.wake.notify_one();
                }
                return Ok(Submitted::Stored);
            }
            if store::had_today(&self.db, &p.index, now).await? >= p.cap {
                return Ok(Submitted::CapReached);
            }
        }
        Err(ServiceError::Unavailable("x".to_owned()))
    }

    /// Sends messages for as long as it is polled: those stored by this node at once, those that another node left
    /// behind within a second.
    pub async fn run(self) {
        loop {
            let taken = store::take_due(&self.db, self.clock.now(), BATCH).await;
            match taken {
                Ok(taken) if taken.is_empty() => {
                    let _ = tokio::time::timeout(Duration::from_secs(1), self.wake.notified()).await;
                    // What is stored in the next moment goes along, and sending does not show in how long the page of an
                    // enrolled number takes.
                    tokio::time::sleep(GATHER).await;
                }
                Ok(taken) => {
                    for message in taken {
                        let Ok(permit) = Arc::clone(&self.in_flight).acquire_owned().await else { return };
                        let outbox = self.clone();
                        tokio::spawn(async move {
                            outbox.send(message).await;
                            drop(permit);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(event = "outbox.stalled", %error, "messages cannot be taken from the outbox");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Waits until no message is in a gateway's hands, at most `limit`.
    pub async fn drain(&self, limit: Duration) {
        let all = u32::try_from(IN_FLIGHT).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(limit, self.in_flight.acquire_many(all)).await;
    }

    /// Sets the gauges of what waits.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn measure(&self) -> Result<(), DbError> {
        let (waiting, oldest) = store::waiting(&self.db).await?;
        self.metrics.outbox_depth.set(waiting);
        self.metrics.outbox_age_seconds.set(oldest.map_or(0, |oldest| self.clock.now().since(oldest).max(0)));
        Ok(())
    }

    /// Messages stored from a moment on, by minute and scope: `client/…` for services, `address/…` for addresses that
    /// had at least `least` in the minute.
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

    /// Removes messages of former days; returns how many.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, most: i64) -> Result<u64, DbError> {
        store::purge(&self.db, self.clock.now(), most).await
    }

    async fn send(&self, taken: Taken) {
        let now = self.clock.now();
        if taken.expires_at <= now {
            tracing::info!(
                event = "sms.dropped",
                message = taken.id,
                reason = "expired",
                "a message came too late"
            );
            return;
        }
        let key = match self.deliveries.state(&taken.id).await {
            Ok(Some(Delivery::Waiting { key })) => key,
            Ok(_) => {
                tracing::info!(
                    event = "sms.dropped",
                    message = taken.id,
                    reason = "replaced",
                    "a message is not wanted any more"
                );
                return;
            }
            Err(error) => {
                tracing::warn!(event = "sms.postponed", message = taken.id, %error, "cannot tell whether a message is still wanted");
                return self.put_back(&taken, now.plus(1)).await;
            }
        };
        let Some((to, text)) = open(&taken, &key) else {
            tracing::error!(
                event = "sms.dropped",
                message = taken.id,
                reason = "sealed",
                "a message does not open"
            );
            return;
        };
        let ttl = Duration::from_secs(u64::try_from(taken.expires_at.since(now)).unwrap_or(0));
        let sms = OutgoingSms { id: taken.id.clone(), to, text, ttl };
        let sending = self.gateways.send(&sms);
        tokio::pin!(sending);
        let report = match tokio::time::timeout(SLOW, &mut sending).await {
            Ok(report) => report,
            Err(_) => {
                self.mark_slow();
                sending.await
            }
        };
        let outcome = match report.outcome {
            SendOutcome::Accepted { .. } => "accepted",
            SendOutcome::Refused { .. } => "refused",
            SendOutcome::Unknown { .. } => "unknown",
        };
        self.metrics.sms_sends(report.gateway, outcome).inc();
        let left = taken.expires_at.since(self.clock.now()).max(1);
        match report.outcome {
            SendOutcome::Accepted { gateway_id } => {
                let state = Delivery::Accepted { gateway: report.gateway.to_owned(), gateway_id };
                if let Err(error) = self.deliveries.note(&taken.id, state, left).await {
                    tracing::warn!(event = "sms.untracked", message = taken.id, %error, "the state of a sent message is not kept");
                }
            }
            SendOutcome::Unknown { reason } => {
                tracing::warn!(
                    event = "sms.unknown",
                    message = taken.id,
                    gateway = report.gateway,
                    reason,
                    "a gateway may or may not have a message"
                );
            }
            SendOutcome::Refused { reason } => {
                tracing::warn!(
                    event = "sms.refused",
                    message = taken.id,
                    gateway = report.gateway,
                    reason,
                    "no gateway took a message"
                );
                self.mark_slow();
                let wait = 2_i64.saturating_pow(u32::try_from(taken.attempts).unwrap_or(6).min(6)).min(60);
                self.put_back(&taken, self.clock.now().plus(wait)).await;
            }
        }
    }

    /// Whether messages are slow to go out just now: a fact about the gateways, the same for every number.
    pub fn is_slow(&self) -> bool {
        self.slow_until.load(Ordering::Relaxed) > self.clock.now().0
    }

    fn mark_slow(&self) {
        self.slow_until.store(self.clock.now().plus(SLOW_FOR).0, Ordering::Relaxed);
    }

    async fn put_back(&self, taken: &Taken, due_at: Timestamp) {
        if due_at >= taken.expires_at {
            return;
        }
        if let Err(error) = store::put_back(&self.db, taken, due_at).await {
            tracing::error!(event = "sms.lost", message = taken.id, %error, "a message could not be put back");
        }
    }
}

fn open(taken: &Taken, key: &str) -> Option<(PhoneNumber, String)> {
    let plain = OneTimeSeal::from_key(key)?.open(taken.id.as_bytes(), &taken.sealed).ok()?;
    let content: Content = serde_json::from_slice(&plain).ok()?;
    Some((PhoneNumber::from_digits(&content.to?).ok()?, content.text))
}
