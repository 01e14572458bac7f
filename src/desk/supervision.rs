//! What a supervisor does: `/desk/holds` releases members who were stopped, `/desk/actions` shows what was done at the place. And
//! `/desk/held`, which tells a member that they were stopped.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use std::collections::HashMap;

use super::shell::Shell;
use super::visit::Right;
use super::{Desk, PAGE, paths, words};
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::staff::{HoldReason, PlaceId, StaffId, What, Why};

/// Members who were stopped.
#[derive(Template)]
#[template(path = "desk/holds.html")]
struct HoldsPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    holds: Vec<Held>,
    links: Vec<Link>,
}

/// A link that waits for a second person.
struct Link {
    request: String,
    member: String,
    /// Who asks for it, in words.
    asked: String,
    since: String,
}

/// One of them, in words.
struct Held {
    id: String,
    name: String,
    why: &'static str,
    since: String,
    /// It is the supervisor's own.
    own: bool,
}

/// What was done.
#[derive(Template)]
#[template(path = "desk/actions.html")]
struct ActionsPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    rows: Vec<Done>,
    older: Option<String>,
}

/// One action, in words.
struct Done {
    at: String,
    name: String,
    what: &'static str,
    why: &'static str,
    about: String,
    intact: bool,
}

/// Tells a member that they were stopped.
#[derive(Template)]
#[template(path = "desk/held.html")]
struct HeldPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    held: bool,
}

async fn names(desk: &Desk, place: &PlaceId) -> Result<HashMap<String, String>, ServiceError> {
    let members = desk.staff.members(Some(place)).await?.into_iter();
    Ok(members.map(|member| (member.id.as_str().to_owned(), member.name)).collect())
}

/// Tells a member that they were stopped, or that they are not any more.
pub(super) async fn held(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Anybody, async |visit| {
        let held = visit.acting.held;
        let page = HeldPage { frame: visit.frame(), shell: Shell::of(visit, paths::HELD), held };
        Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
    })
    .await
}

/// Shows who was stopped.
pub(super) async fn holds(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Supervise, async |visit| {
        let text = visit.context.text();
        let names = names(&desk, &visit.acting.place).await?;
        let holds = desk.staff.holds(&visit.acting.place).await?.into_iter().map(|hold| Held {
            name: names.get(hold.staff.as_str()).cloned().unwrap_or_default(),
            own: hold.staff == visit.acting.staff,
            why: match hold.why {
                Some(HoldReason::Completions) => text.get("desk.held_completions"),
                Some(HoldReason::LookUps) | None => text.get("desk.held_look_ups"),
            },
            since: words::moment(visit, hold.held_at),
            id: hold.id,
        });
        let waits = desk.staff.link_requests(&visit.acting.place).await?.into_iter();
        let waits = waits.filter(|one| one.confirmed_by.is_none() && one.asked_by != visit.acting.staff);
        let name = |id: &StaffId| names.get(id.as_str()).cloned().unwrap_or_default();
        let links = waits.map(|one| Link {
            member: name(&one.staff),
            asked: text.with("desk.link_asked_by", &[("name", &name(&one.asked_by))]),
            since: words::moment(visit, one.asked_at),
            request: one.id,
        });
        let page = HoldsPage {
            frame: visit.frame(),
            shell: Shell::of(visit, paths::HOLDS),
            holds: holds.collect(),
            links: links.collect(),
        };
        Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
    })
    .await
}

/// Releases one of them: with the supervisor's own passkey, used just before.
pub(super) async fn release(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.posted_proved(&request, (paths::HOLDS, Right::Supervise, &body), async |visit, form| {
        let released = desk.staff.release(&visit.acting, form.get("hold").unwrap_or_default()).await?;
        Ok(visit.done(paths::HOLDS, if released { "released" } else { "not_released" }))
    })
    .await
}

/// Shows what was done at the place; that it is read is recorded as well.
pub(super) async fn actions(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Supervise, async |visit| {
        let text = visit.context.text();
        let place = &visit.acting.place;
        let before = visit.query.get("before").and_then(|at| at.parse().ok()).unwrap_or(i64::MAX);
        desk.staff.reads(&visit.acting, What::ActionsRead, "", Why::Supervision).await?;
        let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let all = desk.staff.actions(Some(place), before, most + 1).await?;
        let names = names(&desk, place).await?;
        let older = all.get(PAGE - 1).filter(|_| all.len() > PAGE);
        let older = older.map(|last| format!("{}?before={}", paths::ACTIONS, last.at_ms));
        let rows = all.into_iter().take(PAGE).map(|action| Done {
            at: words::moment(visit, Timestamp(action.at_ms.div_euclid(1000))),
            name: names.get(action.staff.as_str()).cloned().unwrap_or_default(),
            what: action.what.map_or("", |what| words::what(text, what)),
            why: action.why.map_or("", |why| words::why(text, why)),
            about: action.about,
            intact: action.intact,
        });
        let page = ActionsPage {
            frame: visit.frame(),
            shell: Shell::of(visit, paths::ACTIONS),
            rows: rows.collect(),
            older,
        };
        Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
    })
    .await
}
