//! What scripts of other sites may do (Fetch, CORS protocol): call the endpoints that need no cookie, and read their answers.
//!
//! The origin is `*`, so no browser adds cookies, and none of these endpoints reads one: whoever calls them shows what it
//! has, a code with its verifier, a token or a secret. Everything else, above all the pages and the authorization
//! endpoint, stays closed: without these headers no script reads an answer.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderMap, HeaderValue,
};
use actix_web::{HttpRequest, HttpResponse};

/// Marks a resource, as its `app_data`, as open to scripts of every site; with the methods that it serves.
#[derive(Clone, Copy, Debug)]
pub struct OpenToScripts(pub &'static str);

/// What a script may send besides the headers that need no permission; `DPoP` is a proof of possession (RFC 9449).
const HEADERS: &str = "authorization, content-type, dpop";

/// What a script may read besides the headers that need no permission.
const EXPOSED: &str = "www-authenticate, dpop-nonce, x-request-id, retry-after";

/// How long a browser remembers a permission, in seconds: the most that Chromium keeps.
const REMEMBERED: &str = "7200";

impl OpenToScripts {
    /// Adds the headers that let scripts read an answer.
    pub fn open(headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// Answers `OPTIONS`: what may be sent, whoever asks.
pub async fn preflight(request: HttpRequest) -> HttpResponse {
    let methods = request.app_data::<OpenToScripts>().map_or("", |open| open.0);
    HttpResponse::NoContent()
        .insert_header((ALLOW, methods))
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, REMEMBERED))
        .finish()
}
