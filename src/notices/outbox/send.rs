//! Sending, off the path of requests.
//!
//! A message is taken (one durable statement, one winner) before it is handed to a gateway, so that no crash and
//! no second node sends it again. One that expired, was replaced or was never announced is dropped. Only what
//! every gateway refused is put back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::sms::{OutgoingSms, SendOutcome, SendReport};
use super::super::store::{self, Taken};
use super::{Content, Outbox};
use crate::people::PhoneNumber;
use crate::platform::clock::Timestamp;
use crate::platform::seal::OneTimeSeal;

/// Messages taken in one statement.
const TAKEN: i64 = 64;

/// How long messages are gathered before they are taken.
const GATHER: Duration = Duration::from_millis(15);

/// A gateway that takes longer than this for one message is slow.
const SLOW: Duration = Duration::from_secs(4);

/// For how long pages say that messages are slow, in seconds.
const SLOW_FOR: i64 = 60;

impl Outbox {
    /// Sends messages for as long as it is polled: those stored by this node at once, those that another node left
    /// behind within a second.
    pub async fn run(self) {
        loop {
            let taken = store::take_due(&self.db, self.clock.now(), TAKEN).await;
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

    /// Whether messages are slow to go out just now: a fact about the gateways, the same for every number.
    pub fn is_slow(&self) -> bool {
        self.slow_until.load(Ordering::Relaxed) > self.clock.now().0
    }

    async fn send(&self, taken: Taken) {
        let Some(sms) = self.opened(&taken).await else { return };
        self.deliveries.sending(&taken.id, self.clock.now());
        let report = self.hand_over(&sms).await;
        let outcome = match report.outcome {
            SendOutcome::Accepted { .. } => "accepted",
            SendOutcome::Refused { .. } => "refused",
            SendOutcome::Unknown { .. } => "unknown",
        };
        self.metrics.sms_sends(report.gateway, outcome).inc();
        let (gateway, message_id) = (report.gateway, taken.id.as_str());
        match report.outcome {
            SendOutcome::Accepted { .. } => {}
            SendOutcome::Unknown { reason } => {
                let event = "sms.unknown";
                tracing::warn!(event, message_id, gateway, reason, "a gateway may or may not have a message");
            }
            SendOutcome::Refused { reason } => {
                let event = "sms.refused";
                tracing::warn!(event, message_id, gateway, reason, "no gateway took a message");
                self.mark_slow();
                let wait = 2_i64.saturating_pow(u32::try_from(taken.attempts).unwrap_or(6).min(6)).min(60);
                self.put_back(&taken, self.clock.now().plus(wait)).await;
            }
        }
    }

    /// What is to be sent; nothing when the message came too late or is not wanted any more.
    async fn opened(&self, taken: &Taken) -> Option<OutgoingSms> {
        let now = self.clock.now();
        let (event, message_id) = ("sms.dropped", taken.id.as_str());
        if taken.expires_at <= now {
            tracing::info!(event, message_id, reason = "expired", "a message came too late");
            return None;
        }
        let seal = match self.deliveries.open(&taken.id, now).await {
            Ok(Some(seal)) => seal,
            Ok(None) => {
                tracing::info!(event, message_id, reason = "replaced", "a message is not wanted any more");
                return None;
            }
            Err(error) => {
                tracing::warn!(event = "sms.postponed", message_id, %error, "cannot tell whether a message is still wanted");
                self.put_back(taken, now.plus(1)).await;
                return None;
            }
        };
        let Some((to, text)) = content(taken, &seal) else {
            tracing::error!(event, message_id, reason = "sealed", "a message does not open");
            return None;
        };
        let ttl = Duration::from_secs(u64::try_from(taken.expires_at.since(now)).unwrap_or(0));
        Some(OutgoingSms { id: taken.id.clone(), to, text, ttl })
    }

    async fn hand_over(&self, sms: &OutgoingSms) -> SendReport {
        let sending = self.gateways.send(sms);
        tokio::pin!(sending);
        match tokio::time::timeout(SLOW, &mut sending).await {
            Ok(report) => report,
            Err(_) => {
                self.mark_slow();
                sending.await
            }
        }
    }

    fn mark_slow(&self) {
        self.slow_until.store(self.clock.now().plus(SLOW_FOR).0, Ordering::Relaxed);
    }

    async fn put_back(&self, taken: &Taken, due_at: Timestamp) {
        if due_at >= taken.expires_at {
            return;
        }
        if let Err(error) = store::put_back(&self.db, taken, due_at).await {
            tracing::error!(event = "sms.lost", message_id = taken.id, %error, "a message could not be put back");
        }
    }
}

fn content(taken: &Taken, seal: &OneTimeSeal) -> Option<(PhoneNumber, String)> {
    let plain = seal.open(taken.id.as_bytes(), &taken.sealed).ok()?;
    let content: Content = serde_json::from_slice(&plain).ok()?;
    Some((PhoneNumber::from_digits(&content.to?).ok()?, content.text))
}
