//! What registers and this provider's own records say before anything is sent (R34): obstacles at their fields, and warnings that want a
//! consent of their own (R35, R36).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::biometrics::AGAIN;
use super::{Step, found};
use crate::desk::shell::Shell;
use crate::desk::visit::Right;
use crate::desk::{Desk, paths, words};
use crate::mobile_id::{Consent, Findings, Ground, Missing, Precheck};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::staff::{What, Why};

#[derive(Template)]
#[template(path = "desk/precheck.html")]
struct PrecheckPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    theirs: &'static str,
    number: String,
    /// How far it got, in words.
    running: Option<String>,
    /// What does not answer, in words.
    failed: Option<String>,
    /// What keeps it from going on: the field, and what.
    obstacles: Vec<(&'static str, &'static str)>,
    oddities: Vec<&'static str>,
    /// Warnings in the person's language: the consent's name, the warning, the consent.
    warnings: Vec<(&'static str, String, &'static str)>,
    /// Consents that were not given.
    missing: Vec<&'static str>,
    /// What else is missing, in words.
    other: Vec<&'static str>,
    shown_at: String,
    send: String,
    again: String,
    refuse: String,
    withdraw: String,
}

/// Shows how far the pre-check got; one that was not begun, or is too old, begins.
pub(super) async fn page(step: &Step<'_, '_>, missing: &[Missing]) -> Result<HttpResponse, ServiceError> {
    let (application, text) = (step.application, step.visit.context.text());
    let precheck = match step.desk.identifications.precheck(&application.id).await? {
        Some(precheck) => Some(precheck),
        None => {
            step.desk.identifications.start_precheck(application).await?;
            None
        }
    };
    let shell = Shell::of(step.visit, paths::DESK);
    let mut page = PrecheckPage {
        frame: step.visit.frame(),
        reference: application.reference.to_string(),
        theirs: application.language.tag(),
        number: application.form.number.written_out(),
        running: None,
        failed: None,
        obstacles: Vec::new(),
        oddities: Vec::new(),
        warnings: Vec::new(),
        missing: missing.iter().copied().filter_map(consent_of).collect(),
        other: missing.iter().filter_map(|missing| other(text, *missing)).collect(),
        shown_at: step.desk.clock.now_ms().to_string(),
        send: step.to("send"),
        again: step.to("precheck"),
        refuse: step.to("refuse"),
        withdraw: step.to("withdraw"),
        shell,
    };
    match precheck {
        None => page.running = Some(text.get("desk.precheck_begins").to_owned()),
        Some(Precheck::Running { done, of, .. }) => {
            let values = [("done", done.to_string()), ("of", of.to_string())];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            page.running = Some(text.with("desk.precheck_running", &values));
        }
        Some(Precheck::Failed { register, since }) => {
            let since = words::moment(step.visit, since);
            let values = [("register", register.as_str()), ("when", since.as_str())];
            page.failed = Some(text.with("desk.precheck_failed", &values));
        }
        Some(Precheck::Done(findings)) => show(&mut page, step, &findings),
    }
    if page.running.is_some() {
        page.shell = page.shell.again_in(AGAIN);
    }
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(respond::page(status, &page, &CspSources::default()))
}

fn show(page: &mut PrecheckPage<'_>, step: &Step<'_, '_>, findings: &Findings) {
    let text = step.visit.context.text();
    let theirs = Text::new(step.application.language);
    let field = |obstacle: crate::mobile_id::Obstacle| obstacle.field().words(text);
    page.obstacles = findings.obstacles.iter().map(|one| (field(*one), one.words(text))).collect();
    page.oddities = findings.oddities.iter().map(|one| words::oddity(text, *one)).collect();
    if let Some(number) = &findings.other_number {
        let warning = theirs.with("desk.warn_other_number", &[("number", number)]);
        let consent = words::consent(theirs, Consent::OtherNumber);
        page.warnings.push((Consent::OtherNumber.name(), warning, consent));
    }
    if findings.other_cabinets > 0 {
        let warning = theirs.get("desk.warn_other_cabinets").to_owned();
        let consent = words::consent(theirs, Consent::OtherCabinets);
        page.warnings.push((Consent::OtherCabinets.name(), warning, consent));
    }
    if let Some(ground) = findings.ground(step.application.channel()) {
        page.refuse = format!("{}?ground={}", page.refuse, point(ground));
    }
}

/// The point of a clause, as addresses have it.
fn point(ground: Ground) -> String {
    ground.clause().chars().filter(char::is_ascii_digit).skip(2).collect()
}

fn consent_of(missing: Missing) -> Option<&'static str> {
    match missing {
        Missing::Consent(consent) => Some(consent.name()),
        _ => None,
    }
}

fn other(text: Text, missing: Missing) -> Option<&'static str> {
    match missing {
        Missing::Consent(Consent::OtherNumber | Consent::OtherCabinets) | Missing::Obstacle(_) => None,
        Missing::Consent(_) => Some(text.get("desk.missing_consent")),
        Missing::Precheck => Some(text.get("desk.missing_precheck")),
        Missing::Original => Some(text.get("desk.missing_original")),
        Missing::Face | Missing::Fingerprint | Missing::Proof => Some(text.get("desk.missing_biometrics")),
    }
}

/// Has registers asked once more, after one did not answer.
pub(in crate::desk) async fn again(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.posted(&request, (&from, Right::Identify, &body), async |visit, _| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let step = Step { desk: &desk, visit, application: &application, agreed: None };
        let reference = application.reference.to_string();
        desk.staff.reads(&visit.acting, What::RegistriesAsked, &reference, Why::PersonPresent).await?;
        desk.identifications.start_precheck(&application).await?;
        Ok(step.on())
    })
    .await
}
