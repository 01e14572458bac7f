//! What ends things of a person, wherever they are kept: everything at once, or everything that one consent allowed.
//!
//! Each end is one transaction and is durable before it is announced. Pages, commands and Mobile-ID use these
//! operations, so that no caller can forget a part.

use crate::audit::{Audit, Event, Kind};
use crate::clients::ClientId;
use crate::grants::Grants;
use crate::people::{Epoch, People, PersonId};
use crate::platform::clock::Clock;
use crate::platform::service_error::ServiceError;
use crate::release::Release;

/// The operations. Cheap to clone.
#[derive(Clone)]
pub struct LifeEvents {
    /// Whose things end.
    pub people: People,
    /// What they granted.
    pub grants: Grants,
    /// What they agreed to.
    pub release: Release,
    /// Time.
    pub clock: Clock,
    /// Where ends are recorded.
    pub audit: Audit,
}

impl LifeEvents {
    /// Ends everything of a person that has begun: sign-ins in progress, sessions, authorization codes, grants, refresh
    /// and access tokens. Consents stay, and so does the person's enrolment: whoever has the number can sign in again.
    /// `false` when there is no such person.
    ///
    /// # Errors
    /// [`ServiceError`]. When the database was changed and shared state is unavailable, other nodes still read it from SQL
    /// within a second.
    pub async fn end_access(&self, person: &PersonId) -> Result<bool, ServiceError> {
        let tokens = self.grants.end_former_epoch(person);
        let Some(epoch) = self.people.raise_epoch(person, vec![tokens]).await? else { return Ok(false) };
        self.audit.record(Event::new(Kind::AccessEnded).person(person.as_str()));
        self.grants.announce_end(person, Epoch(epoch.0 - 1)).await?;
        Ok(true)
    }

    /// Ends a consent that a person gave and everything that the client holds of them. Returns the client; `None` when
    /// there is no consent of that identifier that can be ended.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn end_consent(&self, consent: &str) -> Result<Option<ClientId>, ServiceError> {
        let since = self.clock.now_ms();
        let grants = self.grants.end_with_consent(consent);
        let Some((person, client)) = self.release.end(consent, vec![grants]).await? else { return Ok(None) };
        self.grants.announce_revoked(&person, &client, since).await?;
        Ok(Some(client))
    }
}
