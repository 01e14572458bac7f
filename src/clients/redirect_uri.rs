//! Redirect URIs: judged when they are registered, compared as strings ever after (RFC 9700 §4.1.3).

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A redirect URI exactly as registered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

impl RedirectUri {
    pub(super) fn registered(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The URI that a native app gave, if it is this one but for the port, which the system gives the app anew each time
    /// (RFC 8252 §7.3). Everything else is compared character for character.
    pub(super) fn at_another_port(&self, given: &str) -> Option<Self> {
        let same = around_port(&self.0).is_some_and(|parts| around_port(given) == Some(parts));
        (same && given.len() <= self.0.len() + 6 && given.bytes().all(|byte| byte.is_ascii_graphic()))
            .then(|| Self(given.to_owned()))
    }

    /// The URI, character for character.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a Content-Security-Policy must name so that a form's answer may lead there: the origin, or the scheme
    /// of an app's own URI.
    pub fn csp_source(&self) -> String {
        csp_source(&self.0).unwrap_or_default()
    }
}

/// The parts of a loopback address before and after its port (RFC 8252 §7.3): the address as a number, since a name may be
/// resolved elsewhere. `None` for every other URI.
fn around_port(uri: &str) -> Option<(&str, &str)> {
    let host = ["http://127.0.0.1", "http://[::1]"].into_iter().find(|host| uri.starts_with(host))?;
    let rest = &uri[host.len()..];
    let path = match rest.strip_prefix(':') {
        None => rest,
        Some(port) => {
            let end = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
            port[..end].parse::<u16>().ok()?;
            &port[end..]
        }
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some((host, path))
}

/// Whether `text` is a loopback address that names an address, not a name.
pub(super) fn is_loopback_address(text: &str) -> bool {
    around_port(text).is_some()
}

/// The Content-Security-Policy source of `uri`; `None` when it is no URI.
pub fn csp_source(uri: &str) -> Option<String> {
    let parsed = Url::parse(uri).ok()?;
    Some(match parsed.scheme() {
        "http" | "https" => parsed.origin().ascii_serialization(),
        scheme => format!("{scheme}:"),
    })
}

/// Whether `text` may be registered as a redirect or post-logout redirect URI. `loopback_http` allows `http` to
/// this machine, which native apps (RFC 8252 §7.3) and the sandbox need.
///
/// # Errors
/// What is wrong and what to do, in English.
pub fn check_redirect_uri(text: &str, loopback_http: bool) -> Result<(), String> {
    if text.len() > 2000 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it must be at most 2000 visible ASCII characters".to_owned());
    }
    let uri = Url::parse(text).map_err(|error| format!("it is not an absolute URI ({error})"))?;
    if uri.fragment().is_some() || text.contains('#') {
        return Err("it must have no fragment (RFC 6749 §3.1.2)".to_owned());
    }
    if !uri.username().is_empty() || uri.password().is_some() {
        return Err("it must hold no user name or password".to_owned());
    }
    if text.contains('*') || text.contains('\\') {
        return Err(
            "it must hold no wildcard and no backslash: it is compared character for character".to_owned()
        );
    }
    match uri.scheme() {
        "https" if !names_a_host(text, &uri) => {
            Err("it must name a host, such as https://service.example.uz/callback".to_owned())
        }
        "https" => Ok(()),
        "http" if loopback_http && is_loopback(&uri) && names_a_host(text, &uri) => Ok(()),
        "http" => Err("it must use https".to_owned()),
        "javascript" | "data" | "file" | "blob" | "about" | "vbscript" | "view-source" => {
            Err("this scheme runs or shows content instead of leading to the service".to_owned())
        }
        // RFC 8252 §7.1: an app's scheme is a domain name under its control, reversed.
        scheme if scheme.contains('.') => Ok(()),
        _ => {
            Err("it must use https, or an app's own scheme that contains a dot, such as uz.example.app:/back"
                .to_owned())
        }
    }
}

/// Whether a web address names a host: an IP address, or a name of letters, digits, dots and dashes. Parsers of URLs
/// take `;` for a name and skip slashes, and other readers of the same text may not.
pub(super) fn names_a_host(text: &str, uri: &Url) -> bool {
    let after = text.get(uri.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !label.is_empty() && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    after.is_some_and(|rest| !rest.starts_with(['/', '?', ':', '@']))
        && match uri.host() {
            Some(Host::Domain(name)) => name.strip_suffix('.').unwrap_or(name).split('.').all(label),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            None => false,
        }
}

/// Whether the URI's host is this machine.
pub(super) fn is_loopback(uri: &Url) -> bool {
    match uri.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lead_elsewhere_is_not_registered() {
        for bad in [
            "https://portal.uz/cb#x",
            "https://user@portal.uz/cb",
            "https://*.portal.uz/cb",
            "javascript:alert(1)",
            "http://portal.uz/cb",
            "/cb",
            "portal.uz",
            "https://portal.uz\\@evil.uz/",
            "data:text/html,x",
            "app:/cb",
            "https://portal.uz/cb\n",
            "http://127.0.0.1.evil.uz/cb",
            "https://;",
            "https://;/cb",
            "https://,x/cb",
            "https:///portal.uz/cb",
            "https:portal.uz/cb",
            "https://a..uz/cb",
            "https://-/cb",
            "https://",
            "http:///localhost/cb",
            "",
        ] {
            assert!(check_redirect_uri(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn rfc8252_7_3_a_loopback_address_is_the_same_at_every_port_and_nothing_else_is() {
        let registered = RedirectUri::registered("http://127.0.0.1/cb?x=1");
        for given in ["http://127.0.0.1:49152/cb?x=1", "http://127.0.0.1/cb?x=1", "http://127.0.0.1:1/cb?x=1"]
        {
            assert_eq!(registered.at_another_port(given).unwrap().as_str(), given);
        }
        for given in [
            "http://127.0.0.1:49152/cb",
            "http://127.0.0.1:49152/cb?x=1&y=2",
            "http://127.0.0.1:65536/cb?x=1",
            "http://127.0.0.1:/cb?x=1",
            "http://127.0.0.1:80@evil.uz/cb?x=1",
            "http://127.0.0.1.evil.uz/cb?x=1",
            "http://127.0.0.1:1.evil.uz/cb?x=1",
            "http://[::1]:49152/cb?x=1",
            "http://localhost:49152/cb?x=1",
            "https://127.0.0.1:49152/cb?x=1",
            "http://127.0.0.1:49152//cb?x=1",
        ] {
            assert_eq!(registered.at_another_port(given), None, "{given}");
        }
        let site = RedirectUri::registered("https://portal.uz/cb");
        assert_eq!(site.at_another_port("https://portal.uz:8443/cb"), None);
    }

    #[test]
    fn services_apps_and_this_machine_may_be_registered() {
        for good in [
            "https://portal.uz/cb?x=1",
            "uz.example.app:/back",
            "http://localhost:8082/callback",
            "http://[::1]/x",
        ] {
            assert_eq!(check_redirect_uri(good, true), Ok(()), "{good}");
        }
        assert!(check_redirect_uri("http://localhost/cb", false).is_err());
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    /// What redirect URIs are made of, good ones and bad ones.
    const PARTS: &str = "https: http: javascript: uz.example.app: app: // / \\ @ : # ? * % localhost 127.0.0.1 [::1] \
                         portal.uz evil.uz user:pass cb ; , ' \"";

    /// What is nearly a redirect URI.
    fn nearly() -> impl Strategy<Value = String> {
        let parts: Vec<&str> = PARTS.split_whitespace().chain([" "]).collect();
        prop::collection::vec(prop::sample::select(parts), 1..9).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn what_is_registered_leads_where_it_seems_to(text in prop_oneof![nearly(), "\\PC*".boxed()], loopback in any::<bool>()) {
            if check_redirect_uri(&text, loopback).is_ok() {
                let uri = Url::parse(&text).unwrap();
                prop_assert!(uri.fragment().is_none() && uri.username().is_empty() && uri.password().is_none());
                prop_assert!(uri.scheme() != "http" || (loopback && is_loopback(&uri)));
                prop_assert!(!["javascript", "data", "file"].contains(&uri.scheme()));
                if ["http", "https"].contains(&uri.scheme()) {
                    let host = uri.host_str().unwrap_or_default();
                    prop_assert!(!host.is_empty() && !host.contains([';', ',', '\'']), "{}", text);
                }
                // A source of a policy is one word with its scheme, never a keyword. (`;` and `,` end a directive: a page
                // leaves out a source that holds one.)
                let source = RedirectUri::registered(&text).csp_source();
                prop_assert!(source.starts_with(uri.scheme()) && source.contains(':'), "{}", source);
                prop_assert!(!source.contains(char::is_whitespace), "{}", source);
            }
        }
    }
}
