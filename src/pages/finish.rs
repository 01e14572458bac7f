//! From "the person proved who they are" to the answer: the session, the consent that may be wanted, the way back.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::step::{Page, StepContext};
use crate::clients::Basis;
use crate::oidc::{self, ErrorCode, IssueOutcome, Prompt, ToClient};
use crate::platform::service_error::ServiceError;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::release::{ConsentContext, Decision, decide};
use crate::sign_in::{Authenticated, Session, SessionId, Stage};

/// Opens the session of a person who has just proved who they are, and goes on.
///
/// # Errors
/// [`ServiceError`] when a store is away; then nobody is signed in.
pub(super) async fn signed_in(
    pages: &Pages,
    step: &mut StepContext<'_>,
    id: SessionId,
    mut authenticated: Authenticated,
    subject: &ConsentContext,
) -> Result<HttpResponse, ServiceError> {
    let former = former_session(pages, step).await?;
    let mut clients = Vec::new();
    let mut left_behind = None;
    match former {
        // The same person again: services know the session by the same name, the cookie is a new one.
        Some((digest, session)) if session.person_id == authenticated.person_id => {
            authenticated.sid_key = session.sid_key;
            clients = session.clients;
            left_behind = Some((digest, false));
        }
        Some((digest, _)) => left_behind = Some((digest, true)),
        None => {}
    }
    let next = next(pages, step, &authenticated, subject);
    step.attempt.progress.stage = match &next {
        Next::Ask => Stage::Consent(authenticated.clone()),
        Next::Answer(_) | Next::WrongPerson => Stage::Finished,
    };
    // Of two requests with the same right code, the one that stores this first signs in.
    if !step.advance(pages).await? {
        return Ok(step.go(Page::Code));
    }
    if matches!(next, Next::Answer(_)) && !clients.contains(&step.client.id) {
        clients.push(step.client.id.clone());
    }
    let session = Session {
        person_id: authenticated.person_id.clone(),
        auth_time: authenticated.auth_time,
        acr: authenticated.acr,
        amr: authenticated.amr.clone(),
        sid_key: authenticated.sid_key,
        used_at: authenticated.auth_time,
        clients,
    };
    pages.oidc.sessions.open(&id, &session).await?;
    match left_behind {
        Some((digest, true)) => oidc::end(&pages.oidc, digest).await?,
        Some((digest, false)) => {
            pages.oidc.sessions.end(digest).await?;
        }
        None => {}
    }
    let response = go(pages, step, &authenticated, next).await?;
    Ok(respond::with_cookies(response, pages.oidc.cookies.set(SessionId::COOKIE, id.as_str(), None)))
}

/// Goes on with a session that the person wants to use.
///
/// # Errors
/// [`ServiceError`] when a store is away.
pub(super) async fn use_session(
    pages: &Pages,
    step: &mut StepContext<'_>,
    authenticated: Authenticated,
    subject: &ConsentContext,
) -> Result<HttpResponse, ServiceError> {
    let next = next(pages, step, &authenticated, subject);
    step.attempt.progress.stage = match &next {
        Next::Ask => Stage::Consent(authenticated.clone()),
        Next::Answer(_) | Next::WrongPerson => Stage::Finished,
    };
    if !step.advance(pages).await? {
        return Ok(step.go(Page::Continue));
    }
    go(pages, step, &authenticated, next).await
}

/// Answers the service with what was decided, after the sign-in was marked as finished.
///
/// # Errors
/// [`ServiceError`] when a store is away.
pub(super) async fn answer(
    pages: &Pages,
    step: &StepContext<'_>,
    authenticated: &Authenticated,
    decision: Decision,
) -> Result<HttpResponse, ServiceError> {
    let request = &step.attempt.request;
    Ok(match oidc::issue(&pages.oidc, &step.client, request, authenticated, decision).await? {
        IssueOutcome::Sent(answer) => oidc::send(&step.context, Some(&step.client), answer),
        IssueOutcome::SessionGone => step.problem(ProblemKind::Expired),
    })
}

/// `GET /sign-in/cancel`: the person does not want to; the service is told so.
pub async fn cancel(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let mut step = match StepContext::any(&pages, &request).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    if step.attempt.progress.stage == Stage::Finished {
        return step.problem(ProblemKind::AlreadyFinished);
    }
    step.attempt.progress.stage = Stage::Finished;
    match step.advance(&pages).await {
        Ok(true) => deny(&pages, &step),
        Ok(false) => step.problem(ProblemKind::AlreadyFinished),
        Err(fault) => step.context.failure(&fault),
    }
}

/// Tells the service that the person refused.
pub(super) fn deny(pages: &Pages, step: &StepContext<'_>) -> HttpResponse {
    oidc::send(&step.context, Some(&step.client), oidc::deny(&pages.oidc, &step.attempt))
}

enum Next {
    Answer(Decision),
    Ask,
    /// The service meant somebody else (`id_token_hint`, `claims`).
    WrongPerson,
}

fn next(
    pages: &Pages,
    step: &StepContext<'_>,
    authenticated: &Authenticated,
    subject: &ConsentContext,
) -> Next {
    let request = &step.attempt.request;
    let sub = pages.oidc.subject_ids.of(&step.client, &authenticated.person_id);
    if request.subject.as_ref().is_some_and(|wanted| *wanted != sub) {
        return Next::WrongPerson;
    }
    let asked = request.release.available(&subject.account);
    // A law that lets a body have the data leaves nothing to ask.
    let ask_again = request.prompt.contains(&Prompt::Consent) && step.client.basis == Basis::Consent;
    match decide(&step.client, &asked, subject.consent.as_ref(), pages.oidc.clock.now()) {
        Decision::Ask => Next::Ask,
        _ if ask_again => Next::Ask,
        decision => Next::Answer(decision),
    }
}

async fn go(
    pages: &Pages,
    step: &StepContext<'_>,
    authenticated: &Authenticated,
    next: Next,
) -> Result<HttpResponse, ServiceError> {
    match next {
        Next::Ask => Ok(step.go(Page::Consent)),
        Next::Answer(decision) => answer(pages, step, authenticated, decision).await,
        Next::WrongPerson => {
            let redirect = step.attempt.request.redirect.clone();
            let description = "the person who signed in is not the one that was asked for";
            let error = ToClient { redirect, code: ErrorCode::LoginRequired, description };
            Ok(oidc::send(&step.context, Some(&step.client), oidc::refuse(&pages.oidc, &error)))
        }
    }
}

/// Who is signed in at this step, with their record as of now: the session that the step rests on must be this
/// browser's and open, and its person enrolled. Otherwise nothing of theirs may be shown or sent.
///
/// # Errors
/// [`ServiceError`] when a store is away.
pub(super) async fn present(
    pages: &Pages,
    step: &StepContext<'_>,
) -> Result<Option<(Authenticated, ConsentContext)>, ServiceError> {
    let (mut authenticated, resting) = match &step.attempt.progress.stage {
        Stage::Continue(authenticated) => (authenticated.clone(), true),
        Stage::Consent(authenticated) => (authenticated.clone(), false),
        _ => return Ok(None),
    };
    let Some((digest, session)) = former_session(pages, step).await? else { return Ok(None) };
    if !digest.matches(&authenticated.session) {
        // The same person has signed in again in another tab: that session goes on here.
        if session.person_id != authenticated.person_id || session.sid_key != authenticated.sid_key {
            return Ok(None);
        }
        authenticated.session = digest;
    }
    // A page that was left open may be too old by now for what the service accepts.
    let request = &step.attempt.request;
    let known = Some((&session, authenticated.clone()));
    if resting && oidc::interaction::known(&pages.oidc, &step.client, request, known).is_none() {
        return Ok(None);
    }
    let subject = pages.oidc.release.consent_context(&authenticated.person_id, &step.client).await?;
    Ok(subject.map(|subject| (authenticated, subject)))
}

/// Leads to the number page: nobody is signed in here, or somebody else wants to.
///
/// # Errors
/// [`ServiceError`] when a store is away.
pub(super) async fn sign_in_instead(
    pages: &Pages,
    step: &mut StepContext<'_>,
) -> Result<HttpResponse, ServiceError> {
    step.attempt.progress.stage = Stage::Number;
    if step.advance(pages).await? {
        return Ok(step.go(Page::Number));
    }
    Ok(step.problem(ProblemKind::Expired))
}

async fn former_session(
    pages: &Pages,
    step: &StepContext<'_>,
) -> Result<Option<(crate::platform::bytes::Digest, Session)>, ServiceError> {
    let cookie = pages.oidc.cookies.read(step.context.request, SessionId::COOKIE).and_then(SessionId::parse);
    let Some(id) = cookie else { return Ok(None) };
    let session = pages.oidc.sessions.find(id.digest()).await?;
    Ok(session.map(|session| (id.digest(), session)))
}
