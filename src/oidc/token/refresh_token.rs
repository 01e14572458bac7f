//! `grant_type=refresh_token` (RFC 6749 §6, RFC 9700 §4.14.2).

use super::TokenRequest;
use super::issue::{TokenResponse, respond_with};
use crate::audit::{Event, Kind};
use crate::clients::{AuthMethod, Client};
use crate::grants::Grant;
use crate::oidc::audience::{Audience, Restriction};
use crate::oidc::error::{ErrorCode, TokenError};
use crate::oidc::refresh_token::RefreshToken;
use crate::oidc::{Tokens, authorization_details, id_token, releases, resource};
use crate::platform::bytes;

/// Answers it, with rotation unless the client's tokens are not rotated (FAPI 2.0 Security Profile §5.3.2.1): a token used
/// before revokes all that came of its grant, unless it is the one before the current one and [`Grant::repeats`]. Everything that may fail is read before the token is used up.
pub(super) async fn issue(request: TokenRequest<'_>) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, bound_to, .. } = request;
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
    // Before anything is used up. What the token is for is not read for that: a client that may have data asks for some.
    if let Some(spent) = tokens.provider.clients.spent(client).filter(|_| !client.data.sets.is_empty()) {
        return Err(TokenError::new(ErrorCode::TooManyRequests, spent.description()));
    }
    let another_key = || {
        let words =
            "the refresh token is bound to another key: prove that you have the one that it was issued for";
        TokenError::new(ErrorCode::InvalidGrant, words)
    };
    if token.bound_to.is_some() && token.bound_to != bound_to {
        return Err(another_key());
    }
    let (asked, resource) = (params.get("scope"), params.get(resource::NAME));
    let details = params.get(authorization_details::NAME);
    let narrows = asked.is_some() || resource.is_some() || details.is_some();
    // The token does not say whose it is where only the contract wants to know.
    let unnamed = token.person_id.is_none() && client.demands_of_people();
    let found = if narrows || unnamed { tokens.grants.find(&token.grant).await? } else { None };
    let found = found.filter(|found| found.client_id == client.id);
    let person = token.person_id.as_ref().or(found.as_ref().map(|found| &found.details.person_id)).cloned();
    if let Some(found) = found {
        let granted: Vec<&str> = found.details.scope.split(' ').collect();
        let (window, now) = (tokens.lifetimes.refresh_repeat, tokens.provider.clock.now());
        // A token that is not the current one is judged as such, whatever scope it is sent with.
        let is_current = !found.revoked
            && (found.generation == token.generation || found.repeats(token.generation, window, now));
        if is_current && asked.is_some_and(|asked| asked.split(' ').any(|scope| !granted.contains(&scope))) {
            return Err(TokenError::new(ErrorCode::InvalidScope, "scope exceeds what was granted"));
        }
        if let Some(details) = details.filter(|_| is_current) {
            authorization_details::narrowed(details, &found.details.agreed)?;
        }
        if is_current && resource.is_some() {
            resource::audience(&tokens.provider, client, params, &found.details.resources)?;
        }
    }
    let mut record = id_token::record(tokens, client, person.as_ref(), token.person_id.is_some()).await?;
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
    if record.is_none() && id_token::needs_record(&grant.details) {
        // A token of version 0.1 does not say that its person is to be read.
        let needed = id_token::needs_record(&grant.details);
        record = id_token::record(tokens, client, Some(&grant.details.person_id), needed).await?;
    }
    if let Some(asked) = asked {
        // RFC 6749 §6: the access token is narrowed, the grant is not.
        grant.details.narrow_to(asked);
    }
    if let Some(details) = details {
        grant.details.agreed = authorization_details::narrowed(details, &grant.details.agreed)?;
    }
    let audience = resource::audience(&tokens.provider, client, params, &grant.details.resources)?;
    record_release(request, &grant, &audience, token.generation).await?;
    let restriction = Restriction { audience, bound_to };
    let response = respond_with(request, (&grant, record.as_deref()), (None, restriction, None), refreshed)?;
    // One that is not rotated stays with the client that sent it.
    let next = if client.tokens.rotates { tokens.refresh_tokens.of(&grant) } else { None };
    Ok(TokenResponse { refresh_token: next, ..response })
}

/// Writes to the ledger what the new tokens say by themselves, which is nothing for most requests; what they open at UserInfo is written
/// when it is read. A token that is answered once more tells the same as before. Where that fails nothing leaves, and whoever asks again
/// gets the successor.
async fn record_release(
    request: TokenRequest<'_>,
    grant: &Grant,
    audience: &Audience,
    generation: i64,
) -> Result<(), TokenError> {
    let TokenRequest { tokens, client, .. } = request;
    let answer =
        if client.tokens.rotates { grant.generation.to_string() } else { bytes::random_text::<12>() };
    let once = [grant.id.as_str(), answer.as_str()];
    let told = audience.told(&grant.details.agreed, (client, &tokens.provider));
    let mut releases = releases::of_signed_token(tokens, client, (&grant.details, &told), audience, &once);
    let once = once.map(str::to_owned).to_vec();
    releases.extend(releases::of_id_token(client, &grant.details, once));
    if releases.is_empty() {
        return Ok(());
    }
    match tokens.ledger.write(&releases::entries(&releases)).await {
        Ok(()) => Ok(()),
        Err(error) => Err(tokens.grants.unanswered_refresh(&grant.id, generation, error).await.into()),
    }
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
