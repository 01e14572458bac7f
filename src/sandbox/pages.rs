//! Common parts of the sandbox's pages: the front page, files, errors, and protection against cross-site requests.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Error, HttpResponse};
use askama::Template;

use super::Sandbox;

/// The front page and the files.
pub(super) fn routes(config: &mut ServiceConfig) {
    const FILES: [(&str, &str, &str); 3] = [
        ("/static/sandbox.css", "text/css", include_str!("../../static/sandbox/sandbox.css")),
        ("/static/phone.js", "text/javascript", include_str!("../../static/sandbox/phone.js")),
        ("/static/mark.svg", "image/svg+xml", include_str!("../../static/sandbox/mark.svg")),
    ];
    config.service(web::resource("/").route(web::get().to(home)));
    config.service(web::resource("/privacy").route(web::get().to(privacy)));
    for (path, kind, text) in FILES {
        let file = move || async move {
            HttpResponse::Ok().content_type(format!("{kind}; charset=utf-8")).body(text)
        };
        config.service(web::resource(path).route(web::get().to(file)));
    }
}

/// A page, or a rendering error.
pub(super) fn page(status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            tracing::error!(%error, "page not rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Rejects cross-site requests that change state.
/// Tools other than browsers send no `Sec-Fetch-Site` and pass.
pub(super) async fn refuse_other_sites(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let site = request.headers().get("Sec-Fetch-Site").map(header::HeaderValue::as_bytes);
    if !reads && !matches!(site, None | Some(b"same-origin" | b"none")) {
        return Ok(request.into_response(HttpResponse::Forbidden().body("Use the sandbox's own pages.")));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// The 404 page.
pub(super) async fn not_found() -> HttpResponse {
    page(StatusCode::NOT_FOUND, &NotFound)
}

#[derive(Template)]
#[template(path = "sandbox/not_found.html")]
struct NotFound;

#[derive(Template)]
#[template(path = "sandbox/home.html")]
struct Home<'a> {
    eskiz_email: &'a str,
    eskiz_from: &'a str,
    playmobile_login: &'a str,
    playmobile_originator: &'a str,
    people: usize,
}

/// What stands in for the provider's own privacy notice in the demo.
#[derive(Template)]
#[template(path = "sandbox/privacy.html")]
struct Privacy;

async fn privacy() -> HttpResponse {
    page(StatusCode::OK, &Privacy)
}

async fn home(sandbox: Data<Sandbox>) -> HttpResponse {
    let settings = &sandbox.settings;
    let home = Home {
        eskiz_email: &settings.eskiz.email,
        eskiz_from: &settings.eskiz.from,
        playmobile_login: &settings.playmobile.login,
        playmobile_originator: &settings.playmobile.originator,
        people: settings.people.len(),
    };
    page(StatusCode::OK, &home)
}
