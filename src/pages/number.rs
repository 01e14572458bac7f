//! `/sign-in/number`: the phone number.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::drive::{posted, show};
use super::step::{Flow, Read, StepContext};
use super::view::{NumberError, NumberPage, TollPage};
use super::visitor::Visitor;
use crate::people::{PhoneError, PhoneNumber};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::risk::{Paid, Toll};
use crate::sign_in::{Limit, Means, NumberOutcome, Page, Sender};

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Number, async |step| {
        if !step.leads(&pages, Means::MobileId) {
            return Ok(step.instead_of_means());
        }
        let error = match step.said("e") {
            Some("empty") => Some(NumberError::Empty),
            Some("number") => Some(NumberError::NotUzbekMobile),
            _ => None,
        };
        // A number is shown as people write it; what is none stays as it was typed.
        let typed = step.open.attempt.hint.as_deref().unwrap_or_default();
        let number = PhoneNumber::parse_typed(typed, pages.sign_in.settings.test_numbers);
        let written = number.map_or_else(|_| typed.to_owned(), |number| number.written_out());
        let error = error.map(|error| error.message(step.context.text()));
        let (action, cancel) = (step.path(Page::Number), step.cancel_path(Page::Number));
        let frame = step.frame(Page::Number, &action);
        let others = step.other_means(&pages, Means::MobileId);
        let register = pages.sign_in.settings.registers.then(|| registering(&action));
        let page = NumberPage { frame, phone: &written, error, others, register, cancel: &cancel };
        Ok(respond::page(StatusCode::OK, &page, &step.csp_sources()).into())
    })
    .await
}

/// Takes the number; the code page follows, whoever it belongs to.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let visitor = match Visitor::admitted(&pages, &request) {
        Ok(visitor) => visitor,
        Err(instead) => return instead,
    };
    let form = Params::of_form(&request, &body);
    posted(&pages, &request, (Page::Number, Read::Tries), form, async |step, form| {
        enter(&pages, step, &visitor, form).await
    })
    .await
}

async fn enter(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    form: &Params,
) -> Result<Flow, ServiceError> {
    let client = Arc::clone(&step.client);
    let typed = form.get("phone").unwrap_or_default();
    let place = place_of_toll(step, typed);
    let (toll, work) = (form.get("toll").unwrap_or_default(), form.get("work").unwrap_or_default());
    let paid = match pages.sign_in.tolls.paid(toll, work, &place, pages.sign_in.clock.now()) {
        Paid::Level(level) => level,
        Paid::Early(toll) => return Ok(toll_page(step, typed, &toll).into()),
    };
    let sender = Sender { paid, ..visitor.sender(&client) };
    step.open.attempt.hint = Some(kept(typed));
    Ok(match pages.sign_in.enter_number(&mut step.open, typed, sender, step.tries).await? {
        NumberOutcome::CodeSent => step.go(Page::Code),
        NumberOutcome::AlreadySent => {
            // The form was read and counted like a try, but no code was compared.
            step.open.attempt.forgive_try();
            step.keep(pages).await?;
            step.go(Page::Code)
        }
        NumberOutcome::NotANumber(error) => {
            step.open.attempt.forgive_try();
            let word = if error == PhoneError::Empty { "empty" } else { "number" };
            step.keep(pages).await?;
            step.go_saying(Page::Number, word)
        }
        NumberOutcome::Limited(Limit::Toll(level)) => {
            let toll = pages.sign_in.tolls.due(level, &place, pages.sign_in.clock.now());
            toll_page(step, typed, &toll)
        }
        NumberOutcome::Limited(limit) => step.too_many(limit, Page::Number),
        NumberOutcome::Overtaken => return Ok(Flow::Due),
    }
    .into())
}

/// What a toll counts for: this attempt, and this number.
fn place_of_toll(step: &StepContext<'_>, typed: &str) -> Vec<u8> {
    let number: String = typed.chars().filter(char::is_ascii_digit).collect();
    [&step.open.id.digest().0[..], number.as_bytes()].concat()
}

/// The page that the next code costs: it goes on by itself, or by its button after a wait.
fn toll_page(step: &StepContext<'_>, typed: &str, toll: &Toll) -> HttpResponse {
    let (action, cancel) = (step.path(Page::Number), step.cancel_path(Page::Number));
    let wait = u32::try_from(toll.wait.max(0)).unwrap_or(u32::MAX);
    let page = TollPage {
        frame: step.frame(Page::Number, &action),
        phone: &kept(typed),
        toll: &toll.token,
        bits: toll.bits,
        wait: step.context.text().waiting(wait),
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}

/// Where one registers, with the name of the sign-in that it comes back to.
fn registering(here: &str) -> String {
    let attempt = here.split_once('?').map_or("", |(_, query)| query);
    format!("/register?{attempt}")
}

/// What was typed, as far as a page may show it again.
fn kept(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(40).collect()
}
