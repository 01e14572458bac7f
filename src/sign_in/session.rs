//! SSO sessions: an opaque identifier in a cookie, everything else on the server.

use serde::{Deserialize, Serialize};

use super::{Acr, Amr, Authenticated, SessionId};
use crate::clients::ClientId;
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable};

/// SSO sessions, by their identifiers.
pub const SESSIONS: KeySpace = KeySpace::new(b's', "session");

/// A person signed in at one browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Who.
    pub person_id: PersonId,
    /// When they proved it.
    pub auth_time: Timestamp,
    /// What was done.
    pub acr: Acr,
    /// By which methods.
    pub amr: Vec<Amr>,
    /// What names the session to services; it stays when the same person signs in again, while the cookie changes.
    pub sid_key: Digest,
    /// When it was last used.
    pub used_at: Timestamp,
    /// The services that were told of it, to be told of its end.
    pub clients: Vec<ClientId>,
}

/// How long a session lasts.
#[derive(Clone, Copy, Debug)]
pub struct SessionBounds {
    /// Seconds without use.
    pub idle: i64,
    /// Seconds since sign-in.
    pub absolute: i64,
}

impl SessionBounds {
    /// The tighter of these and a client's own maxima.
    #[must_use]
    pub fn tightened(self, idle: Option<i64>, absolute: Option<i64>) -> Self {
        Self {
            idle: idle.map_or(self.idle, |own| own.min(self.idle)),
            absolute: absolute.map_or(self.absolute, |own| own.min(self.absolute)),
        }
    }
}

impl Session {
    /// Whether it holds at `now` within `bounds`.
    pub fn holds(&self, bounds: SessionBounds, now: Timestamp) -> bool {
        now.since(self.used_at) < bounds.idle && now.since(self.auth_time) < bounds.absolute
    }

    /// What it proves.
    pub fn authenticated(&self, session: Digest) -> Authenticated {
        Authenticated {
            person_id: self.person_id.clone(),
            session,
            sid_key: self.sid_key,
            auth_time: self.auth_time,
            acr: self.acr,
            amr: self.amr.clone(),
        }
    }
}

/// All sessions.
#[derive(Clone)]
pub struct Sessions {
    ephemeral: Ephemeral,
    clock: Clock,
    /// The provider's own bounds.
    pub bounds: SessionBounds,
}

impl Sessions {
    /// Kept in `ephemeral`.
    pub fn new(ephemeral: Ephemeral, clock: Clock, bounds: SessionBounds) -> Self {
        Self { ephemeral, clock, bounds }
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`Unavailable`], as for all methods.
    pub async fn open(&self, id: &SessionId, session: &Session) -> Result<(), Unavailable> {
        self.ephemeral.put(key(id.digest()), session, self.left(session)).await
    }

    /// The session, if it still holds.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find(&self, session: Digest) -> Result<Option<Session>, Unavailable> {
        let found: Option<(Session, _)> = self.ephemeral.get(key(session)).await?;
        Ok(found.map(|(session, _)| session).filter(|found| found.holds(self.bounds, self.clock.now())))
    }

    /// Notes that a service was told of the session, and that it was used. `false` when the session ended.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn used_by(&self, session: Digest, client: &ClientId) -> Result<bool, Unavailable> {
        let now = self.clock.now();
        for _ in 0..8 {
            let Some((mut found, version)) = self.ephemeral.get::<Session>(key(session)).await? else {
                return Ok(false);
            };
            if !found.holds(self.bounds, now) {
                return Ok(false);
            }
            // A page used twice in a minute needs no new record.
            if found.clients.contains(client) && now.since(found.used_at) < 60 {
                return Ok(true);
            }
            if !found.clients.contains(client) {
                found.clients.push(client.clone());
            }
            found.used_at = now;
            if self.ephemeral.swap(key(session), version, &found, self.left(&found)).await? {
                return Ok(true);
            }
        }
        Err(Unavailable::because("a session changes too fast"))
    }

    /// For how long a session is worth keeping: use prolongs it, up to its end.
    fn left(&self, session: &Session) -> i64 {
        let absolute = self.bounds.absolute - self.clock.now().since(session.auth_time);
        absolute.min(self.bounds.idle + 60).max(1)
    }

    /// Ends a session; returns it, to one caller.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end(&self, session: Digest) -> Result<Option<Session>, Unavailable> {
        self.ephemeral.take(key(session)).await
    }
}

fn key(session: Digest) -> EphemeralKey {
    EphemeralKey::from_digest(SESSIONS, session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_by_silence_and_by_age_and_a_client_may_only_tighten_that() {
        let bounds = SessionBounds { idle: 1800, absolute: 43_200 };
        let session = |auth: i64, used: i64| Session {
            person_id: PersonId::random(),
            auth_time: Timestamp(auth),
            acr: Acr::MobileId,
            amr: vec![Amr::Sms],
            sid_key: Digest::of(b"s"),
            used_at: Timestamp(used),
            clients: Vec::new(),
        };
        assert!(session(0, 0).holds(bounds, Timestamp(1799)));
        assert!(!session(0, 0).holds(bounds, Timestamp(1800)));
        assert!(!session(0, 43_100).holds(bounds, Timestamp(43_200)));
        let tight = bounds.tightened(Some(60), Some(1_000_000));
        assert!(!session(0, 0).holds(tight, Timestamp(60)));
        assert_eq!(tight.absolute, 43_200);
    }
}
