//! Links by which somebody sets the first password of their account, once (D-e). Only digests are stored.

use super::store::LINKS;
use super::{Hashed, Passwords};
use crate::accounts::AddedBy;
use crate::people::PersonId;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

/// Where such a link leads: the word follows.
pub const PATH: &str = "/password/";

impl Passwords {
    /// A new link, with the statement that stores it.
    pub fn new_link(&self, person: &PersonId) -> (String, Statement) {
        let (word, now) = (bytes::random_text::<16>(), self.clock.now());
        let row = db::statement(
            "INSERT INTO password_links (link, person_id, made_at, ends_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(digest(&word))
        .bind(person.as_str())
        .bind(now.0)
        .bind(now.plus(self.temporary_seconds).0);
        (word, row)
    }

    /// Whose password a link sets, if it can still be used.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn whose_link(&self, word: &str) -> Result<Option<PersonId>, DbError> {
        let whose = "SELECT person_id FROM password_links WHERE link = $1 AND used_at IS NULL AND ends_at > $2 \
             AND NOT EXISTS (SELECT 1 FROM passwords p WHERE p.person_id = password_links.person_id)";
        let whose = db::statement(whose).bind(digest(word)).bind(self.clock.now().0);
        let row = self.store.db.read_optional(whose).await?;
        row.map(|row| db::text(&row, LINKS, "person_id").map(PersonId::stored)).transpose()
    }

    /// Sets the first password of a link's person with `then`, all or nothing; `false` when the link was used or is over, or a password was
    /// set in another way meanwhile.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn set_by_link(
        &self,
        (word, person): (&str, &PersonId),
        hashed: &Hashed,
        mut then: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let now = self.clock.now().0;
        let guard = "UPDATE password_links SET used_at = $1 WHERE link = $2 AND person_id = $3 AND used_at IS NULL \
                     AND ends_at > $4 AND NOT EXISTS (SELECT 1 FROM passwords p WHERE p.person_id = password_links.person_id) \
                     RETURNING person_id";
        let guard = db::statement(guard).bind(now).bind(digest(word)).bind(person.as_str()).bind(now);
        then.insert(0, self.set(person, hashed, AddedBy::Person));
        self.change(guard, then).await
    }
}

impl Passwords {
    /// Deletes wrong passwords that are long ago, in one batch; returns how many.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_failures(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        self.store.purge_failures(now, most).await
    }

    /// Deletes links that are over, in one batch; returns how many.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_links(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        let purge = "DELETE FROM password_links WHERE link IN \
                     (SELECT link FROM password_links WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2)";
        self.store.db.execute(db::statement(purge).bind(now.0).bind(most)).await
    }
}

fn digest(word: &str) -> String {
    Digest::of(word.as_bytes()).encode()
}
