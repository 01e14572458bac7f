//! `max_age`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::{ErrorCode, OAuthError};

/// OpenID Connect Core §3.1.2.1; OpenID Connect Registration §2 (`default_max_age`).
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    request.max_age = match input.params.get("max_age") {
        None => input.client.default_max_age,
        Some(text) => match text.parse::<u32>() {
            Ok(seconds) => Some(i64::from(seconds)),
            Err(_) => {
                let description = "max_age is not a number of seconds";
                return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
            }
        },
    };
    Ok(())
}
