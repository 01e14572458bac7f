//! `/sign-in/number`: the phone number.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::drive::{show, tried};
use super::step::{Flow, Read, StepContext};
use super::toll::{Tolled, kept};
use super::view::{NumberError, NumberPage, TollReason};
use super::visitor::Visitor;
use crate::people::{PhoneError, PhoneNumber};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::risk::Paid;
use crate::sign_in::{Limit, Means, NumberOutcome, Page, Sender, UNLOCK, told};

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
        let register = leads_somewhere(&pages, step).then(|| registering(&action));
        let own = step.open.attempt.request.reply.protocol.is_own();
        let unlock = (own && pages.sign_in.unlocks_here()).then_some(UNLOCK);
        let page = NumberPage { frame, phone: &written, error, others, register, unlock, cancel: &cancel };
        Ok(respond::page(StatusCode::OK, &page, &step.csp_sources()).into())
    })
    .await
}

/// Takes the number; the code page follows, whoever it belongs to.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    tried(&pages, &request, (Page::Number, Read::Tries), &body, async |step, visitor, form| {
        enter(&pages, step, visitor, form).await
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
    let tolled = Tolled::read(form, Page::Number, TollReason::Codes, ("phone", typed));
    let paid = match tolled.paid(pages, step) {
        Paid::Level(level) => level,
        Paid::Early(toll) => return Ok(tolled.early(step, &toll).into()),
    };
    let sender = Sender { paid, ..visitor.sender(&client) };
    step.open.attempt.hint = Some(kept(typed).chars().take(40).collect());
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
        NumberOutcome::Limited(limit @ Limit::Toll(level)) => {
            tolled.due(pages, step, level, None).unwrap_or_else(|| step.too_many(limit, Page::Number))
        }
        NumberOutcome::Limited(limit) => step.too_many(limit, Page::Number),
        NumberOutcome::Overtaken => return Ok(Flow::Due),
    }
    .into())
}

/// Whether registering leads to what this request accepts: a new account has a password and nothing else, and adds nothing to what somebody
/// proved already.
fn leads_somewhere(pages: &Pages, step: &StepContext<'_>) -> bool {
    let (settings, attempt) = (&pages.sign_in.settings, &step.open.attempt);
    settings.registers
        && settings.offered.contains(&Means::Password)
        && attempt.stage().base().is_none()
        && told(&[Means::Password], &attempt.request.acr).is_some()
}

/// Where one registers, with the name of the sign-in that it comes back to.
fn registering(here: &str) -> String {
    let attempt = here.split_once('?').map_or("", |(_, query)| query);
    format!("/register?{attempt}")
}
