//! The revocation list: revoked grants, access tokens and epochs whose access tokens have not expired yet.
//!
//! Access tokens carry what they stand for and are not looked up, so each node keeps the short list of those that
//! were revoked. A revocation is durable first (SQL); it reaches the other nodes at once through shared short-lived
//! state, and within a second through SQL even if that is lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::{REVOKED, store};
use crate::platform::clock::Clock;
use crate::platform::db::{Db, DbError};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, Unavailable};

/// Nodes' clocks may differ by this much, and a commit may take as long, in milliseconds.
const OVERLAP_MS: i64 = 10_000;

/// A node that could not read revocations for this long accepts no access token, in milliseconds.
const BLIND_MS: i64 = 30_000;

/// The revoked. Cheap to clone.
#[derive(Clone)]
pub struct Revocations {
    db: Db,
    ephemeral: Ephemeral,
    clock: Clock,
    /// Longest life of an access token, in seconds.
    longest: i64,
    known: Arc<RwLock<HashMap<String, i64>>>,
    read_at_ms: Arc<AtomicI64>,
}

impl Revocations {
    /// Revocations of tokens that live at most `longest` seconds, loaded from `db`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn load(db: Db, ephemeral: Ephemeral, clock: Clock, longest: i64) -> Result<Self, DbError> {
        let revocations = Self {
            db,
            ephemeral,
            clock,
            longest,
            known: Arc::default(),
            read_at_ms: Arc::new(AtomicI64::new(0)),
        };
        revocations.refresh().await?;
        Ok(revocations)
    }

    /// Reads what other nodes revoked since the last time. Several times a second.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn refresh(&self) -> Result<(), DbError> {
        let now_ms = self.clock.now_ms();
        let oldest = now_ms - self.longest * 1000 - OVERLAP_MS;
        let since = oldest.max(self.read_at_ms.load(Ordering::Relaxed) - OVERLAP_MS);
        let news = store::revoked_since(&self.db, since).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, at| *at > oldest);
        known.extend(news);
        drop(known);
        self.read_at_ms.store(now_ms, Ordering::Relaxed);
        Ok(())
    }

    /// Tells this node and all others of a revocation that is durable already.
    ///
    /// # Errors
    /// [`Unavailable`] when the others cannot be reached now; they read it from SQL within a second.
    pub(super) async fn announce(&self, id: &str) -> Result<(), Unavailable> {
        let now_ms = self.clock.now_ms();
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), now_ms);
        if self.ephemeral.is_shared() {
            self.ephemeral.put(EphemeralKey::of(REVOKED, id), &true, self.longest).await?;
        }
        Ok(())
    }

    /// Longest life of an access token, in seconds.
    pub(super) const fn longest(&self) -> i64 {
        self.longest
    }

    /// Whether any of these was revoked: a token, its grant, everything of its person.
    ///
    /// # Errors
    /// [`Unavailable`] when that cannot be known: neither shared state nor the database has answered of late.
    pub async fn contains(&self, ids: &[&str]) -> Result<bool, Unavailable> {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if ids.iter().any(|id| known.contains_key(*id)) {
                return Ok(true);
            }
        }
        if self.ephemeral.is_shared() {
            let keys: Vec<EphemeralKey> = ids.iter().map(|id| EphemeralKey::of(REVOKED, id)).collect();
            if matches!(self.ephemeral.get_any::<bool>(&keys).await, Ok(true)) {
                return Ok(true);
            }
        }
        let blind = self.clock.now_ms() - self.read_at_ms.load(Ordering::Relaxed) > BLIND_MS;
        if blind { Err(Unavailable::because("revocations were not read recently")) } else { Ok(false) }
    }
}
