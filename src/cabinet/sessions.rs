//! `/cabinet/sessions`: where a person is signed in, and ending that; `/cabinet/history`: where and for what they signed in.
//!
//! Sessions are short-lived state under the digest of their cookie. They are found by the rows that tell of their beginning.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::paths::{HISTORY, SESSIONS as PATH};
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::words::Named;
use super::{Cabinet, PAGE, words};
use crate::audit::{Event, Kind};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::Statement;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{BrowserId, Device, EndOfOthers, KnownBrowsers, OpenSession, PastSignIn, SeenBrowser};

/// Sessions of one person that are looked at; nobody has as many browsers.
const MOST: i64 = 100;

/// How long the change of a means may take to be stored, in milliseconds.
const STORING_MS: i64 = 1000;

/// A session that goes on.
pub(super) struct Alive {
    /// The name of the row that tells of its beginning; empty for this browser's own where there is none.
    pub(super) id: String,
    pub(super) open: OpenSession,
    pub(super) device: Device,
}

/// The page of the sessions.
#[derive(Template)]
#[template(path = "cabinet/sessions.html")]
struct SessionsPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    sessions: Vec<Shown>,
    /// The browsers that are known.
    browsers: Vec<Known>,
}

/// A known browser as it is shown.
struct Known {
    name: String,
    device: String,
    first: String,
    last: String,
    current: bool,
}

/// A session as it is shown.
struct Shown {
    id: String,
    device: String,
    address: String,
    since: String,
    used: String,
    services: Vec<String>,
    current: bool,
}

/// The page of the history.
#[derive(Template)]
#[template(path = "cabinet/history.html")]
struct HistoryPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    entries: Vec<Entry>,
    older: Option<String>,
    /// What the list is, with for how many days it goes back.
    intro: String,
    /// Where addresses are shown, if they are not shown here.
    addresses: Option<String>,
}

/// A sign-in as it is shown.
struct Entry {
    id: String,
    service: Named,
    when: String,
    device: String,
    /// From where; `None` without a fresh proof.
    address: Option<String>,
    /// Whether a code was entered, and not a session used.
    opened: bool,
    current: bool,
}

/// The sessions of a person that go on, this one first, then the newest first.
pub(super) async fn alive(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<Vec<Alive>, ServiceError> {
    let sessions = &cabinet.sign_in.sessions;
    let since = visit.now.minus(sessions.bounds.absolute);
    let account = &visit.account.account_state;
    let rows = cabinet.sign_in.history.opened_since(visit.person(), since, MOST).await?;
    let digests: Vec<Digest> = rows.iter().filter_map(|row| row.session).collect();
    let mut open: HashMap<Digest, OpenSession> =
        sessions.find_each(&digests).await?.into_iter().map(|open| (open.digest, open)).collect();
    let (mut own, mut others) = (None, Vec::new());
    for row in rows {
        let Some(open) = row.session.and_then(|digest| open.remove(&digest)) else { continue };
        if open.digest == visit.open.digest {
            own = Some(Alive { id: row.id, open: visit.open.clone(), device: row.device });
        } else if open.is_of(account) {
            others.push(Alive { id: row.id, open, device: row.device });
        }
    }
    let unlisted =
        || Alive { id: String::new(), open: visit.open.clone(), device: Device::of(visit.context.request) };
    Ok(std::iter::once(own.unwrap_or_else(unlisted)).chain(others).collect())
}

/// Shows the sessions.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let text = visit.context.text();
            let shown = |alive: Alive| Shown {
                current: alive.open.digest == visit.open.digest,
                device: words::device(&alive.device, text),
                address: alive.device.address,
                since: words::moment(visit, alive.open.session.auth_time),
                used: words::moment(visit, alive.open.session.used_at),
                services: alive.open.session.clients.iter().map(|id| cabinet.named(visit, id).name).collect(),
                id: alive.id,
            };
            let sessions = alive(&cabinet, visit).await?.into_iter().map(shown).collect();
            let here = this_browser(&cabinet, visit);
            let known = |seen: SeenBrowser| Known {
                current: here == Some(seen.name),
                device: words::device(&seen.device, text),
                first: words::moment(visit, seen.first),
                last: words::moment(visit, seen.last),
                name: seen.name.encode(),
            };
            let browsers = known_browsers(&cabinet, visit).await?.into_iter().map(known).collect();
            let page =
                SessionsPage { frame: frame(visit), shell: Shell::of(visit, PATH), sessions, browsers };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// The browsers in which a sign-in of the person is no new one.
async fn known_browsers(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<Vec<SeenBrowser>, ServiceError> {
    let since = visit.now.minus(KnownBrowsers::SECONDS);
    let (person, epoch) = (visit.person(), visit.account.account_state.epoch);
    let mut seen = cabinet.sign_in.history.browsers(person, epoch, since).await?;
    seen.retain(|seen| !cabinet.sign_in.forgotten.is_forgotten(seen));
    Ok(seen)
}

/// What this browser is listed by, where it has a name.
pub(super) fn this_browser(cabinet: &Cabinet, visit: &Visit<'_>) -> Option<Digest> {
    let browser =
        cabinet.cookies.read(visit.context.request, BrowserId::COOKIE).and_then(BrowserId::parse)?;
    Some(cabinet.sign_in.known.name(visit.person(), &browser.digest()))
}

/// `POST /cabinet/sessions/forget`: a known browser is none any more. The next sign-in there is a new one, of which the person is told,
/// and costs what a stranger's does; so it wants a fresh proof.
pub(super) async fn forget(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, form| {
            let wanted = form.get("browser").unwrap_or_default();
            let known = known_browsers(&cabinet, visit).await?;
            let Some(seen) = known.iter().find(|seen| seen.name.encode() == wanted) else {
                return Ok(visit.done(PATH, "nothing"));
            };
            let sign_in = &cabinet.sign_in;
            sign_in.forgotten.forget(&seen.name, sign_in.clock.now_ms()).await?;
            sign_in.audit.record(Event::new(Kind::BrowserForgotten).person(visit.person().as_str()));
            Ok(visit.done(PATH, "browser"))
        })
        .await
}

/// `POST /cabinet/sessions/end`: one session ends, and its services are told. Ending is harmless: the session alone will do.
pub(super) async fn end(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, form| {
            let wanted = form.get("session").unwrap_or_default();
            let row = cabinet.sign_in.history.find(visit.person(), wanted).await?;
            let open = match row.and_then(|row| row.session) {
                Some(digest) => cabinet.sign_in.sessions.find(digest).await?,
                None => None,
            };
            let Some(open) = open.filter(|open| open.session.person_id == *visit.person()) else {
                return Ok(visit.done(PATH, "nothing"));
            };
            cabinet.logout.end(&open).await?;
            Ok(visit.done(PATH, "session"))
        })
        .await
}

/// `POST /cabinet/sessions/end-others`: all sessions but this browser's end.
pub(super) async fn end_others(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, _| {
            let mut others = Others::of(&cabinet, visit, 0).await?;
            cabinet.sign_in.sessions.ended.store(others.take_rows()).await?;
            others.have_ended(&cabinet).await;
            Ok(visit.done(PATH, "sessions"))
        })
        .await
}

/// All sessions of a person but this browser's, which end together with what they rest on. The services of those that are known are told;
/// the end holds for all.
pub(super) struct Others {
    known: Vec<OpenSession>,
    end: EndOfOthers,
    rows: Vec<Statement>,
}

impl Others {
    /// Those that end with a means of signing in that changes: a sign-in that read it while the change is being stored is one of before.
    pub(super) async fn of_former_means(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<Self, ServiceError> {
        Self::of(cabinet, visit, STORING_MS).await
    }

    /// The sessions as they are now.
    async fn of(cabinet: &Cabinet, visit: &Visit<'_>, storing_ms: i64) -> Result<Self, ServiceError> {
        let known: Vec<OpenSession> =
            alive(cabinet, visit).await?.into_iter().skip(1).map(|alive| alive.open).collect();
        let sessions = &cabinet.sign_in.sessions;
        let told = known.iter().flat_map(|open| cabinet.logout.notifier.ending(&open.session));
        let mut rows: Vec<Statement> = told.collect();
        let mut end = sessions.ending_others(&visit.open.session, storing_ms);
        rows.extend(known.iter().flat_map(|open| sessions.ending(&open.session)));
        rows.extend(end.take_rows());
        Ok(Self { known, end, rows })
    }

    /// What makes their end durable. It comes last in a transaction.
    pub(super) fn take_rows(&mut self) -> Vec<Statement> {
        std::mem::take(&mut self.rows)
    }

    /// Takes them away, once their end is durable.
    pub(super) async fn have_ended(self, cabinet: &Cabinet) {
        cabinet.sign_in.sessions.others_have_ended(self.end);
        cabinet.logout.notifier.wake();
        for open in &self.known {
            if let Err(error) = cabinet.logout.has_ended(open).await {
                // All nodes know that it has ended; it is in the store for as long as it would have gone on.
                tracing::warn!(event = "session.left", %error, "a session that has ended was not taken away");
            }
        }
    }
}

/// Shows the history. It tells where somebody was on each of many days, so network addresses want a fresh proof.
pub(super) async fn history(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    let asked = Params::parse(request.query_string()).is_ok_and(|query| query.get("addresses").is_some());
    let proof = if asked { Proof::Fresh } else { Proof::Session };
    cabinet
        .show(&request, proof, async |visit| {
            let text = visit.context.text();
            let place = visit.query.get("before").and_then(|before| {
                let (at, id) = before.split_once('.')?;
                Some((Timestamp(at.parse().ok()?), id.to_owned()))
            });
            let most = i64::try_from(PAGE).unwrap_or(i64::MAX) + 1;
            let mut rows = cabinet.sign_in.history.of_person(visit.person(), place.as_ref(), most).await?;
            let more = rows.len() > PAGE;
            rows.truncate(PAGE);
            let older = rows
                .last()
                .filter(|_| more)
                .map(|last| format!("{HISTORY}?before={}.{}", last.at.0, last.id));
            let entry = |row: PastSignIn| Entry {
                service: cabinet.named(visit, &row.client_id),
                when: words::moment(visit, row.at),
                device: words::device(&row.device, text),
                opened: row.session.is_some(),
                current: row.sid_key == visit.open.session.sid_key,
                address: Some(row.device.address).filter(|_| visit.is_fresh()),
                id: row.id,
            };
            let page = HistoryPage {
                frame: frame(visit),
                shell: Shell::of(visit, HISTORY),
                entries: rows.into_iter().map(entry).collect(),
                older,
                addresses: (!visit.is_fresh()).then(|| {
                    let before = visit.query.get("before").unwrap_or_default();
                    let before = if place.is_some() { format!("&before={before}") } else { String::new() };
                    format!("{HISTORY}?addresses=1{before}")
                }),
                intro: text.counted(
                    cabinet.history_days,
                    ["cabinet.history_intro_one", "cabinet.history_intro_few", "cabinet.history_intro_many"],
                ),
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}
