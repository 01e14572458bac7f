//! For whom an access token is, and who may use it: the audience, what it is bound to, and who acts for the person.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Provider, data};
use crate::clients::{Client, ClientId};
use crate::grants::Confirmation;
use crate::release::AgreedData;

/// For whom an access token is.
#[derive(Clone, Debug, Default)]
pub(super) struct Audience {
    /// Resource servers by their identifiers, besides this provider's UserInfo.
    pub(super) servers: Vec<ClientId>,
    /// Resource servers by their URIs (RFC 8707).
    pub(super) resources: Vec<String>,
    /// Whether it is for those alone.
    pub(super) elsewhere: bool,
}

impl Audience {
    /// This provider, and all resource servers that the client names.
    pub(super) fn of_all(client: &Client) -> Self {
        Self { servers: client.tokens.resource_servers.clone(), ..Self::default() }
    }

    /// This provider, and the resource servers that the authorization request named.
    pub(super) fn of(resources: Vec<String>) -> Self {
        Self { resources, ..Self::default() }
    }

    /// The resource servers that the token request named, and nobody else: they can do nothing here with the token.
    pub(super) fn only(resources: Vec<String>) -> Self {
        Self { resources, elsewhere: true, ..Self::default() }
    }

    /// One resource server, by its URI if that was named, and nobody else.
    pub(super) fn of_target(server: ClientId, uri: Option<String>) -> Self {
        let (servers, resources) = match uri {
            Some(uri) => (Vec::new(), vec![uri]),
            None => (vec![server], Vec::new()),
        };
        Self { servers, resources, elsewhere: true }
    }

    /// The resource servers that these are, as the client to which the token is issued names them.
    pub(super) fn readers(&self, client: &Client, provider: &Provider) -> Vec<Arc<Client>> {
        let find = |id| provider.clients.find(id);
        let known = client.tokens.resource_servers.iter().chain(&client.tokens.may_exchange_for);
        let named = |server: &Arc<Client>| {
            self.servers.contains(&server.id)
                || server.tokens.resource_uris.iter().any(|uri| self.resources.contains(uri))
        };
        known.filter_map(find).filter(named).collect()
    }

    /// Which of the details of a grant are the business of these, and still hold.
    pub(super) fn told(
        &self,
        details: &[AgreedData],
        (client, provider): (&Client, &Provider),
    ) -> Vec<AgreedData> {
        if details.is_empty() {
            return Vec::new();
        }
        let (now, readers) = (provider.clock.now(), self.readers(client, provider));
        let here = [provider.issuer.to_string(), data::location(&provider.issuer)];
        let concerned = |detail: &&AgreedData| {
            (!self.elsewhere && detail.is_for(&here))
                || readers.iter().any(|server| self.tells(detail, server))
        };
        details.iter().filter(|detail| detail.is_live(now)).filter(concerned).cloned().collect()
    }

    /// Whether one of these is told of a detail.
    fn tells(&self, detail: &AgreedData, server: &Client) -> bool {
        detail.is_told(server) && (self.servers.contains(&server.id) || detail.is_for(&self.resources))
    }

    /// Which of the details may stand in a token that whoever holds it can read: those that all of these are told of, and none
    /// that is read once.
    pub(super) fn legible<'a>(
        &self,
        details: &'a [AgreedData],
        (client, provider): (&Client, &Provider),
    ) -> Vec<&'a AgreedData> {
        let readers = if details.is_empty() { Vec::new() } else { self.readers(client, provider) };
        let known = self.servers.iter().all(|id| readers.iter().any(|server| server.id == *id))
            && self
                .resources
                .iter()
                .all(|uri| readers.iter().any(|server| server.tokens.resource_uris.contains(uri)));
        let all = |detail: &&AgreedData| {
            known && !detail.asked.is_single() && readers.iter().all(|server| self.tells(detail, server))
        };
        details.iter().filter(all).collect()
    }

    /// What `aud` of a signed token says. Client identifiers hold no colon, and URIs do.
    pub(super) fn read(aud: &Value, issuer: &str) -> Self {
        let one = aud.as_str().into_iter();
        let all: Vec<&str> =
            one.chain(aud.as_array().into_iter().flatten().filter_map(Value::as_str)).collect();
        let mut audience = Self { elsewhere: !all.contains(&issuer), ..Self::default() };
        for name in all.into_iter().filter(|name| *name != issuer) {
            match ClientId::parse(name) {
                Some(id) => audience.servers.push(id),
                None => audience.resources.push(name.to_owned()),
            }
        }
        audience
    }
}

/// Where an access token may be used, and by whom.
pub(super) struct Restriction {
    /// The resource servers that it is for.
    pub audience: Audience,
    /// The key whose holder alone may use it.
    pub bound_to: Option<Confirmation>,
}

/// Details as clients and resource servers read them.
pub(super) fn on_the_wire<'a>(details: impl IntoIterator<Item = &'a AgreedData>) -> Value {
    details.into_iter().map(AgreedData::on_the_wire).collect()
}

/// Who acts, as `act` says it (§4.1): the one that got the token outside, those before it inside.
pub(super) fn act(chain: &[ClientId]) -> Option<Value> {
    chain.iter().rev().fold(None, |inner, actor| {
        let mut act = json!({ "sub": actor.as_str() });
        if let Some(inner) = inner {
            act["act"] = inner;
        }
        Some(act)
    })
}

/// The chain that an `act` says; `None` when it is none of ours. A token without one has the empty chain.
pub(super) fn actors(act: &Value) -> Option<Vec<ClientId>> {
    let (mut chain, mut next) = (Vec::new(), act);
    while !next.is_null() {
        chain.push(ClientId::parse(next["sub"].as_str()?)?);
        next = &next["act"];
    }
    Some(chain)
}
