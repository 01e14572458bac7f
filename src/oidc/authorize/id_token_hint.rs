//! `id_token_hint`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::encryption::is_encrypted;
use crate::oidc::error::{ErrorCode, OAuthError};

/// OpenID Connect Core §3.1.2.1, §5.5.1: the person that the client expects. A hint may have expired.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let invalid = |description| Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    request.expected_sub = request.claims.sub.clone();
    let Some(hint) = input.params.get("id_token_hint") else { return Ok(()) };
    if is_encrypted(hint) {
        return invalid("id_token_hint is encrypted: decrypt the ID token, and send the signed one in it");
    }
    let Ok(hinted) = input.keys.verify_hint(hint) else {
        return invalid("id_token_hint is not an ID token of this provider");
    };
    if hinted["aud"] != input.client.id.as_str() || hinted["iss"] != *input.issuer {
        return invalid("id_token_hint was issued to another client");
    }
    let sub = hinted["sub"].as_str().map(str::to_owned);
    if request.expected_sub.is_some() && request.expected_sub != sub {
        return invalid("id_token_hint and claims name different subjects");
    }
    request.expected_sub = sub;
    Ok(())
}
