//! The portal's pages: their content, security headers, and problem pages.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::claims::{self, Row};
use super::sessions::SignedIn;
use super::words::{self, LANGUAGES, Words};
use super::{Portal, RelyingParty, cookies};

const STYLESHEET: &str = include_str!("../../../static/demo/portal.css");
/// Maximum length of the provider's error text that is shown.
const MAX_QUOTED_CHARS: usize = 200;

/// What surrounds every page.
pub(super) struct Frame<'a> {
    pub(super) index: usize,
    pub(super) service: &'a str,
    pub(super) title: &'static str,
    pub(super) services: Vec<(usize, &'a str)>,
    pub(super) words: Words,
    /// Where the page is shown again in another language.
    pub(super) path: String,
    /// The screen of the phone.
    pub(super) phone: &'a str,
}

impl<'a> Frame<'a> {
    pub(super) fn new(portal: &'a Portal, index: usize, request: &HttpRequest, title: &str) -> Self {
        let words = Words::of(request);
        let name = |party: &'a RelyingParty| party.names.get(words.tag()).unwrap_or(&party.name).as_str();
        let services: Vec<_> =
            portal.parties.iter().enumerate().map(|(index, party)| (index, name(party))).collect();
        let (index, service) = services.get(index).or(services.first()).copied().unwrap_or_default();
        // Not every address can be opened twice; the service's own page can.
        let again = ["/service/", "/privacy/", "/signed-out", "/counter"]
            .iter()
            .any(|path| request.path().starts_with(path));
        let path = if again { request.path().to_owned() } else { own_path(index) };
        Self { index, service, title: words.say(title), services, words, path, phone: &portal.phone }
    }

    pub(super) fn others(&self) -> impl Iterator<Item = &(usize, &'a str)> {
        self.services.iter().filter(|(index, _)| *index != self.index)
    }

    /// Its own page.
    pub(super) fn home(&self) -> String {
        own_path(self.index)
    }
}

/// The page of a service.
fn own_path(index: usize) -> String {
    if index == 0 { "/".to_owned() } else { format!("/service/{index}") }
}

#[derive(Template)]
#[template(path = "demo/front.html")]
struct Front<'a> {
    frame: Frame<'a>,
    offline: bool,
    /// Whether there is a counter.
    counter: bool,
}

#[derive(Template)]
#[template(path = "demo/signed_in.html")]
struct Mine<'a> {
    frame: Frame<'a>,
    session: &'a SignedIn,
    claims: Vec<Row>,
}

#[derive(Template)]
#[template(path = "demo/signed_out.html")]
struct SignedOut<'a> {
    frame: Frame<'a>,
    everywhere: bool,
}

#[derive(Template)]
#[template(path = "demo/privacy.html")]
struct Privacy<'a> {
    frame: Frame<'a>,
}

#[derive(Template)]
#[template(path = "demo/problem.html")]
struct ProblemPage<'a> {
    frame: Frame<'a>,
    told: Told,
}

/// Problems, as shown to the person.
pub(super) enum Problem {
    /// The person refused at the provider.
    YouRefused,
    /// The provider responded with another OAuth error.
    Provider { code: String, description: Option<String> },
    /// The provider is unavailable.
    Unreachable,
    /// The `state` was used before, is expired, or unknown.
    UsedLink,
    /// The browser did not send the cookie of the sign-in, or it is another browser.
    LostCookie,
    /// A parameter is missing or repeated.
    BrokenLink,
    /// The response is of another issuer.
    ForeignIssuer,
    /// The response failed verification.
    Unproven(&'static str),
}

/// What a problem page says, by the keys of its words.
struct Told {
    id: &'static str,
    title: &'static str,
    lead: &'static str,
    advice: &'static str,
    code: String,
    quoted: Option<String>,
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::YouRefused => StatusCode::OK,
            Self::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unproven(_) => StatusCode::BAD_GATEWAY,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn told(self) -> Told {
        let told = |id, title, lead, advice, code: &str| Told {
            id,
            title,
            lead,
            advice,
            code: code.to_owned(),
            quoted: None,
        };
        match self {
            Self::YouRefused => told("refused", "refused", "refused_lead", "refused_advice", "access_denied"),
            Self::Provider { code, description } => Told {
                quoted: description.map(|text| text.chars().take(MAX_QUOTED_CHARS).collect()),
                code: wire_code(&code),
                ..told("error", "not_signed_in", "not_signed_in_lead", "again", "")
            },
            Self::Unreachable => {
                told("unreachable", "unreachable", "unreachable_lead", "unreachable_advice", "unreachable")
            }
            Self::UsedLink => told("used", "used", "used_lead", "again", "state_unknown"),
            Self::LostCookie => {
                told("strange", "strange", "strange_lead", "strange_advice", "state_mismatch")
            }
            Self::BrokenLink => told("broken", "broken", "broken_lead", "again", "broken_response"),
            Self::ForeignIssuer => told("foreign", "foreign", "foreign_lead", "again", "issuer_mismatch"),
            Self::Unproven(why) => Told {
                quoted: Some(why.to_owned()),
                ..told("unproven", "not_signed_in", "unproven_lead", "unproven_advice", "verification_failed")
            },
        }
    }
}

/// Shows only well-formed OAuth error codes (RFC 6749 §4.1.2.1, narrowed).
fn wire_code(code: &str) -> String {
    let known_shape = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if !code.is_empty() && code.len() <= 64 && code.bytes().all(known_shape) {
        code.to_owned()
    } else {
        "unreadable_error".to_owned()
    }
}

pub(super) async fn front(portal: web::Data<Portal>, request: HttpRequest) -> HttpResponse {
    service_page(&portal, 0, &request)
}

pub(super) async fn service(
    portal: web::Data<Portal>,
    index: web::Path<usize>,
    request: HttpRequest,
) -> HttpResponse {
    service_page(&portal, *index, &request)
}

fn service_page(portal: &Portal, index: usize, request: &HttpRequest) -> HttpResponse {
    let Some(party) = portal.party(index) else { return nothing_here(portal, request) };
    let response = if let Some(session) = session(portal, index, request) {
        let frame = Frame::new(portal, index, request, "mine");
        let claims = claims::in_plain_words(&session.user, frame.words);
        html(portal, StatusCode::OK, &Mine { frame, session: &session, claims })
    } else {
        let frame = Frame::new(portal, index, request, "front");
        let offline = party.scopes.iter().any(|scope| scope == "offline_access");
        html(portal, StatusCode::OK, &Front { frame, offline, counter: portal.counter.is_some() })
    };
    remember_language(portal, request, response)
}

/// Adds the cookie that remembers a language, if a link chose one.
pub(super) fn remember_language(
    portal: &Portal,
    request: &HttpRequest,
    mut response: HttpResponse,
) -> HttpResponse {
    let set = Words::chosen(request).map(|words| cookies::set(words::COOKIE, words.tag(), portal.is_https()));
    if let Some(set) = set.and_then(|set| header::HeaderValue::from_str(&set).ok()) {
        response.headers_mut().append(header::SET_COOKIE, set);
    }
    response
}

/// Who is signed in at this service in this browser.
pub(super) fn session(portal: &Portal, index: usize, request: &HttpRequest) -> Option<Arc<SignedIn>> {
    portal.sessions.find(cookies::read(request, &cookies::session_name(index))?, index)
}

/// What the portal does with data.
pub(super) async fn privacy(
    portal: web::Data<Portal>,
    index: web::Path<usize>,
    request: HttpRequest,
) -> HttpResponse {
    let frame = Frame::new(&portal, index.into_inner(), &request, "privacy");
    remember_language(&portal, &request, html(&portal, StatusCode::OK, &Privacy { frame }))
}

/// The page after a sign-out; `everywhere` if the provider has confirmed it.
pub(super) fn signed_out(
    portal: &Portal,
    index: usize,
    request: &HttpRequest,
    everywhere: bool,
) -> HttpResponse {
    let frame = Frame::new(portal, index, request, "signed_out");
    remember_language(portal, request, html(portal, StatusCode::OK, &SignedOut { frame, everywhere }))
}

/// A problem's page, with its status.
pub(super) fn problem(
    portal: &Portal,
    index: usize,
    request: &HttpRequest,
    problem: Problem,
) -> HttpResponse {
    let status = problem.status();
    let told = problem.told();
    tracing::info!(oidc.error = told.code, "a sign-in ended with a problem page");
    let frame = Frame::new(portal, index, request, told.title);
    let mut response = html(portal, status, &ProblemPage { frame, told });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    }
    response
}

/// The 404 page.
pub(super) fn nothing_here(portal: &Portal, request: &HttpRequest) -> HttpResponse {
    let told = Told {
        id: "nowhere",
        title: "nowhere",
        lead: "nowhere_lead",
        advice: "nowhere_advice",
        code: "not_found".into(),
        quoted: None,
    };
    let frame = Frame::new(portal, 0, request, told.title);
    html(portal, StatusCode::NOT_FOUND, &ProblemPage { frame, told })
}

pub(super) async fn nowhere(portal: web::Data<Portal>, request: HttpRequest) -> HttpResponse {
    nothing_here(&portal, &request)
}

pub(super) async fn stylesheet() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(STYLESHEET)
}

/// Redirects to a service's page and sets cookies; not cached, and without referrer.
pub(super) fn to_service(index: usize, set_cookies: &[String]) -> HttpResponse {
    redirect(own_path(index), set_cookies)
}

/// A redirect after which the browser uses GET.
pub(super) fn redirect(to: String, set_cookies: &[String]) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response
        .insert_header((header::LOCATION, to))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    for cookie in set_cookies {
        response.append_header((header::SET_COOKIE, cookie.as_str()));
    }
    response.finish()
}

pub(super) fn html(portal: &Portal, status: StatusCode, page: &impl Template) -> HttpResponse {
    let Ok(body) = page.render() else {
        return HttpResponse::InternalServerError().finish();
    };
    // The sign-out form is redirected to the provider, and browsers apply `form-action` to redirects as well.
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; base-uri 'none'; \
         frame-ancestors 'none'",
        portal.provider.origin()
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .insert_header(("Permissions-Policy", "camera=(), geolocation=(), microphone=()"))
        .body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_words() {
        let provider = Problem::Provider { code: "x".to_owned(), description: None };
        for problem in [
            Problem::YouRefused,
            provider,
            Problem::Unreachable,
            Problem::UsedLink,
            Problem::LostCookie,
            Problem::BrokenLink,
            Problem::ForeignIssuer,
            Problem::Unproven("x"),
        ] {
            let told = problem.told();
            let words = Words::of(&actix_web::test::TestRequest::default().to_http_request());
            for key in [
                told.title,
                told.lead,
                told.advice,
                "mine",
                "front",
                "nowhere",
                "nowhere_lead",
                "nowhere_advice",
            ] {
                assert!(words.known(key).is_some(), "{key}");
            }
        }
    }
}
