//! The inter-agency gateway: tokens by a password grant, and the services behind it.

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::Sandbox;
use super::people::{Everybody, RegistryPerson};
use super::switches::{Fault, Played};
use super::{bearer, locked, spoilt};
use crate::sandbox::fields::Fields;

/// Tokens that are remembered.
const MOST_TOKENS: usize = 1000;
/// How long they live, in seconds.
const TOKEN_SECONDS: u32 = 3600;

/// `/gateway/…`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("/gateway")
            .route("/oauth2/token", web::post().to(token))
            .route("/{service:.*}", web::post().to(service)),
    );
}

/// `POST /gateway/oauth2/token`, as WSO2 answers it.
async fn token(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let settings = &sandbox.registers.settings;
    let basic = STANDARD.encode(format!("{}:{}", settings.consumer.0, settings.consumer.1));
    let header = request.headers().get("Authorization").and_then(|value| value.to_str().ok());
    let Ok(fields) = Fields::read(&request, body).await else {
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_request" }));
    };
    if header != Some(&format!("Basic {basic}")) {
        let body = json!({ "error": "invalid_client", "error_description": "Client Authentication failed." });
        return HttpResponse::Unauthorized().json(body);
    }
    let known = fields.get("grant_type") == Some("password")
        && fields.get("username") == Some(&settings.account.0)
        && fields.get("password") == Some(&settings.account.1);
    if !known {
        let body = json!({ "error": "invalid_grant", "error_description": "Authentication failed" });
        return HttpResponse::BadRequest().json(body);
    }
    let token = sandbox.tokens.uuid();
    let generation = sandbox.registers.switches().generation;
    let mut tokens = locked(&sandbox.registers.tokens);
    if tokens.len() >= MOST_TOKENS {
        tokens.remove(0);
    }
    tokens.push((token.clone(), generation));
    HttpResponse::Ok().json(json!({
        "access_token": token, "refresh_token": sandbox.tokens.uuid(), "scope": "default", "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
    }))
}

/// What a service answers: its status, its body, and by what it would say that it failed.
type Answer = (StatusCode, Value, Value);

async fn service(
    sandbox: Data<Sandbox>,
    request: HttpRequest,
    path: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let registers = &sandbox.registers;
    let generation = registers.switches().generation;
    let known = bearer(&request).is_some_and(|token| {
        locked(&registers.tokens).iter().any(|(one, of)| one == token && *of >= generation)
    });
    if !known {
        let fault = json!({ "fault": { "code": 900_901, "message": "Invalid Credentials" } });
        return HttpResponse::Unauthorized().json(fault);
    }
    let Ok(question) = serde_json::from_slice::<Value>(&body) else {
        return HttpResponse::BadRequest().json(json!({ "message": "JSON" }));
    };
    let Some((played, answer)) = find(&path) else {
        let fault = json!({ "fault": { "code": 404, "message": "No matching resource found in the API" } });
        return HttpResponse::NotFound().json(fault);
    };
    let behaviour = registers.behaviour(played);
    let (status, body, denied) = {
        let everybody = registers.everybody();
        answer(&Asked { question: &question, everybody: &everybody, other: behaviour.is(Fault::Contradict) })
    };
    spoilt(behaviour, status, body, &denied).await
}

/// A service.
type Service = fn(&Asked<'_>) -> Answer;

/// A question, and whom it can be about.
struct Asked<'a> {
    question: &'a Value,
    everybody: &'a Everybody,
    /// Answer about somebody else.
    other: bool,
}

impl Asked<'_> {
    fn text(&self, name: &str) -> String {
        match &self.question[name] {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        }
    }

    /// The first person for whom `is` holds, or the one after them.
    fn person(&self, is: impl Fn(&RegistryPerson) -> bool) -> Option<&RegistryPerson> {
        let people = &self.everybody.people;
        let at = people.iter().position(is)?;
        people.get(if self.other { (at + 1) % people.len() } else { at })
    }

    fn by_pinfl(&self, member: &str) -> Option<&RegistryPerson> {
        let pinfl = self.text(member);
        self.person(|person| person.has_pinfl(&pinfl))
    }
}

fn find(path: &str) -> Option<(Played, Service)> {
    let found: (Played, Service) = match path {
        "gcp/docrest/v1" | "gcp/rest/v1" | "gcp/birthdaterest/v1" => (Played::Personalisation, citizen),
        "mvd/services/foreigner/v1" => (Played::Interior, foreigner),
        "mvd/services/address/info/pin/v1" | "mvd/services/address/info/document/v1" => {
            (Played::Interior, address)
        }
        "gnk/service/tin/v1" => (Played::Tax, tin),
        "gnk/service/eri/check/v1" => (Played::Tax, certificate),
        "labour/service/citizenhistory/v1" => (Played::Employment, jobs),
        "justice/service/death/v1" => (Played::CivilRegistry, death),
        "ihma/get-reestr-family/v1" => (Played::Social, family),
        "minzdrav/vtek/v4/passport" => (Played::Disability, disability),
        _ => return None,
    };
    Some(found)
}

const NOT_FOUND: &str = "Ma'lumot topilmadi";

fn ok(body: Value, denied: Value) -> Answer {
    (StatusCode::OK, body, denied)
}

fn citizen(asked: &Asked<'_>) -> Answer {
    person(asked, false)
}

fn foreigner(asked: &Asked<'_>) -> Answer {
    person(asked, true)
}

/// A person by whatever the question has; all of it must fit.
fn person(asked: &Asked<'_>, without_permit: bool) -> Answer {
    let [pinfl, document, born] = ["pinpp", "document", "birth_date"].map(|name| asked.text(name));
    let denied = json!({ "result": 0, "comments": "Хизмат вақтинча ишламайди" });
    if pinfl.is_empty() && (document.is_empty() || born.is_empty()) {
        return ok(json!({ "result": 0, "Data": [], "comments": "So'rov noto'g'ri" }), denied);
    }
    let found = asked.person(|person| {
        person.without_permit == without_permit
            && (pinfl.is_empty() || person.has_pinfl(&pinfl))
            && (document.is_empty() || person.has_document(&document))
            && (born.is_empty() || person.birth_date == born)
    });
    let with_photo = asked.text("is_photo") == "Y";
    match found {
        Some(person) => {
            ok(json!({ "result": 1, "Data": [person.entry(with_photo)], "comments": "" }), denied)
        }
        None => ok(json!({ "result": 0, "Data": [], "code": 303_001, "comments": NOT_FOUND }), denied),
    }
}

fn address(asked: &Asked<'_>) -> Answer {
    let denied = json!({ "AnswereId": 0, "AnswereMessage": "Error", "AnswereComment": "" });
    let document = asked.text("document");
    let found = if document.is_empty() {
        asked.by_pinfl("pinpp")
    } else {
        asked.person(|person| person.has_document(&document))
    };
    let of = |address: &[String; 4]| {
        let [region, district, line, since] = address;
        json!({
            "Cadastre": "10:04:09:01:04:5042", "Country": { "Id": 182, "Value": "ЎЗБЕКИСТОН", "IdValue": "(182) ЎЗБЕКИСТОН" },
            "Region": { "Id": 10, "Value": region, "IdValue": format!("(10) {region}") },
            "District": { "Id": 1004, "Value": district, "IdValue": format!("(1004) {district}") },
            "Address": line, "RegistrationDate": format!("{since}T00:00:00"),
        })
    };
    let addresses = found.map(|person| (person.address.as_ref(), person.temporary_address.as_ref()));
    match addresses {
        Some((None, None)) | None => ok(
            json!({ "Data": null, "AnswereId": 0, "AnswereMessage": NOT_FOUND, "AnswereComment": "" }),
            denied,
        ),
        Some((permanent, temporary)) => {
            let data = json!({
                "PermanentRegistration": permanent.map(of),
                "TemproaryRegistrations": temporary.map(|address| vec![of(address)]),
            });
            ok(json!({ "Data": data, "AnswereId": 1, "AnswereMessage": "Ok", "AnswereComment": "" }), denied)
        }
    }
}

fn tin(asked: &Asked<'_>) -> Answer {
    let denied = json!({ "success": false, "message": "Xizmat vaqtincha ishlamayapti" });
    let document = asked.text("passport");
    let found = if document.is_empty() {
        asked.by_pinfl("pinfl")
    } else {
        asked.person(|person| person.has_document(&document))
    };
    match found.and_then(|person| person.tin.as_ref().map(|tin| (person, tin))) {
        Some((person, tin)) => ok(
            json!({ "success": true, "message": "", "data": { "pinfl": person.pinfl, "tin": tin } }),
            denied,
        ),
        None => ok(json!({ "success": false, "message": NOT_FOUND, "data": null }), denied),
    }
}

/// Whose the certificate of a serial number is.
fn certificate(asked: &Asked<'_>) -> Answer {
    let denied = json!({ "success": false, "message": "Xizmat vaqtincha ishlamayapti" });
    let serial = asked.text("serial_number");
    let found = asked
        .person(|person| person.certificate.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&serial)));
    match found {
        Some(person) => {
            // A person of the file whose certificate the Committee has for somebody else.
            let pinfl = if person.foreign_certificate { "30101902040015" } else { person.pinfl.as_str() };
            let data = json!({ "pinfl": pinfl, "serial_number": serial, "in_force": person.died.is_none() });
            ok(json!({ "success": true, "message": "", "data": data }), denied)
        }
        None => ok(json!({ "success": false, "message": NOT_FOUND, "data": null }), denied),
    }
}

fn jobs(asked: &Asked<'_>) -> Answer {
    let denied = json!({ "success": false, "message": "Xizmat vaqtincha ishlamayapti" });
    let job = asked.by_pinfl("pin").and_then(|person| person.job.as_ref());
    let data: Vec<Value> = job
        .map(|[employer, tin, position, since]| {
            json!({ "company_name": employer, "company_tin": tin, "position": position, "start_date": since,
                    "end_date": null, "order_number": "12-k", "order_date": since })
        })
        .into_iter()
        .collect();
    ok(json!({ "success": true, "message": "", "data": data }), denied)
}

fn death(asked: &Asked<'_>) -> Answer {
    let denied = json!({ "result_code": 5, "result_message": "Service error" });
    let found = asked.by_pinfl("pin");
    let items: Vec<Value> = found
        .and_then(|person| {
            // Somebody else's death, where the switch says so.
            let died = person.died.as_deref().or_else(|| asked.other.then_some("2026-01-01"));
            died.map(|died| (person, died))
        })
        .map(|(person, died)| {
            json!({ "pin": person.pinfl, "surname": person.latin[0], "name": person.latin[1], "patronym": person.latin[2],
                    "birth_date": person.birth_date, "death_date": died, "cert_series": "I-TN", "cert_number": "1234567",
                    "branch": "Yunusobod tumani FHDYO" })
        })
        .into_iter()
        .collect();
    ok(json!({ "result_code": 1, "result_message": "Successful", "items": items }), denied)
}

fn family(asked: &Asked<'_>) -> Answer {
    let denied = json!({ "success": false, "message": "Xizmat vaqtincha ishlamayapti" });
    match asked.by_pinfl("pinfl").filter(|person| person.social || asked.other) {
        Some(person) => {
            let members = [json!({ "pinfl": person.pinfl, "relation": "self" })];
            let data = json!({ "in_register": true, "members": members });
            ok(json!({ "success": true, "message": "", "data": data }), denied)
        }
        None => ok(json!({ "success": false, "message": NOT_FOUND, "data": null }), denied),
    }
}

fn disability(asked: &Asked<'_>) -> Answer {
    let denied = json!({ "pResult": 0, "message": "Xizmat vaqtincha ishlamayapti" });
    match asked.by_pinfl("pinfl").filter(|person| person.disability.is_some() || asked.other) {
        Some(person) => {
            let data = json!({ "pinfl": person.pinfl, "group": person.disability, "in_force": true });
            ok(json!({ "pResult": 1, "message": "", "data": data }), denied)
        }
        None => ok(json!({ "pResult": 0, "message": NOT_FOUND, "data": null }), denied),
    }
}
