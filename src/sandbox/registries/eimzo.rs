//! E-IMZO for ID-cards on phones: e-imzo-server's services (`/eimzo/…`), and a page that plays the app on a phone (`/eimzo-app`): it reads the 84
//! characters of a QR code and signs as one of the people.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use gost94::{Digest as _, Gost94CryptoPro};
use serde_json::{Value, json};

use super::super::Sandbox;
use super::super::pages::page;
use super::switches::{Fault, Played};
use super::{keys, locked, spoilt};
use crate::sandbox::fields::Fields;

/// The site's name at E-IMZO.
const SITE: &str = "5a4b";
/// How long a signature is waited for.
const TTL: Duration = Duration::from_secs(120);
/// Documents that are remembered.
const KEPT: usize = 1000;

/// Signatures that were asked for, by document.
#[derive(Default)]
pub(super) struct Signatures(Mutex<HashMap<String, Signature>>);

struct Signature {
    challenge: String,
    begun: Instant,
    signed: Option<Signed>,
}

#[derive(Clone)]
struct Signed {
    /// The server's status of it.
    status: i32,
    /// What the server says of the certificate.
    info: Value,
}

/// `/eimzo/…`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("/eimzo")
            .route("/frontend/mobile/auth", web::post().to(auth))
            .route("/frontend/mobile/status", web::post().to(status))
            .route("/backend/mobile/authenticate/{document}", web::get().to(authenticate)),
    );
}

pub(super) async fn answer(sandbox: &Sandbox, body: Value) -> HttpResponse {
    let behaviour = sandbox.registers.behaviour(Played::Eimzo);
    spoilt(behaviour, StatusCode::OK, body, &json!({ "status": -9, "message": "see the log" })).await
}

#[expect(clippy::disallowed_methods, reason = "the sandbox has no clock of the provider's")]
pub(super) fn now() -> Instant {
    Instant::now()
}

async fn auth(sandbox: Data<Sandbox>) -> HttpResponse {
    let challenge = sandbox.tokens.uuid().replace('-', "");
    let document = sandbox.tokens.uuid()[..8].to_ascii_uppercase();
    {
        let mut all = locked(&sandbox.registers.signatures.0);
        let now = now();
        all.retain(|_, signature| now.duration_since(signature.begun) < TTL);
        if all.len() >= KEPT {
            return HttpResponse::ServiceUnavailable().json(json!({ "status": -1, "message": "full" }));
        }
        all.insert(document.clone(), Signature { challenge: challenge.clone(), begun: now, signed: None });
    }
    let body = json!({ "status": 1, "message": null, "siteId": SITE, "documentId": document, "challange": challenge });
    answer(&sandbox, body).await
}

async fn status(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = Fields::read(&request, body).await.unwrap_or_default();
    let status = {
        let all = locked(&sandbox.registers.signatures.0);
        match fields.get("documentId").and_then(|document| all.get(document)) {
            Some(signature) if now().duration_since(signature.begun) >= TTL => -2,
            Some(Signature { signed: Some(_), .. }) => 1,
            Some(_) => 2,
            None => -2,
        }
    };
    answer(&sandbox, json!({ "status": status, "message": null })).await
}

/// Says once who signed.
async fn authenticate(sandbox: Data<Sandbox>, document: Path<String>) -> HttpResponse {
    let signed = {
        let mut all = locked(&sandbox.registers.signatures.0);
        match all.get(document.as_str()) {
            Some(Signature { signed: Some(_), .. }) => {
                all.remove(document.as_str()).and_then(|one| one.signed)
            }
            Some(_) => Some(Signed { status: 2, info: Value::Null }),
            None => None,
        }
    };
    let Some(Signed { status, mut info }) = signed else {
        return answer(&sandbox, json!({ "status": -2, "message": "documentId not found" })).await;
    };
    if sandbox.registers.behaviour(Played::Eimzo).is(Fault::Contradict) {
        info["serialNumber"] = Value::from("no serial number");
    }
    let mut body = json!({ "status": status, "message": null });
    if status == 1 {
        body["subjectCertificateInfo"] = info;
    }
    answer(&sandbox, body).await
}

/// `/eimzo-app`.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(web::resource("/eimzo-app").route(web::get().to(show)).route(web::post().to(sign)));
}

#[derive(Template)]
#[template(path = "sandbox/eimzo_app.html")]
struct Page {
    people: Vec<(String, String)>,
    qc: String,
    problem: Option<String>,
    done: bool,
}

fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn app_page(sandbox: &Sandbox, status: StatusCode, qc: &str, said: Result<bool, String>) -> HttpResponse {
    let everybody = sandbox.registers.everybody();
    let with_card = everybody.people.iter().filter(|person| person.certificate.is_some());
    let people = with_card.map(|person| (person.pinfl.clone(), person.name())).collect();
    let (done, problem) = match said {
        Ok(done) => (done, None),
        Err(problem) => (false, Some(problem)),
    };
    page(status, &Page { people, qc: qc.to_owned(), problem, done })
}

async fn show(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    let query = Fields::of_query(request.query_string());
    app_page(&sandbox, StatusCode::OK, query.get("qc").unwrap_or_default(), Ok(false))
}

/// Signs. `qc` is what the QR code says, `pinfl` whose card it is, `outcome` one of `good`, `signature`, `certificate`,
/// `ended`, `unchecked`, `clock`, `legal`.
async fn sign(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let html = wants_page(&request);
    let fields = Fields::read(&request, body).await.unwrap_or_default();
    let qc = fields.get("qc").unwrap_or_default();
    let signed = signed(&sandbox, qc, &fields);
    match (signed, html) {
        (Ok(()), true) => app_page(&sandbox, StatusCode::OK, "", Ok(true)),
        (Ok(()), false) => HttpResponse::Ok().json(json!({ "signed": true })),
        (Err(problem), true) => app_page(&sandbox, StatusCode::BAD_REQUEST, qc, Err(problem)),
        (Err(problem), false) => HttpResponse::BadRequest().json(json!({ "error": problem })),
    }
}

fn signed(sandbox: &Sandbox, qc: &str, fields: &Fields) -> Result<(), String> {
    let qc = qc.rsplit("qc=").next().unwrap_or_default().trim();
    let (document, hash) = read(qc).ok_or("these are not the 84 characters of a QR code of E-IMZO")?;
    let info = {
        let everybody = sandbox.registers.everybody();
        let pinfl = fields.get("pinfl").unwrap_or_default();
        let person = everybody.people.iter().find(|person| person.pinfl == pinfl);
        let person = person.ok_or("choose whose card it is")?;
        let serial = person.certificate.clone().ok_or("this person's card has no certificate")?;
        let known = keys::all(&everybody).into_iter().find(|(_, key)| key.serial == serial);
        let (_, mut key) = known.ok_or("this person's card has no certificate")?;
        if fields.get("outcome") == Some("legal") {
            key.organisation = Some(["301234567", "«Misol» MChJ", "DIREKTOR"].map(str::to_owned));
        }
        keys::info(person, &key)
    };
    let status = match fields.get("outcome") {
        None | Some("good" | "legal") => 1,
        Some("signature") => -5,
        Some("certificate") => -6,
        Some("ended") => -7,
        Some("unchecked") => -8,
        Some("clock") => -9,
        Some(_) => return Err("there is no such outcome".to_owned()),
    };
    let mut all = locked(&sandbox.registers.signatures.0);
    let signature = all.get_mut(&document).ok_or("this code is unknown, or too old")?;
    if now().duration_since(signature.begun) >= TTL {
        return Err("this code is too old".to_owned());
    }
    if hex(&Gost94CryptoPro::digest(signature.challenge.as_bytes())) != hash {
        return Err("the code's hash is not that of the challenge".to_owned());
    }
    signature.signed = Some(Signed { status, info });
    Ok(())
}

/// The document and the hash in a code whose check sum is right.
fn read(qc: &str) -> Option<(String, String)> {
    if qc.len() != 84 || !qc.bytes().all(|b| b.is_ascii_hexdigit()) || !qc.starts_with(SITE) {
        return None;
    }
    let bytes: Vec<u8> = (0..76)
        .step_by(2)
        .map(|at| u8::from_str_radix(&qc[at..at + 2], 16))
        .collect::<Result<_, _>>()
        .ok()?;
    let sum = !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1)))
    });
    (u32::from_str_radix(&qc[76..], 16).ok()? == sum)
        .then(|| (qc[4..12].to_owned(), qc[12..76].to_ascii_lowercase()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
