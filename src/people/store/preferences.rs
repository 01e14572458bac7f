//! SQL of the table `person_preferences`, and when what is on file of a person was last changed.

use super::People;
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError};
use crate::platform::web::locale::Language;

impl People {
    /// The language in which a person wants messages that no page of theirs asked for; `None` when they never said.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn preferred_language(&self, id: &PersonId) -> Result<Option<Language>, DbError> {
        let preferred = "SELECT language FROM person_preferences WHERE person_id = $1";
        let row = self.db.read_optional(db::statement(preferred).bind(id.as_str())).await?;
        let tag = row.map(|row| db::text(&row, "person_preferences", "language")).transpose()?;
        Ok(tag.as_deref().and_then(Language::parse))
    }

    /// Keeps the language in which a person wants such messages.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn prefer(&self, id: &PersonId, language: Language, now: Timestamp) -> Result<(), DbError> {
        let prefer = "INSERT INTO person_preferences (person_id, language, updated_at) VALUES ($1, $2, $3) \
                      ON CONFLICT (person_id) DO UPDATE SET language = excluded.language, updated_at = excluded.updated_at";
        let prefer = db::statement(prefer).bind(id.as_str()).bind(language.tag()).bind(now.0);
        self.db.execute(prefer).await.map(|_| ())
    }

    /// When the record of a person, and their enrolled number, were last stored here; zero where there is none.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn changed_at(&self, id: &PersonId) -> Result<(Timestamp, Timestamp), DbError> {
        let changed = "SELECT p.updated_at AS record, n.updated_at AS number FROM persons p \
                       LEFT JOIN phone_numbers n ON n.person_id = p.person_id AND n.status = 'enrolled' WHERE p.person_id = $1";
        let Some(row) = self.db.read_optional(db::statement(changed).bind(id.as_str())).await? else {
            return Ok((Timestamp(0), Timestamp(0)));
        };
        let number = db::maybe_int(&row, "phone_numbers", "number")?.unwrap_or_default();
        Ok((Timestamp(db::int(&row, "persons", "record")?), Timestamp(number)))
    }
}
