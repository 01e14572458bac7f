//! `/a/…`: the page that an SMS leads to when a service asks somebody who is not at its site (CIBA Core 1.0). It needs no cookie
//! and no script, and any browser may show it. Nothing is decided on it without the code of that very SMS, a refusal neither:
//! who only knows or guesses the address decides nothing.

mod by_sms;
mod decision;
mod request;
mod verdict;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};

pub use self::by_sms::answered_by_sms;
use self::decision::decided;
use self::request::{PATH, find, limited, page, reference};
use self::verdict::settled;
use super::Pages;
use super::visitor::Visitor;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::sign_in::{ShortCode, Stage};

/// `GET /a`: asks for the reference, for those who type the address.
pub(super) async fn enter(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let context = context(&pages, &request);
    context.remember_language(reference(&context, false))
}

/// `POST /a`: leads to the page of a reference.
pub(super) async fn entered(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = context(&pages, &request);
    let Some(form) = own_form(&pages, &request, &body) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    match form.get("reference").and_then(ShortCode::parse) {
        Some(reference) => respond::see_other(&format!("{PATH}/{}", reference.as_str())),
        None => reference(&context, true),
    }
}

/// `GET /a/{reference}`: shows what is asked.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest, named: Path<String>) -> HttpResponse {
    let context = context(&pages, &request);
    let shown = async {
        let found = match find(&pages, &context, &named).await? {
            Ok(found) => found,
            Err(instead) => return Ok(instead),
        };
        match found.waiting.open.attempt.stage() {
            _ if found.limited => Ok(limited(&context, &found.reference)),
            Stage::Approval(_) => page(&pages, &context, &found, (StatusCode::OK, None)),
            _ => Ok(found.done(&pages, &context, settled(&pages, &found.waiting).await?)),
        }
    };
    context.remember_language(context.or_failure(shown.await))
}

/// `POST /a/{reference}`: takes the decision.
pub(super) async fn post(
    pages: Data<Pages>,
    request: HttpRequest,
    named: Path<String>,
    body: Bytes,
) -> HttpResponse {
    if let Err(instead) = Visitor::admitted(&pages, &request) {
        return instead;
    }
    let context = context(&pages, &request);
    let Some(form) = own_form(&pages, &request, &body) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    context.or_failure(decided(&pages, &context, &named, &form).await)
}

fn context<'r>(pages: &Pages, request: &'r HttpRequest) -> PageContext<'r> {
    PageContext::new(request, pages.cookies, None)
}

/// A form, if a page of this provider posted it.
fn own_form(pages: &Pages, request: &HttpRequest, body: &[u8]) -> Option<Params> {
    let form = Params::of_form(request, body).ok()?;
    respond::is_same_origin(request, &pages.origin).then_some(form)
}
