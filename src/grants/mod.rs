//! What persons granted to clients, by whatever protocol, and its end. Durable: a loss would let something be used twice.
//!
//! A [`Grant`] is one row from the moment that what granted it (an authorization code) is redeemed. `revocations.rs` is
//! the revocation list by which tokens that are not looked up end as well.

mod revocations;
mod store;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use revocations::Revocations;
pub(crate) use store::TABLES;

use crate::audit::{Audit, Event, Kind};
use crate::clients::ClientId;
use crate::people::{DataSet, Epoch, PersonId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::ephemeral::{KeySpace, Unavailable};
use crate::platform::service_error::ServiceError;
use crate::sign_in::{Acr, Amr};

/// Revocations on their way to other nodes.
pub const REVOKED: KeySpace = KeySpace::new(b'r', "revocation");

/// What a person let a client have: names of things, no value of any of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantDetails {
    /// The person.
    pub person_id: PersonId,
    /// The person's epoch under which it was granted.
    #[serde(default)]
    pub epoch: Epoch,
    /// Subject identifier issued to this client.
    pub sub: String,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// Data sets that may be released.
    pub released: BTreeSet<DataSet>,
    /// Claims requested by name.
    #[serde(default)]
    pub claims: ClaimNames,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// What they did for it.
    pub acr: Acr,
    /// By which methods.
    pub amr: Vec<Amr>,
    /// Session ID (`sid`) for this client.
    pub sid: String,
    /// The consent that it rests on; absent when nothing personal is released.
    pub consent_id: Option<String>,
    /// When that consent expires, and everything that rests on it.
    pub consent_until: Option<Timestamp>,
}

/// Names of claims by where they were requested.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimNames {
    /// From UserInfo.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub userinfo: BTreeSet<String>,
    /// In the ID token.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token: BTreeSet<String>,
}

impl GrantDetails {
    /// Removes what belongs to scopes that were granted and are not in `scope` (RFC 6749 §6).
    pub fn narrow_to(&mut self, scope: &str) {
        let granted: Vec<&str> = self.scope.split(' ').collect();
        let kept: Vec<&str> = scope.split(' ').collect();
        self.released.retain(|set| !granted.contains(&set.scope()) || kept.contains(&set.scope()));
        self.scope = scope.to_owned();
    }
}

/// The identifier of what a single-use secret grants: made of the secret's digest, so that a second redemption meets the
/// first one's row.
pub fn id_of(secret: &str) -> String {
    bytes::encode(&Digest::of(secret.as_bytes()).0[..20])
}

/// The name in the revocation list of everything that a person granted under an epoch. `store.rs` makes the same name
/// in SQL.
pub fn epoch_id(person: &PersonId, epoch: Epoch) -> String {
    format!("person/{}/{}", person.as_str(), epoch.0)
}

/// A redeemed code and what lives of it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its identifier.
    pub id: String,
    /// Who holds it.
    pub client_id: ClientId,
    /// What was granted.
    pub details: GrantDetails,
    /// Which refresh token is the current one, counted from 1; 0 when there is none.
    pub generation: i64,
    /// When the current refresh token was issued.
    pub refreshed_at: Timestamp,
    /// When nothing issued from it can live any more.
    pub expires_at: Timestamp,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// The grants. Cheap to clone.
#[derive(Clone)]
pub struct Grants {
    db: Db,
    clock: Clock,
    revocations: Revocations,
    audit: Audit,
}

/// Rows stay a little longer than what was issued from them, so that a replay of the code is still known as one.
const KEPT: i64 = 3600;

impl Grants {
    /// The grants in `db`.
    pub fn new(db: Db, clock: Clock, revocations: Revocations, audit: Audit) -> Self {
        Self { db, clock, revocations, audit }
    }

    /// Redeems a code, whose person signed in by the number with this blind index. `None` when all access of the person,
    /// the number's enrolment or the consent has ended, or when it was redeemed before: then everything that came of it is
    /// revoked.
    ///
    /// # Errors
    /// [`ServiceError`], as for all methods.
    pub async fn redeem(
        &self,
        code: &str,
        client: &ClientId,
        (details, number): (GrantDetails, &Digest),
        refreshable: bool,
        expires_at: Timestamp,
    ) -> Result<Option<Grant>, ServiceError> {
        let now = self.clock.now();
        let grant = Grant {
            id: id_of(code),
            client_id: client.clone(),
            details,
            generation: i64::from(refreshable),
            refreshed_at: now,
            expires_at,
            revoked: false,
        };
        if store::redeem(&self.db, &grant, number, now).await? {
            return Ok(Some(grant));
        }
        self.replayed(code, client).await?;
        Ok(None)
    }

    /// Revokes what a code granted, if `client` redeemed it before. For codes whose content is gone, too.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn replayed(&self, code: &str, client: &ClientId) -> Result<(), ServiceError> {
        let now_ms = self.clock.now_ms();
        let grant = id_of(code);
        if store::revoke_of(&self.db, &grant, client, now_ms).await? {
            self.audit.record(Event::new(Kind::CodeReplayed).client(client.as_str()).grant(grant.as_str()));
            self.revocations.announce(&grant).await?;
        }
        Ok(())
    }

    /// Uses up one generation of a grant's refresh token.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn rotate(
        &self,
        id: &str,
        generation: i64,
        client: &ClientId,
        idle: i64,
    ) -> Result<Option<Grant>, ServiceError> {
        let now = self.clock.now();
        Ok(store::rotate(&self.db, id, generation, client, now.minus(idle), now).await?)
    }

    /// A grant by its identifier.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn find(&self, id: &str) -> Result<Option<Grant>, ServiceError> {
        Ok(store::find(&self.db, id).await?)
    }

    /// Revokes a grant with every token that came of it.
    ///
    /// # Errors
    /// [`ServiceError`]; unless it is returned, the revocation is durable.
    pub async fn revoke(&self, id: &str) -> Result<(), ServiceError> {
        store::revoke(&self.db, id, self.clock.now_ms()).await?;
        Ok(self.revocations.announce(id).await?)
    }

    /// Revokes a single access token.
    ///
    /// # Errors
    /// [`ServiceError`]; unless it is returned, the revocation is durable.
    pub async fn revoke_token(&self, token: &str, expires_at: Timestamp) -> Result<(), ServiceError> {
        store::revoke_token(&self.db, token, self.clock.now_ms(), expires_at).await?;
        Ok(self.revocations.announce(token).await?)
    }

    /// What must take place in the transaction that raises a person's epoch, so that their access tokens end as well.
    pub fn end_former_epoch(&self, person: &PersonId) -> Statement {
        let expires_at = self.clock.now().plus(self.revocations.longest());
        store::revoke_former_epoch(person, self.clock.now_ms(), expires_at)
    }

    /// Announces to all nodes immediately that what a person granted under `epoch` has ended.
    ///
    /// # Errors
    /// [`Unavailable`] when they cannot be reached now; they read it from SQL within a second.
    pub async fn announce_end(&self, person: &PersonId, epoch: Epoch) -> Result<(), Unavailable> {
        self.revocations.announce(&epoch_id(person, epoch)).await
    }

    /// What must take place in the transaction that ends a consent: the client's grants of that person are revoked.
    pub fn end_with_consent(&self, consent: &str) -> Statement {
        store::revoke_of_consent(consent, self.clock.now_ms())
    }

    /// What must take place in the transaction that records a consent which goes less far than the ones before: what
    /// the client holds of that person is revoked.
    pub fn end_before_narrower(&self, person: &PersonId, client: &ClientId) -> Statement {
        store::revoke_all_of((person, client), self.clock.now_ms())
    }

    /// What must take place in the transaction that deletes a client: its grants go with it, so that no later client of the
    /// same identifier inherits them.
    pub fn delete_of_client(&self, client: &str) -> Statement {
        store::delete_of_client(client)
    }

    /// Announces to all nodes immediately the grants of a person and a client that were revoked since a moment.
    ///
    /// # Errors
    /// [`ServiceError`] when they cannot be reached now; they read it from SQL within a second.
    pub async fn announce_revoked(
        &self,
        person: &PersonId,
        client: &ClientId,
        since_ms: i64,
    ) -> Result<(), ServiceError> {
        for grant in store::revoked_of(&self.db, (person, client), since_ms).await? {
            self.revocations.announce(&grant).await?;
        }
        Ok(())
    }

    /// Removes what nothing rests on any more; returns how many rows went.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, most: i64) -> Result<u64, DbError> {
        store::purge(&self.db, self.clock.now().minus(KEPT), most).await
    }

    /// Whether what `secret` grants was redeemed.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn is_redeemed(&self, secret: &str) -> Result<bool, ServiceError> {
        Ok(self.find(&id_of(secret)).await?.is_some())
    }

    /// How far the purge is behind, in seconds.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_lag(&self) -> Result<i64, DbError> {
        store::purge_lag(&self.db, self.clock.now().minus(KEPT)).await
    }
}
