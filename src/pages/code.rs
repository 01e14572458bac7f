//! `/sign-in/code`: the code from the SMS, or the wish for a new one.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::step::{Page, StepContext, client_network};
use super::view::{CodeError, CodePage};
use super::{Pages, finish};
use crate::notices::Submitted;
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;
use crate::sign_in::{CodeOutcome, Limit, ResendOutcome, SessionId};

/// Shows the page.
pub async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let mut step = match StepContext::find(&pages, &request, Page::Code).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    if let Err(fault) = step.keep_language(&pages).await {
        return step.context.failure(&fault);
    }
    let resent = step.said("resent") == Some("1");
    let page = show(&pages, &step, step.said("e").and_then(CodeError::from_word), resent);
    step.with_language(&pages, page)
}

/// Takes the code.
pub async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let (mut step, form) = match StepContext::posted(&pages, &request, Page::Code, &body).await {
        Ok(posted) => posted,
        Err(instead) => return instead,
    };
    let answered = match form.get("action") {
        "resend" => resend(&pages, &mut step).await,
        _ => enter(&pages, &mut step, form.get("code")).await,
    };
    match answered {
        Ok(response) => response,
        Err(fault) => step.context.failure(&fault),
    }
}

async fn enter(pages: &Pages, step: &mut StepContext<'_>, typed: &str) -> Result<HttpResponse, ServiceError> {
    if typed.trim().is_empty() {
        return Ok(step.go_saying(Page::Code, &CodeError::Empty.word()));
    }
    let progress = &step.attempt.progress;
    let tried = match pages.sign_in.count_try(progress, typed).await? {
        Ok(tried) => tried,
        Err(outcome) => return Ok(refused(step, &outcome)),
    };
    // Nobody's number is looked up like somebody's.
    let index = progress.number.as_ref().map_or(Digest([0; 32]), |entered| entered.index);
    let nobody = PersonId::nobody(&index);
    let person = progress.number.as_ref().and_then(|entered| entered.person_id.as_ref()).unwrap_or(&nobody);
    let subject = pages.oidc.release.consent_context(person, &step.client).await?;
    let account_state = subject.as_ref().map(|subject| &subject.account.account_state);
    let session = SessionId::random();
    match (pages.sign_in.compare(progress, tried, account_state, session.digest()).await?, subject) {
        (CodeOutcome::Right(authenticated), Some(subject)) => {
            finish::signed_in(pages, step, session, authenticated, &subject).await
        }
        (outcome, _) => Ok(refused(step, &outcome)),
    }
}

async fn resend(pages: &Pages, step: &mut StepContext<'_>) -> Result<HttpResponse, ServiceError> {
    let from = client_network(step.context.request);
    let client = std::sync::Arc::clone(&step.client);
    let asked = match pages.sign_in.resend(&mut step.attempt.progress, &client, &from).await? {
        ResendOutcome::CodeWanted(asked) => asked,
        ResendOutcome::Wait(seconds) => {
            let seconds = u32::try_from(seconds).unwrap_or(0);
            return Ok(step.go_saying(Page::Code, &CodeError::TooEarly { seconds }.word()));
        }
        ResendOutcome::NoMore => return Ok(step.go_saying(Page::Code, &CodeError::NoMoreCodes.word())),
        ResendOutcome::Limited(limit) => return Ok(step.too_many(limit.retry_after())),
    };
    if !step.advance(pages).await? {
        return Ok(step.go(Page::Code));
    }
    Ok(match pages.sign_in.dispatch(&step.attempt.progress, asked, &from).await? {
        Submitted::Stored => respond::see_other(&format!("{}&resent=1", step.path(Page::Code))),
        Submitted::CapReached => step.too_many(Limit::Number.retry_after()),
    })
}

/// Told on a page of its own: going back or reloading must not send the form, and use up a try, again.
fn refused(step: &StepContext<'_>, outcome: &CodeOutcome) -> HttpResponse {
    let error = match outcome {
        CodeOutcome::Wrong { left } => CodeError::Wrong { left: u32::try_from(*left).unwrap_or(0) },
        CodeOutcome::Spent => CodeError::UsedUp,
        CodeOutcome::Expired => CodeError::Expired,
        CodeOutcome::NotACode | CodeOutcome::Right(_) => CodeError::NotACode,
    };
    step.go_saying(Page::Code, &error.word())
}

fn show(pages: &Pages, step: &StepContext<'_>, error: Option<CodeError>, resent: bool) -> HttpResponse {
    let text = step.context.text();
    let policy = &pages.sign_in.settings;
    let now = pages.sign_in.clock.now();
    let (masked, sends, wait) = step.attempt.progress.number.as_ref().map_or_else(
        || (String::new(), 0, None),
        |entered| {
            (entered.number.masked(), entered.sends, policy.resend_in(entered.sends, entered.sent_at, now))
        },
    );
    let most = u32::try_from(policy.resend_after.len()).unwrap_or(u32::MAX);
    let (action, change, cancel) = (step.path(Page::Code), step.path(Page::Number), step.cancel_path());
    let page = CodePage {
        frame: step.frame(Page::Code, &action),
        masked: &masked,
        error: error.map(|error| error.message(text)),
        resent,
        resend_after: wait.and_then(|wait| u32::try_from(wait).ok()).unwrap_or(0),
        resends_left: (most + 1).saturating_sub(sends),
        slow: pages.sign_in.outbox.is_slow(),
        minutes: u32::try_from(policy.code_seconds / 60).unwrap_or(1).max(1),
        change_number: &change,
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}
