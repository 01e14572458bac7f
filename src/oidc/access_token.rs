//! Access tokens: opaque by default, sealed so that they need no look-up; signed JWTs (RFC 9068) per client policy.
//!
//! A sealed token carries its content, survives a restart and the loss of short-lived state, and costs neither
//! a signature nor a round trip; that it was revoked is known from the revocation list (`grants/revocations.rs`).

mod about;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) use about::About;

use super::audience::{Audience, Restriction, act, actors};
use super::error::TokenError;
use super::{Provider, signature, signed_details};
use crate::clients::{AccessTokenFormat, Basis, Client, ClientId};
use crate::grants::{self, Assured, Confirmation, Grant, Grants, Revocations};
use crate::people::{DataSet, Epoch, Organisation, People, PersonId};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::seal::{Keyring, Sealer};
use crate::platform::service_error::ServiceError;
use crate::release::AgreedData;
use crate::sign_in::Acr;

/// The content of an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AccessToken {
    /// The token's own identifier.
    #[serde(rename = "t")]
    pub id: String,
    /// The grant it came from; its own identifier where there is no person.
    #[serde(rename = "g")]
    pub grant: String,
    /// The client it was issued to.
    #[serde(rename = "c")]
    pub client_id: ClientId,
    /// The resource servers that it is for, besides this provider's UserInfo.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub resource_servers: Vec<ClientId>,
    /// The resource servers that it is for, by the URIs that were asked for (RFC 8707).
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Whether it is for those alone, and not for this provider's UserInfo.
    #[serde(rename = "w", default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// Scopes, separated by spaces.
    #[serde(rename = "s")]
    pub scope: String,
    /// Issue time.
    #[serde(rename = "i")]
    pub issued_at: Timestamp,
    /// Expiry time (exclusive).
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
    /// What it is bound to.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub bound_to: Option<Confirmation>,
    /// Who acts for the person, where the token was got for another (RFC 8693): the client that it was issued to, and those
    /// through which that one acts.
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    pub act: Vec<ClientId>,
    /// The client that the person let have it; of an exchanged token another one than it was issued to.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ClientId>,
    /// The person whose data it gives access to; none for a client that acts on its own behalf.
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    pub person: Option<TokenPerson>,
    /// The person whose data a law gives the client by the data API, and nowhere else.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// The person behind an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TokenPerson {
    /// Who.
    #[serde(rename = "p")]
    pub person_id: PersonId,
    /// The person's epoch under which it was granted.
    #[serde(rename = "h", default)]
    pub epoch: Epoch,
    /// Subject identifier issued to the client.
    #[serde(rename = "u")]
    pub sub: String,
    /// Data sets that may be released.
    #[serde(rename = "r")]
    pub released: BTreeSet<DataSet>,
    /// Why; tokens of the version before do not say it.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// Claims requested by name.
    #[serde(rename = "n", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub claims: BTreeSet<String>,
    /// Data with a purpose of their own (RFC 9396), as far as they are the business of those whom the token is for.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<AgreedData>,
    /// Which entries of the ledger tell of what it gives at UserInfo and were written before it was issued
    /// ([`mark`](crate::ledger::mark)).
    #[serde(rename = "y", default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Those that were requested with how they were verified.
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    pub verified: Vec<Assured>,
    /// When they proved who they are.
    #[serde(rename = "a")]
    pub auth_time: Timestamp,
    /// What they did for it.
    #[serde(rename = "l")]
    pub acr: Acr,
    /// For which legal entity they act, where it may be released.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Box<Organisation>>,
}

/// The first access token of a grant, whose entries of the ledger are written with the grant.
pub(super) struct FirstToken {
    /// Its identifier.
    pub(super) id: String,
    /// The mark of the entries that tell of what it gives at UserInfo.
    pub(super) mark: Option<String>,
}

/// Issues, reads and judges access tokens. Cheap to clone.
#[derive(Clone)]
pub struct AccessTokens {
    provider: Provider,
    sealer: Arc<Sealer>,
    grants: Grants,
    revocations: Revocations,
    people: People,
    /// Lifetime, in seconds.
    seconds: i64,
}

const PLACE: &[u8] = b"access-token";

/// Where bound ones are sealed: a node of a version that knows no binding, beside which this one runs during an upgrade, does
/// not open them.
const BOUND_PLACE: &[u8] = b"bound-access-token";

/// Where exchanged ones are sealed, for the same reason: such a node would not say who acts.
const EXCHANGED_PLACE: &[u8] = b"exchanged-access-token";

/// Where those are sealed by which a law gives data, for the same reason: such a node would take one for a token without a person.
const ABOUT_PLACE: &[u8] = b"statutory-access-token";

/// What stands between grant and token in the `jti` of a signed token; of a bound or exchanged one, for the same reason,
/// something else. None is a letter of an identifier.
const BETWEEN: [char; 3] = ['.', '~', '!'];

/// What stands between the identifiers of an exchanged token's ancestors and its own: it ends with any of them.
const DESCENDS: char = ',';

impl AccessToken {
    /// Whom it is for (`aud`).
    pub(super) fn audience(&self, issuer: &str) -> Value {
        let issuer = (!self.elsewhere).then_some(issuer).into_iter();
        let servers = self.resource_servers.iter().map(ClientId::as_str);
        let all: Vec<&str> = issuer.chain(servers).chain(self.resources.iter().map(String::as_str)).collect();
        match all[..] {
            [one] => one.into(),
            _ => all.into(),
        }
    }

    /// Whether it is for that resource server. A URI alone says little, since it may have been another's when the token was
    /// issued: the client to which the token was `issued` must name the server.
    pub(super) fn is_for(&self, server: &Client, issued: Option<&Client>) -> bool {
        let named = |uri: &String| server.tokens.resource_uris.contains(uri);
        let listed = || issued.is_some_and(|client| client.tokens.resource_servers.contains(&server.id));
        if !self.act.is_empty() {
            let allowed = issued.is_some_and(|client| client.tokens.may_exchange_for.contains(&server.id));
            let meant = self.resource_servers.contains(&server.id) || self.resources.iter().any(named);
            return server.tokens.resource_server && allowed && meant;
        }
        server.tokens.resource_server
            && (self.resource_servers.contains(&server.id) || (self.resources.iter().any(named) && listed()))
    }
}

impl AccessTokens {
    /// Access tokens that live for `seconds`, sealed with the key of their own purpose.
    pub fn new(
        provider: Provider,
        keyring: &Keyring,
        (grants, revocations): (Grants, Revocations),
        people: People,
        seconds: i64,
    ) -> Self {
        let sealer = Arc::new(keyring.sealer("access-token"));
        Self { provider, sealer, grants, revocations, people, seconds }
    }

    /// Issues the access token of a grant, and says for how many seconds it is valid, never longer than the grant, and which
    /// details it is for.
    ///
    /// # Errors
    /// [`TokenError`] when there is no key to sign with.
    pub(super) fn for_grant(
        &self,
        client: &Client,
        grant: &Grant,
        restriction: Restriction,
        first: Option<FirstToken>,
    ) -> Result<(String, i64, Vec<AgreedData>), TokenError> {
        let details = &grant.details;
        let (id, told) = first.map_or((None, None), |first| (Some(first.id), first.mark));
        let person = TokenPerson {
            told,
            person_id: details.person_id.clone(),
            epoch: details.epoch,
            sub: details.sub.clone(),
            released: details.released.clone(),
            basis: details.basis,
            claims: details.claims.userinfo.clone(),
            details: restriction.audience.told(&details.agreed, (client, &self.provider)),
            verified: details.claims.verified_userinfo.clone(),
            auth_time: details.auth_time,
            acr: details.acr,
            organisation: details.organisation.clone(),
        };
        let left = grant.expires_at.since(self.provider.clock.now()).min(self.seconds);
        let told = person.details.clone();
        let of_grant = (id, Some(grant.id.clone()), Some(person));
        let token = self.issue(client, of_grant, left, (&details.scope, restriction))?;
        Ok((token, left, told))
    }

    /// Issues an access token for a client that acts on its own behalf (RFC 6749 §4.4).
    ///
    /// # Errors
    /// [`TokenError`] when there is no key to sign with.
    pub(super) fn for_client(
        &self,
        client: &Client,
        scope: &str,
        restriction: Restriction,
    ) -> Result<String, TokenError> {
        self.issue(client, (None, None, None), self.seconds, (scope, restriction))
    }

    /// Issues what `client` gets for the `subject` token, to act for its person (RFC 8693): it lives no longer, and ends with it.
    ///
    /// # Errors
    /// [`TokenError`] when there is no key to sign with.
    pub(super) fn exchanged(
        &self,
        client: &Client,
        subject: &AccessToken,
        person: TokenPerson,
        (scope, restriction): (&str, Restriction),
    ) -> Result<(String, i64), TokenError> {
        let now = self.provider.clock.now();
        let left = subject.expires_at.since(now).min(self.seconds);
        // Whoever exchanges may read a signed token: it must not learn by which `sub` others know the person.
        let same = person.sub == self.provider.subject_ids.of(client, &person.person_id);
        let Restriction { audience, bound_to } = restriction;
        let token = AccessToken {
            id: format!("{}{DESCENDS}{}", subject.id, bytes::random_text::<16>()),
            grant: subject.grant.clone(),
            client_id: client.id.clone(),
            resource_servers: audience.servers,
            resources: audience.resources,
            elsewhere: audience.elsewhere,
            scope: scope.to_owned(),
            issued_at: now,
            expires_at: now.plus(left),
            bound_to,
            act: [std::slice::from_ref(&client.id), &subject.act].concat(),
            origin: Some(subject.origin.as_ref().unwrap_or(&subject.client_id).clone()),
            person: Some(person),
            about: None,
        };
        let text = if same { self.write(client, &token)? } else { self.seal(&token)? };
        Ok((text, left))
    }

    fn issue(
        &self,
        client: &Client,
        (id, grant, person): (Option<String>, Option<String>, Option<TokenPerson>),
        seconds: i64,
        (scope, restriction): (&str, Restriction),
    ) -> Result<String, TokenError> {
        let now = self.provider.clock.now();
        let id = id.unwrap_or_else(bytes::random_text::<16>);
        let Restriction { audience, bound_to } = restriction;
        let token = AccessToken {
            grant: grant.unwrap_or_else(|| id.clone()),
            id,
            client_id: client.id.clone(),
            resource_servers: audience.servers,
            resources: audience.resources,
            elsewhere: audience.elsewhere,
            scope: scope.to_owned(),
            issued_at: now,
            expires_at: now.plus(seconds),
            bound_to,
            act: Vec::new(),
            origin: None,
            person,
            about: None,
        };
        self.write(client, &token)
    }

    fn write(&self, client: &Client, token: &AccessToken) -> Result<String, TokenError> {
        match client.tokens.access_token_format {
            AccessTokenFormat::Opaque => Ok(self.seal(token)?),
            AccessTokenFormat::Jwt => self.signed(client, token),
        }
    }

    fn seal(&self, token: &AccessToken) -> Result<String, ServiceError> {
        let plain = serde_json::to_vec(token).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(self.sealer.seal_text(place_of(token), &plain))
    }

    fn open(&self, text: &str) -> Option<AccessToken> {
        opened(&self.sealer, text)
    }

    /// RFC 9068 §2.2. The `jti` names grant and token, so that either can be revoked.
    fn signed(&self, client: &Client, token: &AccessToken) -> Result<String, TokenError> {
        let keys = self.provider.keys.current();
        let key = signature::key(&keys, client.tokens.access_token_alg, token.issued_at)?;
        let issuer = &*self.provider.issuer;
        let sub = token.person.as_ref().map_or(client.id.as_str(), |person| person.sub.as_str());
        let mut claims = json!({
            "iss": issuer,
            "sub": sub,
            "aud": token.audience(issuer),
            "client_id": client.id.as_str(),
            "iat": token.issued_at.0,
            "exp": token.expires_at.0,
            "jti": format!("{}{}{}", token.grant, between(token), token.id),
        });
        if let Some(bound_to) = token.bound_to {
            claims["cnf"] = json!(bound_to);
        }
        if let Some(act) = act(&token.act) {
            claims["act"] = act;
        }
        if !token.scope.is_empty() {
            claims["scope"] = token.scope.as_str().into();
        }
        if let Some(person) = &token.person {
            claims["auth_time"] = person.auth_time.0.into();
            claims["acr"] = person.acr.name().into();
            let (servers, resources) = (token.resource_servers.clone(), token.resources.clone());
            let audience = Audience { servers, resources, elsewhere: token.elsewhere };
            let legible = audience.legible(&person.details, (client, &self.provider));
            // Whoever exchanged a token reads it as well.
            let legible = legible.into_iter().filter(|detail| token.act.is_empty() || detail.is_told(client));
            signed_details::tell(&self.sealer, (&person.details, &legible.collect::<Vec<_>>()), &mut claims)?;
        }
        Ok(key.sign("at+jwt", &claims))
    }

    /// The content of a valid token; `None` when it was not issued here, expired or was revoked.
    ///
    /// # Errors
    /// [`ServiceError`] when it cannot be known whether it was revoked.
    pub(super) async fn resolve(&self, text: &str) -> Result<Option<AccessToken>, ServiceError> {
        let Some(token) = self.read(text).await? else { return Ok(None) };
        let now = self.provider.clock.now();
        if token.expires_at <= now || self.is_revoked(&token).await? {
            return Ok(None);
        }
        // A disabled or deleted client gets no data, and no client gets those of a person who is no longer enrolled.
        let on_its_way = token.act.iter().chain(&token.origin).chain([&token.client_id]);
        let find = |id: &ClientId| self.provider.clients.find(id);
        let enabled = on_its_way.map(find).all(|client| client.is_some_and(|client| !client.disabled));
        if let Some(person) = &token.person
            && !self
                .people
                .find(&person.person_id)
                .await?
                .is_some_and(|account| account.account_state.epoch == person.epoch)
        {
            return Ok(None);
        }
        Ok(enabled.then_some(token))
    }

    /// Whether the token, its grant or everything of its person was ended.
    async fn is_revoked(&self, token: &AccessToken) -> Result<bool, ServiceError> {
        let (grant, id) = (token.grant.as_str(), token.id.as_str());
        Ok(match &token.person {
            Some(person) => {
                let epoch = grants::epoch_id(&person.person_id, person.epoch);
                let ancestors = id.match_indices(DESCENDS).map(|(end, _)| &id[..end]);
                let names: Vec<&str> = [grant, id, &epoch].into_iter().chain(ancestors).collect();
                self.revocations.contains(&names).await?
            }
            None => self.revocations.contains(&[id]).await?,
        })
    }

    /// The content of a token, whether or not it is still valid.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub(super) async fn read(&self, text: &str) -> Result<Option<AccessToken>, ServiceError> {
        if text.len() > 16 * 1024 {
            return Ok(None);
        }
        if !text.contains('.') {
            return Ok(self.open(text));
        }
        let Ok(claims) = self.provider.keys.current().verify(text, "at+jwt") else { return Ok(None) };
        self.if_valid(&claims).await
    }

    async fn if_valid(&self, claims: &Value) -> Result<Option<AccessToken>, ServiceError> {
        let text = |name: &str| claims[name].as_str().unwrap_or_default();
        let Some((grant, id)) = text("jti").split_once(BETWEEN) else { return Ok(None) };
        let Some(client_id) = ClientId::parse(text("client_id")) else { return Ok(None) };
        // What it is bound to must be understood, or it would be anybody's.
        let bound_to = match claims.get("cnf") {
            None => None,
            Some(cnf) => match serde_json::from_value(cnf.clone()) {
                Ok(bound_to) => Some(bound_to),
                Err(_) => return Ok(None),
            },
        };
        let time = |name: &str| Timestamp(claims[name].as_i64().unwrap_or(0));
        let Some(act) = actors(&claims["act"]) else { return Ok(None) };
        let mut origin = None;
        let person = if grant == id {
            None
        } else {
            // A signed token does not say what may be released; its grant does.
            let Some(found) = self.grants.find(grant).await?.filter(|found| !found.revoked) else {
                return Ok(None);
            };
            origin = (!act.is_empty()).then_some(found.client_id);
            let mut details = found.details;
            details.narrow_to(text("scope"));
            let named = signed_details::named(&self.sealer, claims);
            let mut agreed = details.agreed;
            agreed.retain(named);
            Some(TokenPerson {
                person_id: details.person_id,
                epoch: details.epoch,
                // That of the one whom an exchanged token is for.
                sub: text("sub").to_owned(),
                released: details.released,
                basis: details.basis,
                claims: details.claims.userinfo,
                details: agreed,
                told: None,
                verified: details.claims.verified_userinfo,
                auth_time: details.auth_time,
                acr: details.acr,
                organisation: details.organisation,
            })
        };
        let audience = Audience::read(&claims["aud"], &self.provider.issuer);
        Ok(Some(AccessToken {
            id: id.to_owned(),
            grant: grant.to_owned(),
            client_id,
            resource_servers: audience.servers,
            resources: audience.resources,
            elsewhere: audience.elsewhere,
            scope: text("scope").to_owned(),
            issued_at: time("iat"),
            expires_at: time("exp"),
            bound_to,
            act,
            origin,
            person,
            about: None,
        }))
    }
}

const fn place_of(token: &AccessToken) -> &'static [u8] {
    if token.about.is_some() {
        return ABOUT_PLACE;
    }
    match (token.act.is_empty(), &token.bound_to) {
        (false, _) => EXCHANGED_PLACE,
        (true, Some(_)) => BOUND_PLACE,
        (true, None) => PLACE,
    }
}

const fn between(token: &AccessToken) -> char {
    match (token.act.is_empty(), &token.bound_to) {
        (false, _) => BETWEEN[2],
        (true, Some(_)) => BETWEEN[1],
        (true, None) => BETWEEN[0],
    }
}

fn opened(sealer: &Sealer, text: &str) -> Option<AccessToken> {
    let places = [PLACE, BOUND_PLACE, EXCHANGED_PLACE, ABOUT_PLACE];
    let plain = places.into_iter().find_map(|place| sealer.open_text(place, text).ok());
    serde_json::from_slice(&plain?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::bytes::Digest;

    #[test]
    fn a_version_that_knows_no_binding_opens_no_bound_token() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap();
        let sealer = keyring.sealer("access-token");
        let token = json!({"t": "t", "g": "t", "c": "shop", "s": "", "i": 1, "e": 2});
        let bare: AccessToken = serde_json::from_value(token).unwrap();
        let bound = AccessToken { bound_to: Some(Confirmation::Key(Digest([7; 32]))), ..bare.clone() };
        for (token, opens) in [(bare, true), (bound, false)] {
            let text = sealer.seal_text(place_of(&token), &serde_json::to_vec(&token).unwrap());
            assert_eq!(sealer.open_text(b"access-token", &text).is_ok(), opens, "as that version opens it");
            assert_eq!(opened(&sealer, &text).unwrap().bound_to, token.bound_to);
        }
    }

    #[test]
    fn rfc8693_4_1_who_acts_is_outside_and_a_version_that_knows_no_exchange_opens_no_such_token() {
        let chain: Vec<ClientId> =
            ["notes", "ledger"].into_iter().map(|id| ClientId::parse(id).unwrap()).collect();
        let claim = act(&chain).unwrap();
        assert_eq!(claim, json!({"sub": "notes", "act": {"sub": "ledger"}}));
        assert_eq!(actors(&claim), Some(chain.clone()));
        assert_eq!((act(&[]), actors(&Value::Null)), (None, Some(Vec::new())));
        assert_eq!((actors(&json!({"sub": "a b"})), actors(&json!("notes"))), (None, None));
        let token = json!({"t": "t", "g": "t", "c": "notes", "s": "", "i": 1, "e": 2, "b": ["notes"]});
        let token: AccessToken = serde_json::from_value(token).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let sealer =
            Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap().sealer("access-token");
        let text = sealer.seal_text(place_of(&token), &serde_json::to_vec(&token).unwrap());
        assert!([PLACE, BOUND_PLACE].iter().all(|place| sealer.open_text(place, &text).is_err()));
        assert_eq!(opened(&sealer, &text).unwrap().act, chain[..1]);
        assert!(!".~".contains(between(&token)));
    }
}
