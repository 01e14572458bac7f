//! `authorization_details`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::authorization_details::{Bounds, NAME, asked};
use crate::oidc::error::OAuthError;

/// RFC 9396 §2: after the rules that say what else is asked for.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let Some(text) = input.params.get(NAME) else { return Ok(()) };
    let bounds = Bounds {
        client: input.client,
        general: &request.data().general(),
        servers: input.servers,
        resources: &request.resources,
        issuer: input.issuer,
        now: input.now,
    };
    request.details = asked(text, &bounds)?;
    Ok(())
}
