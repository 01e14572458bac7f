//! SQL of the tables `persons` and `phone_numbers`: encrypted records, found by blind indexes. Wrong codes are counted in
//! `failures.rs`.

mod accounts;
mod blocks;
mod enrol;
mod enrolled;
mod failures;
mod muted;
mod named;
mod photos;
mod preferences;
mod reached;
mod registering;
mod self_lock;

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::{
    Account, AccountState, Epoch, Failures, NumberStatus, Person, PersonId, PhoneNumber, Photo, Pinfl,
};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::{Keyring, Mac, Sealer};
use crate::platform::web::locale::Language;

pub use accounts::{ConfirmedBy, OpenedBy};
pub(crate) use accounts::{account_columns, account_holds, account_is_usable, usable_account};
pub use blocks::Unblocked;
pub use enrol::{Binding, EndGround, Known, Standing};
pub use enrolled::Holding;
pub use named::{AccountUse, Named, NamedAccount};
pub use registering::Registering;
pub use self_lock::OwnLock;

/// Lifetime of cached records: long enough for the end of a sign-in and the following UserInfo request,
/// short enough for changes of other nodes to show at the next page.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Maximum number of cached records.
const MOST_REMEMBERED: u64 = 10_000;

/// Persons and their numbers. Cheap to clone.
#[derive(Clone)]
pub struct People {
    db: Db,
    sealer: Arc<Sealer>,
    index: Arc<Mac>,
    remembered: Cache<PersonId, Arc<Account>>,
}

/// The tables of this store.
pub(crate) const TABLES: &[&str] = &[
    "phone_numbers",
    "persons",
    "wrong_codes",
    "decoys",
    "muted_services",
    "photos",
    "person_preferences",
    self_lock::TABLE,
    enrol::CONTACTS,
    enrol::ENDS,
    accounts::TABLE,
];

/// Both return the identifier if they changed a row.
const INSERT_PERSON: &str = "INSERT INTO persons (person_id, pinfl_index, sealed, updated_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (pinfl_index) DO NOTHING RETURNING person_id";
const UPDATE_PERSON: &str = "UPDATE persons SET sealed = $3, updated_at = $4 \
     WHERE person_id = $1 AND pinfl_index = $2 RETURNING person_id";

/// What begins every transaction that changes a person together with their number, account or lock: those wait for each other here, so that
/// the order in which they take rows does not matter, and each sees what the one before it did.
fn in_turn() -> Vec<Statement> {
    vec![db::take_number("enrolments")]
}

impl People {
    /// The store, with keys derived for its purpose.
    pub fn new(db: Db, keyring: &Keyring) -> Self {
        let remembered = Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(REMEMBERED).build();
        Self {
            db,
            sealer: Arc::new(keyring.sealer("person")),
            index: Arc::new(keyring.mac("person-index")),
            remembered,
        }
    }

    /// The blind index of a number: the only form in which it is used as a key.
    pub fn number_index(&self, number: &PhoneNumber) -> Digest {
        self.index.digest(&[b"number", number.digits().as_bytes()])
    }

    /// The blind index of a PINFL: the only form in which it is used as a key.
    pub fn pinfl_index(&self, pinfl: &Pinfl) -> Digest {
        self.index.digest(&[b"pinfl", pinfl.digits().as_bytes()])
    }

    /// Whether this keyring finds those who are stored, by some of them: a record must open, and its PINFL give the
    /// blind index that the person is found by. True when nobody is stored.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn are_found(&self) -> Result<bool, DbError> {
        // Rows of version 0.1 that are nobody's hold no record. A damaged row must not speak for all.
        let some = "SELECT person_id, pinfl_index, sealed FROM persons WHERE sealed <> '' LIMIT 20";
        let rows = self.db.read_all(db::statement(some)).await?;
        for row in &rows {
            let id = db::text(row, "persons", "person_id")?;
            let sealed = db::text(row, "persons", "sealed")?;
            let record = self.sealer.open_text(place("persons", &id).as_bytes(), &sealed).ok();
            let person = record.and_then(|plain| serde_json::from_slice::<Person>(&plain).ok());
            let index = db::text(row, "persons", "pinfl_index")?;
            if person.is_some_and(|person| self.pinfl_index(&person.pinfl).encode() == index) {
                return Ok(true);
            }
        }
        Ok(rows.is_empty())
    }

    /// The account state of a number; `None` if it is unknown.
    ///
    /// The nearest number on record is read and then compared, so that the same rows are visited and the same columns read
    /// whether or not the number is on record: a look-up that finds nothing is measurably quicker.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn account_state(&self, number_index: &Digest) -> Result<Option<AccountState>, DbError> {
        let row = self
            .db
            .read_optional(
                db::statement(
                    "SELECT p.person_id, n.number_index, n.status, w.failures, w.locked_until, w.known_failures, \
                     w.known_locked_until, w.approval_failures, w.approval_locked_until, p.epoch, l.language \
                     FROM phone_numbers n JOIN persons p ON p.person_id = n.person_id \
                     LEFT JOIN wrong_codes w ON w.account = n.person_id \
                     LEFT JOIN person_preferences l ON l.person_id = n.person_id \
                     WHERE n.number_index >= COALESCE((SELECT MIN(number_index) FROM phone_numbers WHERE number_index >= $1), '') \
                     ORDER BY n.number_index LIMIT 1",
                )
                .bind(number_index.encode()),
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let language = db::maybe_text(&row, "person_preferences", "language")?;
        let language = language.as_deref().and_then(Language::parse);
        let state = account_state(&row).map(|state| AccountState { language, ..state });
        let nearest = db::text(&row, "phone_numbers", "number_index")?;
        if bytes::same(nearest.as_bytes(), number_index.encode().as_bytes()) {
            state.map(Some)
        } else {
            Ok(None)
        }
    }

    /// A person whose account can be used now, possibly cached for a few seconds: with an enrolled number, or without one where they
    /// have other means of signing in.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find(&self, id: &PersonId) -> Result<Option<Arc<Account>>, DbError> {
        if let Some(account) = self.remembered.get(id) {
            return Ok(Some(account));
        }
        let row = self
            .db
            .read_optional(
                db::statement(concat!(
                    "SELECT ",
                    account_columns!(),
                    " FROM ",
                    usable_account!(),
                    " WHERE p.person_id = $1 AND ",
                    account_is_usable!()
                ))
                .bind(id.as_str()),
            )
            .await?;
        row.map(|row| self.open(&row)).transpose()
    }

    /// The person with a PINFL, with their enrolled number; never cached. None where nobody has it, and where whoever has it has no
    /// enrolled number: the two cost the same.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find_by_pinfl(&self, pinfl: &Pinfl) -> Result<Option<Arc<Account>>, DbError> {
        let row = self
            .db
            .read_optional(
                db::statement(concat!(
                    "SELECT ",
                    account_columns!(),
                    " FROM ",
                    usable_account!(),
                    " WHERE p.pinfl_index = $1 AND n.status = 'enrolled'"
                ))
                .bind(self.pinfl_index(pinfl).encode()),
            )
            .await?;
        row.map(|row| self.open(&row)).transpose()
    }

    /// Whether a number is enrolled as that of the person with a PINFL: who, and since when if that is known. As
    /// [`People::account_state`], it reads the nearest number on record and compares it then.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn enrolment(
        &self,
        number: &PhoneNumber,
        pinfl: &Pinfl,
    ) -> Result<Option<(PersonId, Option<Timestamp>)>, DbError> {
        let enrolled = db::statement(
            "SELECT p.person_id, p.pinfl_index, n.number_index, n.status, CASE WHEN n.enrolled_person = n.person_id \
             AND n.enrolled_seen = n.updated_at THEN n.enrolled_at END AS enrolled_at FROM phone_numbers n \
             JOIN persons p ON p.person_id = n.person_id \
             WHERE n.number_index >= COALESCE((SELECT MIN(number_index) FROM phone_numbers WHERE number_index >= $1), '') \
             ORDER BY n.number_index LIMIT 1",
        );
        let index = self.number_index(number).encode();
        let Some(row) = self.db.read_optional(enrolled.bind(&index)).await? else { return Ok(None) };
        let is = |stored: &str, asked: &str| bytes::same(stored.as_bytes(), asked.as_bytes());
        let known = is(&db::text(&row, "phone_numbers", "number_index")?, &index);
        let theirs = is(&db::text(&row, "persons", "pinfl_index")?, &self.pinfl_index(pinfl).encode());
        let enrolled = db::text(&row, "phone_numbers", "status")? == NumberStatus::Enrolled.name();
        if !(known & theirs & enrolled) {
            return Ok(None);
        }
        let person = PersonId::stored(db::text(&row, "persons", "person_id")?);
        Ok(Some((person, db::maybe_int(&row, "phone_numbers", "enrolled_at")?.map(Timestamp))))
    }

    /// The person with a PINFL, whether or not a number of theirs is enrolled; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn with_pinfl(&self, pinfl: &Pinfl) -> Result<Option<PersonId>, DbError> {
        self.id_of(&self.pinfl_index(pinfl).encode()).await
    }

    /// Whether a person has an enrolled number now; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_enrolled(&self, id: &PersonId) -> Result<bool, DbError> {
        let enrolled =
            "SELECT number_index FROM phone_numbers WHERE person_id = $1 AND status = 'enrolled' LIMIT 1";
        Ok(self.db.read_optional(db::statement(enrolled).bind(id.as_str())).await?.is_some())
    }

    /// Decrypts a row with the columns of [`People::find`], and caches it.
    ///
    /// # Errors
    /// [`DbError::Corrupt`] if it cannot be decrypted.
    pub fn open(&self, row: &Row) -> Result<Arc<Account>, DbError> {
        let account_state = account_state(row)?;
        let id = account_state.person_id.clone();
        let person = self
            .sealer
            .open_text(place("persons", id.as_str()).as_bytes(), &db::text(row, "persons", "person_sealed")?)
            .ok()
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .ok_or_else(|| row.corrupt("persons", "sealed", UNOPENED))?;
        let phone = match db::maybe_text(row, "phone_numbers", "number_index")? {
            Some(index) => Some(self.sealed_number(row, ("phone_numbers", &index), "number_sealed")?),
            None => None,
        };
        let contact = match db::maybe_text(row, accounts::TABLE, "contact_index")? {
            Some(_) => Some(self.sealed_number(row, (accounts::TABLE, id.as_str()), "contact_sealed")?),
            None => None,
        };
        let confirmed = db::maybe_text(row, accounts::TABLE, "confirmed_by")?.is_some();
        let account =
            Arc::new(Account { person, phone, contact, confirmed, account_state, organisation: None });
        self.remembered.insert(id, Arc::clone(&account));
        Ok(account)
    }

    fn sealed_number(
        &self,
        row: &Row,
        (table, name): (&'static str, &str),
        column: &'static str,
    ) -> Result<PhoneNumber, DbError> {
        let plain = self.sealer.open_text(place(table, name).as_bytes(), &db::text(row, table, column)?).ok();
        let digits = plain.and_then(|plain| String::from_utf8(plain).ok());
        let number = digits.and_then(|digits| PhoneNumber::from_digits(&digits).ok());
        number.ok_or_else(|| row.corrupt(table, column, UNOPENED))
    }

    /// Raises a person's epoch together with `then`, all or nothing: everything of theirs that began before has ended.
    /// Returns the new epoch; `None` when there is no such person.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn raise_epoch(&self, id: &PersonId, then: Vec<Statement>) -> Result<Option<Epoch>, DbError> {
        let raise =
            db::statement("UPDATE persons SET epoch = epoch + 1 WHERE person_id = $1 RETURNING epoch");
        let raised = self.db.guarded(raise.bind(id.as_str()), then).await?;
        self.remembered.invalidate(id);
        raised.map(|row| db::int(&row, "persons", "epoch").map(Epoch)).transpose()
    }

    /// As [`People::raise_epoch`], of what also changes the person's number, account or lock.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn raise_epoch_in_turn(
        &self,
        id: &PersonId,
        then: Vec<Statement>,
    ) -> Result<Option<Epoch>, DbError> {
        let raise =
            db::statement("UPDATE persons SET epoch = epoch + 1 WHERE person_id = $1 RETURNING epoch");
        let raised = self.db.held(in_turn(), raise.bind(id.as_str()), then).await?;
        self.remembered.invalidate(id);
        raised.map(|row| db::int(&row, "persons", "epoch").map(Epoch)).transpose()
    }

    /// Makes other transactions that do the same for this person wait until this one has ended.
    pub fn hold(id: &PersonId) -> Statement {
        db::statement("UPDATE persons SET updated_at = updated_at WHERE person_id = $1").bind(id.as_str())
    }

    /// Stores or replaces a person (by PINFL) and the state of their number: both or nothing. A person has one enrolled
    /// number (R7): a number that is enrolled takes the place of the one before, and what began with that one has ended.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn store(
        &self,
        person: &Person,
        phone: &PhoneNumber,
        status: NumberStatus,
        now: Timestamp,
    ) -> Result<PersonId, DbError> {
        self.store_with_photo((person, None), phone, status, now).await
    }

    /// As [`People::store`], with a photo if there is one.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn store_with_photo(
        &self,
        (person, photo): (&Person, Option<&Photo>),
        phone: &PhoneNumber,
        status: NumberStatus,
        now: Timestamp,
    ) -> Result<PersonId, DbError> {
        let pinfl_index = self.pinfl_index(&person.pinfl).encode();
        let record = serde_json::to_vec(person).map_err(DbError::statement)?;
        let has_photo = person.has_photo;
        // Of two concurrent inserts of a person, one finds the other's row on retry.
        for _ in 0..3 {
            let known = self.id_of(&pinfl_index).await?;
            let (sql, id) = match known {
                Some(id) => (UPDATE_PERSON, id),
                None => (INSERT_PERSON, PersonId::random()),
            };
            let sealed = self.sealer.seal_text(place("persons", id.as_str()).as_bytes(), &record);
            let person = db::statement(sql).bind(id.as_str()).bind(&pinfl_index).bind(sealed).bind(now.0);
            let number = self.number_of(&id, phone, status, now);
            let mut then = match status {
                NumberStatus::Enrolled => {
                    let mut then = Vec::from(self.give_up_others(&id, phone, now));
                    then.push(self_lock::follow(&id, &self.number_index(phone).encode()));
                    then
                }
                // The end of a lock must not undo it.
                NumberStatus::Blocked => vec![self_lock::block(&id, &self.number_index(phone).encode(), now)],
                NumberStatus::NotEnrolled => Vec::new(),
            };
            then.push(number);
            match photo {
                Some(photo) => then.push(self.photo_of(&id, photo, now)),
                // A record that has none leaves none behind.
                None if !has_photo => then.push(Self::no_photo_of(&id)),
                None => {}
            }
            if self.db.held(in_turn(), person, then).await?.is_some() {
                self.remembered.invalidate(&id);
                return Ok(id);
            }
        }
        Err(DbError::unavailable("the person is being stored by another request"))
    }

    async fn id_of(&self, pinfl_index: &str) -> Result<Option<PersonId>, DbError> {
        let statement = db::statement("SELECT person_id FROM persons WHERE pinfl_index = $1");
        let row = self.db.read_optional(statement.bind(pinfl_index)).await?;
        row.map(|row| db::text(&row, "persons", "person_id").map(PersonId::stored)).transpose()
    }

    /// Ends everything that began with another enrolled number of a person, and its enrolment.
    fn give_up_others(&self, id: &PersonId, phone: &PhoneNumber, now: Timestamp) -> [Statement; 2] {
        let number_index = self.number_index(phone).encode();
        let raise = db::statement(
            "UPDATE persons SET epoch = epoch + 1 WHERE person_id = $1 AND EXISTS (SELECT 1 FROM phone_numbers n \
             WHERE n.person_id = persons.person_id AND n.status = 'enrolled' AND n.number_index <> $2)",
        );
        let give_up = db::statement(
            "UPDATE phone_numbers SET status = 'not_enrolled', enrolled_at = NULL, updated_at = $1 \
             WHERE person_id = $2 AND status = 'enrolled' AND number_index <> $3",
        );
        [
            raise.bind(id.as_str()).bind(&number_index),
            give_up.bind(now.0).bind(id.as_str()).bind(number_index),
        ]
    }

    /// What stores a number. The version before sets no `enrolled_at` and does not know when it is untrue: so a row says whose it is, and
    /// which change (`updated_at`) was the last that kept it. After any other change it is unknown.
    fn number_of(
        &self,
        id: &PersonId,
        phone: &PhoneNumber,
        status: NumberStatus,
        now: Timestamp,
    ) -> Statement {
        let number_index = self.number_index(phone).encode();
        let place = place("phone_numbers", &number_index);
        let sealed = self.sealer.seal_text(place.as_bytes(), phone.digits().as_bytes());
        db::statement(
            "INSERT INTO phone_numbers (number_index, person_id, sealed, status, updated_at, enrolled_at, \
             enrolled_person, enrolled_seen) \
             VALUES ($1, $2, $3, CASE WHEN $4 = 'enrolled' AND EXISTS (SELECT 1 FROM self_locks WHERE person_id = $5) \
             THEN 'blocked' ELSE $6 END, $7, $8, $9, $10) ON CONFLICT (number_index) DO UPDATE SET \
             person_id = excluded.person_id, status = excluded.status, updated_at = excluded.updated_at, \
             enrolled_at = CASE WHEN excluded.status = 'enrolled' AND phone_numbers.status = 'enrolled' \
             AND phone_numbers.person_id = excluded.person_id THEN CASE \
             WHEN phone_numbers.enrolled_person = excluded.person_id \
             AND phone_numbers.enrolled_seen = phone_numbers.updated_at THEN phone_numbers.enrolled_at END \
             ELSE excluded.enrolled_at END, \
             enrolled_person = excluded.enrolled_person, enrolled_seen = excluded.enrolled_seen",
        )
        .bind(number_index)
        .bind(id.as_str())
        .bind(sealed)
        .bind(status.name())
        .bind(id.as_str())
        .bind(status.name())
        .bind(now.0)
        .bind(Some(now.0).filter(|_| status == NumberStatus::Enrolled))
        .bind(id.as_str())
        .bind(now.0)
    }
}

fn account_state(row: &Row) -> Result<AccountState, DbError> {
    let status = db::text(row, "phone_numbers", "status")?;
    Ok(AccountState {
        language: None,
        person_id: PersonId::stored(db::text(row, "persons", "person_id")?),
        status: NumberStatus::parse(&status)
            .ok_or_else(|| row.corrupt("phone_numbers", "status", "it is no status of this version"))?,
        strangers: failures(row, "failures", "locked_until")?,
        known: failures(row, "known_failures", "known_locked_until")?,
        approvals: failures(row, "approval_failures", "approval_locked_until")?,
        epoch: Epoch(db::int(row, "persons", "epoch")?),
    })
}

/// A person without a row of `wrong_codes` has none.
fn failures(row: &Row, count: &'static str, until: &'static str) -> Result<Failures, DbError> {
    let value = |name| db::maybe_int(row, "wrong_codes", name).map(Option::unwrap_or_default);
    Ok(Failures { count: value(count)?, locked_until: Timestamp(value(until)?) })
}

fn place(table: &str, row: &str) -> String {
    format!("{table}/sealed/{row}")
}

/// The error message of a column that cannot be decrypted or deserialised.
const UNOPENED: &str = "it does not open with this keyring";

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::people::test_people;
    use crate::platform::db::test_db::TestDb;

    pub(super) async fn people() -> (People, TestDb) {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        (People::new(db.clone(), &keyring), db)
    }

    pub(super) fn somebody() -> test_people::TestPerson {
        test_people::parse(test_people::BUILT_IN).unwrap().swap_remove(0)
    }

    pub(super) async fn number(db: &Db, sql: &'static str) -> i64 {
        db::int(&db.read_one(db::statement(sql)).await.unwrap(), "persons", "n").unwrap()
    }

    const PERSONS: &str = "SELECT COUNT(*) AS n FROM persons WHERE sealed <> ''";

    #[actix_web::test]
    async fn a_person_whose_number_cannot_be_stored_is_not_stored_either() {
        let (people, db) = people().await;
        db.execute(db::statement(
            "CREATE TRIGGER refuse BEFORE INSERT ON phone_numbers BEGIN SELECT RAISE(ABORT, 'refused'); END",
        ))
        .await
        .unwrap();
        let somebody = somebody();
        let stored =
            people.store(&somebody.record(), &somebody.phone, NumberStatus::Enrolled, Timestamp(1)).await;
        assert!(matches!(stored, Err(DbError::Statement(_))));
        assert_eq!(number(&db, PERSONS).await, 0);
    }

    #[actix_web::test]
    async fn a_second_enrolled_number_takes_the_place_of_the_first() {
        let (people, db) = people().await;
        let somebody = somebody();
        let second = PhoneNumber::from_digits("998009876543").unwrap();
        let store = async |phone: &PhoneNumber, status, at| {
            people.store(&somebody.record(), phone, status, Timestamp(at)).await.unwrap()
        };
        let id = store(&somebody.phone, NumberStatus::Enrolled, 1).await;
        store(&somebody.phone, NumberStatus::Enrolled, 2).await;
        let state = async |phone| people.account_state(&people.number_index(phone)).await.unwrap().unwrap();
        assert_eq!(state(&somebody.phone).await.epoch, Epoch(0), "the same number ends nothing");
        store(&second, NumberStatus::Blocked, 3).await;
        assert_eq!(state(&somebody.phone).await.status, NumberStatus::Enrolled);
        store(&second, NumberStatus::Enrolled, 4).await;
        assert_eq!(state(&somebody.phone).await.status, NumberStatus::NotEnrolled);
        assert_eq!(
            (state(&second).await.status, state(&second).await.epoch),
            (NumberStatus::Enrolled, Epoch(1))
        );
        assert_eq!(
            people.find(&id).await.unwrap().unwrap().phone,
            Some(second),
            "the one that signs in is the one told"
        );
        let both = "UPDATE phone_numbers SET status = 'enrolled'";
        assert!(db.execute(db::statement(both)).await.is_err(), "the database holds it as well");
    }

    #[actix_web::test]
    async fn a_number_that_is_not_on_record_is_read_like_its_neighbour_and_is_nobodys() {
        let (people, db) = people().await;
        let somebody = somebody();
        let own = people.number_index(&somebody.phone);
        people
            .store(&somebody.record(), &somebody.phone, NumberStatus::Enrolled, Timestamp(1))
            .await
            .unwrap();
        let (mut below, mut above) = (own, own);
        below.0[0] = own.0[0].wrapping_sub(1);
        above.0[0] = own.0[0].wrapping_add(1);
        assert!(people.account_state(&own).await.unwrap().is_some());
        for other in [below, above, Digest([0; 32]), Digest([255; 32])] {
            assert!(people.account_state(&other).await.unwrap().is_none());
        }
        // A neighbour that cannot be read is nobody else's fault.
        db.execute(db::statement("UPDATE phone_numbers SET status = 'odd'")).await.unwrap();
        assert!(people.account_state(&own).await.is_err());
        assert!(people.account_state(&Digest([0; 32])).await.unwrap().is_none());
    }

    #[actix_web::test]
    async fn a_person_stored_again_and_by_many_at_once_stays_one() {
        let (people, db) = people().await;
        let mut somebody = somebody();
        let store = |person: Person, status| {
            let (people, phone) = (people.clone(), somebody.phone.clone());
            async move { people.store(&person, &phone, status, Timestamp(1)).await.unwrap() }
        };
        let ids = join_all((0..10).map(|_| store(somebody.record(), NumberStatus::Enrolled))).await;
        assert!(ids.iter().all(|id| *id == ids[0]));
        somebody.status = NumberStatus::Blocked;
        assert_eq!(store(somebody.record(), somebody.status).await, ids[0]);
        let state = people.account_state(&people.number_index(&somebody.phone)).await.unwrap().unwrap();
        assert_eq!((state.person_id, state.status), (ids[0].clone(), NumberStatus::Blocked));
        assert_eq!(number(&db, PERSONS).await, 1);
    }
}
