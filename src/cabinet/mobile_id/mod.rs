//! `/cabinet/mobile-id`: the web version of what the portal's app does (`mobile_app/`), for somebody who is signed in: another number by the
//! whole procedure (clause 33, R82), and the end of one's own Mobile-ID by a proof (clause 36, R81, R90). The same rules: `mobile_id`,
//! `life_events/remote.rs`.

mod ending;
mod form;
mod step;
mod upload;

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use askama::Template;

pub(super) use ending::{begin as end_begin, by_face as end_by_face, get as end, result as end_result};
pub(super) use form::{get as form, post as open};
pub(super) use step::{act, get as step};

use super::Cabinet;
use super::paths::MOBILE_ID as PATH;
use super::shell::{Shell, frame};
use super::visit::Proof;
use crate::people::{CivilDate, PhoneNumber};
use crate::platform::telemetry::ClientAddress;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond::{self, CspSources};
use crate::registries::{Asker, Why};
use crate::sign_in::SessionId;

pub(super) use upload::LONGEST;

/// Which number is enrolled, and what can be done.
#[derive(Template)]
#[template(path = "cabinet/mobile_id.html")]
struct OverviewPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    /// The enrolled number, if there is one.
    number: Option<String>,
    since: Option<String>,
}

/// Says what was done to somebody who is not signed in any more.
#[derive(Template)]
#[template(path = "cabinet/mobile_id_over.html")]
struct OverPage<'a> {
    frame: Frame<'a>,
    /// Whether the number was changed; otherwise Mobile-ID has ended.
    changed: bool,
}

/// Shows the number and what can be done.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let people = &cabinet.sign_in.people;
            let holding = match &visit.account.phone {
                Some(phone) => people.holding(&people.number_index(phone)).await?,
                None => None,
            };
            let since = holding.and_then(|holding| holding.since);
            let text = visit.context.text();
            let page = OverviewPage {
                frame: frame(visit),
                shell: Shell::of(visit, PATH),
                number: visit.account.phone.as_ref().map(PhoneNumber::masked),
                since: since.map(|since| text.date(CivilDate::of(since).begins().0)),
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// Says that Mobile-ID has ended. It says nothing of anybody.
pub(super) async fn ended(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    over(&cabinet, &request, (super::paths::MOBILE_ID_ENDED, false))
}

/// Says that the number was changed. It says nothing of anybody.
pub(super) async fn changed(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    over(&cabinet, &request, (super::paths::MOBILE_ID_CHANGED, true))
}

fn over(cabinet: &Cabinet, request: &HttpRequest, (here, changed): (&str, bool)) -> HttpResponse {
    let context = PageContext::new(request, cabinet.cookies, None);
    let languages = LanguageLink::all(context.language, |language| format!("{here}?lang={}", language.tag()));
    let page = OverPage { frame: context.frame(None, languages), changed };
    context.remember_language(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

/// Leads to such a page: everything of this browser has ended with the rest.
fn leave(cabinet: &Cabinet, to: &str) -> HttpResponse {
    respond::with_cookies(respond::see_other(to), cabinet.cookies.remove(SessionId::COOKIE))
}

/// Who asks registers: the person does.
fn asker(why: Why) -> Asker {
    Asker::client(super::PATH.trim_start_matches('/'), why).with_consent()
}

fn address(request: &HttpRequest) -> IpAddr {
    let known = request.extensions().get::<ClientAddress>().map(ClientAddress::ip);
    known.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
