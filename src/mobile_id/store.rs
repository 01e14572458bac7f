//! SQL of the table `identifications`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::door::Door;
use super::flow::State;
use super::ground::Ground;
use super::id::{IdentificationId, Reference};
use super::identification::{Evidence, Findings, Identification, SentCode};
use super::payments::KeptPayment;
use super::questionnaire::Questionnaire;
use super::queue::Queue;
use crate::clients::ClientId;
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::Sealer;
use crate::platform::web::locale::Language;
use crate::staff::{PlaceId, PlaceKind, StaffId};

/// What this subject keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE, super::payments::TABLE];

const TABLE: &str = "identifications";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT identification_id, reference, door, place_id, place_kind, opener, language, state, ground, version, \
             consents, sealed, code_message, code_digest, code_sent_at, code_expires_at, codes_sent, invoice, \
             person_id, opened_at, updated_at, ended_at, invoice_ended_at FROM identifications ",
            $rest
        )
    };
}

macro_rules! update {
    ($condition:literal) => {
        concat!(
            "UPDATE identifications SET state = $1, ground = $2, version = version + 1, consents = $3, sealed = $4, \
             code_message = $5, code_digest = $6, code_sent_at = $7, code_expires_at = $8, codes_sent = $9, \
             invoice_number = $10, invoice = $11, fee_tiyin = $12, pay_until = $13, person_id = $14, \
             updated_at = $15, ended_at = $16 WHERE identification_id = $17 AND version = $18 ",
            $condition,
            "RETURNING version"
        )
    };
}

/// What is sealed of an application.
#[derive(Serialize, Deserialize)]
struct Content {
    form: Questionnaire,
    #[serde(default)]
    evidence: Evidence,
    #[serde(default)]
    findings: Option<Findings>,
}

/// The table, and what opens its rows. Cheap to clone.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) db: Db,
    sealer: Arc<Sealer>,
}

/// The indexes by which an application is found.
pub(super) struct Indexes {
    pub(super) number: Digest,
    pub(super) pinfl: Digest,
}

impl Store {
    pub(super) fn new(db: Db, sealer: Sealer) -> Self {
        Self { db, sealer: Arc::new(sealer) }
    }

    fn seal(&self, application: &Identification) -> Result<String, DbError> {
        let content = Content {
            form: application.form.clone(),
            evidence: application.evidence.clone(),
            findings: application.findings.clone(),
        };
        let plain = serde_json::to_vec(&content).map_err(DbError::statement)?;
        Ok(self.sealer.seal_text(application.id.as_str().as_bytes(), &plain))
    }

    /// Stores a new application with `also`; without effect where one of that identifier is stored. Returns whether it was stored.
    pub(super) async fn insert(
        &self,
        new: &Identification,
        indexes: &Indexes,
        also: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let insert = db::statement(
            "INSERT INTO identifications (identification_id, reference, door, place_id, place_kind, opener, language, \
             number_index, pinfl_index, state, version, consents, sealed, opened_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             ON CONFLICT (identification_id) DO NOTHING RETURNING version",
        );
        let (place, kind, opener) = match &new.door {
            Door::Place { place, kind, staff } => (Some(place.as_str()), Some(kind.name()), staff.as_str()),
            Door::App { client } => (None, None, client.as_str()),
            Door::Web { person } => (None, None, person.as_str()),
        };
        let insert = insert
            .bind(new.id.as_str())
            .bind(new.reference.as_str())
            .bind(new.door.name())
            .bind(place)
            .bind(kind)
            .bind(opener)
            .bind(new.language.tag())
            .bind(indexes.number.encode())
            .bind(indexes.pinfl.encode())
            .bind(new.state.name())
            .bind(new.version)
            .bind(db::to_json(&new.consents)?)
            .bind(self.seal(new)?)
            .bind(new.opened_at.0)
            .bind(new.updated_at.0);
        if also.is_empty() {
            return Ok(self.db.change(insert).await?.is_some());
        }
        Ok(self.db.guarded(insert, also).await?.is_some())
    }

    /// What stores an application as it has become, if nothing was changed since it was read: a guard, with `RETURNING`.
    pub(super) fn update(&self, changed: &Identification) -> Result<Statement, DbError> {
        self.changed(changed, db::statement(update!("")))
    }

    /// As [`Store::update`], unless the number had `most` messages of a series today.
    pub(super) fn update_within(
        &self,
        changed: &Identification,
        (number, (day, above, up_to), most): (&Digest, (i64, i64, i64), i64),
    ) -> Result<Statement, DbError> {
        let within = db::statement(update!(
            "AND $23 > (SELECT COUNT(*) FROM messages WHERE number_index = $19 AND day = $20 AND n > $21 AND n <= $22) "
        ));
        let guard = self.changed(changed, within)?;
        Ok(guard.bind(number.encode()).bind(day).bind(above).bind(up_to).bind(most))
    }

    /// As [`Store::update`], if person and number still stand as they did ([`crate::people::People::standing_values`]).
    pub(super) fn update_standing(
        &self,
        changed: &Identification,
        standing: [String; 8],
    ) -> Result<Statement, DbError> {
        let standing_still = db::statement(update!(
            "AND COALESCE((SELECT person_id FROM persons WHERE pinfl_index = $19), '') = $20 \
             AND COALESCE((SELECT n.person_id FROM phone_numbers n WHERE n.number_index = $21 AND n.status <> 'not_enrolled' \
             AND n.person_id <> $20), '') = $22 \
             AND COALESCE((SELECT o.number_index FROM phone_numbers o WHERE o.person_id = $23 AND o.status <> 'not_enrolled' \
             ORDER BY CASE o.status WHEN 'enrolled' THEN 0 ELSE 1 END, o.updated_at DESC LIMIT 1), '') = $24 \
             AND COALESCE((SELECT CASE WHEN a.confirmed_by IS NULL THEN 'unconfirmed' ELSE 'confirmed' END FROM accounts a \
             WHERE a.person_id = $25), '') = $26 "
        ));
        let guard = self.changed(changed, standing_still)?;
        Ok(standing.into_iter().fold(guard, Statement::bind))
    }

    fn changed(&self, changed: &Identification, update: Statement) -> Result<Statement, DbError> {
        let (code, invoice) = (changed.code.as_ref(), changed.invoice.as_ref());
        Ok(update
            .bind(changed.state.name())
            .bind(changed.state.ground().map(Ground::clause))
            .bind(db::to_json(&changed.consents)?)
            .bind(self.seal(changed)?)
            .bind(code.map(|code| code.message_id.as_str()))
            .bind(code.map(|code| code.digest.as_str()))
            .bind(code.map(|code| code.sent_at.0))
            .bind(code.map(|code| code.expires_at.0))
            .bind(changed.codes_sent)
            .bind(invoice.map(|invoice| invoice.number.as_str()))
            .bind(invoice.map(db::to_json).transpose()?)
            .bind(invoice.map(|invoice| invoice.fee.tiyin))
            .bind(invoice.map(|invoice| invoice.until.0))
            .bind(changed.person.as_ref().map(PersonId::as_str))
            .bind(changed.updated_at.0)
            .bind(changed.ended_at.map(|at| at.0))
            .bind(changed.id.as_str())
            .bind(changed.version))
    }

    pub(super) async fn find(&self, id: &IdentificationId) -> Result<Option<Identification>, DbError> {
        self.one(db::statement(select!("WHERE identification_id = $1")).bind(id.as_str())).await
    }

    pub(super) async fn by_reference(
        &self,
        reference: &Reference,
    ) -> Result<Option<Identification>, DbError> {
        self.one(db::statement(select!("WHERE reference = $1")).bind(reference.as_str())).await
    }

    pub(super) async fn by_invoice(&self, number: &str) -> Result<Option<Identification>, DbError> {
        self.one(db::statement(select!("WHERE invoice_number = $1")).bind(number)).await
    }

    /// Those of a place that were opened from `since` on and before `before`, the newest first.
    pub(super) async fn of_place(
        &self,
        place: &PlaceId,
        (since, before): (Timestamp, Option<&Identification>),
        most: i64,
    ) -> Result<Vec<Identification>, DbError> {
        let list = db::statement(select!(
            "WHERE place_id = $1 AND opened_at >= $2 AND (opened_at < $3 OR (opened_at = $4 AND identification_id < $5)) \
             ORDER BY opened_at DESC, identification_id DESC LIMIT $6"
        ));
        let at = before.map_or(i64::MAX, |before| before.opened_at.0);
        let id = before.map_or("", |before| before.id.as_str());
        let list = list.bind(place.as_str()).bind(since.0).bind(at).bind(at).bind(id).bind(most);
        self.all(list).await
    }

    /// Those that were opened from `since` on, the newest first.
    pub(super) async fn since(&self, since: Timestamp, most: i64) -> Result<Vec<Identification>, DbError> {
        let list = db::statement(select!(
            "WHERE opened_at >= $1 ORDER BY opened_at DESC, identification_id DESC LIMIT $2"
        ));
        self.all(list.bind(since.0).bind(most)).await
    }

    /// The next ones of a queue after `after`; of those that nobody went on with, since `before`.
    pub(super) async fn waiting(
        &self,
        (queue, before): (Queue, Timestamp),
        after: Option<&Identification>,
        most: i64,
    ) -> Result<Vec<Identification>, DbError> {
        let list = db::statement(match queue {
            Queue::Unpaid => select!(
                "WHERE state = 'awaiting_payment' AND (pay_until, identification_id) > ($1, $2) \
                 ORDER BY pay_until, identification_id LIMIT $3"
            ),
            Queue::TakingBack => select!(
                "WHERE state = 'withdrawn' AND invoice IS NOT NULL AND invoice_ended_at IS NULL \
                 AND (updated_at, identification_id) > ($1, $2) ORDER BY updated_at, identification_id LIMIT $3"
            ),
            Queue::Abandoned => select!(
                "WHERE ended_at IS NULL AND state <> 'awaiting_payment' AND (updated_at, identification_id) > ($1, $2) \
                 AND updated_at < $4 ORDER BY updated_at, identification_id LIMIT $3"
            ),
        });
        let at = after.map_or(i64::MIN, |after| queue.at(after));
        let list = list.bind(at).bind(after.map_or("", |after| after.id.as_str())).bind(most);
        self.all(if queue == Queue::Abandoned { list.bind(before.0) } else { list }).await
    }

    /// Notes that nobody can pay the invoice of a withdrawn application any more.
    pub(super) async fn invoice_ended(&self, id: &IdentificationId, now: Timestamp) -> Result<(), DbError> {
        let ended = db::statement(
            "UPDATE identifications SET invoice_ended_at = $1 WHERE identification_id = $2 AND state = 'withdrawn' \
             AND invoice_ended_at IS NULL",
        );
        self.db.execute(ended.bind(now.0).bind(id.as_str())).await.map(|_| ())
    }

    /// Payments that `statement` finds.
    pub(super) async fn payments(&self, statement: Statement) -> Result<Vec<KeptPayment>, DbError> {
        self.db.read_all(statement).await?.iter().map(KeptPayment::read).collect()
    }

    async fn one(&self, statement: Statement) -> Result<Option<Identification>, DbError> {
        let row = self.db.read_optional(statement).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    async fn all(&self, statement: Statement) -> Result<Vec<Identification>, DbError> {
        Ok(db::readable(&self.db.read_all(statement).await?, |row| self.read(row)))
    }

    fn read(&self, row: &Row) -> Result<Identification, DbError> {
        let wrong = |column, what: &'static str| row.corrupt(TABLE, column, what);
        let text = |column| db::text(row, TABLE, column);
        let maybe_at = |column| db::maybe_int(row, TABLE, column).map(|at| at.map(Timestamp));
        let id = IdentificationId::parse(&text("identification_id")?)
            .ok_or_else(|| wrong("identification_id", "it is no identifier"))?;
        let plain = self.sealer.open_text(id.as_str().as_bytes(), &text("sealed")?);
        let plain = plain.map_err(|error| row.corrupt(TABLE, "sealed", error))?;
        let content: Content =
            serde_json::from_slice(&plain).map_err(|_| wrong("sealed", "it is no application"))?;
        let ground = db::maybe_text(row, TABLE, "ground")?;
        let ground = match ground {
            None => None,
            Some(ground) => {
                Some(Ground::parse(&ground).ok_or_else(|| wrong("ground", "it is none of the lists"))?)
            }
        };
        let code = match db::maybe_text(row, TABLE, "code_digest")? {
            None => None,
            Some(digest) => Some(SentCode {
                digest,
                message_id: text("code_message")?,
                sent_at: Timestamp(db::int(row, TABLE, "code_sent_at")?),
                expires_at: Timestamp(db::int(row, TABLE, "code_expires_at")?),
            }),
        };
        let invoice = db::maybe_text(row, TABLE, "invoice")?;
        let invoice = invoice.map(|_| db::json(row, TABLE, "invoice")).transpose()?;
        Ok(Identification {
            reference: Reference::parse(&text("reference")?)
                .ok_or_else(|| wrong("reference", "it is no reference"))?,
            door: door(row)?,
            language: Language::parse(&text("language")?)
                .ok_or_else(|| wrong("language", "it is none of this version"))?,
            state: State::parse(&text("state")?, ground)
                .ok_or_else(|| wrong("state", "it is no state of this version"))?,
            form: content.form,
            consents: db::json(row, TABLE, "consents")?,
            evidence: content.evidence,
            findings: content.findings,
            code,
            codes_sent: db::int(row, TABLE, "codes_sent")?,
            invoice,
            registered: false,
            person: db::maybe_text(row, TABLE, "person_id")?.map(PersonId::stored),
            opened_at: Timestamp(db::int(row, TABLE, "opened_at")?),
            updated_at: Timestamp(db::int(row, TABLE, "updated_at")?),
            ended_at: maybe_at("ended_at")?,
            invoice_ended_at: maybe_at("invoice_ended_at")?,
            version: db::int(row, TABLE, "version")?,
            id,
        })
    }
}

fn door(row: &Row) -> Result<Door, DbError> {
    let wrong = |column, what: &'static str| row.corrupt(TABLE, column, what);
    let opener = db::text(row, TABLE, "opener")?;
    match db::text(row, TABLE, "door")?.as_str() {
        "place" => Ok(Door::Place {
            place: PlaceId::stored(db::text(row, TABLE, "place_id")?),
            kind: PlaceKind::parse(&db::text(row, TABLE, "place_kind")?)
                .ok_or_else(|| wrong("place_kind", "it is no kind of place"))?,
            staff: StaffId::stored(opener),
        }),
        "app" => Ok(Door::App {
            client: ClientId::parse(&opener).ok_or_else(|| wrong("opener", "it is no client identifier"))?,
        }),
        "web" => Ok(Door::Web { person: PersonId::stored(opener) }),
        _ => Err(wrong("door", "it is no door of this version")),
    }
}
