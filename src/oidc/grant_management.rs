//! `GET|DELETE /oidc/grants/{grant_id}` (Grant Management for OAuth 2.0): what a grant of a client holds, and its end. The client
//! shows an access token of its own, with the scope for that.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::audience::on_the_wire;
use super::error::{ErrorCode, TokenError};
use super::presented::{self, Scheme};
use super::{Tokens, claims, verified_claims};
use crate::audit::{Event, Kind};
use crate::clients::Client;
use crate::grants::Grant;
use crate::platform::web::respond;

/// Scope of a token that may read grants.
pub(super) const QUERY: &str = "grant_management_query";
/// Scope of a token that may end grants.
pub(super) const REVOKE: &str = "grant_management_revoke";

/// The longest identifier that is looked up.
const LONGEST: usize = 64;

/// What is asked of a grant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Query,
    Revoke,
}

/// Tells what a grant holds.
pub(super) async fn get(tokens: Data<Tokens>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    answer(&tokens, &request, &id, Verb::Query).await
}

/// Ends a grant with everything that came of it.
pub(super) async fn delete(tokens: Data<Tokens>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    answer(&tokens, &request, &id, Verb::Revoke).await
}

async fn answer(tokens: &Tokens, request: &HttpRequest, id: &str, verb: Verb) -> HttpResponse {
    let (scheme, token) = match presented::in_header(request) {
        Ok(Some(presented)) => presented,
        Ok(None) => return presented::wanted(),
        Err(error) => {
            error.record(&tokens.provider.audit, Kind::GrantManagementRefused, None);
            return presented::challenge(Scheme::Bearer, &error);
        }
    };
    match done(tokens, request, (scheme, &token), (id, verb)).await {
        Ok((client, told)) => {
            let response = match told {
                Some(told) => respond::json(StatusCode::OK, &told),
                None => HttpResponse::NoContent()
                    .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
                    .finish(),
            };
            tokens.provider.proofs.renewed(response, &client)
        }
        Err(error) => {
            error.record(&tokens.provider.audit, Kind::GrantManagementRefused, None);
            let fault = error.code.status().is_server_error() || error.code == ErrorCode::NoSuchGrant;
            if fault { error.answer() } else { presented::challenge(scheme, &error) }
        }
    }
}

async fn done(
    tokens: &Tokens,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
    (id, verb): (&str, Verb),
) -> Result<(Arc<Client>, Option<Value>), TokenError> {
    let invalid =
        || TokenError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked");
    let token = tokens.access_tokens.resolve(text).await?.ok_or_else(invalid)?;
    let told = async {
        presented::proven(&tokens.provider, request, (scheme, text), &token).await?;
        if token.elsewhere {
            let words = "the access token is for other resource servers";
            return Err(TokenError::new(ErrorCode::InvalidToken, words));
        }
        let (needed, words) = match verb {
            Verb::Query => {
                (QUERY, "a token of client_credentials with scope grant_management_query is needed")
            }
            Verb::Revoke => {
                (REVOKE, "a token of client_credentials with scope grant_management_revoke is needed")
            }
        };
        let client = tokens.provider.clients.find(&token.client_id).ok_or_else(invalid)?;
        let allowed = token.person.is_none() && token.scope.split(' ').any(|scope| scope == needed);
        if !allowed || !client.tokens.manages_grants {
            return Err(TokenError::new(ErrorCode::InsufficientScope, words));
        }
        let unknown = || TokenError::new(ErrorCode::NoSuchGrant, "the client has no such grant that goes on");
        if id.len() > LONGEST || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unknown());
        }
        match verb {
            Verb::Query => {
                let grant = tokens.grants.find_managed(id, &client.id).await?.ok_or_else(unknown)?;
                Ok((client, Some(content(tokens, &grant))))
            }
            Verb::Revoke => {
                let ended = tokens.grants.end_managed(id, &client.id).await?.ok_or_else(unknown)?;
                let event = Event::new(Kind::TokenRevoked).client(client.id.as_str().to_owned());
                let event = event.person(ended.details.person_id.as_str().to_owned());
                tokens.provider.audit.record(event.grant(ended.id).reason("grant_management"));
                Ok((client, None))
            }
        }
    };
    told.await.map_err(|error: TokenError| error.of(&token.client_id))
}

/// Names of things, and no value of any of them.
fn content(tokens: &Tokens, grant: &Grant) -> Value {
    let details = &grant.details;
    let mut scopes = json!({"scope": details.scope});
    if !details.resources.is_empty() {
        scopes["resources"] = json!(details.resources);
    }
    let now = tokens.provider.clock.now();
    let live: Vec<_> = details.agreed.iter().filter(|detail| detail.is_live(now)).cloned().collect();
    let names = &details.claims;
    let verified = names.verified_userinfo.iter().chain(&names.verified_id_token);
    let mut verified = verified.flat_map(|request| request.claims.keys());
    // What the person did not agree to may stand in a grant, and is not held by it.
    let held = |name: &&String| claims::is_of(name, &details.released);
    let mut claims: Vec<&str> =
        names.userinfo.union(&names.id_token).filter(held).map(String::as_str).collect();
    if verified.any(|name| held(&name)) {
        claims.push(verified_claims::NAME);
    }
    json!({"scopes": [scopes], "claims": claims, "authorization_details": on_the_wire(&live)})
}
