//! `POST /oidc/par` (RFC 9126): an authorization request, sent by the client itself before the browser is. It is checked as at
//! the authorization endpoint, where the browser then brings a `request_uri` alone.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::authorize::{self, Authorization};
use super::client_auth;
use super::error::{ErrorCode, TokenError};
use super::pushed_request::NotKept;
use crate::audit::Kind;
use crate::clients::{AuthMethod, Client};
use crate::platform::bytes::Digest;
use crate::platform::telemetry::client_of;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::{ClientNetwork, Counted};

/// RFC 9126 §2.2.
#[derive(Serialize)]
struct PushResponse {
    request_uri: String,
    expires_in: i64,
}

/// What proves the client and is no part of its request.
const PROOF: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// Takes a request.
pub(super) async fn post(endpoint: Data<Authorization>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match push(&endpoint, &request, &body).await {
        Ok(response) => respond::json(StatusCode::CREATED, &response),
        Err(error) => {
            let response = error.respond(&endpoint.provider.audit, Kind::PushRefused);
            match error.code {
                ErrorCode::TooManyRequests => respond::retry_after(response, endpoint.pushed.seconds),
                _ => response,
            }
        }
    }
}

async fn push(
    endpoint: &Authorization,
    request: &HttpRequest,
    body: &[u8],
) -> Result<PushResponse, TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&endpoint.provider, request, &params).await?;
    let kept = keep(endpoint, request, &client, params).await;
    let request_uri = kept.map_err(|error| error.of(&client.id))?;
    Ok(PushResponse { request_uri, expires_in: endpoint.pushed.seconds })
}

async fn keep(
    endpoint: &Authorization,
    request: &HttpRequest,
    client: &std::sync::Arc<Client>,
    params: Params,
) -> Result<String, TokenError> {
    // RFC 9126 §2.1: a pushed request does not refer to another one.
    if params.get("request_uri").is_some() {
        let description = "request_uri must not be pushed: push the parameters themselves";
        return Err(TokenError::new(ErrorCode::InvalidRequest, description));
    }
    let params = authorize::check_pushed(endpoint, client, params.without(&PROOF)).await?;
    let key = endpoint.provider.proofs.of_client(request, client).await?;
    let params = match key {
        Some(key) => bound(params, key)?,
        None => params,
    };
    let there = there(endpoint, request, client);
    endpoint.pushed.push(client, params, there.as_ref()).await.map_err(|not_kept| match not_kept {
        NotKept::TooLarge => TokenError::new(ErrorCode::TooLarge, "the pushed request is too large"),
        NotKept::TooMany => {
            TokenError::new(ErrorCode::TooManyRequests, "this client has pushed too many requests: wait")
        }
        NotKept::TooManyThere(group, index) => {
            if let Some(there) = &there {
                endpoint.sign_in.limits.exceeded(there, group, index);
            }
            let description =
                "too many requests of clients without a secret were pushed from this network: wait";
            TokenError::new(ErrorCode::TooManyRequests, description)
        }
        NotKept::Unavailable(unavailable) => unavailable.into(),
    })
}

/// The limits of where a request comes from, which hold for a client that proves nothing: anybody can push in its name.
fn there(endpoint: &Authorization, request: &HttpRequest, client: &Client) -> Option<Counted> {
    if client.authentication.method != AuthMethod::None {
        return None;
    }
    let digest = |text: &str| endpoint.networks.digest(&[text.as_bytes()]);
    let named = &endpoint.sign_in.settings.networks;
    let network = ClientNetwork::of(client_of(request).ip(), named, digest);
    Some(endpoint.sign_in.limits.of_push(&network, endpoint.pushed.seconds))
}

/// RFC 9449 §10.1: a request that is pushed with a proof of possession asks for a code that is bound to its key.
fn bound(params: Params, key: Digest) -> Result<Params, TokenError> {
    let thumbprint = key.encode();
    match params.get("dpop_jkt") {
        Some(named) if named != thumbprint => {
            let description = "the DPoP proof is not of the key that dpop_jkt names";
            Err(TokenError::new(ErrorCode::InvalidRequest, description))
        }
        Some(_) => Ok(params),
        None => Ok(params.with("dpop_jkt", thumbprint)),
    }
}
