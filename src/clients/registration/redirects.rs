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
    /// `web` or `native`; kept, without effect.
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
    /// Where a person may go after signing out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where a sign-in can be started anew (OpenID Connect Core §4).
    pub initiate_login_uri: Option<String>,
}

impl RedirectsDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> Redirects {
        Redirects {
            redirect_uris: check.redirects("redirect_uris", &self.redirect_uris),
            post_logout_redirect_uris: check
                .redirects("post_logout_redirect_uris", &self.post_logout_redirect_uris),
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
    use super::super::tests::{client, wrong};
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
