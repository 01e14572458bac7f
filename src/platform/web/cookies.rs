//! Cookies: `__Host-`, `HttpOnly`, `SameSite`.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header::{COOKIE, HeaderValue};

/// The name of a cookie. Each is declared once, by the subject that owns the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieName {
    host_bound: &'static str,
    plain: &'static str,
}

impl CookieName {
    /// A name that begins with `__Host-`, for which browsers ensure that only this host can set the cookie; its copy for
    /// plain http has the name without the prefix.
    ///
    /// # Panics
    /// If it does not begin so; names are constants, so the build fails.
    pub const fn new(host_bound: &'static str) -> Self {
        let (prefix, plain) = host_bound.split_at(HOST_PREFIX_BYTES);
        assert!(matches!(prefix.as_bytes(), b"__Host-") && !plain.is_empty());
        Self { host_bound, plain }
    }
}

const HOST_PREFIX_BYTES: usize = 7;

/// How cookies are set by this provider.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// Whether the issuer is https. Over plain http, which only the sandbox on this machine may use, a copy without
    /// `Secure` is set as well: browsers send `Secure` cookies to localhost, other HTTP clients do not.
    pub https: bool,
}

impl Cookies {
    /// The value of a cookie, if the request has it.
    ///
    /// Names are compared as sent. actix's parser decodes `%5F%5FHost-` and strips Unicode spaces
    /// first, and so would accept as `__Host-` a cookie that a sibling host can set.
    pub fn read<'r>(&self, request: &'r HttpRequest, name: CookieName) -> Option<&'r str> {
        let find = |wanted: &str| {
            request.headers().get_all(COOKIE).filter_map(|header| header.to_str().ok()).find_map(|header| {
                header.split(';').find_map(|pair| {
                    let (name, value) = pair.trim_start_matches(' ').split_once('=')?;
                    (name == wanted).then_some(value)
                })
            })
        };
        find(name.host_bound).or_else(|| if self.https { None } else { find(name.plain) })
    }

    /// The `Set-Cookie` values that set a cookie; without `seconds` it lasts as long as the browser's session.
    pub fn set(&self, name: CookieName, value: &str, seconds: Option<i64>) -> Vec<HeaderValue> {
        self.headers(name, value, seconds)
    }

    /// The `Set-Cookie` values that remove a cookie.
    pub fn remove(&self, name: CookieName) -> Vec<HeaderValue> {
        self.headers(name, "", Some(0))
    }

    fn headers(self, name: CookieName, value: &str, seconds: Option<i64>) -> Vec<HeaderValue> {
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
        let plain = if self.https { None } else { build(name.plain, false) };
        build(name.host_bound, true).into_iter().chain(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const NAME: CookieName = CookieName::new("__Host-yagona-test");

    fn read(https: bool, header: &[u8]) -> Option<String> {
        let header = HeaderValue::from_bytes(header).unwrap();
        let request = TestRequest::default().insert_header((COOKIE, header)).to_http_request();
        Cookies { https }.read(&request, NAME).map(str::to_owned)
    }

    #[test]
    fn over_https_there_is_one_host_bound_cookie() {
        let headers = Cookies { https: true }.set(NAME, "v", None);
        assert_eq!(headers.len(), 1);
        let text = headers[0].to_str().unwrap();
        for part in ["__Host-yagona-test=v", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn over_plain_http_there_is_a_copy_that_is_not_secure() {
        let headers = Cookies { https: false }.remove(NAME);
        let texts: Vec<_> = headers.iter().map(|header| header.to_str().unwrap()).collect();
        assert!(texts[0].starts_with("__Host-yagona-test=;") && texts[0].contains("Secure"), "{texts:?}");
        assert!(texts[1].starts_with("yagona-test=;") && !texts[1].contains("Secure"), "{texts:?}");
        assert!(texts.iter().all(|text| text.contains("Max-Age=0")), "{texts:?}");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let found = read(true, b"a=b; __Host-yagona-test=v=w; c");
        assert_eq!(found.as_deref(), Some("v=w"));
        assert_eq!(read(true, b"__Host-yagona-test2=v; x__Host-yagona-test=v; __host-yagona-test=v"), None);
    }

    #[test]
    fn what_another_host_may_set_is_never_read_over_https() {
        for planted in [
            "yagona-test=planted; other=1",
            "%5F%5FHost-yagona-test=planted",
            "__Host-yagona%2Dtest=planted",
            "\u{2003}__Host-yagona-test=planted",
            "\u{a0}__Host-yagona-test=planted",
            "\t__Host-yagona-test=planted",
        ] {
            assert_eq!(read(true, planted.as_bytes()), None, "{planted:?}");
        }
        assert_eq!(read(false, b"yagona-test=planted").as_deref(), Some("planted"));
    }
}
