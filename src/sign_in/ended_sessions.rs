//! Sessions that were signed out, for as long as they would have gone on: durable, and followed by all nodes.
//!
//! A session is short-lived state, and taking it away is how it ends. But short-lived state may return as it was before:
//! a replica takes over that lags behind, a snapshot is restored. Then the session would be back, with everybody who has its
//! cookie. So its end is written down first, under the name that stays the same when the person signs in again at the
//! same browser. Each node has the list in memory: holding a session against it costs no round trip. A generation of the
//! person's, such as the epoch, would end their sessions at all other browsers as well.
//!
//! All of a person's sessions but one are ended in the same way, by one row: it names the person, the moment and the one that goes
//! on. So that end needs no list of the sessions, and holds for those that nothing tells of.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Session;
use crate::people::PersonId;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};

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
    /// Whose sessions ended up to a moment, all but one: the newest such end of each person.
    others: Arc<RwLock<HashMap<PersonId, OthersEnd>>>,
    /// The number of the last end that was read; one reader at a time.
    last: Arc<tokio::sync::Mutex<i64>>,
}

/// All sessions of a person ended but one.
#[derive(Clone, Copy, Debug)]
struct OthersEnd {
    /// Sessions that were opened in this second or before have ended, as far as nothing tells it more exactly.
    at: Timestamp,
    /// The same in milliseconds.
    at_ms: i64,
    /// What names to services the one that goes on.
    spared: Digest,
    /// Until when the last of the others would have gone on.
    until: Timestamp,
}

/// The end of all sessions of a person but one, which is to be stored together with what they end for.
pub struct EndOfOthers {
    person: PersonId,
    end: OthersEnd,
    rows: Vec<Statement>,
}

impl EndOfOthers {
    /// The statements of the transaction. They wait for whatever else ends sessions, so they come last in it.
    pub fn take_rows(&mut self) -> Vec<Statement> {
        std::mem::take(&mut self.rows)
    }
}

/// How many ends are read at once.
const PART: i64 = 5000;

impl EndedSessions {
    /// All ends in `db`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn load(db: Db) -> Result<Self, DbError> {
        let ended = Self { db, known: Arc::default(), others: Arc::default(), last: Arc::default() };
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
                        "SELECT '' AS sid_key, seq, 0 AS expires_at, '' AS person_id, 0 AS ended_at, '' AS spared, 0 AS ended_at_ms \
                         FROM sequences WHERE list = 'ended_sessions' \
                         UNION ALL SELECT sid_key, seq, expires_at, person_id, ended_at, spared, ended_at_ms \
                         FROM (SELECT sid_key, seq, expires_at, person_id, ended_at, spared, ended_at_ms FROM ended_sessions WHERE seq > $1 ORDER BY seq LIMIT $2) AS part",
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
                // One that cannot be read must not keep all later ones from being known.
                if let Err(error) = self.learn(row, key) {
                    db::left_out(&error);
                }
                after = after.max(seq);
            }
            if i64::try_from(rows.len()).is_ok_and(|rows| rows <= PART) {
                return Ok(newest);
            }
        }
    }

    /// Notes what a row says, whose key is `key`.
    fn learn(&self, row: &Row, key: String) -> Result<(), DbError> {
        let key = Digest::try_from(key).map_err(|_| row.corrupt(TABLE, "sid_key", "it is no digest"))?;
        let until = Timestamp(db::int(row, TABLE, "expires_at")?);
        let person = db::text(row, TABLE, "person_id")?;
        if person.is_empty() {
            self.note(key, until);
            return Ok(());
        }
        let spared = Digest::try_from(db::text(row, TABLE, "spared")?)
            .map_err(|_| row.corrupt(TABLE, "spared", "it is no digest"))?;
        let at = Timestamp(db::int(row, TABLE, "ended_at")?);
        // The version before knows seconds alone.
        let at_ms = match db::int(row, TABLE, "ended_at_ms")? {
            0 => at.0 * 1000 + 999,
            at_ms => at_ms,
        };
        self.note_others(PersonId::stored(person), OthersEnd { at, at_ms, spared, until });
        Ok(())
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

    /// The end of all sessions of a person that were opened up to now, except the one that is spared, for a transaction; they would
    /// have gone on until `until` at most.
    pub(super) fn ending_others(spared: &Session, (at_ms, until): (i64, Timestamp)) -> EndOfOthers {
        let at = Timestamp(at_ms.div_euclid(1000));
        let insert = db::statement(
            "INSERT INTO ended_sessions (sid_key, seq, expires_at, person_id, ended_at, spared, ended_at_ms) \
             SELECT $1, seq, $2, $3, $4, $5, $6 FROM sequences WHERE list = 'ended_sessions'",
        );
        let insert = insert
            .bind(Digest(bytes::random()).encode())
            .bind(until.0)
            .bind(spared.person_id.as_str())
            .bind(at.0)
            .bind(spared.sid_key.encode())
            .bind(at_ms);
        EndOfOthers {
            person: spared.person_id.clone(),
            end: OthersEnd { at, at_ms, spared: spared.sid_key, until },
            rows: vec![db::take_number(LIST), insert],
        }
    }

    /// Makes such an end durable that nothing else is stored with.
    ///
    /// # Errors
    /// [`DbError`]; then it is not known whether they ended, and ending them again is safe.
    pub async fn store(&self, rows: Vec<Statement>) -> Result<(), DbError> {
        self.db.all_or_nothing(rows).await
    }

    /// Notes such an end once it is durable.
    pub(super) fn others_have_ended(&self, ended: EndOfOthers) {
        self.note_others(ended.person, ended.end);
    }

    fn note_others(&self, person: PersonId, end: OthersEnd) {
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        let newest = others.entry(person).or_insert(end);
        if end.at_ms >= newest.at_ms {
            *newest = end;
        }
    }

    /// Whether a session was ended, by itself or with all others of its person.
    pub(super) fn has_ended(&self, session: &Session) -> bool {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        let with_others = others
            .get(&session.person_id)
            .is_some_and(|end| began_before(session, end) && session.sid_key != end.spared);
        with_others || self.contains(&session.sid_key)
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
        self.others.write().unwrap_or_else(PoisonError::into_inner).retain(|_, end| end.until >= before);
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

/// Whether a session was opened before an end. What its person proved may be older than the session, as where another device of theirs let
/// them in; only of sessions that the version before opened nothing else is known.
fn began_before(session: &Session, end: &OthersEnd) -> bool {
    if session.opened_ms > 0 { session.opened_ms <= end.at_ms } else { session.auth_time <= end.at }
}

/// Rows stay a little longer than their sessions could have, in seconds.
const KEPT: i64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Epoch;
    use crate::platform::db::test_db::TestDb;
    use crate::sign_in::{Acr, Amr};

    #[actix_web::test]
    async fn all_sessions_of_a_person_but_one_end_at_every_node_without_a_list_of_them() {
        let db = TestDb::migrated().await;
        let load = async || EndedSessions::load(db.clone()).await.unwrap();
        let (here, there) = (load().await, load().await);
        let (one, other) = (PersonId::random(), PersonId::random());
        let session = |person: &PersonId, key: &[u8], auth_time: i64| Session {
            person_id: person.clone(),
            epoch: Epoch::default(),
            number: Some(Digest::of(b"n")),
            auth_time: Timestamp(auth_time),
            acr: Acr::MobileId,
            amr: vec![Amr::Sms],
            means: vec![crate::sign_in::Means::MobileId],
            proofs: crate::sign_in::Proofs::default(),
            organisation: None,
            sid_key: Digest::of(key),
            used_at: Timestamp(auth_time),
            opened_ms: 0,
            clients: Vec::new(),
        };
        let spared = session(&one, b"spared", 50);
        let ends = async |spared: &Session, at: i64, until: i64| {
            let mut end = EndedSessions::ending_others(spared, (at, Timestamp(until)));
            db.all_or_nothing(end.take_rows()).await.unwrap();
            here.others_have_ended(end);
        };
        ends(&spared, 100_500, 1_000).await;
        there.refresh().await.unwrap();
        for node in [&here, &there, &load().await] {
            assert!(node.has_ended(&session(&one, b"unlisted", 1)));
            assert!(node.has_ended(&session(&one, b"of the same second", 100)));
            assert!(!node.has_ended(&spared) && !node.has_ended(&session(&one, b"later", 101)));
            assert!(!node.has_ended(&session(&other, b"nobody's", 1)));
            // What was opened later in that second goes on, also where it rests on an older proof; what was opened before does not.
            let opened = |opened_ms, auth_time| Session { opened_ms, ..session(&one, b"new", auth_time) };
            assert!(!node.has_ended(&opened(100_501, 100)) && !node.has_ended(&opened(100_501, 40)));
            assert!(node.has_ended(&opened(100_500, 100)) && node.has_ended(&opened(100_499, 100)));
        }
        // Of two such ends the later one counts; the row goes when the sessions would be over.
        let later = session(&one, b"later", 101);
        ends(&later, 200_000, 1_100).await;
        assert!(here.has_ended(&spared) && !here.has_ended(&later));
        assert_eq!(here.purge(Timestamp(1_100 + KEPT), 10).await.unwrap(), 1);
        assert!(here.has_ended(&spared));
        assert_eq!(here.purge(Timestamp(1_101 + KEPT), 10).await.unwrap(), 1);
        assert!(!here.has_ended(&spared));
    }

    #[actix_web::test]
    async fn an_end_that_cannot_be_read_hides_no_other() {
        let db = TestDb::migrated().await;
        let here = EndedSessions::load(db.clone()).await.unwrap();
        let end = async |key: &str, seq: i64| {
            let insert = "INSERT INTO ended_sessions (sid_key, seq, expires_at) VALUES ($1, $2, 1000)";
            let number = "INSERT INTO sequences (list, seq) VALUES ('ended_sessions', $1) \
                          ON CONFLICT (list) DO UPDATE SET seq = excluded.seq";
            db.execute(db::statement(insert).bind(key).bind(seq)).await.unwrap();
            db.execute(db::statement(number).bind(seq)).await.unwrap();
        };
        end("no digest", 101).await;
        end(&Digest::of(b"one").encode(), 102).await;
        here.refresh().await.unwrap();
        let there = EndedSessions::load(db.clone()).await.unwrap();
        end(&Digest::of(b"two").encode(), 103).await;
        for node in [&here, &there] {
            node.refresh().await.unwrap();
            let known = node.known.read().unwrap();
            assert!([b"one", b"two"].iter().all(|key| known.contains_key(&Digest::of(*key))), "{known:?}");
        }
    }
}
