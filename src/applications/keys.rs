//! The keys that sign receipts, and nothing else. One that succeeds another takes its place, and the public half of each stays
//! published for good: a receipt must verify for years, and tokens' keys leave their set after a day.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Row};
use crate::platform::jose::{Alg, KeyError, SigningKey};
use crate::platform::seal::{Keyring, Sealer};

/// The table of the keys.
pub(super) const TABLE: &str = "receipt_keys";

/// The list that whoever makes a key takes a number of, so that keys are made one after another.
const LIST: &str = "receipt_keys";

/// The algorithm: every library for JWS has it.
const ALG: Alg = Alg::ES256;

/// Seconds for which a key is published before it signs: whoever fetches the set a few times a day has it by then.
pub const PUBLISH_AHEAD: i64 = 86_400;

/// The keys cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptKeysError {
    /// The database failed.
    #[error("keys of receipts: {0}")]
    Db(#[from] DbError),
    /// A stored key cannot be used.
    #[error("the key of receipts {kid} cannot be parsed: {source}")]
    Malformed {
        /// The key's identifier.
        kid: String,
        /// Why.
        source: KeyError,
    },
    /// There is none, although one was made.
    #[error("there is no key of receipts")]
    None,
}

/// A key, for operators.
#[derive(Clone, Debug)]
pub struct ReceiptKey {
    /// Its identifier.
    pub kid: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it begins to sign.
    pub active_from: Timestamp,
}

/// What is known of the keys.
struct Known {
    keys: Vec<(ReceiptKey, Option<SigningKey>)>,
    jwks: Arc<[u8]>,
}

/// The keys that sign receipts. Cheap to clone.
#[derive(Clone)]
pub struct ReceiptKeys {
    db: Db,
    sealer: Arc<Sealer>,
    clock: Clock,
    known: Arc<ArcSwap<Known>>,
}

impl ReceiptKeys {
    /// Reads the keys, and makes the first one where there is none.
    ///
    /// # Errors
    /// [`ReceiptKeysError`].
    pub async fn load(db: Db, keyring: &Keyring, clock: Clock) -> Result<Self, ReceiptKeysError> {
        let none = Known { keys: Vec::new(), jwks: Arc::from(&b""[..]) };
        let sealer = Arc::new(keyring.sealer("receipt-key"));
        let keys = Self { db, sealer, clock, known: Arc::new(ArcSwap::from_pointee(none)) };
        keys.refresh().await?;
        if keys.list().is_empty() {
            // The first one need not wait: nobody has a set without it.
            let now = keys.clock.now();
            let first = "INSERT INTO receipt_keys (kid, alg, public_jwk, sealed, created_at, active_from, position) \
                         SELECT $1, $2, $3, $4, $5, $6, 1 WHERE NOT EXISTS (SELECT 1 FROM receipt_keys)";
            let insert = keys.row(db::statement(first), (now, now))?;
            keys.db.guarded(db::take_number(LIST), vec![insert]).await?;
            keys.refresh().await?;
        }
        if keys.list().is_empty() { Err(ReceiptKeysError::None) } else { Ok(keys) }
    }

    /// Reads what other nodes and commands added.
    ///
    /// # Errors
    /// [`ReceiptKeysError`]; then the keys stay as they were.
    pub async fn refresh(&self) -> Result<(), ReceiptKeysError> {
        let rows = "SELECT kid, public_jwk, sealed, created_at, active_from FROM receipt_keys ORDER BY active_from, position";
        let rows = self.db.read_all(db::statement(rows)).await?;
        if rows.len() == self.known.load().keys.len() {
            return Ok(());
        }
        let keys = rows.iter().map(|row| self.read(row)).collect::<Result<Vec<_>, _>>()?;
        let public = rows.iter().map(|row| db::json::<Value>(row, TABLE, "public_jwk"));
        let public = public.collect::<Result<Vec<_>, DbError>>()?;
        let jwks = Arc::from(json!({ "keys": public }).to_string().into_bytes());
        self.known.store(Arc::new(Known { keys, jwks }));
        Ok(())
    }

    fn read(&self, row: &Row) -> Result<(ReceiptKey, Option<SigningKey>), ReceiptKeysError> {
        let key = ReceiptKey {
            kid: db::text(row, TABLE, "kid")?,
            created_at: Timestamp(db::int(row, TABLE, "created_at")?),
            active_from: Timestamp(db::int(row, TABLE, "active_from")?),
        };
        let Some(sealed) = db::maybe_text(row, TABLE, "sealed")? else { return Ok((key, None)) };
        let pkcs8 = self.sealer.open_text(key.kid.as_bytes(), &sealed);
        let pkcs8 = pkcs8.map_err(|error| row.corrupt(TABLE, "sealed", error))?;
        let signing = SigningKey::from_pkcs8(&key.kid, ALG, &Zeroizing::new(pkcs8));
        let signing =
            signing.map_err(|source| ReceiptKeysError::Malformed { kid: key.kid.clone(), source })?;
        Ok((key, Some(signing)))
    }

    /// Adds a key, which signs from `active_from` on.
    ///
    /// # Errors
    /// [`ReceiptKeysError`].
    pub async fn rotate(&self, active_from: Timestamp) -> Result<(), ReceiptKeysError> {
        let insert = "INSERT INTO receipt_keys (kid, alg, public_jwk, sealed, created_at, active_from, position) \
                      SELECT $1, $2, $3, $4, $5, $6, COALESCE(MAX(position), 0) + 1 FROM receipt_keys";
        let insert = self.row(db::statement(insert), (self.clock.now(), active_from))?;
        self.db.guarded(db::take_number(LIST), vec![insert]).await?;
        self.refresh().await
    }

    /// A new key with the statement that stores it.
    fn row(
        &self,
        insert: db::Statement,
        (now, active_from): (Timestamp, Timestamp),
    ) -> Result<db::Statement, ReceiptKeysError> {
        let kid = format!("receipts-{}", bytes::random_alphanumeric::<12>());
        let pkcs8 = SigningKey::generate(ALG, 0);
        let key = SigningKey::from_pkcs8(&kid, ALG, &pkcs8);
        let key = key.map_err(|source| ReceiptKeysError::Malformed { kid: kid.clone(), source })?;
        Ok(insert
            .bind(&kid)
            .bind(ALG.name())
            .bind(db::to_json(key.public_jwk())?)
            .bind(self.sealer.seal_text(kid.as_bytes(), &pkcs8))
            .bind(now.0)
            .bind(active_from.0))
    }

    /// All keys, the one that began to sign first first.
    pub fn list(&self) -> Vec<ReceiptKey> {
        self.known.load().keys.iter().map(|(key, _)| key.clone()).collect()
    }

    /// The public halves of all keys that ever signed, as a JWK set (RFC 7517 §5).
    pub fn jwks(&self) -> Arc<[u8]> {
        Arc::clone(&self.known.load().jwks)
    }

    /// Calls `sign` with the key that signs now: the newest that has begun to.
    pub(super) fn with<T>(&self, sign: impl FnOnce(&SigningKey) -> T) -> Option<T> {
        let (known, now) = (self.known.load(), self.clock.now());
        let mut active = known.keys.iter().rev().filter(|(key, _)| key.active_from <= now);
        active.find_map(|(_, signing)| signing.as_ref()).map(sign)
    }
}
