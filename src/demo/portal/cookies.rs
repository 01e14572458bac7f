//! Cookies, read and written by hand: `HttpOnly`, `SameSite=Lax`, `Secure` when the portal is served over TLS.
//! Their names carry a prefix of the portal's own, since browsers share cookies between ports of one host.

use actix_web::HttpRequest;
use actix_web::http::header;

/// Binds a sign-in in progress to its browser.
pub(super) const BROWSER: &str = "portal_browser";

/// The name of the session cookie of one service.
pub(super) fn session_name(index: usize) -> String {
    format!("portal_session_{index}")
}

/// The value of the first cookie called `name`.
pub(super) fn read<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
}

/// A `Set-Cookie` value of a session cookie.
pub(super) fn set(name: &str, value: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

/// A `Set-Cookie` value that deletes `name`.
pub(super) fn forget(name: &str, secure: bool) -> String {
    format!("{}; Max-Age=0", set(name, "", secure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn finds_its_cookie_among_others_and_ignores_an_empty_one() {
        let request =
            TestRequest::default().insert_header(("Cookie", "a=1; portal_browser=xyz; b=")).to_http_request();
        assert_eq!(read(&request, BROWSER), Some("xyz"));
        assert_eq!(read(&request, "b"), None);
        assert_eq!(read(&request, "portal"), None);
    }

    #[test]
    fn is_out_of_reach_of_scripts_and_foreign_posts() {
        assert_eq!(set("n", "v", true), "n=v; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert!(!set("n", "v", false).contains("Secure"));
    }
}
