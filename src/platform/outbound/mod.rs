//! Requests to URLs of third parties: clients' logout endpoints, key sets and the like (SSRF protection). A registered
//! URL must not reach this machine, its network or its cloud.
//!
//! The name is resolved once per request, its addresses are checked, and only those are connected to. Connections
//! are reused while the name resolves to the same addresses. Redirects and proxies of the environment are not used, and
//! time and size are bounded. SMS gateways, which operators configure, do not use this client.

mod address;
mod error;
mod reach;
mod settings;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, redirect};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use self::address::is_public;
pub use self::error::OutboundError;
pub(crate) use self::reach::{is_loopback, is_private, is_private_address};
pub use self::settings::{Allowed, OutboundSettings};

/// Maximum size of a response, in bytes.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// Timeout of a request, including DNS and reading the response.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout of a DNS lookup.
const DNS_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum number of hosts with cached connections.
const MAX_HOSTS: u64 = 64;

/// How long an idle connection is kept.
const KEPT: Duration = Duration::from_secs(30);

/// A response of any status.
#[derive(Debug)]
pub struct Response {
    answer: reqwest::Response,
    deadline: Instant,
}

impl Response {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.answer.status().as_u16()
    }

    /// Reads the body, at most [`MAX_RESPONSE_BYTES`], within the timeout of the request.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn body(mut self) -> Result<Vec<u8>, OutboundError> {
        let whole = async {
            let mut body = Vec::new();
            while let Some(chunk) = self.answer.chunk().await? {
                if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                    return Err(OutboundError::TooLong);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body)
        };
        timeout_at(self.deadline, whole).await.unwrap_or(Err(OutboundError::TimedOut))
    }
}

/// Resolves a host and port.
type LookUp = dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// The guarded HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    settings: Arc<OutboundSettings>,
    trusting: bool,
    look_up: Arc<LookUp>,
    /// Clients by host and the addresses that they are bound to.
    clients: Cache<(Target, Vec<SocketAddr>), Client>,
    timeout: Duration,
}

/// The target of a URL.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Target {
    /// As in the URL, IPv6 addresses in brackets.
    host: String,
    port: u16,
}

impl Outbound {
    /// A client that reaches public addresses, and the private ones that `settings` allow. Certificates of the latter are
    /// not verified if `trusting`: test suites use self-signed ones.
    pub fn new(settings: OutboundSettings, trusting: bool) -> Self {
        let look_up = |host: String, port| -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        };
        Self {
            settings: Arc::new(settings),
            trusting,
            look_up: Arc::new(look_up),
            clients: Cache::builder().max_capacity(MAX_HOSTS).time_to_idle(KEPT).build(),
            timeout: TIMEOUT,
        }
    }

    /// Posts a form.
    ///
    /// # Errors
    /// [`OutboundError`]; an error status is not an error here.
    pub async fn post_form(&self, url: &Url, fields: &[(&str, &str)]) -> Result<Response, OutboundError> {
        self.call(url, |client| client.post(url.clone()).form(fields)).await
    }

    /// Posts JSON as the bearer of a token (RFC 6750 §2.1).
    ///
    /// # Errors
    /// [`OutboundError`]; an error status is not an error here.
    pub async fn post_json(
        &self,
        url: &Url,
        bearer: &str,
        body: &serde_json::Value,
    ) -> Result<Response, OutboundError> {
        let call = |client: &Client| {
            let request = client.post(url.clone()).bearer_auth(bearer);
            request.header(CONTENT_TYPE, "application/json").body(body.to_string())
        };
        self.call(url, call).await
    }

    /// Posts a security event token (RFC 8935 §2.1), with this `Authorization` if there is one.
    ///
    /// # Errors
    /// [`OutboundError`]; an error status is not an error here.
    pub async fn post_event(
        &self,
        url: &Url,
        authorization: Option<&str>,
        token: String,
    ) -> Result<Response, OutboundError> {
        let call = |client: &Client| {
            let request = client.post(url.clone()).header(CONTENT_TYPE, "application/secevent+jwt");
            let request = request.header(ACCEPT, "application/json").body(token);
            match authorization {
                Some(authorization) => request.header(AUTHORIZATION, authorization),
                None => request,
            }
        };
        self.call(url, call).await
    }

    /// Fetches a resource.
    ///
    /// # Errors
    /// [`OutboundError`]; an error status is not an error here.
    pub async fn get(&self, url: &Url) -> Result<Response, OutboundError> {
        self.call(url, |client| client.get(url.clone())).await
    }

    async fn call(
        &self,
        url: &Url,
        request: impl FnOnce(&Client) -> RequestBuilder,
    ) -> Result<Response, OutboundError> {
        let deadline = Instant::now() + self.timeout;
        let whole = async {
            let target = Target::of(url)?;
            let addresses = self.addresses(&target).await?;
            let client = self.client(target, &addresses)?;
            Ok(Response { answer: request(&client).send().await?, deadline })
        };
        timeout_at(deadline, whole).await.unwrap_or(Err(OutboundError::TimedOut))
    }

    /// The allowed addresses of `target`, in the order in which they are tried.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, OutboundError> {
        let (host, port) = (target.bare_host(), target.port);
        let found = timeout(DNS_TIMEOUT, (self.look_up)(host.to_owned(), port)).await;
        let found = found.map_err(|_| OutboundError::TimedOut)?;
        let found = found.map_err(|source| OutboundError::LookUp { host: host.to_owned(), source })?;
        let allowed = |ip| is_public(ip) || self.settings.permits(host, port, ip);
        let addresses: Vec<_> = found.into_iter().filter(|address| allowed(address.ip())).collect();
        if addresses.is_empty() {
            Err(OutboundError::NotAllowed { host: host.to_owned() })
        } else {
            Ok(addresses)
        }
    }

    /// A client that connects only to `addresses`.
    fn client(&self, target: Target, addresses: &[SocketAddr]) -> Result<Client, OutboundError> {
        let mut answer = addresses.to_vec();
        answer.sort_unstable();
        let key = (target, answer);
        if let Some(client) = self.clients.get(&key) {
            return Ok(client);
        }
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_idle_timeout(KEPT)
            .resolve_to_addrs(&key.0.host, addresses)
            .danger_accept_invalid_certs(self.trusts(addresses))
            .build()
            .map_err(OutboundError::Client)?;
        self.clients.insert(key, client.clone());
        Ok(client)
    }

    /// Whether certificates are not verified: never if one of the addresses is public.
    fn trusts(&self, addresses: &[SocketAddr]) -> bool {
        self.trusting && addresses.iter().all(|address| !is_public(address.ip()))
    }
}

impl Target {
    fn of(url: &Url) -> Result<Self, OutboundError> {
        let plain = url.username().is_empty() && url.password().is_none();
        match (url.scheme(), url.host_str(), url.port_or_known_default()) {
            ("http" | "https", Some(host), Some(port)) if plain => Ok(Self { host: host.to_owned(), port }),
            _ => Err(OutboundError::Url),
        }
    }

    fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

#[cfg(test)]
mod tests;
