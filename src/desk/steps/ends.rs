//! How an application ends: refused on one of the six grounds of clause 18 and no other (R45–R51), withdrawn by the person (D-o), or
//! enrolled.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Step, found};
use crate::desk::shell::Shell;
use crate::desk::visit::Right;
use crate::desk::{Desk, paths, words};
use crate::mobile_id::{Ground, KeptPayment, PlaceGround, State};
use crate::notices::in_soms;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::staff::{What, Why};

#[derive(Template)]
#[template(path = "desk/refuse.html")]
struct RefusePage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    /// The point, what it says, and whether it is chosen.
    grounds: Vec<(String, &'static str, bool)>,
    to: String,
    back: String,
    wrong: bool,
}

#[derive(Template)]
#[template(path = "desk/end.html")]
struct EndPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    title: &'static str,
    reference: String,
    number: String,
    sentences: Vec<String>,
    /// The sheet to be printed.
    sheet: Option<String>,
}

/// Shows the six grounds.
pub(in crate::desk) async fn choose(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
) -> HttpResponse {
    desk.show(&request, Right::Identify, async |visit| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let step = Step { desk: &desk, visit, application: &application, agreed: None };
        if !matches!(application.state, State::Open | State::CodeSent) {
            return Ok(step.on());
        }
        Ok(grounds(&step, visit.query.get("ground"), false))
    })
    .await
}

fn grounds(step: &Step<'_, '_>, chosen: Option<&str>, wrong: bool) -> HttpResponse {
    let text = step.visit.context.text();
    let grounds = words::GROUNDS.iter().map(|ground| {
        let point = point(*ground);
        let is_chosen = chosen == Some(point.as_str());
        (point, Ground::Place(*ground).words(text), is_chosen)
    });
    let page = RefusePage {
        frame: step.visit.frame(),
        shell: Shell::of(step.visit, paths::DESK),
        reference: step.application.reference.to_string(),
        grounds: grounds.collect(),
        to: step.to("refuse"),
        back: super::path(step.visit, &step.application.id, None),
        wrong,
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    respond::page(status, &page, &CspSources::default())
}

/// The point of clause 18 that a ground is.
fn point(ground: PlaceGround) -> String {
    let clause = Ground::Place(ground).clause();
    clause.trim_start_matches("18(").trim_end_matches(')').to_owned()
}

/// Refuses.
pub(in crate::desk) async fn refuse(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.posted(&request, (&from, Right::Identify, &body), async |visit, form| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let step = Step { desk: &desk, visit, application: &application, agreed: None };
        let given = form.get("ground");
        let ground = words::GROUNDS.into_iter().find(|ground| given == Some(point(*ground).as_str()));
        let Some(ground) = ground else { return Ok(grounds(&step, given, true)) };
        let (row, event) = step.action(What::Refused, Why::Clause18).parts();
        let outcome = desk.identifications.refuse(&application.id, Ground::Place(ground), vec![row]).await;
        step.after(outcome, event)
    })
    .await
}

/// Notes that the person does not go on.
pub(in crate::desk) async fn withdraw(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.posted(&request, (&from, Right::Identify, &body), async |visit, _| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let step = Step { desk: &desk, visit, application: &application, agreed: None };
        let (row, event) = step.action(What::Withdrawn, Why::Declined).parts();
        let outcome = desk.enrolments.withdraw(&application.id, vec![row]).await;
        step.after(outcome, event)
    })
    .await
}

fn end(
    step: &Step<'_, '_>,
    title: &'static str,
    sentences: Vec<String>,
    sheet: Option<String>,
) -> HttpResponse {
    let page = EndPage {
        frame: step.visit.frame(),
        shell: Shell::of(step.visit, paths::DESK),
        title,
        reference: step.application.reference.to_string(),
        number: step.application.form.number.masked(),
        sentences,
        sheet,
    };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

pub(super) fn enrolled(step: &Step<'_, '_>) -> HttpResponse {
    let text = step.visit.context.text();
    let sentences =
        vec![text.get("desk.enrolled_then").to_owned(), text.get("desk.enrolled_told").to_owned()];
    end(step, State::Enrolled.words(text), sentences, None)
}

pub(super) async fn refused(step: &Step<'_, '_>) -> Result<HttpResponse, ServiceError> {
    let text = step.visit.context.text();
    let ground = step.application.state.ground().map_or("", |ground| ground.words(text));
    let mut sentences = vec![ground.to_owned(), text.get("desk.refused_then").to_owned()];
    sentences.extend(paid(step).await?);
    Ok(end(step, step.application.state.words(text), sentences, Some(step.to("sheet"))))
}

pub(super) async fn withdrawn(step: &Step<'_, '_>) -> Result<HttpResponse, ServiceError> {
    let (text, application) = (step.visit.context.text(), step.application);
    let mut sentences = vec![text.get("desk.withdrawn_then").to_owned()];
    let paid = paid(step).await?;
    if application.invoice.is_some() && paid.is_empty() {
        let ended = application.invoice_ended_at.is_some();
        let key = if ended { "desk.invoice_taken_back" } else { "desk.invoice_being_taken_back" };
        sentences.push(text.get(key).to_owned());
    }
    sentences.extend(paid);
    Ok(end(step, State::Withdrawn.words(text), sentences, None))
}

/// What was paid for an application that enrolled nobody, and what becomes of it.
async fn paid(step: &Step<'_, '_>) -> Result<Vec<String>, ServiceError> {
    let text = step.visit.context.text();
    let kept = step.desk.identifications.payments_of(step.application).await?;
    let sentence = |one: KeptPayment| {
        let sum = in_soms(one.payment.tiyin);
        match one.returned_at {
            None => text.with("desk.paid_in_vain", &[("sum", &sum)]),
            Some(at) => {
                text.with("desk.paid_back", &[("sum", &sum), ("when", &words::moment(step.visit, at))])
            }
        }
    };
    Ok(kept.into_iter().map(sentence).collect())
}
