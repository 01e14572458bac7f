//! What the service's authorization requests must be like, and how they are answered.

use serde::Serialize;

use super::check::Check;
use crate::platform::jose::Alg;

/// Authorization requests as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestsDocument {
    /// Whether its requests must be pushed (RFC 9126 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
    /// Signature of the answers that it wants signed; `RS256` when absent (JARM §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<String>,
}

members!(RequestsDocument { require_pushed_authorization_requests, authorization_signed_response_alg });

/// What the service's authorization requests must be like, and how they are answered.
#[derive(Clone, Debug)]
pub struct RequestPolicy {
    /// Whether they must be pushed.
    pub pushed_only: bool,
    /// Signature of answers in a signed response mode.
    pub response_alg: Alg,
}

impl RequestsDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> RequestPolicy {
        RequestPolicy {
            pushed_only: self.require_pushed_authorization_requests.unwrap_or(false),
            response_alg: check.alg(
                "authorization_signed_response_alg",
                self.authorization_signed_response_alg.as_deref(),
                Alg::RS256,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    #[test]
    fn rfc9126_6_requests_are_pushed_where_the_registration_says_so() {
        assert!(!client("").requests.pushed_only);
        assert!(client("require_pushed_authorization_requests = true").requests.pushed_only);
    }

    #[test]
    fn jarm_3_answers_are_signed_as_registered_and_by_default_with_rs256() {
        assert_eq!(client("").requests.response_alg, Alg::RS256);
        let registered = client("authorization_signed_response_alg = 'ES256'").requests;
        assert_eq!(registered.response_alg, Alg::ES256);
        for bad in ["none", "HS256", "PS512"] {
            let errors = wrong(&format!("authorization_signed_response_alg = '{bad}'"));
            assert!(errors[0].starts_with("authorization_signed_response_alg: "), "{errors:?}");
        }
    }
}
