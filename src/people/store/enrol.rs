//! SQL that binds a number to a person and that ends it: the tables `phone_numbers`, `contact_numbers` and `enrolment_ends`. What else
//! belongs to it (sessions, notices, signals) is in `life_events`, in the same transaction.

use super::{INSERT_PERSON, People, UNOPENED, UPDATE_PERSON, accounts, blocks, in_turn, place};
use crate::people::{Epoch, NumberStatus, Person, PersonId, PhoneNumber, Pinfl};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row, Statement};
use crate::platform::web::locale::Language;

/// The numbers in people's cabinets.
pub(super) const CONTACTS: &str = "contact_numbers";

/// How enrolments ended.
pub(super) const ENDS: &str = "enrolment_ends";

/// Whose a number is, and which number is a person's, at one moment.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The person with the PINFL, if they have an account.
    pub person: Option<Known>,
    /// The number that is enrolled as theirs, or was before it was blocked or they locked their account.
    pub own: Option<PhoneNumber>,
    /// Another person as whose the number is enrolled, or was before it was blocked.
    pub holder: Option<(PersonId, Epoch)>,
    /// In how many cabinets of other people the number is.
    pub other_cabinets: u32,
    number: Digest,
    own_index: Option<String>,
    account: &'static str,
}

/// A person who has an account.
#[derive(Clone, Debug)]
pub struct Known {
    /// Their identifier.
    pub id: PersonId,
    /// Their record so far.
    pub record: Person,
    /// Their epoch.
    pub epoch: Epoch,
    /// Whether a number is enrolled, and neither blocked nor locked.
    pub enrolled: bool,
    /// Whether there is an account that is used without a number, and nothing confirms that whoever uses it is this person: it was opened
    /// on-line, or its enrolment has ended.
    pub unconfirmed: bool,
}

impl Standing {
    /// Whether the person has another number so far than the one in question.
    pub fn changes_number(&self) -> bool {
        self.own_index.as_ref().is_some_and(|own| *own != self.number.encode())
    }
}

/// Why an enrolment ended (clause 34).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndGround {
    /// 34(1): another person's identification with the number was completed (R83, D-l).
    OtherPerson,
    /// 34(2): the number was returned to the operator (R84).
    NumberReturned,
    /// 34(3): the person asked for it (R85).
    Request,
    /// 34(4): the person died (R86).
    Death,
    /// Another number took the place of this one (R82).
    NumberChanged,
}

impl EndGround {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::OtherPerson, Self::NumberReturned, Self::Request, Self::Death, Self::NumberChanged];

    /// Its name in the store, in logs and in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherPerson => "other_person",
            Self::NumberReturned => "number_returned",
            Self::Request => "request",
            Self::Death => "death",
            Self::NumberChanged => "number_changed",
        }
    }
}

/// A binding to be made.
pub struct Binding<'a> {
    /// Under which identifier: that of the account that is there, or a new one.
    pub person: &'a PersonId,
    /// The record to be stored.
    pub record: &'a Person,
    /// The number.
    pub number: &'a PhoneNumber,
    /// How things stood when it was decided.
    pub standing: &'a Standing,
    /// The application that it rests on.
    pub identification: &'a str,
    /// When.
    pub now: Timestamp,
}

impl People {
    /// How things stand between a person and a number; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn standing(&self, pinfl: &Pinfl, number: &PhoneNumber) -> Result<Standing, DbError> {
        let (pinfl_index, number_index) = (self.pinfl_index(pinfl).encode(), self.number_index(number));
        // One row, whatever is there: the person, their number, and whose the number in question is.
        let asked = db::statement(
            "SELECT p.person_id, p.sealed AS person_sealed, p.epoch, o.number_index AS own_index, o.sealed AS own_sealed, \
             o.status AS own_status, h.person_id AS holder, h.epoch AS holder_epoch, \
             a.person_id AS account, a.confirmed_by, \
             (SELECT COUNT(*) FROM contact_numbers c WHERE c.number_index = $1 AND c.person_id <> COALESCE(p.person_id, '') \
             AND c.person_id <> COALESCE(h.person_id, '')) AS others \
             FROM (SELECT 1 AS one) AS base \
             LEFT JOIN persons p ON p.pinfl_index = $2 LEFT JOIN accounts a ON a.person_id = p.person_id \
             LEFT JOIN phone_numbers o ON o.person_id = p.person_id AND (o.status = 'enrolled' OR (o.status = 'blocked' \
             AND NOT EXISTS (SELECT 1 FROM phone_numbers e WHERE e.person_id = p.person_id AND e.status = 'enrolled'))) \
             LEFT JOIN (SELECT n.person_id, q.epoch FROM phone_numbers n JOIN persons q ON q.person_id = n.person_id \
             WHERE n.number_index = $3 AND n.status <> 'not_enrolled') AS h ON h.person_id <> COALESCE(p.person_id, '') \
             ORDER BY o.updated_at DESC LIMIT 1",
        );
        let index = number_index.encode();
        let row = self.db.read_one(asked.bind(&index).bind(pinfl_index).bind(&index)).await?;
        self.read_standing(&row, number_index)
    }

    fn read_standing(&self, row: &Row, number: Digest) -> Result<Standing, DbError> {
        let own_index = db::maybe_text(row, "phone_numbers", "own_index")?;
        let (account, confirmed) = (
            db::maybe_text(row, accounts::TABLE, "account")?.is_some(),
            db::maybe_text(row, accounts::TABLE, "confirmed_by")?.is_some(),
        );
        let person = db::maybe_text(row, "persons", "person_id")?.map(PersonId::stored);
        let person = match person {
            None => None,
            Some(id) => {
                let sealed = db::text(row, "persons", "person_sealed")?;
                let plain = self.sealer.open_text(place("persons", id.as_str()).as_bytes(), &sealed).ok();
                let record = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
                let status = db::maybe_text(row, "phone_numbers", "own_status")?;
                Some(Known {
                    record: record.ok_or_else(|| row.corrupt("persons", "sealed", UNOPENED))?,
                    epoch: Epoch(db::int(row, "persons", "epoch")?),
                    enrolled: status.as_deref() == Some(NumberStatus::Enrolled.name()),
                    unconfirmed: account && !confirmed && own_index.is_none(),
                    id,
                })
            }
        };
        let own = match &own_index {
            None => None,
            Some(index) => {
                let sealed = db::text(row, "phone_numbers", "own_sealed")?;
                let digits = self.sealer.open_text(place("phone_numbers", index).as_bytes(), &sealed).ok();
                let digits = digits.and_then(|plain| String::from_utf8(plain).ok());
                let number = digits.and_then(|digits| PhoneNumber::from_digits(&digits).ok());
                Some(number.ok_or_else(|| row.corrupt("phone_numbers", "sealed", UNOPENED))?)
            }
        };
        let holder = db::maybe_text(row, "phone_numbers", "holder")?.map(PersonId::stored);
        let holder = match holder {
            None => None,
            Some(id) => Some((id, Epoch(db::int(row, "persons", "holder_epoch")?))),
        };
        let others = db::int(row, CONTACTS, "others")? + i64::from(holder.is_some());
        let other_cabinets = u32::try_from(others).unwrap_or(u32::MAX);
        let account = match (account, confirmed) {
            (false, _) => "",
            (true, false) => "unconfirmed",
            (true, true) => "confirmed",
        };
        Ok(Standing { person, own, holder, other_cabinets, number, own_index, account })
    }

    /// Makes `guard`, a change with `RETURNING`, and `then`, all or nothing and one binding after the other: of two at once the second
    /// sees what the first did. Those named in `changed` are read anew afterwards.
    ///
    /// # Errors
    /// [`DbError`], also where a constraint refuses the second of two; then nothing was written, and how things stand may be read again.
    pub async fn bind_in_turn(
        &self,
        guard: Statement,
        then: Vec<Statement>,
        changed: &[&PersonId],
    ) -> Result<bool, DbError> {
        let done = self.db.held(in_turn(), guard, then).await?;
        for person in changed {
            self.remembered.invalidate(*person);
        }
        Ok(done.is_some())
    }

    /// What takes the number from its former holder (34(1)): their epoch, and the history. Without effect where there is none.
    pub fn take_from_holder(binding: &Binding<'_>) -> Vec<Statement> {
        let Some((holder, _)) = &binding.standing.holder else { return Vec::new() };
        let number = binding.standing.number.encode();
        vec![
            blocks::pass_on(holder, &number, binding.now),
            raise(holder),
            end(holder, &number, EndGround::OtherPerson, (binding.now, Some(binding.identification))),
            // The lock of an account that goes on by other means stays.
            db::statement(
                "DELETE FROM self_locks WHERE person_id = $1 AND number_index = $2 \
                 AND NOT EXISTS (SELECT 1 FROM accounts WHERE person_id = $3)",
            )
            .bind(holder.as_str())
            .bind(number)
            .bind(holder.as_str()),
        ]
    }

    /// What gives up the number that the person had so far: their epoch, and the history. Without effect where it is the same number, or
    /// there was none.
    pub fn give_up_own(binding: &Binding<'_>) -> Vec<Statement> {
        let standing = binding.standing;
        let Some(own) = standing.own_index.as_ref().filter(|_| standing.changes_number()) else {
            return Vec::new();
        };
        let ground = EndGround::NumberChanged;
        vec![
            raise(binding.person),
            db::statement(
                "UPDATE phone_numbers SET status = 'not_enrolled', enrolled_at = NULL, updated_at = $1 \
                 WHERE person_id = $2 AND status <> 'not_enrolled'",
            )
            .bind(binding.now.0)
            .bind(binding.person.as_str()),
            end(binding.person, own, ground, (binding.now, Some(binding.identification))),
        ]
    }

    /// What leaves nothing of an account that nobody had confirmed to whoever used it until then: their epoch, and the numbers by which
    /// they were reached. It comes before [`People::binding_rows`]; without effect where the person was enrolled or confirmed, or has
    /// no account.
    pub fn give_up_unconfirmed(binding: &Binding<'_>) -> Vec<Statement> {
        if !binding.standing.person.as_ref().is_some_and(|known| known.unconfirmed) {
            return Vec::new();
        }
        let numbers = db::statement("DELETE FROM contact_numbers WHERE person_id = $1");
        vec![raise(binding.person), numbers.bind(binding.person.as_str())]
    }

    /// What stores the record and binds the number to it: the account where there is none, the number, and that it is in this cabinet
    /// alone (R36, R41, R42). A lock that the person had put on their account ends: they proved who they are. What takes the number
    /// from others comes before.
    ///
    /// # Errors
    /// [`DbError`] when the record cannot be serialised.
    pub fn binding_rows(&self, binding: &Binding<'_>) -> Result<Vec<Statement>, DbError> {
        let (person, now) = (binding.person, binding.now);
        let record = serde_json::to_vec(binding.record).map_err(DbError::statement)?;
        let known = binding.standing.person.is_some();
        let store = db::statement(if known { UPDATE_PERSON } else { INSERT_PERSON })
            .bind(person.as_str())
            .bind(self.pinfl_index(&binding.record.pinfl).encode())
            .bind(self.sealer.seal_text(place("persons", person.as_str()).as_bytes(), &record))
            .bind(now.0);
        let number = binding.standing.number.encode();
        let mut rows = vec![store];
        if known {
            rows.push(db::statement("DELETE FROM self_locks WHERE person_id = $1").bind(person.as_str()));
            rows.push(accounts::identified(person));
        }
        rows.push(self.number_of(person, binding.number, NumberStatus::Enrolled, now));
        if known {
            // A return of the number to its operator from before ends nothing that was identified after it (R84).
            let since = db::statement("UPDATE phone_numbers SET enrolled_at = $1 WHERE number_index = $2");
            rows.push(since.bind(now.0).bind(&number));
        }
        if binding.standing.other_cabinets > 0 {
            rows.push(
                db::statement("DELETE FROM contact_numbers WHERE number_index = $1 AND person_id <> $2")
                    .bind(&number)
                    .bind(person.as_str()),
            );
        }
        // Where no number is enrolled any more, a person is reached by this one, and by no former one, which may be somebody else's.
        let [leave, cabinet, reached] = self.set_contact(person, binding.number, now);
        rows.extend([leave, cabinet]);
        rows.extend(known.then_some(reached));
        Ok(rows)
    }

    /// The language of messages that no page of theirs asked for, of somebody who has just got an account; a choice of theirs stays.
    pub fn prefers_at_first(id: &PersonId, language: Language, now: Timestamp) -> Statement {
        db::statement(
            "INSERT INTO person_preferences (person_id, language, updated_at) VALUES ($1, $2, $3) \
             ON CONFLICT (person_id) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(language.tag())
        .bind(now.0)
    }

    /// Puts a number into a person's cabinet, as one by which they can be reached. It is not enrolled by that.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn add_contact(
        &self,
        id: &PersonId,
        number: &PhoneNumber,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let add = db::statement(
            "INSERT INTO contact_numbers (person_id, number_index, added_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        );
        let add = add.bind(id.as_str()).bind(self.number_index(number).encode()).bind(now.0);
        self.db.execute(add).await.map(|_| ())
    }

    /// Takes a number that was returned to its operator at that moment from every account and cabinet that it reaches (R84), whoever had
    /// it: whoever gets it next is somebody else. What was proved of it after that moment stays.
    ///
    /// # Errors
    /// [`DbError`]; doing it again is safe.
    pub async fn number_left(&self, number_index: &Digest, at: Timestamp) -> Result<(), DbError> {
        let number = number_index.encode();
        let reached = db::statement(
            "UPDATE accounts SET contact_index = NULL, contact_sealed = NULL WHERE contact_index = $1 \
             AND NOT EXISTS (SELECT 1 FROM contact_numbers c WHERE c.person_id = accounts.person_id \
             AND c.number_index = $2 AND c.added_at > $3) RETURNING person_id",
        );
        let rows = self.db.change_all(reached.bind(&number).bind(&number).bind(at.0)).await?;
        for row in &rows {
            self.forget(&PersonId::stored(db::text(row, accounts::TABLE, "person_id")?));
        }
        let cabinets =
            db::statement("DELETE FROM contact_numbers WHERE number_index = $1 AND added_at <= $2");
        self.db.execute(cabinets.bind(number).bind(at.0)).await.map(|_| ())
    }

    /// Whether a number is in a person's cabinet.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn has_contact(&self, id: &PersonId, number: &PhoneNumber) -> Result<bool, DbError> {
        let has =
            db::statement("SELECT person_id FROM contact_numbers WHERE person_id = $1 AND number_index = $2");
        let has = has.bind(id.as_str()).bind(self.number_index(number).encode());
        Ok(self.db.read_optional(has).await?.is_some())
    }

    /// The person whose number is enrolled, or was before it was blocked; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn holder_of(
        &self,
        number_index: &Digest,
    ) -> Result<Option<(PersonId, Option<Timestamp>)>, DbError> {
        let holder = db::statement(
            "SELECT person_id, CASE WHEN enrolled_person = person_id AND enrolled_seen = updated_at THEN enrolled_at END \
             AS enrolled_at FROM phone_numbers WHERE number_index = $1 AND status <> 'not_enrolled'",
        );
        let Some(row) = self.db.read_optional(holder.bind(number_index.encode())).await? else {
            return Ok(None);
        };
        let person = PersonId::stored(db::text(&row, "phone_numbers", "person_id")?);
        Ok(Some((person, db::maybe_int(&row, "phone_numbers", "enrolled_at")?.map(Timestamp))))
    }

    /// Ends the enrolment of a person with `then`, all or nothing: their number, whose block passes to the account, their epoch, a lock of theirs, and a row
    /// of the history. A number that was returned to its operator leaves all cabinets. Returns the epoch that ended; `None` when no
    /// number was enrolled: then nothing has changed. With `only`, that number alone, unless it was enrolled after the moment.
    ///
    /// # Errors
    /// [`DbError`]; then nothing was written.
    pub async fn end_enrolment(
        &self,
        id: &PersonId,
        (ground, only): (EndGround, Option<(&Digest, Timestamp)>),
        now: Timestamp,
        then: Vec<Statement>,
    ) -> Result<Option<Epoch>, DbError> {
        let guard = db::statement(
            "UPDATE phone_numbers SET status = 'not_enrolled', enrolled_at = NULL, updated_at = $1 \
             WHERE person_id = $2 AND status <> 'not_enrolled' AND ($3 = '' OR (number_index = $4 \
             AND (enrolled_at IS NULL OR enrolled_seen <> updated_at OR enrolled_at <= $5))) RETURNING number_index",
        );
        let up_to = only.map_or(i64::MAX, |(_, up_to)| up_to.0);
        let only = only.map(|(number, _)| number.encode()).unwrap_or_default();
        let guard = guard.bind(now.0).bind(id.as_str()).bind(&only).bind(&only).bind(up_to);
        let history = db::statement(
            "INSERT INTO enrolment_ends (end_id, person_id, number_index, ground, ended_at) \
             SELECT $1 || number_index, person_id, number_index, $2, $3 FROM phone_numbers \
             WHERE person_id = $4 AND status = 'not_enrolled' AND updated_at = $5 AND ($6 = '' OR number_index = $7)",
        )
        .bind(bytes::random_alphanumeric::<26>())
        .bind(ground.name())
        .bind(now.0)
        .bind(id.as_str())
        .bind(now.0)
        .bind(&only)
        .bind(&only);
        // The lock of an account that goes on by other means stays.
        let lock = db::statement(
            "DELETE FROM self_locks WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM accounts WHERE person_id = $2)",
        );
        let mut all = vec![raise(id), history, lock.bind(id.as_str()).bind(id.as_str())];
        if ground == EndGround::Death {
            all.push(Self::close_account(id, now));
        }
        if ground == EndGround::NumberReturned {
            let leave = "DELETE FROM contact_numbers WHERE number_index IN (SELECT number_index FROM enrolment_ends \
                         WHERE person_id = $1 AND ended_at = $2)";
            all.push(db::statement(leave).bind(id.as_str()).bind(now.0));
        }
        all.extend(then);
        let mut hold = in_turn();
        hold.push(blocks::pass_on(id, &only, now));
        let ended = self.db.held(hold, guard, all).await?;
        self.remembered.invalidate(id);
        if ended.is_none() {
            return Ok(None);
        }
        let epoch = db::statement("SELECT epoch FROM persons WHERE person_id = $1").bind(id.as_str());
        db::int(&self.db.read_one(epoch).await?, "persons", "epoch").map(|epoch| Some(Epoch(epoch - 1)))
    }

    /// How enrolments of a person ended, the newest first: the ground's name and when.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn ends_of(&self, id: &PersonId) -> Result<Vec<(String, Timestamp)>, DbError> {
        let all = "SELECT ground, ended_at FROM enrolment_ends WHERE person_id = $1 ORDER BY ended_at DESC, end_id LIMIT 100";
        let rows = self.db.read_all(db::statement(all).bind(id.as_str())).await?;
        let read =
            |row: &Row| Ok((db::text(row, ENDS, "ground")?, Timestamp(db::int(row, ENDS, "ended_at")?)));
        rows.iter().map(read).collect()
    }
}

/// Values for the condition that things stand as they did, in the order in which it has them: the PINFL's index and its person; the
/// number's and its other holder; the person and their number; and what their account is.
impl People {
    /// See the condition in `mobile_id/store.rs`.
    pub fn standing_values(&self, pinfl: &Pinfl, standing: &Standing) -> [String; 8] {
        let person = standing.person.as_ref().map(|known| known.id.as_str().to_owned()).unwrap_or_default();
        let holder = standing.holder.as_ref().map(|(id, _)| id.as_str().to_owned()).unwrap_or_default();
        [
            self.pinfl_index(pinfl).encode(),
            person.clone(),
            standing.number.encode(),
            holder,
            person.clone(),
            standing.own_index.clone().unwrap_or_default(),
            person,
            standing.account.to_owned(),
        ]
    }
}

fn raise(id: &PersonId) -> Statement {
    db::statement("UPDATE persons SET epoch = epoch + 1 WHERE person_id = $1").bind(id.as_str())
}

fn end(
    person: &PersonId,
    number: &str,
    ground: EndGround,
    (now, identification): (Timestamp, Option<&str>),
) -> Statement {
    db::statement(
        "INSERT INTO enrolment_ends (end_id, person_id, number_index, ground, ended_at, identification_id) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(bytes::random_alphanumeric::<26>())
    .bind(person.as_str())
    .bind(number)
    .bind(ground.name())
    .bind(now.0)
    .bind(identification)
}
