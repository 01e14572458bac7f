//! An application for another number: one page that shows the step that is due, and takes what it needs.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::paths::{MOBILE_ID_CHANGED, MOBILE_ID_STEP};
use super::super::shell::{Shell, frame};
use super::super::visit::{Proof, Visit};
use super::super::{Cabinet, words};
use super::upload::Upload;
use super::{address, asker, leave};
use crate::life_events::{Entered, RemoteError, Signature, place_of};
use crate::mobile_id::{
    ActError, Comparison, Consent, Consented, Door, Evidence, Findings, Ground, Identification,
    IdentificationId, Material, Missing, Precheck, State, missing,
};
use crate::notices::charge_warning;
use crate::notices::charges::MessageKind;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::Problem;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::registries::Why;

/// How long a page waits before it looks again, in seconds.
const LOOK: u32 = 2;

/// The step that is due.
enum Due {
    /// Registers are being asked.
    Asking { done: u32, of: u32 },
    /// A register does not answer.
    Unanswered,
    /// Something keeps it from going on.
    Stopped(Vec<&'static str>),
    /// Consents are wanted: each with its name and its warning.
    Agree(Vec<(&'static str, String)>),
    /// A proof is wanted; what became of the last one.
    Prove(Option<&'static str>),
    /// The face is being compared.
    Comparing,
    /// A signature is waited for.
    Signing(String),
    /// Everything is there: a code can be sent.
    Send,
    /// The code is wanted; what was wrong with the last one.
    Code { expires: String, error: Option<String> },
    /// No code can be right any more, and why.
    CodeOver(String),
    /// It was refused: on which ground.
    Refused(&'static str),
    /// It was withdrawn.
    Withdrawn,
}

/// What was wrong with a code.
enum Wrong {
    /// It may be entered again.
    Again(String),
    /// No code can be right any more.
    Over(String),
}

/// The page of an application.
#[derive(Template)]
#[template(path = "cabinet/mobile_id_step.html")]
struct StepPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    here: String,
    reference: String,
    number: String,
    due: Due,
    shown_at: i64,
    tiyin: i64,
    /// After how many seconds the page looks again; `None` where nothing goes on beside.
    look: Option<u32>,
}

impl StepPage<'_> {
    /// Whether the person can still say that they do not go on.
    const fn goes_on(&self) -> bool {
        !matches!(self.due, Due::Refused(_) | Due::Withdrawn)
    }
}

/// The sentence to which a consent is given.
fn warning(consent: Consent, findings: Option<&Findings>, tiyin: Option<i64>, text: Text) -> String {
    match consent {
        Consent::OtherNumber => {
            let number = findings.and_then(|findings| findings.other_number.as_deref()).unwrap_or_default();
            text.with("own_mobile_id.warn_other_number", &[("number", number)])
        }
        // The charge has a warning of its own, with the sum of the day.
        other => other.words(text).map_or_else(|| charge_warning(text, tiyin), str::to_owned),
    }
}

impl Cabinet {
    /// An application of whoever is there; anybody else's is not.
    async fn own(&self, visit: &Visit<'_>, id: &str) -> Result<Option<Identification>, ServiceError> {
        let Some(id) = IdentificationId::parse(id) else { return Ok(None) };
        let found = self.remote.identifications.find(&id).await?;
        Ok(found.filter(|found| matches!(&found.door, Door::Web { person } if person == visit.person())))
    }

    /// The price that the warning of charges names.
    fn notice_price(&self) -> Option<i64> {
        self.charges.price(MessageKind::Notice).map(|price| price.tiyin)
    }

    async fn due(
        &self,
        visit: &Visit<'_>,
        application: &Identification,
        wrong: Option<Wrong>,
    ) -> Result<Due, ServiceError> {
        let text = visit.context.text();
        match application.state {
            State::Refused(ground) => return Ok(Due::Refused(ground.words(text))),
            // Nothing is to be paid here (R13).
            State::Enrolled | State::AwaitingPayment | State::Withdrawn => return Ok(Due::Withdrawn),
            State::CodeSent => {
                let expires = application.code.as_ref().map(|code| code.expires_at);
                let error = match wrong {
                    Some(Wrong::Over(why)) => return Ok(Due::CodeOver(why)),
                    Some(Wrong::Again(why)) => Some(why),
                    None if expires.is_none_or(|at| at <= visit.now) => {
                        return Ok(Due::CodeOver(text.get("code.error_expired").to_owned()));
                    }
                    None => None,
                };
                let expires = expires.map(|at| words::moment(visit, at));
                return Ok(Due::Code { expires: expires.unwrap_or_default(), error });
            }
            State::Open => {}
        }
        let identifications = &self.remote.identifications;
        let findings = match identifications.precheck(&application.id).await? {
            Some(Precheck::Running { done, of, .. }) => return Ok(Due::Asking { done, of }),
            Some(Precheck::Done(findings)) => *findings,
            Some(Precheck::Failed { .. }) | None => return Ok(Due::Unanswered),
        };
        if !findings.obstacles.is_empty() {
            return Ok(Due::Stopped(findings.obstacles.iter().map(|found| found.words(text)).collect()));
        }
        let lacking = missing(application, Some(&findings));
        let consents: Vec<_> = lacking
            .iter()
            .filter_map(|what| match what {
                Missing::Consent(consent) => Some(*consent),
                _ => None,
            })
            .map(|consent| (consent.name(), warning(consent, Some(&findings), self.notice_price(), text)))
            .collect();
        if !consents.is_empty() {
            return Ok(Due::Agree(consents));
        }
        if !lacking.contains(&Missing::Proof) {
            return Ok(Due::Send);
        }
        let failed = |key| Ok(Due::Prove(Some(text.get(key))));
        match identifications.comparison(&application.id).await? {
            Some(Comparison::Running { .. }) => return Ok(Due::Comparing),
            Some(Comparison::Done { face: Some(face), .. }) if face.matched => return Ok(Due::Send),
            Some(Comparison::Done { face: Some(_), .. }) => return failed("own_mobile_id.face_not_matched"),
            Some(Comparison::Unusable { .. }) => return failed("own_mobile_id.face_unusable"),
            Some(Comparison::Failed { .. }) => return failed("own_mobile_id.face_failed"),
            Some(Comparison::Done { face: None, .. }) | None => {}
        }
        if application.evidence.signature.is_some() {
            return failed("own_mobile_id.signature_not_matched");
        }
        Ok(Due::Prove(None))
    }

    async fn step_page(
        &self,
        visit: &Visit<'_>,
        application: &Identification,
        (wrong, signing): (Option<Wrong>, Option<String>),
    ) -> Result<HttpResponse, ServiceError> {
        let is_wrong = wrong.is_some();
        let due = match signing {
            Some(link) => Due::Signing(link),
            None => self.due(visit, application, wrong).await?,
        };
        let look = matches!(due, Due::Asking { .. } | Due::Comparing).then_some(LOOK);
        let page = StepPage {
            frame: frame(visit),
            shell: Shell::of(visit, super::PATH),
            here: here(application),
            reference: application.reference.to_string(),
            number: application.form.number.written_out(),
            due,
            shown_at: visit.now.0.saturating_mul(1000),
            tiyin: self.notice_price().unwrap_or_default(),
            look,
        };
        let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        Ok(respond::page(status, &page, &CspSources::default()))
    }
}

fn here(application: &Identification) -> String {
    MOBILE_ID_STEP.replace("{id}", application.id.as_str())
}

/// Shows the step that is due.
pub(in crate::cabinet) async fn get(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    id: Path<String>,
) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| match cabinet.own(visit, &id).await? {
            None => Ok(visit.context.problem(ProblemKind::NotFound, &Problem::default())),
            // The answer to the right code was lost: it is done.
            Some(application) if application.state == State::Enrolled => {
                Ok(respond::see_other(MOBILE_ID_CHANGED))
            }
            Some(application) => cabinet.step_page(visit, &application, (None, None)).await,
        })
        .await
}

/// What a step takes.
pub(in crate::cabinet) async fn act(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let path = MOBILE_ID_STEP.replace("{id}", &id);
    let upload = Upload::read(&request, body).await;
    cabinet
        .took(&request, (&path, Proof::Session, upload), async |visit, Upload { fields, photo }| {
            let Some(application) = cabinet.own(visit, &id).await? else {
                return Ok(visit.context.problem(ProblemKind::NotFound, &Problem::default()));
            };
            let action = fields.get("action").unwrap_or_default();
            let acted = match action {
                "consents" => {
                    let (shown, tiyin) = (number(&fields, "shown_at"), number(&fields, "tiyin"));
                    consents(&cabinet, visit, &application, (shown, tiyin)).await
                }
                "face" => face(&cabinet, &application, photo).await,
                "sign" => return sign(&cabinet, visit, &application, &request).await,
                "signed" => signed(&cabinet, &application, &request).await,
                "code" => return code(&cabinet, visit, &application, fields.get("code")).await,
                "precheck" => cabinet
                    .remote
                    .identifications
                    .start_precheck(&application)
                    .await
                    .map_err(RemoteError::from),
                "send" => send(&cabinet, application.clone()).await,
                "refuse" => refuse(&cabinet, application.clone()).await,
                "withdraw" => withdraw(&cabinet, &application).await,
                _ => Ok(()),
            };
            answered(visit, &path, acted)
        })
        .await
}

/// What was done leads back to the page; what could not be done, too, with a sentence.
fn answered(
    visit: &Visit<'_>,
    path: &str,
    acted: Result<(), RemoteError>,
) -> Result<HttpResponse, ServiceError> {
    match acted {
        Ok(()) => Ok(respond::see_other(path)),
        Err(RemoteError::TooOften | RemoteError::Act(ActError::DailyLimit)) => {
            Ok(visit.done(path, "too_often"))
        }
        Err(RemoteError::Register(_)) => Ok(visit.done(path, "no_answer")),
        // The page shows what is due now.
        Err(RemoteError::Act(ActError::Service(error)) | RemoteError::Service(error)) => Err(error),
        Err(RemoteError::Act(_)) => Ok(visit.done(path, "untaken")),
    }
}

fn number(fields: &crate::platform::web::params::Params, name: &str) -> i64 {
    fields.get(name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Everything that the page asked for was agreed to: there is one button.
async fn consents(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    application: &Identification,
    (shown_at, tiyin): (i64, i64),
) -> Result<(), RemoteError> {
    let identifications = &cabinet.remote.identifications;
    let Some(Precheck::Done(findings)) = identifications.precheck(&application.id).await? else {
        return Ok(());
    };
    // Who was shown another price than today's is shown the page again.
    if tiyin != cabinet.notice_price().unwrap_or_default() {
        return Ok(());
    }
    let now_ms = visit.now.0.saturating_mul(1000);
    let given: Vec<Consented> = missing(application, Some(&findings))
        .into_iter()
        .filter_map(|what| match what {
            Missing::Consent(consent) => Some(consent),
            _ => None,
        })
        .map(|to| Consented {
            to,
            language: visit.context.language.tag().to_owned(),
            tiyin: (to == Consent::SmsCharge).then(|| cabinet.notice_price()).flatten(),
            shown_at_ms: shown_at.clamp(application.opened_at.0.saturating_mul(1000), now_ms),
            given_at_ms: now_ms,
        })
        .collect();
    if !given.is_empty() {
        identifications.evidence(&application.id, (&given, Evidence::default()), Vec::new()).await?;
    }
    Ok(())
}

async fn face(
    cabinet: &Cabinet,
    application: &Identification,
    photo: Option<Vec<u8>>,
) -> Result<(), RemoteError> {
    let identifications = &cabinet.remote.identifications;
    let Some(photo) = photo.filter(|_| application.state == State::Open) else { return Ok(()) };
    if matches!(identifications.comparison(&application.id).await?, Some(Comparison::Running { .. })) {
        return Ok(());
    }
    cabinet.remote.may_compare(&application.form.pinfl).await?;
    let material = Material { face: Some(photo), ..Material::default() };
    Ok(identifications.start_comparison(application, material).await?)
}

async fn sign(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    application: &Identification,
    request: &HttpRequest,
) -> Result<HttpResponse, ServiceError> {
    let path = here(application);
    if application.state != State::Open {
        return Ok(respond::see_other(&path));
    }
    let whose = (address(request), &asker(Why::Identification));
    let place = place_of(application);
    match cabinet.remote.begin_signature(&place, &application.form.pinfl, whose).await {
        Ok(signing) => cabinet.step_page(visit, application, (None, Some(signing.link))).await,
        Err(error) => answered(visit, &path, Err(error)),
    }
}

async fn signed(
    cabinet: &Cabinet,
    application: &Identification,
    request: &HttpRequest,
) -> Result<(), RemoteError> {
    if application.state != State::Open {
        return Ok(());
    }
    let whose = (address(request), &asker(Why::Identification));
    let signature = cabinet.remote.take_signature(application, whose).await?;
    match signature {
        // The page asks for a proof again.
        Signature::Waiting | Signature::Expired | Signature::Invalid(_) | Signature::Verified(_) => Ok(()),
    }
}

async fn send(cabinet: &Cabinet, application: Identification) -> Result<(), RemoteError> {
    let application = cabinet.remote.take_face(application).await?;
    cabinet.remote.identifications.send_code(&application.id, &[], Vec::new()).await?;
    Ok(())
}

async fn code(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    application: &Identification,
    typed: Option<&str>,
) -> Result<HttpResponse, ServiceError> {
    let text = visit.context.text();
    let entered = cabinet.enrolments.enter_code(&application.id, typed.unwrap_or_default(), Vec::new()).await;
    let has_expired = application.code.as_ref().is_none_or(|code| code.expires_at <= visit.now);
    let wrong = match entered {
        Ok(Entered::Enrolled(_)) => return Ok(leave(cabinet, MOBILE_ID_CHANGED)),
        Ok(Entered::AwaitingPayment(_)) => return Ok(respond::see_other(&here(application))),
        Ok(Entered::Wrong { left: left @ 1.. }) => {
            let keys = ["code.error_wrong_one", "code.error_wrong_few", "code.error_wrong_many"];
            Wrong::Again(text.counted(u32::try_from(left).unwrap_or(u32::MAX), keys))
        }
        Ok(Entered::Expired) if has_expired => Wrong::Over(text.get("code.error_expired").to_owned()),
        Ok(Entered::Wrong { .. } | Entered::Expired) => {
            Wrong::Over(text.get("code.error_used_up").to_owned())
        }
        Err(error) => return answered(visit, &here(application), Err(error.into())),
    };
    cabinet.step_page(visit, application, (Some(wrong), None)).await
}

/// Refuses the application on the ground that registers found; where none did, on the ground that no proof was given or none matched.
async fn refuse(cabinet: &Cabinet, application: Identification) -> Result<(), RemoteError> {
    use crate::mobile_id::RemoteGround;
    let precheck = cabinet.remote.identifications.precheck(&application.id).await?;
    let findings = match precheck {
        Some(Precheck::Done(findings)) => Some(*findings),
        _ => application.findings.clone(),
    };
    let found = findings.as_ref().and_then(|findings| findings.ground(application.channel()));
    let application = cabinet.remote.take_face(application).await?;
    let evidence = &application.evidence;
    let failed = evidence.face.as_ref().is_some_and(|face| !face.matched)
        || evidence.signature.as_ref().is_some_and(|signed| !signed.confirmed);
    let ground = match found {
        Some(Ground::Remote(ground)) => ground,
        _ if failed => RemoteGround::Proof,
        _ => RemoteGround::Declined,
    };
    cabinet.remote.refuse(application, ground, findings.as_ref()).await.map(|_| ())
}

async fn withdraw(cabinet: &Cabinet, application: &Identification) -> Result<(), RemoteError> {
    cabinet.remote.identifications.withdraw(&application.id, Vec::new()).await?;
    Ok(())
}
