//! Push (RFC 8935): events are sent in the background, as logout tokens are (`backchannel_logout/deliver.rs`): taken by one
//! conditional statement, two under way to a host at most, and tried for a week.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use url::Url;

use super::Transmitter;
use super::set::Made;
use crate::platform::db::DbError;
use crate::platform::outbound::OutboundError;
use crate::signals::{Due, EventType, Status};

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
enum PushError {
    #[error("the endpoint is not a URL")]
    Uri(#[from] url::ParseError),
    #[error("no key signs for this client")]
    NoKey,
    #[error("the stream is not pushed any more")]
    NotPushed,
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("status {0}")]
    Status(u16),
}

impl Transmitter {
    /// Pushes events while it is polled: those of this node at once, others within a second.
    pub async fn run(self) {
        loop {
            let free = self.slots.0.available_permits();
            // By a wrong clock events would be taken from other nodes, or given up.
            let idle = free == 0 || self.provider.clock.is_doubted();
            let most = i64::try_from(free).unwrap_or(i64::MAX);
            match if idle { Ok(Vec::new()) } else { self.signals.take_due(most).await } {
                Ok(due) if due.is_empty() => {
                    let _ = tokio::time::timeout(LOOK, self.signals.wake.notified()).await;
                }
                Ok(due) => {
                    for due in due {
                        let Ok(slot) = Arc::clone(&self.slots.0).acquire_owned().await else { return };
                        let transmitter = self.clone();
                        tokio::spawn(async move {
                            transmitter.push(&due).await;
                            drop(slot);
                            // More may wait for the same host.
                            transmitter.signals.wake.notify_one();
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(event = "signals.stalled", %error, "security events cannot be read");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    async fn push(&self, due: &Due) {
        let event = &due.event;
        let stored = match self.try_once(due).await {
            Ok(()) => self.signals.acknowledged(&event.stream_id, &event.jti).await,
            Err(error) => {
                let why = match &error {
                    PushError::Outbound(error) => error.with_causes(),
                    error => error.to_string(),
                };
                tracing::warn!(event = "signals.failed", client.id = %event.client_id, attempts = due.attempts + 1, error = why, "a security event was not delivered and will be sent again");
                self.signals.put_back(due, self.provider.clock.now().plus(wait_after(due.attempts))).await
            }
        };
        if let Err(error) = stored {
            // Its lease ends by itself: then it is sent again, with the same `jti`.
            tracing::warn!(event = "signals.unrecorded", %error, "the outcome of a push was not stored");
        }
    }

    /// Sends an event, unless nobody wants it any more.
    async fn try_once(&self, due: &Due) -> Result<(), PushError> {
        let event = &due.event;
        // As it is registered now.
        let client = self.provider.clients.find(&event.client_id);
        let Some(client) = client.filter(|client| client.tokens.shared_signals) else { return Ok(()) };
        let stream = self.signals.stream_of(&client.id).await?;
        let Some(stream) = stream.filter(|stream| stream.id == event.stream_id) else { return Ok(()) };
        // A suspended or disabled service learns that its tokens are void, and nothing else of anybody until it is back.
        let told = !client.disabled || event.event == EventType::TokensRevoked.uri();
        let endpoint = stream.endpoint.as_ref().filter(|_| stream.status == Status::Enabled && told);
        // It was paused, or is polled, since the event was taken: the event stays.
        let Some(endpoint) = endpoint else { return Err(PushError::NotPushed) };
        let token = match self.make(&client, event).await? {
            Made::Token(token) => token,
            Made::Excluded => return Ok(()),
            Made::NoKey => return Err(PushError::NoKey),
        };
        let url = Url::parse(endpoint)?;
        let answer = self.outbound.post_event(&url, stream.authorization.as_deref(), token).await?;
        // RFC 8935 §2.2: 202; others succeed as well. What is refused (§2.3) may be taken when the receiver was mended.
        match answer.status() {
            200..=299 => Ok(()),
            status => Err(PushError::Status(status)),
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
