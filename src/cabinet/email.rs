//! `/cabinet/email`: the address to which a person wants mails that warn of somebody else at work.
//!
//! Setting and removing it want a fresh proof. It is used only after a button was pressed on the page of a link that was sent to it:
//! what mail scanners open changes nothing. That page wants no session, since mails are often read on another device; it shows
//! only the address, masked, and the link works once, for a day.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::Cabinet;
use super::paths::EMAIL as PATH;
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use crate::audit::{Event, Kind};
use crate::notices::email::{Asked, CONFIRM, EmailAddress, Emails};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};

/// The address, and the form for another.
#[derive(Template)]
#[template(path = "cabinet/email.html")]
struct EmailPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    /// The confirmed address, whole only after a fresh proof.
    address: Option<String>,
    /// The one that waits for its link to be opened.
    waiting: Option<String>,
    /// What is wrong with what was typed.
    error: Option<&'static str>,
    typed: String,
}

/// The page of a link.
#[derive(Template)]
#[template(path = "cabinet/email_link.html")]
struct LinkPage<'a> {
    frame: Frame<'a>,
    state: LinkState,
}

/// What the page of a link says.
enum LinkState {
    /// The address, masked, and what the form holds.
    Asks {
        address: String,
        token: String,
    },
    Confirmed,
    /// It was used, replaced, or is too old.
    Gone,
}

/// Shows the address.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    let answered = cabinet.show(&request, Proof::Session, async |visit| match &cabinet.emails {
        Some(emails) => page(emails, visit, None, String::new()).await,
        None => Ok(nothing(visit)),
    });
    answered.await
}

/// `POST /cabinet/email`: a mail with a link goes to what was typed.
pub(super) async fn ask(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, form| {
            let Some(emails) = &cabinet.emails else { return Ok(nothing(visit)) };
            let text = visit.context.text();
            let typed = form.get("email").unwrap_or_default().trim().to_owned();
            let Some(address) = EmailAddress::parse(&typed) else {
                let key = if typed.is_empty() { "email.error_empty" } else { "email.error_wrong" };
                return page(emails, visit, Some(text.get(key)), typed).await;
            };
            match emails.ask(visit.person(), &address, visit.context.language.tag()).await? {
                Asked::Sent => Ok(visit.done(PATH, "email_asked")),
                Asked::TooMany => page(emails, visit, Some(text.get("email.error_often")), typed).await,
            }
        })
        .await
}

/// `POST /cabinet/email/end`: no mails any more.
pub(super) async fn end(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, _| {
            let Some(emails) = &cabinet.emails else { return Ok(nothing(visit)) };
            let told = cabinet.inbox.rows(visit.person(), &NewNotice::new(NoticeKind::EmailChanged));
            if !emails.remove(visit.person(), told).await? {
                return Ok(visit.done(PATH, "nothing"));
            }
            let removed = Event::new(Kind::EmailChanged).person(visit.person().as_str());
            cabinet.sign_in.audit.record(removed.reason("removed"));
            Ok(visit.done(PATH, "email_gone"))
        })
        .await
}

/// Shows what a link confirms. Whoever opens it, a scanner included, changes nothing.
pub(super) async fn link(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let token = query.get("t").unwrap_or_default();
    let answered = match &cabinet.emails {
        None => return context.problem(ProblemKind::NotFound, &Problem::default()),
        Some(emails) => emails.waiting(token).await,
    };
    let shown = answered.map_err(ServiceError::from).map(|waiting| {
        let state = waiting.map_or(LinkState::Gone, |waiting| LinkState::Asks {
            address: waiting.address.masked(),
            token: token.to_owned(),
        });
        link_page(&context, state, token)
    });
    context.remember_language(context.or_failure(shown))
}

/// `POST /cabinet/email/confirm`: the button was pressed.
pub(super) async fn confirm(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    let form = Params::of_form(&request, &body);
    let (Ok(form), true) = (form, respond::is_same_origin(&request, &cabinet.origin)) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    let Some(emails) = &cabinet.emails else {
        return context.problem(ProblemKind::NotFound, &Problem::default());
    };
    // A link that was asked for before its account was locked, or blocked, confirms nothing meanwhile.
    let usable = async {
        let Some(waiting) = emails.waiting(form.get("t").unwrap_or_default()).await? else {
            return Ok(false);
        };
        Ok::<_, ServiceError>(cabinet.sign_in.people.find(&waiting.person).await?.is_some())
    };
    match usable.await {
        Ok(true) => {}
        Ok(false) => return link_page(&context, LinkState::Gone, ""),
        Err(error) => return context.failure(&error),
    }
    let told = |person: &_| cabinet.inbox.rows(person, &NewNotice::new(NoticeKind::EmailChanged));
    let confirmed = emails.confirm(form.get("t").unwrap_or_default(), told).await;
    let shown = confirmed.map_err(ServiceError::from).map(|confirmed| {
        let state = match confirmed {
            None => LinkState::Gone,
            Some(confirmed) => {
                let changed = Event::new(Kind::EmailChanged).person(confirmed.person.as_str());
                cabinet.sign_in.audit.record(changed.reason(if confirmed.replaced {
                    "replaced"
                } else {
                    "confirmed"
                }));
                LinkState::Confirmed
            }
        };
        link_page(&context, state, "")
    });
    context.or_failure(shown)
}

fn link_page(context: &PageContext<'_>, state: LinkState, token: &str) -> HttpResponse {
    let languages = LanguageLink::all(context.language, |language| {
        // What is no token is not repeated.
        let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        format!("{CONFIRM}?t={}&lang={}", if plain { token } else { "" }, language.tag())
    });
    let languages = if token.is_empty() { Vec::new() } else { languages };
    let page = LinkPage { frame: context.frame(None, languages), state };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

async fn page(
    emails: &Emails,
    visit: &Visit<'_>,
    error: Option<&'static str>,
    typed: String,
) -> Result<HttpResponse, ServiceError> {
    let shown = |address: EmailAddress| {
        if visit.is_fresh() { address.as_str().to_owned() } else { address.masked() }
    };
    let (address, waiting) = (emails.of(visit.person()).await?, emails.waiting_of(visit.person()).await?);
    let page = EmailPage {
        frame: frame(visit),
        shell: Shell::of(visit, PATH),
        address: address.map(shown),
        waiting: waiting.map(shown),
        error,
        typed,
    };
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

fn nothing(visit: &Visit<'_>) -> HttpResponse {
    visit.context.problem(ProblemKind::NotFound, &Problem::default())
}
