//! `code_challenge` and `code_challenge_method`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::platform::bytes;

/// RFC 7636 §4.2, §4.3; RFC 9700 §2.1.1: S256 only.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let invalid = |description| Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    let params = input.params;
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) if input.client.require_pkce => {
            invalid("code_challenge is missing: this client must use PKCE")
        }
        (None, None) => Ok(()),
        (None, Some(_)) => invalid("code_challenge_method without code_challenge"),
        (Some(challenge), Some("S256")) => {
            if bytes::decode(challenge).is_none_or(|digest| digest.len() != 32) {
                return invalid("code_challenge is not base64url of a SHA-256 digest");
            }
            request.code_challenge = Some(challenge.to_owned());
            Ok(())
        }
        (Some(_), _) => invalid("code_challenge_method must be S256"),
    }
}
