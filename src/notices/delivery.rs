//! Where a message is on its way: short-lived, told by the outbox and by the gateways' receipts.

use serde::{Deserialize, Serialize};

use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable};
use crate::platform::seal::OneTimeSeal;

/// Messages that are wanted, by their identifiers.
pub const DELIVERIES: KeySpace = KeySpace::new(b'd', "delivery");

/// How far a message got.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Delivery {
    /// It waits for a gateway.
    Waiting {
        /// The key that opens the stored message: once it is gone, so is the code in the message.
        key: String,
    },
    /// A gateway has it.
    Accepted {
        /// Which gateway.
        gateway: String,
        /// The gateway's own identifier.
        gateway_id: String,
    },
    /// It is on the phone.
    Delivered,
    /// It will not arrive.
    Failed,
}

/// The delivery states of messages under way.
#[derive(Clone)]
pub struct Deliveries {
    ephemeral: Ephemeral,
}

impl Deliveries {
    /// States kept in `ephemeral`.
    pub fn new(ephemeral: Ephemeral) -> Self {
        Self { ephemeral }
    }

    /// Announces a message that is still wanted. One that was never announced, or was withdrawn, is not sent.
    ///
    /// # Errors
    /// [`Unavailable`], as for all methods.
    pub async fn announce(&self, message_id: &str, seal: &OneTimeSeal, ttl: i64) -> Result<(), Unavailable> {
        self.ephemeral.put(key(message_id), &Delivery::Waiting { key: seal.key() }, ttl).await
    }

    /// Withdraws a message: if it was not handed to a gateway yet, it never will be.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn withdraw(&self, message_id: &str) -> Result<(), Unavailable> {
        self.ephemeral.take::<Delivery>(key(message_id)).await.map(|_| ())
    }

    /// How far a message got; `None` when it is not wanted any more.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn state(&self, message_id: &str) -> Result<Option<Delivery>, Unavailable> {
        Ok(self.ephemeral.get(key(message_id)).await?.map(|(state, _)| state))
    }

    /// Notes how far a message got, if anybody still wants to know. A delivered message stays delivered, in
    /// whatever order receipts arrive.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn note(&self, message_id: &str, state: Delivery, ttl: i64) -> Result<bool, Unavailable> {
        match self.ephemeral.get::<Delivery>(key(message_id)).await? {
            None | Some((Delivery::Delivered, _)) => Ok(false),
            Some((_, version)) => self.ephemeral.swap(key(message_id), version, &state, ttl).await,
        }
    }
}

fn key(message_id: &str) -> EphemeralKey {
    EphemeralKey::of(DELIVERIES, message_id)
}
