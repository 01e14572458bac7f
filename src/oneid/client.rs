//! The service's server: who it is, whether it may use the protocol, from where and how often.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::OneId;
use super::error::{Code, Refusal};
use super::params::Params;
use crate::clients::{Client, ClientId, ClientSecret, OneIdPolicy, Suspension};
use crate::platform::ephemeral::EphemeralKey;
use crate::platform::telemetry::client_of;
use crate::sign_in::WINDOWS;

/// What requests are counted by, in seconds.
const MINUTE: i64 = 60;

/// A client that has proved who it is and may use the protocol.
pub(super) struct Proven<'a> {
    pub(super) client: &'a Client,
    pub(super) policy: &'a OneIdPolicy,
}

/// The client that sent the request, by its secret. An unknown one costs the same as a wrong secret and is told the same.
pub(super) fn authenticate(oneid: &OneId, params: &Params) -> Result<Arc<Client>, Refusal> {
    let id = params.get("client_id").unwrap_or_default();
    let secret = ClientSecret::given(params.get("client_secret").unwrap_or_default());
    let client = ClientId::parse(id).and_then(|id| oneid.clients.find(&id));
    let proven = match &client {
        Some(client) => client.authentication.accepts(&secret, oneid.clock.now()),
        None => {
            std::hint::black_box(ClientSecret::given("nobody").digest().matches(&secret));
            false
        }
    };
    match client {
        Some(client) if proven && !client.disabled => Ok(client),
        Some(client) if proven && client.suspension.is_some() => {
            let why = client.suspension.map_or("", Suspension::description);
            Err(Refusal::new(Code::Client, why).of_client(&client.id))
        }
        _ => {
            let printable: String = id.chars().filter(char::is_ascii_graphic).take(64).collect();
            Err(Refusal::new(Code::ClientSecret, "client authentication failed").of(printable))
        }
    }
}

/// Holds a client that has proved who it is against its registration, and counts the request.
pub(super) async fn admitted<'a>(
    oneid: &OneId,
    request: &HttpRequest,
    client: &'a Client,
) -> Result<Proven<'a>, Refusal> {
    let Some(policy) = &client.oneid else {
        return Err(Refusal::new(Code::Client, "the registration does not have oneid = true"));
    };
    if !policy.admits(client_of(request).ip()) {
        return Err(Refusal::new(Code::Address, "the request comes from none of oneid_addresses"));
    }
    let window = EphemeralKey::of(WINDOWS, &format!("oneid/{}", client.id));
    if oneid.sign_in.ephemeral.count(window, MINUTE).await? > policy.requests_per_minute {
        let limit = Refusal::new(Code::Limit, "more than oneid_requests_per_minute in this minute");
        return Err(limit.retry_after(MINUTE));
    }
    Ok(Proven { client, policy })
}
