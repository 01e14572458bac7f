//! `/cabinet/services`: which services have a person's data, by what, until when; ending that; services that were muted.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::paths::SERVICES as PATH;
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::words::Named;
use super::{Cabinet, PAGE, sessions, words};
use crate::audit::{Event, Kind};
use crate::clients::ClientId;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::DataSet;
use crate::platform::db::Statement;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::release::{AgreedData, ListedConsent};

/// The page.
#[derive(Template)]
#[template(path = "cabinet/services.html")]
struct ServicesPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    connected: Vec<Connected>,
    muted: Vec<Muted>,
    /// Where further ones stand, if there are any.
    further: Option<String>,
}

/// A consent, or what a law gives.
struct Connected {
    id: String,
    service: Named,
    /// Names of the data.
    data: String,
    /// Data with a purpose and a term of their own, a sentence each.
    details: Vec<String>,
    purpose: String,
    since: String,
    until: String,
    /// By what the service has them, in words.
    by: String,
    /// Whether it may read them while the person is not there.
    offline: bool,
    /// Whether a law and not the person lets the service have them.
    statutory: bool,
}

/// A service whose requests do not reach the person.
struct Muted {
    id: String,
    service: Named,
    until: String,
}

/// How far the list is paged through.
const FURTHEST: u32 = 100_000;

/// Services that are counted and offered in a filter, at most.
const MOST: i64 = 200;

/// The services that have something of the person.
pub(super) async fn clients(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<Vec<ClientId>, ServiceError> {
    Ok(cabinet.release.clients_of(visit.person(), MOST).await?)
}

/// Shows the page.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet.show(&request, Proof::Session, async |visit| page(&cabinet, visit).await).await
}

/// `POST /cabinet/services/end`: one consent ends, with all tokens that rest on it, and the service is told at its sessions, in one
/// transaction. Ending takes nothing from the person that they cannot give again, so the session alone will do.
pub(super) async fn end(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, form| {
            let wanted = form.get("consent").unwrap_or_default();
            // Nobody ends another person's, whatever identifier they know.
            let whose = cabinet.release.whose(wanted).await?;
            let Some((_, client)) = whose.filter(|(person, _)| person == visit.person()) else {
                return Ok(visit.done(PATH, "nothing"));
            };
            let told = tell(&cabinet, visit, &client).await?;
            if cabinet.life_events.end_consent_with(wanted, told).await?.is_none() {
                return Ok(visit.done(PATH, "nothing"));
            }
            cabinet.logout.notifier.wake();
            let left = cabinet.release.has_any(visit.person(), &client).await?;
            Ok(visit.done(PATH, if left { "ended_left" } else { "ended" }))
        })
        .await
}

/// `POST /cabinet/services/unmute`: a service's requests to approve something reach the person again. Whoever muted it did so because
/// somebody asked too much of them: a browser that was left open does not undo that, so it wants a fresh proof.
pub(super) async fn unmute(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, form| {
            let client = form.get("service").unwrap_or_default();
            let notice = NewNotice::new(NoticeKind::ServiceUnmuted).service(client);
            let told = cabinet.sign_in.inbox.rows(visit.person(), &notice);
            let unmuted = cabinet.sign_in.people.unmute(visit.person(), client, told).await?;
            if unmuted {
                let event = Event::new(Kind::ApprovalUnmuted).client(client).person(visit.person().as_str());
                cabinet.sign_in.audit.record(event.reason("asked"));
            }
            let said = if unmuted { "unmuted" } else { "nothing" };
            Ok(visit.done(PATH, said))
        })
        .await
}

/// What signs the person out at a service wherever they are signed in there, as far as it takes logout tokens; their sessions here go
/// on.
async fn tell(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    client: &ClientId,
) -> Result<Vec<Statement>, ServiceError> {
    let alive = sessions::alive(cabinet, visit).await?;
    let there = alive.iter().map(|alive| &alive.open.session).filter(|it| it.clients.contains(client));
    Ok(there.filter_map(|session| cabinet.logout.notifier.leaving(session, client)).collect())
}

async fn page(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<HttpResponse, ServiceError> {
    let from = visit.query.get("from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let from: i64 = i64::from(u32::min(from, FURTHEST));
    let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let mut found = cabinet.release.in_force(visit.person(), from, page + 1).await?;
    let further = (found.len() > PAGE).then(|| format!("{PATH}?from={}", from + page));
    found.truncate(PAGE);
    let connected = found.iter().map(|listed| connected(cabinet, visit, listed)).collect();
    let muted = cabinet.sign_in.people.muted(visit.person(), visit.now).await?;
    let muted = muted
        .into_iter()
        .filter_map(|(id, until)| {
            let service = cabinet.named(visit, &ClientId::parse(&id)?);
            Some(Muted { service, until: words::moment(visit, until), id })
        })
        .collect();
    let page = ServicesPage { frame: frame(visit), shell: Shell::of(visit, PATH), connected, muted, further };
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

fn connected(cabinet: &Cabinet, visit: &Visit<'_>, listed: &ListedConsent) -> Connected {
    let (text, tag) = (visit.context.text(), visit.context.language.tag());
    let client = cabinet.clients.find(&listed.client_id);
    let extent = &listed.consent.extent;
    let by = match (listed.statutory, listed.permitted_by.as_deref()) {
        (true, _) => {
            let law = client.as_ref().map_or("", |client| client.data.basis_reference.get(tag));
            text.with("cabinet.by_law", &[("law", law)])
        }
        (false, Some("code")) => text.get("cabinet.by_code").to_owned(),
        (false, _) => text.get("cabinet.by_click").to_owned(),
    };
    let detail = |agreed: &AgreedData| {
        let sets: BTreeSet<DataSet> = agreed.asked.data_sets.iter().copied().collect();
        let (data, until) = (words::data(sets, text), text.date_for_suffix(agreed.until.0));
        let values = [("data", data.as_str()), ("until", until.as_str())];
        let terms = if agreed.asked.is_single() {
            text.with("consent.detail_single", &values)
        } else {
            text.with("consent.detail_repeated", &values)
        };
        format!("{} – {terms}", agreed.asked.purpose)
    };
    Connected {
        id: listed.consent.id.clone(),
        service: cabinet.named(visit, &listed.client_id),
        data: if extent.released.is_empty() {
            text.get("cabinet.data_none").to_owned()
        } else {
            words::data(extent.released.iter().copied(), text)
        },
        details: extent.details.iter().map(detail).collect(),
        purpose: client.map(|client| client.data.purpose.get(tag).to_owned()).unwrap_or_default(),
        since: words::moment(visit, listed.given_at),
        until: text.date(listed.consent.expires_at.0),
        by,
        offline: extent.offline,
        statutory: listed.statutory,
    }
}
