//! `POST /sign-in/means`: whoever seemed to be in many places at once (`travel.rs`), and has no further factor, has waited and goes on.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::drive::posted;
use super::step::{Flow, Read, StepContext};
use super::travel::{further, page, waiting};
use super::visitor::Visitor;
use super::{Pages, finish};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::sign_in::risk::{DEAREST, Paid};
use crate::sign_in::{Authenticated, Page, SessionId};

/// Takes the wait, or the work in its place.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut visitor = match Visitor::admitted(&pages, &request) {
        Ok(visitor) => visitor,
        Err(instead) => return instead,
    };
    let form = Params::of_form(&request, &body);
    posted(&pages, &request, (Page::Means, Read::Attempt), form, async |step, form| {
        if !step.open.attempt.is_doubted() || further(step, super::means::able(&pages, step).await?).is_some()
        {
            return Ok(Flow::Due);
        }
        match waiting(form).paid(&pages, step) {
            Paid::Level(level) if level >= DEAREST => {}
            Paid::Level(_) => return Ok(page(&pages, step).into()),
            Paid::Early(toll) => return Ok(waiting(form).early(step, &toll).into()),
        }
        visitor.waited = true;
        waited(&pages, step, &visitor).await
    })
    .await
}

/// Goes on as the person who proved one factor and has waited because they seem to be in many places.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable; then nobody is signed in.
async fn waited(pages: &Pages, step: &mut StepContext<'_>, visitor: &Visitor) -> Result<Flow, ServiceError> {
    let Some(base) = step.open.attempt.stage().base().cloned() else { return Ok(Flow::Due) };
    let Some(person) = pages.release.consent_context(&base.person_id, &step.client).await? else {
        return finish::refused(pages, step, "unusable").await;
    };
    if person.account.account_state.epoch != base.epoch {
        return finish::start_over(pages, step).await;
    }
    let id = SessionId::random();
    let authenticated = Authenticated { session: id.digest(), sid_key: id.digest(), ..base };
    step.open.attempt.believe();
    finish::signed_in(pages, step, visitor, (id, authenticated), &person).await
}
