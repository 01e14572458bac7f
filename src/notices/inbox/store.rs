//! SQL of the table `notices`: what people read of it.

use super::{About, Notice, NoticeId, NoticeKind, Place, SmsFailure, SmsState};
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::Sealer;

const TABLE: &str = "notices";

/// Whether an SMS is wanted is decided by the same statement, so that what raises a notice need not ask.
pub(super) fn insert(
    person: &PersonId,
    (id, kind, about): (&NoticeId, NoticeKind, String),
    now_ms: i64,
    sms_due_at_ms: i64,
) -> Statement {
    db::statement(
        "INSERT INTO notices (notice_id, person_id, kind, about, arrived_at_ms, sms_due_at_ms, sms) \
         SELECT $1, $2, $3, $4, $5, $6, CASE WHEN EXISTS (SELECT 1 FROM notice_wishes \
         WHERE person_id = $7 AND kind IN ('*', $8)) THEN 'wanted' ELSE NULL END \
         WHERE 1 = 1 ON CONFLICT (notice_id) DO NOTHING",
    )
    .bind(id.as_str())
    .bind(person.as_str())
    .bind(kind.name())
    .bind(about)
    .bind(now_ms)
    .bind(sms_due_at_ms)
    .bind(person.as_str())
    .bind(kind.name())
}

/// The SMS about it is on its way already.
pub(super) fn insert_sent(
    person: &PersonId,
    (id, kind, about): (&NoticeId, NoticeKind, String),
    now_ms: i64,
) -> Statement {
    db::statement(
        "INSERT INTO notices (notice_id, person_id, kind, about, arrived_at_ms, sms_taken_until_ms, sms) \
         VALUES ($1, $2, $3, $4, $5, $6, 'queued') ON CONFLICT (notice_id) DO NOTHING",
    )
    .bind(id.as_str())
    .bind(person.as_str())
    .bind(kind.name())
    .bind(about)
    .bind(now_ms)
    .bind(now_ms)
}

fn place(id: &str) -> String {
    format!("notices/about/{id}")
}

/// What a notice says, as it is kept.
pub(super) fn sealed(sealer: &Sealer, id: &NoticeId, about: &About) -> String {
    let plain = serde_json::to_string(about).unwrap_or_else(|_| "{}".to_owned());
    sealer.seal_text(place(id.as_str()).as_bytes(), plain.as_bytes())
}

/// The other way. What the first version kept was not sealed.
fn opened(row: &Row, sealer: &Sealer, id: &str) -> Result<About, DbError> {
    let kept = db::text(row, TABLE, "about")?;
    if kept.starts_with('{') {
        return db::json::<About>(row, TABLE, "about");
    }
    let plain = sealer.open_text(place(id).as_bytes(), &kept);
    let plain = plain.map_err(|_| row.corrupt(TABLE, "about", "it does not open with this keyring"))?;
    serde_json::from_slice(&plain).map_err(|error| row.corrupt(TABLE, "about", error))
}

pub(super) async fn list(
    (db, sealer): (&Db, &Sealer),
    person: &PersonId,
    after: Option<&Place>,
    most: i64,
) -> Result<Vec<Notice>, DbError> {
    let from = "SELECT notice_id, kind, about, arrived_at_ms, read_at_ms, sms, sms_why, sent_at_ms, delivered_at_ms \
                FROM notices WHERE person_id = $1 ORDER BY arrived_at_ms DESC, notice_id DESC LIMIT $2";
    let on = "SELECT notice_id, kind, about, arrived_at_ms, read_at_ms, sms, sms_why, sent_at_ms, delivered_at_ms \
              FROM notices WHERE person_id = $1 AND (arrived_at_ms, notice_id) < ($2, $3) \
              ORDER BY arrived_at_ms DESC, notice_id DESC LIMIT $4";
    let statement = match after {
        None => db::statement(from).bind(person.as_str()),
        Some(place) => {
            db::statement(on).bind(person.as_str()).bind(place.arrived_at_ms).bind(place.id.as_str())
        }
    };
    db.read_all(statement.bind(most)).await?.iter().map(|row| read(row, sealer)).collect()
}

pub(super) async fn find(
    (db, sealer): (&Db, &Sealer),
    person: &PersonId,
    id: &NoticeId,
) -> Result<Option<Notice>, DbError> {
    let one = "SELECT notice_id, kind, about, arrived_at_ms, read_at_ms, sms, sms_why, sent_at_ms, delivered_at_ms \
               FROM notices WHERE notice_id = $1 AND person_id = $2";
    let row = db.read_optional(db::statement(one).bind(id.as_str()).bind(person.as_str())).await?;
    row.as_ref().map(|row| read(row, sealer)).transpose()
}

pub(super) async fn unread(db: &Db, person: &PersonId, most: i64) -> Result<i64, DbError> {
    let count = "SELECT COUNT(*) AS n FROM (SELECT notice_id FROM notices WHERE person_id = $1 \
                 AND read_at_ms IS NULL LIMIT $2) AS counted";
    let row = db.read_one(db::statement(count).bind(person.as_str()).bind(most)).await?;
    db::int(&row, TABLE, "n")
}

pub(super) async fn mark_read(
    db: &Db,
    person: &PersonId,
    id: &NoticeId,
    now_ms: i64,
) -> Result<u64, DbError> {
    let mark =
        "UPDATE notices SET read_at_ms = $1 WHERE notice_id = $2 AND person_id = $3 AND read_at_ms IS NULL";
    db.execute(db::statement(mark).bind(now_ms).bind(id.as_str()).bind(person.as_str())).await
}

pub(super) async fn mark_all_read(
    db: &Db,
    person: &PersonId,
    up_to_ms: i64,
    now_ms: i64,
) -> Result<u64, DbError> {
    let mark = "UPDATE notices SET read_at_ms = $1 WHERE person_id = $2 AND read_at_ms IS NULL AND arrived_at_ms <= $3";
    db.execute(db::statement(mark).bind(now_ms).bind(person.as_str()).bind(up_to_ms)).await
}

pub(super) async fn purge(db: &Db, before: Timestamp, most: i64) -> Result<u64, DbError> {
    let purge = "DELETE FROM notices WHERE notice_id IN \
                 (SELECT notice_id FROM notices WHERE arrived_at_ms < $1 ORDER BY arrived_at_ms LIMIT $2)";
    db.execute(db::statement(purge).bind(before.0.saturating_mul(1000)).bind(most)).await
}

fn read(row: &Row, sealer: &Sealer) -> Result<Notice, DbError> {
    let id = db::text(row, TABLE, "notice_id")?;
    let sms = db::maybe_text(row, TABLE, "sms")?;
    let why = db::maybe_text(row, TABLE, "sms_why")?.unwrap_or_default();
    Ok(Notice {
        about: opened(row, sealer, &id)?,
        id: NoticeId(id),
        kind: NoticeKind::parse(&db::text(row, TABLE, "kind")?),
        arrived_at_ms: db::int(row, TABLE, "arrived_at_ms")?,
        sent_at_ms: db::maybe_int(row, TABLE, "sent_at_ms")?,
        delivered_at_ms: db::maybe_int(row, TABLE, "delivered_at_ms")?,
        read_at_ms: db::maybe_int(row, TABLE, "read_at_ms")?,
        sms: match sms.as_deref() {
            None => SmsState::None,
            Some("sent") => SmsState::Sent,
            Some("delivered") => SmsState::Delivered,
            Some("failed") => SmsState::Failed(SmsFailure::parse(&why)),
            Some(_) => SmsState::Waiting,
        },
    })
}
