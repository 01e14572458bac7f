//! The keys' life: published before use, used, kept published until the last token signed with them expired.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jsonwebtoken::decode_header;
use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;

use super::store::{self, StoredKey};
use super::{Alg, KeyError, SigningKey};
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError};
use crate::platform::seal::{Keyring, Sealer};

/// How long a new key is published before it signs: longer than any client should keep a key set unasked.
pub const PUBLISH_AHEAD: i64 = 3600;

/// How long a replaced key stays published after its successor took over: longer than any token lives.
pub(super) const KEEP_AFTER: i64 = 24 * 3600;

/// The keys of one moment.
pub struct KeySet {
    keys: Vec<Entry>,
    jwks: Arc<[u8]>,
    /// The table's version at the time when the keys were read.
    version: (i64, i64),
}

struct Entry {
    key: SigningKey,
    created_at: Timestamp,
    active_from: Timestamp,
    retire_at: Option<Timestamp>,
}

/// One key as operators see it.
pub struct KeyInfo {
    /// Its identifier.
    pub kid: String,
    /// Its algorithm.
    pub alg: Alg,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it signs.
    pub active_from: Timestamp,
    /// When it leaves the published set, if that is known.
    pub retire_at: Option<Timestamp>,
    /// Whether it signs now.
    pub signing: bool,
}

/// The signing keys cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// The database failed.
    #[error("signing keys: {0}")]
    Db(#[from] DbError),
    /// A stored key cannot be used.
    #[error("signing key {kid} does not parse: {source}")]
    Malformed {
        /// The key's identifier.
        kid: String,
        /// Why.
        source: KeyError,
    },
    /// The key set cannot be rendered.
    #[error("the key set is not JSON: {0}")]
    Unpublishable(#[from] serde_json::Error),
}

/// A token is not one of ours.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is longer than any token that is issued.
    #[error("the token is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is no compact JWS, or its signature is wrong.
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// Its header names none of the keys.
    #[error("the token's kid names no key")]
    UnknownKey,
    /// Its header says another algorithm than the key's, another type, or `crit`.
    #[error("the token's header is not the one that is expected")]
    UnexpectedHeader,
}

/// The longest token that is looked at, in bytes.
const MAX_BYTES: usize = 16 * 1024;

impl KeySet {
    /// The key that signs with `alg` at `now`: the newest that is active.
    pub fn signing(&self, alg: Alg, now: Timestamp) -> Option<&SigningKey> {
        self.keys
            .iter()
            .filter(|entry| entry.key.alg() == alg && entry.active_from <= now)
            .max_by_key(|entry| (entry.active_from, entry.created_at))
            .map(|entry| &entry.key)
    }

    /// The published key set (RFC 7517 §5), ready to send.
    pub fn jwks(&self) -> Arc<[u8]> {
        Arc::clone(&self.jwks)
    }

    /// Reads the claims of a compact JWS signed by one of these keys with the header type `typ`, whether or not
    /// it has expired: that is the caller's question.
    ///
    /// # Errors
    /// [`VerifyError`] when it is anything else.
    pub fn verify(&self, token: &str, typ: &str) -> Result<Value, VerifyError> {
        if token.len() > MAX_BYTES {
            return Err(VerifyError::TooLong);
        }
        let header = decode_header(token)?;
        let kid = header.kid.as_deref().ok_or(VerifyError::UnknownKey)?;
        let entry = self.keys.iter().find(|entry| entry.key.kid() == kid).ok_or(VerifyError::UnknownKey)?;
        if !entry.key.expects(&header, typ) {
            return Err(VerifyError::UnexpectedHeader);
        }
        Ok(entry.key.claims(token)?)
    }

    /// The keys as operators see them.
    pub fn list(&self, now: Timestamp) -> Vec<KeyInfo> {
        self.keys
            .iter()
            .map(|entry| KeyInfo {
                kid: entry.key.kid().to_owned(),
                alg: entry.key.alg(),
                created_at: entry.created_at,
                active_from: entry.active_from,
                retire_at: entry.retire_at,
                signing: self
                    .signing(entry.key.alg(), now)
                    .is_some_and(|signing| signing.kid() == entry.key.kid()),
            })
            .collect()
    }

    /// A set of one key, which signs at any time.
    #[cfg(test)]
    pub(crate) fn of_one(key: SigningKey) -> Self {
        let always = Timestamp(0);
        let entry = Entry { key, created_at: always, active_from: always, retire_at: None };
        Self { keys: vec![entry], jwks: Arc::from(*b"{}"), version: (0, 0) }
    }

    async fn read(db: &Db, sealer: &Sealer, now: Timestamp) -> Result<Self, SigningKeysError> {
        // Before the keys: what changes in between changes the version, and is read the next time.
        let version = store::version(db).await?;
        Self::build(store::all(db, sealer, now).await?, version)
    }

    fn build(stored: Vec<StoredKey>, version: (i64, i64)) -> Result<Self, SigningKeysError> {
        let mut keys = Vec::with_capacity(stored.len());
        for StoredKey { kid, alg, pkcs8, created_at, active_from, retire_at } in stored {
            let key = SigningKey::from_pkcs8(&kid, alg, &pkcs8)
                .map_err(|source| SigningKeysError::Malformed { kid, source })?;
            keys.push(Entry { key, created_at, active_from, retire_at });
        }
        let published = JwkSet { keys: keys.iter().map(|entry| entry.key.public_jwk().clone()).collect() };
        let jwks = serde_json::to_vec(&published)?.into();
        Ok(Self { keys, jwks, version })
    }
}

/// The keys in use by this node, replaced when the table changes.
pub struct SigningKeys {
    db: Db,
    sealer: Sealer,
    clock: Clock,
    current: ArcSwap<KeySet>,
}

impl SigningKeys {
    /// Loads the keys; the very first start makes one per algorithm, active at once.
    ///
    /// # Errors
    /// [`SigningKeysError`].
    pub async fn load(
        db: Db,
        keyring: &Keyring,
        clock: Clock,
        rsa_bits: u32,
    ) -> Result<Self, SigningKeysError> {
        let sealer = keyring.sealer("signing-key");
        let now = clock.now();
        let mut keys = KeySet::read(&db, &sealer, now).await?;
        let missing: Vec<Alg> = Alg::ALL
            .into_iter()
            .filter(|alg| !keys.keys.iter().any(|entry| entry.key.alg() == *alg))
            .collect();
        if !missing.is_empty() {
            for alg in missing {
                store::insert(&db, &sealer, &new_key(alg, rsa_bits, now, now), Timestamp(0)).await?;
            }
            keys = KeySet::read(&db, &sealer, now).await?;
        }
        Ok(Self { db, sealer, clock, current: ArcSwap::from_pointee(keys) })
    }

    /// The keys of this moment.
    pub fn current(&self) -> Arc<KeySet> {
        self.current.load_full()
    }

    /// Looks whether keys came or went, and takes them over.
    ///
    /// # Errors
    /// [`SigningKeysError`]; the former keys stay in use.
    pub async fn refresh(&self) -> Result<(), SigningKeysError> {
        let version = store::version(&self.db).await?;
        let (now, current) = (self.clock.now(), self.current());
        let retired = current.keys.iter().any(|entry| entry.retire_at.is_some_and(|at| at <= now));
        if version != current.version || retired {
            self.current.store(Arc::new(KeySet::read(&self.db, &self.sealer, now).await?));
        }
        Ok(())
    }

    /// Makes a successor for the key of `alg`: published now, signing `ahead` seconds later; the former key
    /// leaves the published set a day after that. Returns the new key's identifier.
    ///
    /// # Errors
    /// [`SigningKeysError`].
    pub async fn rotate(&self, alg: Alg, rsa_bits: u32, ahead: i64) -> Result<String, SigningKeysError> {
        let now = self.clock.now();
        let key = new_key(alg, rsa_bits, now, now.plus(ahead));
        self.succeed(&key, Timestamp(i64::MAX)).await?;
        self.refresh().await?;
        Ok(key.kid)
    }

    /// Makes successors for keys older than `most_days`. Of several nodes, one does.
    ///
    /// # Errors
    /// [`SigningKeysError`].
    pub async fn rotate_old(&self, rsa_bits: u32, most_days: i64) -> Result<(), SigningKeysError> {
        let now = self.clock.now();
        let oldest = now.minus(most_days * 86_400);
        for alg in Alg::ALL {
            let current = self.current();
            let young = current.keys.iter().any(|entry| entry.key.alg() == alg && entry.created_at >= oldest);
            if young {
                continue;
            }
            let key = new_key(alg, rsa_bits, now, now.plus(PUBLISH_AHEAD));
            if self.succeed(&key, oldest).await? {
                tracing::info!(
                    event = "keys.rotated",
                    key.alg = alg.name(),
                    key.id = key.kid,
                    "a signing key was rotated"
                );
                self.refresh().await?;
            }
        }
        Ok(())
    }

    /// Stores a key and retires the former one, at once. Tells whether it did.
    async fn succeed(&self, key: &StoredKey, unless_since: Timestamp) -> Result<bool, DbError> {
        store::succeed(&self.db, &self.sealer, key, unless_since, key.active_from.plus(KEEP_AFTER)).await
    }
}

fn new_key(alg: Alg, rsa_bits: u32, created_at: Timestamp, active_from: Timestamp) -> StoredKey {
    StoredKey {
        kid: format!("{}-{}", alg.name().to_ascii_lowercase(), bytes::random_text::<9>()),
        alg,
        pkcs8: SigningKey::generate(alg, rsa_bits),
        created_at,
        active_from,
        retire_at: None,
    }
}

#[cfg(test)]
mod tests;
