//! Driving a page: the attempt is found, the page must be due, and what follows is sent; or what is due instead.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

use super::step::{Flow, Read, StepContext};
use super::visitor::Visitor;
use super::{Pages, finish};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::{Malformed, Params};
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::sign_in::{Outcome, Page, Stage};

/// Shows a page of an attempt by `handler`. Whatever keeps it from being shown becomes the answer: the page that is due,
/// or what happened and the way back to the service.
pub(super) async fn show<'r>(
    pages: &Pages,
    request: &'r HttpRequest,
    page: Page,
    handler: impl AsyncFnOnce(&mut StepContext<'r>) -> Result<Flow, ServiceError>,
) -> HttpResponse {
    let mut step = match at(pages, request, page, (Read::to_show(page), false)).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    let flow = handler(&mut step).await;
    let answered = match settle(pages, &step, flow).await {
        Ok(response) => step.keep_language(pages).await.map(|()| response),
        Err(error) => Err(error),
    };
    step.with_language(answered)
}

/// Handles a form of a page of an attempt, which only pages of this provider may post.
pub(super) async fn posted<'r>(
    pages: &Pages,
    request: &'r HttpRequest,
    (page, read): (Page, Read),
    form: Result<Params, Malformed>,
    handler: impl AsyncFnOnce(&mut StepContext<'r>, &Params) -> Result<Flow, ServiceError>,
) -> HttpResponse {
    // A person who agreed may still refuse while the answer could not be stored.
    let refuses = form.as_ref().is_ok_and(|form| form.get("decision") == Some("deny"));
    let mut step = match at(pages, request, page, (read, refuses)).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    if !respond::is_same_origin(request, &pages.origin) {
        return step.problem(ProblemKind::BadRequest);
    }
    let Ok(form) = form else { return step.problem(ProblemKind::BadRequest) };
    let flow = handler(&mut step, &form).await;
    let answered = settle(pages, &step, flow).await;
    step.context.or_failure(answered)
}

/// As [`posted`], of a form that is counted before anything is read for it: whatever could be tried by it.
pub(super) async fn tried<'r>(
    pages: &Pages,
    request: &'r HttpRequest,
    (page, read): (Page, Read),
    body: &[u8],
    handler: impl AsyncFnOnce(&mut StepContext<'r>, &Visitor, &Params) -> Result<Flow, ServiceError>,
) -> HttpResponse {
    let visitor = match Visitor::admitted(pages, request) {
        Ok(visitor) => visitor,
        Err(instead) => return instead,
    };
    let form = Params::of_form(request, body);
    posted(pages, request, (page, read), form, async |step, form| handler(step, &visitor, form).await).await
}

/// Finds the attempt that the address names and makes sure that `page` is due.
///
/// # Errors
/// The answer to send instead.
async fn at<'r>(
    pages: &Pages,
    request: &'r HttpRequest,
    page: Page,
    (read, refuses): (Read, bool),
) -> Result<StepContext<'r>, HttpResponse> {
    let mut step = StepContext::find(pages, request, read).await?;
    let stage = step.open.attempt.stage();
    if stage.shows(page) && (refuses || !matches!(stage, Stage::Answering(..))) {
        return Ok(step);
    }
    let instead = due(pages, &mut step).await;
    Err(step.with_language(instead))
}

/// The answer that a handler made, or what is due by now.
async fn settle(
    pages: &Pages,
    step: &StepContext<'_>,
    flow: Result<Flow, ServiceError>,
) -> Result<HttpResponse, ServiceError> {
    match flow? {
        Flow::Respond(response) => Ok(response),
        Flow::Due => match StepContext::find(pages, step.context.request, Read::Session).await {
            Ok(mut step) => due(pages, &mut step).await,
            Err(instead) => Ok(instead),
        },
    }
}

/// Leads to what is due: a page, the answer that could not be stored, or the one that may have been lost.
async fn due(pages: &Pages, step: &mut StepContext<'_>) -> Result<HttpResponse, ServiceError> {
    match step.open.attempt.stage() {
        Stage::Answering(..) if step.reads_session() => match finish::answer(pages, step).await? {
            Flow::Respond(response) => Ok(response),
            // Another request is making the answer; its page looks again.
            Flow::Due => Ok(step.go(Page::Consent)),
        },
        // Whoever has signed out at this browser since then has left nothing behind.
        Stage::Finished(Outcome::Answered(_, session))
            if pages.sign_in.sessions.find(*session).await?.is_none() =>
        {
            Ok(step.problem(ProblemKind::AlreadyFinished))
        }
        Stage::Finished(Outcome::Answered(answer, _)) => {
            let sent = pages.completion.send_again(&step.context, &step.open.attempt, &step.client, answer);
            Ok(sent.await?.unwrap_or_else(|| step.problem(ProblemKind::AlreadyFinished)))
        }
        // The person refuses once more: the first answer may never have arrived.
        Stage::Finished(Outcome::Refused(refusal)) if step.context.request.method() == Method::POST => {
            pages.completion.refuse(&step.context, &step.open.attempt, &step.client, *refusal).await
        }
        _ => Ok(match step.open.attempt.due() {
            Some(page) => step.go(page),
            None => step.problem(ProblemKind::AlreadyFinished),
        }),
    }
}
