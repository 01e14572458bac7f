//! `dpop_jkt`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::platform::bytes::Digest;

/// RFC 9449 §10: the thumbprint of the key whose proof is to redeem the code.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let Some(text) = input.params.get("dpop_jkt") else { return Ok(()) };
    if input.client.tokens.certificate_bound {
        let words = "the access tokens of this client are bound to its certificate: send no dpop_jkt";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, words));
    }
    let key = Digest::try_from(text.to_owned()).map_err(|_| {
        OAuthError::new(ErrorCode::InvalidRequest, "dpop_jkt is not base64url of a SHA-256 thumbprint")
    })?;
    request.bind_to_key(key)
}

impl AuthorizationRequest {
    /// Binds the code to the key with this thumbprint (RFC 7638): it is redeemed with that key's proof alone.
    ///
    /// # Errors
    /// `invalid_request` when the request is bound to another key (RFC 9449 §10.1).
    pub(in crate::oidc) fn bind_to_key(&mut self, key: Digest) -> Result<(), OAuthError> {
        if self.dpop_jkt.is_some_and(|bound| bound != key) {
            let other = "the DPoP proof is not of the key that dpop_jkt names";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, other));
        }
        self.dpop_jkt = Some(key);
        Ok(())
    }
}
