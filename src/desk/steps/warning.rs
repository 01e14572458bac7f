//! The warning: an SMS is charged for, and the person answers for what is done with the number (R31, R32, R74, R79). It stands in the
//! person's language, and the steps after it wait for consent.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Agreed, Step, found};
use crate::desk::shell::Shell;
use crate::desk::visit::Right;
use crate::desk::{Desk, paths, words};
use crate::mobile_id::Consent;
use crate::notices::charge_warning;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;

#[derive(Template)]
#[template(path = "desk/warning.html")]
struct WarningPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    /// The person's language.
    theirs: &'static str,
    warning: String,
    answers: &'static str,
    charge: &'static str,
    responsibility: &'static str,
    shown_at: String,
    to: String,
    refuse: String,
    withdraw: String,
    /// Boxes that were not ticked.
    missing: Vec<&'static str>,
}

/// The boxes of the page.
const BOXES: [&str; 3] = ["original", "sms_charge", "responsibility"];

pub(super) fn page(step: &Step<'_, '_>, missing: &[&'static str]) -> HttpResponse {
    let theirs = Text::new(step.application.language);
    let page = WarningPage {
        frame: step.visit.frame(),
        shell: Shell::of(step.visit, paths::DESK),
        reference: step.application.reference.to_string(),
        theirs: step.application.language.tag(),
        warning: charge_warning(theirs, step.desk.sms_price()),
        answers: theirs.get("desk.answers_for"),
        charge: words::consent(theirs, Consent::SmsCharge),
        responsibility: words::consent(theirs, Consent::Responsibility),
        shown_at: step.desk.clock.now_ms().to_string(),
        to: step.to("warning"),
        refuse: step.to("refuse"),
        withdraw: step.to("withdraw"),
        missing: missing.to_vec(),
    };
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    respond::page(status, &page, &CspSources::default())
}

/// Takes the consents on to the next page; they are stored with the evidence.
pub(in crate::desk) async fn agree(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.posted(&request, (&from, Right::Identify, &body), async |visit, form| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let ticked = |name: &&'static str| form.get(name).is_some();
        let missing: Vec<&'static str> = BOXES.into_iter().filter(|name| !ticked(name)).collect();
        let now = desk.clock.now_ms();
        let shown_at_ms = form.get("shown_at").and_then(|at| at.parse().ok()).unwrap_or(now).min(now);
        let agreed = Agreed { shown_at_ms, given_at_ms: now, tiyin: desk.sms_price() };
        let agreed = missing.is_empty().then_some(agreed);
        let step = Step { desk: &desk, visit, application: &application, agreed };
        Ok(if missing.is_empty() { step.on() } else { page(&step, &missing) })
    })
    .await
}
