//! `grant_type=one_authorization_code`: a code becomes an access token, once.

use serde::Serialize;

use super::OneId;
use super::client::Proven;
use super::code::{CodeContent, FoundCode};
use super::error::{Code, Refusal};
use super::params::Params;
use super::releases::Told;
use super::uuid::Uuid;
use crate::audit::{Event, Kind};
use crate::grants::{self, Grant, GrantDetails};
use crate::ledger;

/// The answer, as it was recorded: `expires_in` is the moment of expiry, in milliseconds since 1970.
#[derive(Serialize)]
pub(super) struct TokenAnswer {
    scope: String,
    expires_in: i64,
    token_type: &'static str,
    /// Clients want one, and the protocol has no request that takes it: nothing knows this one.
    refresh_token: String,
    access_token: String,
}

/// Redeems a code. That is last: one durable statement that has one winner.
pub(super) async fn answer(
    oneid: &OneId,
    proven: &Proven<'_>,
    params: &Params,
) -> Result<TokenAnswer, Refusal> {
    let client = proven.client;
    let code = params.get("code").ok_or_else(|| Refusal::new(Code::Request, "code is missing"))?;
    let invalid = || {
        Refusal::new(
            Code::Used,
            "the code is invalid, expired, already used, or was issued to another client",
        )
    };
    let code = Uuid::parse(code).ok_or_else(invalid)?;
    let token = oneid.codes.token_of(&code);
    let Some(FoundCode { content, in_session }) = oneid.codes.find(&code).await? else {
        oneid.grants.replayed(token.as_str(), &client.id).await?;
        return Err(invalid());
    };
    if content.client_id != client.id {
        return Err(invalid());
    }
    match params.get("redirect_uri") {
        Some(given) if given == content.redirect_uri.as_str() => {}
        None if proven.policy.redirect_uri_optional => {}
        Some(_) => {
            return Err(Refusal::new(Code::RedirectUri, "redirect_uri is not the one that the code went to"));
        }
        None => {
            return Err(Refusal::new(
                Code::RedirectUri,
                "redirect_uri is missing, and oneid_redirect_uri_optional is not set",
            ));
        }
    }
    if !in_session {
        // A code of a session that has ended grants nothing any more, but may have been redeemed before.
        oneid.grants.replayed(token.as_str(), &client.id).await?;
        return Err(invalid());
    }
    let CodeContent { scope, number, details, .. } = content;
    // Requests that began below the quota may be more than are left of it (R99).
    if let Some(spent) = oneid.clients.spent(client).filter(|_| !details.released.is_empty()) {
        return Err(Refusal::new(Code::Limit, spent.description()));
    }
    let now = oneid.clock.now();
    // The end of a session is known for as long as it could have gone on: a token that outlived that would come back.
    let until = now.plus(oneid.token_seconds).min(oneid.sign_in.sessions.over_at(details.auth_time));
    let until = details.consent_until.map_or(until, |consent| consent.min(until));
    if until <= now {
        return Err(invalid());
    }
    let id = grants::id_of(token.as_str());
    let told = Told::of(&details, client, proven.policy);
    let entries = told.entries((&id, &details), client);
    let rows = oneid.ledger.rows(&entries)?;
    let mark = ledger::mark(&oneid.ledger.names(&entries));
    let details = GrantDetails { told: mark, ..details };
    let redeemed = oneid.grants.redeem(
        token.as_str(),
        &client.id,
        (details, number.as_ref()),
        (&rows, Vec::new()),
        (false, until),
        0,
    );
    let grant = redeemed.await?;
    let grant = grant.ok_or_else(invalid)?;
    if !grant.details.released.is_empty() {
        oneid.clients.released(client);
    }
    let issued = Event::new(Kind::TokenIssued).grant_type("one_authorization_code");
    oneid.audit.record(described(issued, &grant));
    Ok(TokenAnswer {
        scope,
        expires_in: grant.expires_at.0.saturating_mul(1000),
        token_type: "bearer",
        refresh_token: Uuid::random().as_str().to_owned(),
        access_token: token.as_str().to_owned(),
    })
}

/// An event with what is known of a grant.
pub(super) fn described<'a>(event: Event<'a>, grant: &'a Grant) -> Event<'a> {
    let details = &grant.details;
    let event = event
        .client(grant.client_id.as_str())
        .person(details.person_id.as_str())
        .grant(grant.id.as_str())
        .data_sets(details.released.iter().map(|set| set.name()))
        .acr(details.acr.name());
    match &details.consent_id {
        Some(consent) => event.consent(consent.as_str()),
        None => event,
    }
}
