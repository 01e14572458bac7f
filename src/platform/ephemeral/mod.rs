//! Short-lived state: Redis for any number of nodes, or this process for one.
//!
//! What lives here may be lost at the cost of starting a sign-in again, never at the cost of a wrong
//! acceptance. Values are sealed and carry their own expiry, judged by the injected clock; a store's own time
//! to live only clears up. Durable things live in `db`.

mod envelope;
mod memory;
mod redis;
mod settings;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::bytes::Digest;
use super::clock::{Clock, Timestamp};
use super::seal::{Keyring, Sealer};
use super::telemetry::Metrics;
use envelope::Envelope;

pub use redis::RedisError;
pub use settings::RedisSettings;

/// What kind of thing a key names. Closed, so that one kind can never be taken for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum KeySpace {
    /// A sign-in in progress.
    Attempt = b't',
    /// An SSO session.
    Session = b's',
    /// What an authorization code stands for.
    Code = b'c',
    /// That a grant or a token was revoked, for the other nodes.
    Revoked = b'r',
    /// Counted events of a window.
    Window = b'w',
    /// The state of delivery of a message.
    Delivery = b'd',
}

/// The name of one short-lived thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EphemeralKey(KeySpace, Digest);

impl EphemeralKey {
    /// The key of the thing that `secret` names; only its digest is kept.
    pub fn of(space: KeySpace, secret: &str) -> Self {
        Self(space, Digest::of(secret.as_bytes()))
    }

    /// The key of a thing already known by a digest.
    pub fn from_digest(space: KeySpace, digest: Digest) -> Self {
        Self(space, digest)
    }

    fn bytes(&self) -> [u8; 33] {
        let mut out = [self.0 as u8; 33];
        out[1..].copy_from_slice(&self.1.0);
        out
    }
}

/// The store cannot be asked now: an error of its own, never "not found".
#[derive(Debug)]
pub struct Unavailable(pub String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "short-lived state is unavailable: {}", self.0)
    }
}

impl std::error::Error for Unavailable {}

/// Which state a value was read in; [`Ephemeral::swap`] replaces that state only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version([u8; 8]);

#[derive(Clone)]
enum Backend {
    Memory(Arc<memory::Memory>),
    Redis(redis::Redis),
}

/// Short-lived state. Cheap to clone.
#[derive(Clone)]
pub struct Ephemeral {
    backend: Backend,
    sealer: Arc<Sealer>,
    clock: Clock,
}

impl Ephemeral {
    /// State in this process, for a single node.
    pub fn in_process(clock: Clock, keyring: &Keyring) -> Self {
        let backend = Backend::Memory(Arc::new(memory::Memory::default()));
        Self { backend, sealer: Arc::new(keyring.sealer("ephemeral")), clock }
    }

    /// State in the Redis that `url` names.
    ///
    /// # Errors
    /// [`RedisError`] when the URL is wrong or Redis does not answer.
    pub async fn redis(
        url: &str,
        timeout: std::time::Duration,
        clock: Clock,
        keyring: &Keyring,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RedisError> {
        let backend = Backend::Redis(redis::Redis::connect(url, timeout, metrics).await?);
        Ok(Self { backend, sealer: Arc::new(keyring.sealer("ephemeral")), clock })
    }

    /// Whether other nodes see the same state.
    pub fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Redis(_))
    }

    /// Stores `value` for `ttl` seconds, whatever was there.
    ///
    /// # Errors
    /// [`Unavailable`], as for all methods.
    pub async fn put<T: Serialize>(&self, key: EphemeralKey, value: &T, ttl: i64) -> Result<(), Unavailable> {
        let envelope = self.wrap(key, value, ttl)?;
        match &self.backend {
            Backend::Memory(memory) => memory.put(key.bytes(), envelope),
            Backend::Redis(redis) => redis.put(key.bytes(), envelope, ttl).await,
        }
    }

    /// What is there, with the version that [`Ephemeral::swap`] wants.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        key: EphemeralKey,
    ) -> Result<Option<(T, Version)>, Unavailable> {
        let raw = match &self.backend {
            Backend::Memory(memory) => memory.get(&key.bytes()),
            Backend::Redis(redis) => redis.get(key.bytes()).await?,
        };
        self.unwrap(key, raw)
    }

    /// What is there, removed in the same step: one of many callers gets it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn take<T: DeserializeOwned>(&self, key: EphemeralKey) -> Result<Option<T>, Unavailable> {
        let raw = match &self.backend {
            Backend::Memory(memory) => memory.take(&key.bytes()),
            Backend::Redis(redis) => redis.take(key.bytes()).await?,
        };
        Ok(self.unwrap(key, raw)?.map(|(value, _)| value))
    }

    /// Replaces what was read as `seen`; tells whether it was still there.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn swap<T: Serialize>(
        &self,
        key: EphemeralKey,
        seen: Version,
        value: &T,
        ttl: i64,
    ) -> Result<bool, Unavailable> {
        let envelope = self.wrap(key, value, ttl)?;
        match &self.backend {
            Backend::Memory(memory) => Ok(memory.swap(key.bytes(), seen, envelope)),
            Backend::Redis(redis) => redis.swap(key.bytes(), seen, envelope, ttl).await,
        }
    }

    /// Counts one more event of `key` and returns how many there were in this window of `window` seconds, this
    /// one included.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn count(&self, key: EphemeralKey, window: i64) -> Result<u64, Unavailable> {
        Ok(self.count_all(&[(key, window)]).await?[0])
    }

    /// [`Ephemeral::count`] for several keys in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn count_all(&self, windows: &[(EphemeralKey, i64)]) -> Result<Vec<u64>, Unavailable> {
        match &self.backend {
            Backend::Memory(memory) => windows
                .iter()
                .map(|(key, window)| memory.count(key.bytes(), *window, self.clock.now()))
                .collect(),
            Backend::Redis(redis) => redis.count_all(windows).await,
        }
    }

    /// Removes what has expired from this process; Redis does so by itself.
    pub fn purge(&self) {
        if let Backend::Memory(memory) = &self.backend {
            memory.purge(self.clock.now());
        }
    }

    /// Whether the store answers now.
    ///
    /// # Errors
    /// [`Unavailable`] when it does not.
    pub async fn probe(&self) -> Result<(), Unavailable> {
        match &self.backend {
            Backend::Memory(_) => Ok(()),
            Backend::Redis(redis) => redis.probe().await,
        }
    }

    /// What the store takes the time to be; this process's own clock when it keeps the state itself.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn server_time(&self) -> Result<Timestamp, Unavailable> {
        match &self.backend {
            Backend::Memory(_) => Ok(self.clock.now()),
            Backend::Redis(redis) => redis.time().await.map(Timestamp),
        }
    }

    fn wrap<T: Serialize>(&self, key: EphemeralKey, value: &T, ttl: i64) -> Result<Envelope, Unavailable> {
        let plain = serde_json::to_vec(value).map_err(|error| Unavailable(error.to_string()))?;
        let expires_at = self.clock.now().plus(ttl);
        // In this process a value is as safe as the keys that would seal it.
        let body = if self.is_shared() { self.sealer.seal(&place(key, expires_at), &plain) } else { plain };
        Ok(Envelope::new(expires_at, body))
    }

    fn unwrap<T: DeserializeOwned>(
        &self,
        key: EphemeralKey,
        envelope: Option<Envelope>,
    ) -> Result<Option<(T, Version)>, Unavailable> {
        let Some(envelope) = envelope else { return Ok(None) };
        if envelope.expires_at() <= self.clock.now() {
            return Ok(None);
        }
        let plain = if self.is_shared() {
            // What does not open was written by nobody who has the keyring: it is not there.
            match self.sealer.open(&place(key, envelope.expires_at()), envelope.body()) {
                Ok(plain) => plain,
                Err(error) => {
                    tracing::error!(event = "ephemeral.forged", space = ?key.0, %error, "a stored value was ignored");
                    return Ok(None);
                }
            }
        } else {
            envelope.body().to_vec()
        };
        // A value of another version's shape is as good as lost; the person starts again.
        Ok(serde_json::from_slice(&plain).ok().map(|value| (value, envelope.version())))
    }
}

/// Binds a value to its key and its expiry, so that neither can be changed by who can write to Redis.
fn place(key: EphemeralKey, expires_at: Timestamp) -> [u8; 41] {
    let mut out = [0; 41];
    out[..33].copy_from_slice(&key.bytes());
    out[33..].copy_from_slice(&expires_at.0.to_be_bytes());
    out
}
