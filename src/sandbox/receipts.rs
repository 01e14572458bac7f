//! Delivery reports: an accepted message is sent to the mobile operator, then delivered,
//! and each step is reported to the sender's server.

use std::io;
use std::time::Duration;

use actix_web::rt;
use actix_web::web;
use reqwest::{Client, RequestBuilder, redirect};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::Sandbox;
use super::messages::{Message, State};
use super::switches::{Behaviour, Switch};

/// Delays from acceptance to the operator, and from the operator to delivery; real ones take
/// seconds.
const STEP: Duration = Duration::from_millis(200);

/// Timeout of a delivery report.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of concurrent delivery reports.
const AT_ONCE: usize = 32;

/// Sends delivery reports to the sender's server. Each is sent once: a sender that missed one queries the
/// status, as with the real gateways.
pub(super) struct Courier {
    client: Client,
    places: Semaphore,
}

impl Courier {
    /// # Errors
    /// If the HTTP client cannot be created.
    pub(super) fn new() -> io::Result<Self> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            // The sender runs on this machine, and its certificate, if any, is self-signed.
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { client, places: Semaphore::new(AT_ONCE) })
    }

    /// The HTTP client, for whoever opens the provider's pages.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// The page that a request is answered with; a redirect is none.
    pub(super) async fn page(&self, request: RequestBuilder) -> Result<String, String> {
        let told = |error: reqwest::Error| error.without_url().to_string();
        let answer = request.send().await.map_err(told)?;
        if answer.status().is_success() {
            answer.text().await.map_err(told)
        } else {
            Err(format!("the page answered {}", answer.status()))
        }
    }

    async fn carry(&self, receipt: RequestBuilder) {
        // The semaphore is never closed.
        let Ok(_place) = self.places.acquire().await else { return };
        // A callback URL contains a secret and must not be logged.
        match receipt.send().await.map_err(reqwest::Error::without_url) {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => tracing::warn!(http.status = answer.status().as_u16(), "delivery report refused"),
            Err(error) => tracing::warn!(%error, "delivery report not sent"),
        }
    }
}

/// The delivery of the messages of one request.
pub(super) struct Course<W> {
    /// [`Message::number`]s.
    pub numbers: Vec<u64>,
    /// The gateway's behaviour when the messages were accepted.
    pub behaviour: Behaviour,
    /// Builds the delivery reports for messages in a new state; without it, nothing is
    /// reported.
    pub write: Option<W>,
}

/// Delivers messages, in the background.
pub(super) fn follow<W>(sandbox: web::Data<Sandbox>, course: Course<W>)
where
    W: Fn(&Client, &[&Message], OffsetDateTime) -> Vec<RequestBuilder> + 'static,
{
    rt::spawn(async move {
        for state in [State::Submitted, State::Delivered] {
            if state == State::Delivered && course.behaviour.is(Switch::Drop) {
                return;
            }
            rt::time::sleep(STEP).await;
            for receipt in step(&sandbox, &course, state) {
                sandbox.courier.carry(receipt).await;
            }
        }
    });
}

fn step<W>(sandbox: &Sandbox, course: &Course<W>, state: State) -> Vec<RequestBuilder>
where
    W: Fn(&Client, &[&Message], OffsetDateTime) -> Vec<RequestBuilder>,
{
    let now = OffsetDateTime::now_utc();
    let mut messages = sandbox.messages();
    for number in &course.numbers {
        messages.advance(*number, state, now);
    }
    let Some(write) = course.write.as_ref().filter(|_| !course.behaviour.is(Switch::LoseReceipts)) else {
        return Vec::new();
    };
    let reached: Vec<&Message> = course.numbers.iter().filter_map(|number| messages.get(*number)).collect();
    if reached.is_empty() {
        return Vec::new();
    }
    let copies = if course.behaviour.is(Switch::Duplicate) { 2 } else { 1 };
    (0..copies).flat_map(|_| write(&sandbox.courier.client, &reached, now)).collect()
}
