//! SQL of the table `accounts`: accounts that can be used without an enrolled number, by other means of signing in. Whether an account
//! can be used now is said here, once, for every statement that has to know: whoever has an enrolled number can, and whoever has none
//! but an account that is neither locked nor blocked nor closed; nobody whose number is blocked.

use super::{People, in_turn, place};
use crate::people::{Epoch, PersonId, PhoneNumber, Pinfl};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

/// The name of the table.
pub(super) const TABLE: &str = "accounts";

/// The columns that [`People::open`] reads, of [`usable_account`].
macro_rules! account_columns {
    () => {
        "p.person_id, p.sealed AS person_sealed, w.failures, w.locked_until, w.known_failures, w.known_locked_until, \
         w.approval_failures, w.approval_locked_until, p.epoch, COALESCE(n.status, 'not_enrolled') AS status, n.number_index, \
         n.sealed AS number_sealed, a.contact_index, a.contact_sealed, a.confirmed_by"
    };
}

/// A person (`p`) with the number that they have in Mobile-ID (`n`), their account (`a`) and wrong codes (`w`), as far as there are any.
macro_rules! usable_account {
    () => {
        "persons p LEFT JOIN phone_numbers n ON n.person_id = p.person_id AND n.status <> 'not_enrolled' \
         LEFT JOIN accounts a ON a.person_id = p.person_id LEFT JOIN wrong_codes w ON w.account = p.person_id"
    };
}

/// Whether such an account can be used now.
macro_rules! account_is_usable {
    () => {
        "(n.status = 'enrolled' OR (n.number_index IS NULL AND a.person_id IS NOT NULL AND a.locked_at IS NULL \
         AND a.blocked_at IS NULL AND a.closed_at IS NULL))"
    };
}

/// Whether the account of the person that `$person` names (a column or a placeholder; it is used three times) can be used now.
macro_rules! account_holds {
    ($one:literal, $two:literal, $three:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM phone_numbers n WHERE n.person_id = ",
            $one,
            " AND n.status = 'enrolled') OR (EXISTS (SELECT 1 FROM accounts a WHERE a.person_id = ",
            $two,
            " AND a.locked_at IS NULL AND a.blocked_at IS NULL AND a.closed_at IS NULL) AND NOT EXISTS (SELECT 1 FROM phone_numbers b WHERE b.person_id = ",
            $three,
            " AND b.status = 'blocked')))"
        )
    };
}

pub(crate) use {account_columns, account_holds, account_is_usable, usable_account};

/// By what an account was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenedBy {
    /// An identification in Mobile-ID (R44, R64).
    Enrolment,
    /// The person, on-line (R113, R114).
    Registration,
    /// Staff, at a place where people are identified (R107).
    Place,
    /// The person, who had an enrolled number and added a means of signing in.
    Means,
}

impl OpenedBy {
    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::Registration => "registration",
            Self::Place => "place",
            Self::Means => "means",
        }
    }
}

/// On what a confirmation rests, other than an enrolled number ("Tasdiqlangan foydalanuvchi", R3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfirmedBy {
    /// An electronic digital signature.
    Eri,
    /// A face that was compared with the state's register.
    Face,
    /// Staff, who saw the original document.
    InPerson,
}

impl ConfirmedBy {
    /// All grounds.
    pub const ALL: [Self; 3] = [Self::Eri, Self::Face, Self::InPerson];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eri => "eri",
            Self::Face => "face",
            Self::InPerson => "in_person",
        }
    }

    /// The ground of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ground| ground.name() == name)
    }
}

impl People {
    /// What opens an account for use without an enrolled number; without effect where there is one.
    pub fn open_account(id: &PersonId, by: OpenedBy, now: Timestamp) -> Statement {
        db::statement(
            "INSERT INTO accounts (person_id, opened_at, opened_by) VALUES ($1, $2, $3) ON CONFLICT (person_id) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(now.0)
        .bind(by.name())
    }

    /// What stores the number by which the person of an account can be reached where none is enrolled: they proved now that they have it,
    /// and it leaves the accounts of others (R36, R42).
    pub fn set_contact(&self, id: &PersonId, number: &PhoneNumber, now: Timestamp) -> [Statement; 3] {
        let index = self.number_index(number).encode();
        let sealed = self.sealer.seal_text(place(TABLE, id.as_str()).as_bytes(), number.digits().as_bytes());
        let leave = db::statement(
            "UPDATE accounts SET contact_index = NULL, contact_sealed = NULL WHERE contact_index = $1 AND person_id <> $2",
        );
        let set =
            db::statement("UPDATE accounts SET contact_index = $1, contact_sealed = $2 WHERE person_id = $3");
        let cabinet = db::statement(
            "INSERT INTO contact_numbers (person_id, number_index, added_at) VALUES ($1, $2, $3) \
             ON CONFLICT (person_id, number_index) DO UPDATE SET added_at = excluded.added_at",
        );
        [
            leave.bind(&index).bind(id.as_str()),
            cabinet.bind(id.as_str()).bind(&index).bind(now.0),
            set.bind(index).bind(sealed).bind(id.as_str()),
        ]
    }

    /// What stores the number by which the person of an account can be reached who has none yet: they proved that they have it, in
    /// whoever's name it is, so it leaves nobody's account.
    pub fn first_contact(&self, id: &PersonId, number: &PhoneNumber, now: Timestamp) -> [Statement; 2] {
        let index = self.number_index(number).encode();
        let sealed = self.sealer.seal_text(place(TABLE, id.as_str()).as_bytes(), number.digits().as_bytes());
        let set = db::statement(
            "UPDATE accounts SET contact_index = $1, contact_sealed = $2 WHERE person_id = $3 AND contact_index IS NULL",
        );
        let cabinet = db::statement(
            "INSERT INTO contact_numbers (person_id, number_index, added_at) SELECT person_id, contact_index, $1 FROM accounts \
             WHERE person_id = $2 AND contact_index = $3 ON CONFLICT DO NOTHING",
        );
        [set.bind(&index).bind(sealed).bind(id.as_str()), cabinet.bind(now.0).bind(id.as_str()).bind(index)]
    }

    /// Whether a number is enrolled as somebody else's than the person's with that PINFL, or reaches their account; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_anothers(&self, number: &PhoneNumber, pinfl: &Pinfl) -> Result<bool, DbError> {
        let (index, pinfl) = (self.number_index(number).encode(), self.pinfl_index(pinfl).encode());
        let others = db::statement(
            "SELECT p.person_id FROM (SELECT person_id FROM phone_numbers WHERE number_index = $1 AND status <> 'not_enrolled' \
             UNION ALL SELECT person_id FROM accounts WHERE contact_index = $2 AND closed_at IS NULL) AS h \
             JOIN persons p ON p.person_id = h.person_id WHERE p.pinfl_index <> $3 LIMIT 1",
        );
        Ok(self.db.read_optional(others.bind(&index).bind(&index).bind(pinfl)).await?.is_some())
    }

    /// What confirms the person of an account; a ground of before stays.
    pub fn confirm(id: &PersonId, by: ConfirmedBy, now: Timestamp) -> Statement {
        db::statement(
            "UPDATE accounts SET confirmed_by = $1, confirmed_at = $2 WHERE person_id = $3 AND confirmed_by IS NULL",
        )
        .bind(by.name())
        .bind(now.0)
        .bind(id.as_str())
    }

    /// Confirms the person of an account; a ground of before stays.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn confirmed_now(&self, id: &PersonId, by: ConfirmedBy, now: Timestamp) -> Result<(), DbError> {
        if self.confirmed_by(id).await?.is_none() {
            self.db.execute(Self::confirm(id, by, now)).await?;
        }
        Ok(())
    }

    /// The same as the condition of a transaction: it returns the person of an account that is not closed, and touches none that is, nor
    /// somebody whose account needs an enrolled number.
    pub fn confirming(id: &PersonId, by: ConfirmedBy, now: Timestamp) -> Statement {
        db::statement(
            "UPDATE accounts SET confirmed_by = COALESCE(confirmed_by, $1), confirmed_at = COALESCE(confirmed_at, $2) \
             WHERE person_id = $3 AND closed_at IS NULL RETURNING person_id",
        )
        .bind(by.name())
        .bind(now.0)
        .bind(id.as_str())
    }

    /// What closes an account for good: its person died. It returns the person if that closed it.
    pub(super) fn close_account(id: &PersonId, now: Timestamp) -> Statement {
        db::statement(
            "UPDATE accounts SET closed_at = $1 WHERE person_id = $2 AND closed_at IS NULL RETURNING person_id",
        )
        .bind(now.0)
        .bind(id.as_str())
    }

    /// What raises a person's epoch: everything of theirs that began before has ended.
    pub fn raise_epoch_of(id: &PersonId) -> Statement {
        db::statement("UPDATE persons SET epoch = epoch + 1 WHERE person_id = $1").bind(id.as_str())
    }

    /// Closes an account with `then`, all or nothing, and returns the person's epoch after that; `None` where there was none to close.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn close_account_with(
        &self,
        id: &PersonId,
        now: Timestamp,
        then: Vec<Statement>,
    ) -> Result<Option<Epoch>, DbError> {
        if self.db.held(in_turn(), Self::close_account(id, now), then).await?.is_none() {
            return Ok(None);
        }
        self.forget(id);
        let epoch = db::statement("SELECT epoch FROM persons WHERE person_id = $1").bind(id.as_str());
        db::int(&self.db.read_one(epoch).await?, "persons", "epoch").map(|epoch| Some(Epoch(epoch)))
    }

    /// Who has a PINFL and an account, whether or not it can be used now: with a number in Mobile-ID, or without. None of them is opened
    /// anew on-line. Never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn account_of(&self, pinfl: &Pinfl) -> Result<Option<PersonId>, DbError> {
        let found = db::statement(
            "SELECT p.person_id FROM persons p WHERE p.pinfl_index = $1 AND (EXISTS (SELECT 1 FROM accounts a \
             WHERE a.person_id = p.person_id) OR EXISTS (SELECT 1 FROM phone_numbers n WHERE n.person_id = p.person_id \
             AND n.status <> 'not_enrolled'))",
        );
        let row = self.db.read_optional(found.bind(self.pinfl_index(pinfl).encode())).await?;
        row.map(|row| db::text(&row, "persons", "person_id").map(PersonId::stored)).transpose()
    }

    /// Whether a person can sign in by other means where they have no number in Mobile-ID; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn goes_on_without_number(&self, id: &PersonId) -> Result<bool, DbError> {
        let open = "SELECT person_id FROM accounts WHERE person_id = $1 AND locked_at IS NULL AND blocked_at IS NULL \
                    AND closed_at IS NULL AND NOT EXISTS (SELECT 1 FROM phone_numbers n WHERE n.person_id = $2 AND n.status = 'blocked')";
        Ok(self.db.read_optional(db::statement(open).bind(id.as_str()).bind(id.as_str())).await?.is_some())
    }

    /// On what the confirmation of a person rests who has no enrolled number, and since when; `None` where they are not confirmed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn confirmed_by(&self, id: &PersonId) -> Result<Option<(ConfirmedBy, Timestamp)>, DbError> {
        let confirmed = "SELECT confirmed_by, confirmed_at FROM accounts WHERE person_id = $1 AND confirmed_by IS NOT NULL";
        let row = self.db.read_optional(db::statement(confirmed).bind(id.as_str())).await?;
        let Some(row) = row else { return Ok(None) };
        let by = ConfirmedBy::parse(&db::text(&row, TABLE, "confirmed_by")?);
        let by = by.ok_or_else(|| row.corrupt(TABLE, "confirmed_by", "it is no ground of this version"))?;
        Ok(Some((by, Timestamp(db::int(&row, TABLE, "confirmed_at")?))))
    }

    /// Forgets what is remembered of a person, whose account was changed by somebody's transaction.
    pub fn forget(&self, id: &PersonId) {
        self.remembered.invalidate(id);
    }
}

/// What locks an account for every means, beside the number.
pub(super) fn lock(id: &PersonId, now: Timestamp) -> Statement {
    db::statement("UPDATE accounts SET locked_at = $1 WHERE person_id = $2 AND locked_at IS NULL")
        .bind(now.0)
        .bind(id.as_str())
}

/// What opens an account for use again whose person was identified anew: neither their lock nor an operator's block stays.
pub(super) fn identified(id: &PersonId) -> Statement {
    db::statement("UPDATE accounts SET locked_at = NULL, blocked_at = NULL WHERE person_id = $1")
        .bind(id.as_str())
}

/// What ends that.
pub(super) fn unlock(id: &PersonId) -> Statement {
    db::statement("UPDATE accounts SET locked_at = NULL WHERE person_id = $1").bind(id.as_str())
}
