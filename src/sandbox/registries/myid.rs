//! MyID: its web flow and its session interface (`/myid/…`), and what a person would do before its camera: a page on which a tester chooses whose
//! face it sees and what comes of it. No picture is taken.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value, json};
use url::Url;

use super::super::Sandbox;
use super::super::pages::page;
use super::eimzo::now;
use super::people::RegistryPerson;
use super::switches::{Fault, Played};
use super::{bearer, locked, spoilt};
use crate::sandbox::fields::Fields;

/// How long a session waits, and a code is good.
const SESSION: Duration = Duration::from_secs(600);
const CODE: Duration = Duration::from_secs(300);
/// Of each, how many are remembered.
const KEPT: usize = 1000;

/// Faces that were seen.
#[derive(Default)]
pub(super) struct Faces(Mutex<State>);

#[derive(Default)]
struct State {
    /// Codes of the web flow and of sessions: whose face it was, and under which address the code was given.
    codes: HashMap<String, Seen>,
    /// Tokens of the web flow: whose face it was.
    tokens: HashMap<String, String>,
    /// Tokens of the session interface.
    clients: Vec<String>,
    sessions: HashMap<String, Session>,
}

struct Seen {
    pinfl: String,
    redirect_uri: String,
    since: Instant,
}

struct Session {
    /// For whom it was opened.
    pinfl: Option<String>,
    since: Instant,
    attempts: Vec<(String, i64)>,
    closed: bool,
}

/// `/myid/…`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("/myid/api")
            .route("/v1/oauth2/authorization", web::get().to(show))
            .route("/v1/oauth2/authorization", web::post().to(looked))
            .route("/v1/oauth2/access-token", web::post().to(token))
            .route("/v1/users/me", web::get().to(me))
            .route("/v1/auth/clients/access-token", web::post().to(client_token))
            .route("/v2/sdk/sessions", web::post().to(open))
            .route("/v1/sdk/sessions/{id}", web::get().to(session))
            .route("/v1/sdk/data", web::get().to(data)),
    );
}

/// What MyID's program does on a phone, for scripts.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.route("/myid-app", web::post().to(app));
}

/// Codes of results, and what they mean.
const RESULTS: [(i64, &str); 36] = [
    (1, "recognised"),
    (2, "the document’s data are wrong"),
    (3, "no living face"),
    (4, "another face"),
    (5, "an outside service is down"),
    (6, "the person is dead"),
    (7, "no photo arrived"),
    (8, "MyID’s own error"),
    (9, "the task took too long"),
    (10, "the queue took too long"),
    (11, "MyID is unavailable"),
    (14, "photo too poor for liveness"),
    (17, "photo too poor to compare"),
    (18, "the service of liveness failed"),
    (19, "the service of comparison failed"),
    (20, "blurred"),
    (21, "the face is not whole"),
    (22, "several faces"),
    (23, "no colours"),
    (24, "dark glasses"),
    (25, "photo of another kind"),
    (26, "closed eyes"),
    (27, "head turned"),
    (28, "parts of the face not found"),
    (29, "glare"),
    (30, "something covers the face"),
    (31, "camera, 31"),
    (32, "camera, 32"),
    (33, "no infrared"),
    (34, "the passport has expired"),
    (-1, "the person left"),
    (101, "cancelled"),
    (102, "no camera"),
    (103, "the server did not answer"),
    (120, "blurred, in the program"),
    (122, "too many attempts"),
];

#[derive(Template)]
#[template(path = "sandbox/myid.html")]
struct Page {
    people: Vec<(String, String)>,
    query: String,
    problem: Option<&'static str>,
}

impl Page {
    #[expect(clippy::unused_self, reason = "templates call it on the page")]
    fn results(&self) -> &'static [(i64, &'static str)] {
        &RESULTS
    }
}

/// The page leads back to other sites, so its own policy does not say where forms may go.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

fn shown(sandbox: &Sandbox, status: StatusCode, query: &str, problem: Option<&'static str>) -> HttpResponse {
    let everybody = sandbox.registers.everybody();
    let people = everybody.people.iter().map(|person| (person.pinfl.clone(), person.name())).collect();
    let mut answer = page(status, &Page { people, query: query.to_owned(), problem });
    let policy = header::HeaderValue::from_static(POLICY);
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    answer
}

/// What is wrong with a request to MyID's page, if anything; where it goes back to.
fn asked(sandbox: &Sandbox, query: &Fields) -> Result<(Url, String), &'static str> {
    if query.get("client_id") != Some(&sandbox.registers.settings.myid.0) {
        return Err("MyID does not know this client");
    }
    if query.get("response_type") != Some("code") || !matches!(query.get("method"), Some("strong" | "simple"))
    {
        return Err("response_type is code, method is strong or simple");
    }
    let redirect = query.get("redirect_uri").and_then(|uri| Url::parse(uri).ok());
    let redirect = redirect.filter(|uri| matches!(uri.scheme(), "http" | "https"));
    let state = query.get("state").unwrap_or_default().to_owned();
    redirect.map(|uri| (uri, state)).ok_or("redirect_uri is no address")
}

async fn show(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    match asked(&sandbox, &Fields::of_query(request.query_string())) {
        Ok(_) => shown(&sandbox, StatusCode::OK, request.query_string(), None),
        Err(problem) => shown(&sandbox, StatusCode::BAD_REQUEST, request.query_string(), Some(problem)),
    }
}

/// What comes of a face: `pinfl`, `result` (1 for "recognised", which the file may know better).
fn result(sandbox: &Sandbox, pinfl: &str, result: i64) -> i64 {
    let everybody = sandbox.registers.everybody();
    match everybody.people.iter().find(|person| person.has_pinfl(pinfl)) {
        _ if result != 1 => result,
        None => 2,
        Some(person) if person.died.is_some() => 6,
        Some(person) if person.other_face => 4,
        Some(_) => 1,
    }
}

async fn looked(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let query = request.query_string();
    let (mut back, state) = match asked(&sandbox, &Fields::of_query(query)) {
        Ok(asked) => asked,
        Err(problem) => return shown(&sandbox, StatusCode::BAD_REQUEST, query, Some(problem)),
    };
    let fields = Fields::read(&request, body).await.unwrap_or_default();
    let pinfl = fields.get("pinfl").unwrap_or_default();
    let chosen = fields.get("result").and_then(|code| code.parse().ok()).unwrap_or(1);
    let redirect_uri = back.as_str().to_owned();
    match result(&sandbox, pinfl, chosen) {
        1 => {
            let code = sandbox.tokens.uuid();
            let mut faces = locked(&sandbox.registers.faces.0);
            if faces.codes.len() >= KEPT {
                faces.codes.clear();
            }
            let seen = Seen { pinfl: pinfl.to_owned(), redirect_uri, since: now() };
            faces.codes.insert(code.clone(), seen);
            back.query_pairs_mut().append_pair("code", &code);
        }
        failed => {
            back.query_pairs_mut()
                .append_pair("error", "access_denied")
                .append_pair("result_code", &failed.to_string());
        }
    }
    back.query_pairs_mut().append_pair("state", &state);
    HttpResponse::SeeOther().insert_header((header::LOCATION, back.as_str())).finish()
}

fn refused(status: StatusCode, detail: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "err": status.as_u16(), "detail": detail }))
}

async fn answer(sandbox: &Sandbox, body: Value) -> HttpResponse {
    let behaviour = sandbox.registers.behaviour(Played::Myid);
    let denied = json!({ "err": "denied", "detail": "no" });
    if behaviour.is(Fault::Refuse) {
        return HttpResponse::Forbidden().json(denied);
    }
    spoilt(
        behaviour,
        StatusCode::OK,
        body,
        &json!({ "access_token": Value::Null, "session_id": Value::Null, "code": 8 }),
    )
    .await
}

fn knows_client(sandbox: &Sandbox, fields: &Fields) -> bool {
    let (id, secret) = &sandbox.registers.settings.myid;
    fields.get("client_id") == Some(id) && fields.get("client_secret") == Some(secret)
}

/// A code for a token, once.
async fn token(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = Fields::read(&request, body).await.unwrap_or_default();
    if !knows_client(&sandbox, &fields) || fields.get("grant_type") != Some("authorization_code") {
        return refused(StatusCode::BAD_REQUEST, "invalid_client");
    }
    let seen = fields.get("code").and_then(|code| locked(&sandbox.registers.faces.0).codes.remove(code));
    let seen = seen.filter(|seen| {
        now().duration_since(seen.since) < CODE && fields.get("redirect_uri") == Some(&seen.redirect_uri)
    });
    let Some(seen) = seen else { return refused(StatusCode::BAD_REQUEST, "invalid_grant") };
    let token = sandbox.tokens.uuid();
    {
        let mut faces = locked(&sandbox.registers.faces.0);
        if faces.tokens.len() >= KEPT {
            faces.tokens.clear();
        }
        faces.tokens.insert(token.clone(), seen.pinfl);
    }
    let body = json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer", "refresh_token": sandbox.tokens.uuid() });
    answer(&sandbox, body).await
}

/// The profile, as MyID has it: more than anybody here reads.
fn profile(person: &RegistryPerson) -> Value {
    let [surname, name, patronymic] = &person.latin;
    let document = person.documents.first();
    json!({
        "authentication_method": "strong",
        "common_data": {
            "first_name": name, "last_name": surname, "middle_name": patronymic, "pinfl": person.pinfl,
            "inn": person.tin, "gender": person.sex.to_string(), "birth_date": person.birth_date,
            "birth_place": person.birth_place, "citizenship": person.citizenship.0,
        },
        "doc_data": document.map(|one| json!({
            "pass_data": one.number, "issued_by": one.issuer, "issued_date": one.from, "expiry_date": one.until,
        })),
        "contacts": { "phone": person.numbers.first().map(|number| number.msisdn.as_str()), "email": Value::Null },
    })
}

fn profile_of(sandbox: &Sandbox, pinfl: &str) -> Option<Value> {
    let contradict = sandbox.registers.behaviour(Played::Myid).is(Fault::Contradict);
    let everybody = sandbox.registers.everybody();
    let mut found = everybody.people.iter().find(|person| person.has_pinfl(pinfl)).map(profile)?;
    if contradict {
        found["common_data"]["pinfl"] = Value::from("not a PINFL");
    }
    Some(found)
}

async fn me(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    let pinfl =
        bearer(&request).and_then(|token| locked(&sandbox.registers.faces.0).tokens.get(token).cloned());
    let Some(profile) = pinfl.and_then(|pinfl| profile_of(&sandbox, &pinfl)) else {
        return refused(StatusCode::UNAUTHORIZED, "unknown token");
    };
    let body = json!({ "profile": profile, "job_id": sandbox.tokens.uuid(), "comparison_value": 0.973 });
    answer(&sandbox, body).await
}

async fn client_token(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = Fields::read(&request, body).await.unwrap_or_default();
    if !knows_client(&sandbox, &fields) {
        return refused(StatusCode::BAD_REQUEST, "invalid_client");
    }
    let token = sandbox.tokens.uuid();
    {
        let mut faces = locked(&sandbox.registers.faces.0);
        if faces.clients.len() >= KEPT {
            faces.clients.remove(0);
        }
        faces.clients.push(token.clone());
    }
    answer(&sandbox, json!({ "access_token": token, "expires_in": 604_800, "token_type": "Bearer" })).await
}

fn is_client(sandbox: &Sandbox, request: &HttpRequest) -> bool {
    bearer(request)
        .is_some_and(|token| locked(&sandbox.registers.faces.0).clients.iter().any(|one| one == token))
}

async fn open(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if !is_client(&sandbox, &request) {
        return refused(StatusCode::UNAUTHORIZED, "unknown token");
    }
    let Ok(fields) = Fields::read(&request, body).await else {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "no JSON");
    };
    let threshold = fields.get("threshold").map_or(Ok(0.85), str::parse::<f64>);
    if !threshold.is_ok_and(|threshold| (0.5..=0.99).contains(&threshold)) {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "threshold is from 0.5 to 0.99");
    }
    let pinfl = fields.get("pinfl").map(str::to_owned);
    let id = sandbox.tokens.uuid();
    {
        let mut faces = locked(&sandbox.registers.faces.0);
        if faces.sessions.len() >= KEPT {
            faces.sessions.clear();
        }
        let session = Session { pinfl, since: now(), attempts: Vec::new(), closed: false };
        faces.sessions.insert(id.clone(), session);
    }
    answer(&sandbox, json!({ "session_id": id })).await
}

async fn session(sandbox: Data<Sandbox>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    if !is_client(&sandbox, &request) {
        return refused(StatusCode::UNAUTHORIZED, "unknown token");
    }
    let body = {
        let faces = locked(&sandbox.registers.faces.0);
        let Some(session) = faces.sessions.get(id.as_str()) else {
            return refused(StatusCode::NOT_FOUND, "unknown session");
        };
        let status = match session {
            session if session.closed => "closed",
            session if now().duration_since(session.since) >= SESSION => "expired",
            _ => "in_progress",
        };
        let attempts: Vec<Value> = (session.attempts.iter())
            .map(|(job, code)| {
                let reason = RESULTS.iter().find(|(known, _)| known == code).map_or("", |(_, words)| words);
                json!({ "job_id": job, "timestamp": "2026-11-27T12:00:00Z", "reason": reason, "reason_code": code })
            })
            .collect();
        json!({ "code": 0, "status": status, "attempts": attempts })
    };
    answer(&sandbox, body).await
}

/// What MyID's program does: `session`, `pinfl` (whose face), `result`. Answers the code that it hands to its app.
async fn app(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = Fields::read(&request, body).await.unwrap_or_default();
    let face = fields.get("pinfl").unwrap_or_default().to_owned();
    let chosen = fields.get("result").and_then(|code| code.parse().ok()).unwrap_or(1);
    let mut found = result(&sandbox, &face, chosen);
    let mut faces = locked(&sandbox.registers.faces.0);
    let code = sandbox.tokens.uuid();
    {
        let session = fields.get("session").and_then(|id| faces.sessions.get_mut(id));
        let Some(session) = session.filter(|one| now().duration_since(one.since) < SESSION && !one.closed)
        else {
            return HttpResponse::BadRequest().json(json!({ "error": "there is no such session" }));
        };
        if found == 1 && session.pinfl.as_ref().is_some_and(|expected| *expected != face) {
            found = 4;
        }
        session.attempts.push((sandbox.tokens.uuid(), found));
        session.closed = found == 1;
    }
    if found != 1 {
        return HttpResponse::Ok().json(json!({ "result_code": found }));
    }
    faces.codes.insert(code.clone(), Seen { pinfl: face, redirect_uri: String::new(), since: now() });
    HttpResponse::Ok().json(json!({ "result_code": 1, "code": code }))
}

async fn data(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    if !is_client(&sandbox, &request) {
        return refused(StatusCode::UNAUTHORIZED, "unknown token");
    }
    let query = Fields::of_query(request.query_string());
    let seen = query.get("code").and_then(|code| locked(&sandbox.registers.faces.0).codes.remove(code));
    let seen = seen.filter(|seen| now().duration_since(seen.since) < CODE && seen.redirect_uri.is_empty());
    let Some(profile) = seen.and_then(|seen| profile_of(&sandbox, &seen.pinfl)) else {
        return refused(StatusCode::BAD_REQUEST, "unknown code");
    };
    let body = json!({
        "data": { "comparison_value": 0.973, "job_id": sandbox.tokens.uuid(), "profile": profile },
        "reuid": { "expires_at": 1_900_000_000, "value": sandbox.tokens.uuid() },
    });
    answer(&sandbox, body).await
}
