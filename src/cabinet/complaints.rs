//! SQL of the table `complaints`: what people said was not them, what was done at once, and what became of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::oidc::ToldOf;
use crate::people::PersonId;
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::{Keyring, Sealer};

/// What this store keeps its data in.
pub(super) const TABLE: &str = "complaints";

/// The longest that a person may write, in characters.
pub(super) const LONGEST: usize = 1000;

/// Letters of a number: none that is taken for another when it is read aloud.
const LETTERS: &[u8; 20] = b"ACDEFGHKLMNPRTUVWXYZ";

/// What a person says was not them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// A sign-in of their history.
    SignIn,
    /// A session that goes on.
    Session,
    /// A release of their data.
    Access,
    /// Nothing in particular.
    Anything,
}

impl About {
    const ALL: [Self; 4] = [Self::SignIn, Self::Session, Self::Access, Self::Anything];

    /// Its name in the store and in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Session => "session",
            Self::Access => "access",
            Self::Anything => "anything",
        }
    }

    /// What has that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|about| about.name() == name)
    }
}

/// A complaint to be opened.
#[derive(Clone, Debug)]
pub(super) struct NewComplaint {
    /// The number that it is known by.
    pub(super) number: String,
    /// What it is about.
    pub(super) about: About,
    /// The name of that: of a row of the history or of the ledger; empty where it is about nothing in particular.
    pub(super) reference: String,
    /// The service that it is about; empty where there is none.
    pub(super) client: String,
    /// What the person wrote.
    pub(super) note: String,
    /// Which services were told of the end of which sessions, or could not be.
    pub(super) told: Vec<ToldOf>,
}

impl NewComplaint {
    /// A number of ten letters, of which there are so many that none is guessed.
    pub(super) fn number() -> String {
        let random = bytes::random::<10>();
        random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
    }
}

/// A complaint.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// The number that it is known by.
    pub number: String,
    /// Whose.
    pub person_id: PersonId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What it is about; `None` for what a later version knows.
    pub about: Option<About>,
    /// The name of that.
    pub reference: String,
    /// The service, or nothing.
    pub client: String,
    /// What the person wrote.
    pub note: String,
    /// Which services were told, or could not be.
    pub told: Vec<ToldOf>,
    /// When it was closed, and what the person is answered.
    pub closed: Option<(Timestamp, String)>,
}

/// What is sealed of a complaint.
#[derive(Serialize, Deserialize)]
struct Sealed {
    note: String,
}

/// The complaints of all people. Cheap to clone.
#[derive(Clone)]
pub struct Complaints {
    db: Db,
    clock: Clock,
    sealer: Arc<Sealer>,
}

impl Complaints {
    /// The store; what people write is sealed.
    pub fn new(db: Db, clock: Clock, keyring: &Keyring) -> Self {
        Self { db, clock, sealer: Arc::new(keyring.sealer("complaint")) }
    }

    /// What opens a complaint, for the transaction that ends what it is about.
    ///
    /// # Errors
    /// [`DbError`] when it cannot be written down.
    pub(super) fn row(&self, person: &PersonId, new: &NewComplaint) -> Result<Statement, DbError> {
        let plain = serde_json::to_vec(&Sealed { note: new.note.clone() }).map_err(DbError::statement)?;
        Ok(db::statement(
            "INSERT INTO complaints (number, person_id, opened_at, about, reference, client_id, sealed, told) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&new.number)
        .bind(person.as_str())
        .bind(self.clock.now().0)
        .bind(new.about.name())
        .bind(&new.reference)
        .bind(&new.client)
        .bind(self.sealer.seal_text(place(&new.number).as_bytes(), &plain))
        .bind(db::to_json(&new.told)?))
    }

    /// The complaints of a person, the newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn of_person(&self, person: &PersonId, most: i64) -> Result<Vec<Complaint>, DbError> {
        let of = "SELECT number, person_id, opened_at, about, reference, client_id, sealed, told, closed_at, answer \
                  FROM complaints WHERE person_id = $1 ORDER BY opened_at DESC, number LIMIT $2";
        let rows = self.db.read_all(db::statement(of).bind(person.as_str()).bind(most)).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// Open complaints, or all, the oldest first, after a number of that order.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn list(&self, closed: bool, most: i64) -> Result<Vec<Complaint>, DbError> {
        let all = "SELECT number, person_id, opened_at, about, reference, client_id, sealed, told, closed_at, answer \
                   FROM complaints WHERE closed_at IS NULL OR $1 = 1 ORDER BY opened_at, number LIMIT $2";
        let rows = self.db.read_all(db::statement(all).bind(i64::from(closed)).bind(most)).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// The complaint of that number.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find(&self, number: &str) -> Result<Option<Complaint>, DbError> {
        let one = "SELECT number, person_id, opened_at, about, reference, client_id, sealed, told, closed_at, answer \
                   FROM complaints WHERE number = $1";
        let row = self.db.read_optional(db::statement(one).bind(number)).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// Closes a complaint with an answer that its person reads. Returns whose it was; `None` when there is no open one of that
    /// number.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn close(&self, number: &str, answer: &str) -> Result<Option<PersonId>, DbError> {
        let close = db::statement(
            "UPDATE complaints SET closed_at = $1, answer = $2 WHERE number = $3 AND closed_at IS NULL RETURNING person_id",
        );
        let row = self.db.change(close.bind(self.clock.now().0).bind(answer).bind(number)).await?;
        row.map(|row| Ok(PersonId::stored(db::text(&row, TABLE, "person_id")?))).transpose()
    }

    fn read(&self, row: &Row) -> Result<Complaint, DbError> {
        let number = db::text(row, TABLE, "number")?;
        let plain = self.sealer.open_text(place(&number).as_bytes(), &db::text(row, TABLE, "sealed")?).ok();
        let sealed = plain.and_then(|plain| serde_json::from_slice::<Sealed>(&plain).ok());
        let sealed =
            sealed.ok_or_else(|| row.corrupt(TABLE, "sealed", "it does not open with this keyring"))?;
        let closed_at = db::maybe_int(row, TABLE, "closed_at")?;
        let answer = db::maybe_text(row, TABLE, "answer")?.unwrap_or_default();
        Ok(Complaint {
            person_id: PersonId::stored(db::text(row, TABLE, "person_id")?),
            opened_at: Timestamp(db::int(row, TABLE, "opened_at")?),
            about: About::parse(&db::text(row, TABLE, "about")?),
            reference: db::text(row, TABLE, "reference")?,
            client: db::text(row, TABLE, "client_id")?,
            note: sealed.note,
            told: db::json(row, TABLE, "told")?,
            closed: closed_at.map(|at| (Timestamp(at), answer)),
            number,
        })
    }
}

fn place(number: &str) -> String {
    format!("complaints/sealed/{number}")
}
