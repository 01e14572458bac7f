//! Recoveries: a forgotten password was set anew (D-n, R107, R120). For a while it can be stopped, by a link that every channel is told
//! or from any session, and steps that could not be taken back wait.

use super::Passwords;
use super::store::RECOVERIES;
use crate::people::PersonId;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row, Statement};

/// Where the link leads by which a recovery is stopped: the word follows.
pub const STOP_PATH: &str = "/recover/stop/";

/// By what somebody recovered their account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecoveredBy {
    /// On-line, by a means that is stronger than a password.
    StrongerMeans,
    /// In person, with the original document.
    InPerson,
}

impl RecoveredBy {
    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StrongerMeans => "stronger_means",
            Self::InPerson => "in_person",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::StrongerMeans, Self::InPerson].into_iter().find(|by| by.name() == name)
    }
}

/// A recovery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// Its identifier.
    pub id: String,
    /// Whose.
    pub person: PersonId,
    /// By what.
    pub by: RecoveredBy,
    /// When.
    pub begun_at: Timestamp,
    /// Until then it can be stopped, and what is dangerous waits.
    pub quiet_until: Timestamp,
    /// When it was stopped.
    pub stopped_at: Option<Timestamp>,
}

impl Recovery {
    /// Whether it can be stopped.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.stopped_at.is_none() && self.quiet_until > now
    }
}

impl Passwords {
    /// The statement that records a recovery, by that member of staff if one did it, and the word of the link that stops it.
    pub fn recovered(
        &self,
        person: &PersonId,
        (by, staff): (RecoveredBy, Option<&str>),
    ) -> (String, Statement) {
        let (word, now) = (bytes::random_text::<16>(), self.clock.now());
        let row = db::statement(
            "INSERT INTO recoveries (recovery_id, person_id, ground, staff_id, stop_link, begun_at, quiet_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(bytes::random_text::<16>())
        .bind(person.as_str())
        .bind(by.name())
        .bind(staff)
        .bind(digest(&word))
        .bind(now.0)
        .bind(now.plus(self.recovery_seconds).0);
        (word, row)
    }

    /// The newest recovery of a person that can be stopped.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn open_recovery(&self, person: &PersonId) -> Result<Option<Recovery>, DbError> {
        const OPEN: &str = "SELECT recovery_id, person_id, ground, begun_at, quiet_until, stopped_at FROM recoveries \
             WHERE person_id = $1 AND stopped_at IS NULL AND quiet_until > $2 ORDER BY begun_at DESC LIMIT 1";
        let open = db::statement(OPEN).bind(person.as_str()).bind(self.clock.now().0);
        let row = self.store.db.read_optional(open).await?;
        row.map(|row| recovery(&row)).transpose()
    }

    /// The recovery that a link stops; it may be over.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn recovery_of_link(&self, word: &str) -> Result<Option<Recovery>, DbError> {
        const BY_LINK: &str = "SELECT recovery_id, person_id, ground, begun_at, quiet_until, stopped_at FROM recoveries \
             WHERE stop_link = $1";
        let row = self.store.db.read_optional(db::statement(BY_LINK).bind(digest(word))).await?;
        row.map(|row| recovery(&row)).transpose()
    }

    /// The statements that stop a recovery: the password that it set is nobody's any more, unless another one was set since.
    pub fn stop(&self, recovery: &Recovery, by: &str) -> [Statement; 2] {
        let stop = "UPDATE recoveries SET stopped_at = $1, stopped_by = $2 WHERE recovery_id = $3 AND stopped_at IS NULL";
        let stop = db::statement(stop).bind(self.clock.now().0).bind(by).bind(&recovery.id);
        let remove = "DELETE FROM passwords WHERE person_id = $1 AND set_at >= $2";
        [stop, db::statement(remove).bind(recovery.person.as_str()).bind(recovery.begun_at.0)]
    }
}

fn recovery(row: &Row) -> Result<Recovery, DbError> {
    let by = db::text(row, RECOVERIES, "ground")?;
    Ok(Recovery {
        id: db::text(row, RECOVERIES, "recovery_id")?,
        person: PersonId::stored(db::text(row, RECOVERIES, "person_id")?),
        by: RecoveredBy::parse(&by)
            .ok_or_else(|| row.corrupt(RECOVERIES, "ground", "it is none of this version"))?,
        begun_at: Timestamp(db::int(row, RECOVERIES, "begun_at")?),
        quiet_until: Timestamp(db::int(row, RECOVERIES, "quiet_until")?),
        stopped_at: db::maybe_int(row, RECOVERIES, "stopped_at")?.map(Timestamp),
    })
}

fn digest(word: &str) -> String {
    Digest::of(word.as_bytes()).encode()
}
