//! The attempt that an address names, if it is this browser's and open.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use crate::audit::{Event as AuditEvent, Kind};
use crate::clients::{Client, ClientId, Unsuited};
use crate::notices::inbox::NewNotice;
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::ephemeral::{Applied, Batch};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink, Service};
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::sign_in::{
    AttemptName, Authenticated, BrowserId, Device, Event, Limit, OpenAttempt, OpenSession, Outcome, Page,
    Refusal, Stage, cancel_path, session_cookie,
};

/// A person at a step of their sign-in.
pub(super) struct StepContext<'r> {
    pub(super) context: PageContext<'r>,
    pub(super) open: OpenAttempt,
    pub(super) client: Arc<Client>,
    /// The session of this browser, where it was read together with the attempt.
    pub(super) session: Option<OpenSession>,
    read_session: bool,
    /// What the person is to be told when this is stored.
    pub(super) told: Vec<NewNotice>,
    /// How many tries the attempt has counted, where this request counts as one.
    pub(super) tries: u64,
    query: Params,
    /// A language was chosen on this page and is not stored yet.
    chosen: Option<Language>,
}

/// What follows a request to a page.
pub(super) enum Flow {
    /// This answer.
    Respond(HttpResponse),
    /// Whatever is due at the stage that is stored now: another request was quicker, or the event is not allowed.
    Due,
}

impl From<HttpResponse> for Flow {
    fn from(response: HttpResponse) -> Self {
        Self::Respond(response)
    }
}

/// What is read together with the attempt, in the same round trip.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Nothing, where the address carries the attempt and the browser has no session. The attempt may have been stored
    /// since: the page's form finds out.
    Nothing,
    /// Nothing else.
    Attempt,
    /// The session of this browser.
    Session,
    /// The count of tries, which this request raises.
    Tries,
    /// That count, and then the session.
    TriesAndSession,
}

impl Read {
    /// What showing a page needs.
    pub(super) fn to_show(page: Page) -> Self {
        match page {
            page if page.is_of_means() => Self::Nothing,
            page if page.needs_session() => Self::Session,
            _ => Self::Attempt,
        }
    }
}

impl<'r> StepContext<'r> {
    /// Finds the attempt that the address names, whatever page is due.
    ///
    /// # Errors
    /// What happened and the way back to the service.
    pub(super) async fn find(
        pages: &Pages,
        request: &'r HttpRequest,
        read: Read,
    ) -> Result<Self, HttpResponse> {
        let query = Params::parse(request.query_string()).unwrap_or_default();
        let chosen = query.get("lang").and_then(Language::parse);
        let mut context = PageContext::new(request, pages.cookies, chosen.map(Language::tag));
        let lost = |context: &PageContext<'_>, kind| {
            let named = query.get("service").and_then(ClientId::parse);
            let named = named
                .and_then(|id| pages.completion.own_client(&id).or_else(|| pages.clients.find_shown(&id)));
            let named = named.as_deref();
            context.problem(
                kind,
                &Problem {
                    service: named.map(|client| client.shown(context.language)),
                    back: named.and_then(Client::start_page),
                    ..Problem::default()
                },
            )
        };
        let Some(name) = query.get("t").and_then(|name| pages.sign_in.attempts.parse(name)) else {
            return Err(lost(&context, ProblemKind::Expired));
        };
        let browser = pages.cookies.read(request, BrowserId::COOKIE).and_then(BrowserId::parse);
        let Some(browser) = browser.map(|browser| browser.digest()) else {
            return Err(lost(&context, ProblemKind::OtherBrowser));
        };
        let found = Self::read(pages, request, (name, &browser), read).await;
        let (found, session, tries) = found.map_err(|error| context.failure(&error))?;
        let Some(mut open) = found else { return Err(lost(&context, ProblemKind::Expired)) };
        let attempt = &mut open.attempt;
        match chosen {
            Some(language) => attempt.language = language,
            None => context.language = attempt.language,
        }
        if chosen.is_some() && !open.is_stored() {
            pages.sign_in.attempts.seal(&mut open);
        }
        let attempt = &open.attempt;
        if !browser.matches(&attempt.browser) {
            return Err(lost(&context, ProblemKind::OtherBrowser));
        }
        let id = &attempt.request.client_id;
        let own =
            if attempt.request.reply.protocol.is_own() { pages.completion.own_client(id) } else { None };
        let Some(client) = own.or_else(|| pages.clients.find(id)) else {
            return Err(lost(&context, ProblemKind::UnknownService));
        };
        // What the client lost since it asked is neither shown nor agreed to.
        open.attempt.request.data.hold_to(&client);
        let step = Self {
            context,
            open,
            client,
            session,
            read_session: matches!(read, Read::Session | Read::TriesAndSession),
            told: Vec::new(),
            tries,
            query,
            chosen,
        };
        if let Some(suspension) = step.client.suspension {
            let technical = suspension.description();
            step.record(pages, Kind::AuthorizationRefused, None, |event| event.reason(technical));
            let problem = step.client.shut_page(step.context.text(), technical);
            return Err(step.context.problem(ProblemKind::ServiceSuspended, &problem));
        }
        if step.client.disabled {
            return Err(step.problem(ProblemKind::ServiceDisabled));
        }
        // Nothing proves any more where an answer may go.
        if let Some((kind, technical)) = pages.completion.withdrawn(&step.open.attempt, &step.client) {
            step.record(pages, Kind::AuthorizationRefused, None, |event| event.reason(technical));
            let problem = Problem { technical: Some(technical), ..step.problem_of_service() };
            return Err(step.context.problem(kind, &problem));
        }
        Ok(step)
    }

    async fn read(
        pages: &Pages,
        request: &HttpRequest,
        (name, browser): (AttemptName, &Digest),
        read: Read,
    ) -> Result<(Option<OpenAttempt>, Option<OpenSession>, u64), ServiceError> {
        let sign_in = &pages.sign_in;
        Ok(match (read, name) {
            // Who has got further than a number has a session.
            (Read::Nothing, AttemptName::Sealed(open))
                if session_cookie(request, pages.cookies).is_none() =>
            {
                (Some(*open), None, 0)
            }
            (Read::Nothing | Read::Attempt, name) => (sign_in.attempts.find(name).await?, None, 0),
            (Read::Session, name) => {
                let session = session_cookie(request, pages.cookies);
                let (found, session) = sign_in.sessions.with_attempt(name, session).await?;
                (found, session, 0)
            }
            (Read::Tries, name) => match sign_in.attempts.find_and_count(name, browser).await? {
                Some((found, tries)) => (Some(found), None, tries),
                None => (None, None, 0),
            },
            (Read::TriesAndSession, name) => match sign_in.attempts.find_and_count(name, browser).await? {
                Some((found, tries)) => {
                    (Some(found), sign_in.sessions.of_browser(request, pages.cookies).await?, tries)
                }
                None => (None, None, 0),
            },
        })
    }

    /// Whether this request has read the session of its browser.
    pub(super) const fn reads_session(&self) -> bool {
        self.read_session
    }

    /// Sends a refusal to the service, if the attempt allows one and its request was not answered elsewhere; one that was
    /// stored already is sent again.
    pub(super) async fn refuse(&mut self, pages: &Pages, refusal: Refusal) -> Result<Flow, ServiceError> {
        let attempt = &mut self.open.attempt;
        let sent = matches!(attempt.stage(), Stage::Finished(Outcome::Refused(stored)) if *stored == refusal);
        if !sent {
            let now = pages.sign_in.clock.now();
            let agreed = match attempt.stage() {
                Stage::Answering(_, agreement) => Some(agreement.consent_id.clone()),
                _ => None,
            };
            let asked =
                matches!(attempt.stage(), Stage::Consent(_) | Stage::Permission(..) | Stage::Answering(..));
            let person = attempt.stage().authenticated().cloned();
            if attempt.advance(Event::Refused(refusal), false, now).is_err() {
                return Ok(Flow::Due);
            }
            // An attempt that was never stored leaves nothing behind: whoever opens and cancels requests costs no memory.
            // Of a pushed request it is noted which attempt cancelled it.
            let mut batch = Batch::new(&pages.sign_in.ephemeral);
            let cancelled = (refusal == Refusal::Denied).then(|| self.open.id.digest());
            pages.completion.spend_in(&self.open.attempt, cancelled, &mut batch)?;
            if self.open.is_stored() {
                pages.sign_in.attempts.store_in(&mut batch, &self.open);
            }
            if !batch.is_empty() && pages.sign_in.ephemeral.apply(batch).await? != Applied::Done {
                return self.not_refused(pages, refusal, agreed).await;
            }
            if asked && refusal == Refusal::Denied {
                self.record(pages, Kind::ConsentRefused, person.as_ref(), |event| event);
            }
            self.record_end(pages, person.as_ref(), "page");
            // It may have been recorded before the answer failed.
            if let Some(consent) = agreed {
                pages.life_events.end_consent(&consent).await?;
            }
        }
        let attempt = &self.open.attempt;
        Ok(pages.completion.refuse(&self.context, attempt, &self.client, refusal).await?.into())
    }

    /// What follows a refusal that was not stored: the same error again where this attempt was cancelled before, since that
    /// may never have arrived; otherwise whatever is due.
    async fn not_refused(
        &self,
        pages: &Pages,
        refusal: Refusal,
        agreed: Option<String>,
    ) -> Result<Flow, ServiceError> {
        let attempt = &self.open.attempt;
        let again = refusal == Refusal::Denied
            && pages.completion.is_cancelled(attempt, self.open.id.digest()).await?;
        let flow = if again {
            pages.completion.refuse(&self.context, attempt, &self.client, refusal).await?.into()
        } else {
            self.answered_elsewhere(pages).await?
        };
        // The person refuses, whoever was answered first.
        if let (Flow::Respond(_), Some(consent)) = (&flow, agreed) {
            pages.life_events.end_consent(&consent).await?;
        }
        Ok(flow)
    }

    /// What is due when an answer was not stored: the request was answered in another browser or tab, or this very attempt
    /// went on in another request.
    pub(super) async fn answered_elsewhere(&self, pages: &Pages) -> Result<Flow, ServiceError> {
        if pages.completion.is_spent(&self.open.attempt).await? {
            let found = StepContext::find(pages, self.context.request, Read::Attempt).await;
            // The same attempt sends its answer again.
            if found.is_ok_and(|found| !matches!(found.open.attempt.stage(), Stage::Finished(_))) {
                return Ok(self.problem(ProblemKind::AlreadyFinished).into());
            }
        }
        Ok(Flow::Due)
    }

    /// Records something of this attempt, and of the person if they are known.
    pub(super) fn record(
        &self,
        pages: &Pages,
        kind: Kind,
        person: Option<&Authenticated>,
        with: impl FnOnce(AuditEvent<'_>) -> AuditEvent<'_>,
    ) {
        let event = AuditEvent::new(kind).client(self.client.id.as_str()).of_attempt(self.open.id.digest());
        let event = match person {
            Some(person) => person.describe(event, &self.client.id),
            None => event,
        };
        pages.sign_in.audit.record(with(event));
    }

    /// Notes in the person's history of sign-ins that they went on to the service, and whether the session is new.
    pub(super) fn note(&self, pages: &Pages, person: &Authenticated, opened: bool) {
        let device = Device::of(self.context.request);
        let browser = pages.sign_in.known.name(&person.person_id, &self.open.attempt.browser);
        pages.sign_in.history.record(person, &self.client.id, opened, (&device, Some(browser)));
    }

    /// Tells the person in their cabinet what this request let happen, once that is stored.
    pub(super) fn tell(&mut self, pages: &Pages, person: &PersonId) {
        for notice in std::mem::take(&mut self.told) {
            pages.sign_in.inbox.post(person, notice);
        }
    }

    /// Records how the attempt ended, if it has and that is stored: `by` says by what, when it ended well.
    pub(super) fn record_end(&self, pages: &Pages, person: Option<&Authenticated>, by: &'static str) {
        let attempt = &self.open.attempt;
        match attempt.stage() {
            Stage::Finished(Outcome::Answered(answer, _)) => {
                let grant = pages.completion.grant_of(attempt, answer);
                self.record(pages, Kind::SignInCompleted, person, |event| match grant {
                    Some(grant) => event.grant(grant).reason(by),
                    None => event.reason(by),
                });
                // Where this very attempt opened the session, the history has it already.
                let used = |person: &&Authenticated| by != "code" && person.auth_time <= attempt.created_at;
                if let Some(person) = person.filter(used) {
                    self.note(pages, person, false);
                }
            }
            Stage::Finished(Outcome::Refused(refusal)) => {
                self.record(pages, Kind::SignInRefused, person, |event| event.reason(refusal.name()));
            }
            _ => {}
        }
    }

    /// Keeps how far the person got: in the store, or before anything of the attempt is stored in its address. `false`
    /// when another request of theirs was quicker.
    pub(super) async fn keep(&mut self, pages: &Pages) -> Result<bool, ServiceError> {
        self.chosen = None;
        if !self.open.is_stored() {
            return Ok(pages.sign_in.attempts.seal(&mut self.open));
        }
        Ok(pages.sign_in.attempts.store(&self.open).await?)
    }

    /// Stores a language that was chosen on this page, unless it was stored with something else.
    pub(super) async fn keep_language(&self, pages: &Pages) -> Result<(), ServiceError> {
        if self.chosen.is_some() && self.open.is_stored() {
            pages.sign_in.attempts.store(&self.open).await?;
        }
        Ok(())
    }

    /// The answer, with the cookie that remembers a chosen language.
    pub(super) fn with_language(&self, answered: Result<HttpResponse, ServiceError>) -> HttpResponse {
        self.context.remember_language(self.context.or_failure(answered))
    }

    pub(super) fn path(&self, page: Page) -> String {
        page.path(&self.open, &self.client.id)
    }

    pub(super) fn cancel_path(&self, page: Page) -> String {
        cancel_path(page, &self.open, &self.client.id)
    }

    /// Leads to a page that says what was wrong: one of its own words, in the address. A page of its own, so that going
    /// back or reloading does not send the form again.
    pub(super) fn go_saying(&self, page: Page, word: &str) -> HttpResponse {
        respond::see_other(&format!("{}&e={word}", self.path(page)))
    }

    /// What the address says by `name`: words of a page, never text to be shown.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    pub(super) fn go(&self, page: Page) -> HttpResponse {
        respond::see_other(&self.path(page))
    }

    pub(super) fn service(&self) -> Service<'_> {
        self.client.shown(self.context.language)
    }

    /// The frame of a page whose form goes to `action`.
    pub(super) fn frame<'a>(&'a self, page: Page, action: &'a str) -> Frame<'a> {
        let languages = LanguageLink::all(self.context.language, |language| {
            format!("{}&lang={}", self.path(page), language.tag())
        });
        Frame { form_action: action, ..self.context.frame(Some(self.service()), languages) }
    }

    /// Where the page's form may lead: browsers hold a policy against every redirect that follows a form.
    pub(super) fn csp_sources(&self) -> CspSources {
        let forms = self.open.attempt.request.return_to.iter().cloned().collect();
        CspSources::new(forms)
    }

    pub(super) fn problem(&self, kind: ProblemKind) -> HttpResponse {
        self.context.problem(kind, &self.problem_of_service())
    }

    /// Says that the client's contract does not let it have anything of this person, and leads back to the service.
    pub(super) fn unsuited(&self, why: Unsuited) -> HttpResponse {
        let text = self.context.text();
        let back = self.cancel_path(self.open.attempt.first.page());
        let problem = Problem {
            action: Some((text.get("frame.to_service"), &back)),
            ..Problem { note: unsuited_note(why, text), ..self.problem_of_service() }
        };
        self.context.problem(unsuited_kind(why), &problem)
    }

    /// Says that a limit was met on `page`. Waiting does not help an attempt that has had all its codes: the page of the last
    /// one says so, and leads on.
    pub(super) fn too_many(&self, limit: Limit, page: Page) -> HttpResponse {
        if limit == Limit::Attempt
            && let Some(due) = self.open.attempt.due()
        {
            return self.go(due);
        }
        let (path, wait) = (self.path(page), limit.retry_after());
        let problem = match limit {
            Limit::Attempt => self.problem_of_service(),
            _ => {
                let action = Some((self.context.text().get("problem.try_again"), path.as_str()));
                Problem { action, retry_after: Some(wait), ..self.problem_of_service() }
            }
        };
        let response = self.context.problem(ProblemKind::TooManyRequests, &problem);
        respond::retry_after(response, wait)
    }

    fn problem_of_service(&self) -> Problem<'_> {
        Problem { service: Some(self.service()), back: self.client.start_page(), ..Problem::default() }
    }
}

/// The page of a person whom a contract does not suit.
pub(super) const fn unsuited_kind(why: Unsuited) -> ProblemKind {
    match why {
        Unsuited::TooYoung(_) => ProblemKind::TooYoung,
        Unsuited::Document => ProblemKind::DocumentNotValid,
    }
}

/// The age that it says, if it is about that.
pub(super) fn unsuited_note(why: Unsuited, text: Text) -> Option<String> {
    match why {
        Unsuited::TooYoung(years) => {
            Some(text.with("problem.too_young_note", &[("years", &years.to_string())]))
        }
        Unsuited::Document => None,
    }
}

/// A page that exists, asked for by a method that it is not opened by.
pub(super) async fn wrong_method(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    PageContext::new(&request, pages.cookies, None)
        .problem(ProblemKind::MethodNotAllowed, &Problem::default())
}
