//! Problem pages: what happened, what it means for the person, what to do.

use actix_web::http::StatusCode;
use askama::Template;

use super::frame::Frame;
use super::text::Text;

/// Why a page cannot be shown or a sign-in cannot continue, for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The `client_id` is unknown.
    UnknownService,
    /// The redirect URI is not registered (RFC 6749 section 3.1.2.4).
    BadReturnAddress,
    /// The request is invalid in another way, and no redirect URI is validated.
    BadRequest,
    /// The sign-in attempt expired.
    Expired,
    /// The sign-in was started in another browser, or its cookie is lost.
    OtherBrowser,
    /// The sign-in was finished before, perhaps in another tab.
    AlreadyFinished,
    /// A rate limit was exceeded.
    TooManyRequests,
    /// A store is unavailable.
    Unavailable,
    /// There is no such page.
    NotFound,
    /// A defect of the provider.
    Internal,
    /// The client is disabled.
    ServiceDisabled,
    /// The client registered itself, and nobody has approved it yet.
    ServicePending,
    /// The client's contract is not in force.
    ServiceSuspended,
    /// The person is younger than the client's contract lets people be.
    TooYoung,
    /// The client's contract demands a valid document, and the person's is not.
    DocumentNotValid,
    /// A code is needed, and there is no number to send it to.
    NoNumber,
    /// The page exists, but not for this HTTP method.
    MethodNotAllowed,
}

/// The three sentences of a problem page, as keys of the catalogue.
struct Words {
    happened: &'static str,
    means: &'static str,
    advice: &'static str,
}

impl ProblemKind {
    /// Every kind, for tests and for the operators' reference.
    pub const ALL: [ProblemKind; 17] = [
        ProblemKind::UnknownService,
        ProblemKind::BadReturnAddress,
        ProblemKind::BadRequest,
        ProblemKind::Expired,
        ProblemKind::OtherBrowser,
        ProblemKind::AlreadyFinished,
        ProblemKind::TooManyRequests,
        ProblemKind::Unavailable,
        ProblemKind::NotFound,
        ProblemKind::Internal,
        ProblemKind::ServiceDisabled,
        ProblemKind::ServicePending,
        ProblemKind::ServiceSuspended,
        ProblemKind::TooYoung,
        ProblemKind::DocumentNotValid,
        ProblemKind::NoNumber,
        ProblemKind::MethodNotAllowed,
    ];

    /// The HTTP status of the page.
    pub fn status(self) -> StatusCode {
        match self {
            ProblemKind::UnknownService | ProblemKind::BadReturnAddress | ProblemKind::BadRequest => {
                StatusCode::BAD_REQUEST
            }
            ProblemKind::Expired | ProblemKind::AlreadyFinished => StatusCode::GONE,
            ProblemKind::OtherBrowser
            | ProblemKind::ServiceDisabled
            | ProblemKind::ServicePending
            | ProblemKind::ServiceSuspended
            | ProblemKind::TooYoung
            | ProblemKind::DocumentNotValid
            | ProblemKind::NoNumber => StatusCode::FORBIDDEN,
            ProblemKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            ProblemKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ProblemKind::NotFound => StatusCode::NOT_FOUND,
            ProblemKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ProblemKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn words(self) -> Words {
        let (happened, means, advice) = match self {
            ProblemKind::UnknownService => {
                ("problem.unknown_service", "problem.unknown_service_means", "problem.unknown_service_advice")
            }
            ProblemKind::BadReturnAddress => {
                ("problem.return_address", "problem.return_address_means", "problem.return_address_advice")
            }
            ProblemKind::BadRequest => {
                ("problem.bad_request", "problem.bad_request_means", "problem.bad_request_advice")
            }
            ProblemKind::Expired => ("problem.expired", "problem.expired_means", "problem.expired_advice"),
            ProblemKind::OtherBrowser => {
                ("problem.other_browser", "problem.other_browser_means", "problem.other_browser_advice")
            }
            ProblemKind::AlreadyFinished => {
                ("problem.finished", "problem.finished_means", "problem.finished_advice")
            }
            ProblemKind::TooManyRequests => {
                ("problem.too_many", "problem.too_many_means", "problem.too_many_advice")
            }
            ProblemKind::Unavailable => {
                ("problem.unavailable", "problem.unavailable_means", "problem.unavailable_advice")
            }
            ProblemKind::NotFound => {
                ("problem.not_found", "problem.not_found_means", "problem.not_found_advice")
            }
            ProblemKind::Internal => {
                ("problem.internal", "problem.internal_means", "problem.internal_advice")
            }
            ProblemKind::NoNumber => {
                ("problem.no_number", "problem.no_number_means", "problem.no_number_advice")
            }
            ProblemKind::ServiceDisabled => {
                ("problem.disabled", "problem.disabled_means", "problem.disabled_advice")
            }
            ProblemKind::ServicePending => {
                ("problem.pending", "problem.pending_means", "problem.pending_advice")
            }
            ProblemKind::ServiceSuspended => {
                ("problem.suspended", "problem.suspended_means", "problem.suspended_advice")
            }
            ProblemKind::TooYoung => {
                ("problem.too_young", "problem.too_young_means", "problem.too_young_advice")
            }
            ProblemKind::DocumentNotValid => {
                ("problem.document", "problem.document_means", "problem.document_advice")
            }
            ProblemKind::MethodNotAllowed => {
                ("problem.method", "problem.method_means", "problem.method_advice")
            }
        };
        Words { happened, means, advice }
    }
}

/// A problem page. `render()` comes from [`askama::Template`].
#[derive(Template)]
#[template(path = "problem.html")]
pub struct ProblemPage<'a> {
    /// What surrounds the page's content.
    pub frame: Frame<'a>,
    /// What went wrong: determines the status and the words.
    pub kind: ProblemKind,
    /// What a person reads out to support; the log has it (see [`super::support_code`]).
    pub support_code: Option<&'a str>,
    /// ASCII English for the client's developers, in terms of the RFCs; never personal data.
    pub technical: Option<&'a str>,
    /// A sentence more, in the reader's language.
    pub note: Option<&'a str>,
    /// The next action: a label in the reader's language, and its link (see [`start_again`], [`try_again`]).
    /// Without one, the page links to the client's front page, if known.
    pub action: Option<(String, String)>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u32>,
}

/// An action that starts the sign-in again.
pub fn start_again(text: Text, href: impl Into<String>) -> (String, String) {
    (text.get("problem.start_again").to_owned(), href.into())
}

/// An action that reloads the page.
pub fn try_again(text: Text, href: impl Into<String>) -> (String, String) {
    (text.get("problem.try_again").to_owned(), href.into())
}

impl ProblemPage<'_> {
    fn words(&self) -> Words {
        self.kind.words()
    }

    fn home(&self) -> Option<&str> {
        self.frame.service.as_ref().and_then(super::frame::Service::home_link)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the template has a reference to the field")]
    fn wait(&self, seconds: &u32) -> String {
        self.frame.text.waiting((*seconds).max(1))
    }
}

#[cfg(test)]
mod tests;
