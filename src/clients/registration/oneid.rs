//! OneID's own protocol, beside OpenID Connect: whether the service may speak it, and how its client must be answered.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::check::Check;
use super::{AuthMethod, AuthenticationPolicy, CodeBinding};
use crate::platform::config::Cidr;

/// Requests of a service in a minute, as the guide of OneID's operator has it.
const REQUESTS_PER_MINUTE: u64 = 300;

/// OneID's protocol as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OneIdDocument {
    /// Whether the service may use OneID's own protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oneid: Option<bool>,
    /// `full` when absent, or `minimal`: which members the answer with a person's data has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oneid_profile: Option<String>,
    /// `YYYY-MM-DD` when absent, or `YYYY-DD-MM`: the dates of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oneid_document_dates: Option<String>,
    /// Whether a request for a token may leave out `redirect_uri`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oneid_redirect_uri_optional: Option<bool>,
    /// Whether a redirect URI of an app's own scheme may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oneid_app_redirect_uris: Option<bool>,
    /// CIDR blocks that the service's servers call from; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oneid_addresses: Option<Vec<String>>,
    /// Requests in a minute; 300 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oneid_requests_per_minute: Option<i64>,
}

members!(OneIdDocument {
    oneid,
    oneid_profile,
    oneid_document_dates,
    oneid_redirect_uri_optional,
    oneid_app_redirect_uris,
    oneid_addresses,
    oneid_requests_per_minute
});

/// Which members the answer with a person's data has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OneIdProfile {
    /// Those of the operator's guide, and further ones that were seen.
    Full,
    /// Those that every published client understands: some fail at any other.
    Minimal,
}

/// How the dates of a document are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OneIdDates {
    /// ISO 8601.
    #[serde(rename = "YYYY-MM-DD")]
    Iso,
    /// Day before month, as some recorded answers of OneID have it.
    #[serde(rename = "YYYY-DD-MM")]
    DayFirst,
}

/// How a service uses OneID's own protocol.
#[derive(Clone, Debug)]
pub struct OneIdPolicy {
    /// Which members the answer with a person's data has.
    pub profile: OneIdProfile,
    /// The dates of the document.
    pub document_dates: OneIdDates,
    /// Whether a request for a token may leave out `redirect_uri`.
    pub redirect_uri_optional: bool,
    /// Whether a redirect URI of an app's own scheme may be used.
    pub app_redirect_uris: bool,
    /// Where the service's servers call from; anywhere when empty.
    pub addresses: Vec<Cidr>,
    /// Requests in a minute.
    pub requests_per_minute: u64,
}

impl OneIdPolicy {
    /// Whether the service's servers may call from `address`.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|block| block.contains(address))
    }
}

impl OneIdDocument {
    /// The policy; `None` unless the service may use the protocol.
    pub(super) fn check(
        &self,
        authentication: &AuthenticationPolicy,
        check: &mut Check<'_>,
    ) -> Option<OneIdPolicy> {
        let policy = OneIdPolicy {
            profile: check.word("oneid_profile", self.oneid_profile.as_deref(), OneIdProfile::Full),
            document_dates: check.word(
                "oneid_document_dates",
                self.oneid_document_dates.as_deref(),
                OneIdDates::Iso,
            ),
            redirect_uri_optional: self.oneid_redirect_uri_optional.unwrap_or(false),
            app_redirect_uris: self.oneid_app_redirect_uris.unwrap_or(false),
            addresses: self.addresses(check),
            requests_per_minute: check
                .positive("oneid_requests_per_minute", self.oneid_requests_per_minute)
                .and_then(|most| u64::try_from(most).ok())
                .unwrap_or(REQUESTS_PER_MINUTE),
        };
        if self.oneid != Some(true) {
            for member in self.given() {
                check.fail(member, "has no effect without `oneid = true`");
            }
            return None;
        }
        if !matches!(authentication.method, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost) {
            check.fail(
                "oneid",
                "OneID's protocol knows secrets only: `token_endpoint_auth_method` must be `client_secret_basic` or `client_secret_post`",
            );
        } else if authentication.code_binding == CodeBinding::Pkce {
            check.fail("oneid", "OneID's protocol has no PKCE: `require_pkce = true` excludes it");
        }
        Some(policy)
    }

    /// The members that say how the protocol is used.
    fn given(&self) -> Vec<&'static str> {
        [
            ("oneid_profile", self.oneid_profile.is_some()),
            ("oneid_document_dates", self.oneid_document_dates.is_some()),
            ("oneid_redirect_uri_optional", self.oneid_redirect_uri_optional.is_some()),
            ("oneid_app_redirect_uris", self.oneid_app_redirect_uris.is_some()),
            ("oneid_addresses", self.oneid_addresses.is_some()),
            ("oneid_requests_per_minute", self.oneid_requests_per_minute.is_some()),
        ]
        .into_iter()
        .filter_map(|(member, given)| given.then_some(member))
        .collect()
    }

    fn addresses(&self, check: &mut Check<'_>) -> Vec<Cidr> {
        if self.oneid_addresses.as_ref().is_some_and(Vec::is_empty) {
            check.fail("oneid_addresses", "an empty list admits nobody: leave it out to admit every address");
        }
        let blocks = self.oneid_addresses.iter().flatten();
        blocks
            .filter_map(|text| match text.parse::<Cidr>() {
                Ok(block) => Some(block),
                Err(error) => {
                    check.fail("oneid_addresses", format!("`{text}` {error}"));
                    None
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    #[test]
    fn oneids_protocol_is_off_until_the_registration_says_otherwise() {
        assert!(client("").oneid.is_none() && client("oneid = false").oneid.is_none());
        let policy = client("oneid = true").oneid.unwrap();
        assert_eq!((policy.profile, policy.document_dates), (OneIdProfile::Full, OneIdDates::Iso));
        assert!(!policy.redirect_uri_optional && !policy.app_redirect_uris);
        assert_eq!(policy.requests_per_minute, 300);
        assert!(policy.admits("203.0.113.9".parse().unwrap()));
    }

    #[test]
    fn each_member_says_how_one_client_is_answered() {
        let policy = client(
            "oneid = true\noneid_profile = 'minimal'\noneid_document_dates = 'YYYY-DD-MM'\n\
             oneid_redirect_uri_optional = true\noneid_app_redirect_uris = true\n\
             oneid_addresses = ['203.0.113.0/24', '2001:db8::/32']\noneid_requests_per_minute = 5",
        )
        .oneid
        .unwrap();
        assert_eq!((policy.profile, policy.document_dates), (OneIdProfile::Minimal, OneIdDates::DayFirst));
        assert!(policy.redirect_uri_optional && policy.app_redirect_uris);
        assert_eq!(policy.requests_per_minute, 5);
        let admitted = |text: &str| policy.admits(text.parse().unwrap());
        assert!(admitted("203.0.113.9") && admitted("2001:db8::1") && !admitted("203.0.114.9"));
    }

    #[test]
    fn what_contradicts_the_protocol_is_refused() {
        for (members, wrong_with) in [
            ("oneid_profile = 'minimal'", "oneid_profile: has no effect"),
            ("oneid = false\noneid_addresses = ['10.0.0.0/8']", "oneid_addresses: has no effect"),
            ("oneid = true\ntoken_endpoint_auth_method = 'none'", "oneid: OneID's protocol knows secrets"),
            ("oneid = true\nrequire_pkce = true", "oneid: OneID's protocol has no PKCE"),
            ("oneid = true\noneid_profile = 'tiny'", "oneid_profile: unknown variant"),
            ("oneid = true\noneid_document_dates = 'DD.MM.YYYY'", "oneid_document_dates: unknown variant"),
            ("oneid = true\noneid_addresses = []", "oneid_addresses: an empty list"),
            ("oneid = true\noneid_addresses = ['10.0.0.1/8']", "oneid_addresses: `10.0.0.1/8` has host bits"),
            ("oneid = true\noneid_requests_per_minute = 0", "oneid_requests_per_minute: must be a positive"),
            (
                "oneid = true\nrequire_pushed_authorization_requests = true",
                "oneid: a request of OneID's protocol stands in the browser's address",
            ),
            (
                "oneid = true\ndpop_bound_access_tokens = true",
                "oneid: tokens of OneID's protocol are bound to no key",
            ),
            (
                "oneid = true\nrequire_signed_request_object = true",
                "oneid: a request of OneID's protocol has no signature",
            ),
            (
                "oneid = true\ntls_client_certificate_bound_access_tokens = true",
                "oneid: tokens of OneID's protocol are bound to no certificate",
            ),
            ("oneid = true\nprofile = 'fapi2'", "oneid: a request of OneID's protocol stands"),
            ("oneid = true\ngrant_types = ['client_credentials']", "oneid: needs the grant"),
        ] {
            let errors = wrong(members);
            assert!(errors.iter().any(|error| error.starts_with(wrong_with)), "{members}: {errors:?}");
        }
    }
}
