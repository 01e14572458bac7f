//! Numbers and people that are enrolled, for lists that go out and come in (clause 34).

use super::{People, UNOPENED, place};
use crate::people::{NumberStatus, Person, PersonId, PhoneNumber, Pinfl};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row};

const NUMBERS: &str = "phone_numbers";

/// What a number is to a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Whose it is, or was last.
    pub person: PersonId,
    /// Whether it is enrolled now. A blocked one is: when the block ends, its holder signs in with it.
    pub enrolled: bool,
    /// Since when, if that is known.
    pub since: Option<Timestamp>,
}

impl People {
    /// Whose a number is, and since when it is enrolled; never cached. `None` where it was nobody's.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn holding(&self, number_index: &Digest) -> Result<Option<Holding>, DbError> {
        let holding = "SELECT person_id, status, CASE WHEN enrolled_person = person_id AND enrolled_seen = updated_at \
                        THEN enrolled_at END AS enrolled_at FROM phone_numbers WHERE number_index = $1";
        let row = self.db.read_optional(db::statement(holding).bind(number_index.encode())).await?;
        let Some(row) = row else { return Ok(None) };
        let status = db::text(&row, NUMBERS, "status")?;
        Ok(Some(Holding {
            person: PersonId::stored(db::text(&row, NUMBERS, "person_id")?),
            enrolled: [NumberStatus::Enrolled, NumberStatus::Blocked].iter().any(|is| is.name() == status),
            since: db::maybe_int(&row, NUMBERS, "enrolled_at")?.map(Timestamp),
        }))
    }

    /// The person with a PINFL and their record, whether or not a number of theirs can be used now; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn record_of(&self, pinfl: &Pinfl) -> Result<Option<(PersonId, Person)>, DbError> {
        let one = "SELECT person_id, sealed FROM persons WHERE pinfl_index = $1";
        let row = self.db.read_optional(db::statement(one).bind(self.pinfl_index(pinfl).encode())).await?;
        let Some(row) = row else { return Ok(None) };
        let (id, sealed) = (db::text(&row, "persons", "person_id")?, db::text(&row, "persons", "sealed")?);
        let plain = self.sealer.open_text(place("persons", &id).as_bytes(), &sealed).ok();
        let record = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        let record = record.ok_or_else(|| row.corrupt("persons", "sealed", UNOPENED))?;
        Ok(Some((PersonId::stored(id), record)))
    }

    /// Numbers that are enrolled or blocked, in no order that tells anything: `most` at most, after the one whose index is `after`, and the
    /// index of the last one.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn enrolled_numbers(
        &self,
        after: &str,
        most: i64,
    ) -> Result<(Vec<PhoneNumber>, Option<String>), DbError> {
        let some = "SELECT number_index, sealed FROM phone_numbers WHERE number_index > $1 \
                    AND status IN ('enrolled', 'blocked') ORDER BY number_index LIMIT $2";
        let rows = self.db.read_all(db::statement(some).bind(after).bind(most)).await?;
        let last = rows.last().map(|row| db::text(row, NUMBERS, "number_index")).transpose()?;
        Ok((rows.iter().map(|row| self.number_in(row)).collect::<Result<_, _>>()?, last))
    }

    /// People with an enrolled or blocked number, or an account that needs none: `most` at most, after one of them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn people_with_accounts(&self, after: &str, most: i64) -> Result<Vec<PersonId>, DbError> {
        let some = "SELECT person_id FROM persons p WHERE person_id > $1 AND (EXISTS (SELECT 1 FROM phone_numbers n \
                    WHERE n.person_id = p.person_id AND n.status IN ('enrolled', 'blocked')) \
                    OR EXISTS (SELECT 1 FROM accounts a WHERE a.person_id = p.person_id AND a.closed_at IS NULL)) \
                    ORDER BY person_id LIMIT $2";
        let rows = self.db.read_all(db::statement(some).bind(after).bind(most)).await?;
        rows.iter().map(|row| db::text(row, "persons", "person_id").map(PersonId::stored)).collect()
    }

    /// The PINFL of a person with an enrolled or blocked number; `None` for anybody else.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn pinfl_of_account(&self, id: &PersonId) -> Result<Option<Pinfl>, DbError> {
        let some = "SELECT p.person_id, p.sealed FROM persons p WHERE p.person_id = $1 AND (EXISTS (SELECT 1 FROM \
                    phone_numbers n WHERE n.person_id = p.person_id AND n.status IN ('enrolled', 'blocked')) \
                    OR EXISTS (SELECT 1 FROM accounts a WHERE a.person_id = p.person_id AND a.closed_at IS NULL))";
        let row = self.db.read_optional(db::statement(some).bind(id.as_str())).await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = db::text(&row, "persons", "sealed")?;
        let opened = self.sealer.open_text(place("persons", id.as_str()).as_bytes(), &sealed).ok();
        let person = opened.and_then(|plain| serde_json::from_slice::<Person>(&plain).ok());
        person
            .map(|person| Some(person.pinfl))
            .ok_or_else(|| row.corrupt("persons", "sealed", super::UNOPENED))
    }

    fn number_in(&self, row: &Row) -> Result<PhoneNumber, DbError> {
        let index = db::text(row, NUMBERS, "number_index")?;
        let opened =
            self.sealer.open_text(place(NUMBERS, &index).as_bytes(), &db::text(row, NUMBERS, "sealed")?);
        let number = opened.ok().and_then(|plain| String::from_utf8(plain).ok());
        number
            .and_then(|digits| PhoneNumber::from_digits(&digits).ok())
            .ok_or_else(|| row.corrupt(NUMBERS, "sealed", super::UNOPENED))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{people, somebody};
    use super::*;

    #[actix_web::test]
    async fn r87_enrolled_numbers_are_listed_page_by_page_and_no_others() {
        let (people, _db) = people().await;
        let who = somebody();
        let other = PhoneNumber::from_digits("998009876543").unwrap();
        let index = people.number_index(&who.phone);
        assert_eq!(people.holding(&index).await.unwrap(), None);
        let id = people.store(&who.record(), &who.phone, NumberStatus::Enrolled, Timestamp(5)).await.unwrap();
        people.store(&who.record(), &other, NumberStatus::NotEnrolled, Timestamp(6)).await.unwrap();
        let (numbers, last) = people.enrolled_numbers("", 10).await.unwrap();
        assert_eq!(numbers, std::slice::from_ref(&who.phone));
        assert_eq!(people.enrolled_numbers(&last.unwrap(), 10).await.unwrap(), (Vec::new(), None));
        assert_eq!(people.people_with_accounts("", 10).await.unwrap(), std::slice::from_ref(&id));
        let holding = Holding { person: id, enrolled: true, since: Some(Timestamp(5)) };
        assert_eq!(people.holding(&index).await.unwrap(), Some(holding));
        people.store(&who.record(), &who.phone, NumberStatus::Blocked, Timestamp(7)).await.unwrap();
        let holding = people.holding(&index).await.unwrap().unwrap();
        assert!(holding.enrolled, "a block is no end");
        let pinfl = people.pinfl_of_account(&holding.person).await.unwrap();
        assert_eq!(pinfl, Some(who.record().pinfl));
        assert!(!people.holding(&people.number_index(&other)).await.unwrap().unwrap().enrolled);
    }
}
