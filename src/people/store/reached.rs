//! The enrolled number of a person who is named by something else than it.

use super::{People, place};
use crate::people::{PersonId, PhoneNumber, Pinfl};
use crate::platform::bytes::{self, Digest};
use crate::platform::db::{self, DbError};

const BY_PINFL: &str = "SELECT p.pinfl_index AS name, n.number_index, n.sealed, n.status FROM persons p \
     JOIN phone_numbers n ON n.person_id = p.person_id AND n.status = 'enrolled' \
     WHERE p.pinfl_index >= COALESCE((SELECT MIN(pinfl_index) FROM persons WHERE pinfl_index >= $1), '') \
     ORDER BY p.pinfl_index LIMIT 1";
const BY_ID: &str = "SELECT p.person_id AS name, n.number_index, n.sealed, n.status FROM persons p \
     JOIN phone_numbers n ON n.person_id = p.person_id AND n.status = 'enrolled' \
     WHERE p.person_id >= COALESCE((SELECT MIN(person_id) FROM persons WHERE person_id >= $1), '') \
     ORDER BY p.person_id LIMIT 1";

impl People {
    /// The enrolled number of the person with that PINFL. Somebody who has none, or is unknown, gets the number of nobody: the
    /// nearest one on record is read and opened either way, so that the work is the same.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn number_by_pinfl(&self, pinfl: &Pinfl) -> Result<PhoneNumber, DbError> {
        let name = self.pinfl_index(pinfl).encode();
        self.number_by(BY_PINFL, name).await
    }

    /// The same of a person by their identifier.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn number_of_person(&self, id: &PersonId) -> Result<PhoneNumber, DbError> {
        self.number_by(BY_ID, id.as_str().to_owned()).await
    }

    async fn number_by(&self, sql: &'static str, name: String) -> Result<PhoneNumber, DbError> {
        let nobody = || nobody(&name);
        let row = self.db.read_optional(db::statement(sql).bind(name.as_str())).await?;
        let Some(row) = row else { return nobody() };
        let index = db::text(&row, "phone_numbers", "number_index")?;
        let sealed = db::text(&row, "phone_numbers", "sealed")?;
        let opened = self.sealer.open_text(place("phone_numbers", &index).as_bytes(), &sealed).ok();
        let nearest = db::text(&row, "persons", "name")?;
        if !bytes::same(nearest.as_bytes(), name.as_bytes()) {
            return nobody();
        }
        let number = opened.and_then(|plain| String::from_utf8(plain).ok());
        number
            .and_then(|digits| PhoneNumber::from_digits(&digits).ok())
            .ok_or_else(|| row.corrupt("phone_numbers", "sealed", super::UNOPENED))
    }
}

/// A number of nobody, of the code that no operator has: what is prepared for it is never sent. It follows from the name, so
/// that whatever is counted by the number is counted by the name.
fn nobody(name: &str) -> Result<PhoneNumber, DbError> {
    let [a, b, c, d, ..] = Digest::of(name.as_bytes()).0;
    let drawn = u32::from_be_bytes([a, b, c, d]) % 10_000_000;
    PhoneNumber::from_digits(&format!("99800{drawn:07}"))
        .map_err(|error| DbError::unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{people, somebody};
    use super::*;
    use crate::people::NumberStatus;
    use crate::platform::clock::Timestamp;

    #[actix_web::test]
    async fn who_has_no_enrolled_number_is_reached_at_a_number_of_nobody() {
        let (people, _db) = people().await;
        let who = somebody();
        let pinfl = who.record().pinfl;
        let nobodys = people.number_by_pinfl(&pinfl).await.unwrap();
        assert!(nobodys.is_test() && nobodys != who.phone, "an empty table");
        let id = people.store(&who.record(), &who.phone, NumberStatus::Enrolled, Timestamp(1)).await.unwrap();
        assert_eq!(people.number_by_pinfl(&pinfl).await.unwrap(), who.phone);
        assert_eq!(people.number_of_person(&id).await.unwrap(), who.phone);
        let other = Pinfl::from_registry("12345678901234").unwrap();
        let others = people.number_by_pinfl(&other).await.unwrap();
        assert!(others.is_test() && others != nobodys && others != who.phone, "each has one of its own");
        assert!(people.number_of_person(&PersonId::random()).await.unwrap().is_test());
        people.store(&who.record(), &who.phone, NumberStatus::Blocked, Timestamp(2)).await.unwrap();
        assert_eq!(people.number_by_pinfl(&pinfl).await.unwrap(), nobodys);
    }
}
