//! SQL of registrations on-line (R113): whether somebody has an account, and what opens one for somebody who has none.

use super::{INSERT_PERSON, People, UPDATE_PERSON, place};
use crate::people::{Person, PersonId, PhoneNumber, Pinfl};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

/// A person who registers.
pub struct Registering<'a> {
    /// Who they are: the person with the PINFL, or a new one.
    pub person: &'a PersonId,
    /// Whether there is a record of them already.
    pub known: bool,
    /// The record, as registers have it.
    pub record: &'a Person,
    /// A number in their own name, which they proved to have.
    pub number: &'a PhoneNumber,
    /// When.
    pub now: Timestamp,
}

impl People {
    /// The person with a PINFL who has an account, in whatever state: with a number that is enrolled or blocked, or without one. None of
    /// them is opened anew on-line. Never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn holder_of_account(&self, pinfl: &Pinfl) -> Result<Option<PersonId>, DbError> {
        let holder = db::statement(
            "SELECT p.person_id FROM persons p WHERE p.pinfl_index = $1 AND (EXISTS (SELECT 1 FROM phone_numbers n \
             WHERE n.person_id = p.person_id AND n.status <> 'not_enrolled') \
             OR EXISTS (SELECT 1 FROM accounts a WHERE a.person_id = p.person_id))",
        );
        let row = self.db.read_optional(holder.bind(self.pinfl_index(pinfl).encode())).await?;
        row.map(|row| db::text(&row, "persons", "person_id").map(PersonId::stored)).transpose()
    }

    /// The condition under which an account is opened, and what opens it, for [`People::bind_in_turn`]: nobody has one for that PINFL, nor
    /// another record of it, when it is this transaction's turn. The number becomes one by which the person is reached.
    ///
    /// # Errors
    /// [`DbError`] when the record cannot be serialised.
    pub fn registering(&self, new: &Registering<'_>) -> Result<(Statement, Vec<Statement>), DbError> {
        let (id, pinfl_index) = (new.person.as_str(), self.pinfl_index(&new.record.pinfl).encode());
        let guard = db::statement(
            "INSERT INTO accounts (person_id, opened_at, opened_by) SELECT $1, $2, $3 \
             WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE person_id = $4) \
             AND NOT EXISTS (SELECT 1 FROM phone_numbers WHERE person_id = $5 AND status <> 'not_enrolled') \
             AND NOT EXISTS (SELECT 1 FROM persons WHERE pinfl_index = $6 AND person_id <> $7) RETURNING person_id",
        );
        let guard = guard
            .bind(id)
            .bind(new.now.0)
            .bind(super::OpenedBy::Registration.name())
            .bind(id)
            .bind(id)
            .bind(&pinfl_index)
            .bind(id);
        let record = serde_json::to_vec(new.record).map_err(DbError::statement)?;
        let store = db::statement(if new.known { UPDATE_PERSON } else { INSERT_PERSON })
            .bind(id)
            .bind(pinfl_index)
            .bind(self.sealer.seal_text(place("persons", id).as_bytes(), &record))
            .bind(new.now.0);
        let mut rows = vec![store];
        rows.extend(self.set_contact(new.person, new.number, new.now));
        Ok((guard, rows))
    }
}
