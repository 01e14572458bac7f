//! SMS: the gateways' wire formats, failover between them, delivery reports, and texts that fit one segment. There is
//! no queue and no store here: the outbox decides when to send and what has expired.
//!
//! Invariant: failover happens only when the first gateway certainly did not accept the message
//! ([`SendOutcome::Refused`]). If that is unknown ([`SendOutcome::Unknown`]) the message is not sent again, because a
//! second copy costs money and confuses, while a lost one costs a press on "send again".

use std::fmt;
use std::time::Duration;

use crate::people::PhoneNumber;

#[cfg(test)]
mod gateway_double;
mod settings;
mod wire;

pub mod application;
pub mod eskiz;
pub mod failover;
pub mod identification;
pub mod incoming;
pub mod lock;
pub mod playmobile;
pub mod receipt;
pub mod registration;
pub mod reply;
pub mod text;

pub use eskiz::Eskiz;
pub use failover::{Gateways, SendReport};
pub use playmobile::PlayMobile;
pub use receipt::{Receipt, ReceiptError};
pub use settings::{EskizSettings, GatewayName, PlayMobileSettings, SmsSettings};
pub use wire::client;

/// A message to send once. `Debug` shows neither the text, which may contain a code, nor the whole number.
#[derive(Clone)]
pub struct OutgoingSms {
    /// Our message id: unique, at most 20 characters of `a-z0-9` (the older of PlayMobile's two limits).
    pub id: String,
    /// The recipient.
    pub to: PhoneNumber,
    /// The text, as the recipient reads it.
    pub text: String,
    /// Time until the message expires; gateways count whole seconds.
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

/// The outcome of one attempt to send a message. Reasons are for logs: bounded, without phone numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// Accepted by the gateway, which uses this id in its delivery reports. Not yet delivered.
    Accepted {
        /// The gateway's id of the message.
        gateway_id: String,
    },
    /// Certainly not accepted: another gateway may be tried.
    Refused {
        /// Why it was refused.
        reason: String,
    },
    /// May have been accepted: never send it again.
    Unknown {
        /// Why the outcome is unknown.
        reason: String,
    },
}

/// A delivery state, as reported by a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// In transit; not final.
    Accepted,
    /// On the recipient's phone.
    Delivered,
    /// Cannot be delivered.
    Failed,
    /// Expired before delivery.
    Expired,
}

/// A gateway of any kind.
#[derive(Debug)]
pub enum Gateway {
    /// Eskiz.uz.
    Eskiz(Eskiz),
    /// PlayMobile's SMS broker.
    PlayMobile(PlayMobile),
}

impl Gateway {
    /// Sends the message once. A repetition after a renewed login is included.
    pub async fn send(&self, sms: &OutgoingSms) -> SendOutcome {
        match self {
            Self::Eskiz(eskiz) => eskiz.send(sms).await,
            Self::PlayMobile(playmobile) => playmobile.send(sms).await,
        }
    }

    /// Makes the request of [`Gateway::send`] and drops it.
    pub fn rehearse(&self, sms: &OutgoingSms) {
        let request = match self {
            Self::Eskiz(eskiz) => eskiz.request(sms),
            Self::PlayMobile(playmobile) => playmobile.request(sms),
        };
        drop(std::hint::black_box(request.build()));
    }

    /// Whether the gateway answers and accepts our credentials. No message is sent.
    ///
    /// # Errors
    /// Why not, for an operator.
    pub async fn try_access(&self) -> Result<&'static str, String> {
        match self {
            Self::Eskiz(eskiz) => eskiz.try_access().await.map(|()| "logged in"),
            Self::PlayMobile(playmobile) => {
                playmobile.try_access().await.map(|()| "accepts the login; nothing was sent")
            }
        }
    }

    /// The gateway's name in settings, logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Eskiz(_) => eskiz::NAME,
            Self::PlayMobile(_) => playmobile::NAME,
        }
    }
}
