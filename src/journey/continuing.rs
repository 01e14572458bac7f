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
use crate::platform::web::respond;
use crate::release::{Decision, decide};

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
    let Some((_, subject)) = finish::present(journey, step).await? else {
        return finish::sign_in_instead(journey, step).await;
    };
    let text = step.visit.text();
    let asked = step.transaction.request.release.available(&subject.account);
    let now = journey.oidc.clock.now();
    let sent = match decide(&step.client, &asked, subject.consent.as_ref(), now) {
        // What was withheld is not sent, and not said to be.
        Decision::Covered(consent) => asked.all().intersection(&consent.extent.released).copied().collect(),
        _ => asked.all(),
    };
    let sends =
        sent.iter().filter_map(|set| datum(&step.client, &subject.account, *set, text, true)).collect();
    let action = step.path(Page::Continue);
    let page = ContinuePage {
        frame: step.frame(Page::Continue, &action),
        person_name: &person_name(&subject.account, step.visit.language),
        masked_phone: &subject.account.phone.masked(),
        sends,
    };
    Ok(respond::page(StatusCode::OK, &page, &step.reach()))
}

async fn decided(journey: &Journey, step: &mut Step<'_>, action: &str) -> Result<HttpResponse, Fault> {
    let Some((authenticated, subject)) = finish::present(journey, step).await? else {
        return finish::sign_in_instead(journey, step).await;
    };
    match action {
        "continue" => finish::use_session(journey, step, authenticated, &subject).await,
        "other" => finish::sign_in_instead(journey, step).await,
        "signout" => {
            oidc::end(&journey.oidc, authenticated.session).await?;
            let response = finish::sign_in_instead(journey, step).await?;
            Ok(respond::with_cookies(response, journey.oidc.cookies.remove(Name::Session)))
        }
        _ => Ok(step.go(Page::Continue)),
    }
}
