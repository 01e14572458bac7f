//! Beginning an attempt on behalf of a service, by whatever protocol it asks.

use actix_web::HttpResponse;

use super::{
    BrowserId, LAST_MEANS, Means, OpenSession, Opening, Reason, SignIn, SignInAttempt, SignInRequest,
    Situation, known,
};
use crate::audit::{Event, Kind};
use crate::clients::{Client, SubjectIds};
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond;

/// What an attempt begins with.
pub struct Beginning<'a> {
    /// Who asks, as registered.
    pub client: &'a Client,
    /// By which the request names a person, if it does.
    pub subject_ids: &'a SubjectIds,
    /// What is asked.
    pub request: SignInRequest,
    /// The browser's session, which may answer the request.
    pub session: Option<OpenSession>,
    /// When the attempt ends (exclusive), if that is before its usual end.
    pub until: Option<Timestamp>,
    /// The number that the first page suggests, as typed.
    pub hint: Option<String>,
    /// OAuth's scopes, for what is recorded.
    pub scope: Option<String>,
    /// What a client's developer can do about a request that is too large.
    pub too_large: &'static str,
}

impl SignIn {
    /// Begins an attempt at the browser of `context` and leads to its first page, whose address carries it: nothing is stored
    /// yet. `None` when the request is too large for an address: then that is recorded and counted, as `invalid_request`, and
    /// telling the service is the protocol's part.
    pub fn begin(&self, context: &PageContext<'_>, beginning: Beginning<'_>) -> Option<HttpResponse> {
        let Beginning { client, subject_ids, request, session, until, hint, scope, too_large } = beginning;
        let now = self.clock.now();
        let opening = session.map_or(Opening::Nobody, |open| {
            let situation = Situation {
                request: &request,
                client,
                session: &open.session,
                bounds: self.sessions.bounds,
                subject_ids,
                now,
            };
            match known(&situation) {
                Ok(()) => Opening::Session(open.authenticated(&request.acr)),
                // What the session lacks is added to it (RFC 9470), if anything can be.
                Err(Reason::Acr) if !self.able(&request.acr, open.session.counting(), None).is_empty() => {
                    Opening::StepUp(open.authenticated(&request.acr))
                }
                Err(_) => Opening::Nobody,
            }
        });
        let browser = context.cookies.read(context.request, BrowserId::COOKIE).and_then(BrowserId::parse);
        let new = browser.is_none();
        let browser = browser.unwrap_or_else(BrowserId::random);
        let usual = now.plus(self.attempts.seconds);
        let lifetime = (now, until.map_or(usual, |until| until.min(usual)));
        let known = match &opening {
            Opening::Session(person) | Opening::StepUp(person) => Some(person.person_id.clone()),
            Opening::Nobody => None,
        };
        let mut attempt = SignInAttempt::new(request, browser.digest(), context.language, opening, lifetime);
        attempt.hint = hint;
        let last = context.cookies.read(context.request, LAST_MEANS).and_then(Means::parse);
        attempt.first = last.unwrap_or(attempt.first);
        // A number that the service suggests is for the page that asks for one.
        if attempt.hint.is_some() {
            attempt.first = Means::MobileId;
        }
        if let Some(first) = self.choice(&attempt, None).first() {
            attempt.first = *first;
        }
        let page = attempt.due().unwrap_or(attempt.first.page());
        let Some(open) = self.attempts.begin(attempt) else {
            self.metrics.sign_ins("answer", "invalid_request").inc();
            let refused = Event::new(Kind::AuthorizationRefused).client(client.id.as_str());
            self.audit.record(refused.error("invalid_request").reason(too_large));
            return None;
        };
        self.metrics.sign_ins("begin", page.name()).inc();
        let begun = Event::new(Kind::SignInBegun).client(client.id.as_str()).of_attempt(open.id.digest());
        let begun = match scope {
            Some(scope) => begun.scope(scope),
            None => begun,
        };
        self.audit.record(begun.maybe_person(known.as_ref().map(PersonId::as_str)));
        let response = respond::see_other(&page.path(&open, &client.id));
        if !new {
            return Some(response);
        }
        let cookies = context.cookies.set(BrowserId::COOKIE, browser.as_str(), Some(BrowserId::SECONDS));
        Some(respond::with_cookies(response, cookies))
    }
}
