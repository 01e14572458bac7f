//! The redirect URI. A response is accepted only with an unused `state` of the same
//! browser; its `iss` must be the provider's (RFC 9207). A repeated response
//! (back button, reload, a second tab) leads to the person's page, not to an error.

use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::exchange::{self, Trouble};
use super::page::{self, Problem};
use super::provider::Unreachable;
use super::sessions::{Arrival, Claim};
use super::{Portal, cookies, now};

/// Parameters of an authorization response (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Deserialize)]
pub(super) struct Answer {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

pub(super) async fn receive(
    portal: web::Data<Portal>,
    index: web::Path<usize>,
    answer: Result<web::Query<Answer>, Error>,
    request: HttpRequest,
) -> HttpResponse {
    let index = *index;
    if portal.party(index).is_none() {
        return page::nothing_here(&portal, &request);
    }
    // A repeated parameter fails to parse as well.
    let Ok(web::Query(answer)) = answer else {
        return page::problem(&portal, index, &request, Problem::BrokenLink);
    };
    let arrival = match claim(&portal, index, &answer, &request) {
        Ok(arrival) => arrival,
        Err(response) => return response,
    };
    match accept(&portal, &arrival, answer).await {
        Ok(code) => sign_in(&portal, &arrival, code, &request).await,
        Err(problem) => page::problem(&portal, index, &request, problem),
    }
}

fn claim(
    portal: &Portal,
    index: usize,
    answer: &Answer,
    request: &HttpRequest,
) -> Result<std::sync::Arc<Arrival>, HttpResponse> {
    let state = answer.state.as_deref().unwrap_or_default();
    match portal.arrivals.claim(state, index, cookies::read(request, cookies::BROWSER)) {
        Claim::Mine(arrival) => Ok(arrival),
        Claim::Strange => Err(page::problem(portal, index, request, Problem::LostCookie)),
        Claim::Unknown if page::session(portal, index, request).is_some() => {
            Err(page::to_service(index, &[]))
        }
        Claim::Unknown => Err(page::problem(portal, index, request, Problem::UsedLink)),
    }
}

/// The code of a successful response of the provider.
async fn accept(portal: &Portal, arrival: &Arrival, answer: Answer) -> Result<String, Problem> {
    let metadata = portal.provider.metadata(now()).await.map_err(|Unreachable| Problem::Unreachable)?;
    let required = metadata.additional_metadata().authorization_response_iss_parameter_supported;
    match answer.iss.as_deref() {
        Some(iss) if iss != portal.provider.issuer().as_str() => return Err(Problem::ForeignIssuer),
        None if required => return Err(Problem::ForeignIssuer),
        _ => {}
    }
    if let Some(code) = answer.error {
        return Err(match code.as_str() {
            "access_denied" => Problem::YouRefused,
            _ => Problem::Provider { code, description: answer.error_description },
        });
    }
    tracing::debug!(client.index = arrival.party, "an authorization response was accepted");
    answer.code.filter(|code| !code.is_empty()).ok_or(Problem::BrokenLink)
}

async fn sign_in(portal: &Portal, arrival: &Arrival, code: String, request: &HttpRequest) -> HttpResponse {
    let index = arrival.party;
    match exchange::redeem(portal, arrival, code).await {
        Ok(signed_in) => {
            let name = cookies::session_name(index);
            if let Some(old) = cookies::read(request, &name) {
                portal.sessions.end(old, index);
            }
            let id = portal.sessions.open(signed_in);
            page::to_service(index, &[cookies::set(&name, &id, portal.is_https())])
        }
        Err(trouble) => page::problem(portal, index, request, trouble.into()),
    }
}

/// Reads a person's data again with the refresh token.
pub(super) async fn refresh(
    portal: web::Data<Portal>,
    index: web::Path<usize>,
    request: HttpRequest,
) -> HttpResponse {
    let index = *index;
    let Some(session) = page::session(&portal, index, &request) else { return page::to_service(index, &[]) };
    let id = cookies::read(&request, &cookies::session_name(index)).unwrap_or_default();
    // Reuse would revoke the grant: a second press waits for the first one's result.
    let Some(token) = session.take_refresh_token() else { return page::to_service(index, &[]) };
    match exchange::renew(&portal, &session, token.clone()).await {
        Ok(newer) => {
            portal.sessions.renew(id, newer);
            page::to_service(index, &[])
        }
        Err(Trouble::Unreachable) => {
            session.put_refresh_token(token);
            page::problem(&portal, index, &request, Problem::Unreachable)
        }
        Err(trouble) => page::problem(&portal, index, &request, trouble.into()),
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unreachable => Self::Unreachable,
            Trouble::Refused(code) => Self::Provider { code, description: None },
            Trouble::Unproven(why) => Self::Unproven(why),
        }
    }
}
