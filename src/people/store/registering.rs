//! SQL of registrations, on-line (R113) and at a place (R107): whether somebody has an account, and what opens one for somebody who has
//! none.

use super::{INSERT_PERSON, OpenedBy, People, UPDATE_PERSON, place};
use crate::people::{Person, PersonId, PhoneNumber};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

/// A person who registers.
pub struct Registering<'a> {
    /// Who they are: the person with the PINFL, or a new one.
    pub person: &'a PersonId,
    /// Whether there is a record of them already.
    pub known: bool,
    /// The record, as registers have it, with what was on file beside it.
    pub record: &'a Person,
    /// A number in their own name, which they proved to have: it leaves the accounts of others. None where there is none.
    pub number: Option<&'a PhoneNumber>,
    /// By what it is opened.
    pub by: OpenedBy,
    /// When.
    pub now: Timestamp,
}

impl People {
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
        let guard =
            guard.bind(id).bind(new.now.0).bind(new.by.name()).bind(id).bind(id).bind(&pinfl_index).bind(id);
        let record = serde_json::to_vec(new.record).map_err(DbError::statement)?;
        let store = db::statement(if new.known { UPDATE_PERSON } else { INSERT_PERSON })
            .bind(id)
            .bind(pinfl_index)
            .bind(self.sealer.seal_text(place("persons", id).as_bytes(), &record))
            .bind(new.now.0);
        let mut rows = vec![store];
        rows.extend(new.number.iter().flat_map(|number| self.set_contact(new.person, number, new.now)));
        Ok((guard, rows))
    }

    /// The condition under which the first credential of an account is issued anew, for [`People::bind_in_turn`]: it was opened on-line, by
    /// whoever has this number; it is usable, no number is enrolled, and nobody has set a password or added anything else.
    pub fn untouched(&self, id: &PersonId, number: &PhoneNumber) -> Statement {
        let index = self.number_index(number).encode();
        let guard = db::statement(
            "UPDATE accounts SET opened_by = opened_by WHERE person_id = $1 AND opened_by = $2 AND contact_index = $3 \
             AND locked_at IS NULL AND closed_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM phone_numbers n WHERE n.person_id = accounts.person_id AND n.status <> 'not_enrolled') \
             AND NOT EXISTS (SELECT 1 FROM passwords w WHERE w.person_id = accounts.person_id AND w.temporary_until IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM account_means m WHERE m.person_id = accounts.person_id \
             AND (m.added_by <> $4 OR m.kind <> 'password')) RETURNING person_id",
        );
        // Means that were removed count: somebody used the account who had them.
        let by = super::OpenedBy::Registration.name();
        guard.bind(id.as_str()).bind(by).bind(index).bind(by)
    }
}
