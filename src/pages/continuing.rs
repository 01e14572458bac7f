//! `/sign-in/continue`: a person is signed in at this browser, and is asked whether to continue with that session.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::data::{datum, person_name};
use super::drive::{posted, show};
use super::step::{Flow, Read, StepContext};
use super::view::ContinuePage;
use super::visitor::Visitor;
use super::{Pages, finish, sign_out};
use crate::people::{CivilDate, PhoneNumber};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::release::{ConsentContext, Decision, decide};
use crate::sign_in::Page;

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Continue, async |step| match finish::present(&pages, step).await? {
        Some(present) => Ok(page(&pages, step, &present.person).into()),
        None => finish::start_over(&pages, step).await,
    })
    .await
}

/// Takes the decision.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    // What follows may be stored for half an hour.
    if let Err(instead) = Visitor::admitted(&pages, &request) {
        return instead;
    }
    let form = Params::of_form(&request, &body);
    posted(&pages, &request, (Page::Continue, Read::Session), form, async |step, form| {
        decided(&pages, step, form.get("action")).await
    })
    .await
}

async fn decided(
    pages: &Pages,
    step: &mut StepContext<'_>,
    action: Option<&str>,
) -> Result<Flow, ServiceError> {
    let Some(present) = finish::present(pages, step).await? else {
        return finish::start_over(pages, step).await;
    };
    match action {
        Some("continue") => finish::use_session(pages, step, present).await,
        Some("other") => {
            step.open.attempt.hint = None;
            finish::start_over(pages, step).await
        }
        Some("signout") => {
            let elsewhere = pages.sign_out.end(&present.session).await?;
            let client = Some(Arc::clone(&step.client));
            Ok(sign_out::signed_out(pages, &step.context, client, &elsewhere).into())
        }
        _ => Ok(step.go(Page::Continue).into()),
    }
}

fn page(pages: &Pages, step: &StepContext<'_>, person: &ConsentContext) -> HttpResponse {
    let text = step.context.text();
    let request = &step.open.attempt.request;
    let today = CivilDate::of(pages.sign_in.clock.now());
    let asked = request.data.available(&person.account);
    let now = pages.sign_in.clock.now();
    let decision = decide(&step.client, &asked, person.consent.as_ref(), request.ask_again.consent, now);
    let (asks, sent) = match decision {
        // What is still to be decided is not said to be sent; nor is what was withheld.
        Decision::Ask => (true, BTreeSet::new()),
        Decision::Covered(consent) => {
            (false, asked.all().intersection(&consent.extent.sets()).copied().collect())
        }
        Decision::Statutory(_) | Decision::Meet => (false, asked.all()),
    };
    let sends =
        sent.iter().filter_map(|set| datum(&step.client, &person.account, *set, text, today)).collect();
    let (action, cancel) = (step.path(Page::Continue), step.cancel_path(Page::Continue));
    let number = person.account.number().map(PhoneNumber::masked);
    let page = ContinuePage {
        frame: step.frame(Page::Continue, &action),
        person_name: &person_name(&person.account, step.context.language),
        masked_phone: number.as_deref(),
        asks,
        application: request.application.is_some(),
        sends,
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}
