//! Proofs of who applies: Face-ID, compared with the State Personalisation Centre's data, or the signature of an ID-card, confirmed by the Tax
//! Committee: the one that the person chose (clause 23; R56–R58, D-h).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::MobileApp;
use super::applications::under_way;
use super::body::{self, Face};
use super::problem::{Code, Problem};
use crate::life_events::{Signature, Signing, place_of};
use crate::mobile_id::{Comparison, Material};
use crate::platform::web::respond;
use crate::registries::eimzo::SignatureError;

/// Has a photo compared, beside the request.
pub(super) async fn face(
    app: Data<MobileApp>,
    request: HttpRequest,
    id: Path<String>,
    text: Bytes,
) -> HttpResponse {
    app.answer(&request, async |caller| {
        let photo = body::photo(&body::read::<Face>(&text)?.photo)?;
        let application = under_way(app.application(caller, &id).await?)?;
        let known = app.identifications().comparison(&application.id).await?;
        if !matches!(known, Some(Comparison::Running { .. })) {
            app.0.remote.may_compare(&application.form.pinfl).await?;
            let material = Material { face: Some(photo), ..Material::default() };
            app.identifications().start_comparison(&application, material).await?;
        }
        app.told(StatusCode::ACCEPTED, &application).await
    })
    .await
}

/// What E-IMZO's app is shown.
pub(super) fn shown(signing: &Signing) -> serde_json::Value {
    json!({ "qr": signing.qr, "link": signing.link, "expires_at": signing.expires_at.to_rfc3339() })
}

/// Why a signature proves nothing, in the API's words.
pub(super) const fn why(wrong: SignatureError) -> &'static str {
    match wrong {
        SignatureError::Signature => "signature",
        SignatureError::Certificate => "certificate",
        SignatureError::Clock => "clock",
        SignatureError::LegalEntity => "legal_entity",
        SignatureError::Expired => "expired",
    }
}

/// Begins a signature: E-IMZO's app is shown a code or a link.
pub(super) async fn begin(app: Data<MobileApp>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    app.answer(&request, async |caller| {
        let application = under_way(app.application(caller, &id).await?)?;
        let place = place_of(&application);
        let whose = (caller.ip, &caller.asker);
        let signing = app.0.remote.begin_signature(&place, &application.form.pinfl, whose).await?;
        Ok(respond::json(StatusCode::CREATED, &shown(&signing)))
    })
    .await
}

/// Asks whether the person has signed; once they have, whose signature it is.
pub(super) async fn result(app: Data<MobileApp>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    app.answer(&request, async |caller| {
        let application = under_way(app.application(caller, &id).await?)?;
        match app.0.remote.take_signature(&application, (caller.ip, &caller.asker)).await? {
            Signature::Waiting => app.told(StatusCode::ACCEPTED, &application).await,
            // A result that was taken before is in the application.
            Signature::Expired if application.evidence.signature.is_some() => {
                app.told(StatusCode::OK, &application).await
            }
            Signature::Expired => Err(Problem::new(Code::NotSigned)),
            Signature::Invalid(wrong) => Err(Problem::new(Code::NotThePerson).with("signature", why(wrong))),
            Signature::Verified(_) => {
                let application = app.application(caller, &id).await?;
                app.told(StatusCode::OK, &application).await
            }
        }
    })
    .await
}
