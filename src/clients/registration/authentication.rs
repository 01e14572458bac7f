//! How the service proves itself: its secret, its method, and PKCE.

use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::clients::{ClientSecret, SecretDigest};
use crate::platform::clock::Timestamp;

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
    /// Whether PKCE is demanded. When absent: of public clients, while confidential ones may send a `nonce` instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pkce: Option<bool>,
}

members!(AuthenticationDocument {
    client_secret,
    client_secret_sha256,
    token_endpoint_auth_method,
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
    /// A public client: PKCE stands in.
    None,
}

impl AuthMethod {
    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
        }
    }
}

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
    /// How it proves itself.
    pub method: AuthMethod,
    /// What its authorization requests must contain.
    pub code_binding: CodeBinding,
}

impl AuthenticationPolicy {
    /// Whether `secret` is the client's, or the former one while that still works. Both are compared, so that the time does
    /// not tell which one it was.
    pub fn accepts(&self, secret: &ClientSecret, now: Timestamp) -> bool {
        let present = self.secret.is_some_and(|digest| digest.matches(secret));
        let former = self.former_secret.is_some_and(|(digest, until)| digest.matches(secret) && until > now);
        present | former
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
        if method == AuthMethod::None && self.client_secret.is_some() {
            check.fail(
                "client_secret",
                "`token_endpoint_auth_method` is `none`: there is nothing to keep secret",
            );
        }
        let shortest = check.rules.shortest_secret;
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
        AuthenticationPolicy { secret: None, former_secret: None, method, code_binding }
    }

    /// Whether the client has no secret by its own choice.
    pub(in crate::clients) fn is_public(&self) -> bool {
        self.token_endpoint_auth_method.as_deref() == Some(AuthMethod::None.name())
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
        for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::None] {
            let document = format!("token_endpoint_auth_method = '{}'", method.name());
            assert_eq!(client(&document).authentication.method, method);
        }
        assert!(
            wrong("token_endpoint_auth_method = 'private_key_jwt'")[0].starts_with("token_endpoint_auth")
        );
    }
}
