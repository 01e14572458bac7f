//! SQL of the table `photos`: sealed photos, apart from the records, which every sign-in reads.

use super::{People, UNOPENED, place};
use crate::people::{PersonId, Photo};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

const TABLE: &str = "photos";

impl People {
    /// A person's photo; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn photo(&self, id: &PersonId) -> Result<Option<Photo>, DbError> {
        let photo = db::statement("SELECT sealed FROM photos WHERE person_id = $1").bind(id.as_str());
        let Some(row) = self.db.read_optional(photo).await? else { return Ok(None) };
        let sealed = db::text(&row, TABLE, "sealed")?;
        let plain = self.sealer.open_text(place(TABLE, id.as_str()).as_bytes(), &sealed).ok();
        let photo = plain.and_then(|bytes| Photo::of(bytes).ok());
        photo.map(Some).ok_or_else(|| row.corrupt(TABLE, "sealed", UNOPENED))
    }

    /// What removes a person's photo, if there is one.
    pub(super) fn no_photo_of(id: &PersonId) -> Statement {
        db::statement("DELETE FROM photos WHERE person_id = $1").bind(id.as_str())
    }

    /// What stores or replaces a person's photo.
    pub(super) fn photo_of(&self, id: &PersonId, photo: &Photo, now: Timestamp) -> Statement {
        let sealed = self.sealer.seal_text(place(TABLE, id.as_str()).as_bytes(), photo.bytes());
        let store = db::statement(
            "INSERT INTO photos (person_id, sealed, updated_at) VALUES ($1, $2, $3) \
             ON CONFLICT (person_id) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
        );
        store.bind(id.as_str()).bind(sealed).bind(now.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{number, people, somebody};
    use super::*;
    use crate::people::{NumberStatus, Person, test_people};

    #[actix_web::test]
    async fn a_photo_is_sealed_for_its_person_alone() {
        let (people, db) = people().await;
        let all = test_people::parse(test_people::BUILT_IN).unwrap();
        test_people::store(&people, &all, Timestamp(1)).await.unwrap();
        let id = people.account_state(&people.number_index(&all[0].phone)).await.unwrap().unwrap().person_id;
        let photo = people.photo(&id).await.unwrap().expect("the first of the file has one");
        assert!(photo.bytes().starts_with(&[0xff, 0xd8]));
        assert!(people.find(&id).await.unwrap().unwrap().person.has_photo);
        let held = "SELECT COUNT(*) AS n FROM photos WHERE sealed LIKE '%/9j/%'";
        assert_eq!(number(&db, held).await, 0, "no photo is stored open");
        db.execute(db::statement("UPDATE photos SET person_id = 'another'")).await.unwrap();
        assert!(people.photo(&id).await.unwrap().is_none());
        assert!(people.photo(&PersonId::stored("another".to_owned())).await.is_err());
    }

    #[actix_web::test]
    async fn a_photo_goes_with_the_record_that_has_none() {
        let (people, db) = people().await;
        let all = test_people::parse(test_people::BUILT_IN).unwrap();
        test_people::store(&people, &all, Timestamp(1)).await.unwrap();
        let somebody = &all[0];
        let id =
            people.account_state(&people.number_index(&somebody.phone)).await.unwrap().unwrap().person_id;
        let with = Person { has_photo: true, ..somebody.record() };
        let without = Person { has_photo: false, ..somebody.record() };
        let (phone, enrolled) = (&somebody.phone, NumberStatus::Enrolled);
        let store =
            async |person: &Person| people.store(person, phone, enrolled, Timestamp(1)).await.unwrap();
        store(&with).await;
        assert!(people.photo(&id).await.unwrap().is_some(), "the record still has it");
        let before = number(&db, "SELECT COUNT(*) AS n FROM photos").await;
        store(&without).await;
        assert!(people.photo(&id).await.unwrap().is_none());
        assert_eq!(number(&db, "SELECT COUNT(*) AS n FROM photos").await, before - 1);
    }

    #[actix_web::test]
    async fn r67_since_when_is_unknown_once_a_version_without_it_changed_the_number() {
        let (people, db) = people().await;
        let all = test_people::parse(test_people::BUILT_IN).unwrap();
        let (a, b) = (&all[0], all[1].record());
        let (record, phone) = (a.record(), &a.phone);
        let store =
            async |now| people.store(&record, phone, NumberStatus::Enrolled, Timestamp(now)).await.unwrap();
        let since = async |person: &Person| {
            people.enrolment(phone, &person.pinfl).await.unwrap().map(|(_, since)| since)
        };
        let id = store(5).await;
        people.store(&b, &all[1].phone, NumberStatus::NotEnrolled, Timestamp(5)).await.unwrap();
        assert_eq!(since(&record).await, Some(Some(Timestamp(5))));
        // As that version writes it: the number is another person's, and then the first one's again.
        let older = async |pinfl: &crate::people::Pinfl, now: i64| {
            let change = "UPDATE phone_numbers SET person_id = (SELECT person_id FROM persons WHERE pinfl_index = $1), \
                          status = 'enrolled', updated_at = $2 WHERE number_index = $3";
            let change = db::statement(change).bind(people.pinfl_index(pinfl).encode()).bind(now);
            db.execute(change.bind(people.number_index(phone).encode())).await.unwrap();
        };
        older(&b.pinfl, 7).await;
        assert_eq!(since(&b).await, Some(None), "the date is of another's enrolment");
        older(&record.pinfl, 9).await;
        assert_eq!(since(&record).await, Some(None), "it was another's in between");
        store(11).await;
        assert_eq!(since(&record).await, Some(None), "enrolled before, nobody knows since when");
        // Blocking and unblocking is this version's, and keeps what it knows.
        people.store(&record, phone, NumberStatus::Blocked, Timestamp(12)).await.unwrap();
        store(13).await;
        let number = people.number_index(phone);
        assert!(people.block_number(&id, &number, Timestamp(14), Vec::new()).await.unwrap().is_some());
        let unblocked = people.unblock_number(&id, &number, Timestamp(15), Vec::new()).await.unwrap();
        assert_eq!(unblocked, crate::people::Unblocked::Enrolled);
        assert_eq!(since(&record).await, Some(Some(Timestamp(13))));
    }

    #[actix_web::test]
    async fn r67_a_number_says_since_when_it_is_its_persons_and_only_theirs() {
        let (people, _db) = people().await;
        let somebody = somebody();
        let (record, phone) = (somebody.record(), &somebody.phone);
        let store = async |status, now| people.store(&record, phone, status, Timestamp(now)).await.unwrap();
        let since = async || people.enrolment(phone, &record.pinfl).await.unwrap().map(|(_, since)| since);
        store(NumberStatus::NotEnrolled, 1).await;
        assert_eq!(since().await, None);
        let id = store(NumberStatus::Enrolled, 5).await;
        store(NumberStatus::Enrolled, 9).await;
        assert_eq!(since().await, Some(Some(Timestamp(5))), "stored again, and enrolled all the time");
        store(NumberStatus::Blocked, 10).await;
        assert_eq!(since().await, None);
        store(NumberStatus::Enrolled, 11).await;
        assert_eq!(since().await, Some(Some(Timestamp(11))));
        let found = people.find_by_pinfl(&record.pinfl).await.unwrap().expect("a person");
        assert_eq!(found.account_state.person_id, id);
        let other = test_people::parse(test_people::BUILT_IN).unwrap()[1].record().pinfl;
        assert!(people.enrolment(phone, &other).await.unwrap().is_none(), "another person's number");
        assert!(people.find_by_pinfl(&other).await.unwrap().is_none());
    }
}
