//! The portal's pages: their content, security headers, and problem pages.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::sessions::SignedIn;
use super::{Portal, cookies};

const STYLESHEET: &str = include_str!("../../../static/demo/portal.css");
/// Maximum length of the provider's error text that is shown.
const MAX_QUOTED_CHARS: usize = 200;

/// The top of every page.
struct Frame<'a> {
    index: usize,
    service: &'a str,
    title: &'a str,
    services: Vec<(usize, &'a str)>,
}

impl<'a> Frame<'a> {
    fn new(portal: &'a Portal, index: usize, title: &'a str) -> Self {
        let services: Vec<_> =
            portal.parties.iter().enumerate().map(|(index, party)| (index, party.name.as_str())).collect();
        let (index, service) = services.get(index).or(services.first()).copied().unwrap_or_default();
        Self { index, service, title, services }
    }

    fn others(&self) -> impl Iterator<Item = &(usize, &'a str)> {
        self.services.iter().filter(|(index, _)| *index != self.index)
    }
}

#[derive(Template)]
#[template(path = "demo/front.html")]
struct Front<'a> {
    frame: Frame<'a>,
    languages: [(&'static str, &'static str); 4],
    offline: bool,
}

#[derive(Template)]
#[template(path = "demo/signed_in.html")]
struct Mine<'a> {
    frame: Frame<'a>,
    session: &'a SignedIn,
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
    words: Words,
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

struct Words {
    id: &'static str,
    title: &'static str,
    lead: String,
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

    fn words(self, service: &str) -> Words {
        let again = "Nothing was sent to the service. You can begin again.";
        let words = |id, title, lead: String, advice, code: &str| Words {
            id,
            title,
            lead,
            advice,
            code: code.to_owned(),
            quoted: None,
        };
        match self {
            Self::YouRefused => words(
                "refused",
                "You refused",
                format!("You decided not to sign in, so {service} received nothing about you."),
                "If you change your mind, you can begin again at any time.",
                "access_denied",
            ),
            Self::Provider { code, description } => Words {
                quoted: description.map(|text| text.chars().take(MAX_QUOTED_CHARS).collect()),
                code: wire_code(&code),
                ..words("error", "You are not signed in", "Yagona could not sign you in.".into(), again, "")
            },
            Self::Unreachable => words(
                "unreachable",
                "Yagona does not answer",
                "The sign-in service cannot be reached at the moment. This is not your mistake.".into(),
                "Wait a little and try again.",
                "unreachable",
            ),
            Self::UsedLink => words(
                "used",
                "This page was opened before",
                "This address belongs to a sign-in that is finished, or began too long ago.".into(),
                again,
                "state_unknown",
            ),
            Self::LostCookie => words(
                "strange",
                "This sign-in began elsewhere",
                "It was begun in another browser, or this browser no longer remembers it.".into(),
                "Begin again here, and allow cookies for this site.",
                "state_mismatch",
            ),
            Self::BrokenLink => words(
                "broken",
                "This address is not complete",
                "Something was lost from the address on the way.".into(),
                again,
                "broken_response",
            ),
            Self::ForeignIssuer => words(
                "foreign",
                "This answer is not from Yagona",
                "It names another sign-in service, so it was refused.".into(),
                again,
                "issuer_mismatch",
            ),
            Self::Unproven(why) => Words {
                quoted: Some(why.to_owned()),
                ..words(
                    "unproven",
                    "You are not signed in",
                    "What came back from Yagona could not be verified, so it was refused.".into(),
                    "Try again; if it happens twice, tell our support the code below.",
                    "verification_failed",
                )
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
    let Some(party) = portal.party(index) else { return nothing_here(portal) };
    if let Some(session) = session(portal, index, request) {
        let frame = Frame::new(portal, index, "Your page");
        return html(portal, StatusCode::OK, &Mine { frame, session: &session });
    }
    let front = Front {
        frame: Frame::new(portal, index, "Sign in"),
        languages: [("uz-Latn", "Oʻzbekcha"), ("uz-Cyrl", "Ўзбекча"), ("ru", "Русский"), ("en", "English")],
        offline: party.scopes.iter().any(|scope| scope == "offline_access"),
    };
    html(portal, StatusCode::OK, &front)
}

/// Who is signed in at this service in this browser.
pub(super) fn session(portal: &Portal, index: usize, request: &HttpRequest) -> Option<Arc<SignedIn>> {
    portal.sessions.find(cookies::read(request, &cookies::session_name(index))?, index)
}

/// The page after a sign-out; `everywhere` if the provider has confirmed it.
pub(super) async fn privacy(portal: web::Data<Portal>, index: web::Path<usize>) -> HttpResponse {
    let frame = Frame::new(&portal, index.into_inner(), "Privacy policy");
    html(&portal, StatusCode::OK, &Privacy { frame })
}

pub(super) fn signed_out(portal: &Portal, index: usize, everywhere: bool) -> HttpResponse {
    let frame = Frame::new(portal, index, "Signed out");
    html(portal, StatusCode::OK, &SignedOut { frame, everywhere })
}

/// A problem's page, with its status.
pub(super) fn problem(portal: &Portal, index: usize, problem: Problem) -> HttpResponse {
    let status = problem.status();
    let mut frame = Frame::new(portal, index, "");
    let words = problem.words(frame.service);
    tracing::info!(oidc.error = words.code, "a sign-in ended with a problem page");
    frame.title = words.title;
    let mut response = html(portal, status, &ProblemPage { frame, words });
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    }
    response
}

/// The 404 page.
pub(super) fn nothing_here(portal: &Portal) -> HttpResponse {
    let words = Words {
        id: "nowhere",
        title: "There is no such page",
        lead: "The address may be old or mistyped.".into(),
        advice: "Go to the front page and begin there.",
        code: "not_found".into(),
        quoted: None,
    };
    html(portal, StatusCode::NOT_FOUND, &ProblemPage { frame: Frame::new(portal, 0, words.title), words })
}

pub(super) async fn nowhere(portal: web::Data<Portal>) -> HttpResponse {
    nothing_here(&portal)
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
    let path = if index == 0 { "/".to_owned() } else { format!("/service/{index}") };
    redirect(path, set_cookies)
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

fn html(portal: &Portal, status: StatusCode, page: &impl Template) -> HttpResponse {
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
