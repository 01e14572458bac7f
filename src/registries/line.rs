//! The line to one register: its own connections, a bound on how many calls it gets at once, a circuit breaker, and one repetition
//! after a pause where a question may be asked twice. Whatever the register does, a call ends within its timeout.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use super::breaker::{Breaker, Turn};
use super::error::{ErrorKind, RegisterName, RegistryError};
use super::settings::LineSettings;
use super::token::Tokens;
use super::wire::{self, Heard, Unheard};
use crate::platform::bytes;
use crate::platform::clock::Clock;
use crate::platform::telemetry::Metrics;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// No request takes longer, whatever its line allows.
const LONGEST: Duration = Duration::from_secs(60);
/// For how long an idle connection is kept.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// The shortest pause before a repetition; up to twice that, by chance, so that many do not come back at once.
const PAUSE_MS: u64 = 80;

/// Whether a question may be asked twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It changes nothing, or changes the same thing twice.
    May,
    /// Only where it certainly did not arrive.
    MustNot,
}

/// How this provider proves itself to a register.
pub(super) enum Credentials {
    /// By the gateway's tokens.
    Gateway(Arc<Tokens>),
    /// By a token of its own.
    Bearer(SecretString),
    /// The network is the proof.
    None,
}

/// The line to one register.
pub(super) struct Line {
    pub name: RegisterName,
    /// Seconds for which an answer is used again.
    pub fresh: i64,
    /// What a check asks for.
    pub test_identifier: Option<String>,
    client: Client,
    base: String,
    credentials: Credentials,
    timeout: Duration,
    places: Semaphore,
    breaker: Breaker,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// The HTTP client of all registers: connections are kept by address, and calls at once are bounded by each line. Redirects are
/// not followed and proxies of the environment not used.
///
/// # Errors
/// When the system's TLS roots cannot be read.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(LONGEST)
        .pool_idle_timeout(POOL_IDLE)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
}

impl Line {
    /// `base` is where its services are; `(failures, rest)` the breaker's figures.
    pub(super) fn new(
        name: RegisterName,
        (client, base): (Client, &str),
        credentials: Credentials,
        settings: &LineSettings,
        (failures, rest): (u32, i64),
        (clock, metrics): (Clock, Arc<Metrics>),
    ) -> Self {
        Self {
            name,
            fresh: settings.fresh,
            test_identifier: settings.test_identifier.clone(),
            client,
            base: base.trim_end_matches('/').to_owned(),
            credentials,
            timeout: settings.timeout,
            places: Semaphore::new(settings.concurrent),
            breaker: Breaker::new(failures, rest),
            clock,
            metrics,
        }
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] alone: what the answer means is for its reader.
    pub(super) async fn post(&self, path: &str, body: Value, repeat: Repeat) -> Result<Heard, RegistryError> {
        self.call(repeat, |client, base| client.post(format!("{base}{path}")).json(&body)).await
    }

    /// Makes any request; `request` gets the client and the base URL without a slash at its end.
    ///
    /// # Errors
    /// As [`Line::post`].
    pub(super) async fn call(
        &self,
        repeat: Repeat,
        request: impl Fn(&Client, &str) -> RequestBuilder,
    ) -> Result<Heard, RegistryError> {
        let unavailable = |since| RegistryError::new(self.name, ErrorKind::Unavailable { since });
        let permit = self.breaker.permit(self.clock.now()).map_err(|since| {
            self.metrics.registry_calls(self.name.name(), "resting").inc();
            unavailable(since)
        })?;
        let deadline = Instant::now() + self.timeout;
        let Ok(Ok(_place)) = timeout_at(deadline, self.places.acquire()).await else {
            // All places are taken, which says nothing that their calls do not say.
            self.metrics.registry_calls(self.name.name(), "crowded").inc();
            return Err(unavailable(self.breaker.failing_since().unwrap_or_else(|| self.clock.now())));
        };
        let heard = timeout_at(deadline, self.exchange(repeat, &request)).await.unwrap_or(Err(Unheard::Lost));
        let reason = match &heard {
            Ok(heard) if is_broken(heard) => heard.status.as_str().to_owned(),
            Ok(_) => String::new(),
            Err(unheard) => unheard.name().to_owned(),
        };
        match heard {
            Ok(heard) if !is_broken(&heard) => {
                self.told(permit.answered());
                Ok(heard)
            }
            _ => {
                let now = self.clock.now();
                self.told(permit.failed(now));
                self.metrics.registry_calls(self.name.name(), "failed").inc();
                let register = self.name.name();
                tracing::warn!(event = "registry.failed", register, reason, "a register gave no answer");
                Err(unavailable(self.breaker.failing_since().unwrap_or(now)))
            }
        }
    }

    fn told(&self, turn: Turn) {
        let register = self.name.name();
        self.metrics.registry_open(register).set(i64::from(self.breaker.is_open()));
        match turn {
            Turn::Opened => {
                tracing::warn!(event = "registry.resting", register, "a register is left alone for a while");
            }
            Turn::Closed => tracing::info!(event = "registry.back", register, "a register answers again"),
            Turn::None => {}
        }
    }

    async fn exchange(
        &self,
        repeat: Repeat,
        request: &impl Fn(&Client, &str) -> RequestBuilder,
    ) -> Result<Heard, Unheard> {
        let first = self.authorised(request).await;
        let again = match &first {
            Err(Unheard::NotSent) => true,
            Err(Unheard::Lost | Unheard::NotJson) => repeat == Repeat::May,
            Err(Unheard::TooLong) => false,
            Ok(heard) => repeat == Repeat::May && is_broken(heard),
        };
        if !again {
            return first;
        }
        let [chance] = bytes::random::<1>();
        sleep(Duration::from_millis(PAUSE_MS + PAUSE_MS * u64::from(chance) / 256)).await;
        self.authorised(request).await
    }

    async fn authorised(&self, request: &impl Fn(&Client, &str) -> RequestBuilder) -> Result<Heard, Unheard> {
        let request = request(&self.client, &self.base);
        match &self.credentials {
            Credentials::None => send(request).await,
            Credentials::Bearer(token) => send(request.bearer_auth(token.expose_secret())).await,
            Credentials::Gateway(tokens) => {
                let token = tokens.get().await.map_err(|_| Unheard::NotSent)?;
                // A body that is streamed could not be sent twice; these are not.
                let second = request.try_clone();
                let heard = send(request.bearer_auth(token.expose_secret())).await?;
                match second {
                    Some(second) if heard.status == StatusCode::UNAUTHORIZED => {
                        let token = tokens.renewed(&token).await.map_err(|_| Unheard::NotSent)?;
                        send(second.bearer_auth(token.expose_secret())).await
                    }
                    _ => Ok(heard),
                }
            }
        }
    }
}

async fn send(request: RequestBuilder) -> Result<Heard, Unheard> {
    let response = request.send().await.map_err(|error| {
        if error.is_connect() || error.is_builder() { Unheard::NotSent } else { Unheard::Lost }
    })?;
    wire::read(response).await
}

/// Whether a status says that the register, or what stands before it, is out of order. Some services say with 500 that they
/// found nothing.
fn is_broken(heard: &Heard) -> bool {
    let status = heard.status;
    (status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS)
        && wire::verdict(heard, &[]) != wire::Verdict::NotFound
}
