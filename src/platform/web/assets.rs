//! Static files of the pages, embedded in the binary and served under names that change with their content,
//! so that browsers may cache them indefinitely.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use aws_lc_rs::digest;

struct Asset {
    /// The name in the source tree, which templates use.
    name: &'static str,
    /// Its path on this origin, with a part of its digest.
    url: String,
    content_type: &'static str,
    body: &'static [u8],
}

/// The stylesheet is written in parts and sent as one file.
const STYLES: &str = concat!(
    include_str!("../../../static/app/base.css"),
    include_str!("../../../static/app/frame.css"),
    include_str!("../../../static/app/controls.css"),
    include_str!("../../../static/app/content.css"),
    include_str!("../../../static/app/cabinet.css"),
    include_str!("../../../static/app/desk.css"),
);

static ASSETS: LazyLock<[Asset; 13]> = LazyLock::new(|| {
    const CSS: &str = "text/css; charset=utf-8";
    const PNG: &str = "image/png";
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    [
        embed("again.js", SCRIPT, include_bytes!("../../../static/again.js")),
        embed("app.css", CSS, STYLES.as_bytes()),
        embed("code.js", SCRIPT, include_bytes!("../../../static/code.js")),
        embed("desk.js", SCRIPT, include_bytes!("../../../static/desk.js")),
        embed("eri.js", SCRIPT, include_bytes!("../../../static/eri.js")),
        embed("form_post.js", SCRIPT, include_bytes!("../../../static/form_post.js")),
        embed("leave.js", SCRIPT, include_bytes!("../../../static/leave.js")),
        embed("toll.js", SCRIPT, include_bytes!("../../../static/toll.js")),
        embed("passkey.js", SCRIPT, include_bytes!("../../../static/passkey.js")),
        embed("password.js", SCRIPT, include_bytes!("../../../static/password.js")),
        embed("mark.svg", "image/svg+xml", include_bytes!("../../../static/mark.svg")),
        embed("icon-192.png", PNG, include_bytes!("../../../static/icon-192.png")),
        embed("apple-touch-icon.png", PNG, include_bytes!("../../../static/apple-touch-icon.png")),
    ]
});

/// The path of a static file, such as `/static/app.0f3a91c2d4e5b677.css`. A name that is not embedded gives a
/// path that is not found; a test prevents that.
pub fn asset(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name).map_or("/static/missing", |asset| &asset.url)
}

/// `GET /static/{file}`.
pub async fn get(file: web::Path<String>) -> HttpResponse {
    let known = |asset: &&Asset| asset.url.strip_prefix("/static/") == Some(file.as_str());
    match ASSETS.iter().find(known) {
        Some(asset) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, asset.content_type))
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(asset.body),
        None => HttpResponse::NotFound().insert_header((CACHE_CONTROL, "no-store")).finish(),
    }
}

/// A static file under a name that does not change: browsers ask again after a day.
pub fn of(name: &'static str) -> HttpResponse {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, asset.content_type))
            .insert_header((CACHE_CONTROL, "public, max-age=86400"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(asset.body),
        None => HttpResponse::NotFound().finish(),
    }
}

fn embed(name: &'static str, content_type: &'static str, body: &'static [u8]) -> Asset {
    let digest = digest::digest(&digest::SHA256, body);
    let hash: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    Asset { name, url: format!("/static/{stem}.{hash}.{extension}"), content_type, body }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, dev::ServiceResponse};

    use super::*;

    async fn fetch(path: &str) -> ServiceResponse {
        let app = init_service(App::new().route("/static/{file}", web::get().to(get))).await;
        call_service(&app, TestRequest::get().uri(path).to_request()).await
    }

    #[actix_web::test]
    async fn a_file_is_served_for_ever_under_the_name_that_templates_use() {
        let response = fetch(asset("app.css")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let header =
            |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
        assert_eq!(header("content-type"), "text/css; charset=utf-8");
        assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(read_body(response).await, STYLES);
    }

    #[actix_web::test]
    async fn another_name_or_an_older_digest_is_not_found() {
        for path in ["/static/app.css", "/static/app.0000000000000000.css", "/static/..%2fCargo.toml"] {
            assert_eq!(fetch(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/static");
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let name = entry.file_name().into_string().unwrap();
                assert!(ASSETS.iter().any(|asset| asset.name == name), "{name} is not embedded");
            }
        }
    }
}
