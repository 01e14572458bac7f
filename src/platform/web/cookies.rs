//! Cookies: host-bound, out of reach of scripts, never sent along by other sites' forms.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header::{COOKIE, HeaderValue};

/// The cookies that Yagona sets. Names are without prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// The SSO session.
    Session,
    /// Which browser a sign-in belongs to.
    Browser,
    /// The language that a person chose.
    Language,
}

impl Name {
    const fn base(self) -> &'static str {
        match self {
            Self::Session => "yagona-session",
            Self::Browser => "yagona-browser",
            Self::Language => "yagona-language",
        }
    }

    const fn host_bound(self) -> &'static str {
        match self {
            Self::Session => "__Host-yagona-session",
            Self::Browser => "__Host-yagona-browser",
            Self::Language => "__Host-yagona-language",
        }
    }
}

/// How cookies are set by this provider.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// Whether the issuer is https. Over plain http, which only the sandbox on this machine may use, a copy without
    /// `Secure` is set as well: browsers send `Secure` cookies to localhost, other HTTP clients do not.
    pub https: bool,
}

impl Cookies {
    /// The value of a cookie, if the request has it.
    pub fn read<'r>(&self, request: &'r HttpRequest, name: Name) -> Option<&'r str> {
        let find = |wanted: &str| {
            request.headers().get_all(COOKIE).filter_map(|header| header.to_str().ok()).find_map(|header| {
                header.split(';').find_map(|pair| {
                    let (name, value) = pair.trim_start().split_once('=')?;
                    (name == wanted).then_some(value)
                })
            })
        };
        find(name.host_bound()).or_else(|| if self.https { None } else { find(name.base()) })
    }

    /// The `Set-Cookie` values that set a cookie; without `seconds` it lasts as long as the browser's session.
    pub fn set(&self, name: Name, value: &str, seconds: Option<i64>) -> Vec<HeaderValue> {
        self.headers(name, value, seconds)
    }

    /// The `Set-Cookie` values that remove a cookie.
    pub fn remove(&self, name: Name) -> Vec<HeaderValue> {
        self.headers(name, "", Some(0))
    }

    fn headers(&self, name: Name, value: &str, seconds: Option<i64>) -> Vec<HeaderValue> {
        let build = |full: &'static str, secure: bool| {
            let mut cookie = Cookie::build(full, value.to_owned())
                .path("/")
                .secure(secure)
                .http_only(true)
                .same_site(SameSite::Lax);
            if let Some(seconds) = seconds {
                cookie = cookie.max_age(Duration::seconds(seconds));
            }
            HeaderValue::from_str(&cookie.finish().to_string()).ok()
        };
        let plain = if self.https { None } else { build(name.base(), false) };
        build(name.host_bound(), true).into_iter().chain(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_there_is_one_host_bound_cookie() {
        let headers = Cookies { https: true }.set(Name::Session, "v", None);
        assert_eq!(headers.len(), 1);
        let text = headers[0].to_str().unwrap();
        for part in ["__Host-yagona-session=v", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn the_unprefixed_copy_is_never_read_over_https() {
        let request = actix_web::test::TestRequest::default()
            .insert_header((COOKIE, "yagona-session=planted; other=1"))
            .to_http_request();
        assert_eq!(Cookies { https: true }.read(&request, Name::Session), None);
        assert_eq!(Cookies { https: false }.read(&request, Name::Session), Some("planted"));
    }
}
