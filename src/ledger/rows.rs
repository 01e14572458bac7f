//! Entries that are about to be written.

use super::entry::{EntryId, NewRow};
use super::store;
use crate::platform::bytes::{self, Digest};
use crate::platform::db::{self, DbError, Statement};

/// Entries that are written together with what they tell of: all or none.
#[derive(Clone, Debug, Default)]
pub struct Rows(pub(super) Vec<NewRow>);

impl Rows {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The statements that write them, for a transaction. Those that are there are left as they are.
    pub fn statements(&self) -> Vec<Statement> {
        self.0.iter().cloned().map(store::insert).collect()
    }

    /// What `rows_after!` writes.
    ///
    /// # Errors
    /// [`DbError`] when they cannot be written down.
    pub fn json(&self) -> Result<String, DbError> {
        db::to_json(&self.0)
    }
}

/// A short digest of the names of entries, in their order: by it a token says which entries were written when it was issued.
pub fn mark(entries: &[EntryId]) -> Option<String> {
    if entries.is_empty() {
        return None;
    }
    let names: Vec<&str> = entries.iter().map(EntryId::as_str).collect();
    Some(bytes::encode(&Digest::of(names.join(" ").as_bytes()).0[..12]))
}

/// What follows the part `done` of a statement on PostgreSQL, `WITH done AS (…)`: the entries that the JSON of a parameter holds
/// ([`Rows::json`]) are written if that part has a row. So a change and its entries are one statement.
macro_rules! rows_after {
    ($json:literal) => {
        concat!(
            ", told AS (INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf) \
             SELECT r.entry_id, r.person_id, r.client_id, r.at_ms, r.leaf FROM json_to_recordset(CAST(",
            $json,
            " AS json)) AS r(entry_id TEXT, person_id TEXT, client_id TEXT, at_ms BIGINT, leaf TEXT) \
             WHERE EXISTS (SELECT 1 FROM done) ON CONFLICT (entry_id) DO NOTHING)"
        )
    };
}
pub(crate) use rows_after;
