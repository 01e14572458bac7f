//! SQL of the table `ledger_entries`.

use super::entry::{EntryId, Leaf, Listed, NewRow};
use super::list::{Filter, Place};
use crate::people::PersonId;
use crate::platform::db::{self, Db, DbError, Engine, Row, Statement};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE];

pub(super) const TABLE: &str = "ledger_entries";

/// Writes an entry, unless it is there; returns its name if it was written.
pub(super) fn insert(row: NewRow) -> Statement {
    db::statement(
        "INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (entry_id) DO NOTHING RETURNING entry_id",
    )
    .bind(row.id.0)
    .bind(row.person)
    .bind(row.client)
    .bind(row.at_ms)
    .bind(row.leaf)
}

/// As [`insert`], if the grant that it rests on has not ended: what ends the grant at the same time waits for it on PostgreSQL, or it
/// for that. On SQLite there is one writer.
pub(super) fn insert_under(engine: Engine, row: NewRow, grant: &str) -> Statement {
    macro_rules! under {
        ($lock:literal) => {
            concat!(
                "INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf) \
                 SELECT $1, $2, $3, $4, $5 FROM grants g WHERE g.grant_id = $6 AND g.revoked_at_ms IS NULL \
                 AND g.person_epoch = (SELECT p.epoch FROM persons p WHERE p.person_id = g.person_id)",
                $lock,
                " ON CONFLICT (entry_id) DO NOTHING RETURNING entry_id"
            )
        };
    }
    let text = match engine {
        Engine::Sqlite => under!(""),
        Engine::Postgres => under!(" FOR SHARE OF g"),
    };
    let insert = db::statement(text).bind(row.id.0).bind(row.person).bind(row.client);
    insert.bind(row.at_ms).bind(row.leaf).bind(grant)
}

/// The reads of an entry since they were last written down.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    pub(super) count: i64,
    pub(super) last_ms: i64,
}

/// Adds reads to entries, in one statement. PostgreSQL takes their rows in the order of their names.
pub(super) async fn add_reads(db: &Db, reads: &[(EntryId, Reads)]) -> Result<(), DbError> {
    let text = match db.engine() {
        Engine::Sqlite => {
            "UPDATE ledger_entries SET reads = reads + r.count, read_at_ms = MAX(COALESCE(read_at_ms, 0), r.last) \
             FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS count, \
             json_extract(value, '$[2]') AS last FROM json_each($1)) r WHERE ledger_entries.entry_id = r.id"
        }
        Engine::Postgres => {
            "WITH r AS (SELECT value->>0 AS id, CAST(value->>1 AS BIGINT) AS count, CAST(value->>2 AS BIGINT) AS last \
             FROM json_array_elements(CAST($1 AS json))), \
             held AS (SELECT e.entry_id, r.count, r.last FROM r JOIN ledger_entries e ON e.entry_id = r.id \
             ORDER BY e.entry_id FOR UPDATE OF e) \
             UPDATE ledger_entries SET reads = reads + held.count, \
             read_at_ms = GREATEST(COALESCE(read_at_ms, 0), held.last) \
             FROM held WHERE ledger_entries.entry_id = held.entry_id"
        }
    };
    let reads: Vec<(&EntryId, i64, i64)> =
        reads.iter().map(|(entry, reads)| (entry, reads.count, reads.last_ms)).collect();
    db.execute(db::statement(text).bind(db::to_json(&reads)?)).await.map(|_| ())
}

/// A row as it is stored.
pub(super) struct StoredRow {
    pub(super) id: String,
    pub(super) person: String,
    pub(super) client: String,
    pub(super) at_ms: i64,
    pub(super) leaf: String,
    pub(super) position: Option<i64>,
}

fn stored(row: &Row) -> Result<StoredRow, DbError> {
    Ok(StoredRow {
        id: db::text(row, TABLE, "entry_id")?,
        person: db::text(row, TABLE, "person_id")?,
        client: db::text(row, TABLE, "client_id")?,
        at_ms: db::int(row, TABLE, "at_ms")?,
        leaf: db::text(row, TABLE, "leaf")?,
        position: db::maybe_int(row, TABLE, "position")?,
    })
}

/// Entries that wait for their places, oldest first, after one of them.
pub(super) async fn waiting(
    db: &Db,
    (at_ms, id): &(i64, String),
    most: i64,
) -> Result<Vec<StoredRow>, DbError> {
    let select = db::statement(
        "SELECT entry_id, person_id, client_id, at_ms, leaf, position FROM ledger_entries \
         WHERE position IS NULL AND (at_ms, entry_id) > ($1, $2) ORDER BY at_ms, entry_id LIMIT $3",
    );
    db.read_all(select.bind(*at_ms).bind(id).bind(most)).await?.iter().map(stored).collect()
}

/// When the oldest entry that waits was written.
pub(super) async fn oldest_waiting(db: &Db) -> Result<Option<i64>, DbError> {
    let select = "SELECT at_ms FROM ledger_entries WHERE position IS NULL ORDER BY at_ms, entry_id LIMIT 1";
    let row = db.read_optional(db::statement(select)).await?;
    row.map(|row| db::int(&row, TABLE, "at_ms")).transpose()
}

/// Gives entries the places from `first` on, in this order.
pub(super) fn place(engine: Engine, first: u64, names: &[&str]) -> Result<Statement, DbError> {
    let text = match engine {
        Engine::Sqlite => {
            "UPDATE ledger_entries SET position = $1 + r.key FROM json_each($2) r WHERE ledger_entries.entry_id = r.value"
        }
        Engine::Postgres => {
            "UPDATE ledger_entries SET position = $1 + r.n - 1 \
             FROM json_array_elements_text(CAST($2 AS json)) WITH ORDINALITY r (name, n) \
             WHERE ledger_entries.entry_id = r.name"
        }
    };
    Ok(db::statement(text).bind(first.cast_signed()).bind(db::to_json(&names)?))
}

/// Entries from a place on, in their order.
pub(super) async fn from_place(db: &Db, place: u64, most: i64) -> Result<Vec<StoredRow>, DbError> {
    let select = db::statement(
        "SELECT entry_id, person_id, client_id, at_ms, leaf, position FROM ledger_entries \
         WHERE position >= $1 ORDER BY position LIMIT $2",
    );
    db.read_all(select.bind(place.cast_signed()).bind(most)).await?.iter().map(stored).collect()
}

/// The first and the last place that an entry has.
pub(super) async fn ends(db: &Db) -> Result<Option<(i64, i64)>, DbError> {
    let select = "SELECT (SELECT MIN(position) FROM ledger_entries WHERE position IS NOT NULL) AS first, \
                  (SELECT MAX(position) FROM ledger_entries WHERE position IS NOT NULL) AS last";
    let row = db.read_one(db::statement(select)).await?;
    let ends = (db::maybe_int(&row, TABLE, "first")?, db::maybe_int(&row, TABLE, "last")?);
    Ok(ends.0.zip(ends.1))
}

/// Removes entries from a place on and before another one.
pub(super) fn remove(from: u64, to: u64) -> Statement {
    db::statement("DELETE FROM ledger_entries WHERE position >= $1 AND position < $2")
        .bind(from.cast_signed())
        .bind(to.cast_signed())
}

/// The entries of a person, newest first, after a place of that order.
pub(super) async fn of_person(
    db: &Db,
    person: &PersonId,
    filter: &Filter,
    before: &Place,
    most: i64,
) -> Result<Vec<Listed>, DbError> {
    let client = filter.client.as_ref().map_or("", |client| client.as_str());
    let select = db::statement(
        "SELECT entry_id, leaf, reads, read_at_ms, position FROM ledger_entries \
         WHERE person_id = $1 AND (at_ms, entry_id) < ($2, $3) AND at_ms >= $4 AND ($5 = '' OR client_id = $6) \
         ORDER BY at_ms DESC, entry_id DESC LIMIT $7",
    );
    let (until, id) = match filter.until_ms {
        // What happened at the end itself is left out.
        Some(until) if until <= before.at_ms => (until, String::new()),
        _ => (before.at_ms, before.id.clone()),
    };
    let rows = db
        .read_all(
            select
                .bind(person.as_str())
                .bind(until)
                .bind(id)
                .bind(filter.since_ms.unwrap_or(i64::MIN))
                .bind(client)
                .bind(client)
                .bind(most),
        )
        .await?;
    rows.iter().map(listed).collect()
}

/// An entry by its name.
pub(super) async fn find(db: &Db, id: &EntryId) -> Result<Option<(Listed, String)>, DbError> {
    let select = db::statement(
        "SELECT entry_id, leaf, reads, read_at_ms, position FROM ledger_entries WHERE entry_id = $1",
    );
    let row = db.read_optional(select.bind(id.as_str())).await?;
    row.map(|row| Ok((listed(&row)?, db::text(&row, TABLE, "leaf")?))).transpose()
}

fn listed(row: &Row) -> Result<Listed, DbError> {
    Ok(Listed {
        leaf: db::json::<Leaf>(row, TABLE, "leaf")?,
        reads: db::int(row, TABLE, "reads")?,
        read_at_ms: db::maybe_int(row, TABLE, "read_at_ms")?,
        position: db::maybe_int(row, TABLE, "position")?,
    })
}
