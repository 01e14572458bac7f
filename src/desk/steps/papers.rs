//! What is printed and handed over, in the person's language: the invoice (R16) and the sheet of a refusal, with its reason and the way
//! to complain (R92). And the page that waits for the payment.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Step, found};
use crate::desk::paper::{Content, paper};
use crate::desk::shell::Shell;
use crate::desk::visit::{Right, Visit};
use crate::desk::{Desk, paths, words};
use crate::mobile_id::{Consent, Consented, Identification, Invoice, KeptPayment, PaymentOutcome, State};
use crate::notices::in_soms;
use crate::platform::service_error::ServiceError;
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
    theirs: &'static str,
    /// What the person has to agree to after they paid: the consent's name, the warning, the consent; `None` where they need not.
    changed: Option<Vec<(&'static str, String, &'static str)>>,
    /// Consents that were not given.
    missing: Vec<&'static str>,
    /// What was paid and is not the invoice's sum.
    other_sum: Option<String>,
    shown_at: String,
    agree: String,
    invoice: String,
    withdraw: String,
}

pub(super) async fn payment(step: &Step<'_, '_>, missing: &[Consent]) -> Result<HttpResponse, ServiceError> {
    let application = step.application;
    let invoice = application.invoice.as_ref();
    let kept = step.desk.identifications.payments_of(application).await?;
    let unagreed = kept.iter().any(KeptPayment::is_unagreed);
    let changed = if unagreed { Some(changed(step).await?) } else { None };
    let other_sum =
        kept.iter().find(|one| one.outcome == Some(PaymentOutcome::OtherSum) && one.is_to_return());
    let shell = Shell::of(step.visit, paths::DESK);
    let page = PaymentPage {
        frame: step.visit.frame(),
        // What is being ticked is not lost.
        shell: if changed.is_some() { shell } else { shell.again_in(AGAIN) },
        theirs: application.language.tag(),
        changed,
        missing: missing.iter().map(|consent| consent.name()).collect(),
        other_sum: other_sum.map(|one| in_soms(one.payment.tiyin)),
        shown_at: step.desk.clock.now_ms().to_string(),
        agree: step.to("agree"),
        reference: application.reference.to_string(),
        sum: invoice.map(|invoice| in_soms(invoice.fee.tiyin)).unwrap_or_default(),
        number: invoice.map(|invoice| invoice.number.clone()).unwrap_or_default(),
        until: invoice.map(|invoice| words::moment(step.visit, invoice.until)).unwrap_or_default(),
        registered: application.registered,
        invoice: step.to("invoice"),
        withdraw: step.to("withdraw"),
    };
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(respond::page(status, &page, &CspSources::default()))
}

/// What changed since the pre-check and would be taken by the completion, in the person's language: the consent's name, the warning, the
/// consent.
async fn changed(step: &Step<'_, '_>) -> Result<Vec<(&'static str, String, &'static str)>, ServiceError> {
    let theirs = Text::new(step.application.language);
    let (standing, consents) = step.desk.enrolments.to_be_agreed(step.application).await?;
    let warning = |consent: Consent| match (consent, &standing.own) {
        (Consent::OtherNumber, Some(own)) => {
            theirs.with("desk.warn_other_number", &[("number", &own.masked())])
        }
        _ => theirs.get("desk.warn_other_cabinets").to_owned(),
    };
    let told = |consent: Consent| (consent.name(), warning(consent), words::consent(theirs, consent));
    Ok(consents.into_iter().map(told).collect())
}

/// Takes what the person agreed to after they had paid, and applies the payment.
pub(in crate::desk) async fn agree_to_changes(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.posted_proved(&request, (&from, Right::Identify, &body), async |visit, form| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let step = Step { desk: &desk, visit, application: &application, agreed: None };
        if application.state != State::AwaitingPayment {
            return Ok(step.on());
        }
        let (_, needed) = desk.enrolments.to_be_agreed(&application).await?;
        let missing: Vec<Consent> =
            needed.iter().copied().filter(|consent| form.get(consent.name()).is_none()).collect();
        if !missing.is_empty() {
            return payment(&step, &missing).await;
        }
        let now = desk.clock.now_ms();
        let shown_at_ms = form.get("shown_at").and_then(|at| at.parse().ok()).unwrap_or(now).min(now);
        let given = needed.into_iter().map(|to| Consented {
            to,
            language: application.language.tag().to_owned(),
            tiyin: None,
            shown_at_ms,
            given_at_ms: now,
        });
        let given: Vec<Consented> = given.collect();
        let (row, event) = step.action(What::EvidenceGiven, Why::PersonPresent).parts();
        let outcome = desk.enrolments.agree(application.clone(), &given, vec![row]).await;
        step.after(outcome, event)
    })
    .await
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
