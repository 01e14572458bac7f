//! e-imzo-server for keys on computers: `/eimzo/frontend/challenge` and `/eimzo/backend/auth`.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::super::Sandbox;
use super::keys::{self, Keys};
use super::switches::{Fault, Played};
use super::{locked, spoilt};

/// How long a challenge is good.
const TTL: Duration = Duration::from_secs(120);
/// Challenges that are remembered.
const KEPT: usize = 10_000;

/// Challenges that nobody has used.
#[derive(Default)]
pub(super) struct Challenges(Mutex<HashMap<String, Instant>>);

impl Challenges {
    /// Takes a challenge: once, and in time.
    fn take(&self, challenge: &str) -> bool {
        locked(&self.0).remove(challenge).is_some_and(|begun| super::eimzo::now().duration_since(begun) < TTL)
    }
}

/// Both. They come before the rest of `/eimzo/…`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/eimzo/frontend/challenge")
                .route(web::get().to(challenge))
                .route(web::post().to(challenge)),
        )
        .service(web::resource("/eimzo/backend/auth").route(web::post().to(auth)));
}

/// `GET` or `POST /eimzo/frontend/challenge`.
async fn challenge(sandbox: Data<Sandbox>) -> HttpResponse {
    let challenge = sandbox.tokens.uuid();
    {
        let mut all = locked(&sandbox.registers.challenges.0);
        let now = super::eimzo::now();
        all.retain(|_, begun| now.duration_since(*begun) < TTL);
        if all.len() >= KEPT {
            return HttpResponse::ServiceUnavailable().json(json!({ "status": -1, "message": "full" }));
        }
        all.insert(challenge.clone(), now);
    }
    let body = json!({ "challenge": challenge, "ttl": TTL.as_secs(), "status": 1, "message": "" });
    super::eimzo::answer(&sandbox, body).await
}

/// `POST /eimzo/backend/auth`: the body is a PKCS #7 in Base64.
async fn auth(sandbox: Data<Sandbox>, body: Bytes) -> HttpResponse {
    let registers = &sandbox.registers;
    let read = std::str::from_utf8(&body).ok().and_then(Keys::read);
    let Some(read) = read else {
        return HttpResponse::BadRequest().json(json!({ "status": -10, "message": "bad PKCS7" }));
    };
    let challenge = String::from_utf8_lossy(&read.content).into_owned();
    let known = {
        let everybody = registers.everybody();
        let found = keys::all(&everybody).into_iter().find(|(_, key)| key.serial == read.serial);
        found.map(|(person, key)| (keys::info(person, &key), key))
    };
    let status = match (&known, registers.keys.of(&read.serial).status) {
        _ if !registers.challenges.take(&challenge) => -20,
        (_, Some(set)) => set,
        (None, _) => -11,
        _ if !registers.keys.verifies(&read) => -10,
        (Some((_, key)), _) if key.revoked || !in_force(&key.from, &key.until) => -12,
        (Some(_), None) => 1,
    };
    let mut answer = json!({ "status": status, "message": if status == 1 { "" } else { "failed" } });
    if let (1, Some((info, _))) = (status, known) {
        answer["subjectCertificateInfo"] = info;
        if registers.behaviour(Played::Eimzo).is(Fault::Contradict) {
            answer["subjectCertificateInfo"]["serialNumber"] = Value::from("no serial number");
        }
    }
    let denied = json!({ "status": -9, "message": "see the log" });
    spoilt(registers.behaviour(Played::Eimzo), StatusCode::OK, answer, &denied).await
}

/// Whether today lies between two days, which sort as text.
fn in_force(from: &str, until: &str) -> bool {
    let today = OffsetDateTime::now_utc().date();
    let form = time::macros::format_description!("[year]-[month]-[day]");
    let day = |text: &str| time::Date::parse(text, form).ok();
    day(from).is_some_and(|from| from <= today) && day(until).is_some_and(|until| today < until)
}
