//! `/desk/applications/{id}`: the step of annex 1 that is due, one page each. An application can be left and gone on with at any time,
//! by any member of the place: what is due follows from its state alone.

mod biometrics;
mod code;
mod ends;
mod papers;
mod precheck;
mod warning;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::visit::{Right, Visit};
use super::{Desk, paths};
use crate::mobile_id::{ActError, Consent, Consented, Identification, IdentificationId, State};
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;
use crate::platform::web::respond;
use crate::staff::{What, Why};

pub(super) use biometrics::{LARGEST, accept, image, upload, with_camera};
pub(super) use code::{enter, send, wrong_code};
pub(super) use ends::{choose, refuse, withdraw};
pub(super) use papers::{agree_to_changes, invoice, sheet};
pub(super) use precheck::again;
pub(super) use warning::agree;

/// The languages of a person and of a member are two.
pub(super) struct Step<'a, 'r> {
    pub(super) desk: &'a Desk,
    pub(super) visit: &'a Visit<'r>,
    pub(super) application: &'a Identification,
    pub(super) agreed: Option<Agreed>,
}

/// What the person agreed to at the warning, on its way to the transaction that stores it with the evidence: proved by a keyed digest,
/// since it travels in addresses.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    shown_at_ms: i64,
    given_at_ms: i64,
    tiyin: Option<i64>,
}

impl Agreed {
    fn text(&self) -> String {
        let tiyin = self.tiyin.map_or_else(String::new, |tiyin| tiyin.to_string());
        format!("{}.{}.{tiyin}", self.shown_at_ms, self.given_at_ms)
    }

    fn write(&self, visit: &Visit<'_>, id: &IdentificationId) -> String {
        let text = self.text();
        let proof = visit.mac(&[b"agreed", id.as_str().as_bytes(), text.as_bytes()]);
        format!("{text}.{proof}")
    }

    fn read(visit: &Visit<'_>, id: &IdentificationId, given: &str) -> Option<Self> {
        let (text, proof) = given.rsplit_once('.')?;
        if !visit.is_proved(&[b"agreed", id.as_str().as_bytes(), text.as_bytes()], proof) {
            return None;
        }
        let mut parts = text.splitn(3, '.');
        Some(Self {
            shown_at_ms: parts.next()?.parse().ok()?,
            given_at_ms: parts.next()?.parse().ok()?,
            tiyin: parts.next()?.parse().ok(),
        })
    }

    /// The consents that were given with it, and that to biometrics, which giving them is (R32).
    fn consents(&self, language: Language) -> Vec<Consented> {
        let consented = |to| Consented {
            to,
            language: language.tag().to_owned(),
            tiyin: self.tiyin.filter(|_| to == Consent::SmsCharge),
            shown_at_ms: self.shown_at_ms,
            given_at_ms: self.given_at_ms,
        };
        [Consent::SmsCharge, Consent::Responsibility, Consent::Biometrics].map(consented).into()
    }
}

/// The address of an application for whoever has been shown it: reading it is recorded once in a session.
pub(super) fn path(visit: &Visit<'_>, id: &IdentificationId, agreed: Option<&Agreed>) -> String {
    let seen = visit.mac(&[b"seen", id.as_str().as_bytes()]);
    let agreed = agreed.map_or_else(String::new, |agreed| format!("&agreed={}", agreed.write(visit, id)));
    format!("{}?seen={seen}{agreed}", paths::application(id.as_str()))
}

/// Shows the step that is due.
pub(super) async fn get(desk: Data<Desk>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    desk.show(&request, Right::Identify, async |visit| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let seen = visit.query.get("seen").unwrap_or_default();
        if !visit.is_proved(&[b"seen", application.id.as_str().as_bytes()], seen) {
            if desk.staff.stop_if_unusual(&visit.acting).await?.is_some() {
                return Ok(respond::see_other(paths::HELD));
            }
            let reference = application.reference.to_string();
            desk.staff.reads(&visit.acting, What::Read, &reference, Why::Resumed).await?;
            return Ok(respond::see_other(&path(visit, &application.id, None)));
        }
        due(&desk, visit, &application).await
    })
    .await
}

/// The application of the member's place by what the address says, unless it is too close to them.
pub(super) async fn found(
    desk: &Desk,
    visit: &Visit<'_>,
    id: &str,
) -> Result<Option<Identification>, ServiceError> {
    let Some(id) = IdentificationId::parse(id) else { return Ok(None) };
    let Some(application) = desk.of_this_place(visit, &id).await? else { return Ok(None) };
    if desk.refuses_closeness(visit, &application.form.pinfl).await? {
        return Ok(None);
    }
    Ok(Some(application))
}

async fn due(
    desk: &Desk,
    visit: &Visit<'_>,
    application: &Identification,
) -> Result<HttpResponse, ServiceError> {
    let agreed = visit.query.get("agreed").and_then(|given| Agreed::read(visit, &application.id, given));
    let step = Step { desk, visit, application, agreed };
    match application.state {
        State::Open => {
            let (evidence, agreed) = (&application.evidence, step.agreed.is_some());
            let warned = application.has(Consent::SmsCharge) && application.has(Consent::Responsibility);
            let compared =
                |one: &Option<crate::mobile_id::Compared>| one.as_ref().is_some_and(|one| one.matched);
            if !warned && !agreed {
                Ok(warning::page(&step, &[]))
            } else if warned && compared(&evidence.face) && compared(&evidence.fingerprint) {
                precheck::page(&step, &[]).await
            } else {
                biometrics::page(&step, &[]).await
            }
        }
        State::CodeSent => Ok(code::page(&step, None, false)),
        State::AwaitingPayment => papers::payment(&step, &[]).await,
        State::Enrolled => Ok(ends::enrolled(&step)),
        State::Refused(_) => ends::refused(&step).await,
        State::Withdrawn => ends::withdrawn(&step).await,
    }
}

impl Step<'_, '_> {
    /// Whether the person was not warned yet, and the original not seen: nothing of theirs leaves before (cl. 10, 12).
    pub(super) fn is_unwarned(&self) -> bool {
        let has = |consent| self.application.has(consent);
        self.agreed.is_none() && !(has(Consent::SmsCharge) && has(Consent::Responsibility))
    }

    /// Back to the step that is due.
    pub(super) fn on(&self) -> HttpResponse {
        respond::see_other(&path(self.visit, &self.application.id, self.agreed.as_ref()))
    }

    /// An action about this application.
    pub(super) fn action(&self, what: What, why: Why) -> crate::staff::Action {
        let reference = self.application.reference.to_string();
        self.desk.staff.action(&self.visit.acting, what, &reference, why)
    }

    /// Where a form of this application is posted.
    pub(super) fn to(&self, act: &str) -> String {
        format!("{}/{act}", paths::application(self.application.id.as_str()))
    }

    /// The way on after something was done, or could not be: what is due is shown in any case.
    pub(super) fn after<T>(
        &self,
        outcome: Result<T, ActError>,
        event: crate::audit::Event<'static>,
    ) -> Result<HttpResponse, ServiceError> {
        match outcome {
            Ok(_) => {
                self.desk.staff.acted(event);
                Ok(self.on())
            }
            Err(ActError::Service(error)) => Err(error),
            Err(ActError::DailyLimit) => Ok(self.said("limit")),
            Err(_) => Ok(self.said("overtaken")),
        }
    }

    /// Back to the step that is due, with a sentence.
    pub(super) fn said(&self, word: &str) -> HttpResponse {
        self.visit.done(&path(self.visit, &self.application.id, self.agreed.as_ref()), word)
    }
}
