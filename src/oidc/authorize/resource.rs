//! `resource`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::OAuthError;
use crate::oidc::resource;

/// RFC 8707 §2.1: the resource servers that the access tokens are to be for, which the client must be registered for.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.resources = resource::asked(input.params, input.resources)?;
    Ok(())
}
