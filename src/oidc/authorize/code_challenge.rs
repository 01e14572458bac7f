//! `code_challenge` and `code_challenge_method`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::clients::CodeBinding;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::platform::bytes;

/// RFC 7636 §4.2, §4.3: S256 only. RFC 9700 §2.1.1: without PKCE a confidential client must send a nonce, which comes back in
/// the ID token.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let invalid = |description| Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    let params = input.params;
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) => match input.client.authentication.code_binding {
            CodeBinding::Pkce => invalid("code_challenge is missing: this client must use PKCE"),
            CodeBinding::PkceOrNonce if params.get("nonce").is_none() => {
                invalid("code_challenge and nonce are missing: this client must use PKCE or a nonce")
            }
            CodeBinding::PkceOrNonce | CodeBinding::Free => Ok(()),
        },
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
