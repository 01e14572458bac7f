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
    use crate::people::{NumberStatus, test_people};

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
