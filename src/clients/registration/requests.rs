//! What the service's authorization requests must be like, and how they are answered.

use serde::Serialize;

use super::check::Check;
use super::{KeySource, Profile};
use crate::clients::Client;
use crate::platform::jose::Alg;
use crate::platform::jose::foreign::ForeignAlg;

/// The most that a client may be allowed to push while one can be opened, as in the setting.
const MOST_PUSHED: u64 = 1_000_000;

/// Authorization requests as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestsDocument {
    /// The specification that the whole registration is held to; `oidc` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether its requests must be pushed (RFC 9126 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
    /// Requests that it may push while one can be opened; the setting `pushed_requests.most_per_client` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_requests_most: Option<u64>,
    /// Signature of the answers that it wants signed; `RS256` when absent (JARM §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<String>,
    /// Signature of its request objects; PS256, ES256 and EdDSA are taken when absent (RFC 9101 §10.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    /// Whether its parameters must come in a signed request object (RFC 9101 §10.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_signed_request_object: Option<bool>,
}

members!(RequestsDocument {
    profile,
    require_pushed_authorization_requests,
    pushed_requests_most,
    authorization_signed_response_alg,
    request_object_signing_alg,
    require_signed_request_object
});

/// What the service's authorization requests must be like, and how they are answered.
#[derive(Clone, Debug)]
pub struct RequestPolicy {
    /// The specification that the client is held to.
    pub profile: Profile,
    /// Whether they must be pushed.
    pub pushed_only: bool,
    /// How many it may push while one can be opened, if that is its own.
    pub pushed_most: Option<u64>,
    /// Signature of answers in a signed response mode.
    pub response_alg: Alg,
    /// The one signature that its request objects may have, if it registered one.
    pub object_alg: Option<ForeignAlg>,
    /// Whether its parameters must come in a signed request object.
    pub signed_only: bool,
    /// Whether it gets signed answers alone.
    pub signed_answers: bool,
    /// For how long its codes may be redeemed at most, in seconds, where the provider lets them live longer.
    pub longest_code: Option<i64>,
}

impl RequestsDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> RequestPolicy {
        RequestPolicy {
            profile: check.word("profile", self.profile.as_deref(), Profile::Oidc),
            signed_answers: false,
            longest_code: None,
            pushed_only: self.require_pushed_authorization_requests.unwrap_or(false),
            pushed_most: self.pushed_most(check),
            response_alg: check.alg(
                "authorization_signed_response_alg",
                self.authorization_signed_response_alg.as_deref(),
                Alg::RS256,
            ),
            object_alg: self.object_alg(check),
            signed_only: self.require_signed_request_object.unwrap_or(false),
        }
    }

    fn pushed_most(&self, check: &mut Check<'_>) -> Option<u64> {
        if self.pushed_requests_most.is_some_and(|most| !(1..=MOST_PUSHED).contains(&most)) {
            check.fail("pushed_requests_most", format!("a whole number from 1 to {MOST_PUSHED}"));
        }
        self.pushed_requests_most
    }

    fn object_alg(&self, check: &mut Check<'_>) -> Option<ForeignAlg> {
        let name = self.request_object_signing_alg.as_deref()?;
        let alg = ForeignAlg::ALL.into_iter().find(|alg| alg.name() == name);
        if alg.is_none() {
            let all = ForeignAlg::ALL.map(ForeignAlg::name).join(", ");
            check.fail("request_object_signing_alg", format!("`{name}` is none of {all}"));
        }
        alg
    }

    /// Checks that what is to be signed can be verified.
    pub(super) fn check_keys(&self, client: &Client, check: &mut Check<'_>) {
        let signs = [
            ("request_object_signing_alg", self.request_object_signing_alg.is_some()),
            // A profile may demand what the registration does not say.
            ("require_signed_request_object", client.requests.signed_only),
        ];
        for (member, _) in signs.into_iter().filter(|(_, signs)| *signs) {
            match &client.keys {
                KeySource::Nowhere => check.fail(member, "needs the client's keys: `jwks` or `jwks_uri`"),
                KeySource::Registration(keys) if !keys.serve(client.requests.object_algs()) => {
                    let names: Vec<_> = client.requests.object_algs().iter().map(|alg| alg.name()).collect();
                    let names = names.join(", ");
                    check.fail(member, format!("none of the keys in `jwks` can sign a request by {names}"));
                }
                KeySource::Registration(_) | KeySource::Address(_) => {}
            }
        }
    }
}

/// Algorithms of clients that register none. RS256 is for those that register it.
const OBJECT_ALGS: [ForeignAlg; 3] = [ForeignAlg::PS256, ForeignAlg::ES256, ForeignAlg::EdDSA];

impl RequestPolicy {
    /// The signatures that its request objects may have.
    pub fn object_algs(&self) -> &[ForeignAlg] {
        self.object_alg.as_ref().map_or(&OBJECT_ALGS, std::slice::from_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    #[test]
    fn a_client_may_push_as_many_requests_as_its_registration_says() {
        assert_eq!(client("").requests.pushed_most, None);
        assert_eq!(client("pushed_requests_most = 200000").requests.pushed_most, Some(200_000));
        for bad in [0, 1_000_001] {
            assert_eq!(
                wrong(&format!("pushed_requests_most = {bad}")),
                ["pushed_requests_most: a whole number from 1 to 1000000"]
            );
        }
    }

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
        let keys = "jwks_uri = 'https://portal.uz/jwks'\n";
        let signing = client(&format!(
            "{keys}request_object_signing_alg = 'RS256'\nrequire_signed_request_object = true"
        ))
        .requests;
        assert_eq!((signing.object_alg, signing.signed_only), (Some(ForeignAlg::RS256), true));
        assert_eq!(
            wrong("request_object_signing_alg = 'ES256'\nrequire_signed_request_object = true"),
            [
                "request_object_signing_alg: needs the client's keys: `jwks` or `jwks_uri`",
                "require_signed_request_object: needs the client's keys: `jwks` or `jwks_uri`"
            ]
        );
        assert_eq!(
            wrong(&format!("{keys}request_object_signing_alg = 'none'")),
            ["request_object_signing_alg: `none` is none of RS256, PS256, ES256, EdDSA"]
        );
        // A profile that demands signatures demands keys, however the client proves itself.
        let certified = "profile = 'fapi2-message-signing'\ntoken_endpoint_auth_method = 'tls_client_auth'\n\
                         tls_client_auth_subject_dn = 'CN=Portal,C=UZ'\n";
        assert_eq!(
            wrong(certified),
            ["require_signed_request_object: needs the client's keys: `jwks` or `jwks_uri`"]
        );
        assert!(wrong(&format!("{certified}{keys}")).is_empty());
        let set = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
        assert!(wrong(&format!("{certified}jwks = '{set}'")).is_empty());
        assert_eq!(
            wrong(&format!("{certified}jwks = '{set}'\nrequest_object_signing_alg = 'EdDSA'")),
            [
                "request_object_signing_alg: none of the keys in `jwks` can sign a request by EdDSA",
                "require_signed_request_object: none of the keys in `jwks` can sign a request by EdDSA"
            ]
        );
        for bad in ["none", "HS256", "PS512"] {
            let errors = wrong(&format!("authorization_signed_response_alg = '{bad}'"));
            assert!(errors[0].starts_with("authorization_signed_response_alg: "), "{errors:?}");
        }
    }
}
