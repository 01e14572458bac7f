//! `GET|POST /oidc/authorize` (RFC 6749 §3.1, OpenID Connect Core §3.1.2): check, then answer at once or open a sign-in.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::answer::{self, Answer, IssueOutcome};
use super::error::{Refusal, ToClient};
use super::request::{self, AuthorizationRequest, Prompt};
use super::{ErrorCode, Oidc, OidcAttempt, form_post, interaction};
use crate::clients::Client;
use crate::people::PhoneNumber;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Service;
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::sign_in::{
    AttemptId, Authenticated, BrowserId, Progress, Session, SessionId, SignInAttempt, Stage,
};

/// The request in the query.
pub async fn get(oidc: Data<Oidc>, request: HttpRequest) -> HttpResponse {
    let query = request.query_string().to_owned();
    run(&oidc, &request, query.as_bytes()).await
}

/// The request in a form. A form of another site brings no cookies, so a browser is asked to come again by a link, which
/// does; anybody else is answered as they came.
pub async fn post(oidc: Data<Oidc>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if let Some(by_link) = respond::by_link(&request, super::paths::AUTHORIZE, &body) {
        return by_link;
    }
    run(&oidc, &request, &body).await
}

async fn run(oidc: &Oidc, http: &HttpRequest, text: &[u8]) -> HttpResponse {
    let params = match Params::parse_body(text) {
        Ok(params) => params,
        Err(error) => {
            let technical = format!("invalid_request: {}", error.0);
            let problem = Problem { technical: Some(&technical), ..Problem::default() };
            return PageContext::new(http, oidc.cookies, None).problem(ProblemKind::BadRequest, &problem);
        }
    };
    let context = PageContext::new(http, oidc.cookies, params.get("ui_locales"));
    match answer_to(oidc, &context, &params).await {
        Ok(response) => response,
        Err(fault) => context.failure(&fault),
    }
}

async fn answer_to(
    oidc: &Oidc,
    context: &PageContext<'_>,
    params: &Params,
) -> Result<HttpResponse, ServiceError> {
    let (client, request) = match request::check(oidc, params) {
        Ok(checked) => checked,
        Err(Refusal::Page { kind, technical }) => {
            let problem = Problem { technical: Some(&technical), ..Problem::default() };
            return Ok(context.problem(kind, &problem));
        }
        Err(Refusal::Client(error)) => return Ok(send(context, None, answer::refuse(oidc, &error))),
    };
    let session = session(oidc, context).await?;
    let known = interaction::known(oidc, &client, &request, session.as_ref().map(|(s, a)| (s, a.clone())));
    if request.prompt.contains(&Prompt::None) {
        return silent(oidc, context, &client, &request, known).await;
    }
    begin(oidc, context, &client, request, known, params.get("login_hint")).await
}

/// The browser's session, if it holds.
async fn session(
    oidc: &Oidc,
    context: &PageContext<'_>,
) -> Result<Option<(Session, Authenticated)>, ServiceError> {
    let cookie = oidc.cookies.read(context.request, SessionId::COOKIE).and_then(SessionId::parse);
    let Some(id) = cookie else { return Ok(None) };
    let session = oidc.sessions.find(id.digest()).await?;
    Ok(session.map(|session| {
        let authenticated = session.authenticated(id.digest());
        (session, authenticated)
    }))
}

async fn silent(
    oidc: &Oidc,
    context: &PageContext<'_>,
    client: &Client,
    request: &AuthorizationRequest,
    known: Option<Authenticated>,
) -> Result<HttpResponse, ServiceError> {
    let refuse = |code, description| {
        let error = ToClient { redirect: request.redirect.clone(), code, description };
        send(context, Some(client), answer::refuse(oidc, &error))
    };
    let decision = match interaction::silently(oidc, client, request, known.as_ref()).await? {
        Ok(decision) => decision,
        Err((code, description)) => return Ok(refuse(code, description)),
    };
    let Some(authenticated) = known else {
        return Err(ServiceError::Internal("a decision about nobody".to_owned()));
    };
    Ok(match answer::issue(oidc, client, request, &authenticated, decision).await? {
        IssueOutcome::Sent(answer) => send(context, Some(client), answer),
        IssueOutcome::SessionGone => refuse(ErrorCode::LoginRequired, "the session ended"),
    })
}

/// Opens a sign-in and leads to its first page.
async fn begin(
    oidc: &Oidc,
    context: &PageContext<'_>,
    client: &Client,
    request: AuthorizationRequest,
    known: Option<Authenticated>,
    login_hint: Option<&str>,
) -> Result<HttpResponse, ServiceError> {
    let browser = oidc.cookies.read(context.request, BrowserId::COOKIE).and_then(BrowserId::parse);
    let (browser, new) = browser.map_or_else(|| (BrowserId::random(), true), |browser| (browser, false));
    let now = oidc.clock.now();
    let (page, stage) = match known {
        Some(authenticated) => ("continue", Stage::Continue(authenticated)),
        None => ("number", Stage::Number),
    };
    let id = AttemptId::random();
    // A hint that is no number is no help to the person, and no error.
    let hint = login_hint.filter(|hint| PhoneNumber::parse_typed(hint, true).is_ok()).map(str::to_owned);
    let progress = Progress {
        client_id: client.id.clone(),
        browser: browser.digest(),
        language: context.language,
        created_at: now,
        expires_at: now.plus(oidc.attempts.seconds),
        stage,
        number: None,
        hint,
    };
    let attempt: OidcAttempt = SignInAttempt { request, progress };
    oidc.attempts.begin(&id, &attempt).await?;
    oidc.metrics.sign_ins("begin", page).inc();
    let response = respond::see_other(&page_path(page, &id, client));
    let cookies = if new {
        oidc.cookies.set(BrowserId::COOKIE, browser.as_str(), Some(BROWSER_SECONDS))
    } else {
        Vec::new()
    };
    Ok(respond::with_cookies(response, cookies))
}

/// A browser is remembered for half a year.
const BROWSER_SECONDS: i64 = 180 * 86_400;

/// The address of a page of a sign-in. It names the service, so that even after the sign-in is forgotten the page can
/// lead back to it.
pub fn page_path(page: &str, id: &AttemptId, client: &Client) -> String {
    format!("/sign-in/{page}?t={}&service={}", id.as_str(), client.id)
}

/// Sends an answer through the browser.
pub fn send(context: &PageContext<'_>, client: Option<&Client>, answer: Answer) -> HttpResponse {
    match answer {
        Answer::Redirect(location) => respond::see_other(&location),
        Answer::Form { action, fields } => {
            let service = client.map(|client| service(client, context.language));
            form_post::page(context, service, &action, fields)
        }
    }
}

/// A client as pages show it.
pub fn service(client: &Client, language: Language) -> Service<'_> {
    let tag = language.tag();
    Service {
        name: client.name.get(tag),
        owner: client.owner.get(tag),
        icon: client.logo_uri.as_deref(),
        home: client.client_uri.as_deref(),
        policy: client.policy_uri.as_deref(),
        terms: client.tos_uri.as_deref(),
    }
}
