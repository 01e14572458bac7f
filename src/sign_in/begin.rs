//! Beginning an attempt on behalf of a service, by whatever protocol it asks.

use actix_web::HttpResponse;

use super::{BrowserId, OpenSession, Page, SignIn, SignInAttempt, SignInRequest, Situation, known};
use crate::audit::{Event, Kind};
use crate::clients::{Client, SubjectIds};
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond;

impl SignIn {
    /// Begins an attempt at the browser of `context`, with `session` if that may answer the request, and leads to its first
    /// page, whose address carries it: nothing is stored yet. It ends at `until`, if that is before its usual end. `None` when
    /// the request is too large for an address.
    pub fn begin(
        &self,
        context: &PageContext<'_>,
        (client, subject_ids): (&Client, &SubjectIds),
        request: SignInRequest,
        session: Option<OpenSession>,
        until: Option<Timestamp>,
    ) -> Option<HttpResponse> {
        let now = self.clock.now();
        let usable = session.filter(|open| {
            let situation = Situation {
                request: &request,
                client,
                session: &open.session,
                bounds: self.sessions.bounds,
                subject_ids,
                now,
            };
            known(&situation).is_ok()
        });
        let browser = context.cookies.read(context.request, BrowserId::COOKIE).and_then(BrowserId::parse);
        let new = browser.is_none();
        let browser = browser.unwrap_or_else(BrowserId::random);
        let page = if usable.is_some() { Page::Continue } else { Page::Number };
        let usual = now.plus(self.attempts.seconds);
        let lifetime = (now, until.map_or(usual, |until| until.min(usual)));
        let person = usable.map(|open| open.authenticated());
        let known = person.as_ref().map(|person| person.person_id.clone());
        let attempt = SignInAttempt::new(request, browser.digest(), context.language, person, lifetime);
        let open = self.attempts.begin(attempt)?;
        self.metrics.sign_ins("begin", page.name()).inc();
        let begun = Event::new(Kind::SignInBegun).client(client.id.as_str()).of_attempt(open.id.digest());
        self.audit.record(begun.maybe_person(known.as_ref().map(PersonId::as_str)));
        let response = respond::see_other(&page.path(&open, &client.id));
        if !new {
            return Some(response);
        }
        let cookies = context.cookies.set(BrowserId::COOKIE, browser.as_str(), Some(BrowserId::SECONDS));
        Some(respond::with_cookies(response, cookies))
    }
}
