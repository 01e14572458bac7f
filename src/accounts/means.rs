//! SQL of the table `account_means`: which means of signing in a person has, and which they had.

use super::Accounts;
use crate::people::{OpenedBy, People, PersonId};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row, Statement};

/// The name of the table.
pub(super) const TABLE: &str = "account_means";

/// The identifier of one means of one person: random.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MeansId(String);

impl MeansId {
    /// A new one.
    pub fn random() -> Self {
        Self(bytes::random_alphanumeric::<26>())
    }

    /// What was read from the store, or named by a form.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kinds of means that are added to an account. A number is none: it is enrolled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Login and password; one for a person.
    Password,
    /// A passkey; several.
    Passkey,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Password, Self::Passkey];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
        }
    }
}

/// By what a means was added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddedBy {
    /// An identification in Mobile-ID that opened the account (R44, R64).
    Enrolment,
    /// The person's registration on-line (R113, R114).
    Registration,
    /// The person, on their pages.
    Person,
    /// Staff, at a place where people are identified (D-n).
    Staff,
    /// The person, who had lost another (R120, D-n).
    Recovery,
}

impl AddedBy {
    pub(super) const ALL: [Self; 5] =
        [Self::Enrolment, Self::Registration, Self::Person, Self::Staff, Self::Recovery];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::Registration => "registration",
            Self::Person => "person",
            Self::Staff => "staff",
            Self::Recovery => "recovery",
        }
    }
}

/// By what a means was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemovedBy {
    /// The person.
    Person,
    /// Another of the same kind took its place.
    Replaced,
    /// A recovery.
    Recovery,
    /// It shows that somebody has a copy of it.
    Copied,
    /// The person was identified, and nobody had confirmed before that the account was theirs.
    Identified,
    /// The account ended.
    End,
}

impl RemovedBy {
    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Replaced => "replaced",
            Self::Recovery => "recovery",
            Self::Copied => "copied",
            Self::Identified => "identified",
            Self::End => "end",
        }
    }
}

/// A means that a person has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Its identifier.
    pub id: MeansId,
    /// What it is.
    pub kind: Kind,
    /// How the person calls it; empty where they gave it no name.
    pub label: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// By what.
    pub added_by: AddedBy,
    /// From when on it counts as a second factor.
    pub counts_from: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// A means to be added.
pub struct NewMeans<'a> {
    /// Its identifier, under which what only its kind has is stored.
    pub id: &'a MeansId,
    /// Whose it is.
    pub person: &'a PersonId,
    /// What it is.
    pub kind: Kind,
    /// How the person calls it.
    pub label: &'a str,
    /// By what it is added.
    pub by: AddedBy,
    /// The classes of the session, or what else it rests on.
    pub rests_on: &'a [&'a str],
    /// Whether that is a code by SMS and no more: then it counts as a second factor after a wait only.
    pub on_a_code_alone: bool,
}

impl Accounts {
    /// What adds a means, for the transaction that stores what only its kind has. The account is usable without a number from then on.
    pub fn adding(&self, new: &NewMeans<'_>, now: Timestamp) -> [Statement; 2] {
        let counts_from = if new.on_a_code_alone { now.plus(self.settings.counts_after) } else { now };
        let rests_on = serde_json::json!(new.rests_on).to_string();
        let add = db::statement(
            "INSERT INTO account_means (means_id, person_id, kind, label, added_at, added_by, rests_on, counts_from) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(new.id.as_str())
        .bind(new.person.as_str())
        .bind(new.kind.name())
        .bind(new.label)
        .bind(now.0)
        .bind(new.by.name())
        .bind(rests_on)
        .bind(counts_from.0);
        [People::open_account(new.person, OpenedBy::Means, now), add]
    }

    /// What removes one means of a person; it returns its identifier if it was there, so that it can be the condition of a transaction.
    pub fn removing(id: &MeansId, person: &PersonId, by: RemovedBy, now: Timestamp) -> Statement {
        db::statement(
            "UPDATE account_means SET removed_at = $1, removed_by = $2 WHERE means_id = $3 AND person_id = $4 \
             AND removed_at IS NULL RETURNING means_id",
        )
        .bind(now.0)
        .bind(by.name())
        .bind(id.as_str())
        .bind(person.as_str())
    }

    /// Removes a means of a person at their own wish, with `then`, all or nothing: no means of another kind, none while a recovery can be
    /// stopped, and not the last one by which they can sign in now. `false` where it was not removed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn remove_own(
        &self,
        (id, kind, person): (&MeansId, Kind, &PersonId),
        then: Vec<Statement>,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        let guard = db::statement(
            "UPDATE account_means SET removed_at = $1, removed_by = $2 WHERE means_id = $3 AND person_id = $4 AND kind = $5 \
             AND removed_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM recoveries r WHERE r.person_id = $6 AND r.stopped_at IS NULL AND r.quiet_until > $7) \
             AND (EXISTS (SELECT 1 FROM phone_numbers n WHERE n.person_id = $8 AND n.status = 'enrolled') \
             OR EXISTS (SELECT 1 FROM accounts a WHERE a.person_id = $9 AND a.confirmed_by IN ('eri', 'face')) \
             OR EXISTS (SELECT 1 FROM account_means o WHERE o.person_id = $10 AND o.means_id <> $11 AND o.removed_at IS NULL \
             AND (o.kind <> 'passkey' OR o.counts_from <= $12) \
             AND NOT EXISTS (SELECT 1 FROM passwords w WHERE o.kind = 'password' AND w.person_id = o.person_id \
             AND w.temporary_until <= $13))) RETURNING means_id",
        )
        .bind(now.0)
        .bind(RemovedBy::Person.name())
        .bind(id.as_str())
        .bind(person.as_str())
        .bind(kind.name())
        .bind(person.as_str())
        .bind(now.0)
        .bind(person.as_str())
        .bind(person.as_str())
        .bind(person.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .bind(now.0);
        // Two removals of two means wait for one another, so that one of them is left.
        Ok(self.db.held(vec![People::hold(person)], guard, then).await?.is_some())
    }

    /// What removes all means of a kind.
    pub fn removing_all(kind: Kind, person: &PersonId, by: RemovedBy, now: Timestamp) -> Statement {
        db::statement(
            "UPDATE account_means SET removed_at = $1, removed_by = $2 WHERE kind = $3 AND person_id = $4 \
             AND removed_at IS NULL",
        )
        .bind(now.0)
        .bind(by.name())
        .bind(kind.name())
        .bind(person.as_str())
    }

    /// What removes all means that were added since.
    pub fn removing_since(since: Timestamp, person: &PersonId, by: RemovedBy, now: Timestamp) -> Statement {
        db::statement(
            "UPDATE account_means SET removed_at = $1, removed_by = $2 WHERE added_at >= $3 AND person_id = $4 \
             AND removed_at IS NULL",
        )
        .bind(now.0)
        .bind(by.name())
        .bind(since.0)
        .bind(person.as_str())
    }

    /// What removes every means of a person.
    pub fn removing_every(person: &PersonId, by: RemovedBy, now: Timestamp) -> Statement {
        db::statement(
            "UPDATE account_means SET removed_at = $1, removed_by = $2 WHERE person_id = $3 AND removed_at IS NULL",
        )
        .bind(now.0)
        .bind(by.name())
        .bind(person.as_str())
    }

    /// What notes that a means was used.
    pub fn using(id: &MeansId, now: Timestamp) -> Statement {
        db::statement("UPDATE account_means SET used_at = $1 WHERE means_id = $2")
            .bind(now.0)
            .bind(id.as_str())
    }

    /// The means that a person has, the oldest first; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn means_of(&self, person: &PersonId) -> Result<Vec<Held>, DbError> {
        let all = "SELECT means_id, kind, label, added_at, added_by, counts_from, used_at FROM account_means \
                   WHERE person_id = $1 AND removed_at IS NULL ORDER BY added_at, means_id LIMIT 100";
        let rows = self.db.read_all(db::statement(all).bind(person.as_str())).await?;
        rows.iter().map(held).collect()
    }
}

fn held(row: &Row) -> Result<Held, DbError> {
    let named = |column: &'static str| db::text(row, TABLE, column);
    let (kind, added_by) = (named("kind")?, named("added_by")?);
    Ok(Held {
        id: MeansId(named("means_id")?),
        kind: Kind::ALL
            .into_iter()
            .find(|known| known.name() == kind)
            .ok_or_else(|| row.corrupt(TABLE, "kind", "it is no kind of this version"))?,
        label: named("label")?,
        added_at: Timestamp(db::int(row, TABLE, "added_at")?),
        added_by: AddedBy::ALL
            .into_iter()
            .find(|known| known.name() == added_by)
            .ok_or_else(|| row.corrupt(TABLE, "added_by", "it is nothing of this version"))?,
        counts_from: Timestamp(db::int(row, TABLE, "counts_from")?),
        used_at: db::maybe_int(row, TABLE, "used_at")?.map(Timestamp),
    })
}
