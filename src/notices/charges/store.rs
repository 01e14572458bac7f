//! SQL of the tables `charges` and `sms_suspensions`.

use super::{Charge, place};
use crate::people::PhoneNumber;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row};
use crate::platform::seal::Sealer;

const TABLE: &str = "charges";

pub(super) struct NewCharge<'a> {
    pub(super) message_id: &'a str,
    pub(super) number_index: &'a str,
    pub(super) sealed: &'a str,
    pub(super) kind: &'a str,
    pub(super) tiyin: i64,
    pub(super) tariff_from: &'a str,
    pub(super) sent_at_ms: i64,
}

/// Nobody is charged who accepted no warning that named a sum, nor more than that sum (R79): the statement itself asks.
pub(super) async fn insert(db: &Db, charge: &NewCharge<'_>) -> Result<(), DbError> {
    let insert = "INSERT INTO charges (message_id, number_index, sealed, kind, tiyin, tariff_from, sent_at_ms) \
         SELECT $1, $2, $3, $4, CASE WHEN c.tiyin < $5 THEN c.tiyin ELSE $6 END, $7, $8 FROM charge_consents c \
         JOIN phone_numbers n ON n.person_id = c.person_id AND n.status = 'enrolled' \
         WHERE n.number_index = $9 AND c.withdrawn_at_ms IS NULL AND c.tiyin > 0 \
         ON CONFLICT (message_id) DO NOTHING";
    db.execute(
        db::statement(insert)
            .bind(charge.message_id)
            .bind(charge.number_index)
            .bind(charge.sealed)
            .bind(charge.kind)
            .bind(charge.tiyin)
            .bind(charge.tiyin)
            .bind(charge.tariff_from)
            .bind(charge.sent_at_ms)
            .bind(charge.number_index),
    )
    .await
    .map(|_| ())
}

pub(super) async fn between(
    db: &Db,
    sealer: &Sealer,
    (from_ms, until_ms): (i64, i64),
    after: Option<(i64, &str)>,
    most: i64,
) -> Result<Vec<Charge>, DbError> {
    let some = "SELECT message_id, sealed, kind, tiyin, tariff_from, sent_at_ms FROM charges \
                WHERE sent_at_ms >= $1 AND sent_at_ms < $2 AND (sent_at_ms, message_id) > ($3, $4) \
                ORDER BY sent_at_ms, message_id LIMIT $5";
    let (at, id) = after.unwrap_or((i64::MIN, ""));
    let rows = db::statement(some).bind(from_ms).bind(until_ms).bind(at).bind(id).bind(most);
    db.read_all(rows).await?.iter().map(|row| read(row, sealer)).collect()
}

fn read(row: &Row, sealer: &Sealer) -> Result<Charge, DbError> {
    let message_id = db::text(row, TABLE, "message_id")?;
    let number = sealer
        .open_text(place(&message_id).as_bytes(), &db::text(row, TABLE, "sealed")?)
        .ok()
        .and_then(|plain| String::from_utf8(plain).ok())
        .and_then(|digits| PhoneNumber::from_digits(&digits).ok())
        .ok_or_else(|| row.corrupt(TABLE, "sealed", "it does not open with this keyring"))?;
    Ok(Charge {
        message_id,
        number,
        kind: db::text(row, TABLE, "kind")?,
        tiyin: db::int(row, TABLE, "tiyin")?,
        tariff_from: db::text(row, TABLE, "tariff_from")?,
        sent_at_ms: db::int(row, TABLE, "sent_at_ms")?,
    })
}

pub(super) async fn purge(db: &Db, before: Timestamp, most: i64) -> Result<u64, DbError> {
    let purge = "DELETE FROM charges WHERE message_id IN \
                 (SELECT message_id FROM charges WHERE sent_at_ms < $1 ORDER BY sent_at_ms LIMIT $2)";
    db.execute(db::statement(purge).bind(before.0.saturating_mul(1000)).bind(most)).await
}

/// One that was noted of somebody who has the number no more is none.
pub(super) async fn is_suspended(db: &Db, number: &Digest) -> Result<bool, DbError> {
    let suspended = "SELECT number_index FROM sms_suspensions s WHERE number_index = $1 AND (person_id IS NULL \
                     OR person_id = (SELECT n.person_id FROM phone_numbers n WHERE n.number_index = s.number_index))";
    Ok(db.read_optional(db::statement(suspended).bind(number.encode())).await?.is_some())
}

/// Whose the number is, is noted with it: the next holder has money of their own.
pub(super) async fn suspend(db: &Db, number: &Digest, now_ms: i64) -> Result<u64, DbError> {
    let suspend = "INSERT INTO sms_suspensions (number_index, since_ms, person_id) \
                   VALUES ($1, $2, (SELECT n.person_id FROM phone_numbers n WHERE n.number_index = $3)) \
                   ON CONFLICT (number_index) DO UPDATE SET since_ms = excluded.since_ms, person_id = excluded.person_id \
                   WHERE sms_suspensions.person_id <> excluded.person_id";
    let index = number.encode();
    db.execute(db::statement(suspend).bind(&index).bind(now_ms).bind(&index)).await
}

pub(super) async fn resume(db: &Db, number: &Digest) -> Result<u64, DbError> {
    let resume = "DELETE FROM sms_suspensions WHERE number_index = $1";
    db.execute(db::statement(resume).bind(number.encode())).await
}
