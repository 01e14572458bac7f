//! `grant_type=client_credentials` (RFC 6749 §4.4).

use super::TokenRequest;
use super::issue::{TokenResponse, token_type};
use crate::audit::{Event, Kind};
use crate::oidc::access_token::Restriction;
use crate::oidc::error::TokenError;
use crate::oidc::resource;

/// Answers it: the client acts for itself; no person, no refresh token. Scopes stand for persons' data here, so
/// those that are asked for are ignored (§3.3).
pub(super) fn issue(request: TokenRequest<'_>) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, bound_to, .. } = request;
    let audience = resource::audience(&tokens.provider, client, params, &[])?;
    let restriction = Restriction { audience, bound_to };
    let access_token = tokens.access_tokens.for_client(client, "", restriction)?;
    let event = Event::new(Kind::TokenIssued).client(client.id.as_str()).grant_type("client_credentials");
    tokens.provider.audit.record(event);
    Ok(TokenResponse {
        access_token,
        token_type: token_type(bound_to),
        expires_in: tokens.lifetimes.access,
        id_token: None,
        refresh_token: None,
        scope: String::new(),
    })
}
