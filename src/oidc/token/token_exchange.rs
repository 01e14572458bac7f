//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): a resource server that got an access token calls
//! another one on the person's behalf. Nothing is stored: what it gets rests on the grant that the token came from.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::TokenRequest;
use super::issue::{TokenResponse, token_type};
use crate::audit::{Event, Kind};
use crate::clients::Client;
use crate::ledger::Channel;
use crate::oidc::access_token::{AccessToken, TokenPerson};
use crate::oidc::audience::{Audience, Restriction, on_the_wire};
use crate::oidc::error::{ErrorCode, TokenError};
use crate::oidc::{Tokens, authorization_details, releases, resource};
use crate::platform::web::params::Params;
use crate::release::AgreedData;

/// The one type of token that is taken and given (§3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How many may act one through another, at most.
const LONGEST_CHAIN: usize = 3;

fn invalid(description: &'static str) -> TokenError {
    TokenError::new(ErrorCode::InvalidRequest, description)
}

/// Answers it. That the subject token is refused is `invalid_request` (§2.2.2).
pub(super) async fn issue(request: TokenRequest<'_>) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, bound_to, .. } = request;
    check_types(params)?;
    let text = params.get("subject_token").ok_or_else(|| invalid("subject_token is missing"))?;
    let (target, audience) = target(tokens, client, params)?;
    // One that is for somebody else is told from none in no way.
    let issued = |token: &AccessToken| tokens.provider.clients.find(&token.client_id);
    let subject = tokens.access_tokens.resolve(text).await?;
    let subject = subject.filter(|token| token.is_for(client, issued(token).as_deref()));
    let subject = subject.ok_or_else(|| {
        invalid("subject_token is invalid, expired, revoked, or not for this resource server")
    })?;
    let Some(person) = &subject.person else {
        return Err(invalid("subject_token is of no person: use client_credentials"));
    };
    if subject.act.len() >= LONGEST_CHAIN {
        return Err(invalid("subject_token was exchanged three times already"));
    }
    // Whoever the subject token was bound to proved it to this resource server, which is in its audience and proves itself
    // here. What it gets is bound as well, to a key of its own.
    if subject.bound_to.is_some() && bound_to.is_none() {
        return Err(invalid(
            "subject_token is bound to a key: send a DPoP proof or show a certificate, so that the new token is bound to yours",
        ));
    }
    let scope = scope(params.get("scope"), &subject.scope)?;
    let now = tokens.provider.clock.now();
    let told = person.details.iter().filter(|detail| !detail.asked.locations.is_empty());
    let told = told.filter(|detail| detail.is_live(now) && detail.is_told(&target)).cloned();
    // Whoever exchanges is told of no others than are for itself, and so can name no others.
    let known = |details: &[AgreedData]| -> Vec<AgreedData> {
        details.iter().filter(|detail| detail.is_told(client)).cloned().collect()
    };
    let told: Vec<AgreedData> = told.collect();
    let told = match params.get(authorization_details::NAME) {
        Some(text) => authorization_details::narrowed(text, &known(&told))?,
        None => told,
    };
    let person = TokenPerson {
        sub: tokens.provider.subject_ids.of(&target, &person.person_id),
        released: BTreeSet::new(),
        claims: BTreeSet::new(),
        organisation: None,
        details: told,
        told: None,
        ..person.clone()
    };
    let known = known(&person.details);
    // Whoever exchanges learns by the answer what the person agreed to for whom it acts.
    let once = [subject.id.as_str(), client.id.as_str()];
    let about = (&releases::Reader::Caller(client), &person.person_id, None);
    let releases = releases::of_details(about, Channel::AccessToken, &known, &once);
    let mut releases = releases;
    // And the one for whom the new token is by the token, where it can be read.
    let about = (&person.person_id, None);
    let once = [subject.id.as_str(), client.id.as_str()];
    releases.extend(releases::of_signed_token(tokens, (client, &audience), about, &person.details, &once));
    tokens.ledger.count(releases::record(tokens, &subject.grant, &releases).await?);
    drop(releases);
    let details = (!known.is_empty()).then(|| on_the_wire(&known));
    let event = Event::new(Kind::TokenIssued).grant_type("token_exchange").audience(target.id.as_str());
    let event = event.client(client.id.as_str()).scopes(&scope).grant(subject.grant.clone());
    let event = event.person(person.person_id.as_str().to_owned()).acr(person.acr.name());
    let restriction = Restriction { audience, bound_to };
    let (access_token, expires_in) =
        tokens.access_tokens.exchanged(client, &subject, person, (&scope, restriction))?;
    tokens.provider.audit.record(event);
    Ok(TokenResponse {
        access_token,
        token_type: token_type(bound_to),
        expires_in,
        id_token: None,
        refresh_token: None,
        issued_token_type: Some(ACCESS_TOKEN),
        grant_id: None,
        authorization_details: details,
        scope,
    })
}

/// What is exchanged for what (§2.1).
fn check_types(params: &Params) -> Result<(), TokenError> {
    match params.get("subject_token_type") {
        Some(ACCESS_TOKEN) => {}
        None => return Err(invalid("subject_token_type is missing")),
        Some(_) => {
            return Err(invalid("subject_token_type must be urn:ietf:params:oauth:token-type:access_token"));
        }
    }
    if params.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(invalid(
            "requested_token_type must be urn:ietf:params:oauth:token-type:access_token, or be left out",
        ));
    }
    if params.get("actor_token").is_some() || params.get("actor_token_type").is_some() {
        return Err(invalid(
            "actor_token is not taken: the client that authenticates is the one that acts for the person",
        ));
    }
    Ok(())
}

/// Whom the new token is for: one resource server, by its `client_id` (`audience`) or one of its URIs (`resource`), which the
/// registration of the client names.
fn target(tokens: &Tokens, client: &Client, params: &Params) -> Result<(Arc<Client>, Audience), TokenError> {
    let unknown = || {
        let description =
            "audience or resource must name one resource server of the client's may_exchange_for";
        TokenError::new(ErrorCode::InvalidTarget, description)
    };
    let clients = &tokens.provider.clients;
    let allowed = client.tokens.may_exchange_for.iter().filter_map(|id| clients.find(id));
    let mut allowed = allowed.filter(|target| target.tokens.resource_server && !target.disabled);
    let (id, uri) = (params.get("audience"), params.get(resource::NAME));
    if (id.is_none() && uri.is_none()) || params.is_repeated(resource::NAME) {
        return Err(unknown());
    }
    let named = |target: &Arc<Client>| {
        id.is_none_or(|id| target.id.as_str() == id)
            && uri.is_none_or(|uri| target.tokens.resource_uris.iter().any(|own| own == uri))
    };
    let target = allowed.find(named).ok_or_else(unknown)?;
    let audience = Audience::of_target(target.id.clone(), uri.map(str::to_owned));
    Ok((target, audience))
}

/// No more than the subject token's (RFC 6749 §3.3).
fn scope(asked: Option<&str>, held: &str) -> Result<String, TokenError> {
    let Some(asked) = asked else { return Ok(held.to_owned()) };
    let held: Vec<&str> = held.split(' ').collect();
    if asked.split(' ').any(|scope| !held.contains(&scope)) {
        return Err(TokenError::new(ErrorCode::InvalidScope, "scope exceeds that of subject_token"));
    }
    let kept = held.into_iter().filter(|scope| asked.split(' ').any(|asked| asked == *scope));
    Ok(kept.collect::<Vec<_>>().join(" "))
}
