//! Telling a service that there is an answer (CIBA Core §10.2): in the background, by the node at which the person decided, or by
//! another one where that was killed (`decisions.rs`). A service that cannot be told asks the token endpoint all the same, so
//! nothing is kept for later than the request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;
use url::Url;

use crate::audit::{Audit, Event, Kind};
use crate::clients::ClientId;
use crate::platform::outbound::{Outbound, OutboundError};

/// What a service is told with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ping {
    pub(super) auth_req_id: String,
    /// The bearer token by which the service knows this provider.
    pub(super) token: String,
}

/// Waits before each try.
const WAITS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(3), Duration::from_secs(15)];

/// Requests under way at a time, per node.
const IN_FLIGHT: usize = 64;

/// Of them to one host: one that hangs holds up nobody else's.
const TO_ONE_HOST: usize = 4;

/// Services that are being told. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pings {
    outbound: Outbound,
    audit: Audit,
    slots: Arc<Semaphore>,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// What follows a try.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    Told,
    /// It may be better in a moment.
    Again,
    /// It will not get better.
    Never,
}

impl Pings {
    pub(super) fn new(outbound: Outbound, audit: Audit) -> Self {
        Self { outbound, audit, slots: Arc::new(Semaphore::new(IN_FLIGHT)), hosts: Arc::default() }
    }

    /// The slots of a host. As many are kept as hosts are registered.
    fn of_host(&self, url: &Url) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = url.host_str().unwrap_or_default().to_owned();
        Arc::clone(hosts.entry(host).or_insert_with(|| Arc::new(Semaphore::new(TO_ONE_HOST))))
    }

    /// Tells a service at `url`; ends when it is told, or cannot be.
    pub(super) fn tell(
        &self,
        client: ClientId,
        url: Url,
        ping: Ping,
    ) -> impl Future<Output = ()> + Send + 'static {
        let pings = self.clone();
        async move {
            let mut reason = String::new();
            for wait in WAITS {
                tokio::time::sleep(wait).await;
                let host = pings.of_host(&url);
                // In this order: who waits for a host takes nobody's slot.
                let Ok(_of_host) = host.acquire().await else { return };
                let Ok(_slot) = pings.slots.acquire().await else { return };
                let body = json!({"auth_req_id": ping.auth_req_id});
                // What the service answers besides the status is not read.
                let answer = pings.outbound.post_json(&url, &ping.token, &body).await;
                let answer = answer.map(|answer| answer.status());
                match tried(&answer) {
                    Tried::Told => return,
                    Tried::Again => {}
                    Tried::Never => {
                        reason = told_why(&answer);
                        break;
                    }
                }
                reason = told_why(&answer);
            }
            let event = Event::new(Kind::PingFailed).client(client.as_str());
            pings.audit.record(event.reason(reason));
        }
    }
}

/// §10.2: success is 2xx; a redirect is not followed, and what the service refuses is not sent again.
fn tried(answer: &Result<u16, OutboundError>) -> Tried {
    match answer {
        Ok(200..=299) => Tried::Told,
        Ok(500..=599) => Tried::Again,
        Ok(_) | Err(OutboundError::Url | OutboundError::NotAllowed { .. }) => Tried::Never,
        Err(_) => Tried::Again,
    }
}

fn told_why(answer: &Result<u16, OutboundError>) -> String {
    match answer {
        Ok(status) => format!("status {status}"),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciba_10_2_only_what_may_get_better_is_tried_again() {
        assert_eq!([200, 204].map(|status| tried(&Ok(status))), [Tried::Told, Tried::Told]);
        for status in [301, 302, 307, 400, 401, 403, 404, 429] {
            assert_eq!(tried(&Ok(status)), Tried::Never, "{status}");
        }
        assert_eq!([500, 503].map(|status| tried(&Ok(status))), [Tried::Again, Tried::Again]);
        assert_eq!(tried(&Err(OutboundError::TimedOut)), Tried::Again);
        let host = "10.0.0.1".to_owned();
        assert_eq!(tried(&Err(OutboundError::NotAllowed { host })), Tried::Never);
    }
}
