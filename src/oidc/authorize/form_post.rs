//! The page that posts an answer to the client (OAuth 2.0 Form Post Response Mode).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::clients::csp_source;
use crate::platform::web::frame::{Frame, Service};
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond::{self, CspSources};

/// Carries the answer to the service by a form. A script submits it at once; without scripts the person presses the
/// button.
#[derive(Template)]
#[template(path = "oidc/form_post.html")]
pub struct FormPostPage<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// The service's proven redirect URI.
    pub action: &'a str,
    /// The parameters of the answer.
    pub fields: Vec<(&'a str, String)>,
}

/// The page, whose form may lead to the redirect URI's origin and nowhere else.
pub(super) fn page(
    context: &PageContext<'_>,
    service: Option<Service<'_>>,
    action: &str,
    fields: Vec<(&'static str, String)>,
) -> HttpResponse {
    let reach = CspSources::new(csp_source(action).into_iter().collect(), service.as_ref());
    let frame = Frame { text: context.text(), service, languages: Vec::new(), form_action: "" };
    respond::page(StatusCode::OK, &FormPostPage { frame, action, fields }, &reach)
}
