//! `/cabinet/notices`: what the person was told, with the times that count in law (R105, R106), and of what they want an SMS (R73).

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::paths::{NOTICES as PATH, SMS};
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::{Cabinet, PAGE, words};
use crate::clients::ClientId;
use crate::notices::charges::MessageKind;
use crate::notices::inbox::{Names, Notice, NoticeId, NoticeKind, NoticeWords, Place, SmsState};
use crate::notices::{ChargeWarning, Wish, charge_warning};
use crate::people::DataSet;
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::Problem;
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};

/// The list.
#[derive(Template)]
#[template(path = "cabinet/notices.html")]
struct NoticesPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    notices: Vec<Item>,
    /// Whether any of the person's notices is unread.
    unread: bool,
    /// Up to when all are marked as read by the button: what arrives in the meantime stays unread.
    up_to: String,
    older: Option<String>,
}

/// A notice in the list.
struct Item {
    href: String,
    title: String,
    arrived: String,
    unread: bool,
}

/// One notice.
#[derive(Template)]
#[template(path = "cabinet/notice.html")]
struct NoticePage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    words: NoticeWords,
    data: String,
    times: Vec<(&'static str, String)>,
    /// What became of its SMS, where that needs a sentence.
    sms: Option<&'static str>,
    /// Whether it may tell of somebody else at work: then it leads to what ends everything.
    warns: bool,
}

/// Of what an SMS is wanted.
#[derive(Template)]
#[template(path = "cabinet/sms.html")]
struct SmsPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    warning: String,
    /// When the warning was shown, and what it said an SMS costs.
    shown_at: String,
    tiyin: String,
    all: bool,
    kinds: Vec<Kind>,
    /// Since when charges are accepted, in words; `None` where no SMS is wanted.
    accepted: Option<String>,
    /// Whether nothing was chosen although the button was pressed.
    nothing: bool,
}

/// A kind of notices.
struct Kind {
    id: &'static str,
    title: &'static str,
    ticked: bool,
}

/// How many of the person's notices are unread; counted up to a hundred.
pub(super) async fn unread(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<usize, ServiceError> {
    Ok(usize::try_from(cabinet.inbox.unread(visit.person(), 100).await?).unwrap_or_default())
}

/// Shows the list.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let after = visit.query.get("before").and_then(|before| {
                let (at, id) = before.split_once('.')?;
                Some(Place { arrived_at_ms: at.parse().ok()?, id: NoticeId::parse(id)? })
            });
            let most = i64::try_from(PAGE).unwrap_or(i64::MAX) + 1;
            let mut notices = cabinet.inbox.list(visit.person(), after.as_ref(), most).await?;
            let more = notices.len() > PAGE;
            notices.truncate(PAGE);
            let last = notices.last().filter(|_| more).map(Notice::place);
            let older =
                last.map(|place| format!("{PATH}?before={}.{}", place.arrived_at_ms, place.id.as_str()));
            let item = |notice: &Notice| Item {
                href: format!("{PATH}/{}", notice.id.as_str()),
                title: in_words(&cabinet, visit, notice).title,
                arrived: at(visit, notice.arrived_at_ms),
                unread: notice.read_at_ms.is_none(),
            };
            let page = NoticesPage {
                frame: frame(visit),
                shell: Shell::of(visit, PATH),
                notices: notices.iter().map(item).collect(),
                unread: unread(&cabinet, visit).await? > 0,
                up_to: cabinet.sign_in.clock.now_ms().to_string(),
                older,
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// Shows one notice, which counts as reading it. Another person's is no page at all.
pub(super) async fn one(cabinet: Data<Cabinet>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let Some(id) = NoticeId::parse(&id) else { return Ok(nothing(visit)) };
            cabinet.inbox.mark_read(visit.person(), std::slice::from_ref(&id)).await?;
            let Some(notice) = cabinet.inbox.find(visit.person(), &id).await? else {
                return Ok(nothing(visit));
            };
            let text = visit.context.text();
            let words = in_words(&cabinet, visit, &notice);
            let mut times = vec![(text.get("cabinet.arrived"), at(visit, notice.arrived_at_ms))];
            for (name, when) in [
                (text.get("cabinet.sms_sent"), notice.sent_at_ms),
                (text.get("cabinet.sms_delivered"), notice.delivered_at_ms),
                (text.get("cabinet.read"), notice.read_at_ms),
            ] {
                times.extend(when.map(|when| (name, at(visit, when))));
            }
            let sms = match notice.sms {
                SmsState::None | SmsState::Sent | SmsState::Delivered => None,
                SmsState::Waiting => Some(text.get("cabinet.sms_waiting")),
                SmsState::Failed(why) => Some(why.words(text)),
            };
            let data = words.data.join(", ");
            let warns = notice.kind.is_some_and(NoticeKind::is_security);
            let page = NoticePage {
                frame: frame(visit),
                shell: Shell::of(visit, PATH),
                words,
                data,
                times,
                sms,
                warns,
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// `POST /cabinet/notices`: all that had arrived when the page was shown are read.
pub(super) async fn read_all(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, form| {
            let now = cabinet.sign_in.clock.now_ms();
            let up_to = form.get("up_to").and_then(|up_to| up_to.parse::<i64>().ok()).unwrap_or(0).min(now);
            cabinet.inbox.mark_all_read(visit.person(), up_to).await?;
            Ok(respond::see_other(PATH))
        })
        .await
}

/// Shows of what an SMS is wanted, and the warning of charges (R79).
pub(super) async fn sms(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let text = visit.context.text();
            let wished = cabinet.wishes.of(visit.person()).await?;
            let wish = wished.as_ref().map(|wished| &wished.wish);
            let kind = |kind: NoticeKind| Kind {
                id: kind.name(),
                title: kind.title(text),
                ticked: matches!(wish, Some(Wish::Kinds(kinds)) if kinds.contains(&kind)),
            };
            let page = SmsPage {
                frame: frame(visit),
                shell: Shell::of(visit, PATH),
                warning: charge_warning(text, tiyin(&cabinet)),
                shown_at: cabinet.sign_in.clock.now_ms().to_string(),
                tiyin: tiyin(&cabinet).map(|tiyin| tiyin.to_string()).unwrap_or_default(),
                all: matches!(wish, Some(Wish::All)),
                kinds: NoticeKind::all().map(kind).collect(),
                accepted: wished.map(|wished| at(visit, wished.consent.accepted_at_ms)),
                nothing: visit.query.get("e") == Some("nothing"),
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// `POST /cabinet/notices/sms`: charges are accepted for what was chosen. It costs money, so it wants a fresh proof.
pub(super) async fn accept(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (SMS, Proof::Fresh, &body), async |visit, form| {
            let Some(wish) = wish(form) else { return Ok(respond::see_other(&format!("{SMS}?e=nothing"))) };
            let (now, shown) =
                (cabinet.sign_in.clock.now_ms(), form.get("shown_at").and_then(|at| at.parse().ok()));
            // What was agreed to is what the page said: another price is shown again.
            let same = form.get("tiyin").and_then(|tiyin| tiyin.parse().ok()) == tiyin(&cabinet);
            let Some(shown_at_ms) = shown.filter(|shown: &i64| same && *shown <= now) else {
                return Ok(respond::see_other(SMS));
            };
            let warning =
                ChargeWarning { language: visit.context.language, tiyin: tiyin(&cabinet), shown_at_ms };
            cabinet.wishes.accept(visit.person(), &wish, warning).await?;
            Ok(visit.done(SMS, "sms_on"))
        })
        .await
}

/// `POST /cabinet/notices/sms/end`: no SMS any more. Ending is harmless.
pub(super) async fn withdraw(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (SMS, Proof::Session, &body), async |visit, _| {
            let was = cabinet.wishes.withdraw(visit.person()).await?;
            Ok(visit.done(SMS, if was { "sms_off" } else { "nothing" }))
        })
        .await
}

/// What an SMS about a notice costs today, in tiyin; `None` where it is free.
fn tiyin(cabinet: &Cabinet) -> Option<i64> {
    cabinet.charges.price(MessageKind::Notice).map(|price| price.tiyin)
}

fn wish(form: &Params) -> Option<Wish> {
    if form.get("all").is_some() {
        return Some(Wish::All);
    }
    let kinds: BTreeSet<NoticeKind> = form.all("kind").filter_map(NoticeKind::parse).collect();
    (!kinds.is_empty()).then_some(Wish::Kinds(kinds))
}

fn in_words(cabinet: &Cabinet, visit: &Visit<'_>, notice: &Notice) -> NoticeWords {
    let text = visit.context.text();
    let service = |id: &str| Some(cabinet.named(visit, &ClientId::parse(id)?).name);
    let data_set = |set: &str| Some(words::data([DataSet::parse(set)?], text));
    notice.words(text, Names { service: &service, data_set: &data_set })
}

fn at(visit: &Visit<'_>, ms: i64) -> String {
    words::moment(visit, Timestamp(ms.div_euclid(1000)))
}

fn nothing(visit: &Visit<'_>) -> HttpResponse {
    visit.context.problem(ProblemKind::NotFound, &Problem::default())
}
