//! The authentication context classes that the client accepts.

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::sign_in::{Acr, reachable};

/// More classes than there are.
const MOST_VALUES: usize = 20;

/// OpenID Connect Core §5.5.1.1; D-a: what cannot be met is refused immediately, never lowered silently.
///
/// `acr_values` is voluntary (§3.1.2.1): the lowest class among them that can be reached is demanded, or one above it, so that a session
/// of a lower class is stepped up (RFC 9470 §4); if none can, the ID token says what was done instead.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let unmet = |description| Err(OAuthError::new(ErrorCode::UnmetAuthenticationRequirements, description));
    let mut accepted = reachable(input.offered, input.client);
    if accepted.is_empty() && input.client.sessions.lending {
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
    let voluntary = input.params.get("acr_values").unwrap_or_default();
    let named: Vec<Acr> = voluntary.split(' ').take(MOST_VALUES).filter_map(Acr::parse).collect();
    // More than was asked for is as good.
    if let Some(least) = accepted.iter().copied().filter(|acr| named.contains(acr)).min() {
        accepted.retain(|acr| *acr >= least);
    }
    request.acr = accepted;
    Ok(())
}
