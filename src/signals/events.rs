//! SQL of the table `signal_events`.

use super::{EventType, KEPT, Signals};
use crate::clients::ClientId;
use crate::people::PersonId;
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row, Statement};

const TABLE: &str = "signal_events";

/// Requests under way to one host at a time, all nodes together.
const PER_HOST: i64 = 2;

/// For how long a taken event is nobody else's, in seconds: longer than a request may take.
const LEASE: i64 = 30;

/// An event that waits for its service.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its identifier, which the service acknowledges.
    pub jti: String,
    /// The stream that carries it.
    pub stream_id: String,
    /// Whom to tell.
    pub client_id: ClientId,
    /// Whom it is about; nobody for an event about the stream.
    pub person: Option<PersonId>,
    /// The URI of its type.
    pub event: String,
    /// What it says, as JSON.
    pub payload: String,
    /// What ties together the events of one cause.
    pub txn: String,
    /// When it happened.
    pub created_at: Timestamp,
}

/// An event that this node has taken to send it.
#[derive(Debug)]
pub struct Due {
    /// The event.
    pub event: Waiting,
    /// Failed tries so far.
    pub attempts: i64,
    leased_until: Timestamp,
}

/// One row for each stream that carries the event, of services that the person has gone on to.
pub(super) fn insert(
    (jti, txn): (&str, &str),
    person: &PersonId,
    (event, payload): (EventType, &str),
    now: Timestamp,
    only: Option<&ClientId>,
) -> Statement {
    db::statement(
        "INSERT INTO signal_events (jti, stream_id, client_id, person_id, event, payload, txn, host, created_at, due_at) \
         SELECT $1 || '.' || s.stream_id, s.stream_id, s.client_id, $2, $3, $4, $5, \
         CASE WHEN s.status = 'enabled' THEN s.host ELSE '' END, $6, $7 FROM signal_streams s \
         WHERE s.status <> 'disabled' AND s.events LIKE $8 AND ($9 IS NULL OR s.client_id = $9) \
         AND EXISTS (SELECT 1 FROM consents c WHERE c.person_id = $2 AND c.client_id = s.client_id)",
    )
    .bind(jti)
    .bind(person.as_str())
    .bind(event.uri())
    .bind(payload)
    .bind(txn)
    .bind(now.0)
    .bind(now.0)
    .bind(format!("%,{},%", event.name()))
    .bind(only.map(|only| only.as_str().to_owned()))
}

impl Signals {
    /// Stores an event about a stream itself, whatever it carries otherwise.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn tell_of_stream(&self, stream: &str, event: &str, payload: &str) -> Result<(), DbError> {
        let now = self.clock.now();
        let insert = "INSERT INTO signal_events (jti, stream_id, client_id, event, payload, txn, host, created_at, due_at) \
                      SELECT $1, s.stream_id, s.client_id, $2, $3, $4, \
                      CASE WHEN s.status = 'enabled' THEN s.host ELSE '' END, $5, $6 FROM signal_streams s \
                      WHERE s.stream_id = $7 AND s.status <> 'disabled'";
        let insert = db::statement(insert)
            .bind(bytes::random_alphanumeric::<26>())
            .bind(event)
            .bind(payload)
            .bind(bytes::random_alphanumeric::<26>())
            .bind(now.0)
            .bind(now.0)
            .bind(stream);
        self.db.execute(insert).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// The oldest events that wait for a stream.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn waiting(&self, stream: &str, most: i64) -> Result<Vec<Waiting>, DbError> {
        let some = "SELECT jti, stream_id, client_id, person_id, event, payload, txn, created_at FROM signal_events \
                    WHERE stream_id = $1 ORDER BY created_at, jti LIMIT $2";
        let rows = self.db.read_all(db::statement(some).bind(stream).bind(most)).await?;
        Ok(db::readable(&rows, waiting))
    }

    /// Removes an event that was acknowledged, or need not be told; one of another stream stays.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn acknowledged(&self, stream: &str, jti: &str) -> Result<(), DbError> {
        let remove = "DELETE FROM signal_events WHERE jti = $1 AND stream_id = $2";
        self.db.execute(db::statement(remove).bind(jti).bind(stream)).await.map(|_| ())
    }

    /// Takes what is due for half a minute: for each host its oldest event, unless two are taken already, at most
    /// `most`. Each is taken by one caller. As for logout tokens, the hosts are walked by the index.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn take_due(&self, most: i64) -> Result<Vec<Due>, DbError> {
        let now = self.clock.now();
        let take = "UPDATE signal_events SET leased_until = $1 WHERE leased_until <= $2 AND jti IN ( \
             WITH RECURSIVE hosts (host) AS ( \
             SELECT MIN(host) FROM signal_events WHERE host > '' UNION ALL \
             SELECT (SELECT MIN(d.host) FROM signal_events d WHERE d.host > hosts.host) \
             FROM hosts WHERE hosts.host IS NOT NULL) \
             SELECT next.jti FROM ( \
             SELECT (SELECT d.jti FROM signal_events d \
             WHERE d.host = hosts.host AND d.due_at <= $3 AND d.leased_until <= $4 \
             ORDER BY d.due_at LIMIT 1) AS jti \
             FROM hosts WHERE hosts.host IS NOT NULL AND $5 > (SELECT COUNT(*) FROM signal_events l \
             WHERE l.host = hosts.host AND l.leased_until > $6)) AS next \
             WHERE next.jti IS NOT NULL ORDER BY RANDOM() LIMIT $7) \
             RETURNING jti, stream_id, client_id, person_id, event, payload, txn, created_at, attempts, leased_until";
        let take = db::statement(take)
            .bind(now.0 + LEASE)
            .bind(now.0)
            .bind(now.0)
            .bind(now.0)
            .bind(PER_HOST)
            .bind(now.0)
            .bind(most);
        let due = |row: &Row| {
            Ok(Due {
                event: waiting(row)?,
                attempts: db::int(row, TABLE, "attempts")?,
                leased_until: Timestamp(db::int(row, TABLE, "leased_until")?),
            })
        };
        Ok(db::readable(&self.db.change_all(take).await?, due))
    }

    /// Returns an event that was taken and not told; without effect once another node has taken it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn put_back(&self, due: &Due, due_at: Timestamp) -> Result<(), DbError> {
        let put = "UPDATE signal_events SET due_at = $1, attempts = attempts + 1, leased_until = 0 \
                   WHERE jti = $2 AND leased_until = $3";
        let put = db::statement(put).bind(due_at.0).bind(&due.event.jti).bind(due.leased_until.0);
        self.db.execute(put).await.map(|_| ())
    }

    /// Removes events that waited for a week at `now`; returns how many.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        let purge = "DELETE FROM signal_events WHERE jti IN \
                     (SELECT jti FROM signal_events WHERE created_at < $1 LIMIT $2)";
        let gone = self.db.execute(db::statement(purge).bind(now.minus(KEPT).0).bind(most)).await?;
        if gone > 0 {
            tracing::warn!(
                event = "signals.given_up",
                count = gone,
                "services took no security events for a week"
            );
        }
        Ok(gone)
    }
}

fn waiting(row: &Row) -> Result<Waiting, DbError> {
    let client = db::text(row, TABLE, "client_id")?;
    Ok(Waiting {
        jti: db::text(row, TABLE, "jti")?,
        stream_id: db::text(row, TABLE, "stream_id")?,
        client_id: ClientId::parse(&client)
            .ok_or_else(|| row.corrupt(TABLE, "client_id", "it is no client identifier"))?,
        person: db::maybe_text(row, TABLE, "person_id")?.map(PersonId::stored),
        event: db::text(row, TABLE, "event")?,
        payload: db::text(row, TABLE, "payload")?,
        txn: db::text(row, TABLE, "txn")?,
        created_at: Timestamp(db::int(row, TABLE, "created_at")?),
    })
}
