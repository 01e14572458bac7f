//! `/sign-in/code`: code entry and resend.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::data::label;
use super::drive::{posted, show};
use super::step::{Flow, Read, StepContext};
use super::view::{CodeData, CodeError, CodeMeaning, CodePage, Delay};
use super::visitor::Visitor;
use super::{Pages, finish};
use crate::clients::Basis;
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::{CodeOutcome, CodeSent, Page, ResendOutcome, SessionId, Stage, TypedCode};

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Code, async |step| {
        let Stage::Code(sent) = step.open.attempt.stage() else { return Ok(Flow::Due) };
        Ok(page(&pages, step, sent, (Page::Code, Page::Number), data(step)).into())
    })
    .await
}

/// Takes the code, or sends a new one.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let visitor = match Visitor::admitted(&pages, &request) {
        Ok(visitor) => visitor,
        Err(instead) => return instead,
    };
    let form = Params::of_form(&request, &body);
    let asked = form.as_ref().map_or(Asked::Nothing, Asked::of);
    // What cannot be a code costs no try.
    let read = match asked {
        Asked::Nothing | Asked::NotACode => Read::Attempt,
        Asked::Resend | Asked::Compare(_) => Read::Tries,
    };
    posted(&pages, &request, (Page::Code, read), form, async |step, _| match asked {
        Asked::Nothing => Ok(step.go_saying(Page::Code, &CodeError::Empty.word()).into()),
        Asked::NotACode => Ok(step.go_saying(Page::Code, &CodeError::NotACode.word()).into()),
        Asked::Resend => resend(&pages, step, &visitor, Page::Code).await,
        Asked::Compare(code) => enter(&pages, step, &visitor, code).await,
    })
    .await
}

/// What a form asks for.
pub(super) enum Asked {
    Nothing,
    NotACode,
    Compare(TypedCode),
    Resend,
}

impl Asked {
    pub(super) fn of(form: &Params) -> Self {
        if form.get("action") == Some("resend") {
            return Self::Resend;
        }
        match form.get("code") {
            Some(typed) if !typed.trim().is_empty() => {
                TypedCode::parse(typed).map_or(Self::NotACode, Self::Compare)
            }
            _ => Self::Nothing,
        }
    }
}

async fn enter(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    code: TypedCode,
) -> Result<Flow, ServiceError> {
    let session = SessionId::random();
    let attempt = &step.open.attempt;
    let (outcome, compared) = match pages.sign_in.counted(attempt, code, step.tries) {
        Err(outcome) => (outcome, false),
        Ok(tried) => {
            let look_up = async |person: &_| Ok(pages.release.consent_context(person, &step.client).await?);
            (pages.sign_in.compare(attempt, tried, &session, look_up).await?, true)
        }
    };
    pages.sign_in.record_try(&step.open, &outcome, compared);
    let error = match outcome {
        CodeOutcome::Right(authenticated, person) => {
            return finish::signed_in(pages, step, visitor, (session, authenticated), &person).await;
        }
        CodeOutcome::Wrong { left } => CodeError::Wrong { left: u32::try_from(left).unwrap_or(0) },
        CodeOutcome::Spent => CodeError::UsedUp,
        CodeOutcome::Expired => CodeError::Expired,
    };
    Ok(step.go_saying(Page::Code, &error.word()).into())
}

/// A press on "send again" is read and counted like a try, but compares nothing.
pub(super) async fn forgive(pages: &Pages, step: &mut StepContext<'_>) -> Result<(), ServiceError> {
    step.open.attempt.forgive_try();
    step.keep(pages).await.map(|_| ())
}

/// Sends a new code for `page`, which wants one.
pub(super) async fn resend(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    page: Page,
) -> Result<Flow, ServiceError> {
    let client = Arc::clone(&step.client);
    let sender = visitor.sender(&client);
    Ok(match pages.sign_in.resend(&mut step.open, sender, step.tries).await? {
        ResendOutcome::CodeSent => respond::see_other(&format!("{}&resent=1", step.path(page))),
        ResendOutcome::Wait(seconds) => {
            forgive(pages, step).await?;
            let seconds = u32::try_from(seconds).unwrap_or(0);
            step.go_saying(page, &CodeError::TooEarly { seconds }.word())
        }
        ResendOutcome::NoMore => {
            forgive(pages, step).await?;
            step.go_saying(page, &CodeError::NoMoreCodes.word())
        }
        ResendOutcome::Limited(limit) => step.too_many(limit.retry_after()),
        ResendOutcome::Overtaken => return Ok(Flow::Due),
    }
    .into())
}

/// What signing in means for data: the code counts as the permission of what the person allows on the next page, so
/// this page says what the service asks for (D-p).
fn data(step: &StepContext<'_>) -> Option<CodeData> {
    let text = step.context.text();
    let asked = step.open.attempt.request.data.all();
    let meaning = match step.client.data.basis {
        Basis::Consent => CodeMeaning::Asked,
        Basis::Statutory => CodeMeaning::Law,
    };
    let labels = asked.iter().map(|set| text.get(label(*set))).collect();
    (!asked.is_empty()).then_some(CodeData { meaning, labels })
}

/// The page `shown`, with a way back to an earlier one.
pub(super) fn page(
    pages: &Pages,
    step: &StepContext<'_>,
    sent: &CodeSent,
    (shown, back): (Page, Page),
    data: Option<CodeData>,
) -> HttpResponse {
    let sign_in = &pages.sign_in;
    let text = step.context.text();
    let wait = sign_in.resend_in(sent, sign_in.clock.now());
    let (action, back, cancel) = (step.path(shown), step.path(back), step.cancel_path(shown));
    let page = CodePage {
        frame: step.frame(shown, &action),
        masked: &sent.number.masked(),
        data,
        error: step.said("e").and_then(CodeError::from_word).map(|error| error.message(text)),
        resent: step.said("resent") == Some("1"),
        resend_after: wait.and_then(|wait| u32::try_from(wait).ok()).unwrap_or(0),
        resends_left: sign_in.resends_left(sent),
        slow: sign_in.outbox.is_slow(),
        delayed: sent.told.delayed_until.map(|until| Delay::until(until, sign_in.clock.now()).message(text)),
        strangers: sent.told.strangers,
        minutes: u32::try_from(sign_in.settings.code_seconds / 60).unwrap_or(1).max(1),
        back: &back,
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}
