//! Access tokens: opaque by default, sealed so that they need no look-up; signed JWTs (RFC 9068) by the client's wish.
//!
//! A sealed token carries what it stands for, survives a restart and the loss of short-lived state, and costs neither
//! a signature nor a round trip; that it was revoked is known from `revoked.rs`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Oidc;
use super::error::TokenError;
use super::grants::Grant;
use crate::clients::{AccessTokenFormat, Client, ClientId};
use crate::people::{DataSet, PersonId};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::seal::{Keyring, Sealer};
use crate::platform::service_error::ServiceError;
use crate::sign_in::Acr;

/// What an access token stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessToken {
    /// The token's own identifier.
    #[serde(rename = "t")]
    pub id: String,
    /// The grant it came from; its own identifier where there is no person.
    #[serde(rename = "g")]
    pub grant: String,
    /// Whom it was issued to.
    #[serde(rename = "c")]
    pub client_id: ClientId,
    /// Scopes, separated by spaces.
    #[serde(rename = "s")]
    pub scope: String,
    /// When it was issued.
    #[serde(rename = "i")]
    pub issued_at: Timestamp,
    /// The first moment at which it holds no more.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
    /// Whose data it opens; none for a client that acts for itself.
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    pub person: Option<TokenPerson>,
}

/// The person behind an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenPerson {
    /// Who.
    #[serde(rename = "p")]
    pub person_id: PersonId,
    /// Their name for the client.
    #[serde(rename = "u")]
    pub sub: String,
    /// Sets of data that may be released.
    #[serde(rename = "r")]
    pub released: BTreeSet<DataSet>,
    /// Claims asked for by name.
    #[serde(rename = "n", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub claims: BTreeSet<String>,
    /// When they proved who they are.
    #[serde(rename = "a")]
    pub auth_time: Timestamp,
    /// What they did for it.
    #[serde(rename = "l")]
    pub acr: Acr,
}

/// Seals and opens opaque access tokens.
pub struct AccessTokens(Sealer);

const PLACE: &[u8] = b"access-token";

impl AccessTokens {
    /// With the key of its own purpose.
    pub fn new(keyring: &Keyring) -> Self {
        Self(keyring.sealer("access-token"))
    }

    fn seal(&self, token: &AccessToken) -> Result<String, ServiceError> {
        let plain = serde_json::to_vec(token).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(self.0.seal_text(PLACE, &plain))
    }

    fn open(&self, text: &str) -> Option<AccessToken> {
        serde_json::from_slice(&self.0.open_text(PLACE, text).ok()?).ok()
    }
}

/// Issues the access token of a grant.
///
/// # Errors
/// [`TokenError`] when there is no key to sign with.
pub(super) fn for_grant(oidc: &Oidc, client: &Client, grant: &Grant) -> Result<String, TokenError> {
    let details = &grant.details;
    let person = TokenPerson {
        person_id: details.person_id.clone(),
        sub: details.sub.clone(),
        released: details.released.clone(),
        claims: details.claims.userinfo.clone(),
        auth_time: details.auth_time,
        acr: details.acr,
    };
    issue(oidc, client, Some(grant.id.clone()), &details.scope, Some(person))
}

/// Issues an access token for a client that acts for itself (RFC 6749 §4.4).
///
/// # Errors
/// [`TokenError`] when there is no key to sign with.
pub(super) fn for_client(oidc: &Oidc, client: &Client, scope: &str) -> Result<String, TokenError> {
    issue(oidc, client, None, scope, None)
}

fn issue(
    oidc: &Oidc,
    client: &Client,
    grant: Option<String>,
    scope: &str,
    person: Option<TokenPerson>,
) -> Result<String, TokenError> {
    let now = oidc.clock.now();
    let id = bytes::random_text::<16>();
    let token = AccessToken {
        grant: grant.unwrap_or_else(|| id.clone()),
        id,
        client_id: client.id.clone(),
        scope: scope.to_owned(),
        issued_at: now,
        expires_at: now.plus(oidc.lifetimes.access),
        person,
    };
    match client.access_token_format {
        AccessTokenFormat::Opaque => Ok(oidc.access_tokens.seal(&token)?),
        AccessTokenFormat::Jwt => signed(oidc, client, &token),
    }
}

/// RFC 9068 §2.2. The `jti` names grant and token, so that either can be revoked.
fn signed(oidc: &Oidc, client: &Client, token: &AccessToken) -> Result<String, TokenError> {
    let keys = oidc.keys.current();
    let key = keys
        .signing(client.access_token_alg, token.issued_at)
        .ok_or_else(|| ServiceError::Internal("no key signs access tokens".to_owned()))?;
    let sub = token.person.as_ref().map_or(client.id.as_str(), |person| person.sub.as_str());
    let mut claims = json!({
        "iss": &*oidc.issuer,
        "sub": sub,
        "aud": &*oidc.issuer,
        "client_id": client.id.as_str(),
        "iat": token.issued_at.0,
        "exp": token.expires_at.0,
        "jti": format!("{}.{}", token.grant, token.id),
    });
    if !token.scope.is_empty() {
        claims["scope"] = token.scope.as_str().into();
    }
    if let Some(person) = &token.person {
        claims["auth_time"] = person.auth_time.0.into();
        claims["acr"] = person.acr.name().into();
    }
    Ok(key.sign("at+jwt", &claims))
}

/// What a token in circulation stands for; `None` when it is not ours, expired or revoked.
///
/// # Errors
/// [`ServiceError`] when it cannot be known whether it was revoked.
pub(super) async fn resolve(oidc: &Oidc, text: &str) -> Result<Option<AccessToken>, ServiceError> {
    let Some(token) = read(oidc, text).await? else { return Ok(None) };
    if token.expires_at <= oidc.clock.now() || oidc.revoked.contains(&token.grant, &token.id).await? {
        return Ok(None);
    }
    // A client that was shut out, or is gone, has nobody's data; who is not enrolled any more is nobody's user.
    let served = oidc.clients.find(&token.client_id).is_some_and(|client| !client.disabled);
    if let Some(person) = &token.person
        && oidc.release.people().find(&person.person_id).await?.is_none()
    {
        return Ok(None);
    }
    Ok(served.then_some(token))
}

/// What a token stands for, whether or not it still holds.
///
/// # Errors
/// [`ServiceError`] when a store is away.
pub(super) async fn read(oidc: &Oidc, text: &str) -> Result<Option<AccessToken>, ServiceError> {
    if text.len() > 16 * 1024 {
        return Ok(None);
    }
    if !text.contains('.') {
        return Ok(oidc.access_tokens.open(text));
    }
    let Ok(claims) = oidc.keys.current().verify(text, "at+jwt") else { return Ok(None) };
    from_claims(oidc, &claims).await
}

async fn from_claims(oidc: &Oidc, claims: &Value) -> Result<Option<AccessToken>, ServiceError> {
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let Some((grant, id)) = text("jti").split_once('.') else { return Ok(None) };
    let Some(client_id) = ClientId::parse(text("client_id")) else { return Ok(None) };
    let time = |name: &str| Timestamp(claims[name].as_i64().unwrap_or(0));
    let person = if grant == id {
        None
    } else {
        // A signed token says nothing of what may be released; its grant does.
        let Some(found) = oidc.grants.find(grant).await?.filter(|found| !found.revoked) else {
            return Ok(None);
        };
        let mut details = found.details;
        details.narrow_to(text("scope"));
        Some(TokenPerson {
            person_id: details.person_id,
            sub: details.sub,
            released: details.released,
            claims: details.claims.userinfo,
            auth_time: details.auth_time,
            acr: details.acr,
        })
    };
    Ok(Some(AccessToken {
        id: id.to_owned(),
        grant: grant.to_owned(),
        client_id,
        scope: text("scope").to_owned(),
        issued_at: time("iat"),
        expires_at: time("exp"),
        person,
    }))
}
