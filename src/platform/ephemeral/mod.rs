//! Short-lived state: Redis for any number of nodes, or in-process for one.
//!
//! Losing this state means that people start a sign-in again, never that something is wrongly accepted.
//! Values and windows have their own expiry, by the injected clock; Redis's own expiry only
//! frees memory. In Redis values are encrypted. Durable state is in `db`.
//!
//! Each method is one round trip to Redis. Changes of one request are combined in one
//! [`Batch`].

mod batch;
#[cfg(test)]
mod contract;
mod envelope;
mod key;
mod memory;
mod redis;
mod settings;
mod unavailable;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::bytes;
use super::clock::{Clock, Timestamp};
use super::seal::{Keyring, Sealer};
use super::telemetry::Metrics;
use envelope::Envelope;

pub use batch::{Applied, Batch};
pub use key::{EphemeralKey, KeySpace};
pub use redis::{RedisError, RedisReport, inspect as inspect_redis};
pub use settings::RedisSettings;
pub use unavailable::Unavailable;

/// The version of a value that was read; [`Ephemeral::swap`] replaces only that version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version(Option<[u8; 8]>);

impl Version {
    /// That there is no value: [`Ephemeral::swap`] then stores one only where none is.
    pub const ABSENT: Self = Self(None);

    const fn of(bytes: [u8; 8]) -> Self {
        Self(Some(bytes))
    }

    /// The bytes of the version in an envelope; none for an absent value.
    fn bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |bytes| &bytes[..])
    }
}

/// A value for a backend: an encrypted envelope for Redis, plain for memory.
struct Stored {
    expires_at: Timestamp,
    version: Version,
    /// Seconds after which Redis may remove it, at least 1.
    ttl: i64,
    bytes: Vec<u8>,
}

#[derive(Clone)]
enum Backend {
    Memory(Arc<memory::Memory>),
    Redis(Arc<redis::Redis>),
}

/// Short-lived state. Cheap to clone.
#[derive(Clone)]
pub struct Ephemeral {
    backend: Backend,
    sealer: Arc<Sealer>,
    clock: Clock,
}

impl Ephemeral {
    /// In-process state, for a single node.
    pub fn in_process(clock: Clock, keyring: &Keyring) -> Self {
        let backend = Backend::Memory(Arc::default());
        Self { backend, sealer: Arc::new(keyring.sealer("ephemeral")), clock }
    }

    /// State in the Redis at `url`. `timeout` is for a response; connecting may take a second if
    /// that is longer.
    ///
    /// # Errors
    /// [`RedisError`] if the URL is invalid or Redis is unavailable.
    pub async fn redis(
        url: &str,
        timeout: std::time::Duration,
        clock: Clock,
        keyring: &Keyring,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RedisError> {
        let backend = Backend::Redis(Arc::new(redis::Redis::connect(url, timeout, metrics).await?));
        Ok(Self { backend, sealer: Arc::new(keyring.sealer("ephemeral")), clock })
    }

    /// Whether the state is shared with other nodes.
    pub fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Redis(_))
    }

    /// Stores `value` for `ttl` seconds, replacing any value.
    ///
    /// # Errors
    /// [`Unavailable`], as for all methods.
    pub async fn put<T: Serialize>(&self, key: EphemeralKey, value: &T, ttl: i64) -> Result<(), Unavailable> {
        let value = self.wrap(key, value, ttl)?;
        match &self.backend {
            Backend::Memory(memory) => memory.put(key.name(), value)?,
            Backend::Redis(redis) => redis.put(key.name(), &value).await?,
        }
        Ok(())
    }

    /// The value, with its version for [`Ephemeral::swap`].
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        key: EphemeralKey,
    ) -> Result<Option<(T, Version)>, Unavailable> {
        Ok(match &self.backend {
            Backend::Memory(memory) => self.read_kept(key, memory.get(&key.name())),
            Backend::Redis(redis) => self.read_raw(key, redis.get(key.name()).await?),
        })
    }

    /// [`Ephemeral::get`] for two keys in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn get_pair<A: DeserializeOwned, B: DeserializeOwned>(
        &self,
        a: EphemeralKey,
        b: EphemeralKey,
    ) -> Result<(Option<(A, Version)>, Option<(B, Version)>), Unavailable> {
        match &self.backend {
            Backend::Memory(memory) => {
                let (at_a, at_b) = (memory.get(&a.name()), memory.get(&b.name()));
                Ok((self.read_kept(a, at_a), self.read_kept(b, at_b)))
            }
            Backend::Redis(redis) => {
                let mut found = redis.get_all(&[a.name(), b.name()]).await?.into_iter();
                let (at_a, at_b) = (found.next().flatten(), found.next().flatten());
                Ok((self.read_raw(a, at_a), self.read_raw(b, at_b)))
            }
        }
    }

    /// [`Ephemeral::get`] for several keys in one round trip, in their order.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn get_each<T: DeserializeOwned>(
        &self,
        keys: &[EphemeralKey],
    ) -> Result<Vec<Option<(T, Version)>>, Unavailable> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        match &self.backend {
            Backend::Memory(memory) => {
                Ok(keys.iter().map(|key| self.read_kept(*key, memory.get(&key.name()))).collect())
            }
            Backend::Redis(redis) => {
                let names: Vec<_> = keys.iter().map(|key| key.name()).collect();
                let found = redis.get_all(&names).await?;
                Ok(keys.iter().zip(found).map(|(key, raw)| self.read_raw(*key, raw)).collect())
            }
        }
    }

    /// Whether there is a valid value of type `T` at any of the keys, in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn get_any<T: DeserializeOwned>(&self, keys: &[EphemeralKey]) -> Result<bool, Unavailable> {
        if keys.is_empty() {
            return Ok(false);
        }
        match &self.backend {
            Backend::Memory(memory) => {
                Ok(keys.iter().any(|key| self.read_kept::<T>(*key, memory.get(&key.name())).is_some()))
            }
            Backend::Redis(redis) => {
                let names: Vec<_> = keys.iter().map(|key| key.name()).collect();
                let found = redis.get_all(&names).await?;
                Ok(keys.iter().zip(found).any(|(key, raw)| self.read_raw::<T>(*key, raw).is_some()))
            }
        }
    }

    /// Removes and returns the value atomically: one of many callers gets it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn take<T: DeserializeOwned>(&self, key: EphemeralKey) -> Result<Option<T>, Unavailable> {
        let taken = match &self.backend {
            Backend::Memory(memory) => self.read_kept(key, memory.take(&key.name())),
            Backend::Redis(redis) => self.read_raw(key, redis.take(key.name()).await?),
        };
        Ok(taken.map(|(value, _)| value))
    }

    /// Compare-and-swap: replaces the value if its version is still `seen`; returns the version of the new value, or
    /// `None`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn swap<T: Serialize>(
        &self,
        key: EphemeralKey,
        seen: Version,
        value: &T,
        ttl: i64,
    ) -> Result<Option<Version>, Unavailable> {
        let mut batch = Batch::new(self);
        let version = batch.swap(key, seen, value, ttl);
        Ok(if self.apply(batch).await? == Applied::Done { version } else { None })
    }

    /// Counts one event of `key` and returns the count in this window of `window` seconds, this
    /// one included. A window begins with its first event and ends by the injected clock.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn count(&self, key: EphemeralKey, window: i64) -> Result<u64, Unavailable> {
        Ok(self.count_all(&[(key, window, 1)]).await?.first().copied().unwrap_or(u64::MAX))
    }

    /// [`Ephemeral::count`] for several keys in one round trip, and of each so many events at once; of 0 events the
    /// count is only read.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn count_all(&self, windows: &[(EphemeralKey, i64, u64)]) -> Result<Vec<u64>, Unavailable> {
        let now = self.clock.now();
        match &self.backend {
            Backend::Memory(memory) => windows
                .iter()
                .map(|(key, window, by)| Ok(memory.count(key.name(), *window, *by, now)?))
                .collect(),
            Backend::Redis(redis) => Ok(redis.count_all(windows, now).await?),
        }
    }

    /// Takes one event back from each of these windows, in one round trip: it turned out to be none that should count. A window that has
    /// ended, or had none, stays as it is.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn give_back(&self, windows: &[(EphemeralKey, i64)]) -> Result<(), Unavailable> {
        let now = self.clock.now();
        match &self.backend {
            Backend::Memory(memory) => {
                windows.iter().for_each(|(key, _)| memory.give_back(&key.name(), now));
                Ok(())
            }
            Backend::Redis(redis) => Ok(redis.give_back(windows, now).await?),
        }
    }

    /// [`Ephemeral::get`] of `key` and, if there is anything, [`Ephemeral::count`] of `counter`, in one round trip.
    /// Identifiers that somebody makes up create no counters: where there is nothing, the count is what it was.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn get_and_count<T: DeserializeOwned>(
        &self,
        key: EphemeralKey,
        counter: EphemeralKey,
        window: i64,
    ) -> Result<(Option<(T, Version)>, u64), Unavailable> {
        let now = self.clock.now();
        match &self.backend {
            Backend::Memory(memory) => {
                let found = memory.get(&key.name());
                let count = match found {
                    Some(_) => memory.count(counter.name(), window, 1, now)?,
                    None => memory.had(&counter.name(), now),
                };
                Ok((self.read_kept(key, found), count))
            }
            Backend::Redis(redis) => {
                let (raw, count) = redis.get_and_count(key.name(), counter.name(), window, now).await?;
                Ok((self.read_raw(key, raw), count))
            }
        }
    }

    /// Applies `batch`, all or nothing, in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`]. Then nothing was counted or changed, unless the response was lost.
    pub async fn apply(&self, batch: Batch<'_>) -> Result<Applied, Unavailable> {
        let Batch { groups, changes, refused, .. } = batch;
        if let Some(refused) = refused {
            return Err(refused);
        }
        if groups.is_empty() && changes.is_empty() {
            return Ok(Applied::Done);
        }
        let now = self.clock.now();
        Ok(match &self.backend {
            Backend::Memory(memory) => memory.apply(&groups, changes, now)?,
            Backend::Redis(redis) => redis.apply(&groups, &changes, now).await?,
        })
    }

    /// Removes expired in-process entries; Redis does so by itself.
    pub fn purge(&self) {
        if let Backend::Memory(memory) = &self.backend {
            memory.purge(self.clock.now());
        }
    }

    /// Probes whether the store is writable and has room.
    ///
    /// # Errors
    /// [`Unavailable`] if it is not.
    pub async fn probe(&self) -> Result<(), Unavailable> {
        match &self.backend {
            Backend::Memory(memory) => Ok(memory.room()?),
            Backend::Redis(redis) => Ok(redis.probe().await?),
        }
    }

    /// The store's time, in milliseconds since the Unix epoch; this machine's for in-process state.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn server_time_ms(&self) -> Result<i64, Unavailable> {
        match &self.backend {
            Backend::Memory(_) => Ok(self.clock.machine_ms()),
            Backend::Redis(redis) => Ok(redis.time().await?),
        }
    }

    fn wrap<T: Serialize>(&self, key: EphemeralKey, value: &T, ttl: i64) -> Result<Stored, Unavailable> {
        let mut bytes = Vec::with_capacity(1024);
        serde_json::to_writer(&mut bytes, value)?;
        let expires_at = self.clock.now().plus(ttl);
        let version = match &self.backend {
            // In process memory a value is as safe as the keys that would encrypt it.
            Backend::Memory(memory) => memory.next_version(),
            Backend::Redis(_) => {
                let version = bytes::random();
                let body = self.sealer.seal(&place(key, expires_at), &bytes);
                bytes = Envelope { expires_at, version, body: &body }.write();
                Version::of(version)
            }
        };
        Ok(Stored { expires_at, version, ttl: ttl.max(1), bytes })
    }

    fn read_kept<T: DeserializeOwned>(
        &self,
        key: EphemeralKey,
        kept: Option<memory::Kept>,
    ) -> Option<(T, Version)> {
        let kept = kept?;
        let envelope = self.in_time(kept.envelope())?;
        parse(key, envelope.body).map(|value| (value, Version::of(envelope.version)))
    }

    fn read_raw<T: DeserializeOwned>(&self, key: EphemeralKey, raw: Option<Vec<u8>>) -> Option<(T, Version)> {
        let raw = raw?;
        let envelope = self.in_time(Envelope::parse(&raw)?)?;
        // What cannot be decrypted was not written with this keyring: it counts as absent.
        let plain = self
            .sealer
            .open(&place(key, envelope.expires_at), envelope.body)
            .inspect_err(|error| {
                let space = key.space().name();
                tracing::error!(event = "ephemeral.forged", key_space = space, %error, "a value that cannot be decrypted was ignored");
            })
            .ok()?;
        parse(key, &plain).map(|value| (value, Version::of(envelope.version)))
    }

    fn in_time<'a>(&self, envelope: Envelope<'a>) -> Option<Envelope<'a>> {
        (envelope.expires_at > self.clock.now()).then_some(envelope)
    }
}

/// A value in the format of another version counts as absent; the person starts again.
fn parse<T: DeserializeOwned>(key: EphemeralKey, plain: &[u8]) -> Option<T> {
    serde_json::from_slice(plain)
        .inspect_err(|_| {
            tracing::debug!(
                event = "ephemeral.unread",
                key_space = key.space().name(),
                "a value of another version was ignored"
            );
        })
        .ok()
}

/// Binds a value to its key and expiry, so that an attacker who can write to Redis cannot change either.
fn place(key: EphemeralKey, expires_at: Timestamp) -> [u8; 41] {
    let mut out = [0; 41];
    out[..33].copy_from_slice(&key.name());
    out[33..].copy_from_slice(&expires_at.0.to_be_bytes());
    out
}
