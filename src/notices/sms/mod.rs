//! SMS: the gateways' wire formats, failing over between them, reading their delivery receipts, and the texts that
//! fit one segment. No queue and no store live here: the outbox above decides when to send and what became stale.
//!
//! The one promise that shapes everything below: a message is handed to a second gateway only when the first
//! certainly did not take it ([`SendOutcome::Refused`]). When that is not known ([`SendOutcome::Unknown`]) it is
//! left alone, because a second copy costs money and confuses, while a lost one costs a press on "send again".

use std::fmt;
use std::time::Duration;

use crate::people::PhoneNumber;

#[cfg(test)]
mod gateway_double;
mod settings;
mod wire;

pub mod eskiz;
pub mod failover;
pub mod playmobile;
pub mod receipt;
pub mod text;

pub use eskiz::Eskiz;
pub use failover::{Gateways, SendReport};
pub use playmobile::PlayMobile;
pub use receipt::{Receipt, ReceiptError};
pub use settings::{EskizSettings, GatewayName, PlayMobileSettings, SmsSettings};
pub use wire::client;

/// A message to be sent once. `Debug` shows neither the text, which may hold a code, nor the whole number.
#[derive(Clone)]
pub struct OutgoingSms {
    /// Our message id: unique, at most 20 characters of `a-z0-9` (the older of PlayMobile's two limits).
    pub id: String,
    pub to: PhoneNumber,
    pub text: String,
    /// How long the message is worth delivering; gateways count whole seconds.
    pub ttl: Duration,
}

impl fmt::Debug for OutgoingSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingSms")
            .field("id", &self.id)
            .field("to", &self.to)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// What became of one attempt to hand a message to a gateway. Reasons are for logs: bounded, without numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The gateway took it and calls it by this id in its receipts. Delivery is another matter.
    Accepted { gateway_id: String },
    /// Certainly not taken: another gateway may be tried.
    Refused { reason: String },
    /// May have been taken: never to be sent again elsewhere.
    Unknown { reason: String },
}

/// What a gateway says about a message that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// On its way; more will follow.
    Accepted,
    Delivered,
    /// Will not arrive.
    Failed,
    /// Was not delivered within its time.
    Expired,
}

/// A gateway of either kind.
#[derive(Debug)]
pub enum Gateway {
    Eskiz(Eskiz),
    PlayMobile(PlayMobile),
}

impl Gateway {
    /// Hands the message over, once. A gateway's own repetition after a renewed login is part of that.
    pub async fn send(&self, sms: &OutgoingSms) -> SendOutcome {
        match self {
            Self::Eskiz(eskiz) => eskiz.send(sms).await,
            Self::PlayMobile(playmobile) => playmobile.send(sms).await,
        }
    }

    /// The gateway's name in settings, logs, metrics and stored receipts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Eskiz(_) => eskiz::NAME,
            Self::PlayMobile(_) => playmobile::NAME,
        }
    }
}
