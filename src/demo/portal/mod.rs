//! The demo portal: an ordinary relying party with the `openidconnect` crate, a
//! confidential client with the authorization code flow, PKCE, `state` and `nonce`. It knows only the
//! provider's issuer, its own registrations and discovery.
//!
//! It has its own pages, sessions and verification, shares no code with the provider, and is not used by it.

mod backchannel;
mod callback;
mod claims;
mod cookies;
mod counter;
mod exchange;
#[cfg(test)]
mod flow_tests;
mod page;
mod proofs;
mod provider;
mod sessions;
mod sign_in;
mod sign_out;
mod words;

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use url::Url;

use counter::Counter;
pub use counter::CounterParties;
use provider::Provider;
use sessions::{Arrivals, Departures, Sessions};

/// One registration of the portal at the provider.
#[derive(Clone)]
pub struct RelyingParty {
    /// The client's id, as registered.
    pub client_id: String,
    /// The client's secret; sent by HTTP Basic only.
    pub client_secret: String,
    /// The service's name, for people.
    pub name: String,
    /// The name in a script of its own, by language tag, as the provider shows it.
    pub names: BTreeMap<String, String>,
    /// Requested scopes; `openid` is always added.
    pub scopes: Vec<String>,
}

/// Settings of the portal.
#[derive(Clone)]
pub struct Settings {
    /// The provider's issuer identifier, exactly as discovery states it.
    pub issuer: String,
    /// The portal's origin for browsers, without a trailing slash.
    pub base_url: String,
    /// The portal's services; the first is the main one. Redirect URIs are `{base_url}/callback/{index}`.
    pub parties: Vec<RelyingParty>,
    /// Sent as `login_hint`, so that the provider can prefill the number.
    pub login_hint: Option<String>,
    /// The screen of the phone that codes arrive on; shown at the foot.
    pub phone: String,
    /// The services of the counter, if there is one.
    pub counter: Option<CounterParties>,
}

/// Starts serving on `listener` and returns the server, to be awaited and stopped by the caller.
///
/// The provider need not be running yet: discovery happens at the first sign-in.
///
/// # Errors
/// If the issuer or the base URL is not a URL, there is no party, or the listener cannot be used.
pub fn start(listeners: Vec<TcpListener>, settings: Settings) -> io::Result<Server> {
    let portal = web::Data::new(Portal::new(settings)?);
    let server = HttpServer::new(move || App::new().app_data(portal.clone()).configure(routes));
    let server = server.workers(1).tcp_nodelay(true).disable_signals();
    Ok(listeners.into_iter().try_fold(server, HttpServer::listen)?.run())
}

fn routes(app: &mut web::ServiceConfig) {
    app.app_data(web::FormConfig::default().limit(MAX_FORM_BYTES))
        .route("/", web::get().to(page::front))
        .route("/service/{index}", web::get().to(page::service))
        .route("/privacy/{index}", web::get().to(page::privacy))
        .route("/sign-in/{index}", web::get().to(sign_in::by_link))
        .route("/sign-in/{index}", web::post().to(sign_in::by_form))
        .route("/callback/{index}", web::get().to(callback::receive))
        .route("/refresh/{index}", web::post().to(callback::refresh))
        .route("/sign-out/{index}", web::post().to(sign_out::leave))
        .route("/signed-out", web::get().to(sign_out::left))
        .route("/backchannel-logout", web::post().to(backchannel::receive))
        .route("/counter", web::get().to(counter::front))
        .route("/counter/ask", web::post().to(counter::ask))
        .route("/counter/law", web::post().to(counter::take))
        .route("/counter/{case}", web::get().to(counter::case))
        .route("/static/portal.css", web::get().to(page::stylesheet))
        .route("/favicon.ico", web::get().to(HttpResponse::NoContent))
        .default_service(web::to(page::nowhere));
}

/// Forms contain at most a logout token.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The state of the portal; one per process.
struct Portal {
    base: Url,
    parties: Vec<RelyingParty>,
    login_hint: Option<String>,
    phone: String,
    provider: Provider,
    arrivals: Arrivals,
    sessions: Sessions,
    departures: Departures,
    counter: Option<Counter>,
}

impl Portal {
    fn new(settings: Settings) -> io::Result<Self> {
        let base: Url = settings.base_url.parse().map_err(invalid)?;
        if settings.parties.is_empty() || base.cannot_be_a_base() {
            return Err(invalid("the portal needs an http(s) base URL and at least one relying party"));
        }
        Ok(Self {
            base,
            parties: settings.parties,
            login_hint: settings.login_hint,
            phone: settings.phone,
            provider: Provider::new(&settings.issuer)?,
            arrivals: Arrivals::new(),
            sessions: Sessions::new(),
            departures: Departures::new(),
            counter: settings.counter.map(Counter::new).transpose()?,
        })
    }

    fn party(&self, index: usize) -> Option<&RelyingParty> {
        self.parties.get(index)
    }

    /// An absolute URL of this portal; `path` begins with a slash.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// Whether cookies may be marked `Secure`.
    fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }
}

/// Seconds since the epoch, read by handlers only.
fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// A random value: 256 bits, base64url.
fn random_id() -> String {
    openidconnect::CsrfToken::new_random_len(32).into_secret()
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}
