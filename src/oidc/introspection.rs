//! `POST /oidc/introspect` (RFC 7662): the state of a token, for the client that it was issued to and, for access tokens, for
//! the resource servers in its audience. Nobody else learns that it is one (RFC 7662 §4). A caller that asks for it is answered by
//! a signed token, which it can keep as proof (RFC 9701).

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::access_token::AccessToken;
use super::audience::{act, on_the_wire};
use super::error::{ErrorCode, TokenError};
use super::{Tokens, client_auth, encryption, releases, signature};
use crate::audit::Kind;
use crate::clients::{AuthMethod, Client};
use crate::grants::Confirmation;
use crate::ledger::Channel;
use crate::platform::web::params::Params;
use crate::platform::web::respond;

/// Answers an introspection request. A token that is not the caller's business is called inactive.
pub(super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match introspect(&tokens, &request, &body).await {
        Ok(response) => response,
        Err(error) => error.respond(&tokens.provider.audit, Kind::IntrospectionRefused),
    }
}

async fn introspect(tokens: &Tokens, request: &HttpRequest, body: &[u8]) -> Result<HttpResponse, TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&tokens.provider, request, &params).await?;
    let answered = async {
        let state = state(tokens, &client, &params).await?;
        let accept = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
        if wants(accept, MEDIA_TYPE) {
            return signed(tokens, &client, &state).await;
        }
        Ok(respond::json(StatusCode::OK, &state))
    };
    answered.await.map_err(|error: TokenError| error.of(&client.id))
}

/// Header type and media type of a signed answer (RFC 9701 §5).
const TYPE: &str = "token-introspection+jwt";
const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// RFC 9701 §5: the answer in a claim of its own, so that it is no access token, encrypted where the caller registered that. It
/// has no `exp` and no `sub`, which would make it look like one.
async fn signed(tokens: &Tokens, client: &Client, state: &Value) -> Result<HttpResponse, TokenError> {
    let provider = &tokens.provider;
    let recipient = encryption::recipient(provider, client, client.answers.introspection_encryption).await?;
    let now = provider.clock.now();
    let keys = provider.keys.current();
    let key = signature::key(&keys, client.answers.introspection_alg, now)?;
    let claims = json!({
        "iss": &*provider.issuer,
        "aud": client.id.as_str(),
        "iat": now.0,
        "token_introspection": state,
    });
    Ok(respond::token(MEDIA_TYPE, encryption::nested(key.sign(TYPE, &claims), recipient.as_ref())?))
}

/// Whether the `Accept` headers ask for a signed answer (RFC 9701 §4, RFC 9110 §12.5.1): by the name of its media type, and not less
/// than for JSON. What accepts everything gets JSON.
pub(super) fn wants<'a>(accept: impl Iterator<Item = &'a str>, media_type: &str) -> bool {
    let (mut token, mut json) = (0.0, 0.0);
    for range in accept.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().unwrap_or(0.0))
        });
        let weight = weight.unwrap_or(1.0);
        if name.eq_ignore_ascii_case(media_type) {
            token = weight;
        } else if name.eq_ignore_ascii_case("application/json") {
            json = weight;
        }
    }
    token > 0.0 && token >= json
}

/// What fuzz targets reach of the parser in here.
#[cfg(fuzzing)]
pub(super) fn fuzz_accept(header: &str) {
    wants(header.lines(), MEDIA_TYPE);
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
    let (id, grant) = (token.id, token.grant);
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
            // RFC 9396 §9.2: a resource server learns what is its business, and so does one that exchanged a token.
            let own = token.client_id == caller.id && !exchanged;
            details.retain(|detail| detail.is_live(now) && (own || detail.is_told(caller)));
            if !details.is_empty() {
                // That a resource server learns which data were agreed to for what is written down.
                if !own {
                    let about = (&releases::Reader::Caller(caller), &person.person_id, None);
                    let once = [id.as_str(), caller.id.as_str()];
                    let releases = releases::of_details(about, Channel::Introspection, &details, &once);
                    tokens.ledger.count(releases::record(tokens, &grant, &releases).await?);
                }
                answer["authorization_details"] = on_the_wire(&details);
            }
        }
        None => {
            answer["sub"] = token.client_id.as_str().into();
            // Whom the client named it knows; nobody else is told of it.
            if let Some(about) = token.about.filter(|_| token.client_id == caller.id) {
                answer["authorization_details"] = on_the_wire([&about.detail]);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9701_4_a_signed_answer_is_asked_for_by_its_name() {
        for (accept, wanted) in [
            ("application/token-introspection+jwt", true),
            ("Application/Token-Introspection+JWT; q=0.9", true),
            ("text/html, application/token-introspection+jwt;q=0.5, */*;q=0.1", true),
            ("application/json;q=0.5, application/token-introspection+jwt", true),
            ("application/json, application/token-introspection+jwt", true),
            ("application/json, application/token-introspection+jwt;q=0.5", false),
            ("application/token-introspection+jwt;q=0", false),
            ("application/token-introspection+jwt;q=nonsense", false),
            ("application/json", false),
            ("application/jwt", false),
            ("*/*", false),
            ("application/*", false),
            ("", false),
        ] {
            assert_eq!(wants([accept].into_iter(), MEDIA_TYPE), wanted, "{accept}");
        }
        assert!(wants(["text/html", MEDIA_TYPE].into_iter(), MEDIA_TYPE), "in a header of its own");
        assert!(!wants(std::iter::empty(), MEDIA_TYPE));
    }
}
