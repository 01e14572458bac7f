//! The keys' life: published before use, used, kept published until the last token signed with them expired.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};

use super::store::{self, StoredKey};
use super::{Alg, SigningKey, VerifyError};
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError};
use crate::platform::seal::{Keyring, Sealer};

/// How long a new key is published before it signs: longer than any client should keep a key set unasked.
pub const PUBLISH_AHEAD: i64 = 3600;

/// How long a replaced key stays published after its successor took over: longer than any token lives.
pub const KEEP_AFTER: i64 = 24 * 3600;

/// The keys of one moment.
pub struct KeySet {
    keys: Vec<Entry>,
    jwks: Arc<[u8]>,
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

/// The keys cannot be had.
#[derive(Debug)]
pub enum SigningKeysError {
    /// The database says no.
    Db(DbError),
    /// A stored key does not parse.
    Malformed(String),
}

impl std::fmt::Display for SigningKeysError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Db(error) => write!(f, "signing keys: {error}"),
            Self::Malformed(kid) => write!(f, "signing key {kid} does not parse"),
        }
    }
}

impl std::error::Error for SigningKeysError {}

impl From<DbError> for SigningKeysError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

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
        if token.len() > 16 * 1024 {
            return Err(VerifyError("too long"));
        }
        let (message, signature) = token.rsplit_once('.').ok_or(VerifyError("not a JWS"))?;
        let (header, payload) = message.split_once('.').ok_or(VerifyError("not a JWS"))?;
        let parse = |part: &str| -> Result<Value, VerifyError> {
            let raw = bytes::decode(part).ok_or(VerifyError("not base64url"))?;
            serde_json::from_slice(&raw).map_err(|_| VerifyError("not JSON"))
        };
        let header = parse(header)?;
        let kid = header["kid"].as_str().ok_or(VerifyError("no kid"))?;
        let entry =
            self.keys.iter().find(|entry| entry.key.kid() == kid).ok_or(VerifyError("unknown kid"))?;
        // The algorithm is the key's; the header may only agree.
        if header["alg"] != entry.key.alg().name() || header["typ"] != typ || header.get("crit").is_some() {
            return Err(VerifyError("unexpected header"));
        }
        let signature = bytes::decode(signature).ok_or(VerifyError("not base64url"))?;
        if !entry.key.verifies(message.as_bytes(), &signature) {
            return Err(VerifyError("wrong signature"));
        }
        parse(payload)
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

    fn build(stored: Vec<StoredKey>) -> Result<Self, SigningKeysError> {
        let mut keys = Vec::with_capacity(stored.len());
        for stored in stored {
            let key = SigningKey::from_pkcs8(&stored.kid, stored.alg, &stored.pkcs8)
                .ok_or(SigningKeysError::Malformed(stored.kid))?;
            let StoredKey { created_at, active_from, retire_at, .. } = stored;
            keys.push(Entry { key, created_at, active_from, retire_at });
        }
        let published: Vec<&Value> = keys.iter().map(|entry| entry.key.public_jwk()).collect();
        let jwks = json!({"keys": published}).to_string().into_bytes().into();
        Ok(Self { keys, jwks })
    }
}

/// The keys in use by this node, replaced when the table changes.
pub struct SigningKeys {
    db: Db,
    sealer: Sealer,
    clock: Clock,
    current: RwLock<Arc<KeySet>>,
    seen: RwLock<(i64, i64)>,
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
        let mut stored = store::all(&db, &sealer, now).await?;
        let missing: Vec<Alg> =
            Alg::ALL.into_iter().filter(|alg| !stored.iter().any(|key| key.alg == *alg)).collect();
        if !missing.is_empty() {
            for alg in missing {
                store::insert(&db, &sealer, &new_key(alg, rsa_bits, now, now), Timestamp(0)).await?;
            }
            stored = store::all(&db, &sealer, now).await?;
        }
        let seen = store::version(&db).await?;
        let current = RwLock::new(Arc::new(KeySet::build(stored)?));
        Ok(Self { db, sealer, clock, current, seen: RwLock::new(seen) })
    }

    /// The keys of this moment.
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks whether keys came or went, and takes them over.
    ///
    /// # Errors
    /// [`SigningKeysError`]; the former keys stay in use.
    pub async fn refresh(&self) -> Result<(), SigningKeysError> {
        let version = store::version(&self.db).await?;
        let now = self.clock.now();
        let unchanged = version == *self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let retired = self.current().keys.iter().any(|entry| entry.retire_at.is_some_and(|at| at <= now));
        if unchanged && !retired {
            return Ok(());
        }
        let set = Arc::new(KeySet::build(store::all(&self.db, &self.sealer, now).await?)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = set;
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = version;
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
                    alg = alg.name(),
                    kid = key.kid,
                    "a signing key got a successor"
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
mod tests {
    use super::*;
    use crate::platform::db::{self, test_db::TestDb};

    #[actix_web::test]
    async fn a_key_and_the_end_of_its_predecessor_are_stored_together() {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let clock = Clock::manual(Timestamp(1_000_000));
        let keys = SigningKeys::load(db.clone(), &keyring, clock.clone(), 2048).await.unwrap();
        let of_alg = |alg| {
            let list = keys.current().list(Timestamp(i64::MAX));
            list.into_iter().filter(move |key| key.alg == alg).collect::<Vec<_>>()
        };
        db.execute(db::statement(
            "CREATE TRIGGER refuse BEFORE UPDATE ON signing_keys BEGIN SELECT RAISE(ABORT, 'refused'); END",
        ))
        .await
        .unwrap();
        clock.advance(2 * 86_400);
        assert!(keys.rotate(Alg::ES256, 2048, 10).await.is_err());
        assert!(keys.rotate_old(2048, 1).await.is_err());
        let all = db.read_one(db::statement("SELECT COUNT(*) AS n FROM signing_keys")).await.unwrap();
        assert_eq!(db::int(&all, "signing_keys", "n").unwrap(), 3, "no key without the other's end");

        db.execute(db::statement("DROP TRIGGER refuse")).await.unwrap();
        let new = keys.rotate(Alg::ES256, 2048, 10).await.unwrap();
        let keys = of_alg(Alg::ES256);
        assert_eq!(keys.len(), 2);
        for key in keys {
            assert_eq!(key.kid == new, key.retire_at.is_none(), "{}", key.kid);
        }
    }
}
