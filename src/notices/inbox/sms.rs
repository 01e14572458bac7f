//! SQL of the table `notices`: what becomes of the SMS about them.
//!
//! `wanted` until it is in the outbox, `queued` until a gateway took it, then `sent`, `delivered` or `failed`.

use super::{NoticeId, SmsFailure};
use crate::people::PersonId;
use crate::platform::db::{self, Db, DbError};

const TABLE: &str = "notices";

/// A notice whose SMS is due and was taken by one node.
pub(in crate::notices) struct Due {
    pub(in crate::notices) id: NoticeId,
    pub(in crate::notices) person: PersonId,
    /// The name of its kind, which may be of a later version.
    pub(in crate::notices) kind: String,
}

/// Takes up to `most` notices whose SMS are due, until `until_ms`: each is taken by one caller, and again only when that one
/// did not finish.
pub(in crate::notices) async fn take(
    db: &Db,
    now_ms: i64,
    until_ms: i64,
    most: i64,
) -> Result<Vec<Due>, DbError> {
    let take = "UPDATE notices SET sms_taken_until_ms = $1 WHERE sms = 'wanted' AND sms_taken_until_ms <= $2 \
                AND notice_id IN (SELECT notice_id FROM notices WHERE sms = 'wanted' AND sms_due_at_ms <= $3 \
                AND sms_taken_until_ms <= $4 ORDER BY sms_due_at_ms LIMIT $5) RETURNING notice_id, person_id, kind";
    let take = db::statement(take).bind(until_ms).bind(now_ms).bind(now_ms).bind(now_ms).bind(most);
    let rows = db.change_all(take).await?;
    rows.iter()
        .map(|row| {
            Ok(Due {
                id: NoticeId(db::text(row, TABLE, "notice_id")?),
                person: PersonId::stored(db::text(row, TABLE, "person_id")?),
                kind: db::text(row, TABLE, "kind")?,
            })
        })
        .collect()
}

/// Whether any SMS is due: what costs less than taking none.
pub(in crate::notices) async fn is_any_due(db: &Db, now_ms: i64) -> Result<bool, DbError> {
    let any = "SELECT notice_id FROM notices WHERE sms = 'wanted' AND sms_due_at_ms <= $1 \
               AND sms_taken_until_ms <= $2 LIMIT 1";
    Ok(db.read_optional(db::statement(any).bind(now_ms).bind(now_ms)).await?.is_some())
}

/// The SMS is in the outbox.
pub(in crate::notices) async fn queued(db: &Db, id: &NoticeId) -> Result<(), DbError> {
    let queued = "UPDATE notices SET sms = 'queued' WHERE notice_id = $1 AND sms = 'wanted'";
    db.execute(db::statement(queued).bind(id.as_str())).await.map(|_| ())
}

/// What nobody learnt the fate of: every message in the outbox has ended long before.
pub(super) async fn give_up_lost(db: &Db, before_ms: i64, most: i64) -> Result<u64, DbError> {
    let lost = "UPDATE notices SET sms = 'failed', sms_why = $1 WHERE sms = 'queued' AND notice_id IN \
                (SELECT notice_id FROM notices WHERE sms = 'queued' AND sms_taken_until_ms < $2 \
                ORDER BY sms_taken_until_ms LIMIT $3)";
    let why = SmsFailure::NotDelivered.name();
    db.execute(db::statement(lost).bind(why).bind(before_ms).bind(most)).await
}

/// The person wants it no more.
pub(in crate::notices) async fn unwanted(db: &Db, id: &NoticeId) -> Result<(), DbError> {
    let unwanted = "UPDATE notices SET sms = NULL WHERE notice_id = $1 AND sms = 'wanted'";
    db.execute(db::statement(unwanted).bind(id.as_str())).await.map(|_| ())
}

/// It will not be sent, or did not get there. A report of delivery is stronger.
pub(in crate::notices) async fn failed(db: &Db, id: &NoticeId, why: SmsFailure) -> Result<(), DbError> {
    let failed = "UPDATE notices SET sms = 'failed', sms_why = $1 WHERE notice_id = $2 \
                  AND sms IN ('wanted', 'queued', 'sent')";
    db.execute(db::statement(failed).bind(why.name()).bind(id.as_str())).await.map(|_| ())
}

/// A gateway took it.
pub(in crate::notices) async fn sent(db: &Db, id: &NoticeId, now_ms: i64) -> Result<(), DbError> {
    let sent = "UPDATE notices SET sms = CASE WHEN sms = 'delivered' THEN sms ELSE 'sent' END, sent_at_ms = $1 \
                WHERE notice_id = $2 AND sms IS NOT NULL AND sent_at_ms IS NULL";
    db.execute(db::statement(sent).bind(now_ms).bind(id.as_str())).await.map(|_| ())
}

/// A gateway reported that it is on the phone; `false` when that was known, or there was no such SMS.
pub(in crate::notices) async fn delivered(db: &Db, id: &NoticeId, now_ms: i64) -> Result<bool, DbError> {
    let delivered = "UPDATE notices SET sms = 'delivered', sms_why = NULL, delivered_at_ms = $1 \
                     WHERE notice_id = $2 AND sms IN ('queued', 'sent', 'failed') AND delivered_at_ms IS NULL";
    Ok(db.execute(db::statement(delivered).bind(now_ms).bind(id.as_str())).await? > 0)
}

/// Whether there was an SMS about a notice.
pub(in crate::notices) async fn is_known(db: &Db, id: &NoticeId) -> Result<bool, DbError> {
    let known = "SELECT notice_id FROM notices WHERE notice_id = $1 AND sms IN ('queued', 'sent', 'failed', 'delivered')";
    Ok(db.read_optional(db::statement(known).bind(id.as_str())).await?.is_some())
}
