//! `/desk/sign-in`, `/desk/prove` and `/desk/passkey`: who a member of staff is, by passkey alone.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::shell::Shell;
use super::visit::{Right, page_to_return_to};
use super::{Desk, paths};
use crate::platform::plain_text::is_shown_as_written;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::webauthn::{Asked, Given};

/// Asks for a passkey of somebody who is not signed in.
#[derive(Template)]
#[template(path = "desk/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame<'a>,
    asked: String,
    then: &'a str,
    wrong: bool,
}

/// Asks for the passkey once more.
#[derive(Template)]
#[template(path = "desk/prove.html")]
struct ProvePage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    asked: String,
    then: &'a str,
    wrong: bool,
}

/// Lets a passkey be made.
#[derive(Template)]
#[template(path = "desk/passkey.html")]
struct PasskeyPage<'a> {
    frame: Frame<'a>,
    /// What is asked; `None` where the link leads nowhere.
    asked: Option<String>,
    name: String,
    link: String,
    /// A passkey was made.
    made: bool,
    wrong: bool,
}

/// Shows the sign-in.
pub(super) async fn get(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, desk.cookies, None);
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let shown = sign_in_page(&desk, &context, (page_to_return_to(query.get("then")), false)).await;
    context.remember_language(context.or_failure(shown))
}

async fn sign_in_page(
    desk: &Desk,
    context: &PageContext<'_>,
    (then, wrong): (&str, bool),
) -> Result<HttpResponse, ServiceError> {
    let (browser, cookies) = desk.sessions.browser(context.request);
    let asked = desk.ceremonies.begin_sign_in(browser).await?;
    let frame = context.frame(None, context.languages_here());
    let page = SignInPage { frame, asked: json(&asked)?, then, wrong };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(respond::with_cookies(respond::page(status, &page, &CspSources::default()), cookies))
}

/// Takes what the passkey signed.
pub(super) async fn post(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = PageContext::new(&request, desk.cookies, None);
    let form = Params::of_form(&request, &body).ok();
    let Some(form) = form.filter(|_| respond::is_same_origin(&request, &desk.origin)) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    let then = page_to_return_to(form.get("then"));
    let signed_in = async {
        let (browser, _) = desk.sessions.browser(&request);
        match desk.ceremonies.signed_in(browser, &Given::of(&form)).await? {
            Some(proved) => {
                let cookies = desk.sessions.open(proved).await?;
                Ok(respond::with_cookies(respond::see_other(then), cookies))
            }
            None => sign_in_page(&desk, &context, (then, true)).await,
        }
    };
    context.or_failure(signed_in.await)
}

/// Ends the session.
pub(super) async fn sign_out(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.posted(&request, (paths::DESK, Right::Anybody, &body), async |visit, _| {
        let cookies = desk.sessions.end(&visit.session).await?;
        Ok(respond::with_cookies(respond::see_other(paths::SIGN_IN), cookies))
    })
    .await
}

/// Asks for the passkey once more.
pub(super) async fn prove(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Anybody, async |visit| {
        let asked = desk.ceremonies.begin_proof(visit.session.key(), &visit.acting.staff).await?;
        let page = ProvePage {
            frame: visit.frame(),
            shell: Shell::of(visit, paths::PROVE),
            asked: json(&asked)?,
            then: page_to_return_to(visit.query.get("then")),
            wrong: visit.query.get("e").is_some(),
        };
        Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
    })
    .await
}

/// Takes what the passkey signed, and leads back.
pub(super) async fn proved(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.posted(&request, (paths::PROVE, Right::Anybody, &body), async |visit, form| {
        let then = page_to_return_to(form.get("then"));
        let who = (visit.session.key(), &visit.acting.staff);
        if let Some(proved) = desk.ceremonies.is_there(who, &Given::of(form)).await?
            && let Some(cookies) = desk.sessions.prove(&visit.session, &proved).await?
        {
            return Ok(respond::with_cookies(visit.done(then, "proved"), cookies));
        }
        let again = super::visit::with_return(paths::PROVE, then);
        let mark = if again.contains('?') { '&' } else { '?' };
        Ok(respond::see_other(&format!("{again}{mark}e=1")))
    })
    .await
}

/// Lets whoever has a link make a passkey.
pub(super) async fn link(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, desk.cookies, None);
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let link = query.get("link").unwrap_or_default();
    let shown = link_page(&desk, &context, (link, false)).await;
    context.remember_language(context.or_failure(shown))
}

async fn link_page(
    desk: &Desk,
    context: &PageContext<'_>,
    (link, wrong): (&str, bool),
) -> Result<HttpResponse, ServiceError> {
    let begun = desk.ceremonies.begin_enrolment(link).await?;
    let status = match (&begun, wrong) {
        (None, _) => StatusCode::GONE,
        (_, true) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let (asked, name) = match begun {
        Some((asked, member)) => (Some(json(&asked)?), member.name),
        None => (None, String::new()),
    };
    let frame = context.frame(None, context.languages_here());
    let page = PasskeyPage { frame, asked, name, link: link.to_owned(), made: false, wrong };
    Ok(respond::page(status, &page, &CspSources::default()))
}

/// Takes the passkey that was made.
pub(super) async fn made(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = PageContext::new(&request, desk.cookies, None);
    let form = Params::of_form(&request, &body).ok();
    let Some(form) = form.filter(|_| respond::is_same_origin(&request, &desk.origin)) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    let link = form.get("link").unwrap_or_default();
    let label: String = form.get("label").unwrap_or_default().trim().chars().take(60).collect();
    let label = if is_shown_as_written(&label) { label } else { String::new() };
    let stored = async {
        if !desk.ceremonies.enrolled(link, &label, &Given::of(&form)).await? {
            return link_page(&desk, &context, (link, true)).await;
        }
        let page = PasskeyPage {
            frame: context.frame(None, Vec::new()),
            asked: None,
            name: String::new(),
            link: String::new(),
            made: true,
            wrong: false,
        };
        Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
    };
    context.or_failure(stored.await)
}

fn json(asked: &Asked) -> Result<String, ServiceError> {
    serde_json::to_string(asked).map_err(|error| ServiceError::Internal(error.to_string()))
}
