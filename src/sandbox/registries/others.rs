//! What stands beside the gateway: the operators' look-up of subscribers, and comparison of faces and fingerprints. Their formats are
//! this project's own, since none is public.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Json, JsonConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Sandbox;
use super::spoilt;
use super::switches::{Fault, Played};

/// The largest body, in bytes: a photo of four megabytes in Base64.
const LONGEST_BODY: usize = 6 << 20;

/// `/operators/…` and `/biometrics/…`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::scope("/operators").route("/subscriber/v1", web::post().to(subscriber))).service(
        web::scope("/biometrics")
            .app_data(JsonConfig::default().limit(LONGEST_BODY))
            .route("/face/compare/v1", web::post().to(face))
            .route("/fingerprint/compare/v1", web::post().to(fingerprint)),
    );
}

fn unknown_caller() -> HttpResponse {
    HttpResponse::Unauthorized().json(json!({ "message": "unknown token" }))
}

#[derive(Deserialize)]
struct SubscriberQuestion {
    msisdn: Option<String>,
    pinfl: Option<String>,
}

async fn subscriber(
    sandbox: Data<Sandbox>,
    request: HttpRequest,
    question: Json<SubscriberQuestion>,
) -> HttpResponse {
    let registers = &sandbox.registers;
    if !registers.knows(&request) {
        return unknown_caller();
    }
    let behaviour = registers.behaviour(Played::Operators);
    let mut found = {
        let everybody = registers.everybody();
        match (&question.msisdn, &question.pinfl) {
            (Some(msisdn), None) => everybody.by_number(msisdn),
            (None, Some(pinfl)) => everybody.by_owner(pinfl),
            _ => {
                return HttpResponse::BadRequest()
                    .json(json!({ "resultCode": 3400, "message": "msisdn or pinfl" }));
            }
        }
    };
    if behaviour.is(Fault::Contradict) {
        for entry in &mut found {
            entry["msisdn"] = Value::from("998000000000");
            entry["pinfl"] = Value::from("30101902040015");
        }
    }
    let denied = json!({ "resultCode": 3500, "message": "Service error" });
    let body = if found.is_empty() {
        json!({ "resultCode": 3404, "message": "Abonent topilmadi", "data": [] })
    } else {
        json!({ "resultCode": 3000, "message": "OK", "data": found })
    };
    spoilt(behaviour, StatusCode::OK, body, &denied).await
}

#[derive(Deserialize)]
struct Comparison {
    pinfl: String,
    photo: Option<String>,
    fingerprint: Option<String>,
}

/// A face matches unless the file says that this person's never does, the photo is that of somebody else in the file, or it is
/// black: a tester's own photo is nobody's in the file, and is taken for the person's.
async fn face(sandbox: Data<Sandbox>, request: HttpRequest, question: Json<Comparison>) -> HttpResponse {
    let bytes = question.photo.as_deref().and_then(|photo| STANDARD.decode(photo).ok()).unwrap_or_default();
    let is_photo = bytes.starts_with(&[0xff, 0xd8]) || bytes.starts_with(b"\x89PNG");
    // Nothing but zeros behind the first bytes: a picture of nothing.
    let is_empty = bytes.iter().skip(3).filter(|byte| **byte != 0).count() < 8;
    compared(&sandbox, &request, &question.pinfl, |person, everybody| {
        let of = |one: &super::RegistryPerson| {
            let text: String = one.photo.as_deref().unwrap_or_default().split_whitespace().collect();
            STANDARD.decode(text).unwrap_or_default()
        };
        match person {
            _ if !is_photo => "not_a_photo",
            _ if is_empty => "no_face",
            None => "nothing_to_compare",
            Some(person) if person.photo.is_none() => "nothing_to_compare",
            Some(person) if person.other_face => "no_match",
            Some(person) if of(person) == bytes => "match",
            Some(_) if everybody.iter().any(|other| of(other) == bytes) => "no_match",
            Some(_) => "match",
        }
    })
    .await
}

/// A fingerprint is the person's unless its last byte says otherwise: `N` for somebody else's, `P` for a poor one.
async fn fingerprint(
    sandbox: Data<Sandbox>,
    request: HttpRequest,
    question: Json<Comparison>,
) -> HttpResponse {
    let bytes =
        question.fingerprint.as_deref().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    compared(&sandbox, &request, &question.pinfl, |person, _| match (person, bytes.last()) {
        (None, _) => "nothing_to_compare",
        (Some(person), _) if !person.fingerprints => "nothing_to_compare",
        (_, None) => "not_a_fingerprint",
        (_, Some(b'N')) => "no_match",
        (_, Some(b'P')) => "poor",
        _ => "match",
    })
    .await
}

async fn compared(
    sandbox: &Data<Sandbox>,
    request: &HttpRequest,
    pinfl: &str,
    verdict: impl Fn(Option<&super::RegistryPerson>, &[super::RegistryPerson]) -> &'static str,
) -> HttpResponse {
    let registers = &sandbox.registers;
    if !registers.knows(request) {
        return unknown_caller();
    }
    let behaviour = registers.behaviour(Played::Biometrics);
    let result = {
        let everybody = registers.everybody();
        let people = &everybody.people;
        verdict(people.iter().find(|person| person.has_pinfl(pinfl)), people)
    };
    let result = if behaviour.is(Fault::Contradict) { "no_match" } else { result };
    let score = if result == "match" { 0.973 } else { 0.112 };
    let reference = format!("BIO-{}", sandbox.tokens.uuid());
    let body = json!({ "result": result, "score": score, "reference": reference });
    spoilt(behaviour, StatusCode::OK, body, &json!({ "result": "error" })).await
}
