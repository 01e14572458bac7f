//! Sending and the code (R37–R42): data go to Mobile-ID, a code to the number; the person tells it, and the member enters it with a
//! passkey that was used just before.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Step, found, precheck};
use crate::desk::shell::Shell;
use crate::desk::visit::{Right, with_return};
use crate::desk::{Desk, paths, words};
use crate::life_events::Entered;
use crate::mobile_id::{ActError, Consent, Consented, Missing, State};
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::staff::{What, Why};

#[derive(Template)]
#[template(path = "desk/code.html")]
struct CodePage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    number: String,
    until: String,
    expired: bool,
    /// The passkey was used recently enough.
    proved: bool,
    prove: String,
    wrong: Option<String>,
    to: String,
    resend: String,
    refuse: String,
    withdraw: String,
}

/// `over`: no code can be right any more, although its time is not over.
pub(super) fn page(step: &Step<'_, '_>, wrong: Option<String>, over: bool) -> HttpResponse {
    let (visit, application) = (step.visit, step.application);
    let expires = application.code.as_ref().map(|code| code.expires_at);
    let status = if wrong.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = CodePage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::DESK),
        reference: application.reference.to_string(),
        number: application.form.number.written_out(),
        until: expires.map(|at| words::moment(visit, at)).unwrap_or_default(),
        expired: over || expires.is_none_or(|at| at <= visit.now),
        proved: step.desk.has_proved(visit),
        prove: with_return(paths::PROVE, &paths::application(application.id.as_str())),
        wrong,
        to: step.to("code"),
        resend: step.to("send"),
        refuse: step.to("refuse"),
        withdraw: step.to("withdraw"),
    };
    respond::page(status, &page, &CspSources::default())
}

/// Sends data to Mobile-ID and a code to the number: the first time, or a new code at any time (R39).
pub(in crate::desk) async fn send(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.posted(&request, (&from, Right::Identify, &body), async |visit, form| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let step = Step { desk: &desk, visit, application: &application, agreed: None };
        if desk.staff.stop_if_unusual(&visit.acting).await?.is_some() {
            return Ok(respond::see_other(paths::HELD));
        }
        let now = desk.clock.now_ms();
        let shown_at_ms = form.get("shown_at").and_then(|at| at.parse().ok()).unwrap_or(now).min(now);
        let given = [Consent::OtherNumber, Consent::OtherCabinets].into_iter();
        let given = given.filter(|consent| form.get(consent.name()).is_some()).map(|to| Consented {
            to,
            language: application.language.tag().to_owned(),
            tiyin: None,
            shown_at_ms,
            given_at_ms: now,
        });
        let given: Vec<Consented> = given.collect();
        let (row, event) = step.action(What::CodeSent, Why::PersonPresent).parts();
        match desk.identifications.send_code(&application.id, &given, vec![row]).await {
            // Registers are asked anew: the page that waits for them has an address of its own.
            Err(ActError::Missing(missing)) if missing.contains(&Missing::Precheck) => Ok(step.on()),
            Err(ActError::Missing(missing)) => precheck::page(&step, &missing).await,
            Ok(_) if application.codes_sent > 0 => {
                desk.staff.acted(event);
                Ok(step.said("resent"))
            }
            outcome => step.after(outcome, event),
        }
    })
    .await
}

/// Takes the code that the person told.
pub(in crate::desk) async fn enter(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.posted_proved(&request, (&from, Right::Identify, &body), async |visit, form| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let step = Step { desk: &desk, visit, application: &application, agreed: None };
        if application.state != State::CodeSent {
            return Ok(step.on());
        }
        let text = visit.context.text();
        let entered = form.get("code").unwrap_or_default();
        if entered.trim().is_empty() {
            return Ok(page(&step, Some(text.get("desk.wrong_code_empty").to_owned()), false));
        }
        let (row, event) = step.action(What::Completed, Why::PersonPresent).parts();
        match desk.enrolments.enter_code(&application.id, entered, vec![row]).await {
            Ok(Entered::Wrong { left }) => Ok(page(&step, Some(wrong_code(text, left)), left == 0)),
            Ok(Entered::Expired) => {
                Ok(page(&step, Some(text.get("desk.wrong_code_expired").to_owned()), true))
            }
            outcome => step.after(outcome, event),
        }
    })
    .await
}

/// What is said of a wrong code after which so many tries are left.
pub(in crate::desk) fn wrong_code(text: Text, left: u64) -> String {
    if left == 0 {
        return text.get("code.error_used_up").to_owned();
    }
    let keys = ["code.error_wrong_one", "code.error_wrong_few", "code.error_wrong_many"];
    text.counted(u32::try_from(left).unwrap_or(u32::MAX), keys)
}
