//! Which messages are wanted, and what opens them; and of which delivery was reported.
//!
//! A message is announced in short-lived state, with the key that opens it, and withdrawn when another one replaces it.
//! The node that announced it remembers the key for the moment in which it sends it, so that it need not ask; every
//! other node asks, and so does this one later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::recent::Recent;
use super::sms::DeliveryState;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Batch, Ephemeral, EphemeralKey, KeySpace, Unavailable};
use crate::platform::seal::OneTimeSeal;

/// Messages that are wanted, by their identifiers; and counts of reports on them.
pub const DELIVERIES: KeySpace = KeySpace::new(b'd', "delivery");

/// For how long a node sends its own messages without asking whether they are still wanted, in seconds.
const FRESH: i64 = 3;

/// Messages that a node stores in that time and need not ask about.
const MOST_FRESH: usize = 20_000;

/// For how long a report on a message is of interest, in seconds.
const REPORTED: i64 = 600;

/// Sent messages whose reports cost no question.
const MOST_SENT: usize = 50_000;

/// A message is wanted.
#[derive(Serialize, Deserialize)]
struct Wanted {
    /// What opens the stored message: once it is gone, so is the code in the message.
    key: String,
}

/// What a report says that was not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// It is the first of its state.
    New,
    /// It was made before.
    Repeated,
    /// It is on a message that nobody waits for, or that is none of ours.
    Unknown,
}

/// Which states of one message were reported, one bit each.
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
    /// What opens the messages that this node has just stored and not sent yet.
    fresh: Recent<Arc<OneTimeSeal>>,
    /// The messages that this node has handed to gateways.
    sent: Recent<Reported>,
}

/// Messages under way. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    ephemeral: Ephemeral,
    memory: Arc<Mutex<Memory>>,
}

impl Deliveries {
    /// Kept in `ephemeral`, and the latest in memory.
    pub fn new(ephemeral: Ephemeral) -> Self {
        let memory = Memory { fresh: Recent::new(FRESH, MOST_FRESH), sent: Recent::new(REPORTED, MOST_SENT) };
        Self { ephemeral, memory: Arc::new(Mutex::new(memory)) }
    }

    /// Adds to a batch that a message is wanted for `ttl` seconds. One that was never announced, or was withdrawn, is
    /// not sent.
    pub(super) fn announce_in(&self, batch: &mut Batch<'_>, message_id: &str, seal: &OneTimeSeal, ttl: i64) {
        batch.put(key(message_id), &Wanted { key: seal.key() }, ttl);
    }

    /// Adds to a batch that a message is not wanted any more: if it was not handed to a gateway yet, it never will be.
    pub(super) fn withdraw_in(&self, batch: &mut Batch<'_>, message_id: &str, now: Timestamp) {
        // From here on this node asks as well, whether the batch is applied or not.
        self.forget(message_id, now);
        batch.remove(key(message_id));
    }

    /// Remembers what opens a message that is about to be announced: whoever can withdraw it has seen the announcement,
    /// and so comes later.
    pub(super) fn remember(&self, message_id: &str, seal: Arc<OneTimeSeal>, now: Timestamp) {
        self.lock().fresh.insert(message_id, seal, now);
    }

    /// Forgets what opens a message.
    pub(super) fn forget(&self, message_id: &str, now: Timestamp) {
        self.lock().fresh.remove(message_id, now);
    }

    /// What opens a message that is to be sent now; `None` when it is not wanted any more.
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

    /// Notes that this node hands a message to a gateway, of which reports will follow.
    pub(super) fn sending(&self, message_id: &str, now: Timestamp) {
        self.lock().sent.insert(message_id, Reported::default(), now);
    }

    /// Whether reports on a message are of interest.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn is_known(&self, message_id: &str, now: Timestamp) -> Result<bool, Unavailable> {
        if self.lock().sent.get_mut(message_id, now).is_some() {
            return Ok(true);
        }
        Ok(self.ephemeral.get::<Wanted>(key(message_id)).await?.is_some())
    }

    /// Notes a report on a message. Gateways repeat them: one that came to the node that sent the message, or to any
    /// others, is new once. If it comes to the sender and to another it may be new twice.
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
    async fn the_node_that_announced_a_message_opens_it_from_memory_once_and_then_asks() {
        let (ephemeral, node, other) = nodes();
        let key = announce(&ephemeral, &node, "m").await;
        assert_eq!(opened(&other, "m", NOW).await.as_ref(), Some(&key));
        withdraw(&ephemeral, &other, "m").await;
        // Another node's withdrawal and this node's sending cross within a moment.
        assert_eq!(opened(&node, "m", NOW).await.as_ref(), Some(&key));
        assert_eq!(opened(&node, "m", NOW).await, None, "a message that was put back is asked about");
    }

    #[tokio::test]
    async fn a_withdrawn_message_opens_for_nobody() {
        let (ephemeral, node, other) = nodes();
        announce(&ephemeral, &node, "m").await;
        withdraw(&ephemeral, &node, "m").await;
        assert_eq!(opened(&node, "m", NOW).await, None);
        assert_eq!(opened(&other, "m", NOW).await, None);
    }

    #[tokio::test]
    async fn a_message_that_has_waited_is_asked_about_on_every_node() {
        let (ephemeral, node, other) = nodes();
        announce(&ephemeral, &node, "m").await;
        withdraw(&ephemeral, &other, "m").await;
        assert_eq!(opened(&node, "m", NOW.plus(FRESH)).await, None);
    }

    #[tokio::test]
    async fn a_withdrawal_that_was_not_applied_takes_nothing_away() {
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
    async fn a_report_on_a_message_that_nobody_announced_is_unknown() {
        let (_, node, _) = nodes();
        assert!(!node.is_known("m", NOW).await.unwrap());
        for _ in 0..2 {
            assert_eq!(node.report("m", DeliveryState::Failed, NOW).await.unwrap(), Report::Unknown);
        }
    }
}
