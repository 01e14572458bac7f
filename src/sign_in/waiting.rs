//! Which requests to approve wait for whom, for the cabinet: a row for each message, written off the path with the history of
//! sign-ins. The row names the attempt and nothing of what is asked: that, and whether it still waits, is read from the attempt. The
//! reference of the message stands nowhere, so what is found here can be read and not decided.

use super::{AttemptId, AttemptName, OpenAttempt, ServiceError, SignIn};
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};

/// What this store keeps its data in.
pub(super) const TABLE: &str = "waiting_requests";

/// Requests of one person that are looked at.
const MOST: i64 = 50;

/// A row that waits to be written.
#[derive(Clone)]
pub(super) struct NewWaiting {
    /// Who was asked; a decoy where nobody has the number, so that it costs the same.
    pub(super) person_id: String,
    /// The attempt's identifier, sealed.
    pub(super) sealed: String,
    pub(super) entry_id: String,
    pub(super) expires_at: i64,
}

/// Writes a row.
pub(super) fn insert(new: &NewWaiting) -> Statement {
    db::statement(
        "INSERT INTO waiting_requests (person_id, expires_at, entry_id, sealed) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (person_id, expires_at, entry_id) DO NOTHING",
    )
    .bind(&new.person_id)
    .bind(new.expires_at)
    .bind(&new.entry_id)
    .bind(&new.sealed)
}

/// What was written of a person and is not over: the names of the rows and the sealed identifiers, the newest first.
pub(super) async fn of_person(
    db: &Db,
    person: &PersonId,
    now: Timestamp,
) -> Result<Vec<(String, String)>, DbError> {
    let statement = db::statement(
        "SELECT entry_id, sealed FROM waiting_requests WHERE person_id = $1 AND expires_at > $2 \
         ORDER BY expires_at DESC, entry_id DESC LIMIT $3",
    );
    let rows = db.read_all(statement.bind(person.as_str()).bind(now.0).bind(MOST)).await?;
    let read = |row: &Row| Ok((db::text(row, TABLE, "entry_id")?, db::text(row, TABLE, "sealed")?));
    rows.iter().map(read).collect()
}

/// Removes what is over.
pub(super) async fn purge(db: &Db, now: Timestamp, most: i64) -> Result<u64, DbError> {
    let purge = db::statement(
        "DELETE FROM waiting_requests WHERE (person_id, expires_at, entry_id) IN \
         (SELECT person_id, expires_at, entry_id FROM waiting_requests WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    );
    db.execute(purge.bind(now.0).bind(most)).await
}

impl SignIn {
    /// The requests that wait for a person's approval, the newest first: none that was decided or is over.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn waiting_for(&self, person: &PersonId) -> Result<Vec<OpenAttempt>, ServiceError> {
        let mut waiting = Vec::new();
        for id in self.history.waiting(person).await? {
            let Some(id) = AttemptId::parse(&id) else { continue };
            let found = self.attempts.find(AttemptName::Stored(id)).await?;
            // What is found is asked of this very person, and waits.
            let found = found.filter(|open| {
                let sent = open.attempt.stage().code();
                let theirs = sent.is_some_and(|(sent, _)| sent.person_id.as_ref() == Some(person));
                theirs && self.is_open(open)
            });
            waiting.extend(found);
        }
        Ok(waiting)
    }

    fn is_open(&self, open: &OpenAttempt) -> bool {
        open.attempt.expires_at > self.clock.now()
            && open.attempt.stage().code().is_some_and(|(sent, _)| self.over(sent).is_none())
    }
}
