use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use url::Url;

use crate::platform::config::{Raw, SettingValue, ValueKind, WrongValue, text};
use crate::platform::outbound::is_loopback;

/// The provider's name on the wire: an origin, exactly as it stands in every token and in discovery.
///
/// The text is kept beside the parsed URL because a `Url` would add a slash, and relying parties compare
/// issuers character by character (OpenID Connect Core §3.1.3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// The issuer string, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same as a URL, to join paths to.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host name, which SMS codes are bound to.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }
}

/// Why a text cannot be an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IssuerError {
    /// Not an `http` or `https` URL.
    #[error("is not a URL such as https://id.example.uz")]
    Syntax,
    /// It ends with a slash, which would become part of the name.
    #[error("ends with a slash, which would become part of the issuer's name")]
    TrailingSlash,
    /// It has a path, a query, a fragment or a user name.
    #[error(
        "has more than scheme, host and port; Yagona needs a host of its own, which its cookies and SMS codes are bound to"
    )]
    NotAnOrigin,
    /// It would be spelled differently by a browser (upper-case host, default port).
    #[error(
        "is not in its plain form (lower-case host, no default port), so relying parties could not match it"
    )]
    NotCanonical,
}

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let url = Url::parse(text).map_err(|_| IssuerError::Syntax)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(IssuerError::Syntax);
        }
        let bare = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/";
        if !bare {
            return Err(IssuerError::NotAnOrigin);
        }
        if text.ends_with('/') {
            return Err(IssuerError::TrailingSlash);
        }
        if url.as_str().trim_end_matches('/') != text {
            return Err(IssuerError::NotCanonical);
        }
        Ok(Self { text: text.to_owned(), url })
    }
}

impl SettingValue for Issuer {
    const KIND: ValueKind = ValueKind::Text("an origin such as \"https://id.example.uz\"");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        text(raw)?.parse().map_err(|error: IssuerError| error.to_string().into())
    }

    /// RFC 2606 keeps the name from ever being real.
    fn placeholder() -> Self {
        let text = "https://issuer.invalid";
        text.parse().unwrap_or_else(|error| unreachable!("{text} {error}"))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_character_by_character() {
        let issuer: Issuer = "http://localhost:8080".parse().unwrap();
        assert_eq!(issuer.as_str(), "http://localhost:8080");
        assert_eq!(issuer.host(), "localhost");
        assert!(issuer.is_loopback() && !issuer.is_https());
        assert!(!"https://id.example.uz".parse::<Issuer>().unwrap().is_loopback());
        assert!("https://[::1]:8443".parse::<Issuer>().unwrap().is_loopback());
    }

    #[test]
    fn a_url_that_relying_parties_could_not_match_is_refused() {
        let refused = |text: &str| text.parse::<Issuer>().unwrap_err();
        assert_eq!(refused("https://id.example.uz/"), IssuerError::TrailingSlash);
        assert_eq!(refused("https://id.example.uz/oidc"), IssuerError::NotAnOrigin);
        assert_eq!(refused("https://id.example.uz?a=b"), IssuerError::NotAnOrigin);
        assert_eq!(refused("https://ID.example.uz"), IssuerError::NotCanonical);
        assert_eq!(refused("https://id.example.uz:443"), IssuerError::NotCanonical);
        assert_eq!(refused("ftp://id.example.uz"), IssuerError::Syntax);
        assert_eq!(refused("id.example.uz"), IssuerError::Syntax);
    }
}
