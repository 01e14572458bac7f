//! Sessions of members of staff: short, in a cookie of their own, bound to the place and to the passkey that opened them.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use serde::{Deserialize, Serialize};

use super::passkeys::Proved;
use super::{Acting, DeskSettings, PlaceId, STAFF_SESSIONS, Staff, StaffId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Applied, Batch, Ephemeral, EphemeralKey, Version};
use crate::platform::service_error::ServiceError;
use crate::platform::web::cookies::{CookieName, Cookies};

/// Seconds after which a use is noted again.
const KEEP_ALIVE: i64 = 30;

/// A member signed in at one browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Session {
    /// What stays when the cookie changes.
    sid: Digest,
    staff: StaffId,
    place: PlaceId,
    passkey: String,
    began_at: Timestamp,
    used_at: Timestamp,
    proved_at: Timestamp,
}

/// A session, as it was found.
#[derive(Clone, Debug)]
pub struct StaffSession {
    digest: Digest,
    session: Session,
    version: Version,
}

impl StaffSession {
    /// What names it for as long as it goes on, whatever its cookie is.
    pub const fn key(&self) -> Digest {
        self.session.sid
    }
}

/// All sessions. Cheap to clone.
#[derive(Clone)]
pub struct StaffSessions {
    staff: Staff,
    ephemeral: Ephemeral,
    cookies: Cookies,
    idle: i64,
    absolute: i64,
}

impl StaffSessions {
    /// The cookie of a session.
    pub const COOKIE: CookieName = CookieName::new("__Host-yagona-desk");

    /// The cookie of a browser at which somebody signs in.
    pub const BROWSER: CookieName = CookieName::new("__Host-yagona-desk-browser");

    /// Kept in `ephemeral`, for as long as `settings` say.
    pub fn new(staff: Staff, ephemeral: Ephemeral, cookies: Cookies, settings: &DeskSettings) -> Self {
        let (idle, absolute) = (settings.session_idle_seconds, settings.session_absolute_seconds);
        Self { staff, ephemeral, cookies, idle: idle.into(), absolute: absolute.into() }
    }

    /// The browser that asks, and the cookies that name it from now on if it has none yet.
    pub fn browser(&self, request: &HttpRequest) -> (Digest, Vec<HeaderValue>) {
        match self.cookies.read(request, Self::BROWSER) {
            Some(known) => (Digest::of(known.as_bytes()), Vec::new()),
            None => {
                let new = bytes::random_text::<32>();
                (Digest::of(new.as_bytes()), self.cookies.set(Self::BROWSER, &new, None))
            }
        }
    }

    /// Opens a session of who proved that they are there; returns its cookies.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn open(&self, proved: Proved) -> Result<Vec<HeaderValue>, ServiceError> {
        let now = self.staff.clock.now();
        let Proved { staff, place, passkey } = proved;
        let sid = Digest(bytes::random::<32>());
        let session = Session { sid, staff, place, passkey, began_at: now, used_at: now, proved_at: now };
        let id = bytes::random_text::<32>();
        self.ephemeral.put(key(Digest::of(id.as_bytes())), &session, self.left(&session)).await?;
        Ok(self.cookies.set(Self::COOKIE, &id, None))
    }

    /// Who is at the browser that asks, as of now. `None` if nobody is signed in there, or not any more. What a page asks `by_itself` shows
    /// nobody at work, and keeps no session in use.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn find(
        &self,
        request: &HttpRequest,
        by_itself: bool,
    ) -> Result<Option<(StaffSession, Acting)>, ServiceError> {
        let Some(id) = self.cookies.read(request, Self::COOKIE) else { return Ok(None) };
        let digest = Digest::of(id.as_bytes());
        let found: Option<(Session, Version)> = self.ephemeral.get(key(digest)).await?;
        let now = self.staff.clock.now();
        let holds = |session: &Session| {
            now.since(session.used_at) < self.idle && now.since(session.began_at) < self.absolute
        };
        let Some((session, version)) = found.filter(|(session, _)| holds(session)) else { return Ok(None) };
        let at_work =
            self.staff.at_work((&session.staff, &session.place), &session.passkey, session.proved_at);
        let Some(acting) = at_work.await? else { return Ok(None) };
        if !by_itself && now.since(session.used_at) >= KEEP_ALIVE {
            let used = Session { used_at: now, ..session.clone() };
            let left = self.left(&used);
            // Whoever changed it in the meantime used it as well.
            let version = self.ephemeral.swap(key(digest), version, &used, left).await?.unwrap_or(version);
            return Ok(Some((StaffSession { digest, session: used, version }, acting)));
        }
        Ok(Some((StaffSession { digest, session, version }, acting)))
    }

    /// Notes that the member of a session has just used a passkey. The session goes on under another name, which its cookies have.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn prove(
        &self,
        open: &StaffSession,
        by: &Proved,
    ) -> Result<Option<Vec<HeaderValue>>, ServiceError> {
        let now = self.staff.clock.now();
        let session =
            Session { used_at: now, proved_at: now, passkey: by.passkey.clone(), ..open.session.clone() };
        let id = bytes::random_text::<32>();
        let mut batch = Batch::new(&self.ephemeral);
        // One that was ended meanwhile is not there to be swapped.
        batch.swap(key(open.digest), open.version, &session, 1);
        batch.remove(key(open.digest));
        batch.put(key(Digest::of(id.as_bytes())), &session, self.left(&session));
        let done = self.ephemeral.apply(batch).await? == Applied::Done;
        Ok(done.then(|| self.cookies.set(Self::COOKIE, &id, None)))
    }

    /// Ends a session; returns what removes its cookies.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn end(&self, open: &StaffSession) -> Result<Vec<HeaderValue>, ServiceError> {
        self.ephemeral.take::<Session>(key(open.digest)).await?;
        Ok(self.cookies.remove(Self::COOKIE))
    }

    fn left(&self, session: &Session) -> i64 {
        let absolute = self.absolute - self.staff.clock.now().since(session.began_at);
        absolute.min(self.idle).max(1)
    }
}

fn key(session: Digest) -> EphemeralKey {
    EphemeralKey::from_digest(STAFF_SESSIONS, session)
}
