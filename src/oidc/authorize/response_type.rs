//! `response_type`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::clients::GrantType;
use crate::oidc::error::{ErrorCode, OAuthError};

/// RFC 6749 §3.1.1: it is required. RFC 9700 §2.1.2: only `code` keeps tokens out of the browser.
pub(super) fn check(input: Input<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    match input.params.get("response_type") {
        Some("code") => Ok(()),
        Some(_) => {
            Err(OAuthError::new(ErrorCode::UnsupportedResponseType, "only response_type=code is supported"))
        }
        None => Err(OAuthError::new(ErrorCode::InvalidRequest, "response_type is missing")),
    }
}

/// RFC 6749 §4.1.2.1: the client must be registered for the authorization code grant.
pub(super) fn grant(input: Input<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    if input.client.may(GrantType::AuthorizationCode) {
        return Ok(());
    }
    Err(OAuthError::new(
        ErrorCode::UnauthorizedClient,
        "the client is not registered for grant type authorization_code",
    ))
}
