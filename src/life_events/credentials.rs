//! The first credential of an account that is opened: a temporary password or a link, which a message takes to its person's number
//! (R44, R64, D-e). It is made before the transaction that opens the account and stored in it, so neither is without the other.

use std::sync::Arc;

use crate::accounts::passwords::{LINK_PATH, Passwords, Rests, Temporary};
use crate::accounts::{Accounts, AddedBy, InitialCredentials};
use crate::people::PersonId;
use crate::platform::db::Statement;
use crate::platform::service_error::ServiceError;

/// Makes first credentials. Cheap to clone.
#[derive(Clone)]
pub struct FirstCredentials {
    /// Passwords.
    pub passwords: Passwords,
    /// The means of accounts.
    pub accounts: Accounts,
    /// Which; `None` where nobody signs in by password here.
    pub kind: Option<InitialCredentials>,
    /// Scheme, host and port of this provider's pages.
    pub address: Arc<str>,
}

/// A first credential, for the message.
pub enum FirstCredential {
    /// None.
    None,
    /// A temporary password.
    Temporary(Temporary),
    /// The address by which one is set.
    Link(String),
}

impl FirstCredentials {
    /// Makes one for a person, with the statements that store it: none, as long as nobody signs in by password.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn make(
        &self,
        person: &PersonId,
        by: AddedBy,
    ) -> Result<(FirstCredential, Vec<Statement>), ServiceError> {
        Ok(match self.kind {
            None => (FirstCredential::None, Vec::new()),
            Some(InitialCredentials::TemporaryPassword) => {
                let (temporary, hashed) = self.passwords.temporary().await?;
                let mut rows = vec![self.passwords.set_temporary(person, &hashed, by)];
                rows.extend(self.accounts.password_added(
                    person,
                    (by, Rests::IN_PERSON),
                    self.passwords.now(),
                ));
                (FirstCredential::Temporary(temporary), rows)
            }
            Some(InitialCredentials::SetupLink) => {
                let (word, row) = self.passwords.new_link(person);
                (FirstCredential::Link(format!("{}{LINK_PATH}{word}", self.address)), vec![row])
            }
        })
    }

    /// A temporary password that is handed over on paper, with the statements that store it: whoever has no number at a place gets one
    /// (R107). None where nobody signs in by password.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn on_paper(
        &self,
        person: &PersonId,
    ) -> Result<(Option<Temporary>, Vec<Statement>), ServiceError> {
        if self.kind.is_none() {
            return Ok((None, Vec::new()));
        }
        let (temporary, hashed) = self.passwords.temporary().await?;
        let mut rows = vec![self.passwords.set_temporary(person, &hashed, AddedBy::Staff)];
        let added = (AddedBy::Staff, Rests::IN_PERSON);
        rows.extend(self.accounts.password_added(person, added, self.passwords.now()));
        Ok((Some(temporary), rows))
    }

    /// For how many hours a first credential can be used.
    pub const fn hours(&self) -> i64 {
        self.passwords.temporary_seconds / 3600
    }
}
