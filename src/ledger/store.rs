//! SQL of the table `ledger_entries`.

use super::entry::{EntryId, Leaf, Listed};
use super::{Filter, Place};
use crate::people::PersonId;
use crate::platform::db::{self, Db, DbError, Row, Statement};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE];

pub(super) const TABLE: &str = "ledger_entries";

/// An entry as it is written.
pub(super) struct NewRow {
    pub(super) id: EntryId,
    pub(super) person: String,
    pub(super) client: String,
    pub(super) at_ms: i64,
    pub(super) leaf: String,
    /// How often it was read when it is written.
    pub(super) reads: i64,
}

/// Writes an entry, unless it is there; returns its name if it was written.
pub(super) fn insert(row: NewRow) -> Statement {
    let read_at = (row.reads > 0).then_some(row.at_ms);
    db::statement(
        "INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf, reads, read_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (entry_id) DO NOTHING RETURNING entry_id",
    )
    .bind(row.id.0)
    .bind(row.person)
    .bind(row.client)
    .bind(row.at_ms)
    .bind(row.leaf)
    .bind(row.reads)
    .bind(read_at)
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
