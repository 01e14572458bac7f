//! `nonce`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::{ErrorCode, OAuthError};

/// Longest value that is accepted, in bytes; a longer one is rejected, never cut.
const LONGEST: usize = 1024;

/// OpenID Connect Core §3.1.2.1: it travels to the ID token unchanged.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let nonce = input.params.get("nonce");
    if nonce.is_some_and(|nonce| nonce.len() > LONGEST) {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "nonce is too long"));
    }
    request.nonce = nonce.map(str::to_owned);
    Ok(())
}
