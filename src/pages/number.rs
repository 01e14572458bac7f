//! `/sign-in/number`: the phone number.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::step::{Page, StepContext, client_network};
use super::view::{NumberError, NumberPage};
use crate::notices::Submitted;
use crate::people::PhoneError;
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;
use crate::sign_in::{Limit, NumberOutcome};

/// Shows the page.
pub async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let mut step = match StepContext::find(&pages, &request, Page::Number).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    if let Err(fault) = step.keep_language(&pages).await {
        return step.context.failure(&fault);
    }
    let typed = step.attempt.progress.hint.clone().unwrap_or_default();
    let error = match step.said("e") {
        Some("empty") => Some(NumberError::Empty),
        Some("number") => Some(NumberError::NotUzbekMobile),
        _ => None,
    };
    let page = show(&step, &typed, error);
    step.with_language(&pages, page)
}

/// Takes the number; the code page follows whoever it belongs to.
pub async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let (mut step, form) = match StepContext::posted(&pages, &request, Page::Number, &body).await {
        Ok(posted) => posted,
        Err(instead) => return instead,
    };
    match enter(&pages, &mut step, form.get("phone")).await {
        Ok(response) => response,
        Err(fault) => step.context.failure(&fault),
    }
}

async fn enter(pages: &Pages, step: &mut StepContext<'_>, typed: &str) -> Result<HttpResponse, ServiceError> {
    let from = client_network(step.context.request);
    let client = std::sync::Arc::clone(&step.client);
    let outcome = pages.sign_in.enter_number(&mut step.attempt.progress, typed, &client, &from).await?;
    let asked = match outcome {
        NumberOutcome::CodeWanted(asked) => asked,
        NumberOutcome::AlreadySent => return Ok(step.go(Page::Code)),
        NumberOutcome::NotANumber(error) => {
            // Told on a page of its own: going back or reloading must not send the form again.
            let word = if error == PhoneError::Empty { "empty" } else { "number" };
            step.attempt.progress.hint = Some(kept(typed));
            step.advance(pages).await?;
            return Ok(step.go_saying(Page::Number, word));
        }
        NumberOutcome::Limited(limit) => return Ok(step.too_many(limit.retry_after())),
    };
    step.attempt.progress.hint = Some(kept(typed));
    if !step.advance(pages).await? {
        return Ok(step.go(Page::Code));
    }
    Ok(match pages.sign_in.dispatch(&step.attempt.progress, asked, &from).await? {
        Submitted::Stored => step.go(Page::Code),
        Submitted::CapReached => step.too_many(Limit::Number.retry_after()),
    })
}

/// What was typed, as far as a page may show it again.
fn kept(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn show(step: &StepContext<'_>, typed: &str, error: Option<NumberError>) -> HttpResponse {
    let error = error.map(|error| error.message(step.context.text()));
    let (action, cancel) = (step.path(Page::Number), step.cancel_path());
    let page = NumberPage { frame: step.frame(Page::Number, &action), phone: typed, error, cancel: &cancel };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}
