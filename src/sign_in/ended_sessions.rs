//! Sessions that were signed out, for as long as they would have gone on: durable, and followed by all nodes.
//!
//! A session is short-lived state, and taking it away is how it ends. But short-lived state may return as it was before:
//! a replica takes over that lags behind, a snapshot is restored. Then the session would be back, with everybody who has its
//! cookie. So its end is written down first, under the name that stays the same when the person signs in again at the
//! same browser. Each node has the list in memory: holding a session against it costs no round trip. A generation of the
//! person's, such as the epoch, would end their sessions at all other browsers as well.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Session;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Statement};

/// What this store keeps its data in.
pub(super) const TABLE: &str = "ended_sessions";

/// The list of these ends, which all nodes follow.
const LIST: &str = "ended_sessions";

/// The ends that this node knows. Cheap to clone.
#[derive(Clone)]
pub struct EndedSessions {
    db: Db,
    /// Until when each would have gone on at most, by what names the session to services.
    known: Arc<RwLock<HashMap<Digest, Timestamp>>>,
    /// The number of the last end that was read; one reader at a time.
    last: Arc<tokio::sync::Mutex<i64>>,
}

/// How many ends are read at once.
const PART: i64 = 5000;

impl EndedSessions {
    /// All ends in `db`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn load(db: Db) -> Result<Self, DbError> {
        let ended = Self { db, known: Arc::default(), last: Arc::default() };
        ended.refresh().await?;
        Ok(ended)
    }

    /// Reads what other nodes ended since the last time. Several times a second.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn refresh(&self) -> Result<(), DbError> {
        let mut last = self.last.lock().await;
        let newest = self.read_after(*last).await?;
        // A database that was restored has fewer than were read.
        *last = if newest < *last { self.read_after(0).await? } else { newest };
        Ok(())
    }

    /// Reads what ended after a number, in parts; returns the last number by now.
    async fn read_after(&self, seq: i64) -> Result<i64, DbError> {
        let mut after = seq;
        loop {
            let rows = self
                .db
                .read_all(
                    db::statement(
                        "SELECT '' AS sid_key, seq, 0 AS expires_at FROM sequences WHERE list = 'ended_sessions' \
                         UNION ALL SELECT sid_key, seq, expires_at FROM (SELECT sid_key, seq, expires_at \
                         FROM ended_sessions WHERE seq > $1 ORDER BY seq LIMIT $2) AS part",
                    )
                    .bind(after)
                    .bind(PART),
                )
                .await?;
            let mut newest = 0;
            for row in &rows {
                let (key, seq) = (db::text(row, TABLE, "sid_key")?, db::int(row, TABLE, "seq")?);
                if key.is_empty() {
                    newest = seq;
                    continue;
                }
                let key =
                    Digest::try_from(key).map_err(|_| row.corrupt(TABLE, "sid_key", "it is no digest"))?;
                self.note(key, Timestamp(db::int(row, TABLE, "expires_at")?));
                after = after.max(seq);
            }
            if i64::try_from(rows.len()).is_ok_and(|rows| rows <= PART) {
                return Ok(newest);
            }
        }
    }

    /// What makes the end of a session durable, which would have gone on until `until` at most.
    pub(super) fn statements(session: &Session, until: Timestamp) -> [Statement; 2] {
        let insert = db::statement(
            "INSERT INTO ended_sessions (sid_key, seq, expires_at) \
             SELECT $1, seq, $2 FROM sequences WHERE list = 'ended_sessions' ON CONFLICT (sid_key) DO NOTHING",
        );
        [db::take_number(LIST), insert.bind(session.sid_key.encode()).bind(until.0)]
    }

    /// Notes an end that is durable.
    pub(super) fn note(&self, sid_key: Digest, until: Timestamp) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(sid_key, until);
    }

    /// Whether the session that is named so to services was ended.
    pub(super) fn contains(&self, sid_key: &Digest) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(sid_key)
    }

    /// Forgets the ends of sessions that would be over by themselves at `now`; returns how many rows went, `most` at most.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        let before = now.minus(KEPT);
        self.known.write().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until >= before);
        self.db
            .execute(
                db::statement(
                    "DELETE FROM ended_sessions WHERE sid_key IN \
                     (SELECT sid_key FROM ended_sessions WHERE expires_at < $1 LIMIT $2)",
                )
                .bind(before.0)
                .bind(most),
            )
            .await
    }
}

/// Rows stay a little longer than their sessions could have, in seconds.
const KEPT: i64 = 3600;
