//! Sending in the background.
//!
//! A message is taken (one durable statement, one winner) before it is sent, so that neither a crash nor
//! a second node sends it again. A message that expired, was replaced or was never announced is dropped. Only a message
//! that every gateway refused is returned to the outbox.
//!
//! Nobody may tell from the work of this provider which numbers are enrolled, not even by its effect on other requests
//! in the milliseconds after a number was entered. So decoys are taken by the same statements as messages, at a beat that
//! does not depend on what was stored, and a gateway's request is made for them and dropped; and each begins after a pause
//! of its own, so that nobody knows when to look.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::inbox::sms as progress;
use super::super::inbox::{NoticeId, SmsFailure};
use super::super::sms::{OutgoingSms, SendOutcome, SendReport};
use super::super::store::{self, Taken};
use super::{Content, Outbox};
use crate::people::PhoneNumber;
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;
use crate::platform::seal::OneTimeSeal;

/// Messages taken in one statement: enough for a beat of the busiest node.
const TAKEN: i64 = 512;

/// Milliseconds between two takings while anything is stored.
const BEAT: RangeInclusive<u64> = 20..=50;

/// Milliseconds until a taken message is handed over.
const PAUSE: RangeInclusive<u64> = 0..=100;

/// Whom a decoy's request would go to; it is never sent.
const NOBODY: &str = "998000000000";

/// A send that takes longer than this is slow.
const SLOW: Duration = Duration::from_secs(4);

/// How long pages then show that messages are slow, in seconds.
const SLOW_FOR: i64 = 60;

impl Outbox {
    /// Sends messages while it is polled: those stored by this node at the next beat, those left by another node within
    /// a second.
    pub async fn run(self) {
        loop {
            let taken = if self.clock.is_doubted() {
                // By a wrong clock messages would be dropped as too late.
                Ok(Vec::new())
            } else {
                store::take_due(&self.db, self.clock.now(), TAKEN).await
            };
            match taken {
                Ok(taken) if taken.is_empty() => {
                    let _ = tokio::time::timeout(Duration::from_secs(1), self.wake.notified()).await;
                }
                Ok(taken) => {
                    for message in taken {
                        let Ok(permit) = Arc::clone(&self.in_flight).acquire_owned().await else { return };
                        let outbox = self.clone();
                        tokio::spawn(async move {
                            some_of(PAUSE).await;
                            outbox.send(message).await;
                            drop(permit);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(event = "outbox.stalled", %error, "messages cannot be read from the outbox");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            some_of(BEAT).await;
        }
    }

    /// Whether messages are slow at present: depends on the gateways only, not on the number.
    pub fn is_slow(&self) -> bool {
        self.slow_until.load(Ordering::Relaxed) > self.clock.now().0
    }

    async fn send(&self, taken: Taken) {
        let Some(sms) = self.opened(&taken).await else { return };
        if taken.decoy {
            return self.gateways.rehearse(&sms);
        }
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
            SendOutcome::Accepted { .. } => self.accepted(&taken, &sms.to).await,
            SendOutcome::Unknown { reason } => {
                let event = "sms.unknown";
                tracing::warn!(
                    event,
                    sms.id = message_id,
                    sms.gateway = gateway,
                    reason,
                    "a gateway may have sent a message: no retry"
                );
                self.not_delivered(&taken).await;
            }
            SendOutcome::Refused { reason } => {
                let event = "sms.refused";
                tracing::warn!(
                    event,
                    sms.id = message_id,
                    sms.gateway = gateway,
                    reason,
                    "every gateway refused a message"
                );
                self.mark_slow();
                let wait = 2_i64.saturating_pow(u32::try_from(taken.attempts).unwrap_or(6).min(6)).min(60);
                self.put_back(&taken, self.clock.now().plus(wait)).await;
            }
        }
    }

    /// Charges for a message that a gateway took, and notes it in the cabinet if it is about a notice.
    async fn accepted(&self, taken: &Taken, to: &PhoneNumber) {
        if let Some(kind) = taken.charged_as() {
            let charged = self.charges.record(&taken.id, kind, (to, taken.number_index())).await;
            if let Err(error) = charged {
                tracing::error!(event = "charges.lost", sms.id = taken.id, %error, "a message was sent and is not charged for");
            }
        }
        if let Some(id) = NoticeId::parse(&taken.id) {
            note(&taken.id, progress::sent(&self.db, &id, self.clock.now_ms()).await);
        }
    }

    /// Notes in the cabinet that a message about a notice did not get there.
    async fn not_delivered(&self, taken: &Taken) {
        if let Some(id) = NoticeId::parse(&taken.id) {
            note(&taken.id, progress::failed(&self.db, &id, SmsFailure::NotDelivered).await);
        }
    }

    /// Decrypts the message; `None` if it expired or was withdrawn.
    async fn opened(&self, taken: &Taken) -> Option<OutgoingSms> {
        let now = self.clock.now();
        let (event, message_id) = ("sms.dropped", taken.id.as_str());
        if taken.expires_at <= now {
            if !taken.decoy {
                tracing::info!(event, sms.id = message_id, reason = "expired", "a message expired");
                self.not_delivered(taken).await;
            }
            return None;
        }
        let seal = match self.deliveries.open(&taken.id, now).await {
            Ok(Some(seal)) => seal,
            Ok(None) => {
                if !taken.decoy {
                    tracing::info!(event, sms.id = message_id, reason = "replaced", "a message was replaced");
                    self.not_delivered(taken).await;
                }
                return None;
            }
            Err(_) if taken.decoy => return None,
            Err(error) => {
                tracing::warn!(event = "sms.postponed", sms.id = message_id, %error, "short-lived state is unavailable: retrying later");
                self.put_back(taken, now.plus(1)).await;
                return None;
            }
        };
        let Some((to, text)) = content(taken, &seal) else {
            tracing::error!(event, sms.id = message_id, reason = "sealed", "a message cannot be decrypted");
            self.not_delivered(taken).await;
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
            if !taken.decoy {
                self.not_delivered(taken).await;
            }
            return;
        }
        if let Err(error) = store::put_back(&self.db, taken, due_at).await {
            tracing::error!(event = "sms.lost", sms.id = taken.id, %error, "a message could not be returned to the outbox");
        }
    }
}

/// What is not noted shows in the cabinet as waiting.
fn note(message_id: &str, noted: Result<(), DbError>) {
    if let Err(error) = noted {
        tracing::warn!(event = "notices.sms_unnoted", sms.id = message_id, %error, "what became of an SMS about a notice was not noted");
    }
}

fn content(taken: &Taken, seal: &OneTimeSeal) -> Option<(PhoneNumber, String)> {
    let plain = seal.open(taken.id.as_bytes(), &taken.sealed).ok()?;
    let content: Content = serde_json::from_slice(&plain).ok()?;
    // A decoy's row has no recipient, so that none of them can be sent by mistake.
    let to = if taken.decoy { NOBODY.to_owned() } else { content.to? };
    Some((PhoneNumber::from_digits(&to).ok()?, content.text))
}

/// Waits for a random time within these milliseconds.
async fn some_of(range: RangeInclusive<u64>) {
    let (least, most) = range.into_inner();
    let drawn = u64::from(u16::from_be_bytes(bytes::random()));
    tokio::time::sleep(Duration::from_millis(least + drawn % (most - least + 1))).await;
}
