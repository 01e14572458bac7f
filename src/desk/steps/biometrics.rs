//! Photo and fingerprint (R33): they go to the State Personalisation Centre for comparison beside the page, and nothing of them stays
//! here but the outcome and its reference.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Agreed, Step, found};
use crate::desk::shell::Shell;
use crate::desk::visit::{Right, Upload};
use crate::desk::{Desk, paths, words};
use crate::mobile_id::{Comparison, Consent, Consented, Evidence, Material};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::registries::{is_fingerprint, is_photo};
use crate::staff::{What, Why};

/// The largest file, in bytes.
pub(in crate::desk) const LARGEST: usize = 1024 * 1024;

/// How often a page that waits asks again, in seconds.
pub(super) const AGAIN: u32 = 2;

#[derive(Template)]
#[template(path = "desk/biometrics.html")]
struct BiometricsPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    theirs: &'static str,
    consent: &'static str,
    agreed: String,
    to: String,
    refuse: String,
    withdraw: String,
    wrong: Vec<(&'static str, &'static str)>,
    failed: bool,
}

#[derive(Template)]
#[template(path = "desk/compared.html")]
struct ComparedPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    running: bool,
    /// What was compared, with whether it matches.
    results: Vec<(&'static str, bool)>,
    matched: bool,
    agreed: String,
    to: String,
    again: String,
    refuse: String,
}

pub(super) async fn page(
    step: &Step<'_, '_>,
    wrong: &[(&'static str, &'static str)],
) -> Result<HttpResponse, ServiceError> {
    let text = step.visit.context.text();
    let compared = step.desk.identifications.comparison(&step.application.id).await?;
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let anew = !wrong.is_empty() || step.visit.query.get("again").is_some();
    Ok(match compared {
        Some(Comparison::Running { .. }) if wrong.is_empty() => shown(step, None),
        Some(Comparison::Done { face, fingerprint }) if !anew => {
            let matched = |one: Option<crate::mobile_id::Compared>| one.is_some_and(|one| one.matched);
            shown(step, Some((matched(face), matched(fingerprint))))
        }
        Some(Comparison::Unusable { face: true }) if wrong.is_empty() => {
            form(step, (StatusCode::OK, &[("photo", text.get("desk.wrong_face"))]), false)
        }
        Some(Comparison::Unusable { face: false }) if wrong.is_empty() => {
            form(step, (StatusCode::OK, &[("fingerprint", text.get("desk.wrong_fingerprint"))]), false)
        }
        Some(Comparison::Failed { .. }) => form(step, (status, wrong), true),
        _ => form(step, (status, wrong), false),
    })
}

fn form(
    step: &Step<'_, '_>,
    (status, wrong): (StatusCode, &[(&'static str, &'static str)]),
    failed: bool,
) -> HttpResponse {
    let theirs = Text::new(step.application.language);
    let page = BiometricsPage {
        frame: step.visit.frame(),
        shell: Shell::of(step.visit, paths::DESK),
        reference: step.application.reference.to_string(),
        theirs: step.application.language.tag(),
        consent: words::consent(theirs, Consent::Biometrics),
        agreed: agreed(step),
        to: step.to("biometrics"),
        refuse: step.to("refuse"),
        withdraw: step.to("withdraw"),
        wrong: wrong.to_vec(),
        failed,
    };
    with_camera(respond::page(status, &page, &CspSources::default()))
}

/// A page at which a photo may be taken.
pub(in crate::desk) fn with_camera(mut response: HttpResponse) -> HttpResponse {
    let policy = HeaderValue::from_static("camera=(self), microphone=(), geolocation=()");
    response.headers_mut().insert(HeaderName::from_static("permissions-policy"), policy);
    response
}

fn shown(step: &Step<'_, '_>, results: Option<(bool, bool)>) -> HttpResponse {
    let text = step.visit.context.text();
    let shell = Shell::of(step.visit, paths::DESK);
    let matched = results == Some((true, true));
    let again = super::path(step.visit, &step.application.id, step.agreed.as_ref());
    let page = ComparedPage {
        frame: step.visit.frame(),
        shell: if results.is_none() { shell.again_in(AGAIN) } else { shell },
        reference: step.application.reference.to_string(),
        running: results.is_none(),
        results: results.map_or_else(Vec::new, |(face, fingerprint)| {
            vec![(text.get("desk.photo"), face), (text.get("desk.fingerprint"), fingerprint)]
        }),
        matched,
        agreed: agreed(step),
        to: step.to("evidence"),
        again: format!("{again}&again=1"),
        refuse: step.to("refuse"),
    };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

fn agreed(step: &Step<'_, '_>) -> String {
    let (visit, id) = (step.visit, &step.application.id);
    step.agreed.as_ref().map_or_else(String::new, |agreed| agreed.write(visit, id))
}

/// Takes photo and fingerprint, and has them compared.
pub(in crate::desk) async fn upload(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.uploaded(&request, (&from, Right::Identify, body), async |visit, upload| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let given = upload.fields.get("agreed").unwrap_or_default();
        let agreed = Agreed::read(visit, &application.id, given);
        let step = Step { desk: &desk, visit, application: &application, agreed };
        if step.is_unwarned() {
            return Ok(step.on());
        }
        let text = visit.context.text();
        let mut wrong = Vec::new();
        let face = image(upload, "photo").map_err(|key| wrong.push(("photo", text.get(key)))).ok();
        let finger = template(upload).map_err(|key| wrong.push(("fingerprint", text.get(key)))).ok();
        if upload.fields.get("biometrics").is_none() {
            wrong.push(("biometrics", text.get("desk.wrong_consent")));
        }
        let (Some(face), Some(fingerprint), true) = (face, finger, wrong.is_empty()) else {
            return page(&step, &wrong).await;
        };
        let material = Material { face: Some(face), fingerprint: Some(fingerprint) };
        desk.identifications.start_comparison(&application, material).await?;
        Ok(step.on())
    })
    .await
}

/// A file that is there and not too large.
fn file(upload: &Upload, name: &str) -> Result<Vec<u8>, &'static str> {
    match upload.files.get(name) {
        Some(bytes) if bytes.len() > LARGEST => Err("desk.wrong_large"),
        Some(bytes) if !bytes.is_empty() => Ok(bytes.clone()),
        _ => Err("desk.wrong_file"),
    }
}

/// An image, as far as its first bytes and its size tell.
pub(in crate::desk) fn image(upload: &Upload, name: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = file(upload, name)?;
    if is_photo(&bytes) { Ok(bytes) } else { Err("desk.wrong_photo") }
}

/// An image or a template of a fingerprint, as far as its first bytes and its size tell.
fn template(upload: &Upload) -> Result<Vec<u8>, &'static str> {
    let bytes = file(upload, "fingerprint")?;
    if is_fingerprint(&bytes) { Ok(bytes) } else { Err("desk.wrong_fingerprint") }
}

/// Stores what was compared, with the consents that were given on the way.
pub(in crate::desk) async fn accept(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = paths::application(&id);
    desk.posted(&request, (&from, Right::Identify, &body), async |visit, given| {
        let Some(application) = found(&desk, visit, &id).await? else { return Ok(visit.nothing()) };
        let agreed = Agreed::read(visit, &application.id, given.get("agreed").unwrap_or_default());
        let step = Step { desk: &desk, visit, application: &application, agreed };
        if step.is_unwarned() {
            return Ok(step.on());
        }
        let compared = desk.identifications.comparison(&application.id).await?;
        let Some(Comparison::Done { face, fingerprint }) = compared else { return Ok(step.on()) };
        let consents: Vec<Consented> =
            step.agreed.as_ref().map_or_else(Vec::new, |agreed| agreed.consents(application.language));
        let evidence = Evidence { original_seen: true, face, fingerprint, signature: None };
        let (row, event) = step.action(What::EvidenceGiven, Why::PersonPresent).parts();
        let outcome = desk.identifications.evidence(&application.id, (&consents, evidence), vec![row]).await;
        step.after(outcome, event)
    })
    .await
}
