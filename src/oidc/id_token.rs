//! ID tokens (OpenID Connect Core §2, §3.1.3.3): who signed in, when and how; data only where asked for by name.

use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::{Map, Value, json};

use super::error::{ErrorCode, TokenError};
use super::{Tokens, claims, encryption, signature, verified_claims};
use crate::clients::{Client, GrantType};
use crate::grants::GrantDetails;
use crate::people::{Account, CivilDate, PersonId};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::jose::{Alg, RecipientKey};

/// The record of the person, if claims of it were asked for in the ID token by name (`named`); for most requests none, and no
/// look-up. It is read before anything is used up, so that a request that fails here can be repeated. Where the contract of the client
/// demands something of people (D-s, D-t), it is read for that as well: what was given before they became unsuited gives nothing more.
///
/// # Errors
/// [`TokenError`] when it cannot be read, or the client may have nothing of this person.
pub(super) async fn record(
    tokens: &Tokens,
    client: &Client,
    person: Option<&PersonId>,
    named: bool,
) -> Result<Option<Arc<Account>>, TokenError> {
    let Some(person) = person.filter(|_| named || client.demands_of_people()) else { return Ok(None) };
    let account = tokens.people.find(person).await?;
    let today = CivilDate::of(tokens.provider.clock.now());
    if let Some(why) = account.as_ref().and_then(|account| client.unsuited(account, today)) {
        return Err(TokenError::new(ErrorCode::InvalidGrant, why.description()));
    }
    Ok(account.filter(|_| named))
}

/// Whether [`issue`] needs the person's record.
pub(super) fn needs_record(details: &GrantDetails) -> bool {
    details.claims.any_in_id_token()
}

/// Issues the ID token that goes with `access_token`, encrypted for `recipient` if there is one (OpenID Connect Core §16.14: signed
/// first). `record` is the person's, where it is [needed](needs_record).
///
/// # Errors
/// [`TokenError`] when there is no key to sign with.
pub(super) fn issue(
    tokens: &Tokens,
    client: &Client,
    (details, record): (&GrantDetails, Option<&Account>),
    access_token: &str,
    nonce: Option<&str>,
    recipient: Option<&RecipientKey>,
) -> Result<String, TokenError> {
    let now = tokens.provider.clock.now();
    let keys = tokens.provider.keys.current();
    let key = signature::key(&keys, client.tokens.id_token_alg, now)?;
    let mut token = record.map(|account| named(account, (client, details), now)).unwrap_or_default();
    let mut add = |name: &str, value: Value| token.insert(name.to_owned(), value);
    add("iss", (&*tokens.provider.issuer).into());
    add("sub", details.sub.as_str().into());
    add("aud", client.id.as_str().into());
    add("iat", now.0.into());
    add("exp", now.plus(tokens.lifetimes.id).0.into());
    add("auth_time", details.auth_time.0.into());
    add("acr", details.acr.name().into());
    add("amr", json!(details.amr));
    // Whoever approved a request without a browser has no session.
    if !details.sid.is_empty() {
        add("sid", details.sid.as_str().into());
    }
    if client.may(GrantType::Ciba) {
        add("hint", tokens.ciba.hint(&client.id, &details.person_id).into());
    }
    add("at_hash", left_half(client.tokens.id_token_alg, access_token).into());
    if let Some(nonce) = nonce {
        add("nonce", nonce.into());
    }
    Ok(encryption::nested(key.sign("JWT", &token), recipient)?)
}

/// The claims asked for in the ID token by name.
fn named(
    account: &Account,
    (client, details): (&Client, &GrantDetails),
    now: Timestamp,
) -> Map<String, Value> {
    let (today, released) = (CivilDate::of(now), details.may_go(client));
    let acting = details
        .organisation
        .as_ref()
        .filter(|one| one.until.is_none_or(|until| now < until))
        .map(|one| Account { organisation: Some(one.clone()), ..account.clone() });
    let account = acting.as_ref().unwrap_or(account);
    let mut named = claims::for_id_token(account, &details.claims.id_token, &released, today);
    let verified = &details.claims.verified_id_token;
    if let Some(verified) = claims::verified(account, verified, &released, now) {
        named.insert(verified_claims::NAME.to_owned(), verified);
    }
    named
}

/// OpenID Connect Core §3.1.3.6: half of the hash that the signature's algorithm uses.
fn left_half(alg: Alg, value: &str) -> String {
    let hash = match alg {
        Alg::RS256 | Alg::PS256 | Alg::ES256 => &digest::SHA256,
        Alg::EdDSA => &digest::SHA512,
    };
    let digest = digest::digest(hash, value.as_bytes());
    bytes::encode(&digest.as_ref()[..digest.as_ref().len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_that_of_the_specification() {
        // OpenID Connect Core, Appendix A.3: the access token and its at_hash.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(left_half(Alg::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
