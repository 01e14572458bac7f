//! Parameters as such.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::oidc::resource;

/// RFC 6749 §3.1: request parameters must not be included more than once. RFC 8707 §2: but `resource` may be.
pub(super) fn not_repeated(input: Input<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    match input.params.repeated_besides(&[resource::NAME]) {
        Some(_) => Err(OAuthError::new(ErrorCode::InvalidRequest, "a parameter is repeated")),
        None => Ok(()),
    }
}

/// RFC 9126 §5: a client that must push its requests gets no answer to others.
pub(super) fn pushed(input: Input<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    if input.client.requests.pushed_only {
        let description =
            "this client must push its authorization requests and send client_id and request_uri alone";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    Ok(())
}

/// OpenID Connect Core §6, §7.2.1: what is not supported is rejected by its own code, not ignored.
pub(super) fn supported(input: Input<'_>, _: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let unsupported = [
        (
            "request",
            ErrorCode::RequestNotSupported,
            "request objects are for clients with registered keys (jwks, jwks_uri)",
        ),
        ("request_uri", ErrorCode::RequestUriNotSupported, "request_uri is not supported"),
        ("registration", ErrorCode::RegistrationNotSupported, "registration is not supported"),
    ];
    match unsupported.into_iter().find(|(name, ..)| input.params.get(name).is_some()) {
        Some((_, code, description)) => Err(OAuthError::new(code, description)),
        None => Ok(()),
    }
}
