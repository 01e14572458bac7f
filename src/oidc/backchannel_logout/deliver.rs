//! Sending in the background.
//!
//! A delivery is taken by one conditional statement that has one winner among all nodes, and for a while only: if the node
//! ends before it knows the outcome, another takes it again. Bounds are per node and, by the same statement, per host: a
//! host that does not answer has two requests under way and holds up no other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use url::Url;

use super::store::{self, Taken};
use super::{KEPT, LogoutNotifier};
use crate::platform::jose::EncryptionFailed;
use crate::platform::outbound::OutboundError;

/// Requests under way at a time, per node.
const IN_FLIGHT: usize = 128;

/// Waits after each failed try, in seconds; the last one repeats.
const WAITS: [i64; 7] = [2, 10, 30, 120, 600, 1800, 3600];

/// How often a node looks for what is due without being woken.
const LOOK: Duration = Duration::from_secs(1);

/// Places for requests under way.
pub(super) struct Slots(Arc<Semaphore>);

impl Default for Slots {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(IN_FLIGHT)))
    }
}

/// A try did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogoutError {
    #[error("backchannel_logout_uri is not a URL")]
    Uri(#[from] url::ParseError),
    #[error("no key signs for this client")]
    NoKey,
    #[error("it cannot be encrypted: {0}")]
    NoRecipient(&'static str),
    #[error(transparent)]
    Encryption(#[from] EncryptionFailed),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("status {0}")]
    Status(u16),
}

/// What came of a try that did not fail.
enum Told {
    /// The service was told.
    Yes,
    /// The service is no longer registered, or no longer wants to be told.
    NotWanted,
}

impl LogoutError {
    fn with_causes(&self) -> String {
        match self {
            Self::Outbound(error) => error.with_causes(),
            error => error.to_string(),
        }
    }
}

impl LogoutNotifier {
    /// Sends deliveries while it is polled: those that this node stored at once, others within a second.
    pub async fn run(self) {
        loop {
            let free = self.slots.0.available_permits();
            let now = self.provider.clock.now();
            let most = i64::try_from(free).unwrap_or(i64::MAX);
            // By a wrong clock deliveries would be taken from other nodes, or given up.
            let idle = free == 0 || self.provider.clock.is_doubted();
            match if idle { Ok(Vec::new()) } else { store::take_due(&self.db, now, most).await } {
                Ok(taken) if taken.is_empty() => {
                    let _ = tokio::time::timeout(LOOK, self.wake.notified()).await;
                }
                Ok(taken) => {
                    for taken in taken {
                        let Ok(slot) = Arc::clone(&self.slots.0).acquire_owned().await else { return };
                        let notifier = self.clone();
                        tokio::spawn(async move {
                            notifier.deliver(&taken).await;
                            drop(slot);
                            // More may wait for the same host.
                            notifier.wake.notify_one();
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(event = "logout.stalled", %error, "logout deliveries cannot be read");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    async fn deliver(&self, taken: &Taken) {
        let (metrics, now) = (&self.provider.metrics, self.provider.clock.now());
        if now.since(taken.created_at) >= KEPT {
            // The purge removes it.
            return;
        }
        let stored = match self.try_once(taken).await {
            Ok(Told::Yes) => {
                metrics.logouts("delivered").inc();
                if taken.watched {
                    store::remove_watched(&self.db, &taken.delivery.id, self.provider.clock.now()).await
                } else {
                    store::remove(&self.db, &taken.delivery.id).await
                }
            }
            Ok(Told::NotWanted) => store::remove(&self.db, &taken.delivery.id).await,
            Err(error) => {
                metrics.logouts("failed").inc();
                let client = &taken.delivery.client_id;
                tracing::warn!(event = "logout.failed", client.id = %client, attempts = taken.attempts + 1, error = error.with_causes(), "a logout token was not delivered and will be sent again");
                store::put_back(&self.db, taken, self.provider.clock.now().plus(wait_after(taken.attempts)))
                    .await
            }
        };
        if let Err(error) = stored {
            // Its lease ends by itself: then it is sent again.
            tracing::warn!(event = "logout.unrecorded", %error, "the outcome of a logout delivery was not stored");
        }
    }

    async fn try_once(&self, taken: &Taken) -> Result<Told, LogoutError> {
        let delivery = &taken.delivery;
        // As it is registered now: it may have changed, or gone, since the session ended.
        let client = self.provider.clients.find(&delivery.client_id);
        let Some(client) = client else { return Ok(Told::NotWanted) };
        let Some(uri) = &client.sessions.backchannel_logout_uri else { return Ok(Told::NotWanted) };
        let url = Url::parse(uri)?;
        let token = self.token(&client, delivery).await?;
        // The body of the answer is not read.
        let answer = self.outbound.post_form(&url, &[("logout_token", &token)]).await?;
        // Back-Channel Logout 1.0 §2.8: 200, and 204 for those who take it literally; 400 will not get better.
        match answer.status() {
            200..=299 | 400 => Ok(Told::Yes),
            status => Err(LogoutError::Status(status)),
        }
    }
}

/// Seconds to wait after a failed try, before which there were so many others.
fn wait_after(attempts: i64) -> i64 {
    let at = usize::try_from(attempts).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    WAITS[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour() {
        let waits: Vec<i64> = (0..9).map(wait_after).collect();
        assert_eq!(waits, [2, 10, 30, 120, 600, 1800, 3600, 3600, 3600]);
    }
}
