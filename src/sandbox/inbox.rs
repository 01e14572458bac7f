//! Delivered messages and test people, as JSON for tests and tools.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Query, ServiceConfig};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Sandbox;

/// Maximum number of messages listed without a number.
const LISTED: usize = 100;

/// `/messages` and `/people`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/messages").route(web::get().to(messages)).route(web::delete().to(empty)))
        .service(web::resource("/people").route(web::get().to(people)));
}

/// The digits of a phone number in any notation; `None` without digits.
pub(super) fn digits(number: &str) -> Option<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).take(15).collect();
    (!digits.is_empty()).then_some(digits)
}

#[derive(Deserialize)]
struct Wanted {
    to: Option<String>,
    since: Option<String>,
}

/// `GET /messages?to=998…&since=<RFC 3339>`: newest last; all of a number, or the last hundred of
/// all numbers; `since` is inclusive.
async fn messages(sandbox: Data<Sandbox>, wanted: Query<Wanted>) -> HttpResponse {
    let since = match wanted.since.as_deref().filter(|since| !since.is_empty()) {
        None => None,
        // In a query an unescaped + arrives as a space.
        Some(text) => match OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339) {
            Ok(since) => Some(since),
            Err(_) => {
                let problem = json!({ "error": "since: expected a moment such as 2026-11-21T09:00:00.000Z" });
                return HttpResponse::BadRequest().json(problem);
            }
        },
    };
    let to = wanted.to.as_deref().and_then(digits);
    let most = if to.is_some() { usize::MAX } else { LISTED };
    let arrived = sandbox.messages().arrived(to.as_deref(), since, most);
    HttpResponse::Ok().json(arrived)
}

/// `DELETE /messages` deletes the messages of all phones.
async fn empty(sandbox: Data<Sandbox>) -> HttpResponse {
    sandbox.messages().empty_phones();
    HttpResponse::NoContent().finish()
}

/// `GET /people`.
async fn people(sandbox: Data<Sandbox>) -> HttpResponse {
    HttpResponse::Ok().json(&sandbox.settings.people)
}
