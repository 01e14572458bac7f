//! Whom an operator, or an SMS, means: a person by their number, PINFL or identifier, whether or not a number of theirs is enrolled.

use super::{People, account_state, accounts};
use crate::people::{AccountState, PersonId, PhoneNumber, Pinfl};
use crate::platform::bytes::Digest;
use crate::platform::db::{self, DbError, Row};

/// How a person is named.
#[derive(Clone, Debug)]
pub enum Named {
    /// By a number: that of Mobile-ID, or the one by which they are reached.
    Number(PhoneNumber),
    /// By their PINFL.
    Pinfl(Pinfl),
    /// By their identifier, as the audit log has it.
    Id(PersonId),
}

/// What an account that needs no number can be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccountUse {
    /// It is open.
    Open,
    /// Its person locked it.
    Locked,
    /// An operator blocked it.
    Blocked,
    /// It ended.
    Closed,
}

impl AccountUse {
    /// Its name for operators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Locked => "locked",
            Self::Blocked => "blocked",
            Self::Closed => "closed",
        }
    }
}

/// A person, as operators find them.
#[derive(Clone, Debug)]
pub struct NamedAccount {
    /// The state of the account.
    pub state: AccountState,
    /// The number that they have in Mobile-ID, or had last, by its blind index.
    pub number_index: Option<Digest>,
    /// That number.
    pub number: Option<PhoneNumber>,
    /// The number by which the person of an account is reached that needs none in Mobile-ID.
    pub contact: Option<PhoneNumber>,
    /// Their account that needs no number, if they have one.
    pub account: Option<AccountUse>,
}

/// A person with a number (one that is enrolled before one that is blocked, and that before any other) and an account.
macro_rules! named {
    ($condition:literal) => {
        concat!(
            "SELECT p.person_id, COALESCE(n.status, 'not_enrolled') AS status, n.number_index, n.sealed AS number_sealed, \
             w.failures, w.locked_until, w.known_failures, w.known_locked_until, w.approval_failures, w.approval_locked_until, \
             p.epoch, a.person_id AS account, a.locked_at, a.blocked_at, a.closed_at, a.contact_index, a.contact_sealed \
             FROM persons p LEFT JOIN phone_numbers n ON n.person_id = p.person_id LEFT JOIN accounts a ON a.person_id = p.person_id \
             LEFT JOIN wrong_codes w ON w.account = p.person_id WHERE (n.number_index IS NOT NULL OR a.person_id IS NOT NULL) AND ",
            $condition,
            " ORDER BY CASE n.status WHEN 'enrolled' THEN 0 WHEN 'blocked' THEN 1 ELSE 2 END, n.updated_at DESC LIMIT 1"
        )
    };
}

impl People {
    /// The person who is named so, if they have a number or an account, whatever either can be used for; never cached. A number that is
    /// nobody's in Mobile-ID now is that of whoever is reached by it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn named(&self, named: &Named) -> Result<Option<NamedAccount>, DbError> {
        let found = match named {
            Named::Number(number) => {
                let index = self.number_index(number).encode();
                let by_number = db::statement(named!("n.number_index = $1")).bind(&index);
                let found = self.db.read_optional(by_number).await?;
                let in_use = match &found {
                    Some(row) => db::text(row, "phone_numbers", "status")? != "not_enrolled",
                    None => false,
                };
                if in_use {
                    found
                } else {
                    let by_contact = db::statement(named!("a.contact_index = $1")).bind(&index);
                    self.db.read_optional(by_contact).await?.or(found)
                }
            }
            Named::Pinfl(pinfl) => {
                let index = self.pinfl_index(pinfl).encode();
                self.db.read_optional(db::statement(named!("p.pinfl_index = $1")).bind(index)).await?
            }
            Named::Id(id) => {
                self.db.read_optional(db::statement(named!("p.person_id = $1")).bind(id.as_str())).await?
            }
        };
        found.map(|row| self.named_in(&row)).transpose()
    }

    fn named_in(&self, row: &Row) -> Result<NamedAccount, DbError> {
        let state = account_state(row)?;
        let index = db::maybe_text(row, "phone_numbers", "number_index")?;
        let has = |column| Ok::<_, DbError>(db::maybe_int(row, accounts::TABLE, column)?.is_some());
        let account = match db::maybe_text(row, accounts::TABLE, "account")? {
            None => None,
            Some(_) if has("closed_at")? => Some(AccountUse::Closed),
            Some(_) if has("blocked_at")? => Some(AccountUse::Blocked),
            Some(_) if has("locked_at")? => Some(AccountUse::Locked),
            Some(_) => Some(AccountUse::Open),
        };
        let number = match &index {
            Some(index) => Some(self.sealed_number(row, ("phone_numbers", index), "number_sealed")?),
            None => None,
        };
        let whose = (accounts::TABLE, state.person_id.as_str());
        let contact = match db::maybe_text(row, accounts::TABLE, "contact_index")? {
            Some(_) => Some(self.sealed_number(row, whose, "contact_sealed")?),
            None => None,
        };
        let number_index = index
            .map(Digest::try_from)
            .transpose()
            .map_err(|_| row.corrupt("phone_numbers", "number_index", "it is no digest"))?;
        Ok(NamedAccount { state, number_index, number, contact, account })
    }
}
