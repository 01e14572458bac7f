//! Profiles: what a whole specification demands of a client, by one word of its registration.
//!
//! A profile only makes a policy stricter. A member that says the contrary is refused with the clause that it breaks: nobody is
//! to believe that they are registered for less, or for more, than is so. What may not be said is a row of [`DEMANDS`], what
//! follows where nothing is said a line of [`tighten`].

use serde::{Deserialize, Serialize};

use super::backchannel::REQUEST_ALGS;
use super::check::Check;
use super::{AuthMethod, CodeBinding, Registration};
use crate::clients::Client;
use crate::platform::jose::Alg;

/// A named bundle of demands; each of FAPI 2.0 has those of the ones before it as well.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Profile {
    /// OpenID Connect: what the members say.
    #[serde(rename = "oidc")]
    Oidc,
    /// FAPI 2.0 Security Profile.
    #[serde(rename = "fapi2")]
    Fapi2,
    /// FAPI 2.0 Message Signing: signed requests and signed answers.
    #[serde(rename = "fapi2-message-signing")]
    Fapi2MessageSigning,
    /// FAPI-CIBA: a client that only asks people who are not at its site. It stands apart from the ones before it.
    #[serde(rename = "ciba")]
    Ciba,
}

/// How clients of FAPI 2.0 may prove themselves (Security Profile §5.3.2.1).
const PROVING: [AuthMethod; 3] =
    [AuthMethod::PrivateKeyJwt, AuthMethod::TlsClientAuth, AuthMethod::SelfSignedTlsClientAuth];

/// For how long their codes may be redeemed at most, in seconds (§5.3.2.2).
const CODE_SECONDS: i64 = 60;

/// Something that a registration must not say.
struct Demand {
    /// The first profile that demands it.
    from: Profile,
    member: &'static str,
    /// What is demanded, and by which clause.
    clause: &'static str,
    contradicts: fn(&Registration) -> bool,
}

const PS256_OR_ES256: &str = "must be PS256 or ES256 (FAPI-CIBA §7.10, FAPI 1.0 Advanced §8.6)";

const NO_RS256: &str = "RS256 is not allowed (FAPI 2.0 Security Profile §5.4.1)";

/// Everything that the profiles do not let a registration say.
const DEMANDS: [Demand; 21] = [
    Demand {
        from: Profile::Fapi2,
        member: "grant_types",
        clause: "the device code grant has no pushed request, no PKCE and no answer at a redirect URI (FAPI 2.0 Security Profile §5.3.2.2)",
        contradicts: |document| {
            let grants = document.tokens.grant_types.as_deref().unwrap_or_default();
            grants.iter().any(|grant| grant == "urn:ietf:params:oauth:grant-type:device_code")
        },
    },
    Demand {
        from: Profile::Fapi2,
        member: "require_pushed_authorization_requests",
        clause: "requests must be pushed (FAPI 2.0 Security Profile §5.3.2.2)",
        contradicts: |document| document.requests.require_pushed_authorization_requests == Some(false),
    },
    Demand {
        from: Profile::Fapi2,
        member: "require_pkce",
        clause: "PKCE with S256 is demanded (FAPI 2.0 Security Profile §5.3.2.2)",
        contradicts: |document| document.authentication.require_pkce == Some(false),
    },
    Demand {
        from: Profile::Fapi2,
        member: "token_endpoint_auth_method",
        clause: "must be `private_key_jwt` or a certificate (FAPI 2.0 Security Profile §5.3.2.1)",
        contradicts: |document| {
            document.authentication.method().is_none_or(|method| !PROVING.contains(&method))
        },
    },
    Demand {
        from: Profile::Fapi2,
        member: "dpop_bound_access_tokens",
        clause: "access tokens are bound to a key or a certificate (FAPI 2.0 Security Profile §5.3.2.1)",
        contradicts: |document| {
            let tokens = &document.tokens;
            tokens.dpop_bound_access_tokens == Some(false)
                && tokens.tls_client_certificate_bound_access_tokens != Some(true)
        },
    },
    Demand {
        from: Profile::Fapi2,
        member: "assertion_audience",
        clause: "assertions are for the issuer alone (FAPI 2.0 Security Profile §5.3.2.1)",
        contradicts: |document| {
            document.authentication.assertion_audience.as_deref().is_some_and(|audience| audience != "issuer")
        },
    },
    Demand {
        from: Profile::Fapi2,
        member: "token_endpoint_auth_signing_alg",
        clause: NO_RS256,
        contradicts: |document| is_rs256(document.authentication.token_endpoint_auth_signing_alg.as_deref()),
    },
    Demand {
        from: Profile::Fapi2,
        member: "id_token_signed_response_alg",
        clause: NO_RS256,
        contradicts: |document| is_rs256(document.tokens.id_token_signed_response_alg.as_deref()),
    },
    Demand {
        from: Profile::Fapi2,
        member: "access_token_signed_response_alg",
        clause: NO_RS256,
        contradicts: |document| is_rs256(document.tokens.access_token_signed_response_alg.as_deref()),
    },
    Demand {
        from: Profile::Fapi2,
        member: "authorization_signed_response_alg",
        clause: NO_RS256,
        contradicts: |document| is_rs256(document.requests.authorization_signed_response_alg.as_deref()),
    },
    Demand {
        from: Profile::Fapi2,
        member: "userinfo_signed_response_alg",
        clause: NO_RS256,
        contradicts: |document| is_rs256(document.answers.userinfo_signed_response_alg.as_deref()),
    },
    Demand {
        from: Profile::Fapi2,
        member: "introspection_signed_response_alg",
        clause: NO_RS256,
        contradicts: |document| is_rs256(document.answers.introspection_signed_response_alg.as_deref()),
    },
    Demand {
        from: Profile::Fapi2,
        member: "request_object_signing_alg",
        clause: NO_RS256,
        contradicts: |document| is_rs256(document.requests.request_object_signing_alg.as_deref()),
    },
    Demand {
        from: Profile::Fapi2MessageSigning,
        member: "require_signed_request_object",
        clause: "requests must be signed (FAPI 2.0 Message Signing §5.3.1)",
        contradicts: |document| document.requests.require_signed_request_object == Some(false),
    },
    Demand {
        from: Profile::Ciba,
        member: "grant_types",
        clause: "must be `urn:openid:params:grant-type:ciba`, and `refresh_token` if wanted (FAPI-CIBA §5.2.2)",
        contradicts: |document| {
            let grants = document.tokens.grant_types.as_deref().unwrap_or_default();
            let other = |grant: &String| {
                !["urn:openid:params:grant-type:ciba", "refresh_token"].contains(&grant.as_str())
            };
            grants.is_empty() || grants.iter().any(other)
        },
    },
    Demand {
        from: Profile::Ciba,
        member: "token_endpoint_auth_method",
        clause: "must be `private_key_jwt` or a certificate (FAPI-CIBA §5.2.2, FAPI 1.0 Advanced §5.2.2)",
        contradicts: |document| {
            document.authentication.method().is_none_or(|method| !PROVING.contains(&method))
        },
    },
    Demand {
        from: Profile::Ciba,
        member: "tls_client_certificate_bound_access_tokens",
        clause: "access tokens are bound to a certificate (FAPI-CIBA §5.2.2, FAPI 1.0 Advanced §5.2.2)",
        contradicts: |document| {
            document.tokens.tls_client_certificate_bound_access_tokens == Some(false)
                || document.tokens.dpop_bound_access_tokens == Some(true)
        },
    },
    Demand {
        from: Profile::Ciba,
        member: "token_endpoint_auth_signing_alg",
        clause: PS256_OR_ES256,
        contradicts: |document| is_other(document.authentication.token_endpoint_auth_signing_alg.as_deref()),
    },
    Demand {
        from: Profile::Ciba,
        member: "id_token_signed_response_alg",
        clause: PS256_OR_ES256,
        contradicts: |document| is_other(document.tokens.id_token_signed_response_alg.as_deref()),
    },
    Demand {
        from: Profile::Ciba,
        member: "access_token_signed_response_alg",
        clause: PS256_OR_ES256,
        contradicts: |document| is_other(document.tokens.access_token_signed_response_alg.as_deref()),
    },
    Demand {
        from: Profile::Ciba,
        member: "backchannel_authentication_request_signing_alg",
        clause: PS256_OR_ES256,
        contradicts: |document| {
            is_other(document.backchannel.backchannel_authentication_request_signing_alg.as_deref())
        },
    },
];

/// Whether it is another algorithm than FAPI 1.0 Advanced §8.6 allows.
fn is_other(alg: Option<&str>) -> bool {
    alg.is_some_and(|alg| !["PS256", "ES256"].contains(&alg))
}

fn is_rs256(alg: Option<&str>) -> bool {
    alg == Some(Alg::RS256.name())
}

/// Holds a registration to its profile, and makes the policy what that demands.
pub(super) fn hold(document: &Registration, client: &mut Client, check: &mut Check<'_>) {
    let profile = client.requests.profile;
    let held = |demand: &&Demand| match profile {
        Profile::Ciba => demand.from == Profile::Ciba,
        _ => demand.from <= profile,
    };
    for demand in DEMANDS.iter().filter(held) {
        if (demand.contradicts)(document) {
            check.fail(demand.member, demand.clause);
        }
    }
    match profile {
        Profile::Ciba => tighten_ciba(document, client),
        _ => tighten(document, client, profile),
    }
}

/// What a profile says where the registration says nothing.
fn tighten(document: &Registration, client: &mut Client, profile: Profile) {
    if profile >= Profile::Fapi2 {
        client.requests.pushed_only = true;
        client.authentication.code_binding = CodeBinding::Pkce;
        client.requests.longest_code = Some(CODE_SECONDS);
        // §5.3.2.1: a refresh token that only its client can use is not rotated.
        client.tokens.rotates = false;
        // §5.3.2.1: bound to a certificate where the registration says so, otherwise to a key.
        client.tokens.dpop_bound = !client.tokens.certificate_bound;
        if document.tokens.id_token_signed_response_alg.is_none() {
            client.tokens.id_token_alg = Alg::ES256;
        }
        if document.requests.authorization_signed_response_alg.is_none() {
            client.requests.response_alg = Alg::ES256;
        }
        if document.answers.introspection_signed_response_alg.is_none() {
            client.answers.introspection_alg = Alg::ES256;
        }
    }
    if profile >= Profile::Fapi2MessageSigning {
        client.requests.signed_only = true;
        client.requests.signed_answers = true;
    }
}

/// The same of FAPI-CIBA.
fn tighten_ciba(document: &Registration, client: &mut Client) {
    client.backchannel.signed_only = true;
    client.backchannel.fapi = true;
    if document.authentication.token_endpoint_auth_signing_alg.is_none()
        && client.authentication.method == AuthMethod::PrivateKeyJwt
    {
        client.authentication.assertion_algs = &REQUEST_ALGS[..2];
    }
    client.tokens.rotates = false;
    client.tokens.dpop_bound = false;
    client.tokens.certificate_bound = true;
    if document.tokens.id_token_signed_response_alg.is_none() {
        client.tokens.id_token_alg = Alg::ES256;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;
    use crate::platform::jose::foreign::ForeignAlg;

    const KEYED: &str =
        "token_endpoint_auth_method = 'private_key_jwt'\njwks_uri = 'https://portal.uz/jwks'\n";

    #[test]
    fn a_profile_makes_the_policy_what_its_specification_demands() {
        let plain = client(KEYED);
        assert!(!plain.requests.pushed_only && plain.tokens.rotates && !plain.requests.signed_answers);
        assert_eq!(plain.requests.longest_code, None);
        let fapi = client(&format!("{KEYED}profile = 'fapi2'"));
        assert!(fapi.requests.pushed_only && !fapi.tokens.rotates);
        assert_eq!(fapi.authentication.code_binding, CodeBinding::Pkce);
        assert_eq!((fapi.tokens.id_token_alg, fapi.requests.response_alg), (Alg::ES256, Alg::ES256));
        assert_eq!(
            (plain.answers.introspection_alg, fapi.answers.introspection_alg),
            (Alg::RS256, Alg::ES256)
        );
        assert_eq!(fapi.requests.longest_code, Some(60));
        assert!(!fapi.requests.signed_only && !fapi.requests.signed_answers);
        assert!(fapi.tokens.dpop_bound && !plain.tokens.dpop_bound);
        let certified = "profile = 'fapi2'\ntls_client_certificate_bound_access_tokens = true";
        let certified = client(&format!("{KEYED}{certified}")).tokens;
        assert!(certified.certificate_bound && !certified.dpop_bound);
        let signing = client(&format!(
            "{KEYED}profile = 'fapi2-message-signing'\nid_token_signed_response_alg = 'EdDSA'"
        ));
        assert!(signing.requests.pushed_only && signing.requests.signed_only);
        assert!(signing.requests.signed_answers);
        assert_eq!(signing.tokens.id_token_alg, Alg::EdDSA);
        assert!(wrong("profile = 'fapi1'")[0].starts_with("profile: unknown variant"));
    }

    #[test]
    fn fapi_ciba_is_a_profile_of_its_own() {
        let ciba = format!(
            "{KEYED}profile = 'ciba'\nredirect_uris = []\ngrant_types = ['urn:openid:params:grant-type:ciba', 'refresh_token']\n"
        );
        let policy = client(&ciba);
        assert!(policy.backchannel.signed_only && policy.tokens.certificate_bound && !policy.tokens.rotates);
        assert!(
            !policy.tokens.dpop_bound
                && !policy.requests.pushed_only
                && policy.requests.longest_code.is_none()
        );
        assert_eq!(policy.tokens.id_token_alg, Alg::ES256);
        let names = |algs: &[ForeignAlg]| algs.iter().map(|alg| alg.name()).collect::<Vec<_>>();
        assert_eq!(names(policy.backchannel.algs()), ["PS256", "ES256"]);
        assert_eq!(names(policy.authentication.assertion_algs), ["PS256", "ES256"]);
        for member in [
            "tls_client_certificate_bound_access_tokens = false",
            "dpop_bound_access_tokens = true",
            "token_endpoint_auth_signing_alg = 'RS256'",
            "id_token_signed_response_alg = 'RS256'",
            "access_token_signed_response_alg = 'RS256'",
            "token_endpoint_auth_signing_alg = 'EdDSA'",
            "id_token_signed_response_alg = 'EdDSA'",
            "access_token_signed_response_alg = 'EdDSA'",
            "backchannel_authentication_request_signing_alg = 'EdDSA'",
        ] {
            let errors = wrong(&format!("{ciba}{member}"));
            assert!(errors.len() == 1 && errors[0].contains("FAPI-CIBA"), "{member}: {errors:?}");
        }
        for grants in
            ["['authorization_code']", "['urn:openid:params:grant-type:ciba', 'client_credentials']"]
        {
            let errors = wrong(&format!("{KEYED}profile = 'ciba'\ngrant_types = {grants}"));
            assert!(errors.iter().any(|error| error.starts_with("grant_types: must be")), "{errors:?}");
        }
        let secret = ciba.replace("private_key_jwt", "client_secret_basic");
        assert!(wrong(&secret)[0].starts_with("token_endpoint_auth_method: must be"), "{:?}", wrong(&secret));
    }

    #[test]
    fn what_contradicts_a_profile_is_refused_with_its_clause() {
        for (member, from) in [
            ("require_pushed_authorization_requests = false", "fapi2"),
            ("grant_types = ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code']", "fapi2"),
            ("require_pkce = false", "fapi2"),
            ("dpop_bound_access_tokens = false", "fapi2"),
            ("assertion_audience = 'issuer_or_token_endpoint'", "fapi2"),
            ("token_endpoint_auth_signing_alg = 'RS256'", "fapi2"),
            ("id_token_signed_response_alg = 'RS256'", "fapi2"),
            ("access_token_signed_response_alg = 'RS256'", "fapi2"),
            ("authorization_signed_response_alg = 'RS256'", "fapi2"),
            ("userinfo_signed_response_alg = 'RS256'", "fapi2"),
            ("introspection_signed_response_alg = 'RS256'", "fapi2"),
            ("request_object_signing_alg = 'RS256'", "fapi2"),
            ("require_signed_request_object = false", "fapi2-message-signing"),
        ] {
            for profile in ["oidc", "fapi2", "fapi2-message-signing"] {
                let errors = wrong(&format!("{KEYED}profile = '{profile}'\n{member}"));
                let held = profile != "oidc" && (from == "fapi2" || profile == from);
                assert_eq!(errors.len(), usize::from(held), "{profile} {member}: {errors:?}");
                let name = member.split(' ').next().unwrap();
                assert!(errors.iter().all(|error| error.starts_with(name) && error.contains("FAPI 2.0")));
            }
        }
        for method in ["client_secret_basic", "client_secret_post", "client_secret_jwt", "none"] {
            let errors = wrong(&format!("profile = 'fapi2'\ntoken_endpoint_auth_method = '{method}'"));
            assert!(
                errors.iter().any(|error| error.starts_with("token_endpoint_auth_method: must be")),
                "{errors:?}"
            );
        }
        assert!(wrong("profile = 'fapi2'")[0].starts_with("token_endpoint_auth_method: must be"));
    }
}
