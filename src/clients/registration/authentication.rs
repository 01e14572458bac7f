//! How the service proves itself: its method, its secret or what it signs with, and PKCE.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::clients::{ClientSecret, SecretDigest};
use crate::platform::clock::Timestamp;
use crate::platform::jose::foreign::ForeignAlg;

/// Client authentication as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuthenticationDocument {
    /// Only on the way in, never stored or exported.
    #[serde(skip_serializing)]
    pub client_secret: Option<String>,
    /// Digest of the secret, so that an export can be imported elsewhere. Not part of the stored document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_sha256: Option<String>,
    /// `client_secret_basic` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// Signature of its assertions; PS256, ES256 or EdDSA when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Whom its assertions are for: `issuer` when absent, or `issuer_or_token_endpoint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_audience: Option<String>,
    /// How far ahead its assertions may expire, in seconds; 300 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_seconds: Option<i64>,
    /// Whether PKCE is demanded. When absent: of public clients, while confidential ones may send a `nonce` instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pkce: Option<bool>,
}

members!(AuthenticationDocument {
    client_secret,
    client_secret_sha256,
    token_endpoint_auth_method,
    token_endpoint_auth_signing_alg,
    assertion_audience,
    assertion_seconds,
    require_pkce
});

/// How the client proves itself at the token endpoint (RFC 6749 §2.3, OpenID Connect Core §9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic.
    ClientSecretBasic,
    /// In the body.
    ClientSecretPost,
    /// By an assertion that is signed with its own key (RFC 7523).
    PrivateKeyJwt,
    /// By an assertion that is signed with its secret.
    ClientSecretJwt,
    /// By a certificate of a trusted authority (RFC 8705 §2.1).
    TlsClientAuth,
    /// By a certificate whose key it registered (RFC 8705 §2.2).
    SelfSignedTlsClientAuth,
    /// A public client: PKCE stands in.
    None,
}

impl AuthMethod {
    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::None => "none",
        }
    }

    /// Whether a secret is sent.
    pub const fn sends_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }

    /// Whether there is a secret at all.
    pub const fn has_secret(self) -> bool {
        self.sends_secret() || matches!(self, Self::ClientSecretJwt)
    }

    /// Whether a certificate is shown.
    pub const fn shows_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }

    /// Whether an assertion is sent.
    pub const fn sends_assertion(self) -> bool {
        matches!(self, Self::PrivateKeyJwt | Self::ClientSecretJwt)
    }
}

/// Whom a client's assertions must be for (`aud`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The issuer, as one text: an assertion that another provider gets hold of is of no use here (RFC 7523bis).
    Issuer,
    /// The issuer, the token endpoint or the endpoint that is called, alone or among others.
    IssuerOrTokenEndpoint,
}

/// Signatures of assertions, unless the registration names one. RS256 must be named.
const ASSERTION_ALGS: &[ForeignAlg] = &[ForeignAlg::PS256, ForeignAlg::ES256, ForeignAlg::EdDSA];

/// How far ahead an assertion may expire, in seconds, unless the registration says otherwise.
const ASSERTION_SECONDS: i64 = 300;

/// The shortest secret that signs, in bytes (RFC 7518 §3.2).
const SHORTEST_SIGNING: usize = 32;

/// What must bind an authorization code to the browser and the request that it was asked for by, so that a code that was
/// injected or stolen is worth nothing (RFC 9700 §2.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeBinding {
    /// PKCE (RFC 7636).
    Pkce,
    /// PKCE or the ID token's `nonce`: enough for a confidential client of OpenID Connect.
    PkceOrNonce,
    /// Nothing, by the registration's word.
    Free,
}

/// How the service proves itself.
#[derive(Clone, Debug)]
pub struct AuthenticationPolicy {
    /// The digest of its secret, which is stored beside the document; public clients have none.
    pub secret: Option<SecretDigest>,
    /// The digest of the secret before that one, while a rotation lets both work, with the end of that (exclusive).
    pub former_secret: Option<(SecretDigest, Timestamp)>,
    /// The secret itself, of a client that signs with it; the former one as above.
    pub shared_secret: Option<Arc<ClientSecret>>,
    /// The secret before that one, with the end of its use (exclusive).
    pub former_shared_secret: Option<(Arc<ClientSecret>, Timestamp)>,
    /// How it proves itself.
    pub method: AuthMethod,
    /// Signatures of its assertions.
    pub assertion_algs: &'static [ForeignAlg],
    /// Whom its assertions are for.
    pub assertion_audience: AssertionAudience,
    /// How far ahead its assertions may expire, in seconds.
    pub assertion_seconds: i64,
    /// What its authorization requests must contain.
    pub code_binding: CodeBinding,
}

impl AuthenticationPolicy {
    /// Whether the client sends its secret and `secret` is it, or the former one while that still works. Both are compared,
    /// so that the time does not tell which one it was.
    pub fn accepts(&self, secret: &ClientSecret, now: Timestamp) -> bool {
        let present = self.secret.is_some_and(|digest| digest.matches(secret));
        let former = self.former_secret.is_some_and(|(digest, until)| digest.matches(secret) && until > now);
        self.method.sends_secret() && (present | former)
    }

    /// The secrets that the client may sign with at `now`.
    pub fn shared_secrets(&self, now: Timestamp) -> impl Iterator<Item = &ClientSecret> {
        let former = self.former_shared_secret.iter().filter(move |(_, until)| *until > now);
        self.shared_secret.iter().chain(former.map(|(secret, _)| secret)).map(AsRef::as_ref)
    }
}

impl AuthenticationDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> AuthenticationPolicy {
        let method = check.word(
            "token_endpoint_auth_method",
            self.token_endpoint_auth_method.as_deref(),
            AuthMethod::ClientSecretBasic,
        );
        if method == AuthMethod::None && self.require_pkce == Some(false) {
            check.fail("require_pkce", "a public client cannot go without PKCE");
        }
        if !method.has_secret() && self.client_secret.is_some() {
            let name = method.name();
            check.fail(
                "client_secret",
                format!("`token_endpoint_auth_method` is `{name}`: there is nothing to keep secret"),
            );
        }
        if method == AuthMethod::ClientSecretJwt && self.client_secret_sha256.is_some() {
            check.fail(
                "client_secret_sha256",
                "`client_secret_jwt` needs the secret itself: give `client_secret`, or neither to have one made",
            );
        }
        let signs = method == AuthMethod::ClientSecretJwt;
        let shortest = check.rules.shortest_secret.max(if signs { SHORTEST_SIGNING } else { 0 });
        if let Some(secret) = &self.client_secret
            && (secret.len() < shortest
                || secret.len() > 200
                || !secret.bytes().all(|b| b.is_ascii_graphic()))
        {
            check.fail(
                "client_secret",
                format!("{shortest} to 200 visible ASCII characters; leave it out to have one made"),
            );
        }
        let given = self.client_secret.as_deref().map(|secret| ClientSecret::given(secret).digest());
        let exported = self.client_secret_sha256.as_deref().and_then(SecretDigest::decode);
        if !check.rules.published_secrets {
            for (member, digest) in [("client_secret", given), ("client_secret_sha256", exported)] {
                if digest.is_some_and(|digest| digest.is_published()) {
                    check.fail(
                        member,
                        "this secret stands in Yagona's own files, where everybody can read it",
                    );
                }
            }
        }
        let code_binding = match (method, self.require_pkce) {
            (AuthMethod::None, _) | (_, Some(true)) => CodeBinding::Pkce,
            (_, None) => CodeBinding::PkceOrNonce,
            (_, Some(false)) => CodeBinding::Free,
        };
        AuthenticationPolicy {
            secret: None,
            former_secret: None,
            shared_secret: None,
            former_shared_secret: None,
            method,
            assertion_algs: self.assertion_algs(method, check),
            assertion_audience: check.word(
                "assertion_audience",
                self.assertion_audience.as_deref(),
                AssertionAudience::Issuer,
            ),
            assertion_seconds: self.assertion_seconds(method, check),
            code_binding,
        }
    }

    fn assertion_algs(&self, method: AuthMethod, check: &mut Check<'_>) -> &'static [ForeignAlg] {
        let member = "token_endpoint_auth_signing_alg";
        match (method, self.token_endpoint_auth_signing_alg.as_deref()) {
            (_, None) | (AuthMethod::ClientSecretJwt, Some("HS256")) => ASSERTION_ALGS,
            (AuthMethod::PrivateKeyJwt, Some(name)) => {
                ForeignAlg::ALL.iter().find(|alg| alg.name() == name).map_or_else(
                    || {
                        check.fail(member, format!("`{name}` is none of PS256, ES256, EdDSA, RS256"));
                        ASSERTION_ALGS
                    },
                    std::slice::from_ref,
                )
            }
            (AuthMethod::ClientSecretJwt, Some(_)) => {
                check.fail(member, "`client_secret_jwt` signs with HS256");
                ASSERTION_ALGS
            }
            (_, Some(_)) => {
                check.fail(member, "`token_endpoint_auth_method` is one without an assertion");
                ASSERTION_ALGS
            }
        }
    }

    fn assertion_seconds(&self, method: AuthMethod, check: &mut Check<'_>) -> i64 {
        if self.assertion_audience.is_some() && !method.sends_assertion() {
            check.fail("assertion_audience", "`token_endpoint_auth_method` is one without an assertion");
        }
        let Some(seconds) = self.assertion_seconds else { return ASSERTION_SECONDS };
        if !method.sends_assertion() {
            check.fail("assertion_seconds", "`token_endpoint_auth_method` is one without an assertion");
        }
        if !(30..=300).contains(&seconds) {
            check.fail("assertion_seconds", "must be 30 to 300");
        }
        seconds.clamp(30, 300)
    }

    /// The method that the document names; none if it names one that does not exist.
    pub(in crate::clients) fn method(&self) -> Option<AuthMethod> {
        match &self.token_endpoint_auth_method {
            None => Some(AuthMethod::ClientSecretBasic),
            Some(name) => serde_json::from_value(name.as_str().into()).ok(),
        }
    }

    /// Whether the client has a secret.
    pub(in crate::clients) fn has_secret(&self) -> bool {
        self.method().is_some_and(AuthMethod::has_secret)
    }

    /// Whether the client signs with its secret, so that it must be kept.
    pub(in crate::clients) fn signs_with_secret(&self) -> bool {
        self.method() == Some(AuthMethod::ClientSecretJwt)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    #[test]
    fn a_public_client_has_pkce_and_no_secret() {
        let public = client("token_endpoint_auth_method = 'none'").authentication;
        assert_eq!((public.method, public.code_binding), (AuthMethod::None, CodeBinding::Pkce));
        let errors = wrong(
            "token_endpoint_auth_method = 'none'\nrequire_pkce = false\nclient_secret = 'long-enough-a-secret'",
        );
        assert_eq!(
            errors,
            [
                "require_pkce: a public client cannot go without PKCE",
                "client_secret: `token_endpoint_auth_method` is `none`: there is nothing to keep secret"
            ]
        );
    }

    #[test]
    fn rfc9700_2_1_1_a_confidential_client_chooses_between_pkce_and_a_nonce_unless_it_says_otherwise() {
        let binding = |members: &str| client(members).authentication.code_binding;
        assert_eq!(binding(""), CodeBinding::PkceOrNonce);
        assert_eq!(binding("token_endpoint_auth_method = 'client_secret_post'"), CodeBinding::PkceOrNonce);
        assert_eq!(binding("require_pkce = true"), CodeBinding::Pkce);
        assert_eq!(binding("require_pkce = false"), CodeBinding::Free);
    }

    #[test]
    fn a_secret_that_is_brought_along_is_long_and_visible() {
        assert!(wrong("client_secret = 'abcdefgh'").is_empty());
        for bad in ["short", "with a blank", "кириллица-кириллица"] {
            let errors = wrong(&format!("client_secret = '{bad}'"));
            assert!(errors[0].starts_with("client_secret: 8 to 200 visible"), "{bad}: {errors:?}");
        }
        assert_eq!(wrong(&format!("client_secret = '{}'", "x".repeat(201))).len(), 1);
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_for_the_sandbox() {
        use super::super::tests::wrong_outside_the_sandbox;
        let known = "davlat-portali-demo-secret-known-to-everybody";
        let exported = ClientSecret::given(known).digest().encode();
        for member in [format!("client_secret = '{known}'"), format!("client_secret_sha256 = '{exported}'")] {
            assert!(wrong(&member).is_empty(), "{member}");
            let errors = wrong_outside_the_sandbox(&member);
            assert!(errors.len() == 1 && errors[0].contains("everybody can read it"), "{errors:?}");
        }
        assert!(wrong_outside_the_sandbox(&format!("client_secret = '{}'", "x".repeat(43))).is_empty());
    }

    #[test]
    fn methods_are_known_by_their_registered_names() {
        for method in [
            AuthMethod::ClientSecretBasic,
            AuthMethod::ClientSecretPost,
            AuthMethod::PrivateKeyJwt,
            AuthMethod::ClientSecretJwt,
            AuthMethod::TlsClientAuth,
            AuthMethod::SelfSignedTlsClientAuth,
            AuthMethod::None,
        ] {
            let keys = match method {
                AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth => KEYS,
                AuthMethod::TlsClientAuth => "tls_client_auth_san_dns = 'portal.uz'",
                _ => "",
            };
            let document = format!("token_endpoint_auth_method = '{}'\n{keys}", method.name());
            assert_eq!(client(&document).authentication.method, method);
        }
        assert!(wrong("token_endpoint_auth_method = 'tls'")[0].starts_with("token_endpoint_auth"));
    }

    const KEYS: &str = "jwks_uri = 'https://portal.uz/jwks'";

    #[test]
    fn rfc7523_a_client_with_a_key_signs_with_what_fapi_allows_unless_it_says_otherwise() {
        let by_key = |more: &str| format!("token_endpoint_auth_method = 'private_key_jwt'\n{KEYS}\n{more}");
        let policy = client(&by_key("")).authentication;
        assert_eq!(policy.assertion_algs, [ForeignAlg::PS256, ForeignAlg::ES256, ForeignAlg::EdDSA]);
        assert_eq!((policy.assertion_audience, policy.assertion_seconds), (AssertionAudience::Issuer, 300));
        let policy = client(&by_key(
            "token_endpoint_auth_signing_alg = 'RS256'\nassertion_audience = 'issuer_or_token_endpoint'\n\
             assertion_seconds = 60",
        ))
        .authentication;
        assert_eq!(policy.assertion_algs, [ForeignAlg::RS256]);
        assert_eq!(policy.assertion_audience, AssertionAudience::IssuerOrTokenEndpoint);
        assert_eq!(policy.assertion_seconds, 60);
        for (member, why) in [
            (
                "client_secret = 'a-secret-that-is-long-enough-to-sign'",
                "client_secret: `token_endpoint_auth_method` is `private_key_jwt`",
            ),
            (
                "token_endpoint_auth_signing_alg = 'HS256'",
                "token_endpoint_auth_signing_alg: `HS256` is none of",
            ),
            ("assertion_audience = 'everybody'", "assertion_audience: unknown variant"),
            ("assertion_seconds = 5", "assertion_seconds: must be 30 to 300"),
        ] {
            let errors = wrong(&by_key(member));
            assert!(errors.len() == 1 && errors[0].starts_with(why), "{member}: {errors:?}");
        }
        let method = "token_endpoint_auth_method = 'private_key_jwt'";
        assert!(wrong(method)[0].starts_with("jwks: `private_key_jwt` needs"));
        let elliptic = r#"jwks = '{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}'"#;
        assert!(wrong(&format!("{method}\n{elliptic}")).is_empty());
        let errors = wrong(&format!("{method}\n{elliptic}\ntoken_endpoint_auth_signing_alg = 'PS256'"));
        assert!(errors[0].starts_with("jwks: none of the keys can sign"), "{errors:?}");
    }

    #[test]
    fn a_client_that_signs_with_its_secret_has_a_long_one_and_no_digest_alone() {
        let by_secret = |more: &str| format!("token_endpoint_auth_method = 'client_secret_jwt'\n{more}");
        assert!(wrong(&by_secret("token_endpoint_auth_signing_alg = 'HS256'")).is_empty());
        assert!(
            wrong(&by_secret("client_secret = 'long-enough-to-be-compared'"))[0]
                .starts_with("client_secret: 32 to")
        );
        assert!(
            wrong(&by_secret("token_endpoint_auth_signing_alg = 'ES256'"))[0].contains("signs with HS256")
        );
        let digest = ClientSecret::generate().digest().encode();
        let errors = wrong(&by_secret(&format!("client_secret_sha256 = '{digest}'")));
        assert!(errors[0].starts_with("client_secret_sha256: `client_secret_jwt` needs the secret itself"));
        for member in [
            "token_endpoint_auth_signing_alg = 'ES256'",
            "assertion_audience = 'issuer'",
            "assertion_seconds = 60",
        ] {
            assert!(wrong(member)[0].ends_with("one without an assertion"), "{member}");
        }
    }
}
