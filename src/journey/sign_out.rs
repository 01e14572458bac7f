//! `/oidc/logout` and the form that confirms it: signing out of Yagona.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Journey;
use super::view::{SignOutPage, SignedOutPage};
use crate::clients::{ClientId, csp_source};
use crate::oidc::{self, Farewell, Leaving};
use crate::platform::bytes;
use crate::platform::fault::Fault;
use crate::platform::web::cookies::Name;
use crate::platform::web::frame::Frame;
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, Reach};
use crate::platform::web::visit::{Problem, Visit};
use crate::sign_in::{Session, SessionId};

/// The request in the query (RP-Initiated Logout 1.0 §2).
pub async fn get(journey: Data<Journey>, request: HttpRequest) -> HttpResponse {
    run(&journey, &request, request.query_string().as_bytes()).await
}

/// The request in a form. A form of another site brings no cookies, so a browser is asked to come again by a link, which
/// does.
pub async fn post(journey: Data<Journey>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if let Some(by_link) = respond::by_link(&request, oidc::paths::END_SESSION, &body) {
        return by_link;
    }
    run(&journey, &request, &body).await
}

/// `POST /sign-out`: the person confirmed, or signs out from the front page.
pub async fn confirmed(journey: Data<Journey>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let params = Params::parse_body(&body).unwrap_or_default();
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let visit = Visit::new(&request, journey.oidc.cookies, query.get("lang"));
    let answered = async {
        let session = session(&journey, &visit).await?;
        let client =
            query.get("service").and_then(ClientId::parse).and_then(|id| journey.oidc.clients.find(&id));
        let farewell = Farewell { client, ..Farewell::default() };
        if params.get("logout") == Some("no") {
            return Ok(respond::see_other("/"));
        }
        let Some((id, _)) = session else { return Ok(signed_out(&journey, &visit, &farewell, false)) };
        let wanted = oidc::confirm_token(&journey.sign_out, &id.digest());
        let shown =
            query.get("confirm").is_some_and(|given| bytes::same(given.as_bytes(), wanted.as_bytes()));
        if !shown || !respond::is_same_origin(&request, &journey.origin) {
            return Ok(ask(&journey, &visit, &id, &farewell));
        }
        oidc::end(&journey.oidc, id.digest()).await?;
        Ok(signed_out(&journey, &visit, &farewell, true))
    };
    answered.await.unwrap_or_else(|fault: Fault| visit.fault(&fault))
}

async fn run(journey: &Journey, request: &HttpRequest, text: &[u8]) -> HttpResponse {
    let params = Params::parse_body(text).unwrap_or_default();
    let locales = params.get("ui_locales").or_else(|| params.get("lang"));
    let visit = Visit::new(request, journey.oidc.cookies, locales);
    match leave(journey, &visit, &params).await {
        Ok(response) => response,
        Err(fault) => visit.fault(&fault),
    }
}

async fn leave(journey: &Journey, visit: &Visit<'_>, params: &Params) -> Result<HttpResponse, Fault> {
    let session = session(journey, visit).await?;
    match oidc::leave(&journey.oidc, params, session.as_ref().map(|(_, session)| session)) {
        Leaving::Wrong(technical) => {
            let problem = Problem { technical: Some(&technical), ..Problem::default() };
            Ok(visit.problem(ProblemKind::BadRequest, &problem))
        }
        Leaving::AtOnce(farewell) => {
            let ended = session.is_some();
            if let Some((id, _)) = session {
                oidc::end(&journey.oidc, id.digest()).await?;
            }
            Ok(signed_out(journey, visit, &farewell, ended))
        }
        Leaving::Ask(farewell) => Ok(match session {
            Some((id, _)) => ask(journey, visit, &id, &farewell),
            None => signed_out(journey, visit, &farewell, false),
        }),
    }
}

async fn session(journey: &Journey, visit: &Visit<'_>) -> Result<Option<(SessionId, Session)>, Fault> {
    let cookie = journey.oidc.cookies.read(visit.request, Name::Session).and_then(SessionId::parse);
    let Some(id) = cookie else { return Ok(None) };
    Ok(journey.oidc.sessions.find(id.digest()).await?.map(|session| (id, session)))
}

fn ask(journey: &Journey, visit: &Visit<'_>, id: &SessionId, farewell: &Farewell) -> HttpResponse {
    let token = oidc::confirm_token(&journey.sign_out, &id.digest());
    let service = farewell.client.as_ref().map_or("", |client| client.id.as_str());
    let action = format!("/sign-out?confirm={token}&service={service}&lang={}", visit.language.tag());
    let client = farewell.client.as_deref().map(|client| oidc::service(client, visit.language));
    let page = SignOutPage {
        frame: Frame { text: visit.text(), service: client, languages: Vec::new(), form_action: &action },
    };
    respond::page(StatusCode::OK, &page, &Reach::new(Vec::new(), client.as_ref()))
}

/// The session is over: back to the service if it registered where to, otherwise a page that says so.
/// Only a request that `ended` a session takes the cookie away: any site can send a browser here.
pub(super) fn signed_out(
    journey: &Journey,
    visit: &Visit<'_>,
    farewell: &Farewell,
    ended: bool,
) -> HttpResponse {
    let response = match farewell.location() {
        Some(location) => respond::see_other(&location),
        None => {
            let client = farewell.client.as_deref();
            let service = client.map(|client| oidc::service(client, visit.language));
            let back =
                client.and_then(|client| Some((client.start_page()?, client.name.get(visit.language.tag()))));
            let forms = back.and_then(|(href, _)| csp_source(href)).into_iter().collect();
            let frame = Frame { text: visit.text(), service, languages: Vec::new(), form_action: "" };
            respond::page(
                StatusCode::OK,
                &SignedOutPage { frame, back },
                &Reach::new(forms, service.as_ref()),
            )
        }
    };
    if !ended {
        return response;
    }
    let mut response = respond::with_cookies(response, journey.oidc.cookies.remove(Name::Session));
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response
}
