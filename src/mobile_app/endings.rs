//! The end of one's own enrolment in the app (clause 36): by Face-ID or an ID-card's signature, though the phone is lost (R81, R85, R90).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::body::{self, Ending};
use super::problem::{Code, Problem};
use super::proofs::{shown, why};
use super::{Caller, MobileApp};
use crate::life_events::{Ended, Signature};
use crate::mobile_id::IdentificationId;
use crate::people::{Pinfl, PinflError};
use crate::platform::web::respond;
use crate::registries::{Asker, Why};

/// Ends the enrolment of whoever a photo shows.
pub(super) async fn by_face(app: Data<MobileApp>, request: HttpRequest, text: Bytes) -> HttpResponse {
    app.answer(&request, async |caller| {
        let wanted: Ending = body::read(&text)?;
        let pinfl = pinfl(&wanted.pinfl)?;
        let photo = wanted.photo.as_deref().ok_or_else(|| Problem::field("photo", "empty"))?;
        let photo = body::photo(photo)?;
        app.begin_about(&pinfl).await?;
        let ended = app.0.remote.end_by_face(&pinfl, &photo, &asker(caller), Vec::new()).await?;
        told(ended)
    })
    .await
}

/// Begins a signature that ends an enrolment. Its identifier is the app's.
pub(super) async fn begin(
    app: Data<MobileApp>,
    request: HttpRequest,
    id: Path<String>,
    text: Bytes,
) -> HttpResponse {
    app.answer(&request, async |caller| {
        let wanted: Ending = body::read(&text)?;
        let pinfl = pinfl(&wanted.pinfl)?;
        let place = place(caller, &id)?;
        app.begin_about(&pinfl).await?;
        let signing = app.0.remote.begin_signature(&place, &pinfl, (caller.ip, &asker(caller))).await?;
        Ok(respond::json(StatusCode::CREATED, &shown(&signing)))
    })
    .await
}

/// Asks whether the person has signed, and ends their enrolment if so.
pub(super) async fn result(app: Data<MobileApp>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    app.answer(&request, async |caller| {
        let place = place(caller, &id)?;
        let whose = (caller.ip, &asker(caller));
        let (signature, ended) = app.0.remote.end_by_signature(&place, whose, Vec::new()).await?;
        match (signature, ended) {
            (_, Some(ended)) => told(ended),
            (Signature::Waiting, None) => Ok(respond::json(StatusCode::ACCEPTED, &json!({ "ended": false }))),
            (Signature::Invalid(wrong), None) => {
                Err(Problem::new(Code::NotThePerson).with("signature", why(wrong)))
            }
            (Signature::Expired | Signature::Verified(_), None) => Err(Problem::new(Code::NotSigned)),
        }
    })
    .await
}

fn asker(caller: &Caller) -> Asker {
    Asker::client(caller.client.id.as_str(), Why::Revocation).with_consent()
}

fn pinfl(text: &str) -> Result<Pinfl, Problem> {
    Pinfl::parse(text).map_err(|error| {
        let code = match error {
            PinflError::Empty => "empty",
            PinflError::Shape => "not_fourteen_digits",
            PinflError::BirthDate => "birth_date",
            PinflError::Checksum => "check_digit",
        };
        Problem::field("pinfl", code)
    })
}

/// What the signature is waited for as: another app does not find it.
fn place(caller: &Caller, id: &str) -> Result<String, Problem> {
    let id = IdentificationId::parse(id).ok_or_else(|| Problem::field("id", "format"))?;
    Ok(format!("ending/{}/{}", caller.client.id, id.as_str()))
}

fn told(ended: Ended) -> Result<HttpResponse, Problem> {
    match ended {
        Ended::Ended => Ok(respond::json(StatusCode::OK, &json!({ "ended": true }))),
        Ended::NotEnrolled => Err(Problem::new(Code::NotEnrolled)),
        Ended::NotThePerson => Err(Problem::new(Code::NotThePerson)),
        Ended::Unusable => Err(Problem::new(Code::Unusable)),
    }
}
