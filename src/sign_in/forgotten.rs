//! Browsers that a person forgot in their cabinet: durable, and followed by all nodes. What a browser is known by is in its own cookie,
//! which nobody can take back, so a forgotten browser stands in a list that each node has in memory: holding a cookie against it costs no
//! round trip. The list is short, and what is in it goes with the last cookie that it could be about.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::SeenBrowser;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError};

/// What this store keeps its data in.
pub(super) const TABLE: &str = "forgotten_browsers";

/// The list of these browsers, which all nodes follow.
const LIST: &str = "forgotten_browsers";

/// How many are read at once.
const PART: i64 = 5000;

/// When browsers were forgotten, as this node knows it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Forgotten(Arc<RwLock<HashMap<Digest, i64>>>);

impl Forgotten {
    /// When a person forgot a browser the last time, in milliseconds.
    pub(super) fn since(&self, browser: &Digest) -> Option<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(browser).copied()
    }

    pub(super) fn note(&self, browser: Digest, at_ms: i64) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let at = known.entry(browser).or_insert(at_ms);
        *at = (*at).max(at_ms);
    }
}

/// Stores what was forgotten, and follows what other nodes stored. Cheap to clone.
#[derive(Clone)]
pub struct ForgottenBrowsers {
    db: Db,
    /// What this node knows.
    pub known: Forgotten,
    /// The number of the last one that was read; one reader at a time.
    last: Arc<tokio::sync::Mutex<i64>>,
}

impl ForgottenBrowsers {
    /// All of them in `db`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn load(db: Db) -> Result<Self, DbError> {
        let forgotten = Self { db, known: Forgotten::default(), last: Arc::default() };
        forgotten.refresh().await?;
        Ok(forgotten)
    }

    /// Reads what was forgotten at other nodes since the last time. Several times a second.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn refresh(&self) -> Result<(), DbError> {
        let mut last = self.last.lock().await;
        let newest = db::int(&self.db.read_one(db::last_number(LIST)).await?, "sequences", "seq")?;
        if newest == *last {
            return Ok(());
        }
        // A database that was restored has fewer than were read.
        let mut after = if newest < *last { 0 } else { *last };
        while after < newest {
            let some = "SELECT browser, seq, forgotten_at FROM forgotten_browsers WHERE seq > $1 ORDER BY seq LIMIT $2";
            let rows = self.db.read_all(db::statement(some).bind(after).bind(PART)).await?;
            let Some(last) = rows.last() else { break };
            after = db::int(last, TABLE, "seq")?;
            for row in &rows {
                let browser = Digest::try_from(db::text(row, TABLE, "browser")?)
                    .map_err(|_| row.corrupt(TABLE, "browser", "it is no digest"))?;
                self.known.note(browser, db::int(row, TABLE, "forgotten_at")?);
            }
        }
        *last = newest;
        Ok(())
    }

    /// Whether a browser was forgotten after it was seen the last time.
    pub fn is_forgotten(&self, seen: &SeenBrowser) -> bool {
        self.known.since(&seen.name).is_some_and(|at| at >= seen.last.0 * 1000)
    }

    /// Forgets a browser of a person: durable, known to this node at once and to the others within a second.
    ///
    /// # Errors
    /// [`DbError`]; then it is not known whether it is forgotten, and forgetting it again is safe.
    pub async fn forget(&self, browser: &Digest, now_ms: i64) -> Result<(), DbError> {
        let insert = db::statement(
            "INSERT INTO forgotten_browsers (browser, seq, forgotten_at) SELECT $1, seq, $2 FROM sequences \
             WHERE list = 'forgotten_browsers' \
             ON CONFLICT (browser) DO UPDATE SET seq = excluded.seq, forgotten_at = excluded.forgotten_at",
        );
        let insert = insert.bind(browser.encode()).bind(now_ms);
        self.db.all_or_nothing(vec![db::take_number(LIST), insert]).await?;
        self.known.note(*browser, now_ms);
        Ok(())
    }

    /// Drops what was forgotten before a moment from which on no cookie of before can be left; returns how many rows went, `most` at
    /// most. A browser that is known anew since then is told of once more.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, before: Timestamp, most: i64) -> Result<u64, DbError> {
        let before_ms = before.0 * 1000;
        self.known.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, at| *at >= before_ms);
        let purge = db::statement(
            "DELETE FROM forgotten_browsers WHERE browser IN \
             (SELECT browser FROM forgotten_browsers WHERE forgotten_at < $1 LIMIT $2)",
        );
        self.db.execute(purge.bind(before_ms).bind(most)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;

    #[actix_web::test]
    async fn what_one_node_forgets_all_know_until_it_is_purged() {
        let db = TestDb::migrated().await;
        let load = async || ForgottenBrowsers::load(db.clone()).await.unwrap();
        let (here, there) = (load().await, load().await);
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        here.forget(&one, 5_000).await.unwrap();
        here.forget(&other, 6_000).await.unwrap();
        here.forget(&one, 7_000).await.unwrap();
        assert_eq!(there.known.since(&one), None);
        there.refresh().await.unwrap();
        for node in [&here, &there, &load().await] {
            assert_eq!((node.known.since(&one), node.known.since(&other)), (Some(7_000), Some(6_000)));
        }
        assert_eq!(there.purge(Timestamp(7), 10).await.unwrap(), 1);
        assert_eq!((there.known.since(&one), there.known.since(&other)), (Some(7_000), None));
    }
}
