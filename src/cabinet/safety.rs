//! `/cabinet/safety`: what a person does when something was not them. One action ends every session, grant and token of theirs, tells
//! the services, and opens a complaint, all in one transaction; another one locks the account until it is unlocked in person or
//! by a means that is stronger than a code (`unlock.rs`).
//!
//! Both want a fresh proof. The browser that does the first stays signed in, by a session of its own: its person has just proved who
//! they are, and is to see what comes of it.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::complaints::{About, Complaint, LONGEST, NewComplaint};
use super::paths::{COMPLAINTS, LOCK, LOCKED, NOT_ME, SAFETY as PATH};
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::{Cabinet, sessions, words};
use crate::audit::{Event, Kind};
use crate::clients::ClientId;
use crate::ledger::EntryId;
use crate::oidc::{Answered, ToldOf};
use crate::people::Epoch;
use crate::platform::clock::Timestamp;
use crate::platform::db::Statement;
use crate::platform::ephemeral::{Applied, Batch};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{Device, Session, SessionId, UNLOCK};

/// Complaints on one page; nobody has more.
const MOST: i64 = 50;

/// What can be done, and what was.
#[derive(Template)]
#[template(path = "cabinet/safety.html")]
struct SafetyPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    complaints: Vec<Listed>,
}

/// A complaint in the list.
struct Listed {
    href: String,
    number: String,
    opened: String,
    open: bool,
}

/// Asks before everything is ended.
#[derive(Template)]
#[template(path = "cabinet/not_me.html")]
struct NotMePage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    about: &'static str,
    reference: String,
    /// What it is about, in words; `None` where it is about nothing in particular.
    what: Option<String>,
    longest: usize,
}

/// One complaint.
#[derive(Template)]
#[template(path = "cabinet/complaint.html")]
struct ComplaintPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    number: String,
    opened: String,
    what: Option<String>,
    note: String,
    services: Vec<Told>,
    closed: Option<(String, String)>,
}

/// A service, and what became of telling it.
struct Told {
    name: String,
    state: String,
}

/// Asks before the account is locked.
#[derive(Template)]
#[template(path = "cabinet/lock.html")]
struct LockPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    /// Whether it can be unlocked without going anywhere.
    here: bool,
}

/// Says that the account is locked, and how it is unlocked.
#[derive(Template)]
#[template(path = "cabinet/locked.html")]
struct LockedPage<'a> {
    frame: Frame<'a>,
    /// Where it is unlocked without going anywhere.
    unlock: Option<&'static str>,
}

/// What somebody says was not them: what it is, of which service, and in words.
struct Matter {
    about: About,
    reference: String,
    client: String,
    what: Option<String>,
}

/// Shows what can be done.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let listed = |complaint: Complaint| Listed {
                href: format!("{COMPLAINTS}/{}", complaint.number),
                opened: words::moment(visit, complaint.opened_at),
                open: complaint.closed.is_none(),
                number: complaint.number,
            };
            let complaints = cabinet.complaints.of_person(visit.person(), MOST).await?;
            let complaints = complaints.into_iter().map(listed).collect();
            let page = SafetyPage { frame: frame(visit), shell: Shell::of(visit, PATH), complaints };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// Asks before everything is ended.
pub(super) async fn not_me(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Fresh, async |visit| {
            let matter = matter(&cabinet, visit, &visit.query).await?;
            let page = NotMePage {
                frame: frame(visit),
                shell: Shell::of(visit, PATH),
                about: matter.about.name(),
                reference: matter.reference,
                what: matter.what,
                longest: LONGEST,
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// `POST /cabinet/not-me`: everything ends, and a complaint is opened.
pub(super) async fn end_everything(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    cabinet
        .posted(&request, (NOT_ME, Proof::Fresh, &body), async |visit, form| {
            let matter = matter(&cabinet, visit, form).await?;
            let note: String = form.get("note").unwrap_or_default().chars().take(LONGEST).collect();
            let (told, mut then) = tell_everybody(&cabinet, visit).await?;
            let new = NewComplaint {
                number: NewComplaint::number(),
                about: matter.about,
                reference: matter.reference,
                client: matter.client,
                note,
                told,
            };
            then.push(cabinet.complaints.row(visit.person(), &new)?);
            let Some(epoch) = cabinet.life_events.end_access_told(visit.person(), then).await? else {
                return Ok(gone(visit));
            };
            cabinet.logout.notifier.wake();
            let opened = Event::new(Kind::ComplaintOpened).person(visit.person().as_str());
            cabinet.sign_in.audit.record(opened.reason(new.about.name()).detail(new.number.clone()));
            let response = respond::see_other(&format!("{COMPLAINTS}/{}", new.number));
            stay(&cabinet, visit, epoch, response).await
        })
        .await
}

/// Shows a complaint to its person.
pub(super) async fn complaint(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    number: Path<String>,
) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let found = cabinet.complaints.find(&number).await?;
            let Some(found) = found.filter(|found| found.person_id == *visit.person()) else {
                return Ok(gone(visit));
            };
            let matter = Params::default()
                .with("about", found.about.map_or("", About::name).to_owned())
                .with("id", found.reference.clone());
            let what = self::matter(&cabinet, visit, &matter).await?.what;
            let page = ComplaintPage {
                frame: frame(visit),
                shell: Shell::of(visit, PATH),
                opened: words::moment(visit, found.opened_at),
                services: services(&cabinet, visit, &found).await?,
                closed: found.closed.map(|(at, answer)| (words::moment(visit, at), answer)),
                number: found.number,
                note: found.note,
                what,
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// Asks before the account is locked.
pub(super) async fn lock(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Fresh, async |visit| {
            let here = cabinet.sign_in.unlocks_here();
            let page = LockPage { frame: frame(visit), shell: Shell::of(visit, PATH), here };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// `POST /cabinet/lock`: everything ends, and nobody signs in as this person until the account is unlocked.
pub(super) async fn locks(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (LOCK, Proof::Fresh, &body), async |visit, _| {
            if !cabinet.life_events.self_lock(visit.person()).await? {
                return Ok(gone(visit));
            }
            cabinet.sign_in.audit.record(Event::new(Kind::SelfLocked).person(visit.person().as_str()));
            let response = respond::see_other(LOCKED);
            Ok(respond::with_cookies(response, cabinet.cookies.remove(SessionId::COOKIE)))
        })
        .await
}

/// Says how an account is unlocked. It says nothing of anybody, so whoever opens it may read it.
pub(super) async fn locked(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    let languages =
        LanguageLink::all(context.language, |language| format!("{LOCKED}?lang={}", language.tag()));
    let unlock = cabinet.sign_in.unlocks_here().then_some(UNLOCK);
    let page = LockedPage { frame: context.frame(None, languages), unlock };
    context.remember_language(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

/// What an address or a form says was not the person; what is not theirs is nothing in particular.
async fn matter(cabinet: &Cabinet, visit: &Visit<'_>, given: &Params) -> Result<Matter, ServiceError> {
    let about = given.get("about").and_then(About::parse).unwrap_or(About::Anything);
    let id = given.get("id").unwrap_or_default();
    let text = visit.context.text();
    let found = match about {
        About::SignIn | About::Session => {
            cabinet.sign_in.history.find(visit.person(), id).await?.map(|row| (row.client_id, row.at))
        }
        About::Access => match EntryId::parse(id) {
            Some(entry) => cabinet.ledger.find(&entry).await?.and_then(|listed| {
                let theirs = cabinet.ledger.is_about(&listed, visit.person());
                let client = ClientId::parse(&listed.leaf.client).filter(|_| theirs)?;
                Some((client, Timestamp(listed.leaf.at_ms.div_euclid(1000))))
            }),
            None => None,
        },
        About::Anything => None,
    };
    let Some((client, at)) = found else {
        return Ok(Matter {
            about: About::Anything,
            reference: String::new(),
            client: String::new(),
            what: None,
        });
    };
    let (service, when) = (cabinet.named(visit, &client).name, words::moment(visit, at));
    let values = [("service", service.as_str()), ("when", when.as_str())];
    let what = match about {
        About::Access => text.with("cabinet.about_access", &values),
        _ => text.with("cabinet.about_sign_in", &values),
    };
    Ok(Matter { about, reference: id.to_owned(), client: client.as_str().to_owned(), what: Some(what) })
}

/// What tells the services of all sessions that they end, for the transaction that ends them; and which those are.
pub(super) async fn tell_everybody(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
) -> Result<(Vec<ToldOf>, Vec<Statement>), ServiceError> {
    let (mut told, mut statements) = (Vec::new(), Vec::new());
    for alive in sessions::alive(cabinet, visit).await? {
        let (of, rows) = cabinet.logout.notifier.watched(&alive.open.session);
        told.extend(of);
        statements.extend(rows);
    }
    Ok((told, statements))
}

/// Lets the browser that ended everything stay signed in, under the new epoch and another cookie.
pub(super) async fn stay(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    epoch: Epoch,
    response: HttpResponse,
) -> Result<HttpResponse, ServiceError> {
    let (id, sessions) = (SessionId::random(), &cabinet.sign_in.sessions);
    let session = Session {
        epoch,
        sid_key: id.digest(),
        used_at: visit.now,
        opened_ms: 0,
        clients: Vec::new(),
        ..visit.open.session.clone()
    };
    let mut batch = Batch::new(&cabinet.sign_in.ephemeral);
    sessions.replace_in(&mut batch, visit.open.digest);
    sessions.open_in(&mut batch, &id, &session);
    if cabinet.sign_in.ephemeral.apply(batch).await? != Applied::Done {
        // The page that follows leads through the sign-in.
        return Ok(response);
    }
    let who = session.authenticated(id.digest(), &[]);
    let client = &cabinet.first_party.client().id;
    let seen = (&Device::of(visit.context.request), super::sessions::this_browser(cabinet, visit));
    cabinet.sign_in.history.record(&who, client, true, seen);
    cabinet.sign_in.audit.record(session.event(Kind::SessionOpened).client(client.as_str()));
    Ok(respond::with_cookies(response, cabinet.cookies.set(SessionId::COOKIE, id.as_str(), None)))
}

/// What each service answered.
async fn services(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    complaint: &Complaint,
) -> Result<Vec<Told>, ServiceError> {
    let text = visit.context.text();
    let answers = cabinet.logout.notifier.answers(&complaint.told, complaint.opened_at).await?;
    // Of several sessions at one service the one of which least is known tells.
    let doubt = |answered: &Answered| match answered {
        Answered::Untold => 3,
        Answered::Never => 2,
        Answered::Waits => 1,
        Answered::At(_) => 0,
    };
    let mut services: BTreeMap<ClientId, Answered> = BTreeMap::new();
    for (told, answered) in complaint.told.iter().zip(answers) {
        let Some(client) = ClientId::parse(&told.client) else { continue };
        if services.get(&client).is_none_or(|known| doubt(known) < doubt(&answered)) {
            services.insert(client, answered);
        }
    }
    let told = services.into_iter().map(|(client, answered)| Told {
        name: cabinet.named(visit, &client).name,
        state: match answered {
            Answered::At(at) => text.with("cabinet.told_at", &[("when", &words::moment(visit, at))]),
            Answered::Waits => text.get("cabinet.told_waits").to_owned(),
            Answered::Never => text.get("cabinet.told_never").to_owned(),
            Answered::Untold => text.get("cabinet.told_untold").to_owned(),
        },
    });
    Ok(told.collect())
}

fn gone(visit: &Visit<'_>) -> HttpResponse {
    visit.context.problem(ProblemKind::NotFound, &Problem::default())
}
