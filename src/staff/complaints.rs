//! SQL of the table `desk_complaints`: complaints about refusals, and about acts or inaction of staff (R92, cl. 39).

use serde::{Deserialize, Serialize};

use super::{PlaceId, Staff, StaffId};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row, Statement};

const TABLE: &str = "desk_complaints";

/// Whether a complaint is about a member: they are named, or did something about the application whose reference it has.
macro_rules! own {
    ($member:literal) => {
        concat!(
            "COALESCE(desk_complaints.staff_id, '') = ",
            $member,
            " AND desk_complaints.staff_id IS NOT NULL OR EXISTS (SELECT 1 FROM staff_actions a WHERE a.staff_id = ",
            $member,
            " AND desk_complaints.reference <> '' AND a.about = desk_complaints.reference \
             AND a.what IN ('opened', 'evidence_given', 'code_sent', 'completed', 'refused', 'withdrawn'))"
        )
    };
}

/// The longest text of a complaint or an answer, in characters.
const LONGEST: usize = 2000;

/// Letters of a number: none that is taken for another when it is read aloud.
const LETTERS: &[u8; 20] = b"ACDEFGHKLMNPRTUVWXYZ";

/// What a complaint is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum ComplaintAbout {
    /// A refusal, by the reference on its sheet.
    Refusal,
    /// An act or inaction of staff.
    Staff,
}

impl ComplaintAbout {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Refusal, Self::Staff];

    /// Its word in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Staff => "staff",
        }
    }

    /// What has that word.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|about| about.name() == name)
    }
}

/// A complaint to be opened.
#[derive(Clone, Debug)]
pub struct NewDeskComplaint {
    /// At which place it happened.
    pub place: PlaceId,
    /// What it is about.
    pub about: ComplaintAbout,
    /// The reference on the sheet of a refusal, or nothing.
    pub reference: String,
    /// Whom it is about, where they are known.
    pub staff: Option<StaffId>,
    /// What the person says.
    pub note: String,
    /// How to reach them.
    pub contact: String,
    /// The member or operator who wrote it down.
    pub opened_by: String,
}

/// A complaint.
#[derive(Clone, Debug)]
pub struct DeskComplaint {
    /// The number that it is known by.
    pub number: String,
    /// At which place it happened.
    pub place: PlaceId,
    /// What it is about; `None` for what a later version knows.
    pub about: Option<ComplaintAbout>,
    /// The reference on the sheet of a refusal, or nothing.
    pub reference: String,
    /// Whom it is about, where they are known.
    pub staff: Option<StaffId>,
    /// Whether it is about what its reader did: they do not answer it.
    pub own: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Who wrote it down.
    pub opened_by: String,
    /// What the person says.
    pub note: String,
    /// How to reach them.
    pub contact: String,
    /// When it was answered, by whom, and what.
    pub answered: Option<(Timestamp, String, String)>,
}

/// What is sealed of a complaint.
#[derive(Serialize, Deserialize)]
struct Sealed {
    note: String,
    contact: String,
}

impl Staff {
    /// A text as a complaint or an answer may have it: cut and cleaned; `None` if nothing is left.
    pub fn complaint_text(text: &str) -> Option<String> {
        let plain: String =
            text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).take(LONGEST).collect();
        let plain = plain.trim().to_owned();
        (!plain.is_empty()).then_some(plain)
    }

    /// Opens a complaint together with `also`; returns its number.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn open_complaint(
        &self,
        new: &NewDeskComplaint,
        also: impl FnOnce(&str) -> Vec<Statement>,
    ) -> Result<String, DbError> {
        let random = bytes::random::<10>();
        let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
        let number: String = random.iter().map(letter).collect();
        let plain = db::to_json(&Sealed { note: new.note.clone(), contact: new.contact.clone() })?;
        let open = db::statement(
            "INSERT INTO desk_complaints (number, place_id, about, reference, opened_at, opened_by, sealed, staff_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&number)
        .bind(new.place.as_str())
        .bind(new.about.name())
        .bind(&new.reference)
        .bind(self.clock.now().0)
        .bind(&new.opened_by)
        .bind(self.seal(TABLE, &number, plain.as_bytes()))
        .bind(new.staff.as_ref().map(StaffId::as_str));
        let statements = std::iter::once(open).chain(also(&number)).collect();
        self.db.all_or_nothing(statements).await?;
        Ok(number)
    }

    /// Complaints about a place or about all, open ones first and the oldest of them first, as `reader` reads them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn complaints(
        &self,
        (place, reader): (Option<&PlaceId>, Option<&StaffId>),
        answered: bool,
        most: i64,
    ) -> Result<Vec<DeskComplaint>, DbError> {
        let all = db::statement(concat!(
            "SELECT number, place_id, about, reference, staff_id, opened_at, opened_by, sealed, answered_at, answered_by, \
             answer, CAST(CASE WHEN ",
            own!("$4"),
            " THEN 1 ELSE 0 END AS BIGINT) AS own \
             FROM desk_complaints WHERE ($1 = '' OR place_id = $1) AND (answered_at IS NULL OR $2 = 1) \
             ORDER BY CASE WHEN answered_at IS NULL THEN 0 ELSE 1 END, opened_at, number LIMIT $3",
        ));
        let all = all.bind(place.map_or("", PlaceId::as_str)).bind(i64::from(answered)).bind(most);
        let all = all.bind(reader.map_or("", StaffId::as_str));
        self.db.read_all(all).await?.iter().map(|row| self.read_complaint(row)).collect()
    }

    /// The complaint of that number.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn complaint(&self, number: &str) -> Result<Option<DeskComplaint>, DbError> {
        let one = db::statement(
            "SELECT number, place_id, about, reference, staff_id, opened_at, opened_by, sealed, answered_at, answered_by, \
             answer, CAST(0 AS BIGINT) AS own FROM desk_complaints WHERE number = $1",
        );
        let row = self.db.read_optional(one.bind(number)).await?;
        row.map(|row| self.read_complaint(&row)).transpose()
    }

    /// Answers a complaint once, together with `also`. `false` if there is no open one of that number, it is about another place than
    /// `place`, or about what whoever answers did.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn answer_complaint(
        &self,
        (number, place): (&str, Option<&PlaceId>),
        (by, answer): (&str, &str),
        also: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let close = db::statement(concat!(
            "UPDATE desk_complaints SET answered_at = $1, answered_by = $2, answer = $3 WHERE number = $4 \
             AND ($5 = '' OR place_id = $5) AND answered_at IS NULL AND NOT (",
            own!("$6"),
            ") RETURNING number",
        ))
        .bind(self.clock.now().0)
        .bind(by)
        .bind(answer)
        .bind(number)
        .bind(place.map_or("", PlaceId::as_str))
        .bind(by);
        Ok(self.db.guarded(close, also).await?.is_some())
    }

    fn read_complaint(&self, row: &Row) -> Result<DeskComplaint, DbError> {
        let number = db::text(row, TABLE, "number")?;
        let plain = self.open(TABLE, &number, &db::text(row, TABLE, "sealed")?);
        let sealed = plain.and_then(|plain| serde_json::from_slice::<Sealed>(&plain).ok());
        let sealed =
            sealed.ok_or_else(|| row.corrupt(TABLE, "sealed", "it does not open with this keyring"))?;
        let answered_at = db::maybe_int(row, TABLE, "answered_at")?;
        let by = db::maybe_text(row, TABLE, "answered_by")?.unwrap_or_default();
        let answer = db::maybe_text(row, TABLE, "answer")?.unwrap_or_default();
        Ok(DeskComplaint {
            place: PlaceId::stored(db::text(row, TABLE, "place_id")?),
            about: ComplaintAbout::parse(&db::text(row, TABLE, "about")?),
            reference: db::text(row, TABLE, "reference")?,
            staff: db::maybe_text(row, TABLE, "staff_id")?.map(StaffId::stored),
            own: db::int(row, TABLE, "own")? == 1,
            opened_at: Timestamp(db::int(row, TABLE, "opened_at")?),
            opened_by: db::text(row, TABLE, "opened_by")?,
            note: sealed.note,
            contact: sealed.contact,
            answered: answered_at.map(|at| (Timestamp(at), by, answer)),
            number,
        })
    }
}
