//! The page and the JSON of the switches.

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;

use super::Sandbox;
use super::fields::Fields;
use super::messages::Gateway;
use super::pages::page;
use super::switches::{LONGEST_DELAY_MS, Switch, Switches};

/// `/switches`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource("/switches").route(web::get().to(show)).route(web::post().to(change)));
}

#[derive(Template)]
#[template(path = "sandbox/switches.html")]
struct Page {
    gateways: Vec<Group>,
    longest_delay_ms: u64,
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

impl Page {
    fn new(switches: &Switches, problem: Option<String>) -> Self {
        let group = |gateway: Gateway| {
            let behaviour = switches.of(gateway);
            let rows = Switch::ALL.into_iter().filter(|switch| switch.belongs_to(gateway));
            Group {
                name: gateway.name(),
                title: gateway.title(),
                delay_ms: behaviour.delay().as_millis(),
                rows: rows
                    .map(|switch| Row {
                        name: switch.name(),
                        effect: switch.effect(),
                        on: behaviour.is(switch),
                    })
                    .collect(),
            }
        };
        Self { gateways: Gateway::ALL.map(group).into(), longest_delay_ms: LONGEST_DELAY_MS, problem }
    }
}

/// Browsers accept HTML explicitly; other clients get JSON.
fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

async fn show(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    let switches = sandbox.switches();
    if wants_page(&request) {
        page(StatusCode::OK, &Page::new(&switches, None))
    } else {
        HttpResponse::Ok().json(switches.to_json())
    }
}

/// Switches that are not named are unchanged, so that a test can set one without knowing the others.
async fn change(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = Fields::read(&request, body).await;
    let mut switches = sandbox.switches();
    let applied = fields.and_then(|fields| switches.apply(fields.all()));
    match (applied, wants_page(&request)) {
        (Ok(()), true) => HttpResponse::SeeOther().insert_header((header::LOCATION, "/switches")).finish(),
        (Ok(()), false) => HttpResponse::Ok().json(switches.to_json()),
        (Err(problem), true) => page(StatusCode::BAD_REQUEST, &Page::new(&switches, Some(problem))),
        (Err(problem), false) => HttpResponse::BadRequest().json(json!({ "error": problem })),
    }
}
