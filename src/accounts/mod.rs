//! Accounts: the means of signing in that people have besides their numbers, each with when, how and on which proof it was added.
//!
//! What only one kind of means has (a password's hash, a passkey's public key) is in a folder of its own here. Numbers and Mobile-ID are in
//! `people` and `mobile_id`; how a means proves who somebody is, and what it is worth, in `sign_in`.

mod means;
pub mod passkeys;
pub mod passwords;
mod representations;
mod settings;

use std::sync::Arc;

use crate::people::{ConfirmedBy, People, PersonId};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Db, DbError};

pub use means::{AddedBy, Held, Kind, MeansId, NewMeans, RemovedBy};
pub use representations::{Representation, Representations};
pub use settings::{AccountSettings, InitialCredentials};

/// What the stores in here keep their data in; that of passwords is in `passwords::TABLES`.
pub(crate) const TABLES: &[&str] = &[means::TABLE, passkeys::TABLE, representations::TABLE];

/// Accounts and their means. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    people: People,
    settings: Arc<AccountPolicy>,
}

/// What holds for all accounts.
#[derive(Clone, Debug)]
pub struct AccountPolicy {
    /// After so many seconds a means counts as a second factor that was added on a code by SMS alone: until then whoever took a number
    /// over gains nothing by adding one, and its owner, who was told, can remove it.
    pub counts_after: i64,
}

/// That a person is who the account says ("Tasdiqlangan foydalanuvchi", R3): on what that rests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground {
    /// Their number is enrolled in Mobile-ID.
    MobileId,
    /// Something else, since then.
    Other(ConfirmedBy, Timestamp),
}

impl Accounts {
    /// Accounts in `db`.
    pub const fn new(db: Db, people: People, settings: Arc<AccountPolicy>) -> Self {
        Self { db, people, settings }
    }

    /// On what a person's confirmation rests; `None` where they are not confirmed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn confirmation(&self, person: &PersonId) -> Result<Option<Ground>, DbError> {
        if self.people.is_enrolled(person).await? {
            return Ok(Some(Ground::MobileId));
        }
        Ok(self.people.confirmed_by(person).await?.map(|(by, since)| Ground::Other(by, since)))
    }
}
