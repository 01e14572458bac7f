//! The transmitter of the Shared Signals Framework 1.0: what services may do with their streams of security events, and how
//! events reach them: pushed (RFC 8935, `deliver.rs`) or polled (RFC 8936, `poll.rs`). What happened and whom it concerns is stored
//! by `signals`.

mod deliver;
mod poll;
mod set;
mod streams;
mod subjects;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::{ErrorCode, TokenError};
use super::presented::{self, Scheme};
use super::{Provider, Tokens, paths};
use crate::audit::{Event, Kind};
use crate::clients::Client;
use crate::platform::outbound::Outbound;
use crate::platform::web::respond;
use crate::signals::{Signals, Stream};

use deliver::Slots;
pub(super) use poll::post as poll;
pub(super) use streams::{create, delete, get, patch, put, status_get, status_post};
pub(super) use subjects::{add, remove, verify};

/// Scope of a token that may read streams and their events.
pub(super) const READ: &str = "ssf.read";
/// Scope of a token that may do everything with streams.
pub(super) const MANAGE: &str = "ssf.manage";

/// Delivery by push (SSF 1.0 §6.1.1).
const PUSH: &str = "urn:ietf:rfc:8935";
/// Delivery by poll (SSF 1.0 §6.1.2).
const POLL: &str = "urn:ietf:rfc:8936";

/// Seconds between two verification events of a stream.
const VERIFICATION_SECONDS: i64 = 60;

/// The longest body, in bytes.
const LONGEST: usize = 64 * 1024;

/// What the endpoints and the sender need. Cheap to clone.
#[derive(Clone)]
pub struct Transmitter {
    provider: Provider,
    tokens: Tokens,
    signals: Signals,
    outbound: Outbound,
    slots: Arc<Slots>,
}

impl Transmitter {
    /// Of what is stored in `signals`, calling services through `outbound`.
    pub fn new(tokens: Tokens, signals: Signals, outbound: Outbound) -> Self {
        Self { provider: tokens.provider.clone(), tokens, signals, outbound, slots: Arc::default() }
    }

    /// Streams and events.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }
}

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Read,
    Manage,
}

/// `GET /.well-known/ssf-configuration` (SSF 1.0 §7).
pub(super) async fn configuration(transmitter: Data<Transmitter>) -> HttpResponse {
    let issuer = &*transmitter.provider.issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let document = json!({
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": at(paths::JWKS),
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": at(paths::SSF_STREAMS),
        "status_endpoint": at(paths::SSF_STATUS),
        "add_subject_endpoint": at(paths::SSF_ADD_SUBJECT),
        "remove_subject_endpoint": at(paths::SSF_REMOVE_SUBJECT),
        "verification_endpoint": at(paths::SSF_VERIFY),
        "authorization_schemes": [{ "spec_urn": "urn:ietf:rfc:6749" }],
        "default_subjects": "ALL",
    });
    let mut response = respond::json(StatusCode::OK, &document);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// Answers a request of the client whose token it shows.
async fn answer(
    transmitter: &Transmitter,
    request: &HttpRequest,
    needs: Needs,
    act: impl AsyncFnOnce(&Client) -> Result<HttpResponse, TokenError>,
) -> HttpResponse {
    let audit = &transmitter.provider.audit;
    let (scheme, token) = match presented::in_header(request) {
        Ok(Some(presented)) => presented,
        Ok(None) => return presented::wanted(),
        Err(error) => {
            error.record(audit, Kind::SignalsRefused, None);
            return presented::challenge(Scheme::Bearer, &error);
        }
    };
    let error = match client(transmitter, request, (scheme, &token), needs).await {
        Ok(client) => match act(&client).await {
            Ok(response) => return transmitter.provider.proofs.renewed(response, &client),
            Err(error) => error.of(&client.id),
        },
        Err(error) => error,
    };
    error.record(audit, Kind::SignalsRefused, None);
    let of_token = matches!(
        error.code,
        ErrorCode::InvalidToken
            | ErrorCode::InsufficientScope
            | ErrorCode::InvalidDpopProof
            | ErrorCode::UseDpopNonce
    );
    if of_token { presented::challenge(scheme, &error) } else { error.answer() }
}

/// The client that shows a token of its own with the scope that is needed.
async fn client(
    transmitter: &Transmitter,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
    needs: Needs,
) -> Result<Arc<Client>, TokenError> {
    let (provider, tokens) = (&transmitter.provider, &transmitter.tokens);
    let invalid =
        || TokenError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked");
    let token = tokens.access_tokens.resolve(text).await?.ok_or_else(invalid)?;
    let found = async {
        presented::proven(provider, request, (scheme, text), &token).await?;
        if token.elsewhere {
            let words = "the access token is for other resource servers";
            return Err(TokenError::new(ErrorCode::InvalidToken, words));
        }
        let client = provider.clients.find(&token.client_id).ok_or_else(invalid)?;
        let fits = |scope: &str| scope == MANAGE || (scope == READ && needs == Needs::Read);
        if token.person.is_some() || !token.scope.split(' ').any(fits) || !client.tokens.shared_signals {
            let words = match needs {
                Needs::Read => "a token of client_credentials with scope ssf.read or ssf.manage is needed",
                Needs::Manage => "a token of client_credentials with scope ssf.manage is needed",
            };
            return Err(TokenError::new(ErrorCode::InsufficientScope, words));
        }
        Ok(client)
    };
    found.await.map_err(|error: TokenError| error.of(&token.client_id))
}

/// The JSON object of a request.
fn body<T: DeserializeOwned>(body: &Bytes) -> Result<T, TokenError> {
    if body.len() > LONGEST {
        return Err(TokenError::new(ErrorCode::TooLarge, "the request is larger than 64 kilobytes"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let words = "the body must be a JSON object with members of the types that SSF 1.0 gives them";
        let place = format!("at line {} column {}", error.line(), error.column());
        TokenError::new(ErrorCode::InvalidRequest, words).because(place)
    })
}

/// The client's stream of that identifier.
async fn stream(transmitter: &Transmitter, client: &Client, id: &str) -> Result<Stream, TokenError> {
    let stream = transmitter.signals.stream_of(&client.id).await?;
    let unknown = || TokenError::new(ErrorCode::NoSuchStream, "the client has no stream of this stream_id");
    stream.filter(|stream| stream.id == id).ok_or_else(unknown)
}

fn no_content() -> HttpResponse {
    HttpResponse::NoContent().insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).finish()
}

fn told(value: &Value) -> HttpResponse {
    respond::json(StatusCode::OK, value)
}

fn record(transmitter: &Transmitter, client: &Client, what: &'static str) {
    let event = Event::new(Kind::StreamChanged).client(client.id.as_str()).reason(what);
    transmitter.provider.audit.record(event);
}

/// What fuzz targets reach: bodies of requests.
#[cfg(fuzzing)]
pub(super) fn fuzz(text: &[u8]) {
    let text = Bytes::copy_from_slice(text);
    let _ = body::<streams::Wanted>(&text);
    let _ = body::<subjects::Subject>(&text);
    let _ = body::<poll::Poll>(&text);
}
