//! The sandbox: stand-ins of the outside systems that the provider meets, speaking their real wire formats
//! on a port of their own, so that the provider's ordinary adapters can be run and tried against them.
//!
//! Here live the SMS gateways (`eskiz`, `playmobile`), the phones their messages arrive on (`phone`, `inbox`),
//! the switches that make a gateway misbehave (`switches`, `controls`) and the list of test people.
//! Everything is in memory and forgotten at the end. Nothing of the provider lives here: the two meet over
//! the network only, and the people are known from [`Settings`] alone.

mod controls;
mod eskiz;
mod fields;
mod inbox;
mod messages;
mod pages;
mod parts;
mod phone;
mod playmobile;
mod receipts;
mod switches;
#[cfg(test)]
mod tests;

use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::dev::Server;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer};
use serde::Serialize;

use eskiz::Tokens;
use messages::{Gateway, Messages};
use receipts::Courier;
use switches::{Behaviour, Switches};

/// The longest request body in bytes: a hundred long messages fit.
const LONGEST_BODY: usize = 1 << 20;

/// Pages of the sandbox run their own files only and are never shown inside another page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Somebody whose phone can be looked at.
#[derive(Clone, Serialize)]
pub struct TestPerson {
    /// Digits, `998…`.
    pub phone: String,
    /// 14 digits.
    pub pinfl: String,
    /// Full name.
    pub name: String,
    /// What is particular about this person, in a few words.
    pub about: String,
}

/// The account that a sender has at Eskiz.
#[derive(Clone)]
pub struct EskizAccount {
    /// The login.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The only sender name that the account may use.
    pub from: String,
}

/// The account that a sender has at PlayMobile.
#[derive(Clone)]
pub struct PlayMobileAccount {
    /// The login for HTTP Basic.
    pub login: String,
    /// Its password.
    pub password: String,
    /// The only originator that the account may use.
    pub originator: String,
}

/// Everything that the sandbox is told.
#[derive(Clone)]
pub struct Settings {
    /// The test people, the ordinary one first.
    pub people: Vec<TestPerson>,
    /// Who may send through Eskiz.
    pub eskiz: EskizAccount,
    /// Who may send through PlayMobile.
    pub playmobile: PlayMobileAccount,
    /// The base URL agreed with PlayMobile: it posts receipts to `<url>/status`. Eskiz is given its
    /// callback URL with each message instead.
    pub playmobile_callback: Option<String>,
}

/// Starts the sandbox on `listener`. The server runs once it is awaited or spawned; it leaves signals to
/// the caller and ends when told to through its handle.
///
/// # Errors
/// When the listener cannot be used, or the operating system gives no randomness.
pub fn start(listener: TcpListener, settings: Settings) -> io::Result<Server> {
    start_on(vec![listener], settings)
}

/// As [`start`], on several addresses at once.
///
/// # Errors
/// As [`start`].
pub fn start_on(listeners: Vec<TcpListener>, settings: Settings) -> io::Result<Server> {
    let sandbox = web::Data::new(Sandbox::new(settings)?);
    let app = move || {
        let sandbox = sandbox.clone();
        App::new().configure(move |config| routes(config, sandbox))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(1);
    Ok(listeners.into_iter().try_fold(server, HttpServer::listen)?.run())
}

/// Every route of the sandbox.
fn routes(config: &mut ServiceConfig, sandbox: web::Data<Sandbox>) {
    let headers = DefaultHeaders::new()
        .add(("Content-Security-Policy", CONTENT_SECURITY_POLICY))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("Cache-Control", "no-store"));
    let own = web::scope("")
        .wrap(from_fn(pages::refuse_other_sites))
        .wrap(headers)
        .configure(pages::routes)
        .configure(inbox::routes)
        .configure(phone::routes)
        .configure(controls::routes)
        .default_service(web::to(pages::not_found));
    config
        .app_data(sandbox)
        .app_data(web::PayloadConfig::new(LONGEST_BODY))
        .service(web::scope("/eskiz/api").wrap(from_fn(eskiz::troubles)).configure(eskiz::routes))
        .service(web::scope("/playmobile").wrap(from_fn(playmobile::troubles)).configure(playmobile::routes))
        .service(own);
}

/// What the handlers share.
struct Sandbox {
    settings: Settings,
    messages: Mutex<Messages>,
    switches: Mutex<Switches>,
    tokens: Tokens,
    courier: Courier,
}

impl Sandbox {
    fn new(settings: Settings) -> io::Result<Self> {
        Ok(Self {
            settings,
            messages: Mutex::default(),
            switches: Mutex::default(),
            tokens: Tokens::new()?,
            courier: Courier::new()?,
        })
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self, gateway: Gateway) -> Behaviour {
        self.switches().of(gateway)
    }

    /// Holds a call to `gateway` back as long as its switch says; the behaviour returned is the one at
    /// the call's arrival.
    async fn hold_back(&self, gateway: Gateway) -> Behaviour {
        let behaviour = self.behaviour(gateway);
        if !behaviour.delay().is_zero() {
            actix_web::rt::time::sleep(behaviour.delay()).await;
        }
        behaviour
    }
}
