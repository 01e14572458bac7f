//! Where a person's browser may be sent on the service's behalf.

use serde::Serialize;

use super::check::Check;
use crate::clients::RedirectUri;

/// Redirect URIs as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RedirectsDocument {
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Where a person may go after signing out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where a sign-in can be started anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// `web`, or `native`: an app on the person's device, which may be answered at any port of that device (RFC 8252 §7.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
}

members!(RedirectsDocument {
    redirect_uris,
    post_logout_redirect_uris,
    initiate_login_uri,
    application_type
});

/// Where a person's browser may be sent.
#[derive(Clone, Debug)]
pub struct Redirects {
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Whether a loopback address among them stands for all its ports.
    pub any_port: bool,
    /// Where a person may go after signing out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where a sign-in can be started anew (OpenID Connect Core §4).
    pub initiate_login_uri: Option<String>,
}

impl Redirects {
    /// The redirect URI that was given, if it is registered: character for character (RFC 9700 §4.1.3), but for the port of an
    /// app's loopback address.
    pub fn find(&self, given: &str) -> Option<RedirectUri> {
        let exactly = self.redirect_uris.iter().find(|registered| registered.as_str() == given).cloned();
        exactly.or_else(|| {
            let mut registered = self.redirect_uris.iter().filter(|_| self.any_port);
            registered.find_map(|registered| registered.at_another_port(given))
        })
    }
}

impl RedirectsDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> Redirects {
        let native = self.application_type.as_deref() == Some("native");
        if !matches!(self.application_type.as_deref(), None | Some("web" | "native")) {
            check.fail("application_type", "must be `web` or `native`");
        }
        let after = "post_logout_redirect_uris";
        Redirects {
            redirect_uris: check.redirects("redirect_uris", &self.redirect_uris, native),
            any_port: native,
            post_logout_redirect_uris: check.redirects(after, &self.post_logout_redirect_uris, native),
            initiate_login_uri: check.uri("initiate_login_uri", self.initiate_login_uri.as_ref()),
        }
    }

    /// Scheme, host and port of the redirect URIs that are web addresses.
    pub(super) fn origins(&self) -> Vec<String> {
        self.redirect_uris.iter().filter_map(|uri| super::sessions::origin(uri)).collect()
    }

    /// The hosts of the redirect URIs, each once; of an app's own URI the scheme.
    pub(super) fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .redirect_uris
            .iter()
            .filter_map(|uri| url::Url::parse(uri).ok())
            .map(|uri| uri.host_str().map_or_else(|| uri.scheme().to_owned(), str::to_owned))
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong, wrong_outside_the_sandbox};
    use super::*;

    #[test]
    fn each_redirect_uri_that_cannot_be_registered_is_named() {
        let errors = wrong(
            "redirect_uris = ['https://portal.uz/cb', 'http://portal.uz/a', 'https://portal.uz/b#x']\n\
             post_logout_redirect_uris = ['/bye']\ninitiate_login_uri = 'begin'",
        );
        let members: Vec<_> =
            errors.iter().filter_map(|error| error.split_once(':')).map(|(m, _)| m).collect();
        assert_eq!(
            members,
            ["redirect_uris", "redirect_uris", "post_logout_redirect_uris", "initiate_login_uri"]
        );
    }

    #[test]
    fn rfc8252_7_3_an_app_may_be_answered_on_its_own_device_by_http() {
        let member = "redirect_uris = ['http://127.0.0.1/cb']";
        let native = format!("application_type = 'native'\ntoken_endpoint_auth_method = 'none'\n{member}");
        assert!(wrong_outside_the_sandbox(&native).is_empty());
        assert_eq!(wrong_outside_the_sandbox(member).len(), 1, "a web service is not on the person's device");
        let named = native.replace("127.0.0.1", "localhost");
        assert_eq!(wrong_outside_the_sandbox(&named).len(), 1, "a name may be resolved elsewhere");
        let redirects = client(&native).redirects;
        let found = |uri: &str| redirects.find(uri).map(|found| found.as_str().to_owned());
        assert_eq!(found("http://127.0.0.1:5000/cb").as_deref(), Some("http://127.0.0.1:5000/cb"));
        assert_eq!(found("http://127.0.0.1:5000/other"), None);
        assert_eq!(client(member).redirects.find("http://127.0.0.1:5000/cb"), None);
        assert_eq!(wrong("application_type = 'desktop'").len(), 1);
    }

    #[test]
    fn redirect_uris_are_kept_character_for_character() {
        let redirects = client("redirect_uris = ['https://PORTAL.uz:443/cb?x=%7E']").redirects;
        assert_eq!(redirects.redirect_uris[0].as_str(), "https://PORTAL.uz:443/cb?x=%7E");
    }

    #[test]
    fn hosts_are_told_once_and_apps_have_a_scheme() {
        let uris = ["https://b.uz/1", "https://b.uz/2", "uz.example.app:/back", "nothing"];
        let document =
            RedirectsDocument { redirect_uris: uris.map(str::to_owned).into(), ..Default::default() };
        assert_eq!(document.hosts(), ["b.uz", "uz.example.app"]);
    }
}
