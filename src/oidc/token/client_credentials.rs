//! `grant_type=client_credentials` (RFC 6749 §4.4).

use super::issue::{TokenResponse, token_type};
use super::{TokenRequest, statutory};
use crate::audit::{Event, Kind};
use crate::clients::Client;
use crate::oidc::audience::Restriction;
use crate::oidc::error::TokenError;
use crate::oidc::grant_management::{QUERY, REVOKE};
use crate::oidc::own_token::MOBILE_ID;
use crate::oidc::signals::{MANAGE, READ};
use crate::oidc::{authorization_details, resource};

/// Whether a client may ask for a scope for itself.
fn is_own(client: &Client, scope: &str) -> bool {
    (client.tokens.manages_grants && [QUERY, REVOKE].contains(&scope))
        || (client.tokens.shared_signals && [READ, MANAGE].contains(&scope))
        || (client.tokens.mobile_id && scope == MOBILE_ID)
}

/// Answers it: the client acts for itself; no person, no refresh token. Scopes stand for persons' data here, so
/// those that are asked for are ignored (§3.3), but for those by which a client manages its grants and its stream of events, or enrols people. With `authorization_details` it is
/// for data that a law gives it.
pub(super) async fn issue(request: TokenRequest<'_>) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, bound_to, .. } = request;
    if let Some(text) = params.get(authorization_details::NAME) {
        return statutory::issue(request, text).await;
    }
    let audience = resource::audience(&tokens.provider, client, params, &[])?;
    let asked = params.get("scope").unwrap_or_default();
    let asked = asked.split(' ').filter(|scope| is_own(client, scope));
    let scope = asked.collect::<Vec<_>>().join(" ");
    let restriction = Restriction { audience, bound_to };
    let access_token = tokens.access_tokens.for_client(client, &scope, restriction)?;
    let event = Event::new(Kind::TokenIssued).client(client.id.as_str()).grant_type("client_credentials");
    tokens.provider.audit.record(event);
    Ok(TokenResponse {
        access_token,
        token_type: token_type(bound_to),
        expires_in: tokens.lifetimes.access,
        id_token: None,
        refresh_token: None,
        scope,
        issued_token_type: None,
        grant_id: None,
        authorization_details: None,
    })
}
