//! The rules that an authorization request must pass once its redirect URI is proven, and the list of them per endpoint.

use super::{AuthorizationRequest, acr, claims, code_challenge, id_token_hint, nonce, prompt, response_type};
use super::{max_age, parameters, scope};
use crate::clients::Client;
use crate::oidc::error::OAuthError;
use crate::platform::jose::KeySet;
use crate::platform::web::params::Params;

/// What a rule may look at. No store is among it, so that every rule can be tested by itself.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    /// The request's parameters.
    pub(super) params: &'a Params,
    /// The client.
    pub(super) client: &'a Client,
    /// This provider's issuer identifier.
    pub(super) issuer: &'a str,
    /// This provider's keys, which hints are signed with.
    pub(super) keys: &'a KeySet,
}

/// One rule: reads its parameter into the request, or says what is wrong.
pub(super) type Rule = fn(Input<'_>, &mut AuthorizationRequest) -> Result<(), OAuthError>;

/// What the authorization endpoint demands, in this order.
pub(super) const AUTHORIZATION_ENDPOINT: [Rule; 12] = [
    parameters::not_repeated,
    parameters::supported,
    response_type::check,
    response_type::grant,
    scope::check,
    code_challenge::check,
    nonce::check,
    prompt::check,
    max_age::check,
    claims::check,
    id_token_hint::check,
    acr::check,
];
