//! The page of the people and what they are for (`/registry-people`), and the page and the JSON of the registers' switches (`/registers`).

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;

use super::super::Sandbox;
use super::super::pages::page;
use super::RegistryFile;
use super::switches::{Fault, Played, Switches};
use crate::sandbox::fields::Fields;

/// Both pages.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/registry-people").route(web::get().to(people)).route(web::post().to(add)))
        .service(web::resource("/registers").route(web::get().to(show)).route(web::post().to(change)));
}

fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

#[derive(Template)]
#[template(path = "sandbox/registry_people.html")]
struct PeoplePage {
    people: Vec<PersonRow>,
    numbers: Vec<NumberRow>,
}

struct PersonRow {
    name: String,
    about: String,
    pinfl: String,
    document: String,
    birth_date: String,
    numbers: String,
}

struct NumberRow {
    msisdn: String,
    state: String,
    about: String,
}

async fn people(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    let everybody = sandbox.registers.everybody();
    if !wants_page(&request) {
        return HttpResponse::Ok().json(json!({
            "person": everybody.people, "number": everybody.numbers, "key": everybody.keys,
        }));
    }
    let people = everybody.people.iter().map(|person| PersonRow {
        name: person.name(),
        about: person.about.clone(),
        pinfl: person.pinfl.clone(),
        document: person.documents.first().map(|document| document.number.clone()).unwrap_or_default(),
        birth_date: person.birth_date.clone(),
        numbers: person
            .numbers
            .iter()
            .map(|number| format!("{} ({})", number.msisdn, number.state))
            .collect::<Vec<_>>()
            .join(", "),
    });
    let numbers = everybody.numbers.iter().map(|number| NumberRow {
        msisdn: number.msisdn.clone(),
        state: number.state.clone(),
        about: number.about.clone(),
    });
    page(StatusCode::OK, &PeoplePage { people: people.collect(), numbers: numbers.collect() })
}

/// Adds or replaces people and numbers, for tests: `{"person":[…],"number":[…]}` as in the file.
async fn add(sandbox: Data<Sandbox>, body: Bytes) -> HttpResponse {
    let file = serde_json::from_slice::<RegistryFile>(&body).map_err(|error| error.to_string());
    let file = file.and_then(|file| file.objection().map_or(Ok(file), Err));
    match file {
        Ok(file) => {
            sandbox.registers.everybody().add(file);
            HttpResponse::NoContent().finish()
        }
        Err(problem) => HttpResponse::BadRequest().json(json!({ "error": problem })),
    }
}

#[derive(Template)]
#[template(path = "sandbox/registers.html")]
struct SwitchesPage {
    registers: Vec<Group>,
    problem: Option<String>,
}

struct Group {
    name: &'static str,
    title: &'static str,
    delay_ms: u128,
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    effect: &'static str,
    on: bool,
}

impl SwitchesPage {
    fn new(switches: &Switches, problem: Option<String>) -> Self {
        let group = |played: Played| {
            let behaviour = switches.of(played);
            let row =
                |fault: Fault| Row { name: fault.name(), effect: fault.effect(), on: behaviour.is(fault) };
            Group {
                name: played.name(),
                title: played.title(),
                delay_ms: behaviour.delay().as_millis(),
                rows: Fault::ALL.map(row).into(),
            }
        };
        Self { registers: Played::ALL.map(group).into(), problem }
    }
}

async fn show(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    let switches = sandbox.registers.switches();
    if wants_page(&request) {
        page(StatusCode::OK, &SwitchesPage::new(&switches, None))
    } else {
        HttpResponse::Ok().json(switches.to_json())
    }
}

async fn change(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = Fields::read(&request, body).await;
    let mut switches = sandbox.registers.switches();
    let applied = fields.and_then(|fields| switches.apply(fields.all()));
    match (applied, wants_page(&request)) {
        (Ok(()), true) => HttpResponse::SeeOther().insert_header((header::LOCATION, "/registers")).finish(),
        (Ok(()), false) => HttpResponse::Ok().json(switches.to_json()),
        (Err(problem), true) => page(StatusCode::BAD_REQUEST, &SwitchesPage::new(&switches, Some(problem))),
        (Err(problem), false) => HttpResponse::BadRequest().json(json!({ "error": problem })),
    }
}
