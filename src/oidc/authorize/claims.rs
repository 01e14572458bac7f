//! `claims`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::claims::ClaimsRequest;
use crate::oidc::error::{ErrorCode, OAuthError};

/// OpenID Connect Core §5.5.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    if let Some(text) = input.params.get("claims") {
        request.claims = ClaimsRequest::parse(text)
            .map_err(|description| OAuthError::new(ErrorCode::InvalidRequest, description))?;
    }
    Ok(())
}
