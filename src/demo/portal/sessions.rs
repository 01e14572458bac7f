//! State of the portal in memory, bounded in number and time: sign-ins in progress
//! ([`Arrivals`]), signed-in people ([`Sessions`]), sign-outs in progress ([`Departures`]).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde_json::{Map, Value};

use super::claims::Row;
use super::random_id;

const CAPACITY: u64 = 10_000;
const ARRIVAL_LIFETIME: Duration = Duration::from_secs(30 * 60);
const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
const SESSION_ABSOLUTE: Duration = Duration::from_secs(12 * 60 * 60);
const LOGOUT_TOKEN_MEMORY: Duration = Duration::from_secs(15 * 60);

/// A sign-in in progress.
pub(super) struct Arrival {
    /// The service it is for.
    pub party: usize,
    /// The browser that started it, by its cookie.
    pub browser: String,
    /// The nonce that the ID token must carry.
    pub nonce: String,
    /// The PKCE verifier.
    pub verifier: String,
}

/// The result of claiming an arrival.
pub(super) enum Claim {
    /// It belongs to this browser, and is now consumed.
    Mine(Arc<Arrival>),
    /// It belongs to another browser, or this one lost its cookie.
    Strange,
    /// Unknown, already used, or expired.
    Unknown,
}

/// Sign-ins in progress, by `state`.
pub(super) struct Arrivals(Cache<String, Arc<Arrival>>);

impl Arrivals {
    pub(super) fn new() -> Self {
        Self(bounded(ARRIVAL_LIFETIME))
    }

    pub(super) fn begin(&self, state: String, arrival: Arrival) {
        self.0.insert(state, Arc::new(arrival));
    }

    /// Consumes the arrival of `state`, once, for its service and browser.
    pub(super) fn claim(&self, state: &str, party: usize, browser: Option<&str>) -> Claim {
        match self.0.get(state) {
            None => Claim::Unknown,
            Some(found) if found.party != party || !same(browser, &found.browser) => Claim::Strange,
            Some(_) => self.0.remove(state).map_or(Claim::Unknown, Claim::Mine),
        }
    }
}

/// A person signed in at one service, with all that the portal received and verified.
pub(super) struct SignedIn {
    pub party: usize,
    /// The subject identifier.
    pub subject: String,
    /// The provider's `sid`, if any, for back-channel logout.
    pub sid: Option<String>,
    /// The name for the greeting.
    pub greeting: String,
    /// The raw ID token, for `id_token_hint` at sign-out.
    pub id_token: String,
    /// The refresh token; taken out during a refresh, so that it is never sent twice.
    pub refresh_token: Mutex<Option<String>>,
    /// Whether there was a refresh token to begin with.
    pub refreshable: bool,
    /// UserInfo, as received.
    pub user: Map<String, Value>,
    /// The ID token's raw claims.
    pub id_claims: Vec<Row>,
    /// The verifications.
    pub facts: Vec<Row>,
}

impl SignedIn {
    /// Takes the refresh token out; `None` while another request is using it.
    pub(super) fn take_refresh_token(&self) -> Option<String> {
        self.refresh_token.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Puts a refresh token back that was not used up.
    pub(super) fn put_refresh_token(&self, token: String) {
        *self.refresh_token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }
}

/// Signed-in people, by session cookie.
pub(super) struct Sessions(Cache<String, Arc<SignedIn>>);

impl Sessions {
    pub(super) fn new() -> Self {
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(SESSION_ABSOLUTE)
            .time_to_idle(SESSION_IDLE)
            .build();
        Self(cache)
    }

    /// Opens a session and returns the id for its cookie: always a new one, against session fixation.
    pub(super) fn open(&self, signed_in: SignedIn) -> String {
        let id = random_id();
        self.0.insert(id.clone(), Arc::new(signed_in));
        id
    }

    /// Updates the data of a session, unless it ended meanwhile.
    pub(super) fn renew(&self, id: &str, signed_in: SignedIn) {
        if self.0.contains_key(id) {
            self.0.insert(id.to_owned(), Arc::new(signed_in));
        }
    }

    pub(super) fn find(&self, id: &str, party: usize) -> Option<Arc<SignedIn>> {
        self.0.get(id).filter(|session| session.party == party)
    }

    pub(super) fn end(&self, id: &str, party: usize) -> Option<Arc<SignedIn>> {
        self.find(id, party)?;
        self.0.remove(id)
    }

    /// Ends the sessions of a logout token and returns how many: those of `sid` if given,
    /// else all of `subject` (OpenID Connect Back-Channel Logout 1.0 §2.7).
    pub(super) fn end_matching(&self, party: usize, subject: Option<&str>, sid: Option<&str>) -> usize {
        let meant = |session: &SignedIn| {
            session.party == party
                && subject.is_none_or(|subject| session.subject == subject)
                && sid.is_none_or(|sid| session.sid.as_deref() == Some(sid))
        };
        let ids: Vec<_> =
            self.0.iter().filter(|(_, session)| meant(session)).map(|(id, _)| id.to_string()).collect();
        ids.iter().filter(|id| self.0.remove(id.as_str()).is_some()).count()
    }
}

/// Sign-outs in progress at the provider, and used logout tokens.
pub(super) struct Departures {
    leaving: Cache<String, usize>,
    tokens: Cache<String, ()>,
}

impl Departures {
    pub(super) fn new() -> Self {
        Self { leaving: bounded(ARRIVAL_LIFETIME), tokens: bounded(LOGOUT_TOKEN_MEMORY) }
    }

    pub(super) fn begin(&self, state: String, party: usize) {
        self.leaving.insert(state, party);
    }

    /// The service of the sign-out with this `state`; returned once.
    pub(super) fn finish(&self, state: &str) -> Option<usize> {
        self.leaving.remove(state)
    }

    /// Whether a logout token's `jti` is new.
    pub(super) fn first_seen(&self, jti: &str) -> bool {
        self.tokens.entry(jti.to_owned()).or_insert(()).is_fresh()
    }
}

fn bounded<T: Clone + Send + Sync + 'static>(lifetime: Duration) -> Cache<String, T> {
    // The oldest is evicted: a flood of abandoned sign-ins must not prevent new ones.
    Cache::builder()
        .max_capacity(CAPACITY)
        .eviction_policy(EvictionPolicy::lru())
        .time_to_live(lifetime)
        .build()
}

fn same(given: Option<&str>, expected: &str) -> bool {
    given.is_some_and(|given| {
        aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), expected.as_bytes()).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(browser: &str) -> Arrival {
        Arrival { party: 0, browser: browser.into(), nonce: "n".into(), verifier: "v".into() }
    }

    fn somebody(party: usize, subject: &str, sid: Option<&str>) -> SignedIn {
        SignedIn {
            party,
            subject: subject.into(),
            sid: sid.map(Into::into),
            greeting: String::new(),
            id_token: String::new(),
            refresh_token: Mutex::new(Some("r".into())),
            refreshable: true,
            user: Map::new(),
            id_claims: vec![],
            facts: vec![],
        }
    }

    #[test]
    fn an_arrival_is_claimed_once_and_only_by_its_browser() {
        let arrivals = Arrivals::new();
        arrivals.begin("s".into(), arrival("mine"));
        assert!(matches!(arrivals.claim("s", 0, Some("other")), Claim::Strange));
        assert!(matches!(arrivals.claim("s", 0, None), Claim::Strange));
        assert!(matches!(arrivals.claim("s", 1, Some("mine")), Claim::Strange));
        assert!(matches!(arrivals.claim("s", 0, Some("mine")), Claim::Mine(_)));
        assert!(matches!(arrivals.claim("s", 0, Some("mine")), Claim::Unknown));
    }

    #[test]
    fn a_logout_by_session_spares_the_persons_other_sessions() {
        let sessions = Sessions::new();
        let first = sessions.open(somebody(0, "ali", Some("a")));
        let second = sessions.open(somebody(0, "ali", Some("b")));
        assert_eq!(sessions.end_matching(0, Some("ali"), Some("a")), 1);
        assert!(sessions.find(&first, 0).is_none());
        assert!(sessions.find(&second, 0).is_some());
    }

    #[test]
    fn a_logout_by_subject_ends_all_of_them_at_that_service_only() {
        let sessions = Sessions::new();
        sessions.open(somebody(0, "ali", Some("a")));
        sessions.open(somebody(0, "ali", Some("b")));
        let elsewhere = sessions.open(somebody(1, "ali", None));
        let another = sessions.open(somebody(0, "vali", None));
        assert_eq!(sessions.end_matching(0, Some("ali"), None), 2);
        assert!(sessions.find(&elsewhere, 1).is_some());
        assert!(sessions.find(&another, 0).is_some());
    }

    #[test]
    fn an_ended_session_is_not_brought_back_by_a_refresh() {
        let sessions = Sessions::new();
        let id = sessions.open(somebody(0, "ali", None));
        assert!(sessions.end(&id, 0).is_some());
        sessions.renew(&id, somebody(0, "ali", None));
        assert!(sessions.find(&id, 0).is_none());
    }

    #[test]
    fn a_refresh_token_is_handed_to_one_request_at_a_time() {
        let session = somebody(0, "ali", None);
        assert_eq!(session.take_refresh_token().as_deref(), Some("r"));
        assert_eq!(session.take_refresh_token(), None);
    }

    #[test]
    fn a_logout_token_counts_once() {
        let departures = Departures::new();
        assert!(departures.first_seen("jti"));
        assert!(!departures.first_seen("jti"));
    }
}
