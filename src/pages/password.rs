//! `/sign-in/password`: login and password; `/sign-in/new-password`: the password that takes the place of a temporary one, before anything
//! else. What is wrong is said on the page that the form gets, with the login as it was typed and never the password.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::drive::{show, tried};
use super::proof::Proof;
use super::step::{Flow, Read, StepContext};
use super::toll::Tolled;
use super::view::{self, NewPasswordError, NewPasswordPage, PasswordError, PasswordPage, TollReason};
use super::visitor::Visitor;
use super::{Pages, proof};
use crate::accounts::AddedBy;
use crate::accounts::passwords::{
    BUSY_SECONDS, Busy, Hashed, Own, Passwords, Right, Tried, TypedLogin, TypedPassword,
};
use crate::audit::Kind;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{Epoch, PersonId};
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::risk::Paid;
use crate::sign_in::{Amr, Event, Limit, Means, Page, Proving, Stage};

/// How long a new password may be thought about, in seconds: as long as a sign-in is kept.
const THINKING: i64 = 600;

/// Whose temporary password was right, and which it was.
#[derive(Serialize, Deserialize)]
struct Replacing {
    person: PersonId,
    epoch: Epoch,
    generation: i64,
    counts: bool,
}

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Password, async |step| {
        if !step.leads(&pages, Means::Password) {
            return Ok(step.instead_of_means());
        }
        let error = match step.said("e") {
            Some("expired") => Some(PasswordError::Expired),
            _ => None,
        };
        Ok(page(&pages, step, "", error).into())
    })
    .await
}

/// Takes login and password.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    tried(&pages, &request, (Page::Password, Read::Attempt), &body, async |step, visitor, form| {
        if !step.leads(&pages, Means::Password) {
            return Ok(step.instead_of_means());
        }
        enter(&pages, step, visitor, form).await
    })
    .await
}

async fn enter(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    form: &Params,
) -> Result<Flow, ServiceError> {
    let typed = form.get("login").unwrap_or_default();
    let again = |step: &StepContext<'_>, error| Ok(page(pages, step, typed, Some(error)).into());
    let Some(login) = TypedLogin::read(typed) else { return again(step, PasswordError::EmptyLogin) };
    let tolled = Tolled::read(form, Page::Password, TollReason::Passwords, ("login", typed));
    let paid = match tolled.paid(pages, step) {
        Paid::Level(level) => level,
        Paid::Early(toll) => return Ok(tolled.early(step, &toll).into()),
    };
    let entered = form.get("password").filter(|password| !password.is_empty()).map(str::to_owned);
    // The page of a toll holds it, so that nobody types it twice.
    let Some(password) = entered.or_else(|| tolled.held(pages).filter(|_| paid > 0)) else {
        return again(step, PasswordError::Empty);
    };
    let (sign_in, passwords) = (&pages.sign_in, &pages.passwords);
    let side = |person: &PersonId, epoch| sign_in.known.side(&visitor.known, person, epoch);
    let read_at = sign_in.clock.now_ms();
    let approached = passwords.approach(&login, side).await?;
    if let Some(limit) = sign_in.count_password(&approached, &visitor.network, paid).await? {
        sign_in.record_limited_password(&step.open, limit);
        let Limit::Toll(level) = limit else { return Ok(step.too_many(limit, Page::Password).into()) };
        // What is too long to be held is nobody's password.
        return match tolled.due(pages, step, level, Some(&password)) {
            Some(toll) => Ok(toll.into()),
            None => again(step, PasswordError::Wrong),
        };
    }
    let whose = (approached.side(), approached.is_somebodys());
    let tried = passwords.compare(approached, TypedPassword::read(&password)).await?;
    sign_in.count_guess(&visitor.network, whose, &tried);
    sign_in.record_password(&step.open, &tried);
    match tried {
        Tried::Right(right) if right.temporary => replace(pages, step, right).await,
        Tried::Right(right) => {
            // What was given a challenge before, such as a code that has expired since, is out of use by what was proved.
            let _ = step.open.attempt.advance(Event::ProofRefused, false, sign_in.clock.now());
            let read = (read_at, right.epoch);
            proof::proved(pages, step, visitor, proof(right.person, right.counts, read)).await
        }
        Tried::Over => again(step, PasswordError::Over),
        Tried::Wrong { .. } => again(step, PasswordError::Wrong),
        Tried::Delayed(until) => again(step, PasswordError::Delayed(until)),
        Tried::Busy => again(step, PasswordError::Busy),
    }
}

/// A password is something that one knows (RFC 8176 §2: `pwd`).
fn proof(person: PersonId, counts: bool, read: (i64, Epoch)) -> Proof {
    let amr = vec![Amr::Pwd];
    Proof { person, means: Means::Password, amr, organisation: None, counts, read: Some(read) }
}

/// Leads to the page where a new password takes the place of a temporary one.
async fn replace(pages: &Pages, step: &mut StepContext<'_>, right: Right) -> Result<Flow, ServiceError> {
    let now = pages.sign_in.clock.now();
    let state = Replacing {
        person: right.person,
        epoch: right.epoch,
        generation: right.generation,
        counts: right.counts,
    };
    let proving = Proving::new(Means::Password, &state, (now, now.plus(THINKING)))?;
    if step.open.attempt.advance(Event::ProofBegun(proving), false, now).is_err()
        || !pages.sign_in.attempts.store(&step.open).await?
    {
        return Ok(Flow::Due);
    }
    Ok(step.go(Page::NewPassword).into())
}

fn page(pages: &Pages, step: &StepContext<'_>, login: &str, error: Option<PasswordError>) -> HttpResponse {
    let (text, now) = (step.context.text(), pages.sign_in.clock.now());
    let (action, cancel) = (step.path(Page::Password), step.cancel_path(Page::Password));
    let page = PasswordPage {
        frame: step.frame(Page::Password, &action),
        login,
        error: error.map(|error| error.message(text, now)),
        others: step.other_means(pages, Means::Password),
        cancel: &cancel,
    };
    let (status, wait) = match error {
        None => (StatusCode::OK, None),
        Some(PasswordError::Busy) => (StatusCode::SERVICE_UNAVAILABLE, Some(BUSY_SECONDS)),
        Some(PasswordError::Delayed(until)) => (StatusCode::TOO_MANY_REQUESTS, Some(until.since(now).max(1))),
        Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, None),
    };
    let response = respond::page(status, &page, &step.csp_sources());
    match wait {
        Some(seconds) => respond::retry_after(response, seconds),
        None => response,
    }
}

/// Shows the page of a new password.
pub(super) async fn new(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::NewPassword, async |step| {
        if replacing(step).is_none() {
            return Ok(Flow::Due);
        }
        Ok(new_page(&pages, step, None).into())
    })
    .await
}

/// Sets the new password, and signs its person in.
pub(super) async fn set(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    tried(&pages, &request, (Page::NewPassword, Read::Attempt), &body, async |step, visitor, form| {
        let Some((state, expires_at)) = replacing(step) else { return Ok(Flow::Due) };
        if expires_at <= pages.sign_in.clock.now() {
            return Ok(step.go_saying(Page::Password, "expired").into());
        }
        let read_at = pages.sign_in.clock.now_ms();
        let Some(found) = pages.release.consent_context(&state.person, &step.client).await? else {
            return Ok(step.go_saying(Page::Means, "unusable").into());
        };
        if found.account.account_state.epoch != state.epoch {
            return Ok(step.go_saying(Page::Password, "expired").into());
        }
        let login = pages.passwords.login_of(&state.person).await?;
        let own = Own::of(&found.account, login.as_deref());
        let hashed = match typed_twice(&pages.passwords, form, &own).await? {
            Ok(hashed) => hashed,
            Err(error) => return Ok(new_page(&pages, step, Some(error)).into()),
        };
        // D-e: it is changed, and not kept.
        let present = TypedPassword::read(form.get("new").unwrap_or_default());
        match pages.passwords.is_present(&state.person, present).await? {
            Ok(false) => {}
            Ok(true) => return Ok(new_page(&pages, step, Some(NewPasswordError::Present)).into()),
            Err(Busy) => return Ok(new_page(&pages, step, Some(NewPasswordError::Busy)).into()),
        }
        // Of two that use the same temporary password, the first one sets a new one.
        let guard = pages.passwords.replace(&state.person, state.generation, &hashed, AddedBy::Person);
        let mut then = vec![Passwords::forgive(&state.person)];
        then.extend(pages.sign_in.inbox.rows(&state.person, &NewNotice::new(NoticeKind::CredentialChanged)));
        if !pages.passwords.change(guard, then).await? {
            return Ok(step.go_saying(Page::Password, "expired").into());
        }
        step.record(&pages, Kind::CredentialChanged, None, |event| {
            event.person(state.person.as_str().to_owned()).reason("password")
        });
        let read = (read_at, state.epoch);
        proof::proved(&pages, step, visitor, proof(state.person.clone(), state.counts, read)).await
    })
    .await
}

/// What a temporary password led to.
fn replacing(step: &StepContext<'_>) -> Option<(Replacing, Timestamp)> {
    match step.open.attempt.stage() {
        Stage::Proving(proving, _) => Some((proving.state(Means::Password)?, proving.expires_at)),
        _ => None,
    }
}

/// The hash of a new password that was typed twice, if it keeps the rules.
pub(super) async fn typed_twice(
    passwords: &Passwords,
    form: &Params,
    own: &Own,
) -> Result<Result<Hashed, NewPasswordError>, ServiceError> {
    let typed = |name| form.get(name).unwrap_or_default();
    let new = match passwords.rules.check(typed("new"), own) {
        Ok(new) => new,
        Err(weak) => return Ok(Err(NewPasswordError::Weak(weak))),
    };
    if typed("new") != typed("repeat") {
        return Ok(Err(NewPasswordError::NotTwice));
    }
    Ok(passwords.hash(new).await?.map_err(|Busy| NewPasswordError::Busy))
}

fn new_page(pages: &Pages, step: &StepContext<'_>, error: Option<NewPasswordError>) -> HttpResponse {
    let (text, rules) = (step.context.text(), pages.passwords.rules);
    let (action, cancel) = (step.path(Page::NewPassword), step.cancel_path(Page::NewPassword));
    let page = NewPasswordPage {
        frame: step.frame(Page::NewPassword, &action),
        rules: view::rules(rules, text),
        temporary: true,
        error: error.map(|error| error.message(rules, text)),
        cancel: Some(&cancel),
    };
    let status = match error {
        None => StatusCode::OK,
        Some(NewPasswordError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let response = respond::page(status, &page, &step.csp_sources());
    if error == Some(NewPasswordError::Busy) {
        respond::retry_after(response, BUSY_SECONDS)
    } else {
        response
    }
}
