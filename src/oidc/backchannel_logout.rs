//! Back-Channel Logout 1.0: telling services, server to server, that a session ended.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde_json::json;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::Provider;
use crate::clients::{Client, ClientId};
use crate::platform::bytes;
use crate::platform::outbound::{Outbound, OutboundError};
use crate::sign_in::Session;

/// Logout tokens live this long, in seconds (OWASP ASVS 5.0 §10.5.5).
const TOKEN_SECONDS: i64 = 120;

/// Requests under way at a time, per node.
const IN_FLIGHT: usize = 64;

/// Requests under way to one host at a time, per node: one that does not answer holds up no other.
const IN_FLIGHT_PER_HOST: usize = 8;

/// Hosts whose requests are counted. There are never more than registered clients have.
const HOSTS: u64 = 10_000;

/// Waits before each try.
const TRIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];

/// Sends logout tokens. Cheap to clone.
#[derive(Clone)]
pub struct LogoutNotifier {
    outbound: Outbound,
    slots: Slots,
}

/// A try did not succeed.
#[derive(Debug, thiserror::Error)]
enum LogoutError {
    #[error("backchannel_logout_uri is not a URL")]
    Uri(#[from] url::ParseError),
    #[error("no key signs for this client")]
    NoKey,
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("status {0}")]
    Status(u16),
    #[error("the node ends")]
    Ending(#[from] AcquireError),
}

impl LogoutNotifier {
    /// A notifier that calls clients through `outbound`.
    pub fn new(outbound: Outbound) -> Self {
        Self { outbound, slots: Slots::new(IN_FLIGHT, IN_FLIGHT_PER_HOST) }
    }

    /// Tells every service that was told of a session, in the background.
    pub fn tell(&self, provider: &Provider, ended: &Session) {
        let ended = Arc::new(ended.clone());
        for id in &ended.clients {
            let registered = provider.clients.find(id);
            if registered.is_some_and(|client| client.backchannel_logout_uri.is_some()) {
                tokio::spawn(self.clone().tell_one(provider.clone(), id.clone(), Arc::clone(&ended)));
            }
        }
    }

    async fn tell_one(self, provider: Provider, id: ClientId, ended: Arc<Session>) {
        for wait in TRIES {
            tokio::time::sleep(wait).await;
            // As it is registered now: it may have changed, or gone, since the first try.
            let Some(client) = provider.clients.find(&id) else { return };
            let Some(uri) = &client.backchannel_logout_uri else { return };
            let Err(error) = self.try_once(&provider, &client, uri, &ended).await else { return };
            let why = match &error {
                LogoutError::Outbound(error) => error.with_causes(),
                error => error.to_string(),
            };
            tracing::warn!(event = "logout.failed", client.id = %id, error = why, "a logout token was not delivered");
        }
    }

    async fn try_once(
        &self,
        provider: &Provider,
        client: &Client,
        uri: &str,
        ended: &Session,
    ) -> Result<(), LogoutError> {
        let url = Url::parse(uri)?;
        let _slot = self.slots.take(url.host_str().unwrap_or_default()).await?;
        // Made after the wait for a slot, since it does not live long.
        let token = logout_token(provider, client, ended).ok_or(LogoutError::NoKey)?;
        let answer = self.outbound.post_form(&url, &[("logout_token", &token)]).await?;
        // Back-Channel Logout 1.0 §2.8: 200, and 204 for those who take it literally; 400 will not get better.
        match answer.status() {
            200..=299 | 400 => Ok(()),
            status => Err(LogoutError::Status(status)),
        }
    }
}

/// Back-Channel Logout 1.0 §2.4: exactly one event, no nonce.
fn logout_token(provider: &Provider, client: &Client, ended: &Session) -> Option<String> {
    let (now, keys) = (provider.clock.now(), provider.keys.current());
    let key = keys.signing(client.id_token_alg, now)?;
    let claims = json!({
        "iss": &*provider.issuer,
        "sub": provider.subject_ids.of(client, &ended.person_id),
        "sid": provider.subject_ids.sid(&client.id, &ended.sid_key),
        "aud": client.id.as_str(),
        "iat": now.0,
        "exp": now.plus(TOKEN_SECONDS).0,
        "jti": bytes::random_text::<16>(),
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    Some(key.sign("logout+jwt", &claims))
}

/// Bounds the requests under way, of all and of each host.
#[derive(Clone)]
struct Slots {
    all: Arc<Semaphore>,
    hosts: Cache<String, Arc<Semaphore>>,
    per_host: usize,
}

/// One request's place; it is free again when this is dropped.
struct Slot {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Slots {
    fn new(all: usize, per_host: usize) -> Self {
        let hosts = Cache::builder().max_capacity(HOSTS).time_to_idle(Duration::from_secs(600)).build();
        Self { all: Arc::new(Semaphore::new(all)), hosts, per_host }
    }

    async fn take(&self, host: &str) -> Result<Slot, AcquireError> {
        let host = self.hosts.get_with_by_ref(host, || Arc::new(Semaphore::new(self.per_host)));
        // The host's first: whoever waits for a slow host holds nothing that others wait for.
        let host = host.acquire_owned().await?;
        let all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Slot { _host: host, _all: all })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_host_that_does_not_answer_holds_up_no_other() {
        let slots = Slots::new(3, 2);
        let take = |host| slots.take(host).now_or_never().map(Result::unwrap);
        let slow = [take("slow"), take("slow")];
        assert!(slow.iter().all(Option::is_some));
        assert!(take("slow").is_none());
        let other = take("other");
        assert!(other.is_some());
        assert!(take("third").is_none(), "the node's own bound");
        drop(other);
        assert!(take("third").is_some());
        drop(slow);
        assert!(take("slow").is_some());
    }
}
