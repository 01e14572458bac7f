//! Clients proving themselves (RFC 6749 §2.3) at the token, introspection and revocation endpoints, where requests are pushed
//! (RFC 9126 §2) and where devices ask for codes (RFC 8628 §3.1). A secret may stand in the header or in the body, whichever of the two was registered: client libraries differ in which they try first. Signed
//! assertions are in `assertion.rs`, certificates of the TLS connection in `certificate.rs`.
//!
//! An assertion is for the issuer, at every endpoint: RFC 9126 §2 lets the pushed-request endpoint's address be its `aud` as well,
//! and that is refused like the others' unless the registration allows it, as FAPI 2.0 wants.

mod assertion;
mod certificate;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Provider;
use super::error::{ErrorCode, TokenError};
use super::resource;
use crate::clients::{AuthMethod, Client, ClientId, ClientSecret};
use crate::platform::web::params::Params;

/// Reads the body of a request to one of these endpoints.
///
/// # Errors
/// `invalid_request` when it is not a form, or a parameter is repeated (RFC 6749 §3.2) that may not be (RFC 8707 §2).
pub(super) fn form(request: &HttpRequest, body: &[u8]) -> Result<Params, TokenError> {
    let params = Params::of_form(request, body)
        .map_err(|error| TokenError::new(ErrorCode::InvalidRequest, error.0))?;
    if params.repeated_besides(&[resource::NAME]).is_some() {
        return Err(TokenError::new(ErrorCode::InvalidRequest, "a parameter is repeated"));
    }
    Ok(params)
}

/// The client that sent the request. A public client only says who it is: what it presents must be bound to it.
///
/// # Errors
/// `invalid_client`, or `invalid_request` when two methods are used at once.
pub(super) async fn authenticate(
    provider: &Provider,
    request: &HttpRequest,
    params: &Params,
) -> Result<Arc<Client>, TokenError> {
    let Some(assertion) = assertion::of_request(params)? else {
        return match showing_certificate(provider, request, params) {
            Some(client) => certificate::client(provider, request, client).await.and_then(approved),
            None => by_secret(provider, request, params),
        };
    };
    if request.headers().contains_key(AUTHORIZATION) || params.get("client_secret").is_some() {
        return Err(two_methods());
    }
    assertion::client(provider, request.path(), params, assertion).await
}

/// The client that a request names without a secret, if it is one that shows a certificate.
fn showing_certificate(provider: &Provider, request: &HttpRequest, params: &Params) -> Option<Arc<Client>> {
    if request.headers().contains_key(AUTHORIZATION) || params.get("client_secret").is_some() {
        return None;
    }
    let client = provider.clients.find(&ClientId::parse(params.get("client_id")?)?)?;
    let usable = !client.disabled || client.pending || client.suspension.is_some();
    (client.authentication.method.shows_certificate() && usable).then_some(client)
}

/// What a client is told that registered itself and may not be used yet.
fn awaits_approval() -> TokenError {
    TokenError::new(
        ErrorCode::UnauthorizedClient,
        "the client waits for approval by the operator of the provider and cannot be used yet",
    )
}

/// Why a client that has proven itself cannot be used, if it waits or its contract shuts it out.
fn turned_away(client: &Client) -> Option<TokenError> {
    if client.pending {
        return Some(awaits_approval().of(&client.id));
    }
    let suspension = client.suspension?;
    let error = TokenError::new(ErrorCode::UnauthorizedClient, suspension.description()).of(&client.id);
    Some(match &client.contract {
        Some(contract) => error.because(format!("the contract is {}", contract.id())),
        None => error,
    })
}

/// Whoever has proven to be a client learns that it waits, or that its contract is not in force; anybody else does not.
fn approved(client: Arc<Client>) -> Result<Arc<Client>, TokenError> {
    turned_away(&client).map_or(Ok(client), Err)
}

fn two_methods() -> TokenError {
    TokenError::new(ErrorCode::InvalidRequest, "multiple client authentication methods")
}

/// The client that sent its secret, or has none to send.
fn by_secret(provider: &Provider, request: &HttpRequest, params: &Params) -> Result<Arc<Client>, TokenError> {
    let (clients, now) = (&provider.clients, provider.clock.now());
    let header = request.headers().get_all(AUTHORIZATION).collect::<Vec<_>>();
    let refused = |basic: bool| TokenError { basic, ..TokenError::new(ErrorCode::InvalidClient, FAILED) };
    let (id, secret, basic) = match header.as_slice() {
        [] => {
            let id = params.get("client_id").ok_or_else(|| refused(false))?;
            (id.to_owned(), params.get("client_secret").map(ClientSecret::given), false)
        }
        [header] => {
            let (id, secret) =
                header.to_str().ok().and_then(basic_credentials).ok_or_else(|| refused(true))?;
            if params.get("client_secret").is_some() {
                return Err(two_methods());
            }
            if params.get("client_id").is_some_and(|other| other != id) {
                return Err(TokenError::new(
                    ErrorCode::InvalidRequest,
                    "client_id differs from the one in the Authorization header",
                ));
            }
            (id, Some(ClientSecret::given(&secret)), true)
        }
        _ => return Err(TokenError::new(ErrorCode::InvalidRequest, "the Authorization header is repeated")),
    };
    let client = ClientId::parse(&id).and_then(|id| clients.find(&id));
    let proven = match (&client, &secret) {
        (Some(client), secret) if client.authentication.method == AuthMethod::None => secret.is_none(),
        (Some(client), Some(secret)) => client.authentication.accepts(secret, now),
        // An unknown client costs the same as a wrong secret.
        (None, Some(secret)) => {
            std::hint::black_box(ClientSecret::given("nobody").digest().matches(secret));
            false
        }
        (_, None) => false,
    };
    match client {
        Some(client) if proven && !client.disabled => Ok(client),
        Some(client) if proven && (client.pending || client.suspension.is_some()) => approved(client),
        _ => {
            let description =
                client.filter(|client| !client.disabled).map_or(FAILED, |client| wanted(&client));
            Err(TokenError { client: Some(printable(&id)), description, ..refused(basic) })
        }
    }
}

const FAILED: &str = "client authentication failed";

/// What a client that did not send its secret is told: how it is registered is no secret.
fn wanted(client: &Client) -> &'static str {
    match client.authentication.method {
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::None => FAILED,
        AuthMethod::PrivateKeyJwt => {
            "client authentication failed: the client is registered for private_key_jwt, which needs client_assertion"
        }
        AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth => {
            "client authentication failed: the client shows a certificate, and sends client_id and nothing else"
        }
        AuthMethod::ClientSecretJwt => {
            "client authentication failed: the client is registered for client_secret_jwt, which needs client_assertion"
        }
    }
}

/// RFC 6749 §2.3.1: identifier and secret are form-encoded before they are joined.
pub(super) fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let raw = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = raw.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    // Parsing "=text" as a form yields one pair with an empty name and the decoded text; an ampersand in a secret
    // that a client forgot to encode must not cut it.
    let escaped = text.replace('&', "%26");
    url::form_urlencoded::parse(format!("={escaped}").as_bytes()).next().map(|(_, value)| value.into_owned())
}

/// An identifier that came from outside, fit for a log line.
fn printable(id: &str) -> String {
    id.chars().filter(char::is_ascii_graphic).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_decoded() {
        let header = format!("Basic {}", STANDARD.encode("my%3Aclient:se%20cret%2B"));
        assert_eq!(basic_credentials(&header), Some(("my:client".to_owned(), "se cret+".to_owned())));
        assert_eq!(basic_credentials("Bearer abc"), None);
        assert_eq!(basic_credentials("Basic !!!"), None);
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;
    use url::form_urlencoded::byte_serialize;

    proptest! {
        #[test]
        fn no_header_is_too_odd_to_be_looked_at(header in "\\PC*", raw in prop::collection::vec(any::<u8>(), 0..200)) {
            basic_credentials(&header);
            basic_credentials(&format!("Basic {}", STANDARD.encode(raw)));
        }

        #[test]
        fn what_a_client_encodes_is_decoded_as_it_was(id in "\\PC{0,80}", secret in "\\PC{0,80}") {
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let header = STANDARD.encode(format!("{}:{}", encoded(&id), encoded(&secret)));
            prop_assert_eq!(basic_credentials(&format!("bAsIc {header}")), Some((id, secret)));
        }
    }
}
