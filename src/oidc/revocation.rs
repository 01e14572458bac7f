//! `POST /oidc/revoke` (RFC 7009): a refresh token ends everything of its grant, an access token itself alone.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::error::{ErrorCode, TokenError};
use super::{Tokens, client_auth};

/// Answers a revocation request: 200 also for invalid tokens (RFC 7009 §2.2).
pub(super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match revoke(&tokens, &request, &body).await {
        Ok(()) => HttpResponse::Ok().insert_header(("cache-control", "no-store")).finish(),
        Err(error) => error.respond("revocation"),
    }
}

async fn revoke(tokens: &Tokens, request: &HttpRequest, body: &[u8]) -> Result<(), TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&tokens.provider.clients, request, &params)?;
    let text =
        params.get("token").ok_or_else(|| TokenError::new(ErrorCode::InvalidRequest, "token is missing"))?;
    let foreign = || TokenError::new(ErrorCode::InvalidGrant, "the token was issued to another client");
    if let Some(token) = tokens.refresh_tokens.open(text) {
        let Some(grant) = tokens.grants.find(&token.grant).await? else { return Ok(()) };
        if grant.client_id != client.id {
            return Err(foreign());
        }
        return Ok(tokens.grants.revoke(&grant.id).await?);
    }
    match tokens.access_tokens.read(text).await? {
        Some(token) if token.client_id != client.id => Err(foreign()),
        Some(token) => Ok(tokens.grants.revoke_token(&token.id, token.expires_at).await?),
        None => Ok(()),
    }
}
