//! SSO sessions: an opaque identifier in a cookie, everything else on the server.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::attempt::{self, AttemptName, OpenAttempt};
use super::{
    Acr, Amr, Authenticated, EndOfOthers, EndedSessions, Means, Organisation, Proofs, SESSIONS, SessionId,
};
use crate::audit::{Event, Kind};
use crate::clients::ClientId;
use crate::people::{AccountState, Epoch, PersonId};
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::Statement;
use crate::platform::ephemeral::{Batch, Ephemeral, EphemeralKey, Unavailable, Version};
use crate::platform::web::cookies::Cookies;
use actix_web::HttpRequest;

/// A person signed in at one browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Who.
    pub person_id: PersonId,
    /// The person's epoch when they proved it.
    #[serde(default)]
    pub epoch: Epoch,
    /// Blind index of the number by which they proved it, where the proof rests on one.
    pub number: Option<Digest>,
    /// When they proved it.
    pub auth_time: Timestamp,
    /// What was done: the highest class that it reaches.
    pub acr: Acr,
    /// By which methods.
    pub amr: Vec<Amr>,
    /// By which means.
    #[serde(default = "Means::of_before")]
    pub means: Vec<Means>,
    /// What these proofs are worth.
    #[serde(default, skip_serializing_if = "Proofs::is_plain")]
    pub proofs: Proofs,
    /// The legal entity that the person acts for, by their certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Box<Organisation>>,
    /// What names the session to services; it stays when the same person signs in again, while the cookie changes.
    pub sid_key: Digest,
    /// When it was last used.
    pub used_at: Timestamp,
    /// When it was opened, in milliseconds since the Unix epoch: its proof may be older. 0 of one that the version before opened.
    #[serde(default)]
    pub opened_ms: i64,
    /// The clients that it was used for: they get logout tokens when it ends.
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
    /// The session of a person who has just proved who they are; it was used for no client yet.
    pub fn of(authenticated: &Authenticated) -> Self {
        Self {
            person_id: authenticated.person_id.clone(),
            epoch: authenticated.epoch,
            number: authenticated.number,
            auth_time: authenticated.auth_time,
            acr: authenticated.told(&[]).unwrap_or(authenticated.acr),
            amr: authenticated.amr.clone(),
            means: authenticated.means.clone(),
            proofs: authenticated.proofs.clone(),
            organisation: authenticated.organisation.clone(),
            sid_key: authenticated.sid_key,
            used_at: authenticated.auth_time,
            opened_ms: authenticated.proofs.read_ms,
            clients: Vec::new(),
        }
    }

    /// What is recorded of it.
    pub fn event(&self, kind: Kind) -> Event<'_> {
        Event::new(kind).person(self.person_id.as_str()).of_session(&self.sid_key)
    }

    /// Whether it holds at `now` within `bounds`.
    pub fn holds(&self, bounds: SessionBounds, now: Timestamp) -> bool {
        now.since(self.used_at) < bounds.idle && now.since(self.auth_time) < bounds.absolute
    }

    /// What it proves, as a service is told that accepts these classes (empty: every one).
    pub fn authenticated(&self, session: Digest, accepted: &[Acr]) -> Authenticated {
        Authenticated {
            person_id: self.person_id.clone(),
            epoch: self.epoch,
            number: self.number,
            session,
            sid_key: self.sid_key,
            auth_time: self.auth_time,
            acr: self.told(accepted).unwrap_or(self.acr),
            amr: self.amr.clone(),
            means: self.means.clone(),
            proofs: self.proofs.clone(),
            organisation: self.organisation.clone(),
            code: None,
        }
    }
}

/// A session with the name and the state it was read by.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// Digest of its identifier.
    pub digest: Digest,
    /// The session.
    pub session: Session,
    /// The state it was read in.
    pub version: Version,
}

impl OpenSession {
    /// Whether it is a session of that account, and not one that was ended with everything else of its person.
    pub fn is_of(&self, account: &AccountState) -> bool {
        self.session.person_id == account.person_id && self.session.epoch == account.epoch
    }

    /// What it proves, as a service is told that accepts these classes (empty: every one).
    pub fn authenticated(&self, accepted: &[Acr]) -> Authenticated {
        self.session.authenticated(self.digest, accepted)
    }
}

/// The identifier in the session cookie of a request, if there is one.
pub fn session_cookie(request: &HttpRequest, cookies: Cookies) -> Option<SessionId> {
    cookies.read(request, SessionId::COOKIE).and_then(SessionId::parse)
}

/// Seconds after which a use by this provider itself is noted again.
const KEEP_ALIVE: i64 = 60;

/// All sessions.
#[derive(Clone)]
pub struct Sessions {
    ephemeral: Ephemeral,
    clock: Clock,
    /// The provider's own bounds.
    pub bounds: SessionBounds,
    /// Sessions that were signed out.
    pub ended: EndedSessions,
}

impl Sessions {
    /// Kept in `ephemeral`.
    pub fn new(ephemeral: Ephemeral, clock: Clock, bounds: SessionBounds, ended: EndedSessions) -> Self {
        Self { ephemeral, clock, bounds, ended }
    }

    /// Stores a new session together with the rest of a batch.
    pub fn open_in(&self, batch: &mut Batch<'_>, id: &SessionId, session: &Session) {
        let opened_ms = if session.opened_ms > 0 { session.opened_ms } else { self.clock.now_ms() };
        let session = Session { opened_ms, ..session.clone() };
        batch.put(key(id.digest()), &session, self.left(&session));
    }

    /// Notes the use of a session by a client, together with the rest of a batch that only takes place if the session is
    /// still as it was read.
    pub fn use_in(&self, batch: &mut Batch<'_>, open: &OpenSession, client: &ClientId) {
        let mut session = open.session.clone();
        if !session.clients.contains(client) {
            session.clients.push(client.clone());
        }
        session.used_at = self.clock.now();
        batch.swap(key(open.digest), open.version, &session, self.left(&session));
    }

    /// Notes the use of a session by this provider itself, unless that was done in the last minute.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn keep_alive(&self, open: &OpenSession) -> Result<(), Unavailable> {
        let now = self.clock.now();
        if now.since(open.session.used_at) < KEEP_ALIVE {
            return Ok(());
        }
        let session = Session { used_at: now, ..open.session.clone() };
        // Whoever changed it in the meantime used it as well.
        self.ephemeral.swap(key(open.digest), open.version, &session, self.left(&session)).await?;
        Ok(())
    }

    /// Removes a session whose place another one takes, together with the rest of a batch.
    pub fn replace_in(&self, batch: &mut Batch<'_>, former: Digest) {
        batch.remove(key(former));
    }

    /// The session of that identifier, if it is valid.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find(&self, session: Digest) -> Result<Option<OpenSession>, Unavailable> {
        let found: Option<(Session, Version)> = self.ephemeral.get(key(session)).await?;
        Ok(self.valid(session, found))
    }

    /// The valid ones of several sessions, in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find_each(&self, sessions: &[Digest]) -> Result<Vec<OpenSession>, Unavailable> {
        let keys: Vec<EphemeralKey> = sessions.iter().map(|session| key(*session)).collect();
        let found = self.ephemeral.get_each(&keys).await?;
        Ok(sessions.iter().zip(found).filter_map(|(digest, found)| self.valid(*digest, found)).collect())
    }

    /// The session of the browser that sent a request, if it is valid.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn of_browser(
        &self,
        request: &HttpRequest,
        cookies: Cookies,
    ) -> Result<Option<OpenSession>, Unavailable> {
        match session_cookie(request, cookies) {
            Some(id) => self.find(id.digest()).await,
            None => Ok(None),
        }
    }

    /// A sign-in attempt and the session of the browser, in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn with_attempt(
        &self,
        attempt: AttemptName,
        session: Option<SessionId>,
    ) -> Result<(Option<OpenAttempt>, Option<OpenSession>), Unavailable> {
        let place = attempt::key(attempt.id());
        let Some(digest) = session.map(|id| id.digest()) else {
            return Ok((attempt.or_sealed(self.ephemeral.get(place).await?), None));
        };
        let (found, session) = self.ephemeral.get_pair(place, key(digest)).await?;
        Ok((attempt.or_sealed(found), self.valid(digest, session)))
    }

    /// A value and the session of that identifier, if it is valid, in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn beside<T: DeserializeOwned>(
        &self,
        other: EphemeralKey,
        session: Digest,
    ) -> Result<(Option<T>, Option<OpenSession>), Unavailable> {
        let (other, found) = self.ephemeral.get_pair(other, key(session)).await?;
        Ok((other.map(|(value, _)| value), self.valid(session, found)))
    }

    fn valid(&self, digest: Digest, found: Option<(Session, Version)>) -> Option<OpenSession> {
        let (session, version) = found?;
        let holds = session.holds(self.bounds, self.clock.now()) && !self.ended.has_ended(&session);
        holds.then_some(OpenSession { digest, session, version })
    }

    /// For how long a session is worth keeping: use prolongs it, up to its end.
    fn left(&self, session: &Session) -> i64 {
        let absolute = self.bounds.absolute - self.clock.now().since(session.auth_time);
        absolute.min(self.bounds.idle + 60).max(1)
    }

    /// Whether the session that is named so to services was signed out, or gave its place to another person's: as far as this
    /// node knows, which is at most a second behind. It is known for as long as the session could have gone on.
    pub fn was_ended(&self, sid_key: &Digest) -> bool {
        self.ended.contains(sid_key)
    }

    /// When a session of somebody who proved at `auth_time` who they are is over at the latest.
    pub fn over_at(&self, auth_time: Timestamp) -> Timestamp {
        auth_time.plus(self.bounds.absolute)
    }

    /// What must be durable before a session is ended or another person's takes its place.
    pub fn ending(&self, session: &Session) -> [Statement; 2] {
        EndedSessions::statements(session, self.over_at(session.auth_time))
    }

    /// Notes that what [`Sessions::ending`] gave is durable: this node knows it at once, the others within a second.
    pub fn has_ended(&self, session: &Session) {
        self.ended.note(session.sid_key, self.over_at(session.auth_time));
    }

    /// The end of all sessions of a person but the given one, also of those that nothing tells of, for a transaction. What was read from
    /// the store within `storing_ms` from now on is taken for what was there before it.
    pub fn ending_others(&self, spared: &Session, storing_ms: i64) -> EndOfOthers {
        let now_ms = self.clock.now_ms() + storing_ms;
        let over_at = self.over_at(Timestamp(now_ms.div_euclid(1000)));
        EndedSessions::ending_others(spared, (now_ms, over_at))
    }

    /// Notes that such an end is durable: this node knows it at once, the others within a second.
    pub fn others_have_ended(&self, ended: EndOfOthers) {
        self.ended.others_have_ended(ended);
    }

    /// Ends a session whose end is durable; returns it, to one caller.
    ///
    /// # Errors
    /// [`Unavailable`]; its end is known to this node all the same, and to the others within a second.
    pub async fn end(&self, open: &OpenSession) -> Result<Option<Session>, Unavailable> {
        self.has_ended(&open.session);
        self.ephemeral.take(key(open.digest)).await
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
            epoch: Epoch::default(),
            number: Some(Digest::of(b"n")),
            auth_time: Timestamp(auth),
            acr: Acr::MobileId,
            amr: vec![Amr::Sms],
            means: vec![Means::MobileId],
            proofs: Proofs::default(),
            organisation: None,
            sid_key: Digest::of(b"s"),
            used_at: Timestamp(used),
            opened_ms: 0,
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
