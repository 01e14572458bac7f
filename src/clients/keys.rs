//! The public keys of clients in use: which of them signed something, whether they stand in the registration or have to be
//! fetched.
//!
//! Fetched keys are kept in memory for ten minutes, after which the next use waits for newer ones: a key that was withdrawn
//! is accepted no longer than that, unless the client's host fails. What none of them signed is looked for by fetching at
//! once, so that a client may sign with a new key as soon as it has published it. Each client's keys are
//! fetched by one request at a time, and by none for a while after the last: whoever makes up tokens neither floods the
//! client's host nor, where that host hangs, holds up other clients.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::{Client, ClientId, KeySource};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::jose::foreign::{ForeignError, ForeignKeys, Policy, Verified};
use crate::platform::outbound::{Outbound, OutboundError};

/// Age, in seconds, up to which fetched keys are used without asking for newer ones.
const FRESH: i64 = 600;

/// Age, in seconds, from which they are not used at all, even though newer ones could not be fetched.
const KEPT: i64 = 3600;

/// Least time, in seconds, between two requests for keys of which there are some.
const BETWEEN: i64 = 60;

/// Least time, in seconds, between two requests while there are none.
const AFTER_FAILURE: i64 = 10;

/// Keys of clients. Cheap to clone.
#[derive(Clone)]
pub struct ClientKeys {
    outbound: Outbound,
    clock: Clock,
    /// By client; as many as there are clients that publish their keys.
    published: Arc<Mutex<HashMap<ClientId, Arc<Published>>>>,
}

/// Why nothing is known to be signed by a client.
#[derive(Debug, thiserror::Error)]
pub enum ClientKeyError {
    /// It has no keys.
    #[error("the client has no keys")]
    NoKeys,
    /// They are published at an address that cannot be read.
    #[error("the keys at the client's jwks_uri cannot be read")]
    Unreadable,
    /// None of them signed it, or it is not allowed.
    #[error(transparent)]
    Token(#[from] ForeignError),
}

impl ClientKeyError {
    /// What a developer can act on, in ASCII (`error_description` of RFC 6749 §5.2).
    pub const fn description(&self) -> &'static str {
        match self {
            Self::NoKeys => "the client has neither jwks nor jwks_uri",
            Self::Unreadable => "the jwks_uri of the client cannot be read: try again in a moment",
            Self::Token(error) => error.description(),
        }
    }
}

/// The keys that a client publishes.
struct Published {
    client: ClientId,
    address: Url,
    state: Mutex<State>,
    /// Held by the one request that fetches them.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<ForeignKeys>, Timestamp)>,
    /// When the last request for them began.
    tried_at: Option<Timestamp>,
    /// Why the last one failed, if it did.
    failed: Option<String>,
}

impl ClientKeys {
    /// Keys that are fetched by `outbound`.
    pub fn new(outbound: Outbound, clock: Clock) -> Self {
        Self { outbound, clock, published: Arc::default() }
    }

    /// The claims of a compact JWS that one of the client's keys signed. The caller checks expiry, audience and replay.
    ///
    /// # Errors
    /// [`ClientKeyError`].
    pub async fn verify(
        &self,
        client: &Client,
        token: &str,
        policy: &Policy<'_>,
    ) -> Result<Verified, ClientKeyError> {
        let keys = self.of(client).await?;
        match (keys.verify(token, policy), &client.keys) {
            (Err(error), KeySource::Address(address)) if error.may_be_stale() => {
                let published = self.published(&client.id, address);
                self.fetch(&published, BETWEEN).await;
                let newer = published.keys(self.clock.now(), KEPT).ok_or(ClientKeyError::Unreadable)?;
                Ok(newer.verify(token, policy)?)
            }
            (verified, _) => Ok(verified?),
        }
    }

    /// What `look` finds in the client's keys; where they are published and it finds nothing, in newer ones.
    ///
    /// # Errors
    /// [`ClientKeyError`] when it has none, or they cannot be fetched.
    pub async fn find<T>(
        &self,
        client: &Client,
        look: impl Fn(&ForeignKeys) -> Option<T>,
    ) -> Result<Option<T>, ClientKeyError> {
        let found = look(&*self.of(client).await?);
        let (None, KeySource::Address(address)) = (&found, &client.keys) else { return Ok(found) };
        let published = self.published(&client.id, address);
        self.fetch(&published, BETWEEN).await;
        let newer = published.keys(self.clock.now(), KEPT).ok_or(ClientKeyError::Unreadable)?;
        Ok(look(&newer))
    }

    /// Which keys are known of a client at this node and since when, for operators.
    pub fn told(&self, client: &Client) -> String {
        let kids = |keys: &ForeignKeys| match keys.kids().as_slice() {
            [] => "none".to_owned(),
            kids => kids.join(" "),
        };
        let address = match &client.keys {
            KeySource::Nowhere => return "no keys are registered".to_owned(),
            KeySource::Registration(keys) => return format!("keys of the registration: {}", kids(keys)),
            KeySource::Address(address) => address,
        };
        let published = self.published(&client.id, address);
        let state = published.state();
        let known = match &state.keys {
            None => "jwks_uri was never read".to_owned(),
            Some((keys, at)) => {
                format!("keys at jwks_uri: {}, read {} s ago", kids(keys), self.clock.now().since(*at))
            }
        };
        match &state.failed {
            None => known,
            Some(why) => format!("{known}; the last try failed: {why}"),
        }
    }

    /// All keys of the client.
    ///
    /// # Errors
    /// [`ClientKeyError`] when it has none, or they cannot be fetched.
    pub async fn of(&self, client: &Client) -> Result<Arc<ForeignKeys>, ClientKeyError> {
        let address = match &client.keys {
            KeySource::Nowhere => return Err(ClientKeyError::NoKeys),
            KeySource::Registration(keys) => return Ok(Arc::clone(keys)),
            KeySource::Address(address) => address,
        };
        let published = self.published(&client.id, address);
        let now = self.clock.now();
        if let Some(fresh) = published.keys(now, FRESH) {
            return Ok(fresh);
        }
        let pause = if published.keys(now, KEPT).is_some() { BETWEEN } else { AFTER_FAILURE };
        self.fetch(&published, pause).await;
        published.keys(self.clock.now(), KEPT).ok_or(ClientKeyError::Unreadable)
    }

    /// Where the client's keys are kept; those of another address than the present one are forgotten.
    fn published(&self, client: &ClientId, address: &Url) -> Arc<Published> {
        let mut all = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(client).filter(|known| known.address == *address) {
            return Arc::clone(known);
        }
        let new = Arc::new(Published {
            client: client.clone(),
            address: address.clone(),
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        });
        all.insert(client.clone(), Arc::clone(&new));
        new
    }

    /// Fetches keys and waits for it.
    async fn fetch(&self, published: &Arc<Published>, pause: i64) {
        // A task that panics leaves what was there.
        let _ = self.begin(published, pause).await;
    }

    /// Begins to fetch keys, unless that began less than `pause` seconds ago: also for others, who wait for the same
    /// answer, so it goes on when the request that caused it is given up.
    fn begin(&self, published: &Arc<Published>, pause: i64) -> tokio::task::JoinHandle<()> {
        let (published, outbound, clock) = (Arc::clone(published), self.outbound.clone(), self.clock.clone());
        tokio::spawn(async move {
            let _alone = published.fetching.lock().await;
            let now = clock.now();
            if !published.is_due(now, pause) {
                return;
            }
            published.state().tried_at = Some(now);
            match read(&outbound, &published.address).await {
                Ok(keys) => {
                    let mut state = published.state();
                    (state.keys, state.failed) = (Some((Arc::new(keys), now)), None);
                }
                Err(error) => {
                    published.state().failed = Some(error.to_string());
                    let client = &published.client;
                    tracing::warn!(event = "client_keys.unread", client.id = %client, %error, "the keys of a client cannot be fetched");
                }
            }
        })
    }
}

impl Published {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys, if they are younger than `age` seconds.
    fn keys(&self, now: Timestamp, age: i64) -> Option<Arc<ForeignKeys>> {
        let state = self.state();
        let (keys, fetched_at) = state.keys.as_ref()?;
        // By a clock that was set back they are of no age that can be told.
        (0..age).contains(&now.since(*fetched_at)).then(|| Arc::clone(keys))
    }

    /// Whether no request for them began in the last `pause` seconds.
    fn is_due(&self, now: Timestamp, pause: i64) -> bool {
        let tried_at = self.state().tried_at;
        tried_at.is_none_or(|tried_at| !(0..pause).contains(&now.since(tried_at)))
    }
}

/// Why a key set was not fetched.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{}", .0.with_causes())]
    Outbound(#[from] OutboundError),
    /// Redirects are not followed.
    #[error("status {0}")]
    Status(u16),
    #[error("it is no JWK set: {0}")]
    Malformed(#[from] serde_json::Error),
}

async fn read(outbound: &Outbound, address: &Url) -> Result<ForeignKeys, Unread> {
    let answer = outbound.get(address).await?;
    if answer.status() != 200 {
        return Err(Unread::Status(answer.status()));
    }
    Ok(ForeignKeys::parse(&answer.body().await?)?)
}

#[cfg(test)]
mod tests;
