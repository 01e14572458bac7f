//! SQL of the tables `exchange_files` and `death_reports`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sheet::{Header, Kind};
use crate::people::{CivilDate, PersonId};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::{Keyring, Sealer};

const FILES: &str = "exchange_files";
const REPORTS: &str = "death_reports";
const TURN: &str = "death_turn";

/// What this subject keeps its data in.
pub(crate) const TABLES: &[&str] = &[FILES, REPORTS, TURN];

/// For how long a report is tried by one process, in seconds: longer than registers take to answer.
const LEASE: i64 = 120;

/// After how long a report is tried again whose register did not answer, in seconds.
const AGAIN: i64 = 900;

/// What is known of a list that came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// It is new, or was begun and not finished: it is to be applied.
    Due,
    /// It was applied before.
    Finished,
    /// Another list had its number.
    Other,
}

/// A report that somebody died, with who the person is.
#[derive(Clone, Debug)]
pub struct DeathReport {
    /// Who.
    pub person: PersonId,
    /// What the civil registry says.
    pub reported: Reported,
    /// Since when it waits.
    pub reported_at: Timestamp,
}

/// What the civil registry says of a death.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reported {
    /// The day; none where it only says that there is a record.
    pub day: Option<CivilDate>,
    /// The number of its record.
    pub record: Option<String>,
}

/// Lists that were exchanged, and reports of deaths that wait for a second source. Cheap to clone.
#[derive(Clone)]
pub struct Exchange {
    db: Db,
    clock: Clock,
    sealer: Arc<Sealer>,
}

impl Exchange {
    /// The store. What registries say is sealed with a key of its own purpose.
    pub fn new(db: Db, clock: Clock, keyring: &Keyring) -> Self {
        Self { db, clock, sealer: Arc::new(keyring.sealer("death-report")) }
    }

    /// Takes the next number of lists to a party: whoever takes it makes the list.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn next(&self, kind: Kind, party: &str) -> Result<Header, DbError> {
        let now = self.clock.now();
        let next = "INSERT INTO exchange_files (kind, party, number, digest, made_at, begun_at, file_rows) \
                    SELECT $1, $2, COALESCE(MAX(f.number), 0) + 1, '', $3, $4, 0 FROM exchange_files f \
                    WHERE f.kind = $5 AND f.party = $6 RETURNING number";
        let next = db::statement(next)
            .bind(kind.name())
            .bind(party)
            .bind(now.0)
            .bind(now.0)
            .bind(kind.name())
            .bind(party);
        let row = self.db.change(next).await?.ok_or_else(|| DbError::statement("it gave no row"))?;
        let number = db::int(&row, FILES, "number")?;
        let number = u32::try_from(number).map_err(|_| row.corrupt(FILES, "number", "it is too large"))?;
        Ok(Header { kind, party: party.to_owned(), number, made_at: now })
    }

    /// Notes that a list was made or applied.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn finish(&self, header: &Header, digest: &str, rows: usize) -> Result<(), DbError> {
        let finish = "UPDATE exchange_files SET digest = $1, file_rows = $2, finished_at = $3 \
                      WHERE kind = $4 AND party = $5 AND number = $6";
        let finish = db::statement(finish)
            .bind(digest)
            .bind(count(rows))
            .bind(self.clock.now().0)
            .bind(header.kind.name())
            .bind(&header.party)
            .bind(i64::from(header.number));
        self.db.execute(finish).await.map(|_| ())
    }

    /// Notes that a list came in, unless one with its number did before. One that was begun and not finished may be applied again: what it
    /// ended has ended.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn take(&self, header: &Header, digest: &str, rows: usize) -> Result<Seen, DbError> {
        let take = "INSERT INTO exchange_files (kind, party, number, digest, made_at, begun_at, file_rows) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, party, number) DO NOTHING RETURNING number";
        let take = db::statement(take)
            .bind(header.kind.name())
            .bind(&header.party)
            .bind(i64::from(header.number))
            .bind(digest)
            .bind(header.made_at.0)
            .bind(self.clock.now().0)
            .bind(count(rows));
        if self.db.change(take).await?.is_some() {
            return Ok(Seen::Due);
        }
        let known =
            "SELECT digest, finished_at FROM exchange_files WHERE kind = $1 AND party = $2 AND number = $3";
        let known =
            db::statement(known).bind(header.kind.name()).bind(&header.party).bind(i64::from(header.number));
        let row = self.db.read_one(known).await?;
        Ok(match db::text(&row, FILES, "digest")? == digest {
            false => Seen::Other,
            true if db::maybe_int(&row, FILES, "finished_at")?.is_some() => Seen::Finished,
            true => Seen::Due,
        })
    }

    /// What stores that somebody is said to have died; it is due at once. A newer report takes the place of the one before.
    ///
    /// # Errors
    /// [`DbError`] when it cannot be sealed.
    pub fn report(&self, person: &PersonId, reported: &Reported) -> Result<Statement, DbError> {
        let text = db::to_json(reported)?;
        let now = self.clock.now();
        Ok(db::statement(
            "INSERT INTO death_reports (person_id, sealed, state, reported_at, due_at) VALUES ($1, $2, 'waiting', $3, $4) \
             ON CONFLICT (person_id) DO UPDATE SET sealed = excluded.sealed, state = excluded.state, \
             reported_at = excluded.reported_at, due_at = excluded.due_at, settled_at = NULL",
        )
        .bind(person.as_str())
        .bind(self.sealer.seal_text(place(person).as_bytes(), text.as_bytes()))
        .bind(now.0)
        .bind(now.0))
    }

    /// Stores reports, some thousand in one transaction.
    ///
    /// # Errors
    /// [`DbError`]; then some may be stored, and storing them again is safe.
    pub async fn store_reports(&self, reports: Vec<Statement>) -> Result<(), DbError> {
        let mut reports = reports.into_iter().peekable();
        while reports.peek().is_some() {
            self.db.all_or_nothing(reports.by_ref().take(1000).collect()).await?;
        }
        Ok(())
    }

    /// Takes reports that are due for two minutes, oldest first. Each is taken by one caller.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn take_due(&self, most: i64) -> Result<Vec<DeathReport>, DbError> {
        let now = self.clock.now();
        let take = "UPDATE death_reports SET due_at = $1 WHERE state = 'waiting' AND due_at <= $2 AND person_id IN \
                    (SELECT person_id FROM death_reports WHERE state = 'waiting' AND due_at <= $3 \
                    ORDER BY due_at LIMIT $4) RETURNING person_id, sealed, reported_at";
        let take = db::statement(take).bind(now.0 + LEASE).bind(now.0).bind(now.0).bind(most);
        Ok(db::readable(&self.db.change_all(take).await?, |row| self.read(row)))
    }

    /// Makes a report wait for a quarter of an hour: its register did not answer.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn put_off(&self, person: &PersonId) -> Result<(), DbError> {
        let put = "UPDATE death_reports SET due_at = $1 WHERE person_id = $2 AND state = 'waiting'";
        let put = db::statement(put).bind(self.clock.now().plus(AGAIN).0).bind(person.as_str());
        self.db.execute(put).await.map(|_| ())
    }

    /// What notes, in the transaction that ends the enrolment, that a second source confirmed the death.
    pub fn confirmed(&self, person: &PersonId) -> Statement {
        self.settled(person, "confirmed")
    }

    /// Notes that the second source says that the person lives: nothing ends, and an operator has to look (R86).
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn contradicted(&self, person: &PersonId) -> Result<(), DbError> {
        self.db.execute(self.settled(person, "contradicted")).await.map(|_| ())
    }

    /// Notes that there is nothing to end.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn not_enrolled(&self, person: &PersonId) -> Result<(), DbError> {
        self.db.execute(self.settled(person, "not_enrolled")).await.map(|_| ())
    }

    fn settled(&self, person: &PersonId, state: &'static str) -> Statement {
        let settle = "UPDATE death_reports SET state = $1, settled_at = $2 WHERE person_id = $3";
        db::statement(settle).bind(state).bind(self.clock.now().0).bind(person.as_str())
    }

    /// The reports in a state (`waiting`, `contradicted`, `confirmed`, `not_enrolled`), newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn reports(&self, state: &str, most: i64) -> Result<Vec<DeathReport>, DbError> {
        let some = "SELECT person_id, sealed, reported_at FROM death_reports WHERE state = $1 \
                    ORDER BY reported_at DESC, person_id LIMIT $2";
        let rows = self.db.read_all(db::statement(some).bind(state).bind(most)).await?;
        Ok(db::readable(&rows, |row| self.read(row)))
    }

    /// How many reports another source contradicts.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn contradictions(&self) -> Result<i64, DbError> {
        let all = "SELECT COUNT(*) AS n FROM death_reports WHERE state = 'contradicted'";
        db::int(&self.db.read_one(db::statement(all)).await?, REPORTS, "n")
    }

    /// Takes the turn to ask the civil registry about the next people, for all nodes once in `seconds`: the person after whom to go on.
    /// `None` where it is not due, or another node has it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn take_turn(&self, seconds: i64) -> Result<Option<String>, DbError> {
        let now = self.clock.now();
        let take = "INSERT INTO death_turn (turn, after_person, taken_at) VALUES ('all', '', $1) \
                    ON CONFLICT (turn) DO UPDATE SET taken_at = excluded.taken_at \
                    WHERE death_turn.taken_at <= $2 OR death_turn.taken_at > $3 RETURNING after_person";
        let take = db::statement(take).bind(now.0).bind(now.minus(seconds).0).bind(now.0);
        let row = self.db.change(take).await?;
        row.map(|row| db::text(&row, TURN, "after_person")).transpose()
    }

    /// Notes after whom the next turn goes on; empty for the beginning.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn turn_ended(&self, after: &str) -> Result<(), DbError> {
        let after = db::statement("UPDATE death_turn SET after_person = $1 WHERE turn = 'all'").bind(after);
        self.db.execute(after).await.map(|_| ())
    }

    fn read(&self, row: &Row) -> Result<DeathReport, DbError> {
        let person = PersonId::stored(db::text(row, REPORTS, "person_id")?);
        let reported = self
            .sealer
            .open_text(place(&person).as_bytes(), &db::text(row, REPORTS, "sealed")?)
            .ok()
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .ok_or_else(|| row.corrupt(REPORTS, "sealed", "it does not open with this keyring"))?;
        let reported_at = Timestamp(db::int(row, REPORTS, "reported_at")?);
        Ok(DeathReport { person, reported, reported_at })
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn place(person: &PersonId) -> String {
    format!("{REPORTS}/sealed/{}", person.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;

    async fn exchange() -> (Exchange, TestDb) {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        (Exchange::new(db.clone(), Clock::manual(Timestamp(1_795_000_000)), &keyring), db)
    }

    #[actix_web::test]
    async fn r87_lists_are_numbered_by_party_and_applied_once() {
        let (exchange, _db) = exchange().await;
        for (party, number) in [("beeline", 1), ("beeline", 2), ("ucell", 1)] {
            assert_eq!(exchange.next(Kind::Enrolled, party).await.unwrap().number, number);
        }
        let header =
            Header { kind: Kind::Returned, party: "ucell".to_owned(), number: 7, made_at: Timestamp(1) };
        assert_eq!(exchange.take(&header, "a", 3).await.unwrap(), Seen::Due);
        assert_eq!(exchange.take(&header, "a", 3).await.unwrap(), Seen::Due, "it was not finished");
        assert_eq!(exchange.take(&header, "b", 3).await.unwrap(), Seen::Other);
        exchange.finish(&header, "a", 3).await.unwrap();
        assert_eq!(exchange.take(&header, "a", 3).await.unwrap(), Seen::Finished);
    }

    #[actix_web::test]
    async fn r86_a_report_waits_until_it_is_settled() {
        let (exchange, _db) = exchange().await;
        let person = PersonId::random();
        let reported = Reported { day: None, record: Some("A-1".to_owned()) };
        let store = async || {
            exchange.store_reports(vec![exchange.report(&person, &reported).unwrap()]).await.unwrap();
        };
        store().await;
        assert_eq!(exchange.take_due(10).await.unwrap()[0].reported, reported);
        assert!(exchange.take_due(10).await.unwrap().is_empty(), "one process tries it");
        exchange.put_off(&person).await.unwrap();
        assert!(exchange.take_due(10).await.unwrap().is_empty());
        exchange.clock.advance(AGAIN);
        assert_eq!(exchange.take_due(10).await.unwrap().len(), 1);
        exchange.contradicted(&person).await.unwrap();
        assert_eq!(exchange.contradictions().await.unwrap(), 1);
        exchange.clock.advance(AGAIN);
        assert!(exchange.take_due(10).await.unwrap().is_empty());
        store().await;
        assert_eq!(exchange.contradictions().await.unwrap(), 0, "a newer report is tried again");
        assert_eq!(exchange.reports("waiting", 10).await.unwrap().len(), 1);
    }

    #[actix_web::test]
    async fn r86_one_node_has_the_turn() {
        let (exchange, _db) = exchange().await;
        assert_eq!(exchange.take_turn(60).await.unwrap().as_deref(), Some(""));
        assert_eq!(exchange.take_turn(60).await.unwrap(), None);
        exchange.turn_ended("p1").await.unwrap();
        exchange.clock.advance(60);
        assert_eq!(exchange.take_turn(60).await.unwrap().as_deref(), Some("p1"));
    }
}
