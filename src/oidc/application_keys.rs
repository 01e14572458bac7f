//! `GET /receipts/jwks` (RFC 7517 §5): the keys that signed receipts of applications. None ever leaves the set.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};

use super::Tokens;

/// Answers with the key set.
pub(super) async fn get(tokens: Data<Tokens>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(Bytes::from_owner(tokens.receipts.keys().jwks()))
}
