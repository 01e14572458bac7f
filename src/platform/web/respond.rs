//! Responses with the headers that every page and every protocol message must have.

use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    PRAGMA, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;

use super::params::Params;

/// Content-Security-Policy sources of a page besides this origin, which are for its form, for the frames by which services
/// are signed out of, and for a program on the person's own computer: everything else that it shows comes from here, so that no third party learns that it is shown.
#[derive(Clone, Debug, Default)]
pub struct CspSources {
    /// Content-Security-Policy sources for `form-action`.
    pub forms: Vec<String>,
    /// Content-Security-Policy sources for `frame-src`.
    pub frames: Vec<String>,
    /// Content-Security-Policy sources for `connect-src`: what a script of the page may reach.
    pub connect: Vec<String>,
}

impl CspSources {
    /// Sources of a page whose form may be submitted to `forms`.
    pub fn new(forms: Vec<String>) -> Self {
        Self { forms, ..Self::default() }
    }

    /// The policy: only our own styles, scripts and images, and no framing by others.
    fn policy(&self) -> String {
        // Registered URIs are ASCII without spaces; `;` and `,` would start another directive or policy.
        let safe = |source: &&String| !source.contains([';', ',', ' ']);
        let list = |sources: &[String]| -> String {
            sources.iter().filter(safe).flat_map(|source| [" ", source.as_str()]).collect()
        };
        let (forms, frames) = (list(&self.forms), list(&self.frames));
        let frames = if frames.is_empty() { frames } else { format!("frame-src{frames}; ") };
        let connect = list(&self.connect);
        let connect = if connect.is_empty() { connect } else { format!("connect-src{connect}; ") };
        format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; \
             {frames}{connect}form-action 'self'{forms}; base-uri 'none'; frame-ancestors 'none'"
        )
    }
}

/// An HTML page.
pub fn page(status: StatusCode, template: &impl Template, reach: &CspSources) -> HttpResponse {
    let Ok(html) = template.render() else {
        tracing::error!(event = "page.broken", "a page could not be rendered");
        return secured(HttpResponse::InternalServerError()).finish();
    };
    let mut response = secured(HttpResponse::build(status));
    response.insert_header((CONTENT_SECURITY_POLICY, reach.policy()));
    response.insert_header((CONTENT_TYPE, "text/html; charset=utf-8"));
    response.body(html)
}

/// A redirect that turns a POST into a GET.
pub fn see_other(location: &str) -> HttpResponse {
    let mut response = secured(HttpResponse::SeeOther());
    match HeaderValue::from_str(location) {
        Ok(location) => response.insert_header((LOCATION, location)).finish(),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// A link that repeats a cross-site form post with cookies. `None` if the request is not one, or too
/// long.
pub fn by_link(request: &HttpRequest, path: &str, body: &[u8]) -> Option<HttpResponse> {
    const LONGEST_QUERY: usize = 6 * 1024;
    let cross_site = request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    let fits = body.len() < LONGEST_QUERY && body.iter().all(u8::is_ascii_graphic);
    let form = Params::of_form(request, body).is_ok();
    (cross_site && fits && form).then(|| see_other(&format!("{path}?{}", String::from_utf8_lossy(body))))
}

/// A JSON message that must not be cached (RFC 6749 §5.1).
pub fn json(status: StatusCode, body: &impl serde::Serialize) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    response.insert_header((CACHE_CONTROL, "no-store"));
    response.insert_header((PRAGMA, "no-cache"));
    response.insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    match serde_json::to_vec(body) {
        Ok(body) => response.body(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// A signed or encrypted message of this media type, which must not be cached.
pub fn token(media_type: &'static str, token: String) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, media_type));
    response.insert_header((CACHE_CONTROL, "no-store"));
    response.insert_header((PRAGMA, "no-cache"));
    response.insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response.body(token)
}

/// Adds `Retry-After`.
pub fn retry_after(mut response: HttpResponse, seconds: i64) -> HttpResponse {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// Adds `Set-Cookie` headers.
pub fn with_cookies(mut response: HttpResponse, cookies: Vec<HeaderValue>) -> HttpResponse {
    for cookie in cookies {
        response.headers_mut().append(actix_web::http::header::SET_COOKIE, cookie);
    }
    response
}

/// Whether a form was posted by our own page, by headers that other sites' pages cannot forge. With `Referrer-Policy: no-referrer` the `Origin` of our own pages is `null`.
pub fn is_same_origin(request: &HttpRequest, origin: &str) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let site = header("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let from = header("origin").is_none_or(|from| from == "null" || from == origin);
    site && from
}

/// What an answer has besides its own headers: those of the HTTP framework (404, 405, 408, 413, errors of handlers) and of
/// endpoints that set none.
const DEFAULTS: [(HeaderName, &str); 7] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (STRICT_TRANSPORT_SECURITY, HSTS),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

const HSTS: &str = "max-age=31536000; includeSubDomains; preload";

/// Adds the security headers that an answer does not have, whoever made it.
pub fn complete(headers: &mut HeaderMap) {
    for (name, value) in DEFAULTS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// An error of the framework, whose answer has the security headers.
pub fn completed(error: Error) -> Error {
    let mut response = error.error_response();
    complete(response.headers_mut());
    InternalError::from_response(error, response).into()
}

fn secured(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        // Browsers ignore it over plain http (RFC 6797 §8.1).
        (STRICT_TRANSPORT_SECURITY, HSTS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin-allow-popups"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "otp-credentials=(self), camera=(), microphone=(), geolocation=()",
        ),
    ] {
        response.insert_header((name, value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_address_cannot_add_a_directive() {
        let reach = CspSources::new(vec!["https://a.uz".to_owned(), "x:; script-src *".to_owned()]);
        let policy = reach.policy();
        assert!(policy.contains("form-action 'self' https://a.uz;"), "{policy}");
        assert!(!policy.contains("script-src *"), "{policy}");
    }
}
