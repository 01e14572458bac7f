//! A client that acts for itself at an endpoint of this provider outside of this folder: by a token of `client_credentials` with a scope, bound
//! to a key or a certificate.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::Tokens;
use super::error::{ErrorCode, TokenError};
use super::presented::{self, Scheme};
use crate::audit::Kind;
use crate::clients::Client;

/// Scope of a token by which a client enrols people in Mobile-ID (docs/mobile-app.md).
pub const MOBILE_ID: &str = "mobile_id";

const WANTED: &str = "a token of client_credentials with the scope mobile_id is needed, and mobile_id = true in the registration";
const UNBOUND: &str = "this API takes tokens that are bound to a key or a certificate alone: get one with a DPoP proof or by mutual TLS";

/// The client whose token a request shows, if it may enrol people.
///
/// # Errors
/// The answer: 401 or 403 with the error in the header (RFC 6750 §3), or that of a fault.
pub async fn enrolling_client(tokens: &Tokens, request: &HttpRequest) -> Result<Arc<Client>, HttpResponse> {
    let audit = &tokens.provider.audit;
    let refuse = |scheme, error: &TokenError| {
        error.record(audit, Kind::MobileAppRefused, None);
        if error.code.status().is_server_error() {
            error.answer()
        } else {
            presented::challenge(scheme, error)
        }
    };
    match presented::in_header(request) {
        Ok(None) => Err(presented::wanted()),
        Err(error) => Err(refuse(Scheme::Bearer, &error)),
        Ok(Some((scheme, text))) => {
            client_of(tokens, request, (scheme, &text)).await.map_err(|error| refuse(scheme, &error))
        }
    }
}

/// An answer with the nonce that the client's next proof is to have, where its registration demands one (RFC 9449 §9).
pub fn with_nonce(tokens: &Tokens, response: HttpResponse, client: &Client) -> HttpResponse {
    tokens.provider.proofs.renewed(response, client)
}

async fn client_of(
    tokens: &Tokens,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
) -> Result<Arc<Client>, TokenError> {
    let invalid =
        || TokenError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked");
    let token = tokens.access_tokens.resolve(text).await?.ok_or_else(invalid)?;
    let found = async {
        if token.bound_to.is_none() {
            return Err(TokenError::new(ErrorCode::InvalidToken, UNBOUND));
        }
        presented::proven(&tokens.provider, request, (scheme, text), &token).await?;
        if token.elsewhere || !token.act.is_empty() {
            let words = "the access token is for other resource servers";
            return Err(TokenError::new(ErrorCode::InvalidToken, words));
        }
        let client = tokens.provider.clients.find(&token.client_id).ok_or_else(invalid)?;
        let of_itself = token.person.is_none() && token.about.is_none();
        if of_itself && client.tokens.mobile_id && token.scope.split(' ').any(|scope| scope == MOBILE_ID) {
            return Ok(client);
        }
        Err(TokenError::new(ErrorCode::InsufficientScope, WANTED))
    };
    found.await.map_err(|error: TokenError| error.of(&token.client_id))
}
