//! What operators decide on: clients that registered themselves, and changes of those that were approved.

use super::members;
use super::store::{self, Own};
use crate::audit::{Event, Kind};
use crate::clients::registry::{ClientsError, Registry};
use crate::clients::{Registration, store as clients};
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
    /// Names exactly this registration: who approves it by this code approves nothing else.
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

/// The code of a document.
fn review(document: &str) -> String {
    bytes::encode(&Digest::of(document.as_bytes()).0[..9])
}

impl Registry {
    /// All that waits for an operator.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn waiting(&self) -> Result<Vec<Waiting>, DbError> {
        store::waiting(&self.db).await?.iter().filter_map(|own| wait(own).transpose()).collect()
    }

    /// Approves a client, or the change that it would like; with `code` only what [`Waiting::review`] named by it.
    ///
    /// # Errors
    /// [`ClientsError`].
    pub async fn approve(&self, id: &str, code: Option<&str>) -> Result<Approved, ClientsError> {
        let own = self.under_review(id).await?;
        let document = own.under_review().unwrap_or_default();
        if code.is_some_and(|code| code != review(document)) {
            return Err(ClientsError::ReviewedElse(id.to_owned()));
        }
        let now_ms = self.clock.now_ms();
        let (done, approved) = match own.change()? {
            Some(change) if !own.pending => {
                let registration = members::merged(&own.registration()?, &change)?;
                registration.parse(&self.rules).map_err(|errors| ClientsError::Invalid(vec![errors]))?;
                let upsert = clients::upsert(&registration, (None, None), None, now_ms)?;
                (store::approve_change(&self.db, &own, upsert).await?, Approved::Change)
            }
            _ => (store::approve(&self.db, &own, now_ms).await?, Approved::Client),
        };
        if !done {
            return Err(ClientsError::ReviewedElse(id.to_owned()));
        }
        self.audit.record(Event::new(Kind::ClientApproved).client(id));
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
        if own.under_review().is_none() {
            return Err(ClientsError::NotWaiting(id.to_owned()));
        }
        Ok(own)
    }
}

fn wait(own: &Own) -> Result<Option<Waiting>, DbError> {
    let Some(document) = own.under_review() else { return Ok(None) };
    let registration = match own.change()? {
        Some(change) if !own.pending => members::merged(&own.registration()?, &change)?,
        _ => own.registration()?,
    };
    Ok(Some(Waiting {
        client_id: own.client_id.clone(),
        is_new: own.pending,
        registration,
        review: review(document),
    }))
}
