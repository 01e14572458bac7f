//! What is signed and encrypted for the service beside its ID and access tokens' signatures, which are in `tokens.rs`, and the
//! signature of authorization responses, in `requests.rs`.

use serde::Serialize;

use super::KeySource;
use super::check::Check;
use crate::clients::Client;
use crate::platform::jose::{Alg, CONTENT_ENCRYPTION, KeyManagement};

/// Signatures and encryption as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AnswersDocument {
    /// How the key of encrypted ID tokens is managed; they are not encrypted when absent (OpenID Connect Registration §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<String>,
    /// The encryption of their content: `A256GCM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_enc: Option<String>,
    /// Signature of UserInfo, which is plain JSON when absent (OpenID Connect Registration §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<String>,
    /// As for ID tokens, of UserInfo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<String>,
    /// As for ID tokens, of UserInfo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_enc: Option<String>,
    /// As for ID tokens, of signed authorization responses (JARM §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_alg: Option<String>,
    /// As for ID tokens, of signed authorization responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_enc: Option<String>,
    /// Signature of introspection answers that are asked for as a JWT; `RS256` when absent (RFC 9701 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<String>,
    /// As for ID tokens, of introspection answers that are JWTs (RFC 9701 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_alg: Option<String>,
    /// As for ID tokens, of introspection answers that are JWTs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_enc: Option<String>,
}

members!(AnswersDocument {
    id_token_encrypted_response_alg,
    id_token_encrypted_response_enc,
    userinfo_signed_response_alg,
    userinfo_encrypted_response_alg,
    userinfo_encrypted_response_enc,
    authorization_encrypted_response_alg,
    authorization_encrypted_response_enc,
    introspection_signed_response_alg,
    introspection_encrypted_response_alg,
    introspection_encrypted_response_enc
});

/// What is signed and encrypted for the service.
#[derive(Clone, Debug)]
pub struct AnswerPolicy {
    /// How ID tokens are encrypted, if they are.
    pub id_token_encryption: Option<KeyManagement>,
    /// Signature of UserInfo, if it is a JWT.
    pub userinfo_alg: Option<Alg>,
    /// How UserInfo is encrypted, if it is.
    pub userinfo_encryption: Option<KeyManagement>,
    /// How signed authorization responses are encrypted, if they are.
    pub authorization_encryption: Option<KeyManagement>,
    /// Signature of introspection answers that are JWTs.
    pub introspection_alg: Alg,
    /// How introspection answers that are JWTs are encrypted, if they are.
    pub introspection_encryption: Option<KeyManagement>,
}

impl AnswersDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> AnswerPolicy {
        let [id_token, userinfo, authorization, introspection] =
            self.encryptions().map(|registered| registered.check(check));
        let userinfo_alg = self.userinfo_signed_response_alg.as_deref();
        AnswerPolicy {
            id_token_encryption: id_token,
            userinfo_alg: userinfo_alg
                .map(|alg| check.alg("userinfo_signed_response_alg", Some(alg), Alg::RS256)),
            userinfo_encryption: userinfo,
            authorization_encryption: authorization,
            introspection_alg: check.alg(
                "introspection_signed_response_alg",
                self.introspection_signed_response_alg.as_deref(),
                Alg::RS256,
            ),
            introspection_encryption: introspection,
        }
    }

    fn encryptions(&self) -> [Registered<'_>; 4] {
        [
            Registered {
                alg: ("id_token_encrypted_response_alg", self.id_token_encrypted_response_alg.as_deref()),
                enc: ("id_token_encrypted_response_enc", self.id_token_encrypted_response_enc.as_deref()),
            },
            Registered {
                alg: ("userinfo_encrypted_response_alg", self.userinfo_encrypted_response_alg.as_deref()),
                enc: ("userinfo_encrypted_response_enc", self.userinfo_encrypted_response_enc.as_deref()),
            },
            Registered {
                alg: (
                    "authorization_encrypted_response_alg",
                    self.authorization_encrypted_response_alg.as_deref(),
                ),
                enc: (
                    "authorization_encrypted_response_enc",
                    self.authorization_encrypted_response_enc.as_deref(),
                ),
            },
            Registered {
                alg: (
                    "introspection_encrypted_response_alg",
                    self.introspection_encrypted_response_alg.as_deref(),
                ),
                enc: (
                    "introspection_encrypted_response_enc",
                    self.introspection_encrypted_response_enc.as_deref(),
                ),
            },
        ]
    }

    /// Checks that the client has keys for what is to be encrypted for it.
    pub(super) fn check_keys(&self, client: &Client, check: &mut Check<'_>) {
        for Registered { alg: (member, alg), .. } in self.encryptions() {
            let Some(alg) = alg.and_then(KeyManagement::parse) else { continue };
            match &client.keys {
                KeySource::Nowhere => check.fail(member, "needs the client's keys: `jwks` or `jwks_uri`"),
                KeySource::Registration(keys) if keys.recipient(alg).is_none() => {
                    let kind = match alg {
                        KeyManagement::EcdhEs => "P-256",
                        KeyManagement::RsaOaep256 => "RSA of 2048 to 8192 bits",
                    };
                    let name = alg.name();
                    check.fail(
                        member,
                        format!(
                            "none of the keys in `jwks` is for encryption by {name}: {kind} with `\"use\": \"enc\"` or `\"alg\": \"{name}\"`"
                        ),
                    );
                }
                KeySource::Registration(_) | KeySource::Address(_) => {}
            }
        }
    }
}

/// The two members that say how something is encrypted.
struct Registered<'a> {
    alg: (&'static str, Option<&'a str>),
    enc: (&'static str, Option<&'a str>),
}

impl Registered<'_> {
    fn check(&self, check: &mut Check<'_>) -> Option<KeyManagement> {
        let ((alg_member, alg), (enc_member, enc)) = (self.alg, self.enc);
        match (alg, enc) {
            (None, None) | (Some(_), Some(CONTENT_ENCRYPTION)) => {}
            (None, Some(_)) => check.fail(enc_member, format!("says nothing without `{alg_member}`")),
            (Some(_), None) => check.fail(
                enc_member,
                format!(
                    "say `{CONTENT_ENCRYPTION}`: the default of the specification, A128CBC-HS256, is not served"
                ),
            ),
            (Some(_), Some(other)) => {
                check.fail(enc_member, format!("`{other}` is not served: only {CONTENT_ENCRYPTION} is"));
            }
        }
        let parsed = KeyManagement::parse(alg?);
        if parsed.is_none() {
            let all = KeyManagement::ALL.map(KeyManagement::name).join(", ");
            check.fail(alg_member, format!("`{}` is none of {all}", alg.unwrap_or_default()));
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    const POINT: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
    const KINDS: [&str; 4] = ["id_token", "userinfo", "authorization", "introspection"];

    fn keys(more: &str) -> String {
        format!("jwks = '{{\"keys\":[{{{POINT}{more}}}]}}'\n")
    }

    #[test]
    fn oidc_registration_2_encryption_is_registered_with_its_algorithms_and_a_key() {
        let plain = client("").answers;
        assert!(plain.id_token_encryption.is_none() && plain.userinfo_alg.is_none());
        assert_eq!(plain.introspection_alg, Alg::RS256, "RFC 9701 §6");
        let all: String = KINDS
            .iter()
            .map(|kind| {
                format!(
                    "{kind}_encrypted_response_alg = 'ECDH-ES'\n{kind}_encrypted_response_enc = 'A256GCM'\n"
                )
            })
            .collect();
        let signed = "userinfo_signed_response_alg = 'PS256'\nintrospection_signed_response_alg = 'EdDSA'\n";
        let policy = client(&format!("{}{all}{signed}", keys(r#","use":"enc""#))).answers;
        for encryption in [
            policy.id_token_encryption,
            policy.userinfo_encryption,
            policy.authorization_encryption,
            policy.introspection_encryption,
        ] {
            assert_eq!(encryption, Some(KeyManagement::EcdhEs));
        }
        assert_eq!((policy.userinfo_alg, policy.introspection_alg), (Some(Alg::PS256), Alg::EdDSA));
        let published =
            format!("jwks_uri = 'https://portal.uz/jwks'\n{}", all.replace("ECDH-ES", "RSA-OAEP-256"));
        assert_eq!(client(&published).answers.userinfo_encryption, Some(KeyManagement::RsaOaep256));
    }

    #[test]
    fn oidc_registration_2_encryption_that_cannot_be_done_is_refused() {
        let enc = keys(r#","use":"enc""#);
        for kind in KINDS {
            let (alg, content) =
                (format!("{kind}_encrypted_response_alg"), format!("{kind}_encrypted_response_enc"));
            let refusal = |members: &str| {
                let errors = wrong(members);
                assert_eq!(errors.len(), 1, "{errors:?}");
                errors.into_iter().next().unwrap()
            };
            let good = format!("{alg} = 'ECDH-ES'\n{content} = 'A256GCM'\n");
            assert!(wrong(&format!("{enc}{good}")).is_empty());
            assert_eq!(
                refusal(&format!("{enc}{alg} = 'ECDH-ES'")),
                format!(
                    "{content}: say `A256GCM`: the default of the specification, A128CBC-HS256, is not served"
                )
            );
            assert_eq!(
                refusal(&format!("{enc}{alg} = 'ECDH-ES'\n{content} = 'A128CBC-HS256'")),
                format!("{content}: `A128CBC-HS256` is not served: only A256GCM is")
            );
            assert_eq!(
                refusal(&format!("{enc}{content} = 'A256GCM'")),
                format!("{content}: says nothing without `{alg}`")
            );
            for bad in ["RSA1_5", "RSA-OAEP", "ECDH-ES+A256KW", "dir", "none"] {
                assert_eq!(
                    refusal(&format!("{enc}{alg} = '{bad}'\n{content} = 'A256GCM'")),
                    format!("{alg}: `{bad}` is none of ECDH-ES, RSA-OAEP-256")
                );
            }
            assert_eq!(refusal(&good), format!("{alg}: needs the client's keys: `jwks` or `jwks_uri`"));
            let signing = refusal(&format!("{}{good}", keys("")));
            assert!(signing.starts_with(&format!(
                "{alg}: none of the keys in `jwks` is for encryption by ECDH-ES: P-256"
            )));
            let other = refusal(&format!("{enc}{}", good.replace("ECDH-ES", "RSA-OAEP-256")));
            assert!(other.contains("encryption by RSA-OAEP-256: RSA of 2048"), "{other}");
        }
        let errors =
            wrong("userinfo_signed_response_alg = 'none'\nintrospection_signed_response_alg = 'HS256'");
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
