//! The rules that an authorization request must pass once its redirect URI is proven, as a list per endpoint.

use super::input::Rule;
use super::{
    acr, authorization_details, claims, code_challenge, dpop_jkt, grant_management, id_token_hint, max_age,
    nonce, parameters, prompt, resource, response_type, scope,
};

/// What the authorization endpoint demands, in this order.
pub(super) const AUTHORIZATION_ENDPOINT: [Rule; 17] = [
    parameters::not_repeated,
    parameters::pushed,
    parameters::supported,
    response_type::check,
    response_type::grant,
    scope::check,
    resource::check,
    code_challenge::check,
    dpop_jkt::check,
    nonce::check,
    prompt::check,
    max_age::check,
    claims::check,
    authorization_details::check,
    grant_management::check,
    id_token_hint::check,
    acr::check,
];

/// What a pushed request must pass, when it is pushed and again when it is used: the client may have changed.
pub(super) const PUSHED_REQUEST: [Rule; 16] = [
    parameters::not_repeated,
    parameters::supported,
    response_type::check,
    response_type::grant,
    scope::check,
    resource::check,
    code_challenge::check,
    dpop_jkt::check,
    nonce::check,
    prompt::check,
    max_age::check,
    claims::check,
    authorization_details::check,
    grant_management::check,
    id_token_hint::check,
    acr::check,
];
