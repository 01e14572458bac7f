//! `POST /oidc/introspect` (RFC 7662): the state of a token, for the client that it was issued to and, for access tokens, for
//! the resource servers in its audience. Nobody else learns that it is one (RFC 7662 §4).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::access_token::AccessToken;
use super::audience::{act, on_the_wire};
use super::error::{ErrorCode, TokenError};
use super::{Tokens, client_auth};
use crate::audit::Kind;
use crate::clients::{AuthMethod, Client};
use crate::grants::Confirmation;
use crate::platform::web::params::Params;
use crate::platform::web::respond;

/// Answers an introspection request. A token that is not the caller's business is called inactive.
pub(super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match introspect(&tokens, &request, &body).await {
        Ok(answer) => respond::json(StatusCode::OK, &answer),
        Err(error) => error.respond(&tokens.provider.audit, Kind::IntrospectionRefused),
    }
}

async fn introspect(tokens: &Tokens, request: &HttpRequest, body: &[u8]) -> Result<Value, TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&tokens.provider, request, &params).await?;
    state(tokens, &client, &params).await.map_err(|error| error.of(&client.id))
}

async fn state(tokens: &Tokens, client: &Client, params: &Params) -> Result<Value, TokenError> {
    if client.authentication.method == AuthMethod::None {
        return Err(TokenError::new(ErrorCode::InvalidClient, "a public client may not introspect"));
    }
    let token =
        params.get("token").ok_or_else(|| TokenError::new(ErrorCode::InvalidRequest, "token is missing"))?;
    if let Some(answer) = access_token_state(tokens, client, token).await? {
        return Ok(answer);
    }
    Ok(refresh_token_state(tokens, client, token).await?.unwrap_or_else(|| json!({"active": false})))
}

async fn access_token_state(
    tokens: &Tokens,
    caller: &Client,
    text: &str,
) -> Result<Option<Value>, TokenError> {
    let token = tokens.access_tokens.resolve(text).await?;
    let Some(token) = token.filter(|token| may_know(tokens, caller, token)) else { return Ok(None) };
    let mut answer = json!({
        "active": true,
        "iss": &*tokens.provider.issuer,
        "aud": token.audience(&tokens.provider.issuer),
        "client_id": token.client_id.as_str(),
        "token_type": token.bound_to.map_or("Bearer", Confirmation::token_type),
        "iat": token.issued_at.0,
        "exp": token.expires_at.0,
        "scope": token.scope,
    });
    if let Some(bound_to) = token.bound_to {
        answer["cnf"] = json!(bound_to);
    }
    if let Some(act) = act(&token.act) {
        answer["act"] = act;
    }
    match token.person {
        Some(person) => {
            // Who exchanged it is told the person as it knows them, and not as the one does whom the token is for.
            let exchanged = !token.act.is_empty() && token.client_id == caller.id;
            let own = exchanged.then(|| tokens.provider.subject_ids.of(caller, &person.person_id));
            answer["sub"] = own.unwrap_or(person.sub).into();
            answer["acr"] = person.acr.name().into();
            answer["auth_time"] = person.auth_time.0.into();
            let now = tokens.provider.clock.now();
            let mut details = person.details;
            // RFC 9396 §9.2: a resource server learns what is its business.
            let own = token.client_id == caller.id;
            details
                .retain(|detail| detail.is_live(now) && (own || detail.is_for(&caller.tokens.resource_uris)));
            if !details.is_empty() {
                answer["authorization_details"] = on_the_wire(&details);
            }
        }
        None => answer["sub"] = token.client_id.as_str().into(),
    }
    Ok(Some(answer))
}

async fn refresh_token_state(
    tokens: &Tokens,
    caller: &Client,
    text: &str,
) -> Result<Option<Value>, TokenError> {
    let Some(token) = tokens.refresh_tokens.open(text) else { return Ok(None) };
    let now = tokens.provider.clock.now();
    let grant = tokens.grants.find(&token.grant).await?.filter(|grant| {
        grant.generation == token.generation
            && !grant.revoked
            && grant.expires_at > now
            && now.since(grant.refreshed_at) < tokens.lifetimes.refresh_idle
            && grant.client_id == caller.id
    });
    Ok(grant.map(|grant| {
        json!({
            "active": true,
            "iss": &*tokens.provider.issuer,
            "aud": &*tokens.provider.issuer,
            "client_id": grant.client_id.as_str(),
            "sub": grant.details.sub,
            "scope": grant.details.scope,
            "iat": grant.refreshed_at.0,
            "exp": grant.expires_at.0,
        })
    }))
}

fn may_know(tokens: &Tokens, caller: &Client, token: &AccessToken) -> bool {
    token.client_id == caller.id
        || token.is_for(caller, tokens.provider.clients.find(&token.client_id).as_deref())
}
