//! `/icons/{digest}`: the icons of services, served from here so that no third party learns who is signing in where.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path};

use super::Pages;

/// The icon of that digest: it never changes, so it is kept for ever. Unknown digests cost no look-up.
pub(super) async fn get(pages: Data<Pages>, digest: Path<String>) -> HttpResponse {
    match pages.clients.icon(&digest).await {
        Ok(Some(icon)) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, icon.media_type()))
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
            .body(icon.body().clone()),
        Ok(None) => HttpResponse::NotFound().finish(),
        Err(error) => {
            tracing::warn!(event = "icon.unavailable", %error, "an icon could not be read");
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}
