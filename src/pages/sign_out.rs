//! `/oidc/logout` and the form that confirms it: signing out of Yagona.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::view::{SignOutPage, SignedOutPage};
use crate::audit::{Event, Kind};
use crate::clients::{Client, ClientId, csp_source};
use crate::oidc::{self, Elsewhere, LogoutDecision, PostLogout};
use crate::platform::bytes::{self, Digest};
use crate::platform::seal::Mac;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{OpenSession, SessionId};

/// Where services send people to sign out.
pub(super) const PATH: &str = oidc::paths::END_SESSION;

/// Ends sessions and sends logout tokens. Cheap to clone.
#[derive(Clone)]
pub struct SignOut {
    logout: oidc::Logout,
    /// Proves that a confirmation form was shown to a session.
    confirmation: Arc<Mac>,
}

impl SignOut {
    /// Signing out by this protocol, with forms proved by `confirmation`.
    pub fn new(logout: oidc::Logout, confirmation: Mac) -> Self {
        Self { logout, confirmation: Arc::new(confirmation) }
    }

    /// Ends a session. Returns what is left to be done in the browser.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable; then the session goes on.
    pub(super) async fn end(&self, session: &OpenSession) -> Result<Elsewhere, ServiceError> {
        self.logout.end(session).await
    }

    /// How this protocol ends sessions.
    pub const fn logout(&self) -> &oidc::Logout {
        &self.logout
    }

    /// What tells services that a session ended.
    pub fn notifier(&self) -> &oidc::LogoutNotifier {
        &self.logout.notifier
    }

    /// What a confirmation form must hold: it proves that the form was shown to this session.
    pub(super) fn confirm_token(&self, session: &Digest) -> String {
        self.confirmation.digest(&[b"sign-out", &session.0]).encode()
    }
}

/// The request in the query (RP-Initiated Logout 1.0 §2).
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    run(&pages, &request, request.query_string().as_bytes()).await
}

/// The request in a form. A form of another site brings no cookies, so a browser is asked to come again by a link, which
/// does.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if let Some(by_link) = respond::by_link(&request, PATH, &body) {
        return by_link;
    }
    if let Err(error) = Params::of_form(&request, &body) {
        return malformed(&PageContext::new(&request, pages.cookies, None), error.0);
    }
    run(&pages, &request, &body).await
}

/// `POST /sign-out`: the person confirmed, or signs out from the front page.
pub(super) async fn confirmed(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let context = PageContext::new(&request, pages.cookies, query.get("lang"));
    let params = match Params::of_form(&request, &body) {
        Ok(params) => params,
        Err(error) => return malformed(&context, error.0),
    };
    let answered = async {
        if params.get("logout") == Some("no") {
            return Ok(respond::see_other("/"));
        }
        let client =
            query.get("service").and_then(ClientId::parse).and_then(|id| pages.clients.find_shown(&id));
        let Some(session) = session(&pages, &context).await? else {
            return Ok(left(
                &context,
                &PostLogout { client, ..PostLogout::default() },
                &Elsewhere::default(),
            ));
        };
        let expected = pages.sign_out.confirm_token(&session.digest);
        let shown =
            query.get("confirm").is_some_and(|given| bytes::same(given.as_bytes(), expected.as_bytes()));
        if !shown || !respond::is_same_origin(&request, &pages.origin) {
            return Ok(ask(&pages, &context, &session, client.as_deref()));
        }
        let elsewhere = pages.sign_out.end(&session).await?;
        Ok(signed_out(&pages, &context, client, &elsewhere))
    };
    context.or_failure(answered.await)
}

fn malformed(context: &PageContext<'_>, what: &str) -> HttpResponse {
    let technical = format!("invalid_request: {what}");
    context.problem(ProblemKind::BadRequest, &Problem { technical: Some(&technical), ..Problem::default() })
}

async fn run(pages: &Pages, request: &HttpRequest, text: &[u8]) -> HttpResponse {
    let params = Params::parse_body(text).unwrap_or_default();
    let locales = params.get("ui_locales");
    let context = PageContext::new(request, pages.cookies, locales);
    context.remember_language(context.or_failure(leave(pages, &context, &params).await))
}

async fn leave(
    pages: &Pages,
    context: &PageContext<'_>,
    params: &Params,
) -> Result<HttpResponse, ServiceError> {
    let session = session(pages, context).await?;
    let person = session.as_ref().map(|open| &open.session.person_id);
    Ok(match (pages.sign_out.logout.decide(params, person), session) {
        (LogoutDecision::Invalid(technical), session) => {
            let refused = Event::new(Kind::LogoutRefused).client(params.get("client_id").unwrap_or_default());
            pages.sign_in.audit.record(refused.reason(technical.as_str()));
            // What the person came for can be had all the same: they are asked, and sent nowhere (§4).
            let action = session.map(|_| (context.text().get("sign_out.action"), PATH));
            let problem = Problem { technical: Some(&technical), action, ..Problem::default() };
            context.problem(ProblemKind::BadRequest, &problem)
        }
        (LogoutDecision::AtOnce(to), Some(session)) => {
            let elsewhere = pages.sign_out.end(&session).await?;
            without_session(pages, left(context, &to, &elsewhere))
        }
        (LogoutDecision::Ask(to), Some(session)) => ask(pages, context, &session, to.client.as_deref()),
        (LogoutDecision::AtOnce(to) | LogoutDecision::Ask(to), None) => {
            left(context, &to, &Elsewhere::default())
        }
    })
}

async fn session(pages: &Pages, context: &PageContext<'_>) -> Result<Option<OpenSession>, ServiceError> {
    Ok(pages.sign_in.sessions.of_browser(context.request, pages.cookies).await?)
}

fn ask(
    pages: &Pages,
    context: &PageContext<'_>,
    session: &OpenSession,
    client: Option<&Client>,
) -> HttpResponse {
    let token = pages.sign_out.confirm_token(&session.digest);
    let service = client.map_or("", |client| client.id.as_str());
    let action = format!("/sign-out?confirm={token}&service={service}&lang={}", context.language.tag());
    let shown = client.map(|client| client.shown(context.language));
    let page = SignOutPage {
        frame: Frame { form_action: &action, ..context.frame(shown, languages(context, service)) },
    };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

/// Says that a session was ended on this provider's own page.
pub(super) fn signed_out(
    pages: &Pages,
    context: &PageContext<'_>,
    client: Option<Arc<Client>>,
    elsewhere: &Elsewhere,
) -> HttpResponse {
    without_session(pages, left(context, &PostLogout { client, ..PostLogout::default() }, elsewhere))
}

/// Back to the service if it registered an address for that, by a page where the browser has other services to tell;
/// otherwise a page that says that the person is signed out.
fn left(context: &PageContext<'_>, to: &PostLogout, elsewhere: &Elsewhere) -> HttpResponse {
    let location = to.location();
    if let Some(location) = location.as_ref().filter(|_| elsewhere.frames.is_empty()) {
        return respond::see_other(location);
    }
    let client = to.client.as_deref();
    let service = client.map(|client| client.shown(context.language));
    let back = client.and_then(|client| {
        Some((location.as_deref().or(client.start_page())?, client.identity.name.get(context.language.tag())))
    });
    let asked = |other: &&Arc<Client>| client.is_some_and(|client| client.id == other.id);
    let still_at: Vec<_> = elsewhere
        .untold
        .iter()
        .filter(|other| !asked(other))
        .map(|client| client.identity.name.get(context.language.tag()))
        .collect();
    let frame = context.frame(service, languages(context, client.map_or("", |client| client.id.as_str())));
    let sources = CspSources {
        forms: back.and_then(|(href, _)| csp_source(href)).into_iter().collect(),
        frames: elsewhere.frames.iter().filter_map(|frame| csp_source(frame)).collect(),
        ..CspSources::default()
    };
    let page = SignedOutPage {
        frame,
        back,
        frames: &elsewhere.frames,
        goes_on: location.is_some() && back.is_some(),
        still_at: &still_at,
    };
    respond::page(StatusCode::OK, &page, &sources)
}

/// Links to the page in other languages. What it asks or says follows from the session and the service, so an address that
/// names these shows it again, whatever led to it.
fn languages(context: &PageContext<'_>, service: &str) -> Vec<LanguageLink> {
    let service = if service.is_empty() { String::new() } else { format!("client_id={service}&") };
    LanguageLink::all(context.language, |language| format!("{PATH}?{service}lang={}", language.tag()))
}

/// Removes the session cookie. Only the answer to a request that ended a session does: any site can send a browser here.
fn without_session(pages: &Pages, response: HttpResponse) -> HttpResponse {
    let mut response = respond::with_cookies(response, pages.cookies.remove(SessionId::COOKIE));
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response
}
