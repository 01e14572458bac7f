//! SQL of the table `desk_accounts`: accounts that were opened or confirmed at a place, on which document (R107).

use serde::{Deserialize, Serialize};

use super::{Acting, PlaceId, Staff};
use crate::people::{DocumentKind, PersonId};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row, Statement};

const TABLE: &str = "desk_accounts";

/// On what it rests that an account was opened or confirmed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServedOn {
    /// The person's name, as the register has it.
    pub name: String,
    /// The kind of the document by which the register was asked.
    pub document: DocumentKind,
    /// Its number.
    pub document_number: String,
    /// The tag of the person's language.
    pub language: String,
    /// When they agreed to the questions to registers and the comparison, in milliseconds since the Unix epoch.
    pub agreed_at_ms: i64,
    /// The photo that was taken, by its name among the photos of the desk.
    pub photo: String,
    /// By which name the State Personalisation Centre keeps its evidence; empty where it had nothing to compare with, and the member compared
    /// face and document by eye.
    pub compared: String,
    /// Whether a number was proved by a code.
    pub number_proved: bool,
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct ServedAccount {
    /// What is printed on the paper.
    pub reference: String,
    /// Whether the account was opened; otherwise it was confirmed.
    pub opened: bool,
    /// On what it rests.
    pub on: ServedOn,
    /// When.
    pub at: Timestamp,
}

impl Staff {
    /// The row of an account that a member opened, or confirmed, for the transaction of the act. `id` is the caller's, so that of two
    /// transactions with the same one the second fails.
    ///
    /// # Errors
    /// [`DbError`] when it cannot be serialised.
    pub fn served_row(
        &self,
        acting: &Acting,
        (id, reference): (&str, &str),
        (person, opened): (&PersonId, bool),
        on: &ServedOn,
    ) -> Result<Statement, DbError> {
        let plain = db::to_json(on)?;
        Ok(db::statement(
            "INSERT INTO desk_accounts (served_id, reference, place_id, staff_id, person_id, outcome, sealed, served_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id)
        .bind(reference)
        .bind(acting.place.as_str())
        .bind(acting.staff.as_str())
        .bind(person.as_str())
        .bind(if opened { "opened" } else { "confirmed" })
        .bind(self.seal(TABLE, id, plain.as_bytes()))
        .bind(self.clock.now().0))
    }

    /// What was done at a place from a moment on, the newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn served_since(
        &self,
        place: &PlaceId,
        since: Timestamp,
        most: i64,
    ) -> Result<Vec<ServedAccount>, DbError> {
        let some = db::statement(
            "SELECT served_id, reference, outcome, sealed, served_at FROM desk_accounts WHERE place_id = $1 AND served_at >= $2 \
             ORDER BY served_at DESC, served_id LIMIT $3",
        );
        let some = some.bind(place.as_str()).bind(since.0).bind(most);
        self.db.read_all(some).await?.iter().map(|row| self.read_served(row)).collect()
    }

    fn read_served(&self, row: &Row) -> Result<ServedAccount, DbError> {
        let text = |column| db::text(row, TABLE, column);
        let plain = self.open(TABLE, &text("served_id")?, &text("sealed")?);
        let on = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        Ok(ServedAccount {
            reference: text("reference")?,
            opened: text("outcome")? == "opened",
            on: on.ok_or_else(|| row.corrupt(TABLE, "sealed", "it cannot be opened"))?,
            at: Timestamp(db::int(row, TABLE, "served_at")?),
        })
    }
}
