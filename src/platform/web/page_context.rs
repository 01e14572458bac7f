//! The context of a page request: its language, and problem pages.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::cookies::Cookies;
use super::frame::{Frame, Service};
use super::locale::{Language, negotiate};
use super::problem::{ProblemKind, ProblemPage, start_again, try_again};
use super::respond::{self, CspSources};
use super::support::Support;
use super::text::Text;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::request_id_of;

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
    /// Where to continue.
    pub back: Option<&'a str>,
    /// The page that can be opened again later, instead.
    pub again: Option<&'a str>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<i64>,
}

impl<'r> PageContext<'r> {
    /// A context with the language that the client requested, the person chose before, or the browser prefers, in this
    /// order.
    pub fn new(request: &'r HttpRequest, cookies: Cookies, ui_locales: Option<&str>) -> Self {
        let header = request.headers().get("accept-language").and_then(|value| value.to_str().ok());
        let language = negotiate(ui_locales, cookies.read(request, Language::COOKIE), header);
        Self { request, cookies, language }
    }

    /// The texts of its language.
    pub fn text(&self) -> Text {
        Text::new(self.language)
    }

    /// The problem page: what happened, what it means and what to do.
    pub fn problem(&self, kind: ProblemKind, problem: &Problem<'_>) -> HttpResponse {
        let text = self.text();
        let id = request_id_of(self.request);
        let support_code = id.as_ref().map_or("-", |id| id.as_str());
        if kind == ProblemKind::NotFound {
            // Strangers look for many pages that do not exist.
            tracing::debug!(event = "page.problem", page.problem = ?kind, "a problem page was shown");
        } else {
            tracing::info!(event = "page.problem", page.problem = ?kind, page.technical = problem.technical, "a problem page was shown");
        }
        let here = self.request.uri().to_string();
        let support = self.request.app_data::<Data<Support>>().map(actix_web::web::Data::get_ref);
        let action = match kind {
            // The same page may work in a moment.
            ProblemKind::Unavailable if here.starts_with('/') => Some(try_again(text, here)),
            _ => match problem.again {
                Some(href) => Some(try_again(text, href)),
                None => problem.back.map(|href| start_again(text, href)),
            },
        };
        let page = ProblemPage {
            frame: Frame { text, service: problem.service, languages: Vec::new(), form_action: "" },
            kind,
            support_code,
            support: support.filter(|support| support.is_given()),
            technical: problem.technical,
            action,
            retry_after: problem.retry_after.and_then(|seconds| u32::try_from(seconds).ok()),
        };
        let response = respond::page(kind.status(), &page, &CspSources::default());
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

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::{TestRequest, call_and_read_body, init_service};
    use actix_web::{App, web};

    async fn asked(support: Support) -> String {
        let lost = |request: HttpRequest| async move {
            PageContext::new(&request, Cookies { https: true }, Some("en"))
                .problem(ProblemKind::NotFound, &Problem::default())
        };
        let app = App::new().app_data(Data::new(support)).default_service(web::to(lost));
        let body = call_and_read_body(&init_service(app).await, TestRequest::get().to_request()).await;
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[actix_web::test]
    async fn a_problem_page_shows_the_help_contact() {
        let phone = Some("+998 71 200-00-00".to_owned());
        assert!(asked(Support { phone, url: None }).await.contains("Help: <a class=\"number\""));
        assert!(!asked(Support { phone: None, url: None }).await.contains("id=\"support\""));
    }
}
