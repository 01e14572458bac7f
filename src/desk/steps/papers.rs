//! What is printed and handed over, in the person's language: the invoice (R16) and the sheet of a refusal, with its reason and the way
//! to complain (R92). And the page that waits for the payment.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Step, found};
use crate::desk::paper::{Content, paper};
use crate::desk::shell::Shell;
use crate::desk::visit::{Right, Visit};
use crate::desk::{Desk, paths, words};
use crate::mobile_id::{Identification, Invoice, State};
use crate::notices::in_soms;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::staff::{What, Why};

/// How often the page that waits for a payment asks again, in seconds.
const AGAIN: u32 = 5;

#[derive(Template)]
#[template(path = "desk/payment.html")]
struct PaymentPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    sum: String,
    number: String,
    until: String,
    /// Billing knows the invoice: before that nobody can pay.
    registered: bool,
    invoice: String,
    withdraw: String,
}

pub(super) fn payment(step: &Step<'_, '_>) -> HttpResponse {
    let application = step.application;
    let invoice = application.invoice.as_ref();
    let page = PaymentPage {
        frame: step.visit.frame(),
        shell: Shell::of(step.visit, paths::DESK).again_in(AGAIN),
        reference: application.reference.to_string(),
        sum: invoice.map(|invoice| in_soms(invoice.fee.tiyin)).unwrap_or_default(),
        number: invoice.map(|invoice| invoice.number.clone()).unwrap_or_default(),
        until: invoice.map(|invoice| words::moment(step.visit, invoice.until)).unwrap_or_default(),
        registered: application.registered,
        invoice: step.to("invoice"),
        withdraw: step.to("withdraw"),
    };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

/// The invoice.
pub(in crate::desk) async fn invoice(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
) -> HttpResponse {
    desk.show(&request, Right::Identify, async |visit| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let Some(invoice) = &application.invoice else { return Ok(visit.nothing()) };
        let reference = application.reference.to_string();
        desk.staff.reads(&visit.acting, What::Printed, &reference, Why::PersonPresent).await?;
        Ok(printed(visit, &application, |theirs| {
            (
                theirs.get("desk.invoice"),
                facts(theirs, &application, invoice),
                vec![theirs.get("desk.invoice_then"), theirs.get("desk.invoice_unpaid")],
            )
        }))
    })
    .await
}

fn facts(theirs: Text, application: &Identification, invoice: &Invoice) -> Vec<(&'static str, String)> {
    let fee = &invoice.fee;
    let mut facts = vec![
        (theirs.get("desk.invoice_number"), invoice.number.clone()),
        (theirs.get("desk.payer"), application.form.names.for_pages().full()),
        (theirs.get("desk.purpose"), theirs.get("desk.purpose_identification").to_owned()),
        (theirs.get("desk.sum"), theirs.with("desk.soms", &[("sum", &in_soms(fee.tiyin))])),
        (
            theirs.get("desk.sum_from"),
            theirs.with(
                "desk.sum_of",
                &[("percent", &fee.percent.to_string()), ("bhm", &in_soms(fee.bhm_soum * 100))],
            ),
        ),
    ];
    if let Some(discount) = fee.discount {
        facts.push((theirs.get("desk.discount"), words::discount(theirs, discount).to_owned()));
    }
    facts.push((theirs.get("desk.day"), theirs.date(application.opened_at.0)));
    facts.push((theirs.get("desk.pay_until"), theirs.date(invoice.until.0)));
    facts
}

/// The sheet of a refusal.
pub(in crate::desk) async fn sheet(desk: Data<Desk>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    desk.show(&request, Right::Identify, async |visit| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let State::Refused(ground) = application.state else { return Ok(visit.nothing()) };
        let reference = application.reference.to_string();
        desk.staff.reads(&visit.acting, What::Printed, &reference, Why::Clause18).await?;
        Ok(printed(visit, &application, |theirs| {
            let facts = vec![
                (theirs.get("desk.applicant"), application.form.names.for_pages().full()),
                (theirs.get("mobile_id.number"), application.form.number.masked()),
                (theirs.get("desk.reason"), ground.words(theirs).to_owned()),
                (theirs.get("desk.by_clause"), ground.clause().to_owned()),
                (
                    theirs.get("desk.day"),
                    theirs.date(application.ended_at.unwrap_or(application.updated_at).0),
                ),
            ];
            let then = vec![
                theirs.get("desk.sheet_again"),
                theirs.get("desk.sheet_complain"),
                theirs.get("desk.sheet_court"),
            ];
            (theirs.get("desk.sheet"), facts, then)
        }))
    })
    .await
}

type Printed = (&'static str, Vec<(&'static str, String)>, Vec<&'static str>);

fn printed(
    visit: &Visit<'_>,
    application: &Identification,
    content: impl FnOnce(Text) -> Printed,
) -> HttpResponse {
    paper(visit, application.language, |theirs| {
        let (title, facts, sentences) = content(theirs);
        Content {
            title,
            reference: application.reference.to_string(),
            facts,
            secret: None,
            sentences,
            signed_by: Vec::new(),
            back: super::path(visit, &application.id, None),
        }
    })
}
