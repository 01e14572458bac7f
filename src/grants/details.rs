//! What of a sign-in becomes a grant.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Confirmation;
use crate::applications::Confirmed;
use crate::clients::{Basis, Client, PersonalData, SubjectIds};
use crate::people::{DataSet, Epoch, Organisation, PersonId};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::release::{AgreedData, Consent};
use crate::sign_in::{Acr, Amr, Authenticated, SignInRequest};

/// What a person let a client have: names of things, and no value of the person's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantDetails {
    /// The person.
    pub person_id: PersonId,
    /// The person's epoch under which it was granted.
    #[serde(default)]
    pub epoch: Epoch,
    /// Subject identifier issued to this client.
    pub sub: String,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// The resource servers that access tokens are for, by the URIs that the request named (RFC 8707); none where it named
    /// none, and then all that the client is registered for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Data sets that may be released.
    pub released: BTreeSet<DataSet>,
    /// Why: the person agreed, or a law gives them. Grants of the version before do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// Claims requested by name.
    #[serde(default)]
    pub claims: ClaimNames,
    /// Data with a purpose of their own (RFC 9396).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreed: Vec<AgreedData>,
    /// The application that they confirmed, until it is redeemed: then it is in a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Box<Confirmed>>,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// What they did for it.
    pub acr: Acr,
    /// By which methods.
    pub amr: Vec<Amr>,
    /// The legal entity for which they acted in that session, where it may be released: the one value in here, since it is of the session
    /// and of no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Box<Organisation>>,
    /// Session ID (`sid`) for this client.
    pub sid: String,
    /// What names the session that it was granted in, for grants that end with it; absent from those that outlive it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Digest>,
    /// The consent that it rests on; absent when nothing personal is released.
    pub consent_id: Option<String>,
    /// When that consent expires, and everything that rests on it.
    pub consent_until: Option<Timestamp>,
    /// The name that a client which manages its grants has for this one, over all authorizations that changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<String>,
    /// Which entries of the ledger were written with it ([`mark`](crate::ledger::mark)), where its token cannot say so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// What the refresh tokens of a public client are bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_to: Option<Confirmation>,
}

/// Names of claims by where they were requested.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimNames {
    /// From UserInfo.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub userinfo: BTreeSet<String>,
    /// In the ID token.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token: BTreeSet<String>,
    /// From UserInfo, with how they were verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified_userinfo: Vec<Assured>,
    /// In the ID token, with how they were verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified_id_token: Vec<Assured>,
}

impl ClaimNames {
    /// Whether any were requested in the ID token, which then needs the person's record.
    pub fn any_in_id_token(&self) -> bool {
        !self.id_token.is_empty() || !self.verified_id_token.is_empty()
    }
}

/// Claims that were requested together with how they were verified (OpenID Connect for Identity Assurance), as far as the
/// request can be fulfilled. Names are short where it is written down: access tokens carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assured {
    /// Their names, each with marks of the values of which it must have one; none where it may have any.
    #[serde(rename = "c")]
    pub claims: BTreeMap<String, Vec<String>>,
    /// How much of the evidence was asked for, if any.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Whether the time of the verification was asked for.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeAsked>,
}

/// What was asked of the time at which claims were verified (OpenID Connect for Identity Assurance §6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TimeAsked {
    /// How long ago it may be at most, in seconds; `None` where any time will do.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
}

/// How much of the evidence was asked for: each has what the ones before it have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Evidence {
    /// Its type.
    #[serde(rename = "t")]
    Type,
    /// The kind of the record.
    #[serde(rename = "r")]
    Record,
    /// The register that the record stands in.
    #[serde(rename = "s")]
    Source,
}

/// What may go to `client` now of what was granted on a basis. The registration of today counts: what a law gave ends with the law,
/// and nobody is said to have had by a law what the person agreed to.
pub fn may_go(released: &BTreeSet<DataSet>, basis: Option<Basis>, client: &Client) -> BTreeSet<DataSet> {
    if basis.is_some_and(|basis| basis != client.data.basis) {
        return BTreeSet::new();
    }
    released.iter().copied().filter(|set| client.data_set(*set).is_some()).collect()
}

impl GrantDetails {
    /// What a sign-in lets `client` have: of what `request` asks, the data that the consent allows, and of `scopes` those that
    /// it allows: a scope says no more than was agreed, because resource servers rely on it. A protocol adds what it alone
    /// knows.
    pub fn of(
        request: &SignInRequest,
        (client, subject_ids): (&Client, &SubjectIds),
        authenticated: &Authenticated,
        consent: Option<Consent>,
        scopes: &[String],
    ) -> Self {
        let agreed = consent.as_ref().map(|consent| &consent.extent);
        let all = request.data.general().into_iter();
        let released: BTreeSet<DataSet> =
            all.filter(|set| agreed.is_some_and(|agreed| agreed.released.contains(set))).collect();
        let kept = |scope: &&String| match scope.as_str() {
            "openid" => true,
            "offline_access" => agreed.is_some_and(|agreed| agreed.offline),
            scope => released.iter().any(|set| set.scope() == scope),
        };
        // Each object that is asked for, as far as it was agreed to: one consent may cover several of them by one of its own.
        let part = |asked: &PersonalData| {
            let parts = agreed.iter().flat_map(|agreed| &agreed.details).filter_map(|own| own.within(asked));
            parts.max_by_key(|part| part.asked.data_sets.len())
        };
        let details: Vec<AgreedData> = request.data.details.iter().filter_map(part).collect();
        let scopes: Vec<&str> = scopes.iter().filter(kept).map(String::as_str).collect();
        Self {
            person_id: authenticated.person_id.clone(),
            epoch: authenticated.epoch,
            sub: subject_ids.of(client, &authenticated.person_id),
            scope: scopes.join(" "),
            organisation: authenticated
                .organisation
                .clone()
                .filter(|_| released.contains(&DataSet::LegalEntity)),
            resources: Vec::new(),
            released,
            basis: Some(client.data.basis),
            claims: ClaimNames::default(),
            agreed: details,
            confirmed: None,
            auth_time: authenticated.auth_time,
            acr: authenticated.acr,
            amr: authenticated.amr.clone(),
            sid: subject_ids.sid(&client.id, &authenticated.sid_key),
            session: None,
            consent_until: consent.as_ref().map(|consent| consent.expires_at),
            consent_id: consent.map(|consent| consent.id),
            managed: None,
            told: None,
            bound_to: None,
        }
    }

    /// What may go to `client` now.
    pub fn may_go(&self, client: &Client) -> BTreeSet<DataSet> {
        may_go(&self.released, self.basis, client)
    }

    /// All data sets that may be released, for whatever purpose.
    pub fn data_sets(&self) -> BTreeSet<DataSet> {
        let detailed = self.agreed.iter().flat_map(|detail| &detail.asked.data_sets);
        self.released.iter().chain(detailed).copied().collect()
    }

    /// Removes what belongs to scopes that were granted and are not in `scope` (RFC 6749 §6).
    pub fn narrow_to(&mut self, scope: &str) {
        let granted: Vec<&str> = self.scope.split(' ').collect();
        let kept: Vec<&str> = scope.split(' ').collect();
        self.released.retain(|set| !granted.contains(&set.scope()) || kept.contains(&set.scope()));
        self.scope = granted.into_iter().filter(|scope| kept.contains(scope)).collect::<Vec<_>>().join(" ");
    }
}
