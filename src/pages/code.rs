//! `/sign-in/code`: code entry and resend.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::data::label;
use super::drive::{posted, show};
use super::step::{Flow, Read, StepContext};
use super::view::{CodeData, CodeError, CodeMeaning, CodePage, Next};
use super::visitor::Visitor;
use super::{Pages, finish};
use crate::clients::{Basis, Client};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::{CodeOutcome, CodeSent, Page, ResendOutcome, SessionId, Stage, TypedCode};

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Code, async |step| {
        let Stage::Code(sent, _) = step.open.attempt.stage() else { return Ok(Flow::Due) };
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
    note_wrong(pages, step, &outcome).await?;
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

/// Notes what a wrong code changes for the attempt.
pub(super) async fn note_wrong<C>(
    pages: &Pages,
    step: &mut StepContext<'_>,
    outcome: &CodeOutcome<C>,
) -> Result<(), ServiceError> {
    match outcome {
        CodeOutcome::Wrong { .. } | CodeOutcome::Spent => {
            pages.sign_in.note_wrong(&mut step.open, step.tries).await
        }
        CodeOutcome::Right(..) | CodeOutcome::Expired => Ok(()),
    }
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
        ResendOutcome::Wait(_) => {
            forgive(pages, step).await?;
            step.go_saying(page, &CodeError::TooEarly.word())
        }
        ResendOutcome::NoMore => {
            forgive(pages, step).await?;
            step.go_saying(page, &CodeError::NoMoreCodes.word())
        }
        ResendOutcome::Limited(limit) => step.too_many(limit, page),
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
    let (sign_in, now) = (&pages.sign_in, pages.sign_in.clock.now());
    let text = step.context.text();
    let (action, back, cancel) = (step.path(shown), step.path(back), step.cancel_path(shown));
    let pauses = [sent.wrong.paused_until, sent.told.delayed_until].into_iter().flatten();
    let next = match (pauses.max().filter(|until| until.since(now) > 3600), sign_in.resend_in(sent, now)) {
        (Some(until), _) => Next::Later(text.date_for_suffix(until.0)),
        (None, Some(seconds)) => Next::Resend { seconds: u32::try_from(seconds).unwrap_or(0) },
        (None, None) => Next::StartAgain(Client::start_page(&step.client).unwrap_or(&cancel)),
    };
    // The browser that typed the number sees whether it is theirs; another page must not tell it.
    let number = if shown == Page::Code { sent.number.written_out() } else { sent.number.masked() };
    let page = CodePage {
        frame: step.frame(shown, &action),
        number: &number,
        data,
        over: sign_in.over(sent),
        error: step.said("e").and_then(CodeError::from_word).map(|error| error.message(text)),
        resent: step.said("resent") == Some("1"),
        next,
        slow: sign_in.outbox.is_slow(),
        strangers: sent.told.strangers,
        for_device: step.open.attempt.request.is_for_device(),
        seconds: u32::try_from(sign_in.settings.code_seconds).unwrap_or(0),
        back: &back,
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}
