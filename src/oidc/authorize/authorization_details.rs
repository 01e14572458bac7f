//! `authorization_details`.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::application_details;
use crate::oidc::authorization_details::{Asked, Bounds, NAME, asked};
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
    let Asked { data, application } = asked(text, &bounds)?;
    if application.is_some() {
        application_details::alone(&request.data())?;
        if input.params.get("grant_management_action").is_some_and(|action| action != "create") {
            return Err(application_details::MANAGED);
        }
    }
    (request.details, request.application) = (data, application);
    Ok(())
}
