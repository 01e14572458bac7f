//! A client that proves itself by the certificate of its TLS connection (RFC 8705 §2): issued below a trust anchor to the
//! registered name, or with a registered key.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::super::Provider;
use super::super::error::{ErrorCode, TokenError};
use crate::clients::{AuthMethod, Client, ClientKeyError};
use crate::platform::certificates;

/// The client, if its certificate is the right one.
///
/// # Errors
/// `invalid_client`; `temporarily_unavailable` when its keys cannot be fetched.
pub(super) async fn client(
    provider: &Provider,
    request: &HttpRequest,
    client: Arc<Client>,
) -> Result<Arc<Client>, TokenError> {
    let refused = |words| TokenError::new(ErrorCode::InvalidClient, words).of(&client.id);
    let Some(shown) = provider.certificates.of(request) else {
        return Err(refused("no client certificate arrived: show one at the mtls_endpoint_aliases"));
    };
    if client.authentication.method == AuthMethod::TlsClientAuth {
        if !provider.certificates.is_anchored(&shown, provider.clock.now()) {
            return Err(refused(
                "the client certificate is not valid now, or of no authority that is trusted here",
            ));
        }
        if !client.certificate_subject.as_ref().is_some_and(|name| name.names(shown.der())) {
            return Err(refused("the client certificate does not have the registered name"));
        }
        return Ok(client);
    }
    let (certificate, key) = (shown.digest(), certificates::public_key(shown.der()));
    let found = provider
        .client_keys
        .find(&client, |keys| keys.have_certificate(certificate, key).then_some(()))
        .await;
    match found {
        Ok(Some(())) => Ok(client),
        Ok(None) => Err(refused("the client certificate is not among the keys of the client")),
        // The client's host fails, or the way there: that is no wrong certificate.
        Err(error @ ClientKeyError::Unreadable) => {
            Err(TokenError::new(ErrorCode::TemporarilyUnavailable, error.description()).of(&client.id))
        }
        Err(error) => Err(refused(error.description())),
    }
}
