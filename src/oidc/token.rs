//! `POST /oidc/token` (RFC 6749 §3.2, OpenID Connect Core §3.1.3).

use std::sync::Arc;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::access_token::Restriction;
use super::code::{CodeContent, FoundCode};
use super::device::{Allowed, Polled, TOGETHER};
use super::error::{ErrorCode, TokenError};
use super::refresh_token::RefreshToken;
use super::{Tokens, client_auth, id_token, resource};
use crate::audit::{Event, Kind};
use crate::clients::{AuthMethod, Client, GrantType};
use crate::grants::{Confirmation, Grant, GrantDetails};
use crate::people::Account;
use crate::platform::bytes::{self, Digest};
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use actix_web::http::StatusCode;

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
}

/// What lies between the redemption of a code and the issue of its access token, at most, in seconds: a grant without
/// refresh tokens lives so much longer, and its token for as long as it says.
const ISSUING: i64 = 60;

/// Answers a token request.
pub(super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut grant = "unknown";
    match exchange(&tokens, &request, &body, &mut grant).await {
        Ok((response, client)) => {
            tokens.provider.metrics.tokens(grant, "ok").inc();
            let response = respond::json(StatusCode::OK, &response);
            tokens.provider.proofs.renewed(response, &client)
        }
        Err(error) => {
            tokens.provider.metrics.tokens(grant, error.code.name()).inc();
            if !error.code.is_waiting() {
                error.record(&tokens.provider.audit, Kind::TokenRefused, Some(grant));
            }
            error.answer()
        }
    }
}

async fn exchange(
    tokens: &Tokens,
    request: &HttpRequest,
    body: &[u8],
    grant: &mut &'static str,
) -> Result<(TokenResponse, Arc<Client>), TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&tokens.provider, request, &params).await?;
    let issued = async {
        let bound_to = possession(tokens, request, &client).await?;
        issue(tokens, &client, (&params, bound_to), grant).await
    };
    let response = issued.await.map_err(|error| error.of(&client.id))?;
    Ok((response, client))
}

/// What the tokens that are asked for are bound to.
async fn possession(
    tokens: &Tokens,
    request: &HttpRequest,
    client: &Client,
) -> Result<Option<Confirmation>, TokenError> {
    let key = tokens.provider.proofs.of_client(request, client).await?;
    if client.tokens.certificate_bound {
        let shown = tokens.provider.certificates.of(request);
        let shown = shown.map(|shown| Confirmation::Certificate(shown.digest()));
        let words = "the access tokens of this client are bound to a certificate: show one, at the mtls_endpoint_aliases";
        return shown.map(Some).ok_or_else(|| TokenError::new(ErrorCode::InvalidRequest, words));
    }
    if key.is_none() && client.tokens.dpop_bound {
        let words = "the access tokens of this client are bound to a key: send a DPoP proof";
        return Err(TokenError::new(ErrorCode::InvalidDpopProof, words));
    }
    Ok(key.map(Confirmation::Key))
}

async fn issue(
    tokens: &Tokens,
    client: &Client,
    (params, bound_to): (&Params, Option<Confirmation>),
    grant: &mut &'static str,
) -> Result<TokenResponse, TokenError> {
    let (name, kind) = match params.get("grant_type") {
        Some("authorization_code") => ("authorization_code", GrantType::AuthorizationCode),
        Some("refresh_token") => ("refresh_token", GrantType::RefreshToken),
        Some("urn:ietf:params:oauth:grant-type:device_code") => ("device_code", GrantType::DeviceCode),
        Some("client_credentials") => ("client_credentials", GrantType::ClientCredentials),
        Some(_) => {
            return Err(TokenError::new(ErrorCode::UnsupportedGrantType, "grant_type is not supported"));
        }
        None => return Err(TokenError::new(ErrorCode::InvalidRequest, "grant_type is missing")),
    };
    *grant = name;
    if !client.may(kind) {
        return Err(TokenError::new(
            ErrorCode::UnauthorizedClient,
            "the client is not registered for this grant_type",
        ));
    }
    match kind {
        GrantType::AuthorizationCode => authorization_code(tokens, client, params, bound_to).await,
        GrantType::RefreshToken => refresh_token(tokens, client, params, bound_to).await,
        GrantType::DeviceCode => device_code(tokens, client, params, bound_to).await,
        GrantType::ClientCredentials => client_credentials(tokens, client, params, bound_to),
    }
}

/// RFC 6749 §4.1.3.
async fn authorization_code(
    tokens: &Tokens,
    client: &Client,
    params: &Params,
    bound_to: Option<Confirmation>,
) -> Result<TokenResponse, TokenError> {
    let code =
        params.get("code").ok_or_else(|| TokenError::new(ErrorCode::InvalidRequest, "code is missing"))?;
    let invalid = || {
        TokenError::new(
            ErrorCode::InvalidGrant,
            "authorization code is invalid, expired, already used, or was issued to another client",
        )
    };
    if !tokens.codes.is_ours(code) {
        return Err(invalid());
    }
    let Some(FoundCode { content, in_session, .. }) = tokens.codes.find(code).await? else {
        // A public client proves itself by what the content says: whoever finds its code somewhere must not end its grant.
        if client.authentication.method != AuthMethod::None {
            tokens.grants.replayed(code, &client.id).await?;
        }
        return Err(invalid());
    };
    if content.client_id != client.id {
        return Err(invalid());
    }
    if params.get("redirect_uri") != Some(content.redirect_uri.as_str()) {
        return Err(TokenError::new(
            ErrorCode::InvalidGrant,
            "redirect_uri does not match the authorization request",
        ));
    }
    proof_key(&content, params.get("code_verifier"))?;
    if content.dpop_jkt.is_some_and(|key| bound_to != Some(Confirmation::Key(key))) {
        let words =
            "the authorization code is bound to a key: the DPoP proof must be of the one that dpop_jkt named";
        return Err(TokenError::new(ErrorCode::InvalidGrant, words));
    }
    if !in_session {
        // A code of a session that has ended grants nothing any more, but may have been redeemed before.
        tokens.grants.replayed(code, &client.id).await?;
        return Err(invalid());
    }
    let CodeContent { details, nonce, number, .. } = content;
    let allowed = (code, details, number, 0);
    redeem(tokens, client, (params, bound_to), allowed, (nonce, Event::new(Kind::TokenIssued)), invalid).await
}

/// Makes a grant of what a person let the client have, by one durable statement that has one winner, and issues its tokens.
/// Everything else that may fail comes before. A second redemption within `together` seconds ends nothing.
async fn redeem(
    tokens: &Tokens,
    client: &Client,
    (params, bound_to): (&Params, Option<Confirmation>),
    (code, mut details, number, together): (&str, GrantDetails, Digest, i64),
    (nonce, issued): (Option<String>, Event<'_>),
    invalid: impl Fn() -> TokenError,
) -> Result<TokenResponse, TokenError> {
    // A confidential client proves itself at each refresh, and may change its key.
    details.bound_to = bound_to.filter(|_| client.authentication.method == AuthMethod::None);
    let refreshable = details.scope.split(' ').any(|scope| scope == "offline_access");
    let now = tokens.provider.clock.now();
    let life =
        if refreshable { tokens.lifetimes.refresh_absolute } else { tokens.lifetimes.access + ISSUING };
    let until = details.consent_until.map_or(now.plus(life), |consent| consent.min(now.plus(life)));
    if until <= now {
        return Err(invalid());
    }
    let audience = resource::audience(&tokens.provider, client, params, &details.resources)?;
    let record = id_token::record(tokens, id_token::subject(&details)).await?;
    let redeemed = tokens.grants.redeem(code, &client.id, (details, &number), refreshable, until, together);
    let grant = redeemed.await?;
    let grant = grant.ok_or_else(invalid)?;
    let restriction = Restriction { audience, bound_to };
    let about = (&grant, record.as_deref());
    let response = respond_with(tokens, client, about, (nonce.as_deref(), restriction), issued)?;
    Ok(TokenResponse { refresh_token: tokens.refresh_tokens.of(&grant), ..response })
}

/// RFC 8628 §3.4, §3.5. What a person let the device have is redeemed like a code: once.
async fn device_code(
    tokens: &Tokens,
    client: &Client,
    params: &Params,
    bound_to: Option<Confirmation>,
) -> Result<TokenResponse, TokenError> {
    let error = |code, description| Err(TokenError::new(code, description));
    let Some(code) = params.get("device_code") else {
        return error(ErrorCode::InvalidRequest, "device_code is missing");
    };
    let invalid = || {
        TokenError::new(
            ErrorCode::InvalidGrant,
            "the device code is invalid, already used, or was issued to another client",
        )
    };
    let Allowed { number, details, .. } = match tokens.devices.poll(code, &client.id).await? {
        Polled::TooSoon => {
            return error(ErrorCode::SlowDown, "wait five seconds longer between two polls from now on");
        }
        Polled::Pending => return error(ErrorCode::AuthorizationPending, "the person has not decided yet"),
        Polled::Denied => return error(ErrorCode::AccessDenied, "the person refused"),
        Polled::Expired => return error(ErrorCode::ExpiredToken, "the device code has expired: begin again"),
        Polled::Unknown => return Err(invalid()),
        Polled::SignedOut => {
            // It may have been redeemed before.
            tokens.grants.repeated(code, &client.id, TOGETHER).await?;
            return Err(invalid());
        }
        Polled::Allowed(allowed) => *allowed,
    };
    let issued = Event::new(Kind::TokenIssued).grant_type("device_code");
    redeem(tokens, client, (params, bound_to), (code, details, number, TOGETHER), (None, issued), invalid)
        .await
}

/// RFC 7636 §4.6, both ways: a verifier without a challenge is refused as well (RFC 9700 §2.1.1, downgrade).
fn proof_key(content: &CodeContent, verifier: Option<&str>) -> Result<(), TokenError> {
    let fail = |words| Err(TokenError::new(ErrorCode::InvalidGrant, words));
    match (&content.code_challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => fail("code_verifier is missing"),
        (None, Some(_)) => fail("code_verifier sent, but the authorization request had no code_challenge"),
        (Some(challenge), Some(verifier)) => {
            let well_formed = (43..=128).contains(&verifier.len())
                && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
            let digest = Digest::of(verifier.as_bytes()).encode();
            if well_formed && bytes::same(digest.as_bytes(), challenge.as_bytes()) {
                Ok(())
            } else {
                fail("code_verifier does not match code_challenge")
            }
        }
    }
}

/// RFC 6749 §6 with rotation (RFC 9700 §4.14.2), unless the client's tokens are not rotated (FAPI 2.0 Security Profile §5.3.2.1): a token used before revokes all that came of its grant, unless it is the
/// one before the current one and [`Grant::repeats`]. Everything that may fail is read before the token is used up.
async fn refresh_token(
    tokens: &Tokens,
    client: &Client,
    params: &Params,
    bound_to: Option<Confirmation>,
) -> Result<TokenResponse, TokenError> {
    let text = params
        .get("refresh_token")
        .ok_or_else(|| TokenError::new(ErrorCode::InvalidRequest, "refresh_token is missing"))?;
    let invalid = || {
        TokenError::new(
            ErrorCode::InvalidGrant,
            "refresh token is invalid, expired, already used, or was issued to another client",
        )
    };
    let token = tokens.refresh_tokens.open(text).ok_or_else(invalid)?;
    let another_key = || {
        let words =
            "the refresh token is bound to another key: prove that you have the one that it was issued for";
        TokenError::new(ErrorCode::InvalidGrant, words)
    };
    if token.bound_to.is_some() && token.bound_to != bound_to {
        return Err(another_key());
    }
    let (asked, resource) = (params.get("scope"), params.get(resource::NAME));
    let narrows = asked.is_some() || resource.is_some();
    let found = if narrows { tokens.grants.find(&token.grant).await? } else { None };
    if let Some(found) = found.filter(|found| found.client_id == client.id) {
        let granted: Vec<&str> = found.details.scope.split(' ').collect();
        let (window, now) = (tokens.lifetimes.refresh_repeat, tokens.provider.clock.now());
        // A token that is not the current one is judged as such, whatever scope it is sent with.
        let is_current = !found.revoked
            && (found.generation == token.generation || found.repeats(token.generation, window, now));
        if is_current && asked.is_some_and(|asked| asked.split(' ').any(|scope| !granted.contains(&scope))) {
            return Err(TokenError::new(ErrorCode::InvalidScope, "scope exceeds what was granted"));
        }
        if is_current && resource.is_some() {
            resource::audience(&tokens.provider, client, params, &found.details.resources)?;
        }
    }
    let mut record = id_token::record(tokens, token.person_id.as_ref()).await?;
    let idle = tokens.lifetimes.refresh_idle;
    // RFC 9449 §5: once a public client has proven a key, its refresh tokens are that key's, whenever it began.
    let binds = bound_to.filter(|_| client.authentication.method == AuthMethod::None);
    let rotated = tokens
        .grants
        .rotate(&token.grant, (token.generation, client.tokens.rotates, binds), &client.id, idle)
        .await?;
    let (mut grant, refreshed) = match rotated {
        Some(grant) => (grant, Event::new(Kind::TokenRefreshed)),
        None => match stale(tokens, client, &token).await? {
            Some(grant) => (grant, Event::new(Kind::TokenRefreshed).reason("repeated")),
            None => return Err(invalid()),
        },
    };
    // The token before the one that was bound is not bound itself, and gives no second successor to anybody else.
    if grant.details.bound_to.is_some_and(|bound| bound_to != Some(bound)) {
        return Err(another_key());
    }
    grant.details.bound_to = grant.details.bound_to.or(binds);
    if record.is_none() {
        // A token of version 0.1 does not say that its person is to be read.
        record = id_token::record(tokens, id_token::subject(&grant.details)).await?;
    }
    if let Some(asked) = asked {
        // RFC 6749 §6: the access token is narrowed, the grant is not.
        grant.details.narrow_to(asked);
    }
    let audience = resource::audience(&tokens.provider, client, params, &grant.details.resources)?;
    let restriction = Restriction { audience, bound_to };
    let response = respond_with(tokens, client, (&grant, record.as_deref()), (None, restriction), refreshed)?;
    // One that is not rotated stays with the client that sent it.
    let next = if client.tokens.rotates { tokens.refresh_tokens.of(&grant) } else { None };
    Ok(TokenResponse { refresh_token: next, ..response })
}

/// What follows from a refresh token that is not the current one, or whose grant has ended: its successor once more, or
/// the end of the grant.
async fn stale(tokens: &Tokens, client: &Client, token: &RefreshToken) -> Result<Option<Grant>, TokenError> {
    let found = tokens.grants.find(&token.grant).await?;
    let found = found.filter(|grant| grant.client_id == client.id && !grant.revoked);
    let Some(grant) = found else { return Ok(None) };
    let (window, now) = (tokens.lifetimes.refresh_repeat, tokens.provider.clock.now());
    let repeats = grant.repeats(token.generation, window, now)
        || (grant.follows(token.generation, now)
            && tokens.grants.is_unanswered(&token.grant, token.generation).await?);
    if grant.generation > token.generation && !repeats {
        let event = Event::new(Kind::RefreshReplayed).client(client.id.as_str());
        tokens.provider.audit.record(event.grant(token.grant.as_str()));
        tokens.grants.revoke(&token.grant).await?;
    } else if !tokens.people.is_enrolled(&grant.details.person_id).await? {
        // What the person gave ends with their enrolment.
        tokens.grants.revoke(&token.grant).await?;
    } else if repeats {
        return Ok(Some(grant));
    }
    Ok(None)
}

/// RFC 6749 §4.4: the client acts for itself; no person, no refresh token. Scopes stand for persons' data here, so
/// those that are asked for are ignored (§3.3).
fn client_credentials(
    tokens: &Tokens,
    client: &Client,
    params: &Params,
    bound_to: Option<Confirmation>,
) -> Result<TokenResponse, TokenError> {
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

/// Issues the tokens of a grant but its refresh token. Nothing here asks a store.
fn respond_with(
    tokens: &Tokens,
    client: &Client,
    (grant, record): (&Grant, Option<&Account>),
    (nonce, restriction): (Option<&str>, Restriction),
    issued: Event<'_>,
) -> Result<TokenResponse, TokenError> {
    let bound_to = restriction.bound_to;
    let (access_token, expires_in) = tokens.access_tokens.for_grant(client, grant, restriction)?;
    let id_token = id_token::issue(tokens, client, (&grant.details, record), &access_token, nonce)?;
    tokens.provider.audit.record(described(issued, client, grant));
    Ok(TokenResponse {
        token_type: token_type(bound_to),
        expires_in,
        id_token: Some(id_token),
        refresh_token: None,
        scope: grant.details.scope.clone(),
        access_token,
    })
}

/// RFC 6749 §7.1, RFC 9449 §5.
fn token_type(bound_to: Option<Confirmation>) -> &'static str {
    bound_to.map_or("Bearer", Confirmation::token_type)
}

fn described<'a>(event: Event<'a>, client: &'a Client, grant: &'a Grant) -> Event<'a> {
    let details = &grant.details;
    let event = event
        .client(client.id.as_str())
        .person(details.person_id.as_str())
        .grant(grant.id.as_str())
        .scopes(&details.scope)
        .data_sets(details.released.iter().map(|set| set.name()))
        .acr(details.acr.name());
    match &details.consent_id {
        Some(consent) => event.consent(consent.as_str()),
        None => event,
    }
}
