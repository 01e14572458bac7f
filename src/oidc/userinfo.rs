//! `GET|POST /oidc/userinfo` (OpenID Connect Core §5.3, RFC 6750, RFC 9449 §7).

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::error::{ErrorCode, TokenError};
use super::presented::{self, Scheme};
use super::{Tokens, claims, client_auth};
use crate::audit::Kind;
use crate::clients::{Client, DetailType};
use crate::people::{CivilDate, DataSet};
use crate::platform::web::respond;
use crate::release::AgreedData;

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
    let in_header = match presented::in_header(request) {
        Ok(in_header) => in_header,
        Err(error) => {
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            return presented::challenge(Scheme::Bearer, &error);
        }
    };
    let (scheme, token) = match (in_header, in_body) {
        (Some((scheme, _)), Some(_)) => {
            let error = TokenError::new(ErrorCode::InvalidRequest, "two access tokens");
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            return presented::challenge(scheme, &error);
        }
        (Some(token), None) => token,
        (None, Some(token)) => (Scheme::Bearer, token),
        (None, None) => return presented::wanted(),
    };
    match claims_of(tokens, request, (scheme, &token)).await {
        Ok((claims, client)) => {
            let response = respond::json(StatusCode::OK, &claims);
            tokens.provider.proofs.renewed(response, &client)
        }
        Err(error) => {
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            let fault = error.code.status().is_server_error();
            if fault { error.answer() } else { presented::challenge(scheme, &error) }
        }
    }
}

async fn claims_of(
    tokens: &Tokens,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
) -> Result<(serde_json::Map<String, serde_json::Value>, Arc<Client>), TokenError> {
    let invalid =
        || TokenError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked");
    let token = tokens.access_tokens.resolve(text).await?.ok_or_else(invalid)?;
    let proven = presented::proven(&tokens.provider, request, (scheme, text), &token).await;
    proven.map_err(|error| error.of(&token.client_id))?;
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
    let detailed = for_purposes(tokens, &token.grant, person.details, &client).await?;
    claims.extend(claims::for_purposes(&account, &detailed, today));
    claims.insert("sub".to_owned(), person.sub.into());
    Ok((claims, client))
}

/// The data sets that may be released for a purpose of their own (RFC 9396). What may be read once is left out from then on;
/// taking it comes last, so that nothing that fails uses it up.
async fn for_purposes(
    tokens: &Tokens,
    grant: &str,
    details: Vec<AgreedData>,
    client: &Client,
) -> Result<BTreeSet<DataSet>, TokenError> {
    let now = tokens.provider.clock.now();
    let here = [tokens.provider.issuer.to_string()];
    let mut sets = BTreeSet::new();
    if !client.data.detail_types.contains(&DetailType::PersonalData) {
        return Ok(sets);
    }
    for detail in details.iter().filter(|detail| detail.is_live(now) && detail.is_for(&here)) {
        let allowed = detail.asked.data_sets.iter().copied().filter(|set| client.data_set(*set).is_some());
        let allowed: BTreeSet<DataSet> = allowed.collect();
        if !allowed.is_empty() && (!detail.asked.is_single() || tokens.grants.use_up(grant, detail).await?) {
            sets.extend(allowed);
        }
    }
    Ok(sets)
}
