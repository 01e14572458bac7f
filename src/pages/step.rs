//! The attempt that an address names, if it is this browser's and open, and the page that is due in it.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{Pages, finish};
use crate::clients::{Client, ClientId};
use crate::platform::service_error::ServiceError;
use crate::platform::web::cookies::Name;
use crate::platform::web::frame::{Frame, LanguageLink, Service};
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::{Malformed, Params};
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{
    AttemptId, BrowserId, ClientNetwork, OpenAttempt, OpenSession, Outcome, Page, Refusal, Stage,
    cancel_path, session_cookie,
};

/// A person at a step of their sign-in.
pub(super) struct StepContext<'r> {
    pub(super) context: PageContext<'r>,
    pub(super) open: OpenAttempt,
    pub(super) client: Arc<Client>,
    /// The session of this browser, where it was read together with the attempt.
    pub(super) session: Option<OpenSession>,
    read_session: bool,
    /// How many tries the attempt has counted, where this request counts as one.
    pub(super) tries: u64,
    query: Params,
    /// A language was chosen on this page and is not stored yet.
    chosen: Option<Language>,
}

/// What is read together with the attempt, in the same round trip.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Nothing else.
    Attempt,
    /// The session of this browser.
    Session,
    /// The count of tries, which this request raises.
    Tries,
}

impl Read {
    /// What showing a page needs.
    const fn to_show(page: Page) -> Self {
        match page {
            Page::Number | Page::Code => Self::Attempt,
            Page::Continue | Page::Consent => Self::Session,
        }
    }
}

/// Shows a page of an attempt by `handler`. Whatever keeps it from being shown becomes the answer: the page that is due,
/// or what happened and the way back to the service.
pub(super) async fn show<'r>(
    pages: &Pages,
    request: &'r HttpRequest,
    page: Page,
    handler: impl AsyncFnOnce(&mut StepContext<'r>) -> Result<HttpResponse, ServiceError>,
) -> HttpResponse {
    let mut step = match StepContext::at(pages, request, page, Read::to_show(page)).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    let answered = match handler(&mut step).await {
        Ok(response) => step.keep_language(pages).await.map(|()| response),
        Err(error) => Err(error),
    };
    step.with_language(pages, answered)
}

/// Handles a form of a page of an attempt, which only pages of this provider may post.
pub(super) async fn posted<'r>(
    pages: &Pages,
    request: &'r HttpRequest,
    (page, read): (Page, Read),
    form: Result<Params, Malformed>,
    handler: impl AsyncFnOnce(&mut StepContext<'r>, &Params) -> Result<HttpResponse, ServiceError>,
) -> HttpResponse {
    let mut step = match StepContext::at(pages, request, page, read).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    if !respond::is_same_origin(request, &pages.origin) {
        return step.problem(ProblemKind::BadRequest);
    }
    let Ok(form) = form else { return step.problem(ProblemKind::BadRequest) };
    let answered = handler(&mut step, &form).await;
    step.context.or_failure(answered)
}

impl<'r> StepContext<'r> {
    /// Finds the attempt that the address names and makes sure that `page` is due.
    ///
    /// # Errors
    /// The answer to send instead.
    async fn at(
        pages: &Pages,
        request: &'r HttpRequest,
        page: Page,
        read: Read,
    ) -> Result<Self, HttpResponse> {
        let mut step = Self::find(pages, request, read).await?;
        let stage = step.open.attempt.stage();
        if stage.shows(page) && !matches!(stage, Stage::Answering(..)) {
            return Ok(step);
        }
        let instead = step.due(pages).await;
        Err(step.with_language(pages, instead))
    }

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
            let named = query.get("service").and_then(ClientId::parse).and_then(|id| pages.clients.find(&id));
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
        let Some(id) = query.get("t").and_then(AttemptId::parse) else {
            return Err(lost(&context, ProblemKind::Expired));
        };
        let found = Self::read(pages, request, &id, read).await;
        let (found, session, tries) = found.map_err(|error| context.failure(&error))?;
        let Some(mut open) = found else { return Err(lost(&context, ProblemKind::Expired)) };
        let attempt = &mut open.attempt;
        match chosen {
            Some(language) => attempt.language = language,
            None => context.language = attempt.language,
        }
        let browser = pages.cookies.read(request, Name::Browser).and_then(BrowserId::parse);
        if !browser.is_some_and(|browser| browser.digest().matches(&attempt.browser)) {
            return Err(lost(&context, ProblemKind::OtherBrowser));
        }
        let Some(client) = pages.clients.find(&attempt.request.client_id) else {
            return Err(lost(&context, ProblemKind::UnknownService));
        };
        let step = Self {
            context,
            open,
            client,
            session,
            read_session: read == Read::Session,
            tries,
            query,
            chosen,
        };
        if step.client.disabled {
            return Err(step.problem(ProblemKind::ServiceDisabled));
        }
        Ok(step)
    }

    async fn read(
        pages: &Pages,
        request: &HttpRequest,
        id: &AttemptId,
        read: Read,
    ) -> Result<(Option<OpenAttempt>, Option<OpenSession>, u64), ServiceError> {
        let sign_in = &pages.sign_in;
        Ok(match read {
            Read::Attempt => (sign_in.attempts.find(id).await?, None, 0),
            Read::Session => {
                let session = session_cookie(request, pages.cookies);
                let (found, session) = sign_in.sessions.with_attempt(id, session).await?;
                (found, session, 0)
            }
            Read::Tries => match sign_in.attempts.find_and_count(id).await? {
                Some((found, tries)) => (Some(found), None, tries),
                None => (None, None, 0),
            },
        })
    }

    /// Leads to the page that is due, where making an answer is not.
    pub(super) async fn due_page(&mut self, pages: &Pages) -> Result<HttpResponse, ServiceError> {
        match self.open.attempt.stage() {
            Stage::Answering(..) => Ok(self.go(Page::Consent)),
            _ => Box::pin(self.due(pages)).await,
        }
    }

    /// Whether this request has read the session of its browser.
    pub(super) const fn reads_session(&self) -> bool {
        self.read_session
    }

    /// Leads to what is due: a page, the answer that could not be stored, or the one that may have been lost.
    pub(super) async fn due(&mut self, pages: &Pages) -> Result<HttpResponse, ServiceError> {
        match self.open.attempt.stage() {
            Stage::Answering(..) => Box::pin(finish::answer_again(pages, self)).await,
            Stage::Finished(Outcome::Answered(answer)) => {
                let sent =
                    pages.completion.send_again(&self.context, &self.open.attempt, &self.client, answer);
                Ok(sent.await?.unwrap_or_else(|| self.problem(ProblemKind::AlreadyFinished)))
            }
            Stage::Finished(Outcome::Refused(_)) => Ok(self.problem(ProblemKind::AlreadyFinished)),
            stage => Ok(match stage.step().page {
                Some(page) => self.go(page),
                None => self.problem(ProblemKind::AlreadyFinished),
            }),
        }
    }

    /// Looks again what is due, after another request of this attempt was quicker.
    pub(super) async fn overtaken(&self, pages: &Pages) -> Result<HttpResponse, ServiceError> {
        match Self::find(pages, self.context.request, Read::Session).await {
            Ok(mut step) => step.due(pages).await,
            Err(instead) => Ok(instead),
        }
    }

    /// Sends a refusal to the service, if the attempt allows one; one that was stored already is sent again.
    pub(super) async fn refuse(
        &mut self,
        pages: &Pages,
        refusal: Refusal,
    ) -> Result<HttpResponse, ServiceError> {
        let attempt = &mut self.open.attempt;
        if matches!(attempt.stage(), Stage::Finished(Outcome::Refused(stored)) if *stored == refusal) {
            return pages.completion.refuse(&self.context, attempt, &self.client, refusal);
        }
        let event = crate::sign_in::Event::Refused(refusal);
        if attempt.advance(event, false, pages.sign_in.clock.now()).is_err() {
            return self.due(pages).await;
        }
        if !pages.sign_in.attempts.store(&self.open).await? {
            return self.overtaken(pages).await;
        }
        pages.completion.refuse(&self.context, &self.open.attempt, &self.client, refusal)
    }

    /// Stores how far the person got; `false` when another request of theirs was quicker.
    pub(super) async fn store(&mut self, pages: &Pages) -> Result<bool, ServiceError> {
        self.chosen = None;
        Ok(pages.sign_in.attempts.store(&self.open).await?)
    }

    /// Stores a language that was chosen on this page, unless it was stored with something else.
    async fn keep_language(&self, pages: &Pages) -> Result<(), ServiceError> {
        if self.chosen.is_some() {
            pages.sign_in.attempts.store(&self.open).await?;
        }
        Ok(())
    }

    /// Adds the cookie that remembers a chosen language.
    fn with_language(&self, pages: &Pages, answered: Result<HttpResponse, ServiceError>) -> HttpResponse {
        let response = self.context.or_failure(answered);
        match self.query.get("lang").and_then(Language::parse) {
            None => response,
            Some(language) => pages.remember_language(response, language),
        }
    }

    pub(super) fn path(&self, page: Page) -> String {
        page.path(&self.open.id, &self.client.id)
    }

    pub(super) fn cancel_path(&self) -> String {
        cancel_path(&self.open.id, &self.client.id)
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
        Frame { text: self.context.text(), service: Some(self.service()), languages, form_action: action }
    }

    /// Where the page's form may lead: browsers hold a policy against every redirect that follows a form.
    pub(super) fn csp_sources(&self) -> CspSources {
        let forms = self.open.attempt.request.return_to.iter().cloned().collect();
        CspSources::new(forms, Some(&self.service()))
    }

    pub(super) fn problem(&self, kind: ProblemKind) -> HttpResponse {
        self.context.problem(kind, &self.problem_of_service())
    }

    pub(super) fn too_many(&self, retry_after: i64) -> HttpResponse {
        let problem = Problem { retry_after: Some(retry_after), ..self.problem_of_service() };
        self.context.problem(ProblemKind::TooManyRequests, &problem)
    }

    fn problem_of_service(&self) -> Problem<'_> {
        Problem { service: Some(self.service()), back: self.client.start_page(), ..Problem::default() }
    }
}

/// The client's network, as limits count it.
pub(super) fn client_network(request: &HttpRequest) -> ClientNetwork {
    let network = crate::platform::telemetry::client_of(request).network();
    ClientNetwork(crate::platform::bytes::Digest::of(network.to_string().as_bytes()))
}

/// A page that exists, asked for by a method that it is not opened by.
pub(super) async fn wrong_method(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    PageContext::new(&request, pages.cookies, None)
        .problem(ProblemKind::MethodNotAllowed, &Problem::default())
}
