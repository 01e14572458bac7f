//! SQL of the table `consents`, and the one reading that a decision needs: person, account_state and consent together.

use std::borrow::Borrow;
use std::sync::Arc;

use super::{Consent, Extent};
use crate::clients::{Basis, Client};
use crate::people::{Account, AccountState, People, PersonId};
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE];

const TABLE: &str = "consents";

/// A person in front of a service.
#[derive(Debug)]
pub struct ConsentContext {
    /// The person, as of now.
    pub account: Arc<Account>,
    /// The newest consent that was not ended, expired or not.
    pub consent: Option<Consent>,
}

impl Borrow<AccountState> for ConsentContext {
    fn borrow(&self) -> &AccountState {
        &self.account.account_state
    }
}

/// The records of consent. Cheap to clone.
#[derive(Clone)]
pub struct Release {
    db: Db,
    people: People,
    clock: Clock,
}

impl Release {
    /// The store.
    pub fn new(db: Db, people: People, clock: Clock) -> Self {
        Self { db, people, clock }
    }

    /// The persons that data are of.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The person with the consent they gave `client` on the basis that it has today, in one round trip and never from memory: what is decided
    /// rests on it. `None` when they have no enrolled number any more.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn consent_context(
        &self,
        person: &PersonId,
        client: &Client,
    ) -> Result<Option<ConsentContext>, DbError> {
        let row = self
            .db
            .read_optional(
                db::statement(
                    "SELECT p.person_id, p.sealed AS person_sealed, p.failures, p.locked_until, \
                     n.status, n.number_index, n.sealed AS number_sealed, \
                     c.consent_id, c.extent, c.expires_at \
                     FROM persons p JOIN phone_numbers n ON n.person_id = p.person_id AND n.status = 'enrolled' \
                     LEFT JOIN consents c ON c.person_id = p.person_id AND c.client_id = $1 AND c.basis = $2 AND c.ended_at IS NULL \
                     WHERE p.person_id = $3 ORDER BY c.given_at DESC, c.consent_id DESC LIMIT 1",
                )
                .bind(client.id.as_str())
                .bind(basis(client))
                .bind(person.as_str()),
            )
            .await?;
        let Some(row) = row else {
            self.people.pretend();
            return Ok(None);
        };
        let consent = match db::maybe_text(&row, TABLE, "consent_id")? {
            None => None,
            Some(id) => Some(Consent {
                id,
                extent: db::json::<Extent>(&row, TABLE, "extent")?,
                expires_at: Timestamp(db::int(&row, TABLE, "expires_at")?),
            }),
        };
        Ok(Some(ConsentContext { account: self.people.open(&row)?, consent }))
    }

    /// A new identifier of a consent.
    pub fn new_consent_id() -> String {
        bytes::random_text::<16>()
    }

    /// Records what a person agreed to, or what a law lets the client have. Recording the same `id` again changes nothing.
    ///
    /// # Errors
    /// [`DbError`]; then nothing was agreed, or it is not known to be.
    pub async fn record(
        &self,
        id: &str,
        person: &PersonId,
        client: &Client,
        extent: Extent,
    ) -> Result<Consent, DbError> {
        let now = self.clock.now();
        let consent =
            Consent { id: id.to_owned(), extent, expires_at: now.plus(client.data.consent_seconds) };
        let text = db::to_json(&consent.extent)?;
        self.db
            .execute(
                db::statement(
                    "INSERT INTO consents (consent_id, person_id, client_id, basis, extent, given_at, expires_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (consent_id) DO NOTHING",
                )
                .bind(&consent.id)
                .bind(person.as_str())
                .bind(client.id.as_str())
                .bind(basis(client))
                .bind(text)
                .bind(now.0)
                .bind(consent.expires_at.0),
            )
            .await?;
        Ok(consent)
    }
}

const fn basis(client: &Client) -> &'static str {
    match client.data.basis {
        Basis::Consent => "consent",
        Basis::Statutory => "statutory",
    }
}
