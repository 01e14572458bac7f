//! `/sign-in/permission`: the code by which a person permits the release that they chose on the consent page, where they
//! entered none in this very sign-in (R68, D-p).

use std::sync::Arc;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::code::{self, Asked};
use super::data::label;
use super::drive::{posted, show};
use super::finish::Present;
use super::step::{Flow, Read, StepContext};
use super::view::{CodeData, CodeError, CodeMeaning};
use super::visitor::Visitor;
use super::{Pages, finish};
use crate::platform::bytes::same;
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::release::Extent;
use crate::sign_in::{
    Agreement, AttemptName, CodeOutcome, Event, Illegal, NumberOutcome, Page, SessionId, Stage, TypedCode,
};

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Permission, async |step| {
        if finish::present(&pages, step).await?.is_none() {
            return finish::start_over(&pages, step).await;
        }
        let Stage::Permission(_, agreement, sent) = step.open.attempt.stage() else { return Ok(Flow::Due) };
        if !agreement.asked.is_held_to(&step.client) {
            return Ok(step.go_saying(Page::Consent, "changed").into());
        }
        let data = data(&pages, step, agreement);
        Ok(code::page(&pages, step, sent, (Page::Permission, Page::Consent), Some(data)).into())
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
    let read = match asked {
        Asked::Nothing | Asked::NotACode => Read::Session,
        Asked::Resend | Asked::Compare(_) => Read::TriesAndSession,
    };
    posted(&pages, &request, (Page::Permission, read), form, async |step, form| {
        let Some(present) = finish::present(&pages, step).await? else {
            return finish::start_over(&pages, step).await;
        };
        match asked {
            Asked::Nothing => Ok(step.go_saying(Page::Permission, &CodeError::Empty.word()).into()),
            Asked::NotACode => Ok(step.go_saying(Page::Permission, &CodeError::NotACode.word()).into()),
            Asked::Resend => code::resend(&pages, step, &visitor, Page::Permission).await,
            Asked::Compare(code) => enter(&pages, step, (&visitor, &present), form, code).await,
        }
    })
    .await
}

/// Sends the code that is needed for `agreement`.
pub(super) async fn ask(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    (present, agreement): (Present, Agreement),
) -> Result<Flow, ServiceError> {
    // The attempt is as this request read it, or another request was quicker.
    let (name, browser) = (AttemptName::Stored(step.open.id.clone()), step.open.attempt.browser);
    let found = pages.sign_in.attempts.find_and_count(name, &browser).await?;
    let Some((_, tries)) = found.filter(|(found, _)| found.version == step.open.version) else {
        return Ok(Flow::Due);
    };
    let Some(number) = present.person.account.number().cloned() else {
        return Ok(step.problem(ProblemKind::NoNumber).into());
    };
    let client = Arc::clone(&step.client);
    let sender = visitor.sender(&client);
    let chosen = (present.authenticated, agreement);
    Ok(match pages.sign_in.ask_permission(&mut step.open, chosen, number, sender, tries).await? {
        NumberOutcome::CodeSent | NumberOutcome::AlreadySent => step.go(Page::Permission),
        NumberOutcome::Limited(limit) => step.too_many(limit, Page::Consent),
        NumberOutcome::NotANumber(_) | NumberOutcome::Overtaken => return Ok(Flow::Due),
    }
    .into())
}

async fn enter(
    pages: &Pages,
    step: &mut StepContext<'_>,
    (visitor, present): (&Visitor, &Present),
    form: &Params,
    code: TypedCode,
) -> Result<Flow, ServiceError> {
    let attempt = &step.open.attempt;
    let Stage::Permission(_, agreement, sent) = attempt.stage() else { return Ok(Flow::Due) };
    // What the client lost since is not agreed to: the person sees what is left.
    if !agreement.asked.is_held_to(&step.client) {
        code::forgive(pages, step).await?;
        return Ok(step.go_saying(Page::Consent, "changed").into());
    }
    let (digest, message) = (agreement.digest().encode(), sent.challenge.message_id.clone());
    if !same(form.get("permits").unwrap_or_default().as_bytes(), digest.as_bytes()) {
        // The choice was changed in another tab: what is permitted now must be seen first.
        code::forgive(pages, step).await?;
        return Ok(step.go(Page::Permission).into());
    }
    let (outcome, compared) = match pages.sign_in.counted(attempt, code, step.tries) {
        Err(outcome) => (outcome, false),
        Ok(tried) => {
            let look_up = async |person: &_| Ok(pages.release.consent_context(person, &step.client).await?);
            // The session that the person is signed in with goes on; a code for a permission opens none.
            (pages.sign_in.compare(attempt, tried, &SessionId::random(), look_up).await?, true)
        }
    };
    pages.sign_in.record_try(&step.open, &outcome, compared);
    code::note_wrong(pages, step, &outcome).await?;
    let error = match outcome {
        CodeOutcome::Right(proved, _) if proved.person_id == present.authenticated.person_id => {
            pages.sign_in.brake.right(&step.client.id, &visitor.network);
            return permitted(pages, step, message).await;
        }
        // The number has become somebody else's in the meantime.
        CodeOutcome::Right(..) => return finish::start_over(pages, step).await,
        CodeOutcome::Wrong { left } => CodeError::Wrong { left: u32::try_from(left).unwrap_or(0) },
        CodeOutcome::Spent => CodeError::UsedUp,
        CodeOutcome::Expired => CodeError::Expired,
    };
    Ok(step.go_saying(Page::Permission, &error.word()).into())
}

async fn permitted(pages: &Pages, step: &mut StepContext<'_>, message: String) -> Result<Flow, ServiceError> {
    let now = pages.sign_in.clock.now();
    match step.open.attempt.advance(Event::Permitted(message), false, now) {
        Ok(()) => {}
        Err(Illegal::Expired) => {
            return Ok(step.go_saying(Page::Permission, &CodeError::Expired.word()).into());
        }
        Err(_) => return Ok(Flow::Due),
    }
    // Of two requests with the same right code, the one that stores this first permits.
    if !pages.sign_in.attempts.store_again(&mut step.open).await? {
        return Ok(Flow::Due);
    }
    finish::answer(pages, step).await
}

/// What the code permits, as its page says it.
fn data(pages: &Pages, step: &StepContext<'_>, agreement: &Agreement) -> CodeData {
    let text = step.context.text();
    let now = pages.sign_in.clock.now();
    let released = Extent::agreed(&agreement.asked, &agreement.ticked, now).sets();
    let until = agreement.asked.ends_at(&step.client, now);
    let mut labels: Vec<&str> = released.iter().map(|set| text.get(label(*set))).collect();
    if agreement.asked.offline {
        labels.push(text.get("consent.offline"));
    }
    let digest = agreement.digest().encode();
    if let Some(application) = &step.open.attempt.request.application {
        let title = application.title(step.context.language.tag());
        return CodeData { meaning: CodeMeaning::Confirms { digest, title }, labels: Vec::new() };
    }
    CodeData { meaning: CodeMeaning::Permits { digest, until: text.date_for_suffix(until.0) }, labels }
}
