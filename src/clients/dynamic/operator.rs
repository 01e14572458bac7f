//! What operators decide on: clients that registered themselves, and changes of those that were approved.

use serde_json::json;

use super::members;
use super::store::{self, HeldIcon, Own};
use crate::audit::{Event, Kind};
use crate::clients::registry::{ClientsError, Registry};
use crate::clients::{Registration, SubjectType, UnderContract, store as clients};
use crate::platform::bytes::{self, Digest};
use crate::platform::db::DbError;

/// Something that waits for an operator.
pub struct Waiting {
    /// The client.
    pub client_id: String,
    /// Whether the client itself waits, or a change of it.
    pub is_new: bool,
    /// What would be approved.
    pub registration: Registration,
    /// The icon that people would see, as it was fetched from the `logo_uri`.
    pub icon: Option<HeldIcon>,
    /// The sector that people get their `sub` by; `None` where they get one for all public clients.
    pub sector: Option<String>,
    /// Other clients of this sector: they know everybody by the same `sub`.
    pub shared_with: Vec<String>,
    /// Names exactly this registration with its icon: who approves it by this code approves nothing else.
    pub review: String,
}

/// What was approved.
pub enum Approved {
    /// The client: people can meet it.
    Client,
    /// A change of its registration.
    Change,
}

/// What was rejected.
pub enum Rejected {
    /// The client, which is gone.
    Client,
    /// A change of its registration, which goes on as it was.
    Change,
}

/// The code of a registration with its icon: the digest of all that would be in use.
fn review(registration: &Registration, icon: Option<&HeldIcon>) -> Result<String, DbError> {
    let icon = icon.map(|icon| (&icon.uri, &icon.digest));
    let whole = serde_json::to_vec(&json!([registration, icon])).map_err(DbError::statement)?;
    Ok(bytes::encode(&Digest::of(&whole).0))
}

/// What would be in use: the registration of a client that waits, or that of an approved one with the change.
fn wanted(own: &Own) -> Result<Registration, DbError> {
    match own.change()? {
        Some(change) if !own.pending => members::merged(&own.template, &own.registration()?, &change),
        _ => own.registration(),
    }
}

/// The code of what waits of a client.
pub(super) fn review_of(own: &Own) -> Result<String, DbError> {
    review(&wanted(own)?, own.icon.as_ref())
}

impl Registry {
    /// All that waits for an operator.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn waiting(&self) -> Result<Vec<Waiting>, DbError> {
        store::waiting(&self.db).await?.iter().map(|own| self.wait(own)).collect()
    }

    /// Approves a client, or the change that it would like: only what [`Waiting::review`] named by `code`. With `contract` it lives
    /// under that one from now on.
    ///
    /// # Errors
    /// [`ClientsError`].
    pub async fn approve(
        &self,
        id: &str,
        code: &str,
        contract: Option<&str>,
    ) -> Result<Approved, ClientsError> {
        let own = self.under_review(id).await?;
        let mut registration = wanted(&own)?;
        let reviewed = review(&registration, own.icon.as_ref())?;
        if !bytes::same(code.as_bytes(), reviewed.as_bytes()) {
            return Err(ClientsError::ReviewedElse(id.to_owned()));
        }
        let now_ms = self.clock.now_ms();
        if let Some(contract) = contract {
            registration.under = UnderContract { contract: Some(contract.to_owned()), first_party: None };
        }
        let parsed = registration.parse(&self.rules);
        let held = parsed.and_then(|client| self.hold_to_contract(&client));
        // One that waits was held against the rules when it came, and is shown to the operator as it is.
        if contract.is_some() || !own.pending || registration.under.contract.is_some() {
            held.map_err(|errors| ClientsError::Invalid(vec![errors]))?;
        }
        let mut then = vec![clients::upsert(&registration, (None, None), None, now_ms)?];
        then.extend(self.come_to_contract(&registration));
        let (done, approved) = if own.pending {
            let then = if contract.is_some() { then } else { Vec::new() };
            (store::approve(&self.db, &own, then, now_ms).await?, Approved::Client)
        } else {
            (store::approve_change(&self.db, &own, then).await?, Approved::Change)
        };
        if !done {
            return Err(ClientsError::ReviewedElse(id.to_owned()));
        }
        let what = if own.pending { "client" } else { "change" };
        self.audit.record(Event::new(Kind::ClientApproved).client(id).review(reviewed).reason(what));
        self.refresh().await?;
        Ok(approved)
    }

    /// Removes a client that waits, or the change that it would like.
    ///
    /// # Errors
    /// [`ClientsError`].
    pub async fn reject(&self, id: &str) -> Result<Rejected, ClientsError> {
        let own = self.under_review(id).await?;
        let (done, rejected) = if own.pending {
            (store::remove_pending(&self.db, id).await?, Rejected::Client)
        } else {
            (store::drop_held(&self.db, id).await?, Rejected::Change)
        };
        if !done {
            return Err(ClientsError::NotWaiting(id.to_owned()));
        }
        self.audit.record(Event::new(Kind::ClientRejected).client(id));
        self.refresh().await?;
        Ok(rejected)
    }

    async fn under_review(&self, id: &str) -> Result<Own, ClientsError> {
        let own = store::own(&self.db, id).await?.ok_or_else(|| ClientsError::Unknown(id.to_owned()))?;
        if !own.is_under_review() {
            return Err(ClientsError::NotWaiting(id.to_owned()));
        }
        Ok(own)
    }

    fn wait(&self, own: &Own) -> Result<Waiting, DbError> {
        let registration = wanted(own)?;
        let review = review_of(own)?;
        // One that today's rules refuse has none: it is shown, and is not served.
        let tokens = registration.parse(&self.rules).ok().map(|client| client.tokens);
        let sector =
            tokens.filter(|tokens| tokens.subject_type == SubjectType::Pairwise).map(|tokens| tokens.sector);
        let all = self.all();
        let others = all.values().filter(|other| {
            other.id.as_str() != own.client_id
                && other.tokens.subject_type == SubjectType::Pairwise
                && sector.as_ref() == Some(&other.tokens.sector)
        });
        let mut shared_with: Vec<String> = others.map(|other| other.id.as_str().to_owned()).collect();
        shared_with.sort_unstable();
        Ok(Waiting {
            client_id: own.client_id.clone(),
            is_new: own.pending,
            registration,
            icon: own.icon.clone(),
            sector,
            shared_with,
            review,
        })
    }
}
