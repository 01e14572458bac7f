//! `GET|POST /oidc/userinfo` (OpenID Connect Core §5.3, RFC 6750, RFC 9449 §7).

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use super::access_token::{AccessToken, TokenPerson};
use super::error::{ErrorCode, TokenError};
use super::presented::{self, Scheme};
use super::{Tokens, claims, client_auth, encryption, verified_claims};
use crate::audit::Kind;
use crate::clients::{Client, DetailType};
use crate::people::{Account, CivilDate, DataSet};
use crate::platform::jose::{RecipientKey, UNTYPED};
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;
use crate::release::AgreedData;

/// The media type of what is not plain JSON.
const JWT: &str = "application/jwt";

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
    let told = async {
        let (reading, client) = allowed(tokens, request, (scheme, &token)).await?;
        let response = async {
            // What may fail comes before what is read once is taken: the client's key may have to be fetched.
            let form = Form::of(tokens, &client).await?;
            form.answer(tokens, &client, reading.claims(tokens, &client).await?)
        };
        let response = response.await.map_err(|error| error.of(&client.id))?;
        Ok::<_, TokenError>(tokens.provider.proofs.renewed(response, &client))
    };
    match told.await {
        Ok(response) => response,
        Err(error) => {
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            let fault = error.code.status().is_server_error();
            if fault { error.answer() } else { presented::challenge(scheme, &error) }
        }
    }
}

/// The form of the answer that the client registered (OpenID Connect Core §5.3.2): JSON, a signed token, or either of them
/// encrypted.
struct Form {
    recipient: Option<RecipientKey>,
}

impl Form {
    /// Finds all that the answer needs.
    async fn of(tokens: &Tokens, client: &Client) -> Result<Self, TokenError> {
        let policy = &client.answers;
        let recipient = encryption::recipient(&tokens.provider, client, policy.userinfo_encryption).await?;
        if let Some(alg) = policy.userinfo_alg {
            let keys = tokens.provider.keys.current();
            keys.signing(alg, tokens.provider.clock.now()).ok_or_else(no_key)?;
        }
        Ok(Self { recipient })
    }

    fn answer(
        &self,
        tokens: &Tokens,
        client: &Client,
        mut claims: Map<String, Value>,
    ) -> Result<HttpResponse, TokenError> {
        let provider = &tokens.provider;
        let Some(alg) = client.answers.userinfo_alg else {
            let Some(recipient) = &self.recipient else { return Ok(respond::json(StatusCode::OK, &claims)) };
            let sealed = recipient.encrypt(&[], Value::Object(claims).to_string().as_bytes());
            let sealed = sealed.map_err(|error| ServiceError::Internal(error.to_string()))?;
            return Ok(respond::token(JWT, sealed));
        };
        claims.insert("iss".to_owned(), (&*provider.issuer).into());
        claims.insert("aud".to_owned(), client.id.as_str().into());
        let keys = provider.keys.current();
        let key = keys.signing(alg, provider.clock.now()).ok_or_else(no_key)?;
        Ok(respond::token(JWT, encryption::nested(key.sign(UNTYPED, &claims), self.recipient.as_ref())?))
    }
}

fn no_key() -> ServiceError {
    ServiceError::Internal("no key signs UserInfo".to_owned())
}

/// What an access token lets its client read, before anything of it is taken.
struct Reading {
    token: AccessToken,
    person: TokenPerson,
    account: Arc<Account>,
}

async fn allowed(
    tokens: &Tokens,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
) -> Result<(Reading, Arc<Client>), TokenError> {
    let invalid =
        || TokenError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked");
    let mut token = tokens.access_tokens.resolve(text).await?.ok_or_else(invalid)?;
    let proven = presented::proven(&tokens.provider, request, (scheme, text), &token).await;
    proven.map_err(|error| error.of(&token.client_id))?;
    if token.elsewhere {
        let error =
            TokenError::new(ErrorCode::InvalidToken, "the access token is for other resource servers");
        return Err(error.of(&token.client_id));
    }
    let person = token.person.take().ok_or_else(|| {
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
    Ok((Reading { token, person, account }, client))
}

impl Reading {
    /// The claims. What may be read once is taken by that.
    async fn claims(self, tokens: &Tokens, client: &Client) -> Result<Map<String, Value>, TokenError> {
        let Self { token, person, account } = self;
        let released = person.released.into_iter().filter(|set| client.data_set(*set).is_some()).collect();
        let today = CivilDate::of(tokens.provider.clock.now());
        let mut claims = claims::for_userinfo(&account, &token.scope, &person.claims, &released, today);
        if let Some(verified) = claims::verified(&account, &person.verified, &released, today) {
            claims.insert(verified_claims::NAME.to_owned(), verified);
        }
        let detailed = for_purposes(tokens, &token.grant, person.details, client).await?;
        claims.extend(claims::for_purposes(&account, &detailed, today));
        claims.insert("sub".to_owned(), person.sub.into());
        Ok(claims)
    }
}

/// The data sets that may be released for a purpose of their own (RFC 9396). What may be read once is left out from then on:
/// all of that is taken together, and comes last, so that nothing that fails uses it up.
async fn for_purposes(
    tokens: &Tokens,
    grant: &str,
    details: Vec<AgreedData>,
    client: &Client,
) -> Result<BTreeSet<DataSet>, TokenError> {
    let now = tokens.provider.clock.now();
    let here = [tokens.provider.issuer.to_string()];
    if !client.data.detail_types.contains(&DetailType::PersonalData) {
        return Ok(BTreeSet::new());
    }
    let allowed = |detail: &AgreedData| -> BTreeSet<DataSet> {
        detail.asked.data_sets.iter().copied().filter(|set| client.data_set(*set).is_some()).collect()
    };
    let readable =
        |detail: &AgreedData| detail.is_live(now) && detail.is_for(&here) && !allowed(detail).is_empty();
    let (single, mut readable): (Vec<_>, Vec<_>) =
        details.into_iter().filter(readable).partition(|detail| detail.asked.is_single());
    readable.extend(tokens.grants.use_up(grant, single).await?);
    Ok(readable.iter().flat_map(allowed).collect())
}
