//! `/desk/passkeys`: a member's own passkeys. `/desk/team`: links for passkeys, which an administrator gives to members of their place.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::shell::Shell;
use super::visit::{Right, Visit};
use super::{Desk, paths, words};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::staff::{Member, Passkey, Role, StaffId, What, Why};

/// The member's own passkeys.
#[derive(Template)]
#[template(path = "desk/passkeys.html")]
struct PasskeysPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    passkeys: Vec<Item>,
}

/// A passkey, in words.
struct Item {
    id: String,
    label: String,
    added: String,
    used: Option<String>,
}

/// The members of the place.
#[derive(Template)]
#[template(path = "desk/team.html")]
struct TeamPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    members: Vec<Row>,
    /// A link that was just made: for whom, and its address.
    link: Option<(String, String)>,
    valid: String,
}

/// A member, in words.
struct Row {
    id: String,
    name: String,
    role: &'static str,
    passkeys: String,
    enabled: bool,
    asked: Asked,
}

/// How far a link for a member is.
enum Asked {
    /// They have no passkey yet: an administrator gives it alone.
    First,
    /// They have some: a second person is needed.
    Second,
    /// It waits for the second person.
    Waits,
    /// It waits for this administrator, who is the second person: the request, and who asks.
    Confirm(String, String),
    /// Who confirmed it: it can be given.
    Confirmed(String),
}

/// Shows the member's own passkeys.
pub(super) async fn passkeys(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Anybody, async |visit| {
        let item = |passkey: Passkey| Item {
            added: words::moment(visit, passkey.added_at),
            used: passkey.used_at.map(|at| words::moment(visit, at)),
            id: passkey.id,
            label: passkey.label,
        };
        let own = desk.staff.passkeys(&visit.acting.staff).await?;
        let page = PasskeysPage {
            frame: visit.frame(),
            shell: Shell::of(visit, paths::PASSKEYS),
            passkeys: own.into_iter().map(item).collect(),
        };
        Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
    })
    .await
}

/// Takes one of them away.
pub(super) async fn remove(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.posted_proved(&request, (paths::PASSKEYS, Right::Anybody, &body), async |visit, form| {
        let passkey = form.get("passkey").unwrap_or_default();
        let short: String = passkey.chars().take(12).collect();
        let (row, event) = desk.staff.action(&visit.acting, What::PasskeyRemoved, &short, Why::Own).parts();
        if desk.staff.remove_passkey(&visit.acting.staff, passkey, vec![row]).await? {
            desk.staff.acted(event);
        }
        Ok(visit.done(paths::PASSKEYS, "removed"))
    })
    .await
}

/// Shows the members of the administrator's place.
pub(super) async fn get(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Administer, async |visit| team(&desk, visit, None).await).await
}

async fn team(
    desk: &Desk,
    visit: &Visit<'_>,
    link: Option<(String, String)>,
) -> Result<HttpResponse, ServiceError> {
    let text = visit.context.text();
    let requests = desk.staff.link_requests(&visit.acting.place).await?;
    let members = desk.staff.members(Some(&visit.acting.place)).await?;
    let names: HashMap<String, String> =
        members.iter().map(|member| (member.id.as_str().to_owned(), member.name.clone())).collect();
    let name = |id: &StaffId| names.get(id.as_str()).cloned().unwrap_or_default();
    let me = &visit.acting.staff;
    let asked = |member: &Member| match requests.iter().find(|request| request.staff == member.id) {
        _ if member.passkeys == 0 => Asked::First,
        None => Asked::Second,
        Some(request) if request.asked_by == *me => match &request.confirmed_by {
            Some(second) => Asked::Confirmed(name(second)),
            None => Asked::Waits,
        },
        Some(request) if request.confirmed_by.is_none() => {
            Asked::Confirm(request.id.clone(), name(&request.asked_by))
        }
        Some(_) => Asked::Waits,
    };
    let row = |member: Member| Row {
        asked: asked(&member),
        id: member.id.as_str().to_owned(),
        role: words::role(text, member.role),
        passkeys: text.with("desk.passkeys_count", &[("count", &member.passkeys.to_string())]),
        enabled: member.disabled_at.is_none(),
        name: member.name,
    };
    desk.staff.reads(&visit.acting, What::StaffRead, "", Why::Supervision).await?;
    let page = TeamPage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::TEAM),
        members: members.into_iter().map(row).collect(),
        link,
        valid: text.lasting(desk.link_seconds),
    };
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

/// Confirms a link that somebody else asked for, with one's own passkey, used just before.
pub(super) async fn confirm_link(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.posted_proved(&request, (paths::DESK, Right::Second, &body), async |visit, form| {
        let done = desk.staff.confirm_link(&visit.acting, form.get("request").unwrap_or_default()).await?;
        let back = if visit.acting.role == Role::Administrator { paths::TEAM } else { paths::HOLDS };
        Ok(visit.done(back, if done { "link_confirmed" } else { "not_confirmed" }))
    })
    .await
}

/// Gives a member of the place a link; for one who has passkeys, asks for it first.
pub(super) async fn give_link(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.posted_proved(&request, (paths::TEAM, Right::Administer, &body), async |visit, form| {
        let id = StaffId::stored(form.get("staff").unwrap_or_default().to_owned());
        let member = desk.staff.member(&id).await?;
        let here = member.filter(|member| member.place == visit.acting.place && member.disabled_at.is_none());
        let Some(member) = here else { return Ok(visit.nothing()) };
        // Whoever has the link acts as the member: where they have passkeys, no one person decides that they get another.
        if member.passkeys > 0 {
            let Some(token) = desk.staff.confirmed_link(&visit.acting, &member.id).await? else {
                desk.staff.ask_for_link(&visit.acting, &member.id).await?;
                return Ok(visit.done(paths::TEAM, "link_asked"));
            };
            let url = format!("{}{}?link={token}", desk.origin, paths::PASSKEY);
            return team(&desk, visit, Some((member.name, url))).await;
        }
        let action = desk.staff.action(&visit.acting, What::LinkGiven, member.id.as_str(), Why::Supervision);
        let (row, event) = action.parts();
        let Some(token) = desk.staff.link(&member.id, vec![row]).await? else { return Ok(visit.nothing()) };
        desk.staff.acted(event);
        let url = format!("{}{}?link={token}", desk.origin, paths::PASSKEY);
        team(&desk, visit, Some((member.name, url))).await
    })
    .await
}
