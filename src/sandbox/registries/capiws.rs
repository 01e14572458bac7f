//! E-IMZO on the tester's own computer: its local WebSocket (`/service/cryptapi`), a page that says what is on that computer and what is typed
//! there (`/eimzo-desktop`), and signatures for scripts that open no WebSocket (`POST /eimzo-sign`).

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, rt};
use actix_ws::Message;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::Sandbox;
use super::super::pages::page;
use super::keys::{self, Set, Typed};
use super::locked;
use crate::sandbox::fields::Fields;

/// Loaded keys that are remembered.
const KEPT: usize = 1000;

/// Whether the program runs, and which it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Program {
    #[default]
    Running,
    /// Nobody answers.
    Absent,
    /// A version before 3.36.
    Old,
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Absent => "absent",
            Self::Old => "old",
        }
    }
}

/// The computer.
#[derive(Default)]
pub(super) struct Computer(Mutex<State>);

#[derive(Default)]
struct State {
    program: Program,
    /// Whose keys are on it: a PINFL, or nobody's in particular: everybody's.
    owner: String,
    /// Sites that gave their key.
    sites: HashSet<String>,
    /// Loaded keys by their id: serial numbers.
    loaded: HashMap<String, String>,
}

/// The WebSocket.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.route("/service/cryptapi", web::get().to(socket));
}

/// The page, and signatures for scripts.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(web::resource("/eimzo-desktop").route(web::get().to(show)).route(web::post().to(change)))
        .route("/eimzo-sign", web::post().to(sign));
}

/// One call is a socket, one JSON object, one answer.
async fn socket(
    sandbox: Data<Sandbox>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    if locked(&sandbox.registers.computer.0).program == Program::Absent {
        return Ok(HttpResponse::NotFound().finish());
    }
    let origin = request.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let origin = origin.unwrap_or("null").to_owned();
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    rt::spawn(async move {
        while let Some(Ok(message)) = messages.recv().await {
            let Message::Text(text) = message else { continue };
            let answer = called(&sandbox, &origin, &text);
            if session.text(answer.to_string()).await.is_err() {
                return;
            }
        }
        let _ = session.close(None).await;
    });
    Ok(response)
}

fn failed(reason: &str) -> Value {
    json!({ "success": false, "reason": reason })
}

/// The domain of an origin, as keys of sites are for.
fn domain(origin: &str) -> String {
    url::Url::parse(origin)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| "null".to_owned())
}

/// A call's answer.
fn called(sandbox: &Sandbox, origin: &str, text: &str) -> Value {
    let Ok(call) = serde_json::from_str::<Value>(text) else { return failed("bad request") };
    let name = |member: &str| call[member].as_str().unwrap_or_default();
    let arguments: Vec<&str> =
        call["arguments"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut state = locked(&sandbox.registers.computer.0);
    match (name("plugin"), name("name")) {
        ("", "version") if state.program == Program::Old => {
            json!({ "success": true, "major": "3", "minor": "27" })
        }
        ("", "version") => json!({ "success": true, "major": "4", "minor": "86" }),
        ("", "apikey") => {
            let domain = domain(origin);
            let known = arguments.chunks(2).any(|pair| {
                pair.first() == Some(&domain.as_str()) && pair.get(1).is_some_and(|key| key.len() == 128)
            });
            if known {
                state.sites.insert(origin.to_owned());
                json!({ "success": true })
            } else {
                failed("API-KEY is invalid for this domain")
            }
        }
        _ if !state.sites.contains(origin) => failed("API-KEY is not installed"),
        ("pfx", "list_all_certificates") => listed(sandbox, &state),
        ("pfx", "load_key") => loaded(sandbox, &mut state, &arguments),
        ("idcard", "list_readers") => json!({ "success": true, "readers": ["Namuna NFC 0"] }),
        ("pkcs7", "create_pkcs7") => signed(sandbox, &mut state, &arguments),
        _ => failed("unknown function"),
    }
}

/// The keys in files; those of ID-cards are on cards.
fn listed(sandbox: &Sandbox, state: &State) -> Value {
    let everybody = sandbox.registers.everybody();
    let found = keys::all(&everybody).into_iter().filter(|(person, key)| {
        person.certificate.as_deref() != Some(&key.serial)
            && (state.owner.is_empty() || person.pinfl == state.owner)
    });
    let certificates: Vec<Value> = found
        .map(|(person, key)| {
            let name = format!("DS{}", key.serial);
            json!({ "disk": "C:\\", "path": "DSKEYS", "name": name, "alias": keys::alias(person, &key) })
        })
        .collect();
    json!({ "success": true, "certificates": certificates })
}

/// Asks for the password, which is typed at once.
fn typed(sandbox: &Sandbox, serial: &str) -> Result<(), Value> {
    match sandbox.registers.keys.of(serial).typed {
        Typed::Right => Ok(()),
        Typed::Wrong => {
            Err(failed("javax.crypto.BadPaddingException: Given final block not properly padded"))
        }
        Typed::Cancelled => Err(failed("Ввод пароля отменён")),
    }
}

fn loaded(sandbox: &Sandbox, state: &mut State, arguments: &[&str]) -> Value {
    let [_, _, _, alias] = arguments else { return failed("bad arguments") };
    let serial = alias.split(',').find_map(|part| part.strip_prefix("serialnumber="));
    let Some(serial) = serial else { return failed("no such key") };
    let known = keys::all(&sandbox.registers.everybody()).iter().any(|(_, key)| key.serial == serial);
    if !known {
        return failed("no such key");
    }
    if let Err(failed) = typed(sandbox, serial) {
        return failed;
    }
    if state.loaded.len() >= KEPT {
        state.loaded.clear();
    }
    let id = sandbox.tokens.uuid().replace('-', "");
    state.loaded.insert(id.clone(), serial.to_owned());
    json!({ "success": true, "keyId": id, "type": "pfx" })
}

fn signed(sandbox: &Sandbox, state: &mut State, arguments: &[&str]) -> Value {
    let [data, id, rest @ ..] = arguments else { return failed("bad arguments") };
    let Ok(content) = STANDARD.decode(data) else { return failed("bad Base64") };
    if rest.first() == Some(&"yes") {
        return failed("this sandbox signs with the content inside only");
    }
    let serial = if *id == "idcard" {
        let everybody = sandbox.registers.everybody();
        let mut cards = everybody.people.iter().filter(|person| person.certificate.is_some());
        let card = cards.find(|person| state.owner.is_empty() || person.pinfl == state.owner);
        let Some(serial) = card.and_then(|person| person.certificate.clone()) else {
            return failed("ID-card is not found");
        };
        serial
    } else {
        let Some(serial) = state.loaded.get(*id) else { return failed("the key is not loaded") };
        serial.clone()
    };
    if *id == "idcard"
        && let Err(failed) = typed(sandbox, &serial)
    {
        return failed;
    }
    made(sandbox, &serial, &content)
}

fn made(sandbox: &Sandbox, serial: &str, content: &[u8]) -> Value {
    let Some((pkcs7, signature)) = sandbox.registers.keys.sign(serial, content) else {
        return failed("the key cannot sign");
    };
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "success": true, "pkcs7_64": pkcs7, "signer_serial_number": serial, "signature_hex": hex })
}

/// Signs for a script: `serial`, and `data`, the text.
async fn sign(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = Fields::read(&request, body).await.unwrap_or_default();
    let (Some(serial), Some(data)) = (fields.get("serial"), fields.get("data")) else {
        return HttpResponse::BadRequest().json(json!({ "error": "serial and data" }));
    };
    HttpResponse::Ok().json(made(&sandbox, serial, data.as_bytes()))
}

#[derive(Template)]
#[template(path = "sandbox/eimzo_desktop.html")]
struct Page {
    program: &'static str,
    owner: String,
    owners: Vec<(String, String)>,
    keys: Vec<Row>,
    problem: Option<String>,
}

struct Row {
    serial: String,
    of: String,
    typed: &'static str,
    status: i64,
}

/// What the server can be made to answer about a key's signatures, and what it means.
const STATUSES: [(i64, &str); 7] = [
    (0, "by itself"),
    (-1, "-1: the certificate’s state could not be checked"),
    (-5, "-5: the clock is wrong"),
    (-10, "-10: the signature is wrong"),
    (-11, "-11: the certificate is not valid"),
    (-12, "-12: it was not in force"),
    (-20, "-20: the challenge is unknown"),
];

impl Page {
    fn new(sandbox: &Sandbox, problem: Option<String>) -> Self {
        let (program, owner) = {
            let state = locked(&sandbox.registers.computer.0);
            (state.program.name(), state.owner.clone())
        };
        let everybody = sandbox.registers.everybody();
        let all = keys::all(&everybody);
        let mut owners: Vec<(String, String)> = Vec::new();
        for (person, _) in &all {
            if !owners.iter().any(|(pinfl, _)| *pinfl == person.pinfl) {
                owners.push((person.pinfl.clone(), person.name()));
            }
        }
        let row = |(person, key): &(&super::RegistryPerson, super::RegistryKey)| {
            let set = sandbox.registers.keys.of(&key.serial);
            let whose = match &key.organisation {
                Some([tin, name, position]) => format!("{} · {name}, {tin}, {position}", person.name()),
                None if person.certificate.as_deref() == Some(&key.serial) => {
                    format!("{} · ID-card", person.name())
                }
                None => person.name(),
            };
            Row {
                serial: key.serial.clone(),
                of: whose,
                typed: set.typed.name(),
                status: set.status.unwrap_or_default(),
            }
        };
        let keys =
            all.iter().filter(|(person, _)| owner.is_empty() || person.pinfl == owner).map(row).collect();
        Self { program, owner, owners, keys, problem }
    }

    #[expect(clippy::unused_self, reason = "templates call it on the page")]
    fn statuses(&self) -> &'static [(i64, &'static str)] {
        &STATUSES
    }
}

fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

async fn show(sandbox: Data<Sandbox>) -> HttpResponse {
    page(StatusCode::OK, &Page::new(&sandbox, None))
}

/// Changes the computer: `program` (`running`, `absent`, `old`), `owner` (a PINFL, or empty); or a key: `serial` with `typed` (`right`,
/// `wrong`, `cancelled`) and `status` (of the server, 0 for the natural one).
async fn change(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let html = wants_page(&request);
    let fields = Fields::read(&request, body).await.unwrap_or_default();
    match (changed(&sandbox, &fields), html) {
        (Ok(()), true) => {
            HttpResponse::SeeOther().insert_header((header::LOCATION, "/eimzo-desktop")).finish()
        }
        (Ok(()), false) => HttpResponse::NoContent().finish(),
        (Err(problem), true) => page(StatusCode::BAD_REQUEST, &Page::new(&sandbox, Some(problem))),
        (Err(problem), false) => HttpResponse::BadRequest().json(json!({ "error": problem })),
    }
}

fn changed(sandbox: &Sandbox, fields: &Fields) -> Result<(), String> {
    if let Some(serial) = fields.get("serial") {
        let typed =
            Typed::parse(fields.get("typed").unwrap_or("right")).ok_or("right, wrong or cancelled")?;
        let status = fields.get("status").unwrap_or("0").parse::<i64>().map_err(|_| "status is a number")?;
        sandbox.registers.keys.set(serial, Set { typed, status: Some(status).filter(|status| *status != 0) });
        return Ok(());
    }
    let programs = [Program::Running, Program::Absent, Program::Old];
    let mut state = locked(&sandbox.registers.computer.0);
    if let Some(name) = fields.get("program") {
        let found = programs.into_iter().find(|program| program.name() == name);
        state.program = found.ok_or("running, absent or old")?;
    }
    if fields.all().iter().any(|(name, _)| name == "owner") {
        state.owner = fields.get("owner").unwrap_or_default().to_owned();
    }
    Ok(())
}
