//! `GET|POST /oidc/userinfo` (OpenID Connect Core §5.3, RFC 6750).

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::error::{ErrorCode, TokenError};
use super::{Tokens, claims, client_auth};
use crate::audit::Kind;
use crate::people::CivilDate;
use crate::platform::web::respond;

/// The token in the header.
pub(super) async fn get(tokens: Data<Tokens>, request: HttpRequest) -> HttpResponse {
    answer(&tokens, &request, None).await
}

/// The token in the header or, as RFC 6750 §2.2 has it, in the form.
pub(super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let in_body = if body.is_empty() {
        None
    } else {
        client_auth::form(&request, &body).ok().and_then(|form| form.get("access_token").map(str::to_owned))
    };
    answer(&tokens, &request, in_body).await
}

async fn answer(tokens: &Tokens, request: &HttpRequest, in_body: Option<String>) -> HttpResponse {
    let token = match (bearer(request), in_body) {
        (Some(_), Some(_)) => {
            let error = TokenError::new(ErrorCode::InvalidRequest, "two access tokens");
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            return challenge(&error);
        }
        (Some(token), None) | (None, Some(token)) => token,
        // RFC 6750 §3.1: a request without a token gets no error code.
        (None, None) => {
            let mut response = HttpResponse::Unauthorized();
            return response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"yagona\"")).finish();
        }
    };
    match claims_of(tokens, &token).await {
        Ok(claims) => respond::json(StatusCode::OK, &claims),
        Err(error) => {
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            if error.code.status().is_server_error() { error.answer() } else { challenge(&error) }
        }
    }
}

async fn claims_of(
    tokens: &Tokens,
    token: &str,
) -> Result<serde_json::Map<String, serde_json::Value>, TokenError> {
    let invalid =
        || TokenError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked");
    let token = tokens.access_tokens.resolve(token).await?.ok_or_else(invalid)?;
    if token.elsewhere {
        let error =
            TokenError::new(ErrorCode::InvalidToken, "the access token is for other resource servers");
        return Err(error.of(&token.client_id));
    }
    let person = token.person.ok_or_else(|| {
        TokenError::new(ErrorCode::InsufficientScope, "access token has no associated user")
            .of(&token.client_id)
    })?;
    if !token.scope.split(' ').any(|scope| scope == "openid") {
        let error = TokenError::new(ErrorCode::InsufficientScope, "scope openid is required");
        return Err(error.of(&token.client_id));
    }
    let account = tokens.people.find(&person.person_id).await?.ok_or_else(invalid)?;
    // What the registration allows today counts, not what it did when the token was issued.
    let client = tokens.provider.clients.find(&token.client_id).ok_or_else(invalid)?;
    let released = person.released.into_iter().filter(|set| client.data_set(*set).is_some()).collect();
    let today = CivilDate::of(tokens.provider.clock.now());
    let mut claims = claims::for_userinfo(&account, &token.scope, &person.claims, &released, today);
    claims.insert("sub".to_owned(), person.sub.into());
    Ok(claims)
}

fn bearer(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// RFC 6750 §3: the error stands in the header.
fn challenge(error: &TokenError) -> HttpResponse {
    let mut response = error.answer();
    let value = format!(
        "Bearer realm=\"yagona\", error=\"{}\", error_description=\"{}\"",
        error.code.name(),
        error.description
    );
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
