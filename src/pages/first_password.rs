//! `/password/{word}`: the link by which somebody sets the first password of their account, once (D-e).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::password::typed_twice;
use super::view::{self, FirstPasswordPage, NewPasswordError, NewPasswordPage};
use super::visitor::Visitor;
use crate::accounts::AddedBy;
use crate::accounts::passwords::{BUSY_SECONDS, LINK_PATH, Own, Rests};
use crate::audit::{Event, Kind};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::LanguageLink;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::Means;

/// What the link rests on: that it came to the number of an identification.
const RESTS: Rests<'_> = Rests { classes: &["setup_link"], on_a_code_alone: true };

/// Shows the form. Opening a link uses nothing up: programs open links, too.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest, word: Path<String>) -> HttpResponse {
    if let Err(instead) = Visitor::admitted(&pages, &request) {
        return instead;
    }
    let context = PageContext::new(&request, pages.cookies, None);
    let shown = match pages.passwords.whose_link(&word).await {
        Ok(Some(_)) if offered(&pages) => Ok(form(&pages, &context, &word, None)),
        Ok(_) => Ok(outcome(&context, &word, false)),
        Err(error) => Err(ServiceError::from(error)),
    };
    context.remember_language(context.or_failure(shown))
}

/// Sets the password.
pub(super) async fn post(
    pages: Data<Pages>,
    request: HttpRequest,
    word: Path<String>,
    body: Bytes,
) -> HttpResponse {
    if let Err(instead) = Visitor::admitted(&pages, &request) {
        return instead;
    }
    let context = PageContext::new(&request, pages.cookies, None);
    let form = Params::of_form(&request, &body).ok();
    let Some(form) = form.filter(|_| respond::is_same_origin(&request, &pages.origin)) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    let answered = set(&pages, &context, &word, &form).await;
    context.or_failure(answered)
}

/// Whether people sign in by password here still.
fn offered(pages: &Pages) -> bool {
    pages.sign_in.settings.offered.contains(&Means::Password)
}

async fn set(
    pages: &Pages,
    context: &PageContext<'_>,
    word: &str,
    given: &Params,
) -> Result<HttpResponse, ServiceError> {
    let passwords = &pages.passwords;
    if !offered(pages) {
        return Ok(outcome(context, word, false));
    }
    let Some(person) = passwords.whose_link(word).await? else { return Ok(outcome(context, word, false)) };
    let Some(account) = pages.sign_in.people.find(&person).await? else {
        return Ok(outcome(context, word, false));
    };
    let hashed = match typed_twice(passwords, given, &Own::of(&account, None)).await? {
        Ok(hashed) => hashed,
        Err(error) => return Ok(form(pages, context, word, Some(error))),
    };
    let added = (AddedBy::Person, RESTS);
    let mut then = pages.sign_in.accounts.password_added(&person, added, passwords.now());
    then.extend(pages.sign_in.inbox.rows(&person, &NewNotice::new(NoticeKind::CredentialChanged)));
    let done = passwords.set_by_link((word, &person), &hashed, then).await?;
    if done {
        let event = Event::new(Kind::CredentialChanged).person(person.as_str());
        pages.sign_in.audit.record(event.reason("password"));
    }
    Ok(outcome(context, word, done))
}

fn form(
    pages: &Pages,
    context: &PageContext<'_>,
    word: &str,
    error: Option<NewPasswordError>,
) -> HttpResponse {
    let (text, rules) = (context.text(), pages.passwords.rules);
    let action = format!("{LINK_PATH}{word}");
    let page = NewPasswordPage {
        frame: crate::platform::web::frame::Frame {
            form_action: &action,
            ..context.frame(None, languages(context, word))
        },
        rules: view::rules(rules, text),
        temporary: false,
        error: error.map(|error| error.message(rules, text)),
        cancel: None,
    };
    let status = match error {
        None => StatusCode::OK,
        Some(NewPasswordError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let response = respond::page(status, &page, &CspSources::default());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        respond::retry_after(response, BUSY_SECONDS)
    } else {
        response
    }
}

fn outcome(context: &PageContext<'_>, word: &str, done: bool) -> HttpResponse {
    let page = FirstPasswordPage { frame: context.frame(None, languages(context, word)), done };
    let status = if done { StatusCode::OK } else { StatusCode::GONE };
    respond::page(status, &page, &CspSources::default())
}

fn languages(context: &PageContext<'_>, word: &str) -> Vec<LanguageLink> {
    LanguageLink::all(context.language, |language| format!("{LINK_PATH}{word}?lang={}", language.tag()))
}
