//! `/sign-in/continue`: somebody is signed in at this browser, and is asked whether to go on as such.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::consent::{datum, person_name};
use super::step::{Page, Step};
use super::view::ContinuePage;
use super::{Journey, finish};
use crate::oidc;
use crate::platform::fault::Fault;
use crate::platform::web::cookies::Name;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::sign_in::{Authenticated, SessionId, Stage};

/// Shows the page.
pub async fn get(journey: Data<Journey>, request: HttpRequest) -> HttpResponse {
    let mut step = match Step::find(&journey, &request, Page::Continue).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    match show(&journey, &mut step).await {
        Ok(response) => step.with_language(&journey, response),
        Err(fault) => step.visit.fault(&fault),
    }
}

/// Takes the decision.
pub async fn post(journey: Data<Journey>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let (mut step, form) = match Step::posted(&journey, &request, Page::Continue, &body).await {
        Ok(posted) => posted,
        Err(instead) => return instead,
    };
    match decided(&journey, &mut step, form.get("action")).await {
        Ok(response) => response,
        Err(fault) => step.visit.fault(&fault),
    }
}

async fn show(journey: &Journey, step: &mut Step<'_>) -> Result<HttpResponse, Fault> {
    step.keep_language(journey).await?;
    let Some(authenticated) = still_signed_in(journey, step).await? else {
        return sign_in_instead(journey, step).await;
    };
    let people = journey.oidc.release.people();
    let Some(account) = people.find(&authenticated.person_id).await? else {
        return sign_in_instead(journey, step).await;
    };
    let text = step.visit.text();
    let asked = step.transaction.request.release.all();
    let sends = asked.iter().filter_map(|set| datum(&step.client, &account, *set, text, true)).collect();
    let action = step.path(Page::Continue);
    let page = ContinuePage {
        frame: step.frame(Page::Continue, &action),
        person_name: &person_name(&account, step.visit.language),
        masked_phone: &account.phone.masked(),
        sends,
    };
    Ok(respond::page(StatusCode::OK, &page, &step.reach()))
}

async fn decided(journey: &Journey, step: &mut Step<'_>, action: &str) -> Result<HttpResponse, Fault> {
    let Some(authenticated) = still_signed_in(journey, step).await? else {
        return sign_in_instead(journey, step).await;
    };
    match action {
        "continue" => finish::use_session(journey, step, authenticated).await,
        "other" => sign_in_instead(journey, step).await,
        "signout" => {
            oidc::end(&journey.oidc, authenticated.session).await?;
            let response = sign_in_instead(journey, step).await?;
            Ok(respond::with_cookies(response, journey.oidc.cookies.remove(Name::Session)))
        }
        _ => Ok(step.go(Page::Continue)),
    }
}

/// Who is signed in, if the session that the sign-in began with is still this browser's and still open.
async fn still_signed_in(journey: &Journey, step: &Step<'_>) -> Result<Option<Authenticated>, Fault> {
    let Stage::Continue(authenticated) = &step.transaction.progress.stage else { return Ok(None) };
    let cookie = journey.oidc.cookies.read(step.visit.request, Name::Session).and_then(SessionId::parse);
    if !cookie.is_some_and(|id| id.digest().matches(&authenticated.session)) {
        return Ok(None);
    }
    Ok(journey.oidc.sessions.find(authenticated.session).await?.map(|_| authenticated.clone()))
}

async fn sign_in_instead(journey: &Journey, step: &mut Step<'_>) -> Result<HttpResponse, Fault> {
    step.transaction.progress.stage = Stage::Number;
    if step.advance(journey).await? {
        return Ok(step.go(Page::Number));
    }
    Ok(step.problem(ProblemKind::Expired))
}
