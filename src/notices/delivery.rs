//! Which messages are still to be sent, with their decryption keys; and which deliveries were reported.
//!
//! A message is announced in short-lived state, with its key, and withdrawn when another one replaces it.
//! The node that announced it caches the key for a moment, so that sending at once needs no lookup; every
//! other node looks it up, and so does this one later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::recent::Recent;
use super::sms::DeliveryState;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Batch, Ephemeral, EphemeralKey, KeySpace, Unavailable};
use crate::platform::seal::OneTimeSeal;

/// Messages to be sent, by identifier; and counts of delivery reports on them.
pub const DELIVERIES: KeySpace = KeySpace::new(b'd', "delivery");

/// How long a node sends its own messages without looking up whether they were withdrawn, in seconds.
const FRESH: i64 = 3;

/// Maximum number of such messages.
const MOST_FRESH: usize = 20_000;

/// How long delivery reports on a message are accepted, in seconds.
const REPORTED: i64 = 600;

/// Maximum number of sent messages whose reports need no lookup.
const MOST_SENT: usize = 50_000;

/// A message is to be sent.
#[derive(Serialize, Deserialize)]
struct Wanted {
    /// The key of the stored message: without it the code in the message cannot be read.
    key: String,
}

/// Whether a delivery report is new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Report {
    /// The first report of this state.
    New,
    /// A repetition.
    Repeated,
    /// The message is unknown: too old, or not one of ours.
    Unknown,
}

/// The reported states of one message, one bit each.
#[derive(Default)]
struct Reported(u8);

impl Reported {
    fn note(&mut self, state: DeliveryState) -> Report {
        let bit = match state {
            DeliveryState::Accepted => 1,
            DeliveryState::Delivered => 2,
            DeliveryState::Failed => 4,
            DeliveryState::Expired => 8,
        };
        let known = self.0 & bit != 0;
        self.0 |= bit;
        if known { Report::Repeated } else { Report::New }
    }
}

struct Memory {
    /// Keys of the messages that this node has just stored and not sent yet.
    fresh: Recent<Arc<OneTimeSeal>>,
    /// The messages that this node has sent.
    sent: Recent<Reported>,
}

/// Messages in delivery. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    ephemeral: Ephemeral,
    memory: Arc<Mutex<Memory>>,
}

impl Deliveries {
    /// State in `ephemeral`, with the latest cached in memory.
    pub fn new(ephemeral: Ephemeral) -> Self {
        let memory = Memory { fresh: Recent::new(FRESH, MOST_FRESH), sent: Recent::new(REPORTED, MOST_SENT) };
        Self { ephemeral, memory: Arc::new(Mutex::new(memory)) }
    }

    /// Adds to a batch the announcement of a message for `ttl` seconds. A message that was never announced, or was
    /// withdrawn, is not sent.
    #[expect(clippy::unused_self, reason = "the counterpart of `withdraw_in`, which needs it")]
    pub(super) fn announce_in(&self, batch: &mut Batch<'_>, message_id: &str, seal: &OneTimeSeal, ttl: i64) {
        batch.put(key(message_id), &Wanted { key: seal.key() }, ttl);
    }

    /// Adds to a batch the withdrawal of a message: if it was not sent yet, it never will be.
    pub(super) fn withdraw_in(&self, batch: &mut Batch<'_>, message_id: &str, now: Timestamp) {
        // From here on this node looks it up as well, whether the batch is applied or not.
        self.forget(message_id, now);
        batch.remove(key(message_id));
    }

    /// Caches the key of a message that is about to be announced. A withdrawal can only come later, from a node that
    /// has seen the announcement.
    pub(super) fn remember(&self, message_id: &str, seal: Arc<OneTimeSeal>, now: Timestamp) {
        self.lock().fresh.insert(message_id, seal, now);
    }

    /// Removes the cached key of a message.
    pub(super) fn forget(&self, message_id: &str, now: Timestamp) {
        self.lock().fresh.remove(message_id, now);
    }

    /// The key of a message that is to be sent now; `None` if it was withdrawn.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn open(
        &self,
        message_id: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<OneTimeSeal>>, Unavailable> {
        let fresh = self.lock().fresh.remove(message_id, now);
        if fresh.is_some() {
            return Ok(fresh);
        }
        let found = self.ephemeral.get::<Wanted>(key(message_id)).await?;
        Ok(found.and_then(|(wanted, _)| OneTimeSeal::from_key(&wanted.key)).map(Arc::new))
    }

    /// Notes that this node sends a message, so that delivery reports on it are known.
    pub(super) fn sending(&self, message_id: &str, now: Timestamp) {
        self.lock().sent.insert(message_id, Reported::default(), now);
    }

    /// Whether delivery reports on a message are accepted.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn is_known(&self, message_id: &str, now: Timestamp) -> Result<bool, Unavailable> {
        if self.lock().sent.get_mut(message_id, now).is_some() {
            return Ok(true);
        }
        Ok(self.ephemeral.get::<Wanted>(key(message_id)).await?.is_some())
    }

    /// Records a delivery report. Gateways repeat reports: one is new once at the node that sent the message, and once at
    /// all other nodes together.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn report(
        &self,
        message_id: &str,
        state: DeliveryState,
        now: Timestamp,
    ) -> Result<Report, Unavailable> {
        if let Some(reported) = self.lock().sent.get_mut(message_id, now) {
            return Ok(reported.note(state));
        }
        let counter = EphemeralKey::of(DELIVERIES, &format!("report/{message_id}/{state:?}"));
        let (wanted, count) =
            self.ephemeral.get_and_count::<Wanted>(key(message_id), counter, REPORTED).await?;
        Ok(match (wanted, count) {
            (None, _) => Report::Unknown,
            (Some(_), 1) => Report::New,
            (Some(_), _) => Report::Repeated,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(message_id: &str) -> EphemeralKey {
    EphemeralKey::of(DELIVERIES, message_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::bytes;
    use crate::platform::clock::Clock;
    use crate::platform::ephemeral::Applied;
    use crate::platform::seal::Keyring;

    const NOW: Timestamp = Timestamp(1_790_000_000);

    /// Two nodes on the same state.
    fn nodes() -> (Ephemeral, Deliveries, Deliveries) {
        let folder = std::env::temp_dir().join(format!("yagona-delivery-{}", bytes::random_text::<8>()));
        let keyring = Keyring::read_or_create(&folder.join("keyring.toml")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let ephemeral = Ephemeral::in_process(Clock::manual(NOW), &keyring);
        let (one, other) = (Deliveries::new(ephemeral.clone()), Deliveries::new(ephemeral.clone()));
        (ephemeral, one, other)
    }

    async fn announce(ephemeral: &Ephemeral, node: &Deliveries, id: &str) -> String {
        let seal = Arc::new(OneTimeSeal::random());
        let key = seal.key();
        let mut batch = Batch::new(ephemeral);
        node.announce_in(&mut batch, id, &seal, 180);
        node.remember(id, seal, NOW);
        assert_eq!(ephemeral.apply(batch).await.unwrap(), Applied::Done);
        key
    }

    async fn withdraw(ephemeral: &Ephemeral, node: &Deliveries, id: &str) {
        let mut batch = Batch::new(ephemeral);
        node.withdraw_in(&mut batch, id, NOW);
        assert_eq!(ephemeral.apply(batch).await.unwrap(), Applied::Done);
    }

    async fn opened(node: &Deliveries, id: &str, now: Timestamp) -> Option<String> {
        node.open(id, now).await.unwrap().map(|seal| seal.key())
    }

    #[tokio::test]
    async fn the_node_that_announced_a_message_opens_it_from_cache_once() {
        let (ephemeral, node, other) = nodes();
        let key = announce(&ephemeral, &node, "m").await;
        assert_eq!(opened(&other, "m", NOW).await.as_ref(), Some(&key));
        withdraw(&ephemeral, &other, "m").await;
        // Another node's withdrawal and this node's sending cross within a moment.
        assert_eq!(opened(&node, "m", NOW).await.as_ref(), Some(&key));
        assert_eq!(opened(&node, "m", NOW).await, None, "a message that was put back is looked up");
    }

    #[tokio::test]
    async fn a_withdrawn_message_cannot_be_opened_on_any_node() {
        let (ephemeral, node, other) = nodes();
        announce(&ephemeral, &node, "m").await;
        withdraw(&ephemeral, &node, "m").await;
        assert_eq!(opened(&node, "m", NOW).await, None);
        assert_eq!(opened(&other, "m", NOW).await, None);
    }

    #[tokio::test]
    async fn a_message_that_has_waited_is_looked_up_on_every_node() {
        let (ephemeral, node, other) = nodes();
        announce(&ephemeral, &node, "m").await;
        withdraw(&ephemeral, &other, "m").await;
        assert_eq!(opened(&node, "m", NOW.plus(FRESH)).await, None);
    }

    #[tokio::test]
    async fn a_withdrawal_that_was_not_applied_has_no_effect() {
        let (ephemeral, node, _) = nodes();
        let key = announce(&ephemeral, &node, "m").await;
        node.withdraw_in(&mut Batch::new(&ephemeral), "m", NOW);
        assert_eq!(opened(&node, "m", NOW).await, Some(key));
    }

    #[tokio::test]
    async fn a_report_is_new_once_at_the_sender_and_once_at_all_others() {
        let (ephemeral, sender, other) = nodes();
        let third = Deliveries::new(ephemeral.clone());
        announce(&ephemeral, &sender, "m").await;
        sender.sending("m", NOW);
        for (node, first) in [(&sender, Report::New), (&other, Report::New), (&third, Report::Repeated)] {
            assert!(node.is_known("m", NOW).await.unwrap());
            assert_eq!(node.report("m", DeliveryState::Delivered, NOW).await.unwrap(), first);
            assert_eq!(node.report("m", DeliveryState::Delivered, NOW).await.unwrap(), Report::Repeated);
        }
        assert_eq!(sender.report("m", DeliveryState::Accepted, NOW).await.unwrap(), Report::New);
    }

    #[tokio::test]
    async fn a_report_on_a_message_that_was_not_announced_is_unknown() {
        let (_, node, _) = nodes();
        assert!(!node.is_known("m", NOW).await.unwrap());
        for _ in 0..2 {
            assert_eq!(node.report("m", DeliveryState::Failed, NOW).await.unwrap(), Report::Unknown);
        }
    }
}
