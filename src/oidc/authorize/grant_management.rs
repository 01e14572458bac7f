//! `grant_management_action` and `grant_id` (Grant Management for OAuth 2.0): what becomes of a grant that there is already.

use serde::Deserialize;

use super::input::Input;
use super::{AuthorizationRequest, Rejection};
use crate::clients::{DetailType, PersonalData};
use crate::grants::{Grant, Grants};
use crate::oidc::claims::SCOPES;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::oidc::verified_claims::MOST_REQUESTS;
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::release::AgreedData;

/// More details than a person reads, as for one request.
const MOST_DETAILS: usize = 4;

/// The longest identifier that is looked up.
const LONGEST: usize = 64;

/// What is to become of a grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::oidc) enum Action {
    /// A new one begins.
    Create,
    /// What is asked for joins it.
    Merge,
    /// What is asked for takes its place.
    Replace,
}

impl Action {
    /// Their words, as discovery lists them.
    pub(in crate::oidc) const WORDS: [&str; 3] = ["create", "merge", "replace"];
}

/// A grant that a request names, and what is to become of it.
#[derive(Clone, Debug)]
pub(in crate::oidc) struct Managed {
    action: Action,
    /// By what the client knows it.
    pub(super) grant_id: String,
}

/// Reads the parameters: an action of a client that manages its grants, and the grant that it is about.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let invalid = |words| Err(OAuthError::new(ErrorCode::InvalidRequest, words));
    let (action, id) = (input.params.get("grant_management_action"), input.params.get("grant_id"));
    let policy = &input.client.tokens;
    let Some(action) = action else {
        return match id {
            Some(_) => invalid("grant_id needs grant_management_action: merge or replace"),
            None if policy.grant_action_required => {
                invalid("grant_management_action is required of this client: create, merge or replace")
            }
            None => Ok(()),
        };
    };
    if !policy.manages_grants {
        return invalid("the client is not registered for grant management");
    }
    let Ok(action) = serde_json::from_value::<Action>(action.into()) else {
        return invalid("grant_management_action must be create, merge or replace");
    };
    match (action, id) {
        (Action::Create, None) => {}
        (Action::Create, Some(_)) => return invalid("grant_management_action=create takes no grant_id"),
        (Action::Merge | Action::Replace, None) => {
            return invalid("grant_management_action=merge and replace need a grant_id");
        }
        (Action::Merge | Action::Replace, Some(id)) => {
            request.managed = Some(Managed { action, grant_id: id.to_owned() });
        }
    }
    Ok(())
}

/// Looks up the grant that a request names. The answer must be about its person; what joins it is asked for together with what
/// it holds, so that the person sees and agrees to the whole. Nothing is looked up for a request that names none.
///
/// # Errors
/// [`ServiceError`] when the grant cannot be read; a rejection when the client has no such grant, or it cannot be joined so.
pub(super) async fn found(
    grants: &Grants,
    mut request: AuthorizationRequest,
    now: Timestamp,
) -> Result<Result<AuthorizationRequest, Rejection>, ServiceError> {
    let Some(managed) = request.managed.clone() else { return Ok(Ok(request)) };
    let client = &request.redirect.client().id;
    let known = managed.grant_id.len() <= LONGEST;
    let grant = if known { grants.find_managed(&managed.grant_id, client).await? } else { None };
    let Some(grant) = grant else {
        let words = "grant_id names no grant of this client that goes on";
        return Ok(Err(request.redirect.reject(OAuthError::new(ErrorCode::InvalidGrantId, words))));
    };
    let sub = &grant.details.sub;
    if request.expected_sub.as_ref().is_some_and(|expected| expected != sub) {
        let words = "grant_id and the expected sub are of different persons";
        return Ok(Err(request.redirect.reject(OAuthError::new(ErrorCode::InvalidRequest, words))));
    }
    request.expected_sub = Some(sub.clone());
    if managed.action == Action::Merge
        && let Err(error) = join(&mut request, &grant, now)
    {
        return Ok(Err(request.redirect.reject(error)));
    }
    Ok(Ok(request))
}

impl Managed {
    /// Whether the person is to decide anew, whatever they allowed before.
    pub(super) fn asks_again(&self) -> bool {
        self.action == Action::Replace
    }
}

/// Adds what a grant holds to a request. What may be read once belongs to the sign-in in which it was given.
fn join(request: &mut AuthorizationRequest, grant: &Grant, now: Timestamp) -> Result<(), OAuthError> {
    let held: Vec<&str> = grant.details.scope.split(' ').collect();
    let own = std::mem::take(&mut request.scopes);
    let both = SCOPES.into_iter().filter(|scope| held.contains(scope) || own.iter().any(|own| own == scope));
    request.scopes = both.map(str::to_owned).collect();
    let (names, claims) = (&mut request.claims.names, &grant.details.claims);
    names.userinfo.extend(claims.userinfo.iter().cloned());
    names.id_token.extend(claims.id_token.iter().cloned());
    for (own, held) in [
        (&mut names.verified_userinfo, &claims.verified_userinfo),
        (&mut names.verified_id_token, &claims.verified_id_token),
    ] {
        let more: Vec<_> = held.iter().filter(|held| !own.contains(held)).cloned().collect();
        own.extend(more);
    }
    // A grant that names none is for all.
    let resources = &grant.details.resources;
    if resources.is_empty() || request.resources.is_empty() {
        request.resources.clear();
    } else {
        let more: Vec<String> =
            resources.iter().filter(|uri| !request.resources.contains(uri)).cloned().collect();
        request.resources.extend(more);
    }
    // What the registration has lost since is asked for no more, as in a request of its own.
    let client = request.redirect.client();
    let allowed = |asked: &PersonalData| {
        client.data.detail_types.contains(&DetailType::PersonalData)
            && asked.data_sets.iter().all(|set| client.data_set(*set).is_some())
    };
    let lasting = grant.details.agreed.iter().filter(|own| own.is_live(now) && !own.asked.is_single());
    let lasting = lasting.filter(|own| allowed(&own.asked));
    // What the request asks for by the same terms is in it already.
    let rest = |own: &AgreedData| {
        request.details.iter().try_fold(own.asked.clone(), |rest, asked| rest.without(asked))
    };
    let more: Vec<PersonalData> = lasting.filter_map(rest).collect();
    request.details.extend(more);
    let data = request.data();
    let names = &request.claims.names;
    let wrong = if names.verified_userinfo.len().max(names.verified_id_token.len()) > MOST_REQUESTS {
        let words = "the request and the grant that it joins have more than 10 verified_claims together: replace the grant";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, words));
    } else if data.general().intersection(&data.detailed()).next().is_some() {
        "the request and the grant that it joins ask for a data set in general and for one purpose: replace the grant"
    } else if request.details.len() > MOST_DETAILS {
        "the request and the grant that it joins have more than four authorization_details together: replace the grant"
    } else {
        return Ok(());
    };
    Err(OAuthError::new(ErrorCode::InvalidAuthorizationDetails, wrong))
}
