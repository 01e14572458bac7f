//! `/oidc/logout` and the form that confirms it: signing out of Yagona.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::view::{SignOutPage, SignedOutPage};
use crate::clients::{ClientId, csp_source};
use crate::oidc::{self, LogoutDecision, PostLogout};
use crate::platform::bytes;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{Session, SessionId};

/// The request in the query (RP-Initiated Logout 1.0 §2).
pub async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    run(&pages, &request, request.query_string().as_bytes()).await
}

/// The request in a form. A form of another site brings no cookies, so a browser is asked to come again by a link, which
/// does.
pub async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if let Some(by_link) = respond::by_link(&request, oidc::paths::END_SESSION, &body) {
        return by_link;
    }
    run(&pages, &request, &body).await
}

/// `POST /sign-out`: the person confirmed, or signs out from the front page.
pub async fn confirmed(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let params = Params::parse_body(&body).unwrap_or_default();
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let context = PageContext::new(&request, pages.oidc.cookies, query.get("lang"));
    let answered = async {
        let session = session(&pages, &context).await?;
        let client =
            query.get("service").and_then(ClientId::parse).and_then(|id| pages.oidc.clients.find(&id));
        let farewell = PostLogout { client, ..PostLogout::default() };
        if params.get("logout") == Some("no") {
            return Ok(respond::see_other("/"));
        }
        let Some((id, _)) = session else { return Ok(signed_out(&pages, &context, &farewell, false)) };
        let wanted = oidc::confirm_token(&pages.sign_out, &id.digest());
        let shown =
            query.get("confirm").is_some_and(|given| bytes::same(given.as_bytes(), wanted.as_bytes()));
        if !shown || !respond::is_same_origin(&request, &pages.origin) {
            return Ok(ask(&pages, &context, &id, &farewell));
        }
        oidc::end(&pages.oidc, id.digest()).await?;
        Ok(signed_out(&pages, &context, &farewell, true))
    };
    answered.await.unwrap_or_else(|fault: ServiceError| context.failure(&fault))
}

async fn run(pages: &Pages, request: &HttpRequest, text: &[u8]) -> HttpResponse {
    let params = Params::parse_body(text).unwrap_or_default();
    let locales = params.get("ui_locales").or_else(|| params.get("lang"));
    let context = PageContext::new(request, pages.oidc.cookies, locales);
    match leave(pages, &context, &params).await {
        Ok(response) => response,
        Err(fault) => context.failure(&fault),
    }
}

async fn leave(
    pages: &Pages,
    context: &PageContext<'_>,
    params: &Params,
) -> Result<HttpResponse, ServiceError> {
    let session = session(pages, context).await?;
    match oidc::leave(&pages.oidc, params, session.as_ref().map(|(_, session)| session)) {
        LogoutDecision::Wrong(technical) => {
            let problem = Problem { technical: Some(&technical), ..Problem::default() };
            Ok(context.problem(ProblemKind::BadRequest, &problem))
        }
        LogoutDecision::AtOnce(farewell) => {
            let ended = session.is_some();
            if let Some((id, _)) = session {
                oidc::end(&pages.oidc, id.digest()).await?;
            }
            Ok(signed_out(pages, context, &farewell, ended))
        }
        LogoutDecision::Ask(farewell) => Ok(match session {
            Some((id, _)) => ask(pages, context, &id, &farewell),
            None => signed_out(pages, context, &farewell, false),
        }),
    }
}

async fn session(
    pages: &Pages,
    context: &PageContext<'_>,
) -> Result<Option<(SessionId, Session)>, ServiceError> {
    let cookie = pages.oidc.cookies.read(context.request, SessionId::COOKIE).and_then(SessionId::parse);
    let Some(id) = cookie else { return Ok(None) };
    Ok(pages.oidc.sessions.find(id.digest()).await?.map(|session| (id, session)))
}

fn ask(pages: &Pages, context: &PageContext<'_>, id: &SessionId, farewell: &PostLogout) -> HttpResponse {
    let token = oidc::confirm_token(&pages.sign_out, &id.digest());
    let service = farewell.client.as_ref().map_or("", |client| client.id.as_str());
    let action = format!("/sign-out?confirm={token}&service={service}&lang={}", context.language.tag());
    let client = farewell.client.as_deref().map(|client| oidc::service(client, context.language));
    let page = SignOutPage {
        frame: Frame { text: context.text(), service: client, languages: Vec::new(), form_action: &action },
    };
    respond::page(StatusCode::OK, &page, &CspSources::new(Vec::new(), client.as_ref()))
}

/// The session is over: back to the service if it registered where to, otherwise a page that says so.
/// Only a request that `ended` a session takes the cookie away: any site can send a browser here.
pub(super) fn signed_out(
    pages: &Pages,
    context: &PageContext<'_>,
    farewell: &PostLogout,
    ended: bool,
) -> HttpResponse {
    let response = match farewell.location() {
        Some(location) => respond::see_other(&location),
        None => {
            let client = farewell.client.as_deref();
            let service = client.map(|client| oidc::service(client, context.language));
            let back = client
                .and_then(|client| Some((client.start_page()?, client.name.get(context.language.tag()))));
            let forms = back.and_then(|(href, _)| csp_source(href)).into_iter().collect();
            let frame = Frame { text: context.text(), service, languages: Vec::new(), form_action: "" };
            respond::page(
                StatusCode::OK,
                &SignedOutPage { frame, back },
                &CspSources::new(forms, service.as_ref()),
            )
        }
    };
    if !ended {
        return response;
    }
    let mut response = respond::with_cookies(response, pages.oidc.cookies.remove(SessionId::COOKIE));
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response
}
