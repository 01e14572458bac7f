//! The authentication context classes that the client accepts.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::sign_in::{Acr, Means, reachable};

/// OpenID Connect Core §5.5.1.1; D-a: what cannot be met is refused immediately, never lowered silently.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let unmet = |description| Err(OAuthError::new(ErrorCode::UnmetAuthenticationRequirements, description));
    let mut accepted = reachable(&Means::OFFERED, input.client);
    if accepted.is_empty() && input.client.lending {
        return unmet("a service in lending accepts no Mobile-ID alone");
    }
    if accepted.is_empty() {
        return unmet("the client's minimum_acr cannot be met");
    }
    let essential = &request.claims.essential_acr;
    if !essential.is_empty() {
        let named: Vec<Acr> = essential.iter().filter_map(|name| Acr::parse(name)).collect();
        accepted.retain(|acr| named.contains(acr));
        if accepted.is_empty() {
            return unmet("none of the essential acr values can be met");
        }
    }
    request.acr = accepted;
    Ok(())
}
