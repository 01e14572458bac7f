//! `grant_type=refresh_token` (RFC 6749 §6, RFC 9700 §4.14.2).

use super::TokenRequest;
use super::issue::{TokenResponse, respond_with};
use crate::audit::{Event, Kind};
use crate::clients::{AccessTokenFormat, AuthMethod, Client};
use crate::grants::Grant;
use crate::ledger::Rows;
use crate::oidc::audience::{Audience, Restriction};
use crate::oidc::error::{ErrorCode, TokenError};
use crate::oidc::refresh_token::RefreshToken;
use crate::oidc::releases::Release;
use crate::oidc::{Tokens, authorization_details, id_token, releases, resource};
use crate::platform::bytes;
use crate::platform::db::Statement;
use crate::release::AgreedData;

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
        return Err(TokenError::quota(spent, tokens.provider.clock.now()));
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
    // What the answer says by itself goes to the ledger with the rotation, so it is computed before: most tokens say nothing.
    let tells = token.person_id.is_some() || may_tell(client);
    let found = if narrows || unnamed || tells { tokens.grants.find(&token.grant).await? } else { None };
    let found = found.filter(|found| found.client_id == client.id);
    let person = token.person_id.as_ref().or(found.as_ref().map(|found| &found.details.person_id)).cloned();
    if let Some(found) = &found {
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
    let found = found.filter(|found| tells && found.generation == token.generation);
    let goes_along = found.is_some();
    let (told, then) = match found {
        Some(found) => rows(request, Grant { generation: successor(client, found.generation), ..found })?,
        None => (Rows::default(), Vec::new()),
    };
    let turn = (token.generation, client.tokens.rotates, binds);
    let rotated = tokens.grants.rotate(&token.grant, turn, &client.id, idle, (&told, then)).await?;
    let (mut grant, refreshed, is_told) = match rotated {
        Some(grant) => (grant, Event::new(Kind::TokenRefreshed), goes_along),
        None => match stale(tokens, client, &token).await? {
            Some(grant) => (grant, Event::new(Kind::TokenRefreshed).reason("repeated"), false),
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
    narrow(&mut grant, request)?;
    let audience = resource::audience(&tokens.provider, client, params, &grant.details.resources)?;
    if !is_told {
        record_release(request, &grant, &audience, token.generation).await?;
    }
    let restriction = Restriction { audience, bound_to };
    let response = respond_with(request, (&grant, record.as_deref()), (None, restriction, None), refreshed)?;
    // One that is not rotated stays with the client that sent it.
    let next = if client.tokens.rotates { tokens.refresh_tokens.of(&grant) } else { None };
    Ok(TokenResponse { refresh_token: next, ..response })
}

/// Whether access tokens of a client may say something of the person to whoever reads them.
fn may_tell(client: &Client) -> bool {
    client.tokens.access_token_format == AccessTokenFormat::Jwt && !client.data.detail_types.is_empty()
}

/// The generation that a refresh leads to.
fn successor(client: &Client, generation: i64) -> i64 {
    generation + i64::from(client.tokens.rotates)
}

/// RFC 6749 §6, RFC 9396 §6.1: the access token is narrowed, the grant is not.
fn narrow(grant: &mut Grant, request: TokenRequest<'_>) -> Result<(), TokenError> {
    if let Some(asked) = request.params.get("scope") {
        grant.details.narrow_to(asked);
    }
    if let Some(details) = request.params.get(authorization_details::NAME) {
        grant.details.agreed = authorization_details::narrowed(details, &grant.details.agreed)?;
    }
    Ok(())
}

/// What the new tokens of a grant say by themselves, which is nothing for most requests; what they open at UserInfo is written when it
/// is read. A token that is answered once more tells the same as before.
fn told<'a>(
    request: TokenRequest<'a>,
    (grant, agreed): (&'a Grant, &'a [AgreedData]),
    audience: &Audience,
) -> Vec<Release<'a>> {
    let TokenRequest { tokens, client, .. } = request;
    let answer =
        if client.tokens.rotates { grant.generation.to_string() } else { bytes::random_text::<12>() };
    let once = [grant.id.as_str(), answer.as_str()];
    let about = (&grant.details.person_id, grant.details.consent_id.as_deref());
    let mut releases = releases::of_signed_token(tokens, (client, audience), about, agreed, &once);
    releases.extend(releases::of_id_token(client, &grant.details, once.map(str::to_owned).to_vec()));
    releases
}

/// The rows of the ledger that go with a rotation, and the notices of them. `grant` is as the rotation will leave it.
fn rows(request: TokenRequest<'_>, mut grant: Grant) -> Result<(Rows, Vec<Statement>), TokenError> {
    let TokenRequest { tokens, client, params, .. } = request;
    narrow(&mut grant, request)?;
    let audience = resource::audience(&tokens.provider, client, params, &grant.details.resources)?;
    let agreed = audience.told(&grant.details.agreed, (client, &tokens.provider));
    let releases = told(request, (&grant, &agreed), &audience);
    let entries = releases::entries(&releases);
    Ok((tokens.ledger.rows(&entries)?, releases::notices(tokens, &entries)))
}

/// Writes to the ledger what was not written with a rotation: what a token that is answered once more says besides, because other
/// resource servers are named, and what a token of version 0.1 says. Where that fails nothing leaves, and whoever asks again gets the
/// successor.
async fn record_release(
    request: TokenRequest<'_>,
    grant: &Grant,
    audience: &Audience,
    generation: i64,
) -> Result<(), TokenError> {
    let TokenRequest { tokens, client, .. } = request;
    let agreed = audience.told(&grant.details.agreed, (client, &tokens.provider));
    let releases = told(request, (grant, &agreed), audience);
    if releases.is_empty() {
        return Ok(());
    }
    match releases::write(tokens, &releases::entries(&releases)).await {
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
