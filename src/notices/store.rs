//! SQL of the table `messages`.

use super::charges::MessageKind;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Statement};

/// The tables of this store, and of all that notices are kept in.
pub(crate) const TABLES: &[&str] = &[
    TABLE,
    "notices",
    "notice_wishes",
    "charge_consents",
    "charges",
    "sms_suspensions",
    super::email::TABLES[0],
    super::email::TABLES[1],
    super::email::TABLES[2],
];

const TABLE: &str = "messages";
const DAY: i64 = 86_400;

/// By which daily numbering a number's messages are counted: each has a cap of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Series {
    /// Codes asked for in browsers in which the person never signed in.
    Strangers,
    /// Codes asked for in browsers in which the person signed in before.
    Known,
    /// Messages that nobody asked for.
    Notices,
    /// Codes by which people approve what services ask of them.
    Approvals,
    /// Messages about notices, for those who want them.
    Cabinet,
    /// The same of notices that warn of somebody else at work: nothing that services raise uses up theirs.
    Security,
    /// Codes of applications for identification, and that one was completed: the number is nobody's yet, and nobody is charged.
    Identification,
    /// Codes of registrations on-line, and that an account is open: nobody is charged.
    SignUp,
    /// Answers to what people write by SMS: they use up nothing of what warns of somebody else at work.
    Replies,
}

impl Series {
    /// The number before the first one of the series; they are a million apart.
    const fn base(self) -> i64 {
        match self {
            Self::Strangers => 0,
            Self::Known => LENGTH,
            Self::Notices => 2 * LENGTH,
            Self::Approvals => 3 * LENGTH,
            Self::Cabinet => CABINET,
            Self::Security => CABINET + LENGTH,
            Self::Identification => CABINET + 2 * LENGTH,
            Self::SignUp => 4 * LENGTH,
            Self::Replies => 5 * LENGTH,
        }
    }

    /// The numbers of the series: above the first and up to the second.
    pub(super) const fn range(self) -> (i64, i64) {
        (self.base(), self.base() + LENGTH)
    }

    /// What the tariff calls the messages of the series; `None` for those that are never charged: nobody asked for them, or
    /// whoever did may be a stranger.
    const fn charged_as(self) -> Option<MessageKind> {
        match self {
            Self::Known => Some(MessageKind::Code),
            Self::Approvals => Some(MessageKind::Request),
            Self::Cabinet | Self::Security => Some(MessageKind::Notice),
            Self::Strangers | Self::Notices | Self::Identification | Self::SignUp | Self::Replies => None,
        }
    }

    /// The series that a number belongs to.
    fn of(n: i64) -> Option<Self> {
        let all = [
            Self::Strangers,
            Self::Known,
            Self::Notices,
            Self::Approvals,
            Self::Cabinet,
            Self::Security,
            Self::Identification,
            Self::SignUp,
            Self::Replies,
        ];
        all.into_iter().find(|series| (series.base() + 1..=series.base() + LENGTH).contains(&n))
    }
}

const LENGTH: i64 = 1_000_000;

/// The number before the first message about a notice: they count in no cap that codes are held to.
const CABINET: i64 = 6 * LENGTH;

/// A message as it is stored.
pub(super) struct NewMessage<'a> {
    pub(super) id: &'a str,
    pub(super) number_index: &'a Digest,
    pub(super) series: Series,
    pub(super) sealed: &'a str,
    pub(super) client_id: &'a str,
    pub(super) address: &'a str,
    pub(super) now: Timestamp,
    pub(super) expires_at: Timestamp,
    /// Stored and taken like any other, but never sent.
    pub(super) decoy: bool,
}

/// A message taken for sending; no other node takes it.
pub(super) struct Taken {
    pub(super) id: String,
    place: (String, i64, i64),
    pub(super) sealed: String,
    pub(super) attempts: i64,
    pub(super) expires_at: Timestamp,
    /// It is not to be sent.
    pub(super) decoy: bool,
}

impl Taken {
    /// The blind index of the number that it goes to.
    pub(super) fn number_index(&self) -> &str {
        &self.place.0
    }

    /// What the tariff calls it; `None` when it is never charged.
    pub(super) fn charged_as(&self) -> Option<MessageKind> {
        Series::of(self.place.2).and_then(Series::charged_as)
    }
}

/// Stores a message unless the number has reached `cap` of its series today. `false` if it has, or if another message
/// to the same number was stored concurrently: the caller may retry.
pub(super) async fn insert(db: &Db, message: &NewMessage<'_>, cap: i64) -> Result<bool, DbError> {
    let index = message.number_index.encode();
    let (day, base) = (message.now.0.div_euclid(DAY), message.series.base());
    let row = db
        .change(
            db::statement(
                "INSERT INTO messages (message_id, number_index, day, n, sealed, client_id, address, created_at, due_at, expires_at, counted) \
                 SELECT $1, $2, $3, had.n + 1, $4, $5, $6, $7, $8, $9, $10 FROM \
                 (SELECT COALESCE(MAX(n), CAST($11 AS BIGINT)) AS n FROM messages \
                 WHERE number_index = $12 AND day = $13 AND n > $14 AND n <= $15) AS had \
                 WHERE had.n < $16 ON CONFLICT (number_index, day, n) DO NOTHING RETURNING n",
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
            .bind(i64::from(!message.decoy))
            .bind(base)
            .bind(&index)
            .bind(day)
            .bind(base)
            .bind(base + LENGTH)
            .bind(base + cap.min(LENGTH)),
        )
        .await?;
    Ok(row.is_some())
}

/// What stores a message, for a transaction of the caller. Of two to one number and series at once the second fails with its
/// transaction, which may be tried again.
pub(super) fn row(message: &NewMessage<'_>) -> Statement {
    let (index, day) = (message.number_index.encode(), message.now.0.div_euclid(DAY));
    let (above, up_to) = message.series.range();
    db::statement(
        "INSERT INTO messages (message_id, number_index, day, n, sealed, client_id, address, created_at, due_at, expires_at, counted) \
         SELECT $1, $2, $3, had.n + 1, $4, $5, $6, $7, $8, $9, $10 FROM \
         (SELECT COALESCE(MAX(n), CAST($11 AS BIGINT)) AS n FROM messages \
         WHERE number_index = $12 AND day = $13 AND n > $14 AND n <= $15) AS had",
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
    .bind(i64::from(!message.decoy))
    .bind(above)
    .bind(&index)
    .bind(day)
    .bind(above)
    .bind(up_to)
}

/// Whether a message to a number was stored.
pub(super) async fn is_stored(db: &Db, number_index: &Digest, id: &str) -> Result<bool, DbError> {
    let stored = "SELECT message_id FROM messages WHERE number_index = $1 AND message_id = $2";
    let row = db.read_optional(db::statement(stored).bind(number_index.encode()).bind(id)).await?;
    Ok(row.is_some())
}

/// The number's messages of a series today.
pub(super) async fn had_today(
    db: &Db,
    number_index: &Digest,
    series: Series,
    now: Timestamp,
) -> Result<i64, DbError> {
    let base = series.base();
    let row = db
        .read_optional(
            db::statement(
                "SELECT COALESCE(MAX(n), CAST($1 AS BIGINT)) AS n FROM messages \
                 WHERE number_index = $2 AND day = $3 AND n > $4 AND n <= $5",
            )
            .bind(base)
            .bind(number_index.encode())
            .bind(now.0.div_euclid(DAY))
            .bind(base)
            .bind(base + LENGTH),
        )
        .await?;
    row.map_or(Ok(0), |row| Ok(db::int(&row, TABLE, "n")? - base))
}

/// Takes up to `most` messages that are due: each is taken by one caller, once.
pub(super) async fn take_due(db: &Db, now: Timestamp, most: i64) -> Result<Vec<Taken>, DbError> {
    let rows = db
        .change_all(
            db::statement(
                "UPDATE messages SET taken_at = $1 WHERE taken_at IS NULL AND (number_index, day, n) IN \
                 (SELECT number_index, day, n FROM messages WHERE taken_at IS NULL AND due_at <= $2 \
                 ORDER BY due_at LIMIT $3) \
                 RETURNING message_id, number_index, day, n, sealed, attempts, expires_at, counted",
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
                decoy: db::int(row, TABLE, "counted")? == 0,
            })
        })
        .collect()
}

/// Returns a message that no gateway accepted to the outbox.
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

/// The number of waiting messages, and the creation time of the oldest.
pub(super) async fn waiting(db: &Db) -> Result<(i64, Option<Timestamp>), DbError> {
    let row = db
        .read_one(db::statement(
            "SELECT CAST(COUNT(*) AS BIGINT) AS n, CAST(MIN(created_at) AS BIGINT) AS oldest FROM messages WHERE taken_at IS NULL",
        ))
        .await?;
    Ok((db::int(&row, TABLE, "n")?, db::maybe_int(&row, TABLE, "oldest")?.map(Timestamp)))
}

/// Deletes messages that are not needed for counts of today or yesterday; returns how many.
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

/// Number of messages of one scope in one minute.
pub(super) struct MinuteCount {
    pub(super) minute: i64,
    pub(super) scope: String,
    pub(super) count: i64,
}

/// Messages by client and minute, since a point in time; decoys cost nothing and are not counted, nor are those about notices.
pub(super) async fn by_client(db: &Db, since: Timestamp) -> Result<Vec<MinuteCount>, DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT created_at / 60 AS minute, client_id AS scope, CAST(SUM(counted) AS BIGINT) AS n \
                 FROM messages WHERE created_at >= $1 AND n <= $2 GROUP BY created_at / 60, client_id",
            )
            .bind(since.0)
            .bind(CABINET),
        )
        .await?;
    rows.iter().map(minute_count).collect()
}

/// Messages by client IP and minute, decoys included, since a point in time, if there were at least `least` in the minute.
pub(super) async fn by_address(db: &Db, since: Timestamp, least: i64) -> Result<Vec<MinuteCount>, DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT created_at / 60 AS minute, address AS scope, CAST(COUNT(*) AS BIGINT) AS n \
                 FROM messages WHERE created_at >= $1 AND n <= $2 GROUP BY created_at / 60, address HAVING COUNT(*) >= $3",
            )
            .bind(since.0)
            .bind(CABINET)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_ask_for_is_charged_to_nobody_and_each_series_is_known_by_its_numbers() {
        for (series, charged) in [
            (Series::Strangers, None),
            (Series::Known, Some(MessageKind::Code)),
            (Series::Notices, None),
            (Series::Approvals, Some(MessageKind::Request)),
            (Series::Cabinet, Some(MessageKind::Notice)),
            (Series::Security, Some(MessageKind::Notice)),
            (Series::Identification, None),
            (Series::SignUp, None),
            (Series::Replies, None),
        ] {
            for n in [series.base() + 1, series.base() + LENGTH] {
                assert_eq!(Series::of(n), Some(series));
            }
            let capped = !matches!(series, Series::Cabinet | Series::Security | Series::Identification);
            assert_eq!(
                series.base() + LENGTH <= CABINET,
                capped,
                "{series:?}: what strangers can cause counts in the caps"
            );
            assert_eq!(series.charged_as(), charged, "{series:?}");
        }
    }
}
