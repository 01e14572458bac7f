//! Where a person is: the sign-in that an address names, if it is this browser's and still open.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{Journey, Transaction};
use crate::clients::{Client, ClientId};
use crate::oidc::{self, AuthorizationRequest, page_path};
use crate::platform::ephemeral::Version;
use crate::platform::fault::Fault;
use crate::platform::web::cookies::Name;
use crate::platform::web::frame::{Frame, LanguageLink, Service};
use crate::platform::web::locale::Language;
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, Reach};
use crate::platform::web::visit::{Problem, Visit};
use crate::sign_in::{BrowserId, Origin, Stage, TransactionId};

/// A person at a step of their sign-in.
pub(super) struct Step<'r> {
    pub(super) visit: Visit<'r>,
    pub(super) id: TransactionId,
    pub(super) transaction: Transaction,
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

impl<'r> Step<'r> {
    /// Finds the sign-in that the address names and makes sure that `page` is due.
    ///
    /// # Errors
    /// The answer to send instead: the page that is due, or what happened and the way back to the service.
    pub(super) async fn find(
        journey: &Journey,
        request: &'r HttpRequest,
        page: Page,
    ) -> Result<Self, HttpResponse> {
        let step = Self::any(journey, request).await?;
        if page.suits(&step.transaction.progress.stage) {
            return Ok(step);
        }
        Err(match due(&step.transaction.progress.stage) {
            Some(due) => step.with_language(journey, respond::see_other(&step.path(due))),
            None => step.problem(ProblemKind::AlreadyFinished),
        })
    }

    /// As [`Step::find`], at whatever page.
    pub(super) async fn any(journey: &Journey, request: &'r HttpRequest) -> Result<Self, HttpResponse> {
        let cookies = journey.oidc.cookies;
        let query = Params::parse(request.query_string()).unwrap_or_default();
        let chosen = query.get("lang").and_then(Language::parse);
        let mut visit = Visit::new(request, cookies, chosen.map(Language::tag));
        let named =
            query.get("service").and_then(ClientId::parse).and_then(|id| journey.oidc.clients.find(&id));
        let lost = |visit: &Visit<'_>, kind| {
            let named = named.as_deref();
            visit.problem(
                kind,
                &Problem {
                    service: named.map(|client| oidc::service(client, visit.language)),
                    back: named.and_then(Client::start_page),
                    ..Problem::default()
                },
            )
        };
        let Some(id) = query.get("t").and_then(TransactionId::parse) else {
            return Err(lost(&visit, ProblemKind::Expired));
        };
        let found = journey.oidc.transactions.find(&id).await.map_err(|error| visit.fault(&error.into()))?;
        let Some((mut transaction, version)) = found else { return Err(lost(&visit, ProblemKind::Expired)) };
        match chosen {
            Some(language) => transaction.progress.language = language,
            None => visit.language = transaction.progress.language,
        }
        let browser = cookies.read(request, Name::Browser).and_then(BrowserId::parse);
        if !browser.is_some_and(|browser| browser.digest().matches(&transaction.progress.browser)) {
            return Err(lost(&visit, ProblemKind::OtherBrowser));
        }
        let Some(client) = journey.oidc.clients.find(&transaction.progress.client_id) else {
            return Err(lost(&visit, ProblemKind::UnknownService));
        };
        let step = Self { visit, id, transaction, version, client, chosen };
        if step.client.disabled {
            return Err(step.problem(ProblemKind::ServiceDisabled));
        }
        Ok(step)
    }

    /// As [`Step::find`], for a form that was posted: only pages of this provider may post it.
    pub(super) async fn posted(
        journey: &Journey,
        request: &'r HttpRequest,
        page: Page,
        body: &[u8],
    ) -> Result<(Self, Form), HttpResponse> {
        let step = Self::find(journey, request, page).await?;
        if !respond::is_same_origin(request, &journey.origin) {
            return Err(step.problem(ProblemKind::BadRequest));
        }
        let Ok(form) = Form::parse(body) else { return Err(step.problem(ProblemKind::BadRequest)) };
        Ok((step, form))
    }

    /// Stores how far the person got. `false` when another request of theirs was quicker.
    pub(super) async fn advance(&self, journey: &Journey) -> Result<bool, Fault> {
        Ok(journey.oidc.transactions.advance(&self.id, self.version, &self.transaction).await?)
    }

    /// Remembers a language that was chosen on a page that shows itself again.
    pub(super) async fn keep_language(&mut self, journey: &Journey) -> Result<(), Fault> {
        if self.chosen.is_some() && self.advance(journey).await? {
            let stored = journey.oidc.transactions.find::<AuthorizationRequest>(&self.id).await?;
            self.version = stored.map_or(self.version, |(_, version)| version);
        }
        Ok(())
    }

    /// Adds the cookie that remembers a chosen language.
    pub(super) fn with_language(&self, journey: &Journey, response: HttpResponse) -> HttpResponse {
        match self.chosen {
            None => response,
            Some(language) => {
                let cookies = journey.oidc.cookies.set(Name::Language, language.tag(), Some(365 * 86_400));
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
        let query = self.visit.request.query_string();
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
        oidc::service(&self.client, self.visit.language)
    }

    /// The frame of a page whose form goes to `action`.
    pub(super) fn frame<'a>(&'a self, page: Page, action: &'a str) -> Frame<'a> {
        let languages = Language::ALL
            .into_iter()
            .map(|language| LanguageLink {
                language,
                href: format!("{}&lang={}", self.path(page), language.tag()),
                current: language == self.visit.language,
            })
            .collect();
        Frame { text: self.visit.text(), service: Some(self.service()), languages, form_action: action }
    }

    /// Where the page's form may lead: browsers hold a policy against every redirect that follows a form.
    pub(super) fn reach(&self) -> Reach {
        let redirect = self.transaction.request.redirect.uri().csp_source();
        Reach::new(vec![redirect], Some(&self.service()))
    }

    pub(super) fn problem(&self, kind: ProblemKind) -> HttpResponse {
        self.visit.problem(
            kind,
            &Problem { service: Some(self.service()), back: self.client.start_page(), ..Problem::default() },
        )
    }

    pub(super) fn too_many(&self, retry_after: i64) -> HttpResponse {
        self.visit.problem(
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
pub(super) fn origin(request: &HttpRequest) -> Origin {
    let network = crate::platform::telemetry::client_of(request).network();
    Origin(crate::platform::bytes::Digest::of(network.to_string().as_bytes()))
}

/// A page that exists, asked for in a way that it is not opened in.
pub(super) async fn wrong_method(journey: Data<Journey>, request: HttpRequest) -> HttpResponse {
    Visit::new(&request, journey.oidc.cookies, None)
        .problem(ProblemKind::MethodNotAllowed, &Problem::default())
}
