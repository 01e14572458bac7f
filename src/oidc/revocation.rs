//! `POST /oidc/revoke` (RFC 7009): a refresh token ends everything of its grant, an access token itself alone. A token of
//! another client is treated like one that does not exist: RFC 7009 §2.1 lets the request be refused, but that would tell
//! that the token is real.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::error::{ErrorCode, TokenError};
use super::{Tokens, client_auth};
use crate::audit::{Event, Kind};
use crate::clients::ClientId;
use crate::platform::web::params::Params;

/// Answers a revocation request: 200 also for invalid tokens (RFC 7009 §2.2).
pub(super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match revoke(&tokens, &request, &body).await {
        Ok(()) => HttpResponse::Ok().insert_header(("cache-control", "no-store")).finish(),
        Err(error) => error.respond(&tokens.provider.audit, Kind::RevocationRefused),
    }
}

async fn revoke(tokens: &Tokens, request: &HttpRequest, body: &[u8]) -> Result<(), TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&tokens.provider, request, &params).await?;
    let revoked = revoke_token(tokens, &client.id, &params).await.map_err(|error| error.of(&client.id))?;
    if let Some(event) = revoked {
        tokens.provider.audit.record(event.client(client.id.as_str()));
    }
    Ok(())
}

/// Revokes the token; what is to be recorded, if it was one.
async fn revoke_token(
    tokens: &Tokens,
    client: &ClientId,
    params: &Params,
) -> Result<Option<Event<'static>>, TokenError> {
    let text =
        params.get("token").ok_or_else(|| TokenError::new(ErrorCode::InvalidRequest, "token is missing"))?;
    if let Some(token) = tokens.refresh_tokens.open(text) {
        let grant = tokens.grants.find(&token.grant).await?;
        let Some(grant) = grant.filter(|grant| grant.client_id == *client) else { return Ok(None) };
        tokens.grants.revoke(&grant.id).await?;
        let event = Event::new(Kind::TokenRevoked).person(grant.details.person_id.as_str().to_owned());
        return Ok(Some(event.grant(grant.id)));
    }
    let token = tokens.access_tokens.read(text).await?;
    let Some(token) = token.filter(|token| token.client_id == *client) else { return Ok(None) };
    tokens.grants.revoke_token(&token.id, token.expires_at).await?;
    Ok(Some(Event::new(Kind::TokenRevoked).token(token.id)))
}
