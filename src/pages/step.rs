//! Where a person is: the sign-in that an address names, if it is this browser's and still open.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{Pages, SignInAttempt};
use crate::clients::{Client, ClientId};
use crate::oidc::{self, AuthorizationRequest, page_path};
use crate::platform::ephemeral::Version;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink, Service};
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{AttemptId, BrowserId, ClientNetwork, Stage};

/// A person at a step of their sign-in.
pub(super) struct StepContext<'r> {
    pub(super) context: PageContext<'r>,
    pub(super) id: AttemptId,
    pub(super) attempt: SignInAttempt,
    pub(super) version: Version,
    pub(super) client: Arc<Client>,
    /// A language was chosen on this page and is to be remembered.
    chosen: Option<Language>,
}

/// The pages that a step is shown on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Number,
    Code,
    Continue,
    Consent,
}

impl Page {
    const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Code => "code",
            Self::Continue => "continue",
            Self::Consent => "consent",
        }
    }

    /// Whether the page may be shown at a stage. Going back from the code to the number is a step of its own.
    const fn suits(self, stage: &Stage) -> bool {
        matches!(
            (self, stage),
            (Self::Number, Stage::Number | Stage::Code)
                | (Self::Code, Stage::Code)
                | (Self::Continue, Stage::Continue(_))
                | (Self::Consent, Stage::Consent(_))
        )
    }
}

/// The page that is due at a stage; none when all is done.
const fn due(stage: &Stage) -> Option<Page> {
    match stage {
        Stage::Number => Some(Page::Number),
        Stage::Code => Some(Page::Code),
        Stage::Continue(_) => Some(Page::Continue),
        Stage::Consent(_) => Some(Page::Consent),
        Stage::Finished => None,
    }
}

impl<'r> StepContext<'r> {
    /// Finds the sign-in that the address names and makes sure that `page` is due.
    ///
    /// # Errors
    /// The answer to send instead: the page that is due, or what happened and the way back to the service.
    pub(super) async fn find(
        pages: &Pages,
        request: &'r HttpRequest,
        page: Page,
    ) -> Result<Self, HttpResponse> {
        let step = Self::any(pages, request).await?;
        if page.suits(&step.attempt.progress.stage) {
            return Ok(step);
        }
        Err(match due(&step.attempt.progress.stage) {
            Some(due) => step.with_language(pages, respond::see_other(&step.path(due))),
            None => step.problem(ProblemKind::AlreadyFinished),
        })
    }

    /// As [`StepContext::find`], at whatever page.
    pub(super) async fn any(pages: &Pages, request: &'r HttpRequest) -> Result<Self, HttpResponse> {
        let cookies = pages.oidc.cookies;
        let query = Params::parse(request.query_string()).unwrap_or_default();
        let chosen = query.get("lang").and_then(Language::parse);
        let mut context = PageContext::new(request, cookies, chosen.map(Language::tag));
        let named =
            query.get("service").and_then(ClientId::parse).and_then(|id| pages.oidc.clients.find(&id));
        let lost = |context: &PageContext<'_>, kind| {
            let named = named.as_deref();
            context.problem(
                kind,
                &Problem {
                    service: named.map(|client| oidc::service(client, context.language)),
                    back: named.and_then(Client::start_page),
                    ..Problem::default()
                },
            )
        };
        let Some(id) = query.get("t").and_then(AttemptId::parse) else {
            return Err(lost(&context, ProblemKind::Expired));
        };
        let found = pages.oidc.attempts.find(&id).await.map_err(|error| context.failure(&error.into()))?;
        let Some((mut attempt, version)) = found else { return Err(lost(&context, ProblemKind::Expired)) };
        match chosen {
            Some(language) => attempt.progress.language = language,
            None => context.language = attempt.progress.language,
        }
        let browser = cookies.read(request, BrowserId::COOKIE).and_then(BrowserId::parse);
        if !browser.is_some_and(|browser| browser.digest().matches(&attempt.progress.browser)) {
            return Err(lost(&context, ProblemKind::OtherBrowser));
        }
        let Some(client) = pages.oidc.clients.find(&attempt.progress.client_id) else {
            return Err(lost(&context, ProblemKind::UnknownService));
        };
        let step = Self { context, id, attempt, version, client, chosen };
        if step.client.disabled {
            return Err(step.problem(ProblemKind::ServiceDisabled));
        }
        Ok(step)
    }

    /// As [`StepContext::find`], for a form that was posted: only pages of this provider may post it.
    pub(super) async fn posted(
        pages: &Pages,
        request: &'r HttpRequest,
        page: Page,
        body: &[u8],
    ) -> Result<(Self, Form), HttpResponse> {
        let step = Self::find(pages, request, page).await?;
        if !respond::is_same_origin(request, &pages.origin) {
            return Err(step.problem(ProblemKind::BadRequest));
        }
        let Ok(form) = Form::parse(body) else { return Err(step.problem(ProblemKind::BadRequest)) };
        Ok((step, form))
    }

    /// Stores how far the person got. `false` when another request of theirs was quicker.
    pub(super) async fn advance(&self, pages: &Pages) -> Result<bool, ServiceError> {
        Ok(pages.oidc.attempts.advance(&self.id, self.version, &self.attempt).await?)
    }

    /// Remembers a language that was chosen on a page that shows itself again.
    pub(super) async fn keep_language(&mut self, pages: &Pages) -> Result<(), ServiceError> {
        if self.chosen.is_some() && self.advance(pages).await? {
            let stored = pages.oidc.attempts.find::<AuthorizationRequest>(&self.id).await?;
            self.version = stored.map_or(self.version, |(_, version)| version);
        }
        Ok(())
    }

    /// Adds the cookie that remembers a chosen language.
    pub(super) fn with_language(&self, pages: &Pages, response: HttpResponse) -> HttpResponse {
        match self.chosen {
            None => response,
            Some(language) => {
                let cookies = pages.oidc.cookies.set(Language::COOKIE, language.tag(), Some(365 * 86_400));
                respond::with_cookies(response, cookies)
            }
        }
    }

    pub(super) fn path(&self, page: Page) -> String {
        page_path(page.name(), &self.id, &self.client)
    }

    pub(super) fn cancel_path(&self) -> String {
        page_path("cancel", &self.id, &self.client)
    }

    /// Leads to a page that says what was wrong: one of its own words, in the address.
    pub(super) fn go_saying(&self, page: Page, word: &str) -> HttpResponse {
        respond::see_other(&format!("{}&e={word}", self.path(page)))
    }

    /// What the address says by `name`; words of a page, never text to be shown.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        let query = self.context.request.query_string();
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, word)| word)
    }

    pub(super) fn go(&self, page: Page) -> HttpResponse {
        respond::see_other(&self.path(page))
    }

    pub(super) fn service(&self) -> Service<'_> {
        oidc::service(&self.client, self.context.language)
    }

    /// The frame of a page whose form goes to `action`.
    pub(super) fn frame<'a>(&'a self, page: Page, action: &'a str) -> Frame<'a> {
        let languages = Language::ALL
            .into_iter()
            .map(|language| LanguageLink {
                language,
                href: format!("{}&lang={}", self.path(page), language.tag()),
                current: language == self.context.language,
            })
            .collect();
        Frame { text: self.context.text(), service: Some(self.service()), languages, form_action: action }
    }

    /// Where the page's form may lead: browsers hold a policy against every redirect that follows a form.
    pub(super) fn csp_sources(&self) -> CspSources {
        let redirect = self.attempt.request.redirect.uri().csp_source();
        CspSources::new(vec![redirect], Some(&self.service()))
    }

    pub(super) fn problem(&self, kind: ProblemKind) -> HttpResponse {
        self.context.problem(
            kind,
            &Problem { service: Some(self.service()), back: self.client.start_page(), ..Problem::default() },
        )
    }

    pub(super) fn too_many(&self, retry_after: i64) -> HttpResponse {
        self.context.problem(
            ProblemKind::TooManyRequests,
            &Problem {
                service: Some(self.service()),
                back: self.client.start_page(),
                retry_after: Some(retry_after),
                ..Problem::default()
            },
        )
    }
}

/// A posted form of a page: fields by name, and those that may come several times.
pub(super) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    fn parse(body: &[u8]) -> Result<Self, ()> {
        let text = std::str::from_utf8(body).map_err(|_| ())?;
        if text.len() > 16 * 1024 {
            return Err(());
        }
        let fields = url::form_urlencoded::parse(text.as_bytes()).take(64);
        Ok(Self { fields: fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect() })
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// Whence a request comes, as limits count it.
pub(super) fn client_network(request: &HttpRequest) -> ClientNetwork {
    let network = crate::platform::telemetry::client_of(request).network();
    ClientNetwork(crate::platform::bytes::Digest::of(network.to_string().as_bytes()))
}

/// A page that exists, asked for in a way that it is not opened in.
pub(super) async fn wrong_method(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    PageContext::new(&request, pages.oidc.cookies, None)
        .problem(ProblemKind::MethodNotAllowed, &Problem::default())
}
