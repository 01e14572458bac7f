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
use crate::clients::ClientId;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::DataSet;
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

/// What is in force of a person: consents and what laws give, the newest first.
pub(super) async fn in_force(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
) -> Result<Vec<ListedConsent>, ServiceError> {
    let listed = cabinet.release.list(visit.person()).await?;
    Ok(listed.into_iter().filter(|listed| listed.consent.expires_at > visit.now).collect())
}

/// Shows the page.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet.show(&request, Proof::Session, async |visit| page(&cabinet, visit).await).await
}

/// `POST /cabinet/services/end`: one consent ends, with all tokens that rest on it, and the service is told at its sessions. It hurts
/// nobody but can be given again, so that the session alone will do.
pub(super) async fn end(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, form| {
            let wanted = form.get("consent").unwrap_or_default();
            // Nobody ends another person's, whatever identifier they know.
            let own = in_force(&cabinet, visit).await?;
            let Some(own) = own.into_iter().find(|listed| listed.consent.id == wanted && !listed.statutory)
            else {
                return Ok(respond::see_other(&format!("{PATH}?said=nothing")));
            };
            let Some(client) = cabinet.life_events.end_consent(&own.consent.id).await? else {
                return Ok(respond::see_other(&format!("{PATH}?said=nothing")));
            };
            tell(&cabinet, visit, &client).await?;
            Ok(respond::see_other(&format!("{PATH}?said=ended")))
        })
        .await
}

/// `POST /cabinet/services/unmute`: a service's requests to approve something reach the person again.
pub(super) async fn unmute(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, form| {
            let client = form.get("service").unwrap_or_default();
            let notice = NewNotice::new(NoticeKind::ServiceUnmuted).service(client);
            let told = cabinet.sign_in.inbox.rows(visit.person(), &notice);
            let unmuted = cabinet.sign_in.people.unmute(visit.person(), client, told).await?;
            let said = if unmuted { "unmuted" } else { "nothing" };
            Ok(respond::see_other(&format!("{PATH}?said={said}")))
        })
        .await
}

/// Signs the person out at a service wherever they are signed in there, as far as it takes logout tokens; their sessions here go on.
async fn tell(cabinet: &Cabinet, visit: &Visit<'_>, client: &ClientId) -> Result<(), ServiceError> {
    for alive in sessions::alive(cabinet, visit).await? {
        if alive.open.session.clients.contains(client) {
            cabinet.logout.notifier.store_for(&alive.open.session, client).await?;
        }
    }
    Ok(())
}

async fn page(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<HttpResponse, ServiceError> {
    let from: usize = visit.query.get("from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let all = in_force(cabinet, visit).await?;
    let further = (all.len() > from.saturating_add(PAGE)).then(|| format!("{PATH}?from={}", from + PAGE));
    let connected =
        all.into_iter().skip(from).take(PAGE).map(|listed| connected(cabinet, visit, &listed)).collect();
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
