//! SQL of the table `messages`.

use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE];

const TABLE: &str = "messages";
const DAY: i64 = 86_400;

/// A message as it is stored.
pub(super) struct NewMessage<'a> {
    pub(super) id: &'a str,
    pub(super) number_index: &'a Digest,
    pub(super) sealed: &'a str,
    pub(super) client_id: &'a str,
    pub(super) address: &'a str,
    pub(super) now: Timestamp,
    pub(super) expires_at: Timestamp,
    /// Kept for the count alone, never sent.
    pub(super) decoy: bool,
}

/// A message taken for sending; nobody else will take it.
pub(super) struct Taken {
    pub(super) id: String,
    place: (String, i64, i64),
    pub(super) sealed: String,
    pub(super) attempts: i64,
    pub(super) expires_at: Timestamp,
}

/// Stores a message unless the number has had `cap` of them today. `false` when it has, or when another message
/// to the same number was stored in the same instant: the caller may try again.
pub(super) async fn insert(db: &Db, message: &NewMessage<'_>, cap: i64) -> Result<bool, DbError> {
    let index = message.number_index.encode();
    let day = message.now.0.div_euclid(DAY);
    let row = db
        .change(
            db::statement(
                "INSERT INTO messages (message_id, number_index, day, n, sealed, client_id, address, created_at, due_at, expires_at, taken_at) \
                 SELECT $1, $2, $3, had.n + 1, $4, $5, $6, $7, $8, $9, $10 FROM \
                 (SELECT CAST(COALESCE(MAX(n), 0) AS BIGINT) AS n FROM messages WHERE number_index = $11 AND day = $12) AS had \
                 WHERE had.n < $13 ON CONFLICT (number_index, day, n) DO NOTHING RETURNING n",
            )
            .bind(message.id)
            .bind(&index)
            .bind(day)
            .bind(message.sealed)
            .bind(message.client_id)
            .bind(message.address)
            .bind(message.now.0)
            .bind(message.now.0)
            .bind(message.expires_at.0)
            .bind(message.decoy.then_some(message.now.0))
            .bind(&index)
            .bind(day)
            .bind(cap),
        )
        .await?;
    Ok(row.is_some())
}

/// How many messages the number has had today.
pub(super) async fn had_today(db: &Db, number_index: &Digest, now: Timestamp) -> Result<i64, DbError> {
    let row = db
        .read_optional(
            db::statement(
                "SELECT CAST(COALESCE(MAX(n), 0) AS BIGINT) AS n FROM messages WHERE number_index = $1 AND day = $2",
            )
            .bind(number_index.encode())
            .bind(now.0.div_euclid(DAY)),
        )
        .await?;
    row.map_or(Ok(0), |row| db::int(&row, TABLE, "n"))
}

/// Takes up to `most` messages that are due: each is taken by one caller, once.
pub(super) async fn take_due(db: &Db, now: Timestamp, most: i64) -> Result<Vec<Taken>, DbError> {
    let rows = db
        .change_all(
            db::statement(
                "UPDATE messages SET taken_at = $1 WHERE taken_at IS NULL AND (number_index, day, n) IN \
                 (SELECT number_index, day, n FROM messages WHERE taken_at IS NULL AND due_at <= $2 \
                 ORDER BY due_at LIMIT $3) \
                 RETURNING message_id, number_index, day, n, sealed, attempts, expires_at",
            )
            .bind(now.0)
            .bind(now.0)
            .bind(most),
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Taken {
                id: db::text(row, TABLE, "message_id")?,
                place: (
                    db::text(row, TABLE, "number_index")?,
                    db::int(row, TABLE, "day")?,
                    db::int(row, TABLE, "n")?,
                ),
                sealed: db::text(row, TABLE, "sealed")?,
                attempts: db::int(row, TABLE, "attempts")?,
                expires_at: Timestamp(db::int(row, TABLE, "expires_at")?),
            })
        })
        .collect()
}

/// Puts a message back that no gateway took.
pub(super) async fn put_back(db: &Db, taken: &Taken, due_at: Timestamp) -> Result<(), DbError> {
    let (number_index, day, n) = &taken.place;
    db.execute(
        db::statement(
            "UPDATE messages SET taken_at = NULL, due_at = $1, attempts = attempts + 1 \
             WHERE number_index = $2 AND day = $3 AND n = $4",
        )
        .bind(due_at.0)
        .bind(number_index)
        .bind(*day)
        .bind(*n),
    )
    .await
    .map(|_| ())
}

/// How many messages wait, and since when the oldest does.
pub(super) async fn waiting(db: &Db) -> Result<(i64, Option<Timestamp>), DbError> {
    let row = db
        .read_one(db::statement(
            "SELECT CAST(COUNT(*) AS BIGINT) AS n, CAST(MIN(created_at) AS BIGINT) AS oldest FROM messages WHERE taken_at IS NULL",
        ))
        .await?;
    Ok((db::int(&row, TABLE, "n")?, db::maybe_int(&row, TABLE, "oldest")?.map(Timestamp)))
}

/// Removes what no count of today or yesterday needs; returns how many went.
pub(super) async fn purge(db: &Db, now: Timestamp, most: i64) -> Result<u64, DbError> {
    db.execute(
        db::statement(
            "DELETE FROM messages WHERE (number_index, day, n) IN \
             (SELECT number_index, day, n FROM messages WHERE created_at < $1 LIMIT $2)",
        )
        .bind(now.0 - 2 * DAY)
        .bind(most),
    )
    .await
}

/// How many messages were stored for one scope in one minute.
pub(super) struct MinuteCount {
    pub(super) minute: i64,
    pub(super) scope: String,
    pub(super) count: i64,
}

/// Messages by service and minute, from a moment on.
pub(super) async fn by_client(db: &Db, since: Timestamp) -> Result<Vec<MinuteCount>, DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT created_at / 60 AS minute, client_id AS scope, CAST(COUNT(*) AS BIGINT) AS n \
                 FROM messages WHERE created_at >= $1 GROUP BY created_at / 60, client_id",
            )
            .bind(since.0),
        )
        .await?;
    rows.iter().map(minute_count).collect()
}

/// Messages by address and minute, from a moment on, where there were at least `least` in the minute.
pub(super) async fn by_address(db: &Db, since: Timestamp, least: i64) -> Result<Vec<MinuteCount>, DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT created_at / 60 AS minute, address AS scope, CAST(COUNT(*) AS BIGINT) AS n \
                 FROM messages WHERE created_at >= $1 GROUP BY created_at / 60, address HAVING COUNT(*) >= $2",
            )
            .bind(since.0)
            .bind(least),
        )
        .await?;
    rows.iter().map(minute_count).collect()
}

fn minute_count(row: &db::Row) -> Result<MinuteCount, DbError> {
    Ok(MinuteCount {
        minute: db::int(row, TABLE, "minute")?,
        scope: db::text(row, TABLE, "scope")?,
        count: db::int(row, TABLE, "n")?,
    })
}
