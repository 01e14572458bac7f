//! What was granted by redeeming codes, and its end. Durable: a loss would let something be used twice.

use super::code::GrantDetails;
use super::revoked::Revoked;
use super::store;
use crate::clients::ClientId;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError};
use crate::platform::service_error::ServiceError;

/// A redeemed code and what lives of it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its identifier.
    pub id: String,
    /// Who holds it.
    pub client_id: ClientId,
    /// What it lets the client have.
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
    revoked: Revoked,
}

/// Rows stay a little longer than what was issued from them, so that a replay of the code is still known as one.
const KEPT: i64 = 3600;

impl Grants {
    /// The grants in `db`.
    pub fn new(db: Db, clock: Clock, revoked: Revoked) -> Self {
        Self { db, clock, revoked }
    }

    /// Redeems a code; `None` when it was redeemed before: then everything that came of it is revoked.
    ///
    /// # Errors
    /// [`ServiceError`], as for all methods.
    pub async fn redeem(
        &self,
        code: &str,
        client: &ClientId,
        details: GrantDetails,
        refreshable: bool,
        expires_at: Timestamp,
    ) -> Result<Option<Grant>, ServiceError> {
        let now = self.clock.now();
        let grant = Grant {
            id: super::code::grant_id(code),
            client_id: client.clone(),
            details,
            generation: i64::from(refreshable),
            refreshed_at: now,
            expires_at,
            revoked: false,
        };
        if store::redeem(&self.db, &grant, now).await? {
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
        let grant = super::code::grant_id(code);
        if store::revoke_of(&self.db, &grant, client, now_ms).await? {
            tracing::warn!(event = "code.replayed", client = %client, grant, "a code was redeemed twice: its grant is revoked");
            self.revoked.announce(&grant).await?;
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
        Ok(self.revoked.announce(id).await?)
    }

    /// Revokes a single access token.
    ///
    /// # Errors
    /// [`ServiceError`]; unless it is returned, the revocation is durable.
    pub async fn revoke_token(&self, token: &str, expires_at: Timestamp) -> Result<(), ServiceError> {
        store::revoke_token(&self.db, token, self.clock.now_ms(), expires_at).await?;
        Ok(self.revoked.announce(token).await?)
    }

    /// Removes what nothing rests on any more; returns how many rows went.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, most: i64) -> Result<u64, DbError> {
        store::purge(&self.db, self.clock.now().minus(KEPT), most).await
    }

    /// How far the purge is behind, in seconds.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_lag(&self) -> Result<i64, DbError> {
        store::purge_lag(&self.db, self.clock.now().minus(KEPT)).await
    }
}
