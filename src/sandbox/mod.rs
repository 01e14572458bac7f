//! The sandbox: simulated external systems with their real wire formats on their own port, so that the provider's
//! real adapters can be run and tested against them.
//!
//! It has the SMS gateways (`eskiz`, `playmobile`), the phones their messages arrive on (`phone`, `inbox`),
//! somebody who answers on such a phone by themselves (`approvals`), a mail server (`mail`), the switches that make a gateway fail (`switches`,
//! `controls`) and the list of test people; and state registers, operators, billing, E-IMZO and MyID (`registries`).
//! All state is in memory. The sandbox uses no code of the provider: they communicate over
//! the network only, and the people come from [`Settings`].

mod approvals;
mod controls;
mod eskiz;
mod fields;
mod inbox;
mod mail;
mod messages;
mod pages;
mod parts;
mod phone;
mod playmobile;
mod receipts;
mod registries;
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

use approvals::Answered;
use eskiz::Tokens;
use mail::Mailbox;
use messages::{Gateway, Messages};
use receipts::Courier;
use registries::Registers;
use switches::{Behaviour, Switches};

pub use registries::{
    OwnNumber, RegistryDocument, RegistryFile, RegistryKey, RegistryNumber, RegistryPerson, RegistrySettings,
};

/// Maximum size of a request body, in bytes: enough for a hundred long messages.
const LONGEST_BODY: usize = 1 << 20;

/// Pages of the sandbox load only their own files and cannot be framed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A test person.
#[derive(Clone, Serialize)]
pub struct TestPerson {
    /// Digits, `998…`.
    pub phone: String,
    /// 14 digits.
    pub pinfl: String,
    /// Full name.
    pub name: String,
    /// A short description.
    pub about: String,
}

/// A sender's account at Eskiz.
#[derive(Clone)]
pub struct EskizAccount {
    /// The login.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The allowed sender name.
    pub from: String,
}

/// A sender's account at PlayMobile.
#[derive(Clone)]
pub struct PlayMobileAccount {
    /// The login for HTTP Basic.
    pub login: String,
    /// Its password.
    pub password: String,
    /// The allowed originator.
    pub originator: String,
}

/// Settings of the sandbox.
#[derive(Clone)]
pub struct Settings {
    /// The test people, the ordinary one first.
    pub people: Vec<TestPerson>,
    /// The account at Eskiz.
    pub eskiz: EskizAccount,
    /// The account at PlayMobile.
    pub playmobile: PlayMobileAccount,
    /// The callback URL for PlayMobile, which posts delivery reports to `<url>/status`. Eskiz gets its
    /// callback URL with each message instead.
    pub playmobile_callback: Option<String>,
    /// Where the provider's pages are, without a trailing slash: whoever answers a message opens them there.
    pub provider: Option<String>,
    /// The registers' accounts and people.
    pub registries: RegistrySettings,
}

/// Starts the sandbox on `listener`. The server runs once it is awaited or spawned; it does not handle
/// signals, and is stopped through its handle.
///
/// # Errors
/// If the listener cannot be used, or the operating system has no randomness.
pub fn start(listener: TcpListener, settings: Settings) -> io::Result<Server> {
    start_on(vec![listener], settings)
}

/// As [`start`], on several addresses at once.
///
/// # Errors
/// As [`start`].
pub fn start_on(listeners: Vec<TcpListener>, settings: Settings) -> io::Result<Server> {
    start_with_mail(listeners, Vec::new(), settings)
}

/// As [`start_on`], with a mail server at `mail`, which runs on the thread of the caller.
///
/// # Errors
/// As [`start`].
pub fn start_with_mail(
    listeners: Vec<TcpListener>,
    mail: Vec<TcpListener>,
    settings: Settings,
) -> io::Result<Server> {
    let sandbox = web::Data::new(Sandbox::new(settings)?);
    for listener in mail {
        mail::listen(listener, sandbox.clone())?;
    }
    let app = move || {
        let sandbox = sandbox.clone();
        App::new().configure(move |config| routes(config, sandbox))
    };
    let server = HttpServer::new(app).workers(1).tcp_nodelay(true).disable_signals().shutdown_timeout(1);
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
        .configure(mail::routes)
        .configure(phone::routes)
        .configure(controls::routes)
        .configure(approvals::routes)
        .configure(registries::own_pages)
        .default_service(web::to(pages::not_found));
    config
        .app_data(sandbox)
        .app_data(web::PayloadConfig::new(LONGEST_BODY))
        .service(web::scope("/eskiz/api").wrap(from_fn(eskiz::troubles)).configure(eskiz::routes))
        .service(web::scope("/playmobile").wrap(from_fn(playmobile::troubles)).configure(playmobile::routes))
        .configure(registries::services)
        .service(own);
}

/// What the handlers share.
struct Sandbox {
    settings: Settings,
    messages: Mutex<Messages>,
    mailbox: Mutex<Mailbox>,
    switches: Mutex<Switches>,
    tokens: Tokens,
    courier: Courier,
    answered: Answered,
    registers: Registers,
}

impl Sandbox {
    fn new(settings: Settings) -> io::Result<Self> {
        Ok(Self {
            registers: Registers::new(settings.registries.clone())?,
            settings,
            messages: Mutex::default(),
            mailbox: Mutex::default(),
            switches: Mutex::default(),
            tokens: Tokens::new()?,
            courier: Courier::new()?,
            answered: Answered::default(),
        })
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self, gateway: Gateway) -> Behaviour {
        self.switches().of(gateway)
    }

    /// Delays a request to `gateway` as its switch says; returns the behaviour at the time of
    /// arrival.
    async fn hold_back(&self, gateway: Gateway) -> Behaviour {
        let behaviour = self.behaviour(gateway);
        if !behaviour.delay().is_zero() {
            actix_web::rt::time::sleep(behaviour.delay()).await;
        }
        behaviour
    }
}
