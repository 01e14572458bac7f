//! People all of whose sessions ended at once, and whose services are still to be told. Whatever ends everything of a person raises their
//! epoch and knows no sessions: it notes the person in its transaction, and a node finds the sessions that the former epochs left behind.

use crate::people::{Epoch, PersonId};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};

/// What this store keeps its data in.
pub(super) const TABLE: &str = "untold_ends";

/// A person all of whose sessions of before an epoch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntoldEnd {
    /// Whose.
    pub person: PersonId,
    /// Sessions of a lower epoch have ended.
    pub epoch: Epoch,
    /// When they ended, the last time.
    ended_at: Timestamp,
}

impl UntoldEnd {
    /// Notes a person, for the transaction that raises their epoch.
    pub fn noting(person: &PersonId, now: Timestamp) -> Statement {
        db::statement(
            "INSERT INTO untold_ends (person_id, ended_at) VALUES ($1, $2) \
             ON CONFLICT (person_id) DO UPDATE SET ended_at = excluded.ended_at",
        )
        .bind(person.as_str())
        .bind(now.0)
    }

    /// Those that were noted before `now`, the oldest first, `most` at most. Of the second before, some node may not have written yet who
    /// signed in.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn due(db: &Db, now: Timestamp, most: i64) -> Result<Vec<Self>, DbError> {
        let due = "SELECT u.person_id, u.ended_at, p.epoch FROM untold_ends u JOIN persons p ON p.person_id = u.person_id \
                   WHERE u.ended_at < $1 ORDER BY u.ended_at LIMIT $2";
        let rows = db.read_all(db::statement(due).bind(now.0).bind(most)).await?;
        let read = |row: &Row| {
            Ok(Self {
                person: PersonId::stored(db::text(row, TABLE, "person_id")?),
                epoch: Epoch(db::int(row, TABLE, "epoch")?),
                ended_at: Timestamp(db::int(row, TABLE, "ended_at")?),
            })
        };
        rows.iter().map(read).collect()
    }

    /// What takes the note away, a guard: of several nodes one does, and none once it was noted anew.
    pub fn taking(&self) -> Statement {
        db::statement("DELETE FROM untold_ends WHERE person_id = $1 AND ended_at = $2 RETURNING person_id")
            .bind(self.person.as_str())
            .bind(self.ended_at.0)
    }
}
