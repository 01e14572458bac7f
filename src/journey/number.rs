//! `/sign-in/number`: the phone number.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Journey;
use super::step::{Page, Step, origin};
use super::view::{NumberError, NumberPage};
use crate::notices::Submitted;
use crate::people::PhoneError;
use crate::platform::fault::Fault;
use crate::platform::web::respond;
use crate::sign_in::{Limit, NumberOutcome};

/// Shows the page.
pub async fn get(journey: Data<Journey>, request: HttpRequest) -> HttpResponse {
    let mut step = match Step::find(&journey, &request, Page::Number).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    if let Err(fault) = step.keep_language(&journey).await {
        return step.visit.fault(&fault);
    }
    let typed = step.transaction.progress.hint.clone().unwrap_or_default();
    let error = match step.said("e") {
        Some("empty") => Some(NumberError::Empty),
        Some("number") => Some(NumberError::NotUzbekMobile),
        _ => None,
    };
    let page = show(&step, &typed, error);
    step.with_language(&journey, page)
}

/// Takes the number; the code page follows whoever it belongs to.
pub async fn post(journey: Data<Journey>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let (mut step, form) = match Step::posted(&journey, &request, Page::Number, &body).await {
        Ok(posted) => posted,
        Err(instead) => return instead,
    };
    match enter(&journey, &mut step, form.get("phone")).await {
        Ok(response) => response,
        Err(fault) => step.visit.fault(&fault),
    }
}

async fn enter(journey: &Journey, step: &mut Step<'_>, typed: &str) -> Result<HttpResponse, Fault> {
    let from = origin(step.visit.request);
    let client = std::sync::Arc::clone(&step.client);
    let outcome = journey.sign_in.enter_number(&mut step.transaction.progress, typed, &client, &from).await?;
    let asked = match outcome {
        NumberOutcome::CodeWanted(asked) => asked,
        NumberOutcome::AlreadySent => return Ok(step.go(Page::Code)),
        NumberOutcome::NotANumber(error) => {
            // Told on a page of its own: going back or reloading must not send the form again.
            let word = if error == PhoneError::Empty { "empty" } else { "number" };
            step.transaction.progress.hint = Some(kept(typed));
            step.advance(journey).await?;
            return Ok(step.go_saying(Page::Number, word));
        }
        NumberOutcome::Limited(limit) => return Ok(step.too_many(limit.retry_after())),
    };
    step.transaction.progress.hint = Some(kept(typed));
    if !step.advance(journey).await? {
        return Ok(step.go(Page::Code));
    }
    Ok(match journey.sign_in.dispatch(&step.transaction.progress, asked, &from).await? {
        Submitted::Stored => step.go(Page::Code),
        Submitted::CapReached => step.too_many(Limit::Number.retry_after()),
    })
}

/// What was typed, as far as a page may show it again.
fn kept(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn show(step: &Step<'_>, typed: &str, error: Option<NumberError>) -> HttpResponse {
    let error = error.map(|error| error.message(step.visit.text()));
    let (action, cancel) = (step.path(Page::Number), step.cancel_path());
    let page = NumberPage { frame: step.frame(Page::Number, &action), phone: typed, error, cancel: &cancel };
    respond::page(StatusCode::OK, &page, &step.reach())
}
