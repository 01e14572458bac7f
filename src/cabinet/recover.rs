//! `/recover`: the way to a new password for somebody who forgot theirs, and the link by which a recovery is stopped that was not the
//! person's own doing.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::Cabinet;
use super::paths::MEANS_PASSWORD;
use crate::accounts::passwords::STOP_PATH;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::Acr;

/// Where people are told that a recovery was stopped.
pub(super) const STOPPED: &str = "/recover/stopped";

/// The classes of means that are stronger than a password (D-n).
const STRONGER: [Acr; 5] = [Acr::MobileId, Acr::MobileIdPlus, Acr::Passkey, Acr::Eri, Acr::Face];

/// Tells how a forgotten password is recovered.
#[derive(Template)]
#[template(path = "cabinet/recover.html")]
struct RecoverPage<'a> {
    frame: Frame<'a>,
}

/// Asks whether a recovery is to be stopped, and says that it was.
#[derive(Template)]
#[template(path = "cabinet/recover_stop.html")]
struct StopPage<'a> {
    frame: Frame<'a>,
    /// Where the form goes; nothing where it was stopped.
    action: Option<String>,
}

/// Says how a password is recovered. It says nothing of anybody.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    if !cabinet.offers_passwords() {
        return context.problem(ProblemKind::NotFound, &Problem::default());
    }
    let languages = languages(&context, super::RECOVER);
    let page = RecoverPage { frame: context.frame(None, languages) };
    context.remember_language(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

/// `POST /recover`: signs in by a stronger means, and comes back to the form of a password.
pub(super) async fn begin(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    if !respond::is_same_origin(&request, &cabinet.origin) {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    }
    if !cabinet.offers_passwords() {
        return context.problem(ProblemKind::NotFound, &Problem::default());
    }
    context.or_failure(cabinet.first_party.begin_with(&context, MEANS_PASSWORD, None, STRONGER.to_vec()))
}

/// Asks before a recovery is stopped by a link: programs that open links stop nothing.
pub(super) async fn stop_page(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    word: Path<String>,
) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    let found = cabinet.recoveries.passwords.recovery_of_link(&word).await;
    let open = match found {
        Ok(found) => found.is_some_and(|found| found.is_open(cabinet.sign_in.clock.now())),
        Err(error) => return context.failure(&ServiceError::from(error)),
    };
    if !open {
        return context.problem(ProblemKind::Expired, &Problem::default());
    }
    let here = format!("{STOP_PATH}{word}");
    let languages = languages(&context, &here);
    let page = StopPage { frame: context.frame(None, languages), action: Some(here.clone()) };
    context.remember_language(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

/// `POST /recover/stop/{word}`: stops it.
pub(super) async fn stop(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    word: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    if !respond::is_same_origin(&request, &cabinet.origin) || Params::of_form(&request, &body).is_err() {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    }
    let stopped = async {
        match cabinet.recoveries.passwords.recovery_of_link(&word).await? {
            Some(found) => cabinet.recoveries.stop(&found, "link").await,
            None => Ok(false),
        }
    };
    match stopped.await {
        Ok(true) => respond::see_other(STOPPED),
        Ok(false) => context.problem(ProblemKind::Expired, &Problem::default()),
        Err(error) => context.failure(&error),
    }
}

/// Says that a recovery was stopped. It says nothing of anybody.
pub(super) async fn stopped(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    let languages = languages(&context, STOPPED);
    let page = StopPage { frame: context.frame(None, languages), action: None };
    context.remember_language(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

fn languages(context: &PageContext<'_>, here: &str) -> Vec<LanguageLink> {
    LanguageLink::all(context.language, |language| format!("{here}?lang={}", language.tag()))
}
