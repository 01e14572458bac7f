//! `GET /oidc/jwks` (RFC 7517 §5): the published keys, rendered when they change and not when they are asked for.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};

use super::Provider;

/// Answers with the key set.
pub(super) async fn get(provider: Data<Provider>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(Bytes::from_owner(provider.keys.current().jwks()))
}
