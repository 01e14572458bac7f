//! `/cabinet/unlock`: whoever locked their account themselves unlocks it by a means that is stronger than a code (`sign_in/assurance.rs`
//! says which). They prove who they are by the pages of a sign-in, which sign nobody in whose account is locked; the page that follows has
//! the button, and a sealed proof of this browser. All pages here say nothing of anybody.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::sms_lock::told;
use super::{Cabinet, PATH as CABINET};
use crate::audit::{Event, Kind};
use crate::notices::sms::lock::unlocked_text;
use crate::people::OwnLock;
use crate::platform::db::Statement;
use crate::platform::ephemeral::{Applied, Batch};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{BrowserId, UNLOCK, UNLOCKING, UnlockProof};

/// Begins the sign-in that proves who somebody is.
pub(super) const BEGIN: &str = "/cabinet/unlock/begin";

/// Says that an account was unlocked.
pub(super) const UNLOCKED: &str = "/cabinet/unlocked";

/// Tells how an account is unlocked, or that it was.
#[derive(Template)]
#[template(path = "cabinet/unlock.html")]
struct UnlockPage<'a> {
    frame: Frame<'a>,
    /// Whether that can be done without going anywhere.
    here: bool,
    done: bool,
}

/// Says how an account is unlocked.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    page(&cabinet, &request, (UNLOCK, false))
}

/// Says that it was.
pub(super) async fn unlocked(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    page(&cabinet, &request, (UNLOCKED, true))
}

/// `POST /cabinet/unlock/begin`: signs in by a means that unlocks. Whose account is not locked comes to their cabinet.
pub(super) async fn begin(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    if !respond::is_same_origin(&request, &cabinet.origin) {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    }
    context.or_failure(cabinet.first_party.begin_with(&context, CABINET, None, UNLOCKING.to_vec()))
}

/// `POST /cabinet/unlock`: unlocks the account of whoever proved who they are in this browser, if their lock is all that keeps it out of
/// use.
pub(super) async fn unlock(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = PageContext::new(&request, cabinet.cookies, None);
    let form = Params::of_form(&request, &body);
    let (Ok(form), true) = (form, respond::is_same_origin(&request, &cabinet.origin)) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    let browser = cabinet.cookies.read(&request, BrowserId::COOKIE).and_then(BrowserId::parse);
    let token = form.get("proof").unwrap_or_default();
    let proof = browser.and_then(|browser| cabinet.sign_in.unlocking.open(token, &browser.digest()));
    let Some(proof) = proof else { return context.problem(ProblemKind::Expired, &Problem::default()) };
    match end(&cabinet, &proof).await {
        Ok(true) => respond::see_other(UNLOCKED),
        Ok(false) => context.problem(ProblemKind::Expired, &Problem::default()),
        Err(error) => context.failure(&error),
    }
}

/// Ends the lock that was proved, and tells its person; `false` where something else keeps the account out of use by now.
async fn end(cabinet: &Cabinet, proof: &UnlockProof) -> Result<bool, ServiceError> {
    let (sign_in, person) = (&cabinet.sign_in, &proof.person);
    let Some(lock) = sign_in.people.own_lock(person).await? else {
        // The same button pressed twice.
        let account = sign_in.people.find(person).await?;
        return Ok(account.is_some_and(|account| account.account_state.epoch == proof.epoch));
    };
    let OwnLock { epoch, number: Some(number), .. } = lock else {
        return ended(cabinet, proof, Vec::new()).await;
    };
    if epoch != proof.epoch {
        return Ok(false);
    }
    let language = sign_in.people.preferred_language(person).await?.unwrap_or(Language::UzLatn);
    let message = told(cabinet, &number, unlocked_text(language.tag(), &sign_in.settings.host))?;
    let mut batch = Batch::new(&sign_in.ephemeral);
    message.announce_in(&mut batch);
    if sign_in.ephemeral.apply(batch).await? != Applied::Done {
        return Err(ServiceError::Unavailable("a message could not be announced".to_owned()));
    }
    let done = ended(cabinet, proof, vec![sign_in.outbox.row(&message)]).await?;
    if done {
        sign_in.outbox.is_in(message);
    }
    Ok(done)
}

async fn ended(cabinet: &Cabinet, proof: &UnlockProof, also: Vec<Statement>) -> Result<bool, ServiceError> {
    let done = cabinet.life_events.end_own_lock(&proof.person, proof.epoch, also).await?;
    if done {
        let ended = Event::new(Kind::SelfLockEnded).person(proof.person.as_str());
        cabinet.sign_in.audit.record(ended.reason(proof.means.name()));
        cabinet.sign_in.metrics.sign_ins("unlock", "done").inc();
    }
    Ok(done)
}

fn page(cabinet: &Cabinet, request: &HttpRequest, (path, done): (&str, bool)) -> HttpResponse {
    let context = PageContext::new(request, cabinet.cookies, None);
    let languages = LanguageLink::all(context.language, |language| format!("{path}?lang={}", language.tag()));
    let here = cabinet.sign_in.unlocks_here();
    let page = UnlockPage { frame: context.frame(None, languages), here, done };
    context.remember_language(respond::page(StatusCode::OK, &page, &CspSources::default()))
}
