//! The revocation list: revoked grants, access tokens and epochs whose access tokens have not expired yet.
//!
//! Access tokens carry what they stand for and are not looked up, so each node keeps the short list of those that
//! were revoked. A revocation is durable first (SQL); it reaches the other nodes at once through shared short-lived
//! state, and within a second through SQL even if that is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::{REVOKED, store};
use crate::platform::clock::Clock;
use crate::platform::db::{Db, DbError};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, Unavailable};

/// At start, revocations are found by their time: clocks of nodes may have been wrong by this much, in milliseconds.
const MARGIN_MS: i64 = 3_600_000;

/// For how much longer than a token lives a notice of its revocation stays in shared state, in seconds: it ends by the
/// clock of the node that revoked it.
const NOTICE_MARGIN: i64 = 600;

/// A node that could not read revocations for this long accepts no access token.
const BLIND: Duration = Duration::from_secs(30);

/// For how much longer than a token lives its revocation is known here.
const KNOWN_MARGIN: Duration = Duration::from_secs(60);

/// The revoked. Cheap to clone.
///
/// After the start they are followed by their numbers, and kept by this process's own measure of time: no node's clock
/// decides on what another one sees.
#[derive(Clone)]
pub struct Revocations {
    db: Db,
    ephemeral: Ephemeral,
    clock: Clock,
    /// Longest life of an access token, in seconds.
    longest: i64,
    /// What was revoked, and when that was learned.
    known: Arc<RwLock<HashMap<String, Instant>>>,
    /// The number of the last revocation that was read; one reader at a time.
    last: Arc<tokio::sync::Mutex<i64>>,
    read_at: Arc<Mutex<Instant>>,
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
            last: Arc::default(),
            read_at: Arc::new(Mutex::new(Instant::now())),
        };
        *revocations.last.lock().await = revocations.read_anew().await?;
        Ok(revocations)
    }

    /// Reads what other nodes revoked since the last time. Several times a second.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn refresh(&self) -> Result<(), DbError> {
        let mut last = self.last.lock().await;
        let begun = Instant::now();
        let (newest, news) = store::revoked_after(&self.db, *last, self.oldest_ms()).await?;
        self.learn(news, begun);
        // A database that was restored, or a standby that took over too late, has fewer than were read.
        *last = if newest < *last { self.read_anew().await? } else { newest };
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = begun;
        Ok(())
    }

    /// Reads all that may concern a token that still lives; returns the number up to which nothing was missed.
    async fn read_anew(&self) -> Result<i64, DbError> {
        let begun = Instant::now();
        let last = store::last_revocation(&self.db).await?;
        self.learn(store::revoked_since(&self.db, self.oldest_ms()).await?, begun);
        Ok(last)
    }

    fn oldest_ms(&self) -> i64 {
        self.clock.now_ms() - self.longest * 1000 - MARGIN_MS
    }

    fn learn(&self, news: Vec<String>, now: Instant) {
        let kept = Duration::from_secs(self.longest.unsigned_abs()) + KNOWN_MARGIN;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, learned| now.duration_since(*learned) < kept);
        known.extend(news.into_iter().map(|id| (id, now)));
    }

    /// Tells this node and all others of a revocation that is durable already.
    ///
    /// # Errors
    /// [`Unavailable`] when the others cannot be reached now; they read it from SQL within a second.
    pub(super) async fn announce(&self, id: &str) -> Result<(), Unavailable> {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), Instant::now());
        if self.ephemeral.is_shared() {
            self.ephemeral.put(EphemeralKey::of(REVOKED, id), &true, self.longest + NOTICE_MARGIN).await?;
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
        let read_at = *self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        if read_at.elapsed() > BLIND {
            Err(Unavailable::because("revocations were not read recently"))
        } else {
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::Timestamp;
    use crate::platform::db;
    use crate::platform::db::test_db::TestDb;
    use crate::platform::seal::Keyring;

    /// A node at a time in milliseconds.
    async fn node(db: &TestDb, time: i64) -> Revocations {
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let clock = Clock::manual(Timestamp(time / 1000));
        let ephemeral = Ephemeral::in_process(clock.clone(), &keyring);
        Revocations::load((*db).clone(), ephemeral, clock, 600).await.unwrap()
    }

    async fn knows(node: &Revocations, id: &str) -> bool {
        node.refresh().await.unwrap();
        node.contains(&[id]).await.unwrap()
    }

    const NOW: i64 = 1_000_000_000;

    #[actix_web::test]
    async fn revocations_are_followed_by_their_number_whatever_the_clocks_say() {
        let db = TestDb::migrated().await;
        let here = node(&db, NOW).await;
        let behind = NOW - 86_400_000;
        store::revoke_token(&db, "t1", behind, Timestamp(1)).await.unwrap();
        assert!(knows(&here, "t1").await);
        assert!(knows(&here, "t1").await, "it stays known");
        assert!(!knows(&here, "t2").await);
        store::revoke_token(&db, "t2", behind, Timestamp(1)).await.unwrap();
        assert!(knows(&here, "t2").await);
    }

    #[actix_web::test]
    async fn what_a_node_of_the_previous_version_revokes_is_found_by_its_time() {
        let db = TestDb::migrated().await;
        let here = node(&db, NOW).await;
        let former = "INSERT INTO revoked_tokens (token_id, revoked_at_ms, expires_at) VALUES ('t', $1, 0)";
        db.execute(db::statement(former).bind(NOW - 60_000)).await.unwrap();
        assert!(knows(&here, "t").await);
    }

    #[actix_web::test]
    async fn a_database_that_was_set_back_is_read_anew() {
        let db = TestDb::migrated().await;
        let here = node(&db, NOW).await;
        for id in ["a", "b", "c"] {
            store::revoke_token(&db, id, NOW, Timestamp(1)).await.unwrap();
        }
        assert!(knows(&here, "c").await);
        db.execute(db::statement("DELETE FROM revoked_tokens")).await.unwrap();
        db.execute(db::statement("UPDATE sequences SET seq = 0")).await.unwrap();
        store::revoke_token(&db, "d", NOW, Timestamp(1)).await.unwrap();
        assert!(knows(&here, "d").await, "its number is below the last one that was read");
    }
}
