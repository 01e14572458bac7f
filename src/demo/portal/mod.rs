//! The demo portal: a relying party such as any service could build, on the `openidconnect` crate, a
//! confidential client with the authorization code flow, PKCE, `state` and `nonce`. It knows nothing of the
//! provider but its issuer, its own registrations and what it reads in discovery.
//!
//! Here live its pages, its sessions and its verification of what the provider sends. Nothing of the provider
//! lives here, and nothing here is used by the provider.

mod backchannel;
mod callback;
mod claims;
mod cookies;
mod exchange;
#[cfg(test)]
mod flow_tests;
mod page;
mod provider;
mod sessions;
mod sign_in;
mod sign_out;

use std::io;
use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use url::Url;

use provider::Provider;
use sessions::{Arrivals, Departures, Sessions};

/// One registration of the portal at the provider.
#[derive(Clone)]
pub struct RelyingParty {
    /// The client's id, as registered.
    pub client_id: String,
    /// The client's secret; sent by HTTP Basic only.
    pub client_secret: String,
    /// What people see as the service's name.
    pub name: String,
    /// Scopes asked for; `openid` is always added.
    pub scopes: Vec<String>,
}

/// What the portal must be told.
#[derive(Clone)]
pub struct Settings {
    /// The provider's issuer identifier, exactly as discovery states it.
    pub issuer: String,
    /// Where browsers reach this portal, without a trailing slash.
    pub base_url: String,
    /// The portal's services; the first is the main one. Redirect URIs are `{base_url}/callback/{index}`.
    pub parties: Vec<RelyingParty>,
    /// Sent as `login_hint`, so that the provider can fill in the number.
    pub login_hint: Option<String>,
}

/// Starts serving on `listener` and returns the server, to be awaited and stopped by the caller.
///
/// The provider need not be up yet: it is looked for when somebody signs in.
///
/// # Errors
/// Fails when the issuer or the base URL is no URL, when there is no party, or when the listener is unusable.
pub fn start(listeners: Vec<TcpListener>, settings: Settings) -> io::Result<Server> {
    let portal = web::Data::new(Portal::new(settings)?);
    let server = HttpServer::new(move || App::new().app_data(portal.clone()).configure(routes));
    let server = server.workers(1).disable_signals();
    Ok(listeners.into_iter().try_fold(server, HttpServer::listen)?.run())
}

fn routes(app: &mut web::ServiceConfig) {
    app.app_data(web::FormConfig::default().limit(MAX_FORM_BYTES))
        .route("/", web::get().to(page::front))
        .route("/service/{index}", web::get().to(page::service))
        .route("/sign-in/{index}", web::get().to(sign_in::by_link))
        .route("/sign-in/{index}", web::post().to(sign_in::by_form))
        .route("/callback/{index}", web::get().to(callback::receive))
        .route("/refresh/{index}", web::post().to(callback::refresh))
        .route("/sign-out/{index}", web::post().to(sign_out::leave))
        .route("/signed-out", web::get().to(sign_out::left))
        .route("/backchannel-logout", web::post().to(backchannel::receive))
        .route("/static/portal.css", web::get().to(page::stylesheet))
        .route("/favicon.ico", web::get().to(HttpResponse::NoContent))
        .default_service(web::to(page::nowhere));
}

/// Forms carry at most a logout token.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// Everything a request may need; one per process.
struct Portal {
    base: Url,
    parties: Vec<RelyingParty>,
    login_hint: Option<String>,
    provider: Provider,
    arrivals: Arrivals,
    sessions: Sessions,
    departures: Departures,
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
            provider: Provider::new(&settings.issuer)?,
            arrivals: Arrivals::new(),
            sessions: Sessions::new(),
            departures: Departures::new(),
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

/// Seconds since the epoch, read at the edge only and handed down.
fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// A value nobody can guess: 256 bits, base64url.
fn random_id() -> String {
    openidconnect::CsrfToken::new_random_len(32).into_secret()
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}
