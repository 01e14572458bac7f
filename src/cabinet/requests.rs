//! `/cabinet/requests`: what services ask this person to approve right now. It can be read here and not decided: that takes the letters
//! and the code of the SMS, as it does for whoever has no session. A page on which one tap were enough would be what somebody wants who
//! rings people up and tells them to press it.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::paths::REQUESTS as PATH;
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::words::Named;
use super::{Cabinet, words};
use crate::clients::ClientId;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{OpenAttempt, Protocol};

/// The page.
#[derive(Template)]
#[template(path = "cabinet/requests.html")]
struct RequestsPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    requests: Vec<Waiting>,
}

/// A request that waits.
struct Waiting {
    id: String,
    service: Named,
    /// What the service wrote to compare.
    message: Option<String>,
    /// Title and reference of the application that is to be confirmed.
    application: Option<(String, String)>,
    /// Names of the data, or that none are asked for.
    data: String,
    /// What for: the service's own purpose, and those of single requests.
    purposes: Vec<String>,
    until: String,
}

/// What waits for the person.
pub(super) async fn waiting(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<Vec<OpenAttempt>, ServiceError> {
    let waiting = cabinet.sign_in.waiting_for(visit.person()).await?;
    Ok(waiting.into_iter().filter(|open| open.attempt.request.reply.protocol == Protocol::Ciba).collect())
}

/// Shows the page.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let mut requests = Vec::new();
            for open in waiting(&cabinet, visit).await? {
                requests.push(shown(&cabinet, visit, &open)?);
            }
            let page = RequestsPage { frame: frame(visit), shell: Shell::of(visit, PATH), requests };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// `POST /cabinet/requests/mute`: the service asks no more for a while. Only one that asks this person right now can be muted here.
pub(super) async fn mute(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, form| {
            let wanted = form.get("service").and_then(ClientId::parse);
            let asks = waiting(&cabinet, visit).await?;
            let asks =
                wanted.filter(|wanted| asks.iter().any(|open| open.attempt.request.client_id == *wanted));
            let Some(client) = asks else { return Ok(visit.done(PATH, "nothing")) };
            cabinet.ciba.mute_for(&client, visit.person()).await?;
            Ok(visit.done(PATH, "muted"))
        })
        .await
}

fn shown(cabinet: &Cabinet, visit: &Visit<'_>, open: &OpenAttempt) -> Result<Waiting, ServiceError> {
    let (text, tag) = (visit.context.text(), visit.context.language.tag());
    let request = &open.attempt.request;
    let client = cabinet.clients.find(&request.client_id);
    let mut data = request.data.clone();
    if let Some(client) = &client {
        // What the service lost since it asked is not asked any more.
        data.hold_to(client);
    }
    let general = client.map(|client| client.data.purpose.get(tag).to_owned()).unwrap_or_default();
    let details = data.details.iter().map(|detail| detail.purpose.clone());
    let sets = data.all();
    let purposes = std::iter::once(general).chain(details).filter(|purpose| !purpose.is_empty());
    let application = request.application.as_deref();
    Ok(Waiting {
        id: request.client_id.as_str().to_owned(),
        service: cabinet.named(visit, &request.client_id),
        message: cabinet.ciba.message(request)?,
        application: application.map(|application| (application.title(tag), application.reference.clone())),
        data: if sets.is_empty() { text.get("approval.nothing").to_owned() } else { words::data(sets, text) },
        // An application is for what it says, and not for what the service has data for.
        purposes: if application.is_some() { Vec::new() } else { purposes.collect() },
        until: words::moment(visit, open.attempt.expires_at),
    })
}
