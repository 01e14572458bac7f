//! Key rotation: keys are published before they sign, and stay published until the last token signed with them has
//! expired.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jsonwebtoken::decode_header;
use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;

use super::key::VerifyingKey;
use super::store::{self, StoredKey};
use super::{Alg, KeyError, SigningKey};
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError};
use crate::platform::seal::{Keyring, Sealer};

/// Seconds for which a new key is published before it signs: longer than clients should cache a key set.
pub const PUBLISH_AHEAD: i64 = 3600;

/// Seconds for which an old key stays published after its successor started to sign: longer than any token lives.
pub(super) const KEEP_AFTER: i64 = 24 * 3600;

/// Seconds for which a key that has retired still verifies hints: longer than a client keeps a person signed in.
const HINTS_FOR: i64 = 180 * 24 * 3600;

/// Seconds within which all nodes of a new provider have made its first keys.
const BEGINNING: i64 = 600;

/// A snapshot of the keys.
pub struct KeySet {
    keys: Vec<Entry>,
    /// Keys that are published no more; their private halves are not kept in memory.
    retired: Vec<VerifyingKey>,
    jwks: Arc<[u8]>,
    /// The tables' version when the keys were read.
    version: (i64, i64),
}

struct Entry {
    key: SigningKey,
    created_at: Timestamp,
    active_from: Timestamp,
    retire_at: Option<Timestamp>,
}

/// A key, for operators.
pub struct KeyInfo {
    /// Its identifier.
    pub kid: String,
    /// Its algorithm.
    pub alg: Alg,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it starts to sign.
    pub active_from: Timestamp,
    /// When it is removed from the published set, if known.
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
    #[error("signing key {kid} cannot be parsed: {source}")]
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

/// A token was not issued by this provider.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is longer than any issued token.
    #[error("the token is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is not a compact JWS, or its signature is invalid.
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// Its `kid` matches no key.
    #[error("the token's kid matches no key")]
    UnknownKey,
    /// Its header has another algorithm than the key, another type, or `crit`.
    #[error("the token's header is not the expected one")]
    UnexpectedHeader,
}

/// Maximum length of a token, in bytes.
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

    /// Verifies a compact JWS of one of these keys with the header type `typ`, and returns its claims. The caller checks
    /// expiry.
    ///
    /// # Errors
    /// [`VerifyError`] otherwise.
    pub fn verify(&self, token: &str, typ: &str) -> Result<Value, VerifyError> {
        verify(token, typ, self.keys.iter().map(|entry| entry.key.verifying()))
    }

    /// Verifies an ID token that comes back as a hint, which may be as old as the service's own session: keys that retired within
    /// 180 days are accepted too (RP-Initiated Logout 1.0 §4).
    ///
    /// # Errors
    /// [`VerifyError`] if none of our keys signed it.
    pub fn verify_hint(&self, token: &str) -> Result<Value, VerifyError> {
        verify(token, "JWT", self.keys.iter().map(|entry| entry.key.verifying()).chain(&self.retired))
    }

    /// The keys, for operators.
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

    /// The stored keys, for whoever only looks: none is created.
    ///
    /// # Errors
    /// [`SigningKeysError`].
    pub async fn stored(db: &Db, keyring: &Keyring, now: Timestamp) -> Result<Self, SigningKeysError> {
        Self::read(db, &keyring.sealer("signing-key"), now).await
    }

    /// A set of one key that is always active.
    #[cfg(test)]
    pub(crate) fn of_one(key: SigningKey) -> Self {
        let always = Timestamp(0);
        let entry = Entry { key, created_at: always, active_from: always, retire_at: None };
        Self { keys: vec![entry], retired: Vec::new(), jwks: Arc::from(*b"{}"), version: (0, 0) }
    }

    async fn read(db: &Db, sealer: &Sealer, now: Timestamp) -> Result<Self, SigningKeysError> {
        // Read before the keys: a concurrent change then leads to another refresh.
        let version = store::version(db).await?;
        Self::build(store::all(db, sealer, (now, now.minus(HINTS_FOR))).await?, now, version)
    }

    fn build(stored: Vec<StoredKey>, now: Timestamp, version: (i64, i64)) -> Result<Self, SigningKeysError> {
        let (mut keys, mut retired) = (Vec::with_capacity(stored.len()), Vec::new());
        for StoredKey { kid, alg, pkcs8, created_at, active_from, retire_at } in stored {
            let key = SigningKey::from_pkcs8(&kid, alg, &pkcs8)
                .map_err(|source| SigningKeysError::Malformed { kid, source })?;
            if retire_at.is_some_and(|at| at <= now) {
                retired.push(key.into_verifying());
            } else {
                keys.push(Entry { key, created_at, active_from, retire_at });
            }
        }
        let published = JwkSet { keys: keys.iter().map(|entry| entry.key.public_jwk().clone()).collect() };
        let jwks = serde_json::to_vec(&published)?.into();
        Ok(Self { keys, retired, jwks, version })
    }
}

fn verify<'a>(
    token: &str,
    typ: &str,
    mut keys: impl Iterator<Item = &'a VerifyingKey>,
) -> Result<Value, VerifyError> {
    if token.len() > MAX_BYTES {
        return Err(VerifyError::TooLong);
    }
    let header = decode_header(token)?;
    let kid = header.kid.as_deref().ok_or(VerifyError::UnknownKey)?;
    let key = keys.find(|key| key.kid() == kid).ok_or(VerifyError::UnknownKey)?;
    if !key.expects(&header, typ) {
        return Err(VerifyError::UnexpectedHeader);
    }
    Ok(key.claims(token)?)
}

/// The keys in use by this node, reloaded when the tables change.
pub struct SigningKeys {
    db: Db,
    sealer: Sealer,
    clock: Clock,
    current: ArcSwap<KeySet>,
    created: Vec<(String, Alg)>,
}

impl SigningKeys {
    /// Loads the keys; the first start creates one per algorithm, active at once. One of an algorithm that a running provider did
    /// not have is published ahead, as its successors are: nodes of the version before do not publish it, and clients may have
    /// read the key set.
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
        let mut created = Vec::new();
        if !missing.is_empty() {
            let running = keys.keys.iter().any(|entry| entry.created_at.plus(BEGINNING) <= now);
            for alg in missing {
                let ahead = if running && alg.came_later() { PUBLISH_AHEAD } else { 0 };
                let key = new_key(alg, rsa_bits, now, now.plus(ahead));
                if store::insert(&db, &sealer, &key).await? {
                    created.push((key.kid, alg));
                }
            }
            keys = KeySet::read(&db, &sealer, now).await?;
        }
        Ok(Self { db, sealer, clock, current: ArcSwap::from_pointee(keys), created })
    }

    /// The keys that were made because there was none of their algorithm.
    pub fn created(&self) -> &[(String, Alg)] {
        &self.created
    }

    /// The current keys.
    pub fn current(&self) -> Arc<KeySet> {
        self.current.load_full()
    }

    /// Reloads the keys if the tables have changed.
    ///
    /// # Errors
    /// [`SigningKeysError`]; the previous keys stay in use.
    pub async fn refresh(&self) -> Result<(), SigningKeysError> {
        let version = store::version(&self.db).await?;
        let (now, current) = (self.clock.now(), self.current());
        let retired = current.keys.iter().any(|entry| entry.retire_at.is_some_and(|at| at <= now));
        if version != current.version || retired {
            self.current.store(Arc::new(KeySet::read(&self.db, &self.sealer, now).await?));
        }
        Ok(())
    }

    /// Rotates the key of `alg`: the new key is published now and signs `ahead` seconds later; the old key is
    /// removed from the published set a day after that. Returns the new key's identifier.
    ///
    /// # Errors
    /// [`SigningKeysError`].
    pub async fn rotate(&self, alg: Alg, rsa_bits: u32, ahead: i64) -> Result<String, SigningKeysError> {
        let now = self.clock.now();
        let key = new_key(alg, rsa_bits, now, now.plus(ahead));
        // Another rotation at the same moment may have left nothing to succeed but its own key, which the next try sees.
        for _ in 0..3 {
            if self.succeed(&key, Timestamp(i64::MAX)).await? {
                self.refresh().await?;
                return Ok(key.kid);
            }
        }
        Err(DbError::unavailable("keys are being rotated by others; try again").into())
    }

    /// Replaces the keys of `alg` at once, and has them and all before them accepted nowhere any more: somebody else may have
    /// them. Returns the new key's identifier, and those of the keys that were withdrawn.
    ///
    /// # Errors
    /// [`SigningKeysError`].
    pub async fn replace_leaked(
        &self,
        alg: Alg,
        rsa_bits: u32,
    ) -> Result<(String, Vec<String>), SigningKeysError> {
        let before = store::withdrawn(&self.db, alg).await?;
        // It signs since ever: a node whose clock is behind has no other key to sign with.
        let key = new_key(alg, rsa_bits, self.clock.now(), Timestamp(0));
        store::replace(&self.db, &self.sealer, &key).await?;
        let mut withdrawn = store::withdrawn(&self.db, alg).await?;
        withdrawn.retain(|kid| !before.contains(kid));
        self.refresh().await?;
        Ok((key.kid, withdrawn))
    }

    /// Rotates keys older than `most_days`, and tells `rotated` of each new one. Only one of several nodes does.
    ///
    /// # Errors
    /// [`SigningKeysError`].
    pub async fn rotate_old(
        &self,
        rsa_bits: u32,
        most_days: i64,
        rotated: impl Fn(&str, Alg),
    ) -> Result<(), SigningKeysError> {
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
                rotated(&key.kid, alg);
                self.refresh().await?;
            }
        }
        Ok(())
    }

    /// Stores a key and sets when those created before a moment retire, atomically. Returns whether it did.
    async fn succeed(&self, key: &StoredKey, created_before: Timestamp) -> Result<bool, DbError> {
        store::succeed(&self.db, &self.sealer, key, created_before, key.active_from.plus(KEEP_AFTER)).await
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
