//! `/cabinet`: what is new, and the way to everything else.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::{Cabinet, PATH, accesses, notices, paths, requests, services, sessions, words};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};

/// The page.
#[derive(Template)]
#[template(path = "cabinet/overview.html")]
struct OverviewPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    /// What stands on the page, each with the way to all of it.
    tiles: Vec<Tile>,
}

/// One subject: how much there is, what it is, and where it stands.
struct Tile {
    id: &'static str,
    title: &'static str,
    words: String,
    href: &'static str,
}

/// Shows the page.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet.show(&request, Proof::Session, async |visit| page(&cabinet, visit).await).await
}

async fn page(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<HttpResponse, ServiceError> {
    let text = visit.context.text();
    let services = services::clients(cabinet, visit).await?.len();
    let sessions = sessions::alive(cabinet, visit).await?;
    let count =
        |count: usize, keys: [&'static str; 3]| text.counted(u32::try_from(count).unwrap_or(u32::MAX), keys);
    let last = cabinet.sign_in.history.of_person(visit.person(), None, 1).await?;
    let unread = notices::unread(cabinet, visit).await?;
    let waiting = requests::waiting(cabinet, visit).await?.len();
    let seen = accesses::newest(cabinet, visit, 1).await?;
    let tiles = vec![
        Tile {
            id: "notices",
            title: text.get("cabinet.notices"),
            words: match unread {
                0 => text.get("cabinet.notices_none").to_owned(),
                some => count(some, ["cabinet.notices_one", "cabinet.notices_few", "cabinet.notices_many"]),
            },
            href: paths::NOTICES,
        },
        Tile {
            id: "requests",
            title: text.get("cabinet.requests"),
            words: match waiting {
                0 => text.get("cabinet.requests_none").to_owned(),
                some => {
                    count(some, ["cabinet.requests_one", "cabinet.requests_few", "cabinet.requests_many"])
                }
            },
            href: paths::REQUESTS,
        },
        Tile {
            id: "accesses",
            title: text.get("cabinet.accesses"),
            words: match seen.first() {
                None => text.get("cabinet.accesses_none").to_owned(),
                Some(last) => text
                    .with("cabinet.accesses_last", &[("service", &last.service.name), ("when", &last.when)]),
            },
            href: paths::ACCESSES,
        },
        Tile {
            id: "services",
            title: text.get("cabinet.services"),
            words: match services {
                0 => text.get("cabinet.services_none").to_owned(),
                some => {
                    count(some, ["cabinet.services_one", "cabinet.services_few", "cabinet.services_many"])
                }
            },
            href: paths::SERVICES,
        },
        Tile {
            id: "sessions",
            title: text.get("cabinet.sessions"),
            words: count(
                sessions.len(),
                ["cabinet.sessions_one", "cabinet.sessions_few", "cabinet.sessions_many"],
            ),
            href: paths::SESSIONS,
        },
        Tile {
            id: "history",
            title: text.get("cabinet.history"),
            words: match last.first() {
                None => text.get("cabinet.history_none").to_owned(),
                Some(last) => {
                    let (service, when) =
                        (cabinet.named(visit, &last.client_id).name, words::moment(visit, last.at));
                    text.with("cabinet.history_last", &[("service", &service), ("when", &when)])
                }
            },
            href: paths::HISTORY,
        },
    ];
    let page = OverviewPage { frame: frame(visit), shell: Shell::of(visit, PATH), tiles };
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}
