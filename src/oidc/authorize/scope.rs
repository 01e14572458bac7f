//! `scope`.

use std::collections::BTreeSet;

use super::AuthorizationRequest;
use super::input::Input;
use crate::clients::GrantType;
use crate::oidc::claims::SCOPES;
use crate::oidc::error::{ErrorCode, OAuthError};

/// What a client is told that asks for what its contract took from its registration (R104).
pub(in crate::oidc) const BEYOND_CONTRACT: &str =
    "scope asks for data that the contract of the client does not allow";

/// OpenID Connect Core §3.1.2.1: `openid` is required, unknown scopes are ignored. §11: `offline_access` counts only for
/// clients that may refresh.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let asked: BTreeSet<&str> = input.params.get("scope").unwrap_or_default().split(' ').collect();
    if !asked.contains("openid") {
        return Err(OAuthError::new(ErrorCode::InvalidScope, "scope must contain openid"));
    }
    if asked.iter().any(|scope| input.client.lost(scope)) {
        return Err(OAuthError::new(ErrorCode::InvalidScope, BEYOND_CONTRACT));
    }
    let may = |scope: &str| scope != "offline_access" || input.client.may(GrantType::RefreshToken);
    let understood = SCOPES.into_iter().filter(|scope| asked.contains(scope) && may(scope));
    request.scopes = understood.map(str::to_owned).collect();
    Ok(())
}
