//! `response_type=one_code`: a browser asks for a code. It passes known client, registered redirect URI and the rest, and
//! then the same sign-in as by every protocol.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::value::to_raw_value;
use url::{Url, form_urlencoded};

use super::answer::{ReplyState, Target};
use super::fields::{FOR_ORGANISATION, auth_method};
use super::params::Params;
use super::{OneId, PATH};
use crate::audit::{Event, Kind};
use crate::clients::{Client, ClientId, DataRequest, OneIdPolicy};
use crate::people::DataSet;
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::query_without;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::sign_in::{Acr, AskAgain, Beginning, OpenSession, Protocol, Reply, SignInRequest, reachable};

/// The longest scope that is told again.
const LONGEST_SCOPE: usize = 256;

/// The longest link, in bytes, that a browser is sent to instead.
const LONGEST_LINK: usize = 6 * 1024;

/// Why a request is refused.
enum Rejection {
    /// A page for the person, with words for the service's developers: nothing proves where an answer may go.
    Page(ProblemKind, &'static str),
    /// The page of a client whose contract is not in force.
    Suspension(Arc<Client>, &'static str),
    /// The service gets an error.
    Service(Target, (&'static str, &'static str)),
}

/// A request that passed.
struct Asked {
    client: Arc<Client>,
    target: Target,
    scope: String,
    acr: Vec<Acr>,
    /// Whether the person must act for an organisation.
    represents: bool,
}

/// Leads a browser's request that holds a secret to the same without it, before anything else is looked at: no page is shown at
/// an address with a secret, whatever is wrong with the rest. `None` if it holds none, or is one of a service's server.
pub(super) fn without_secret(query: &str) -> Option<HttpResponse> {
    let kept = query_without(query, "client_secret")?;
    let of_server = form_urlencoded::parse(kept.as_bytes())
        .any(|(name, value)| name == "grant_type" && !value.is_empty());
    (!of_server).then(|| respond::see_other(&format!("{PATH}?{kept}")))
}

/// The page for a request that cannot be read.
pub(super) fn malformed(oneid: &OneId, http: &HttpRequest, why: &str) -> HttpResponse {
    oneid.audit.record(Event::new(Kind::AuthorizationRefused).reason(why));
    let problem = Problem { technical: Some(why), ..Problem::default() };
    PageContext::new(http, oneid.cookies, None).problem(ProblemKind::BadRequest, &problem)
}

/// Begins a sign-in, or says why not.
pub(super) async fn serve(oneid: &OneId, http: &HttpRequest, params: &Params) -> HttpResponse {
    // Some clients leak their secret into this address. A form is answered at an address without it as well. A form of
    // another site brings no cookies, and a link does.
    let leaks = params.get("client_secret").is_some();
    let cross_site = http.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if leaks || (cross_site && http.method() == Method::POST) {
        let link = params.link();
        if link.len() < LONGEST_LINK {
            return respond::see_other(&format!("{PATH}?{link}"));
        }
        return malformed(oneid, http, "the request is too long");
    }
    let context = PageContext::new(http, oneid.cookies, None);
    context.or_failure(respond_to(oneid, &context, params).await)
}

async fn respond_to(
    oneid: &OneId,
    context: &PageContext<'_>,
    params: &Params,
) -> Result<HttpResponse, ServiceError> {
    let asked = match check(oneid, params) {
        Ok(asked) => asked,
        Err(rejection) => return Ok(reject(oneid, context, params, rejection)),
    };
    let session = oneid.sign_in.sessions.of_browser(context.request, oneid.cookies).await?;
    begin(oneid, context, &asked, session)
}

fn reject(oneid: &OneId, context: &PageContext<'_>, params: &Params, rejection: Rejection) -> HttpResponse {
    let client: String =
        params.get("client_id").unwrap_or_default().chars().filter(char::is_ascii_graphic).take(64).collect();
    let event = Event::new(Kind::AuthorizationRefused).client(client.as_str());
    match rejection {
        Rejection::Page(kind, technical) => {
            oneid.audit.record(event.reason(technical));
            context.problem(kind, &Problem { technical: Some(technical), ..Problem::default() })
        }
        Rejection::Suspension(client, technical) => {
            oneid.audit.record(event.reason(technical));
            context.problem(ProblemKind::ServiceSuspended, &client.shut_page(context.text(), technical))
        }
        Rejection::Service(target, (error, description)) => {
            oneid.audit.record(event.error(error).reason(description));
            oneid.metrics.sign_ins("answer", error).inc();
            target.error(error, description)
        }
    }
}

/// Runs all checks.
fn check(oneid: &OneId, params: &Params) -> Result<Asked, Rejection> {
    let page = |kind, technical| Err(Rejection::Page(kind, technical));
    let Some(id) = params.get("client_id") else {
        return page(ProblemKind::BadRequest, "client_id is missing");
    };
    let Some(client) = ClientId::parse(id).and_then(|id| oneid.clients.find(&id)) else {
        return page(ProblemKind::UnknownService, "client_id is not registered");
    };
    if client.pending {
        return page(ProblemKind::ServicePending, "the client waits for approval");
    }
    if let Some(suspension) = client.suspension {
        return Err(Rejection::Suspension(client, suspension.description()));
    }
    if client.disabled {
        return page(ProblemKind::ServiceDisabled, "the client is disabled");
    }
    let Some(policy) = &client.oneid else {
        return page(ProblemKind::ServiceDisabled, "the registration does not have oneid = true");
    };
    let target = redirect(&client, policy, params)?;
    let refuse = |error, description| Err(Rejection::Service(target.clone(), (error, description)));
    if params.get("response_type") != Some("one_code") {
        return refuse("unsupported_response_type", "response_type must be one_code");
    }
    let mut acr = reachable(&oneid.sign_in.settings.offered, &client);
    acr.retain(|acr| auth_method(*acr).is_some());
    if acr.is_empty() {
        return refuse(
            "auth_method_not_available",
            "the registration accepts no means of signing in that is offered",
        );
    }
    let mut represents = false;
    if let Some(methods) = params.get("auth_methods") {
        let named: Vec<&str> = methods.split([',', ';', ' ', '|']).map(str::trim).collect();
        // A signature is one method of a person, and another of whoever acts for an organisation.
        let by = |acr: Acr| auth_method(acr).is_some_and(|method| named.contains(&method));
        let for_organisation = |acr: Acr| acr == Acr::Eri && named.contains(&FOR_ORGANISATION);
        acr.retain(|acr| by(*acr) || for_organisation(*acr));
        represents = for_organisation(Acr::Eri) && acr == [Acr::Eri] && !by(Acr::Eri);
        if represents && client.data_set(DataSet::LegalEntity).is_none() {
            return refuse(
                "auth_method_not_available",
                "the registration does not have the data set legal_entity",
            );
        }
        if acr.is_empty() {
            return refuse("auth_method_not_available", "auth_methods names no method that is offered");
        }
    }
    if let Some(spent) = oneid.clients.spent(&client).filter(|_| !client.data.sets.is_empty()) {
        return refuse("temporarily_unavailable", spent.description());
    }
    let scope = params.get("scope").filter(|scope| {
        scope.len() <= LONGEST_SCOPE && scope.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    });
    let scope = scope.unwrap_or(client.id.as_str()).to_owned();
    Ok(Asked { client, target, scope, acr, represents })
}

/// The redirect URI, character for character as registered.
fn redirect(client: &Arc<Client>, policy: &OneIdPolicy, params: &Params) -> Result<Target, Rejection> {
    let page = |technical| Err(Rejection::Page(ProblemKind::BadReturnAddress, technical));
    let Some(given) = params.get("redirect_uri") else {
        return page("redirect_uri is missing");
    };
    let registered = client.redirects.redirect_uris.iter().find(|uri| uri.as_str() == given);
    let Some(uri) = registered else {
        return page(
            "redirect_uri is not registered for this client: it is compared character for character",
        );
    };
    let of_web = Url::parse(given).is_ok_and(|uri| ["http", "https"].contains(&uri.scheme()));
    if !of_web && !policy.app_redirect_uris {
        return page("redirect_uri has an app's scheme, and oneid_app_redirect_uris is not set");
    }
    Ok(Target { redirect_uri: uri.clone(), state: params.state().map(str::to_owned) })
}

/// Begins an attempt and leads to its first page.
fn begin(
    oneid: &OneId,
    context: &PageContext<'_>,
    asked: &Asked,
    session: Option<OpenSession>,
) -> Result<HttpResponse, ServiceError> {
    let too_large = "the request is too large: send a shorter state";
    let beginning = Beginning {
        client: &asked.client,
        subject_ids: &oneid.subject_ids,
        request: neutral(asked)?,
        // A session in which the person acts for nobody does not do where they must.
        session: session.filter(|open| !asked.represents || open.session.organisation.is_some()),
        until: None,
        hint: None,
        scope: None,
        too_large,
    };
    let begun = oneid.sign_in.begin(context, beginning);
    Ok(begun.unwrap_or_else(|| asked.target.error("invalid_request", too_large)))
}

/// The request in words that no protocol owns: all data that the service is registered for.
fn neutral(asked: &Asked) -> Result<SignInRequest, ServiceError> {
    let Asked { client, target, scope, acr, represents } = asked;
    let state = ReplyState {
        redirect_uri: target.redirect_uri.clone(),
        state: target.state.clone(),
        scope: scope.clone(),
    };
    let state = to_raw_value(&state).map_err(|error| ServiceError::Internal(error.to_string()))?;
    Ok(SignInRequest {
        client_id: client.id.clone(),
        data: DataRequest::allowed(client, &DataSet::ALL.into_iter().collect(), false),
        application: None,
        ask_again: AskAgain::default(),
        max_age: client.sessions.default_max_age,
        acr: acr.clone(),
        represents: *represents,
        expected_sub: None,
        return_to: Some(target.redirect_uri.csp_source()),
        reply: Reply { protocol: Protocol::OneId, state },
    })
}
