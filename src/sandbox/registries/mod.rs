//! State registers, operators, unified billing and E-IMZO, played in their wire formats: `/gateway/…`, `/operators/…`,
//! `/biometrics/…`, `/billing/…`, `/eimzo/…`, `/myid/…`. Their people come from one file (`people`); switches make each of them slow, failing or
//! contradicting (`switches`, `/registers`). A tester pays invoices at `/invoices`, signs with an ID-card at `/eimzo-app`, says at
//! `/eimzo-desktop` what E-IMZO finds on a computer, and shows a face to MyID's page.

mod billing;
mod capiws;
mod challenges;
mod eimzo;
mod gateway;
mod keys;
mod myid;
mod others;
mod pages;
mod people;
mod switches;

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse, rt};
use serde_json::{Value, json};

use billing::Invoices;
use capiws::Computer;
use challenges::Challenges;
use eimzo::Signatures;
use keys::Keys;
use myid::Faces;
use people::Everybody;
use switches::{Behaviour, Fault, Played, Switches};

pub use people::{OwnNumber, RegistryDocument, RegistryFile, RegistryKey, RegistryNumber, RegistryPerson};

/// The account at the gateway, and the people whom the registers know.
#[derive(Clone, Debug, Default)]
pub struct RegistrySettings {
    /// Key and secret of the application.
    pub consumer: (String, String),
    /// Login and password of the account.
    pub account: (String, String),
    /// The bearer token of the registers that are not behind the gateway.
    pub token: String,
    /// Name and secret of the account at MyID.
    pub myid: (String, String),
    /// People and numbers.
    pub everybody: RegistryFile,
}

/// What the registers share.
pub(super) struct Registers {
    settings: RegistrySettings,
    everybody: Mutex<Everybody>,
    switches: Mutex<Switches>,
    /// Tokens of the gateway, with the generation in which they were given.
    tokens: Mutex<Vec<(String, u64)>>,
    invoices: Invoices,
    signatures: Signatures,
    challenges: Challenges,
    keys: Keys,
    computer: Computer,
    faces: Faces,
}

/// Everything that is played, for other programs.
pub(super) fn services(config: &mut ServiceConfig) {
    config
        .configure(gateway::routes)
        .configure(others::routes)
        .configure(billing::routes)
        .configure(challenges::routes)
        .configure(eimzo::routes)
        .configure(capiws::routes)
        .configure(myid::routes);
}

/// The pages, for testers.
pub(super) fn own_pages(config: &mut ServiceConfig) {
    config.configure(pages::routes).configure(billing::pages).configure(eimzo::pages);
    config.configure(capiws::pages).configure(myid::pages);
}

impl Registers {
    pub(super) fn new(settings: RegistrySettings) -> io::Result<Self> {
        let mut everybody = Everybody::default();
        everybody.add(settings.everybody.clone());
        Ok(Self {
            settings,
            everybody: Mutex::new(everybody),
            switches: Mutex::default(),
            tokens: Mutex::default(),
            invoices: Invoices::new()?,
            signatures: Signatures::default(),
            challenges: Challenges::default(),
            keys: Keys::new()?,
            computer: Computer::default(),
            faces: Faces::default(),
        })
    }

    fn everybody(&self) -> MutexGuard<'_, Everybody> {
        locked(&self.everybody)
    }

    fn switches(&self) -> MutexGuard<'_, Switches> {
        locked(&self.switches)
    }

    fn behaviour(&self, played: Played) -> Behaviour {
        self.switches().of(played)
    }

    /// Whether a request has the bearer token of registers that are not behind the gateway.
    fn knows(&self, request: &HttpRequest) -> bool {
        bearer(request).is_some_and(|token| token == self.settings.token)
    }
}

/// Nothing is left half-written, so a poisoned lock is safe to use.
fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    request.headers().get("Authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The answer as the switches of its register make it. `denied` are the members by which this service says that it failed.
async fn spoilt(behaviour: Behaviour, status: StatusCode, body: Value, denied: &Value) -> HttpResponse {
    if !behaviour.delay().is_zero() {
        rt::time::sleep(behaviour.delay()).await;
    }
    if behaviour.is(Fault::Fail) {
        let fault =
            json!({ "fault": { "code": 101_500, "type": "Status report", "message": "Runtime Error" } });
        return HttpResponse::InternalServerError().json(fault);
    }
    if behaviour.is(Fault::Html) {
        return HttpResponse::Ok().content_type("text/html").body("<html><body>Bad Gateway</body></html>");
    }
    if behaviour.is(Fault::Huge) {
        return HttpResponse::Ok().json(json!({ "result": 1, "data": "x".repeat(2 << 20) }));
    }
    if behaviour.is(Fault::Refuse) {
        return HttpResponse::build(status).json(denied);
    }
    let mut body = body;
    if behaviour.is(Fault::Deny)
        && let (Some(members), Some(denied)) = (body.as_object_mut(), denied.as_object())
    {
        members.extend(denied.clone());
    }
    if behaviour.is(Fault::Cut) {
        let text = body.to_string();
        let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        return HttpResponse::Ok().content_type("application/json").body(text[..half].to_owned());
    }
    HttpResponse::build(status).json(body)
}
