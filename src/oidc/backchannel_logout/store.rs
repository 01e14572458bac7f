//! SQL of the table `logout_deliveries`.

use crate::clients::ClientId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Statement};

/// What this store keeps its data in.
pub(in crate::oidc) const TABLES: [&str; 2] = [TABLE, OUTCOMES];

const TABLE: &str = "logout_deliveries";

const OUTCOMES: &str = "logout_outcomes";

/// For how long it is known when a client answered, in seconds.
const KNOWN: i64 = 366 * 86_400;

/// Requests under way to one host at a time, all nodes together.
const PER_HOST: i64 = 2;

/// For how long a taken delivery is nobody else's, in seconds: longer than a request may take.
const LEASE: i64 = 30;

/// What one service is to be told.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// Its identifier: the same for the same service and session.
    pub(super) id: String,
    /// Whom to tell.
    pub(super) client_id: ClientId,
    /// The host that is called, by which requests are bounded.
    pub(super) host: String,
    /// The person, as this service knows them.
    pub(super) sub: String,
    /// The session, as this service knows it.
    pub(super) sid: String,
}

/// A delivery that this node has taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) delivery: Delivery,
    /// Failed tries so far.
    pub(super) attempts: i64,
    pub(super) created_at: Timestamp,
    /// Whether somebody will ask what became of it.
    pub(super) watched: bool,
    leased_until: Timestamp,
}

/// Stores deliveries and makes another change, all or nothing; deliveries that wait already stay as they are.
pub(super) async fn insert(
    db: &Db,
    deliveries: &[Delivery],
    now: Timestamp,
    also: Vec<Statement>,
) -> Result<(), DbError> {
    let statement = |delivery: &Delivery| insert_one(delivery, now);
    match (deliveries, also.as_slice()) {
        ([], []) => Ok(()),
        ([one], []) => db.execute(statement(one)).await.map(|_| ()),
        _ => db.all_or_nothing(deliveries.iter().map(statement).chain(also).collect()).await,
    }
}

/// Stores a delivery; one that waits already stays as it is.
pub(super) fn insert_one(delivery: &Delivery, now: Timestamp) -> Statement {
    db::statement(
        "INSERT INTO logout_deliveries (delivery_id, client_id, host, sub, sid, created_at, due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (delivery_id) DO NOTHING",
    )
    .bind(&delivery.id)
    .bind(delivery.client_id.as_str())
    .bind(&delivery.host)
    .bind(&delivery.sub)
    .bind(&delivery.sid)
    .bind(now.0)
    .bind(now.0)
}

/// Takes what is due for [`LEASE`] seconds: for each host its oldest delivery, unless [`PER_HOST`] are taken already, at
/// most `most`. Each is taken by one caller. The hosts are walked by the index, so that it costs no more with many
/// deliveries of one host; which come first is left to chance, so that none is always last.
pub(super) async fn take_due(db: &Db, now: Timestamp, most: i64) -> Result<Vec<Taken>, DbError> {
    let rows = db
        .change_all(
            db::statement(
                "UPDATE logout_deliveries SET leased_until = $1 WHERE leased_until <= $2 AND delivery_id IN ( \
                 WITH RECURSIVE hosts (host) AS ( \
                 SELECT MIN(host) FROM logout_deliveries UNION ALL \
                 SELECT (SELECT MIN(d.host) FROM logout_deliveries d WHERE d.host > hosts.host) \
                 FROM hosts WHERE hosts.host IS NOT NULL) \
                 SELECT next.delivery_id FROM ( \
                 SELECT (SELECT d.delivery_id FROM logout_deliveries d \
                 WHERE d.host = hosts.host AND d.due_at <= $3 AND d.leased_until <= $4 \
                 ORDER BY d.due_at LIMIT 1) AS delivery_id \
                 FROM hosts WHERE hosts.host IS NOT NULL AND $5 > (SELECT COUNT(*) FROM logout_deliveries l \
                 WHERE l.host = hosts.host AND l.leased_until > $6)) AS next \
                 WHERE next.delivery_id IS NOT NULL ORDER BY RANDOM() LIMIT $7) \
                 RETURNING delivery_id, client_id, host, sub, sid, created_at, attempts, leased_until, watched",
            )
            .bind(now.0 + LEASE)
            .bind(now.0)
            .bind(now.0)
            .bind(now.0)
            .bind(PER_HOST)
            .bind(now.0)
            .bind(most),
        )
        .await?;
    Ok(db::readable(&rows, read))
}

/// Returns a delivery that was taken and could not be made; without effect once another node has taken it.
pub(super) async fn put_back(db: &Db, taken: &Taken, due_at: Timestamp) -> Result<(), DbError> {
    db.execute(
        db::statement(
            "UPDATE logout_deliveries SET due_at = $1, attempts = attempts + 1, leased_until = 0 \
             WHERE delivery_id = $2 AND leased_until = $3",
        )
        .bind(due_at.0)
        .bind(&taken.delivery.id)
        .bind(taken.leased_until.0),
    )
    .await
    .map(|_| ())
}

/// Stores a delivery of which somebody will ask what became; one that waits already will be asked of as well.
pub(super) fn insert_watched(delivery: &Delivery, now: Timestamp) -> Statement {
    db::statement(
        "INSERT INTO logout_deliveries (delivery_id, client_id, host, sub, sid, created_at, due_at, watched) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT (delivery_id) DO UPDATE SET watched = 1",
    )
    .bind(&delivery.id)
    .bind(delivery.client_id.as_str())
    .bind(&delivery.host)
    .bind(&delivery.sub)
    .bind(&delivery.sid)
    .bind(now.0)
    .bind(now.0)
}

/// Removes a delivery that was made, and notes when, for whoever asks.
pub(super) async fn remove_watched(db: &Db, id: &str, now: Timestamp) -> Result<(), DbError> {
    let note = db::statement(
        "INSERT INTO logout_outcomes (delivery_id, answered_at) VALUES ($1, $2) \
         ON CONFLICT (delivery_id) DO UPDATE SET answered_at = excluded.answered_at",
    );
    let remove = db::statement("DELETE FROM logout_deliveries WHERE delivery_id = $1");
    db.all_or_nothing(vec![note.bind(id).bind(now.0), remove.bind(id)]).await
}

/// When the client of a watched delivery answered, if it has.
pub(super) async fn answered_at(db: &Db, id: &str) -> Result<Option<Timestamp>, DbError> {
    let answered = db::statement("SELECT answered_at FROM logout_outcomes WHERE delivery_id = $1");
    let row = db.read_optional(answered.bind(id)).await?;
    row.map(|row| db::int(&row, OUTCOMES, "answered_at").map(Timestamp)).transpose()
}

/// Forgets when clients answered, where that was long ago; returns how many rows went.
pub(super) async fn purge_outcomes(db: &Db, now: Timestamp, most: i64) -> Result<u64, DbError> {
    let purge = db::statement(
        "DELETE FROM logout_outcomes WHERE delivery_id IN \
         (SELECT delivery_id FROM logout_outcomes WHERE answered_at < $1 LIMIT $2)",
    );
    db.execute(purge.bind(now.minus(KNOWN).0).bind(most)).await
}

/// Removes a delivery that was made.
pub(super) async fn remove(db: &Db, id: &str) -> Result<(), DbError> {
    let remove = db::statement("DELETE FROM logout_deliveries WHERE delivery_id = $1");
    db.execute(remove.bind(id)).await.map(|_| ())
}

/// Removes deliveries that were stored before a moment; returns how many went.
pub(super) async fn purge(db: &Db, before: Timestamp, most: i64) -> Result<u64, DbError> {
    db.execute(
        db::statement(
            "DELETE FROM logout_deliveries WHERE delivery_id IN \
             (SELECT delivery_id FROM logout_deliveries WHERE created_at < $1 LIMIT $2)",
        )
        .bind(before.0)
        .bind(most),
    )
    .await
}

/// The number of deliveries that were not made yet.
pub(super) async fn waiting(db: &Db) -> Result<i64, DbError> {
    let count = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM logout_deliveries";
    db::int(&db.read_one(db::statement(count)).await?, TABLE, "n")
}

fn read(row: &db::Row) -> Result<Taken, DbError> {
    let client = db::text(row, TABLE, "client_id")?;
    Ok(Taken {
        delivery: Delivery {
            id: db::text(row, TABLE, "delivery_id")?,
            client_id: ClientId::parse(&client)
                .ok_or_else(|| row.corrupt(TABLE, "client_id", "it is no client identifier"))?,
            host: db::text(row, TABLE, "host")?,
            sub: db::text(row, TABLE, "sub")?,
            sid: db::text(row, TABLE, "sid")?,
        },
        attempts: db::int(row, TABLE, "attempts")?,
        created_at: Timestamp(db::int(row, TABLE, "created_at")?),
        leased_until: Timestamp(db::int(row, TABLE, "leased_until")?),
        watched: db::int(row, TABLE, "watched")? == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;

    fn delivery(id: &str, host: &str) -> Delivery {
        let text = str::to_owned;
        let client_id = ClientId::parse("portal").unwrap();
        Delivery { id: text(id), client_id, host: text(host), sub: text("s"), sid: text("i") }
    }

    async fn taken(db: &Db, now: i64, most: i64) -> Vec<Taken> {
        let mut taken = take_due(db, Timestamp(now), most).await.unwrap();
        taken.sort_by(|a, b| a.delivery.id.cmp(&b.delivery.id));
        taken
    }

    fn ids(taken: &[Taken]) -> Vec<&str> {
        taken.iter().map(|taken| taken.delivery.id.as_str()).collect()
    }

    #[actix_web::test]
    async fn a_host_has_two_requests_under_way_and_holds_up_no_other() {
        let db = TestDb::migrated().await;
        let slow: Vec<Delivery> = (0..5).map(|n| delivery(&format!("slow-{n}"), "slow.uz")).collect();
        insert(&db, &slow, Timestamp(100), Vec::new()).await.unwrap();
        insert(&db, &[delivery("well", "well.uz")], Timestamp(101), Vec::new()).await.unwrap();
        let first = taken(&db, 101, 10).await;
        assert_eq!(first.len(), 2, "one of each host: {first:?}");
        assert!(ids(&first).contains(&"well"));
        let second = taken(&db, 101, 10).await;
        assert_eq!(second.len(), 1, "{second:?}");
        assert!(taken(&db, 101, 10).await.is_empty(), "two of the slow host are under way");
        remove(&db, &second[0].delivery.id).await.unwrap();
        assert_eq!(taken(&db, 101, 10).await.len(), 1);
        assert_eq!(waiting(&db).await.unwrap(), 5);
    }

    #[actix_web::test]
    async fn a_delivery_that_cannot_be_read_keeps_back_no_other() {
        let db = TestDb::migrated().await;
        insert(&db, &[delivery("odd", "a.uz")], Timestamp(100), Vec::new()).await.unwrap();
        let damage = db::statement("UPDATE logout_deliveries SET client_id = 'no identifier'");
        db.execute(damage).await.unwrap();
        insert(&db, &[delivery("well", "b.uz")], Timestamp(100), Vec::new()).await.unwrap();
        assert_eq!(ids(&taken(&db, 100, 10).await), ["well"]);
    }

    #[actix_web::test]
    async fn what_a_node_took_and_never_reported_is_taken_again() {
        let db = TestDb::migrated().await;
        insert(&db, &[delivery("one", "a.uz")], Timestamp(100), Vec::new()).await.unwrap();
        insert(&db, &[delivery("one", "a.uz")], Timestamp(100), Vec::new()).await.unwrap();
        let first = taken(&db, 100, 10).await.remove(0);
        assert!(taken(&db, 100 + LEASE - 1, 10).await.is_empty());
        let again = taken(&db, 100 + LEASE, 10).await.remove(0);
        // The first node comes back late: the delivery is no longer its own.
        put_back(&db, &first, Timestamp(1_000)).await.unwrap();
        put_back(&db, &again, Timestamp(200)).await.unwrap();
        assert!(taken(&db, 199, 10).await.is_empty());
        assert_eq!(taken(&db, 200, 10).await.remove(0).attempts, 1);
    }

    #[actix_web::test]
    async fn no_more_are_taken_than_there_is_room_for_and_old_ones_are_purged() {
        let db = TestDb::migrated().await;
        let many: Vec<Delivery> =
            (0..9).map(|n| delivery(&format!("d{n}"), &format!("host-{n}.uz"))).collect();
        insert(&db, &many, Timestamp(100), Vec::new()).await.unwrap();
        assert_eq!(taken(&db, 100, 4).await.len(), 4);
        assert_eq!(taken(&db, 100, 100).await.len(), 5);
        assert_eq!(purge(&db, Timestamp(100), 100).await.unwrap(), 0);
        assert_eq!(purge(&db, Timestamp(101), 100).await.unwrap(), 9);
    }
}
