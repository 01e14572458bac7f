//! Calls to addresses that others name: clients' logout endpoints, key sets and the like. Whoever registers a URL must not
//! reach this machine, its network or its cloud by it.
//!
//! The address that a name stands for is looked up once a call, judged, and is the one that is connected to. Connections
//! are kept for as long as the look-up says the same. There are no redirects, no proxies from the environment, and neither
//! time nor size without a bound. Gateways that operators configure are not called from here.

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
use reqwest::{Client, RequestBuilder, redirect};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use self::address::is_public;
pub use self::error::OutboundError;
pub(crate) use self::reach::{is_loopback, is_private};
pub use self::settings::{Allowed, OutboundSettings};

/// The longest answer that is read, in bytes.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// How long a call may take, the look-up of its name and the reading of its answer included.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the look-up of a name may take.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(3);

/// Hosts whose connections are kept.
const MAX_HOSTS: u64 = 64;

/// How long an idle connection is kept, and what is known of its host.
const KEPT: Duration = Duration::from_secs(30);

/// What came back, whatever its status.
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

    /// Reads the body, at most [`MAX_RESPONSE_BYTES`] of it and for no longer than the whole call may take.
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

/// Looks up the addresses of a host at a port.
type LookUp = dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// The guarded HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    settings: Arc<OutboundSettings>,
    trusting: bool,
    look_up: Arc<LookUp>,
    /// Clients by host, and by the addresses that they are bound to: another answer of the look-up is another client.
    clients: Cache<(Target, Vec<SocketAddr>), Client>,
    patience: Duration,
}

/// Where a URL leads.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Target {
    /// As the URL writes it, IPv6 addresses in brackets.
    host: String,
    port: u16,
}

impl Outbound {
    /// A client that reaches public addresses, and the private ones that `settings` allow. Certificates of the latter need
    /// not verify if `trusting`: test suites sign their own.
    pub fn new(settings: OutboundSettings, trusting: bool) -> Self {
        let look_up = |host: String, port| -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        };
        Self {
            settings: Arc::new(settings),
            trusting,
            look_up: Arc::new(look_up),
            clients: Cache::builder().max_capacity(MAX_HOSTS).time_to_idle(KEPT).build(),
            patience: PATIENCE,
        }
    }

    /// Posts a form.
    ///
    /// # Errors
    /// [`OutboundError`]; statuses are no errors.
    pub async fn post_form(&self, url: &Url, fields: &[(&str, &str)]) -> Result<Response, OutboundError> {
        self.call(url, |client| client.post(url.clone()).form(fields)).await
    }

    /// Fetches a resource.
    ///
    /// # Errors
    /// [`OutboundError`]; statuses are no errors.
    pub async fn get(&self, url: &Url) -> Result<Response, OutboundError> {
        self.call(url, |client| client.get(url.clone())).await
    }

    async fn call(
        &self,
        url: &Url,
        request: impl FnOnce(&Client) -> RequestBuilder,
    ) -> Result<Response, OutboundError> {
        let deadline = Instant::now() + self.patience;
        let whole = async {
            let target = Target::of(url)?;
            let addresses = self.addresses(&target).await?;
            let client = self.client(target, &addresses)?;
            Ok(Response { answer: request(&client).send().await?, deadline })
        };
        timeout_at(deadline, whole).await.unwrap_or(Err(OutboundError::TimedOut))
    }

    /// The addresses of `target` that may be reached, in the order in which they are to be tried.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, OutboundError> {
        let (host, port) = (target.bare_host(), target.port);
        let found = timeout(LOOK_UP_PATIENCE, (self.look_up)(host.to_owned(), port)).await;
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

    /// The client that connects to `addresses` and nowhere else.
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

    /// Whether certificates need not verify: not if a single public address is among those that may be connected to.
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
