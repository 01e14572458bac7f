//! `/sign-in/continue`: somebody is signed in at this browser, and is asked whether to go on as such.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::consent::{datum, person_name};
use super::step::{Page, Step};
use super::view::ContinuePage;
use super::{Journey, finish, sign_out};
use crate::clients::Basis;
use crate::oidc::{self, Farewell, Prompt};
use crate::platform::fault::Fault;
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
    let ask_again =
        step.transaction.request.prompt.contains(&Prompt::Consent) && step.client.basis == Basis::Consent;
    let (asks, sent) = match decide(&step.client, &asked, subject.consent.as_ref(), now) {
        // What is still to be decided is not said to be sent; nor is what was withheld.
        Decision::Ask => (true, BTreeSet::new()),
        _ if ask_again => (true, BTreeSet::new()),
        Decision::Covered(consent) => {
            (false, asked.all().intersection(&consent.extent.released).copied().collect())
        }
        Decision::Statutory(_) | Decision::Nothing => (false, asked.all()),
    };
    let sends =
        sent.iter().filter_map(|set| datum(&step.client, &subject.account, *set, text, true)).collect();
    let (action, cancel) = (step.path(Page::Continue), step.cancel_path());
    let page = ContinuePage {
        frame: step.frame(Page::Continue, &action),
        person_name: &person_name(&subject.account, step.visit.language),
        masked_phone: &subject.account.phone.masked(),
        asks,
        sends,
        cancel: &cancel,
    };
    Ok(respond::page(StatusCode::OK, &page, &step.reach()))
}

async fn decided(journey: &Journey, step: &mut Step<'_>, action: &str) -> Result<HttpResponse, Fault> {
    let Some((authenticated, subject)) = finish::present(journey, step).await? else {
        return finish::sign_in_instead(journey, step).await;
    };
    match action {
        "continue" => finish::use_session(journey, step, authenticated, &subject).await,
        "other" => {
            step.transaction.progress.hint = None;
            finish::sign_in_instead(journey, step).await
        }
        "signout" => {
            oidc::end(&journey.oidc, authenticated.session).await?;
            let farewell = Farewell { client: Some(Arc::clone(&step.client)), ..Farewell::default() };
            Ok(sign_out::signed_out(journey, &step.visit, &farewell, true))
        }
        _ => Ok(step.go(Page::Continue)),
    }
}
