//! The context of a page request: its language, and problem pages.

use std::borrow::Cow;

use actix_web::http::{Method, Uri};
use actix_web::{HttpRequest, HttpResponse};

use super::cookies::Cookies;
use super::frame::{Frame, LanguageLink, Service};
use super::locale::{Language, negotiate};
use super::params::query_without;
use super::problem::{ProblemKind, ProblemPage, start_again, try_again};
use super::respond::{self, CspSources};
use super::site::Site;
use super::support_code::SupportCode;
use super::text::Text;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::request_id_of;

/// A parameter that no link of a page repeats: some clients leak their secret into a browser's address.
const NOT_REPEATED: &str = "client_secret";

/// A request of a person's browser.
pub struct PageContext<'r> {
    /// The request.
    pub request: &'r HttpRequest,
    /// How cookies are read and set.
    pub cookies: Cookies,
    /// The language to answer in.
    pub language: Language,
}

/// Details of a problem page.
#[derive(Default)]
pub struct Problem<'a> {
    /// The client, if known.
    pub service: Option<Service<'a>>,
    /// For the client's developers, in ASCII and the RFCs' terms.
    pub technical: Option<&'a str>,
    /// Where to start again.
    pub back: Option<&'a str>,
    /// Another way on instead: its label, and where it leads.
    pub action: Option<(&'a str, &'a str)>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<i64>,
    /// A sentence more, in the reader's language.
    pub note: Option<String>,
}

impl<'r> PageContext<'r> {
    /// A context with the language that a link on a page chose, the client requested, the person chose before, or the browser
    /// prefers, in this order.
    pub fn new(request: &'r HttpRequest, cookies: Cookies, ui_locales: Option<&str>) -> Self {
        let header = request.headers().get("accept-language").and_then(|value| value.to_str().ok());
        let chosen = Language::chosen(request.query_string());
        let language =
            chosen.unwrap_or_else(|| negotiate(ui_locales, cookies.read(request, Language::COOKIE), header));
        Self { request, cookies, language }
    }

    /// The frame of a page without a form.
    pub fn frame<'a>(&'a self, service: Option<Service<'a>>, languages: Vec<LanguageLink>) -> Frame<'a> {
        Frame { text: self.text(), site: Site::of(self.request), service, languages, form_action: "" }
    }

    /// Links to the page that is shown, in every language, where its address shows it again. A page of a sign-in that answers
    /// a form leads to the step that is due, whose address is the form's.
    pub fn languages_here(&self) -> Vec<LanguageLink> {
        let request = self.request;
        let repeats = request.method() == Method::GET || request.path().starts_with("/sign-in/");
        match here(request.uri()).filter(|_| repeats) {
            Some(here) => LanguageLink::all(self.language, |language| in_language(&here, language)),
            None => Vec::new(),
        }
    }

    /// Adds the cookie that remembers a language, if a link chose one.
    pub fn remember_language(&self, response: HttpResponse) -> HttpResponse {
        match Language::chosen(self.request.query_string()) {
            Some(language) => {
                let set = self.cookies.set(Language::COOKIE, language.tag(), Some(Language::SECONDS));
                respond::with_cookies(response, set)
            }
            None => response,
        }
    }

    /// The texts of its language.
    pub fn text(&self) -> Text {
        Text::new(self.language)
    }

    /// The problem page: what happened, what it means and what to do.
    pub fn problem(&self, kind: ProblemKind, problem: &Problem<'_>) -> HttpResponse {
        let text = self.text();
        let id = request_id_of(self.request);
        let support_code = id.map(|id| SupportCode::of(id.as_str()).to_string());
        // Strangers look for many pages that do not exist: there is nothing about them to ask support for.
        let support_code = support_code.filter(|_| kind != ProblemKind::NotFound);
        match &support_code {
            Some(code) => tracing::info!(
                event = "page.problem",
                page.problem = ?kind,
                page.technical = problem.technical,
                support_code = code,
                "a problem page was shown"
            ),
            None => tracing::debug!(event = "page.problem", page.problem = ?kind, "a problem page was shown"),
        }
        let action = match (kind, here(self.request.uri())) {
            // The same page may work in a moment.
            (ProblemKind::Unavailable, Some(here)) => Some(try_again(text, here.as_ref())),
            _ => match problem.action {
                Some((label, href)) => Some((label.to_owned(), href.to_owned())),
                None => problem.back.map(|href| start_again(text, href)),
            },
        };
        let page = ProblemPage {
            frame: self.frame(problem.service, self.languages_here()),
            kind,
            support_code: support_code.as_deref(),
            technical: problem.technical,
            note: problem.note.as_deref(),
            action,
            // The words know minutes only: of less the page says that it will not be long.
            retry_after: problem
                .retry_after
                .filter(|seconds| *seconds >= 60)
                .and_then(|seconds| u32::try_from(seconds).ok()),
        };
        let response = respond::page(kind.status(), &page, &CspSources::default());
        let response = self.remember_language(response);
        match problem.retry_after {
            Some(seconds) => respond::retry_after(response, seconds),
            None => response,
        }
    }

    /// The response, or the page of its error.
    pub fn or_failure(&self, answered: Result<HttpResponse, ServiceError>) -> HttpResponse {
        answered.unwrap_or_else(|error| self.failure(&error))
    }

    /// The page of a [`ServiceError`]: 503 with `Retry-After` if a store is unavailable, 500 otherwise.
    pub fn failure(&self, fault: &ServiceError) -> HttpResponse {
        let (kind, retry_after) = match fault {
            ServiceError::Unavailable(why) => {
                tracing::warn!(event = "page.unavailable", error = why, "a store is unavailable");
                (ProblemKind::Unavailable, Some(5))
            }
            ServiceError::Internal(why) => {
                tracing::error!(event = "page.fault", error = why, "a page failed");
                (ProblemKind::Internal, None)
            }
        };
        self.problem(kind, &Problem { retry_after, ..Problem::default() })
    }
}

/// Path and query of a request on this origin, without what no link repeats; `None` if a browser would take them for another
/// one's.
fn here(uri: &Uri) -> Option<Cow<'_, str>> {
    let here = uri.path_and_query()?.as_str();
    let second = here.strip_prefix('/')?.chars().next();
    if matches!(second, Some('/' | '\\')) {
        return None;
    }
    let without = query_without(uri.query().unwrap_or_default(), NOT_REPEATED);
    Some(match without {
        Some(query) => Cow::Owned(format!("{}?{query}", uri.path())),
        None => Cow::Borrowed(here),
    })
}

/// The same address with a language chosen.
fn in_language(here: &str, language: Language) -> String {
    let (path, query) = here.split_once('?').unwrap_or((here, ""));
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    let tag = format!("lang={}", language.tag());
    let query: Vec<&str> = kept.chain([tag.as_str()]).collect();
    format!("{path}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::super::support::Support;
    use super::*;
    use actix_web::test::{TestRequest, call_and_read_body, init_service};
    use actix_web::web::Data;
    use actix_web::{App, web};

    #[test]
    fn links_lead_to_this_origin_and_choose_one_language() {
        let of = |uri: &str| here(&uri.parse().unwrap()).map(|here| in_language(&here, Language::Ru));
        assert_eq!(of("/").as_deref(), Some("/?lang=ru"));
        assert_eq!(of("/a?b=1&lang=en&c=2").as_deref(), Some("/a?b=1&c=2&lang=ru"));
        assert_eq!((of("//evil.uz/a"), of("/\\evil.uz/a")), (None, None));
        assert_eq!(of("/a?b=1&client_secret=s&c=%2B").as_deref(), Some("/a?b=1&c=%2B&lang=ru"));
        assert_eq!(of("/a?client%5Fsecret=s&client_secret").as_deref(), Some("/a?lang=ru"));
    }

    async fn asked(support: Support) -> String {
        let lost = |request: HttpRequest| async move {
            PageContext::new(&request, Cookies { https: true }, Some("en"))
                .problem(ProblemKind::NotFound, &Problem::default())
        };
        let site = Site { support, ..Site::default() };
        let app = App::new().app_data(Data::new(site)).default_service(web::to(lost));
        let body = call_and_read_body(&init_service(app).await, TestRequest::get().to_request()).await;
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[actix_web::test]
    async fn the_page_and_its_header_say_the_same() {
        for (seconds, minutes) in [(5, None), (60, Some("1 minute")), (300, Some("5 minutes"))] {
            let request = TestRequest::get().to_http_request();
            let context = PageContext::new(&request, Cookies { https: true }, Some("en"));
            let problem = Problem { retry_after: Some(seconds), ..Problem::default() };
            let response = context.problem(ProblemKind::Unavailable, &problem);
            assert_eq!(response.headers().get("retry-after").unwrap(), seconds.to_string().as_str());
            let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert_eq!(body.contains("Try again in"), minutes.is_some(), "{body}");
            assert!(minutes.is_none_or(|minutes| body.contains(minutes)), "{body}");
        }
    }

    #[actix_web::test]
    async fn a_problem_page_shows_the_help_contact() {
        let phone = Some("+998 71 200-00-00".to_owned());
        assert!(asked(Support { phone, url: None }).await.contains("id=\"support\""));
        assert!(!asked(Support { phone: None, url: None }).await.contains("id=\"support\""));
    }
}
