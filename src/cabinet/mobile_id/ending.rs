//! The end of one's own Mobile-ID (clause 36): a page that says what it means, and a proof by the face or by the ID-card.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::Cabinet;
use super::super::paths::{MOBILE_ID_END as PATH, MOBILE_ID_ENDED};
use super::super::shell::{Shell, frame};
use super::super::visit::{Proof, Visit};
use super::upload::Upload;
use super::{address, asker, leave};
use crate::life_events::{Ended, RemoteError, Signature};
use crate::mobile_id::ActError;
use crate::people::PhoneNumber;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::registries::Why;

/// Says what ends, and asks for a proof.
#[derive(Template)]
#[template(path = "cabinet/mobile_id_end.html")]
struct EndPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    number: String,
    error: Option<&'static str>,
    /// The link that opens E-IMZO, while a signature is waited for.
    link: Option<String>,
}

fn page(visit: &Visit<'_>, error: Option<&'static str>, link: Option<String>) -> HttpResponse {
    let text = visit.context.text();
    let page = EndPage {
        frame: frame(visit),
        shell: Shell::of(visit, super::PATH),
        number: visit.account.phone.as_ref().map(PhoneNumber::masked).unwrap_or_default(),
        error: error.map(|key| text.get(key)),
        link,
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    respond::page(status, &page, &CspSources::default())
}

/// Asks.
pub(in crate::cabinet) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet.show(&request, Proof::Fresh, async |visit| Ok(page(visit, None, None))).await
}

/// Ends it after the face was compared.
pub(in crate::cabinet) async fn by_face(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let upload = Upload::read(&request, body).await;
    cabinet
        .took(&request, (PATH, Proof::Fresh, upload), async |visit, Upload { photo, .. }| {
            let Some(photo) = photo else {
                return Ok(page(visit, Some("own_mobile_id.face_unusable"), None));
            };
            let pinfl = &visit.account.person.pinfl;
            let ended = cabinet.remote.end_by_face(pinfl, &photo, &asker(Why::Revocation), Vec::new()).await;
            told(&cabinet, visit, ended.map(Some))
        })
        .await
}

/// What the signature is waited for as.
fn place(visit: &Visit<'_>) -> String {
    format!("own-ending/{}", visit.person().as_str())
}

/// Begins a signature.
pub(in crate::cabinet) async fn begin(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, _| {
            let whose = (address(&request), &asker(Why::Revocation));
            let pinfl = &visit.account.person.pinfl;
            match cabinet.remote.begin_signature(&place(visit), pinfl, whose).await {
                Ok(signing) => Ok(page(visit, None, Some(signing.link))),
                Err(error) => told(&cabinet, visit, Err(error)),
            }
        })
        .await
}

/// Ends it once the person has signed.
pub(in crate::cabinet) async fn result(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, _| {
            let whose = (address(&request), &asker(Why::Revocation));
            match cabinet.remote.end_by_signature(&place(visit), whose, Vec::new()).await {
                Ok((Signature::Invalid(_), None)) => told(&cabinet, visit, Ok(Some(Ended::NotThePerson))),
                Ok((_, ended)) => told(&cabinet, visit, Ok(ended)),
                Err(error) => told(&cabinet, visit, Err(error)),
            }
        })
        .await
}

fn told(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    ended: Result<Option<Ended>, RemoteError>,
) -> Result<HttpResponse, ServiceError> {
    let wrong = |key| Ok(page(visit, Some(key), None));
    match ended {
        Ok(Some(Ended::Ended | Ended::NotEnrolled)) => Ok(leave(cabinet, MOBILE_ID_ENDED)),
        Ok(Some(Ended::NotThePerson)) => wrong("own_mobile_id.not_the_person"),
        Ok(Some(Ended::Unusable)) => wrong("own_mobile_id.face_unusable"),
        Ok(None) => wrong("own_mobile_id.not_signed"),
        Err(RemoteError::TooOften) => wrong("own_mobile_id.too_often"),
        Err(RemoteError::Register(_)) => wrong("own_mobile_id.no_answer"),
        Err(RemoteError::Act(ActError::Service(error)) | RemoteError::Service(error)) => Err(error),
        Err(RemoteError::Act(error)) => Err(ServiceError::Internal(error.to_string())),
    }
}
