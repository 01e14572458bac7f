//! `/sign-in/continue`: somebody is signed in at this browser, and is asked whether to go on as such.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::consent::{datum, person_name};
use super::step::{Page, StepContext};
use super::view::ContinuePage;
use super::{Pages, finish, sign_out};
use crate::clients::Basis;
use crate::oidc::{self, PostLogout, Prompt};
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;
use crate::release::{Decision, decide};

/// Shows the page.
pub async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let mut step = match StepContext::find(&pages, &request, Page::Continue).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    match show(&pages, &mut step).await {
        Ok(response) => step.with_language(&pages, response),
        Err(fault) => step.context.failure(&fault),
    }
}

/// Takes the decision.
pub async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let (mut step, form) = match StepContext::posted(&pages, &request, Page::Continue, &body).await {
        Ok(posted) => posted,
        Err(instead) => return instead,
    };
    match decided(&pages, &mut step, form.get("action")).await {
        Ok(response) => response,
        Err(fault) => step.context.failure(&fault),
    }
}

async fn show(pages: &Pages, step: &mut StepContext<'_>) -> Result<HttpResponse, ServiceError> {
    step.keep_language(pages).await?;
    let Some((_, subject)) = finish::present(pages, step).await? else {
        return finish::sign_in_instead(pages, step).await;
    };
    let text = step.context.text();
    let asked = step.attempt.request.release.available(&subject.account);
    let now = pages.oidc.clock.now();
    let ask_again =
        step.attempt.request.prompt.contains(&Prompt::Consent) && step.client.basis == Basis::Consent;
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
        person_name: &person_name(&subject.account, step.context.language),
        masked_phone: &subject.account.phone.masked(),
        asks,
        sends,
        cancel: &cancel,
    };
    Ok(respond::page(StatusCode::OK, &page, &step.csp_sources()))
}

async fn decided(
    pages: &Pages,
    step: &mut StepContext<'_>,
    action: &str,
) -> Result<HttpResponse, ServiceError> {
    let Some((authenticated, subject)) = finish::present(pages, step).await? else {
        return finish::sign_in_instead(pages, step).await;
    };
    match action {
        "continue" => finish::use_session(pages, step, authenticated, &subject).await,
        "other" => {
            step.attempt.progress.hint = None;
            finish::sign_in_instead(pages, step).await
        }
        "signout" => {
            oidc::end(&pages.oidc, authenticated.session).await?;
            let farewell = PostLogout { client: Some(Arc::clone(&step.client)), ..PostLogout::default() };
            Ok(sign_out::signed_out(pages, &step.context, &farewell, true))
        }
        _ => Ok(step.go(Page::Continue)),
    }
}
