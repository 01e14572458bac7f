//! Requests that the service sends for a person who is not at its site (OpenID Connect CIBA Core 1.0 §4): how it learns of the
//! answer, and how it signs.

use serde::{Deserialize, Serialize};
use url::Url;

use super::check::Check;
use super::data::example_address;
use super::{AuthMethod, GrantType, KeySource};
use crate::clients::Client;
use crate::notices::sms::text::approval_fits;
use crate::platform::jose::foreign::ForeignAlg;
use crate::platform::web::locale::Language;

/// Backchannel authentication as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BackchannelDocument {
    /// `poll` when absent, or `ping`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_token_delivery_mode: Option<String>,
    /// Where a client of the mode `ping` is told that there is an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// Signature of its requests, which are signed then; `PS256`, `ES256` or `EdDSA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_authentication_request_signing_alg: Option<String>,
    /// Only `false`: there are no user codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_user_code_parameter: Option<bool>,
}

members!(BackchannelDocument {
    backchannel_token_delivery_mode,
    backchannel_client_notification_endpoint,
    backchannel_authentication_request_signing_alg,
    backchannel_user_code_parameter
});

/// How a client learns of the answer (CIBA Core §5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// It asks the token endpoint.
    Poll,
    /// It is told at this address that there is one, and asks the token endpoint.
    Ping(Url),
}

/// The modes, as registered. The third one, `push`, would hand tokens to whoever answers at an address.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Poll,
    Ping,
}

/// What the service's backchannel authentication requests are like, and how they are answered.
#[derive(Clone, Debug)]
pub struct BackchannelPolicy {
    /// How it learns of the answer.
    pub delivery: Delivery,
    /// The one signature that its requests may have, if it registered one.
    pub alg: Option<ForeignAlg>,
    /// Whether its requests must be signed.
    pub signed_only: bool,
    /// Whether no other signatures are allowed than FAPI 1.0 Advanced §8.6 has: PS256 and ES256.
    pub fapi: bool,
}

/// Signatures that requests may have. RS256 is refused (FAPI-CIBA §7.10 with FAPI 1.0 Advanced §8.6).
pub const REQUEST_ALGS: [ForeignAlg; 3] = [ForeignAlg::PS256, ForeignAlg::ES256, ForeignAlg::EdDSA];

impl BackchannelPolicy {
    /// The signatures that its requests may have.
    pub fn algs(&self) -> &[ForeignAlg] {
        let all = if self.fapi { &REQUEST_ALGS[..2] } else { &REQUEST_ALGS[..] };
        self.alg.as_ref().map_or(all, std::slice::from_ref)
    }
}

impl BackchannelDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> BackchannelPolicy {
        if self.backchannel_user_code_parameter == Some(true) {
            check.fail(
                "backchannel_user_code_parameter",
                "there are no user codes: a code from an SMS proves the person",
            );
        }
        let alg = self.alg(check);
        BackchannelPolicy { delivery: self.delivery(check), alg, signed_only: alg.is_some(), fapi: false }
    }

    fn delivery(&self, check: &mut Check<'_>) -> Delivery {
        const ENDPOINT: &str = "backchannel_client_notification_endpoint";
        let mode = self.backchannel_token_delivery_mode.as_deref();
        if mode == Some("push") {
            check.fail(
                "backchannel_token_delivery_mode",
                "`push` is not served: it hands tokens to whoever answers at an address (FAPI-CIBA §5.2.2); use `ping`",
            );
            return Delivery::Poll;
        }
        let mode = check.word("backchannel_token_delivery_mode", mode, Mode::Poll);
        let endpoint = self.backchannel_client_notification_endpoint.as_ref();
        match (mode, endpoint) {
            (Mode::Poll, None) => Delivery::Poll,
            (Mode::Poll, Some(_)) => {
                check.fail(
                    ENDPOINT,
                    "nobody is told there unless `backchannel_token_delivery_mode` is `ping`",
                );
                Delivery::Poll
            }
            (Mode::Ping, None) => {
                check.fail(ENDPOINT, "`ping` needs the address at which the service is told (CIBA Core §4)");
                Delivery::Poll
            }
            (Mode::Ping, Some(_)) => {
                let uri = check.uri(ENDPOINT, endpoint).and_then(|uri| Url::parse(&uri).ok());
                uri.map_or(Delivery::Poll, Delivery::Ping)
            }
        }
    }

    fn alg(&self, check: &mut Check<'_>) -> Option<ForeignAlg> {
        let name = self.backchannel_authentication_request_signing_alg.as_deref()?;
        let alg = REQUEST_ALGS.into_iter().find(|alg| alg.name() == name);
        if alg.is_none() {
            let all = REQUEST_ALGS.map(ForeignAlg::name).join(", ");
            check
                .fail("backchannel_authentication_request_signing_alg", format!("`{name}` is none of {all}"));
        }
        alg
    }

    /// Checks what these members mean together with those of other parts.
    pub(super) fn check_together(&self, client: &Client, check: &mut Check<'_>) {
        let served = client.may(GrantType::Ciba);
        let members = [
            ("backchannel_token_delivery_mode", self.backchannel_token_delivery_mode.is_some()),
            (
                "backchannel_client_notification_endpoint",
                self.backchannel_client_notification_endpoint.is_some(),
            ),
            (
                "backchannel_authentication_request_signing_alg",
                self.backchannel_authentication_request_signing_alg.is_some(),
            ),
        ];
        for (member, _) in members.into_iter().filter(|(_, given)| *given && !served) {
            check.fail(
                member,
                "belongs to the grant `urn:openid:params:grant-type:ciba`, which is not among `grant_types`",
            );
        }
        if !served {
            return;
        }
        let at = example_address(check.rules);
        for language in Language::ALL {
            let tag = language.tag();
            let name = client.identity.sms_name.get(tag);
            if let Err(long) = approval_fits(tag, name, (&check.rules.sms_host, &at)) {
                check.fail("sms_name", format!("in a message that asks for an approval ({tag}): {long}"));
            }
        }
        if client.authentication.method == AuthMethod::None {
            check.fail(
                "grant_types",
                "`urn:openid:params:grant-type:ciba` needs a client that proves itself: anybody could ask people in its name",
            );
        }
        if client.backchannel.signed_only {
            let member = "backchannel_authentication_request_signing_alg";
            match &client.keys {
                KeySource::Nowhere => check.fail(member, "needs the client's keys: `jwks` or `jwks_uri`"),
                KeySource::Registration(keys) if !keys.serve(client.backchannel.algs()) => {
                    let names: Vec<_> = client.backchannel.algs().iter().map(|alg| alg.name()).collect();
                    let names = names.join(", ");
                    check.fail(member, format!("none of the keys in `jwks` can sign a request by {names}"));
                }
                KeySource::Registration(_) | KeySource::Address(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    const CIBA: &str = "grant_types = ['urn:openid:params:grant-type:ciba']\nredirect_uris = []\n";
    const KEYS: &str = "jwks_uri = 'https://portal.uz/jwks'\n";

    #[test]
    fn ciba_4_a_client_polls_or_is_told_where_to_ask() {
        assert_eq!(client(CIBA).backchannel.delivery, Delivery::Poll);
        let ping = "backchannel_token_delivery_mode = 'ping'\n";
        let told = client(&format!(
            "{CIBA}{ping}backchannel_client_notification_endpoint = 'https://portal.uz/told'"
        ));
        assert_eq!(told.backchannel.delivery, Delivery::Ping("https://portal.uz/told".parse().unwrap()));
        for (more, member) in [
            (ping.to_owned(), "backchannel_client_notification_endpoint: `ping` needs"),
            (
                format!("{ping}backchannel_client_notification_endpoint = 'http://portal.uz/told'"),
                "backchannel_client_notification_endpoint: must be an https URL",
            ),
            (
                "backchannel_client_notification_endpoint = 'https://portal.uz/told'".to_owned(),
                "backchannel_client_notification_endpoint: nobody is told there",
            ),
            (
                "backchannel_token_delivery_mode = 'push'".to_owned(),
                "backchannel_token_delivery_mode: `push` is not served",
            ),
            (
                "backchannel_token_delivery_mode = 'pull'".to_owned(),
                "backchannel_token_delivery_mode: unknown variant",
            ),
            (
                "backchannel_user_code_parameter = true".to_owned(),
                "backchannel_user_code_parameter: there are no user codes",
            ),
        ] {
            let errors = wrong(&format!("{CIBA}{more}"));
            assert!(errors.len() == 1 && errors[0].starts_with(member), "{more}: {errors:?}");
        }
    }

    #[test]
    fn ciba_4_requests_are_signed_as_registered() {
        let alg = |name: &str| format!("backchannel_authentication_request_signing_alg = '{name}'\n");
        let signing = client(&format!("{CIBA}{KEYS}{}", alg("PS256"))).backchannel;
        assert!(signing.signed_only && signing.algs() == [ForeignAlg::PS256]);
        assert!(!client(CIBA).backchannel.signed_only && client(CIBA).backchannel.algs() == REQUEST_ALGS);
        let errors = wrong(&format!("{CIBA}{}", alg("ES256")));
        assert_eq!(
            errors,
            ["backchannel_authentication_request_signing_alg: needs the client's keys: `jwks` or `jwks_uri`"]
        );
        for bad in ["RS256", "none", "HS256"] {
            let errors = wrong(&format!("{CIBA}{KEYS}{}", alg(bad)));
            assert!(errors.len() == 1 && errors[0].ends_with("is none of PS256, ES256, EdDSA"), "{errors:?}");
        }
    }

    #[test]
    fn who_may_not_ask_people_registers_nothing_of_it() {
        let errors = wrong("backchannel_token_delivery_mode = 'poll'");
        assert!(
            errors.len() == 1 && errors[0].starts_with("backchannel_token_delivery_mode: belongs to"),
            "{errors:?}"
        );
        let errors = wrong(&format!("{CIBA}token_endpoint_auth_method = 'none'"));
        assert!(errors.len() == 1 && errors[0].starts_with("grant_types: `urn:openid"), "{errors:?}");
        // A refresh token may come of it.
        let both = "grant_types = ['refresh_token', 'urn:openid:params:grant-type:ciba']\nredirect_uris = []";
        assert!(wrong(both).is_empty());
    }
}
