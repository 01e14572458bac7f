//! SQL of the table `used_details`: details of grants that allow one reading and were read.

use std::collections::BTreeSet;

use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError};

pub(super) const TABLE: &str = "used_details";

/// How many details one statement notes: no request has more.
pub(super) const TOGETHER: usize = 4;

/// Notes that details of a grant, each of which allows one reading until its time, are read, at most [`TOGETHER`] of them.
/// Returns those that nobody noted before: one statement, one winner for each, and all are noted or none.
pub(super) async fn use_up(
    db: &Db,
    grant: &str,
    details: &[(String, Timestamp)],
    now: Timestamp,
) -> Result<BTreeSet<String>, DbError> {
    let Some(first) = details.first() else { return Ok(BTreeSet::new()) };
    // What is named twice is noted once, so the places that are left name the first again.
    let insert = db::statement(
        "INSERT INTO used_details (grant_id, detail, used_at, expires_at) \
         SELECT $1, d.detail, $2, d.expires_at FROM (SELECT $3 AS detail, CAST($4 AS BIGINT) AS expires_at \
         UNION SELECT $5, CAST($6 AS BIGINT) UNION SELECT $7, CAST($8 AS BIGINT) \
         UNION SELECT $9, CAST($10 AS BIGINT)) d WHERE d.detail <> '' \
         ON CONFLICT (grant_id, detail) DO NOTHING RETURNING detail",
    );
    let places = details.iter().chain(std::iter::repeat(first)).take(TOGETHER);
    let insert = places
        .fold(insert.bind(grant).bind(now.0), |insert, (detail, until)| insert.bind(detail).bind(until.0));
    let rows = db.change_all(insert).await?;
    rows.iter().map(|row| db::text(row, TABLE, "detail")).collect()
}

/// Removes what is of no use any more; returns how many rows went.
pub(super) async fn purge(db: &Db, before: Timestamp, most: i64) -> Result<u64, DbError> {
    let delete = db::statement(
        "DELETE FROM used_details WHERE (grant_id, detail) IN \
         (SELECT grant_id, detail FROM used_details WHERE expires_at < $1 LIMIT $2)",
    );
    db.execute(delete.bind(before.0).bind(most)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;

    #[actix_web::test]
    async fn what_is_read_together_is_used_up_together_or_not_at_all() {
        let db = TestDb::migrated().await;
        let (now, until) = (Timestamp(100), Timestamp(200));
        let details: Vec<_> = ["a", "b", "c"].map(|name| (name.to_owned(), until)).into();
        let names = |used: BTreeSet<String>| used.into_iter().collect::<Vec<_>>().join(" ");
        db.execute(db::statement(
            "CREATE TRIGGER refuse BEFORE INSERT ON used_details WHEN NEW.detail = 'b' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        ))
        .await
        .unwrap();
        assert!(use_up(&db, "g", &details, now).await.is_err());
        db.execute(db::statement("DROP TRIGGER refuse")).await.unwrap();
        assert_eq!(names(use_up(&db, "g", &details[1..2], now).await.unwrap()), "b");
        assert_eq!(names(use_up(&db, "g", &details, now).await.unwrap()), "a c", "none was lost");
        assert_eq!(names(use_up(&db, "g", &details, now).await.unwrap()), "");
        assert_eq!(names(use_up(&db, "another", &details, now).await.unwrap()), "a b c");
        assert_eq!(names(use_up(&db, "g", &[], now).await.unwrap()), "");
        assert_eq!(purge(&db, Timestamp(200), 10).await.unwrap(), 0);
        assert_eq!(purge(&db, Timestamp(201), 10).await.unwrap(), 6);
    }
}
