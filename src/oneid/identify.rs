//! `grant_type=one_access_token_identify`: the data of the person who signed in.

use serde_json::{Map, Value};

use super::OneId;
use super::client::Proven;
use super::error::{Code, Refusal};
use super::fields::{self, Signed};
use super::params::Params;
use super::releases::Told;
use super::uuid::Uuid;
use crate::accounts::Ground;
use crate::audit::{Event, Kind};
use crate::grants::{self, Grant};
use crate::ledger;
use crate::people::CivilDate;

/// The token that a service shows. OneID's tokens and sessions have the same name, and some clients keep it as `sess_id`.
pub(super) fn shown(params: &Params) -> Result<&str, Refusal> {
    match (params.get("access_token"), params.get("sess_id")) {
        (Some(token), Some(other)) if !token.eq_ignore_ascii_case(other) => {
            Err(Refusal::new(Code::Request, "access_token and sess_id differ"))
        }
        (Some(token), _) | (None, Some(token)) => Ok(token),
        (None, None) => Err(Refusal::new(Code::Request, "access_token is missing")),
    }
}

/// Tells the data. What the person agreed to and the registration allows today may go, while the grant and the session live
/// and their number is enrolled: the grant is read anew each time, the ends of sessions are in memory.
pub(super) async fn answer(
    oneid: &OneId,
    proven: &Proven<'_>,
    params: &Params,
) -> Result<Map<String, Value>, Refusal> {
    let client = proven.client;
    let invalid = || Refusal::new(Code::AccessToken, "the access token is invalid, expired or revoked");
    let token = Uuid::parse(shown(params)?).ok_or_else(invalid)?;
    let grant = oneid.grants.find_live(&grants::id_of(token.as_str())).await?;
    let grant = grant.filter(|grant| grant.client_id == client.id).ok_or_else(invalid)?;
    let details = &grant.details;
    // Whoever signs out has left: a service's server has nothing to ask about them any more.
    if details.session.is_some_and(|session| oneid.sign_in.sessions.was_ended(&session)) {
        return Err(Refusal::new(
            Code::AccessToken,
            "the session that the access token was issued in has ended",
        ));
    }
    let account = oneid.people.find(&details.person_id).await?.ok_or_else(invalid)?;
    if let Some(why) = client.unsuited(&account, CivilDate::of(oneid.clock.now())) {
        return Err(Refusal::new(Code::AccessToken, why.description()));
    }
    let released = details.may_go(client);
    let told = Told::of(details, client, proven.policy);
    record(oneid, &grant, proven, &told).await?;
    // Whoever has an enrolled number is confirmed by it; of others the account says on what it rests (R3).
    let confirmed = match &account.phone {
        Some(_) => Some(Ground::MobileId),
        None => oneid.sign_in.accounts.confirmation(&details.person_id).await?,
    };
    let account = account.acting_for(details.organisation.as_deref(), oneid.clock.now());
    let signed = Signed { login: &details.sub, session: token.as_str(), acr: details.acr, confirmed };
    let answer = fields::of(&account, &released, proven.policy, &signed);
    let identified = Event::new(Kind::OneIdIdentified)
        .client(client.id.as_str())
        .person(details.person_id.as_str())
        .grant(grant.id.as_str())
        .data_sets(told.sets().iter().map(|set| set.name()));
    oneid.audit.record(identified);
    Ok(answer)
}

/// Makes sure that the ledger tells of what leaves: it does since the code was redeemed, unless the registration was changed.
async fn record(oneid: &OneId, grant: &Grant, proven: &Proven<'_>, told: &Told) -> Result<(), Refusal> {
    let entries = told.entries((&grant.id, &grant.details), proven.client);
    let names = oneid.ledger.names(&entries);
    if ledger::mark(&names) != grant.details.told {
        oneid.ledger.write(&entries).await?;
    }
    oneid.ledger.count(names);
    Ok(())
}
