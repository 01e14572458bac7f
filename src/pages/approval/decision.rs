//! What a person decides on a request: the code is compared, and what they decided is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::value::RawValue;

use super::super::Pages;
use super::super::code::Asked;
use super::super::completion::{Became, Done};
use super::super::step::{unsuited_kind, unsuited_note};
use super::super::view::CodeError;
use super::request::{Content, Found, content, find, limited, over, page, record, reference};
use crate::audit::{Event as AuditEvent, Kind};
use crate::clients::Basis;
use crate::people::{CivilDate, DataSet, Side};
use crate::platform::bytes::same;
use crate::platform::db::Statement;
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::release::{
    ConsentContext, Decision, Extent, NewConsent, PermittedBy, Release, consent_notices, decide,
    release_notices,
};
use crate::sign_in::{
    Authenticated, CodeOutcome, Event, MuteOutcome, Refusal, SessionId, ShortCode, Stage, TypedCode,
};

/// Takes a form: the code is compared, and what was decided is done.
pub(super) async fn decided(
    pages: &Pages,
    context: &PageContext<'_>,
    named: &str,
    form: &Params,
) -> Result<HttpResponse, ServiceError> {
    let decision = form.get("decision");
    if decision == Some("mute") {
        return mute(pages, context, named, form).await;
    }
    let found = match find(pages, context, named).await? {
        Ok(found) => found,
        Err(instead) => return Ok(instead),
    };
    let is_limited = found.limited;
    if !matches!(found.open.attempt.stage(), Stage::Approval(_)) {
        return if is_limited {
            Ok(limited(context, &found.reference))
        } else {
            settled(pages, context, &found).await
        };
    }
    let ticked: BTreeSet<DataSet> = form.all("datum").filter_map(DataSet::parse).collect();
    // Where it may be nobody's message, nothing is said before the code is right.
    let saying = |found: &Found, word: &str| {
        if is_limited { limited(context, &found.reference) } else { found.go_saying(context, word, &ticked) }
    };
    let allowed = decision == Some("allow");
    if !allowed && decision != Some("deny") && !is_limited {
        return Ok(found.go_saying(context, "", &ticked));
    }
    let code = match Asked::of(form) {
        Asked::Compare(code) => code,
        Asked::NotACode => return Ok(saying(&found, &CodeError::NotACode.word())),
        Asked::Nothing | Asked::Resend => return Ok(saying(&found, &CodeError::Empty.word())),
    };
    let content = content(pages, context, &found)?;
    let seen = form.get("shown").unwrap_or_default();
    if allowed && !same(seen.as_bytes(), content.digest.as_bytes()) {
        return Ok(saying(&found, "changed"));
    }
    // Every try is counted before it is compared, whatever browser it comes from.
    let Some((mut open, tries)) = pages.sign_in.to_approve_counted(&found.reference).await? else {
        return Ok(if is_limited {
            limited(context, &found.reference)
        } else {
            found.done(pages, context, Done::Over)
        });
    };
    open.attempt.request.data.hold_to(&found.client);
    let mut found = Found { open, ..found };
    let (authenticated, person) = match try_code(pages, &mut found, (code, tries)).await? {
        Ok(proved) => proved,
        Err(error) => return Ok(saying(&found, &error.word())),
    };
    match decision {
        Some("allow") => approve(pages, context, found, (authenticated, person), (content, ticked)).await,
        Some("deny") => refuse(pages, context, found, &authenticated).await,
        // Whoever has the code may see what they decide on.
        _ => page(pages, context, &found, (StatusCode::OK, form.get("code"))),
    }
}

/// Mutes the service whose message had the code: also when nothing can be decided any more, and when the code has had all the tries
/// that decide.
async fn mute(
    pages: &Pages,
    context: &PageContext<'_>,
    named: &str,
    form: &Params,
) -> Result<HttpResponse, ServiceError> {
    let Some(named) = ShortCode::parse(named) else { return Ok(reference(context, true)) };
    let (client, error) = match Asked::of(form) {
        Asked::Compare(code) => match pages.sign_in.may_mute(&named, &code).await? {
            MuteOutcome::Right(client, person) => {
                let Some(client) = pages.clients.find(&client) else { return Ok(reference(context, true)) };
                return pages.completion.mute(context, &client, &person).await;
            }
            MuteOutcome::Wrong(client, 0) => (Some(client), CodeError::UsedUp),
            MuteOutcome::Wrong(client, left) => {
                (Some(client), CodeError::Wrong { left: u32::try_from(left).unwrap_or(0) })
            }
            MuteOutcome::Nothing => (None, CodeError::Expired),
        },
        Asked::NotACode => (pages.sign_in.mutable(&named).await?, CodeError::NotACode),
        Asked::Nothing | Asked::Resend => (pages.sign_in.mutable(&named).await?, CodeError::Empty),
    };
    let client = client.and_then(|client| pages.clients.find(&client));
    let Some(client) = client else { return Ok(reference(context, true)) };
    let error = error.message(context.text());
    Ok(over(pages, context, (&client, &named), Done::Over, Some(&error)))
}

/// Compares a code. Only the one of this request's own message is right, and only while its account may be signed in to.
async fn try_code(
    pages: &Pages,
    found: &mut Found,
    (code, tries): (TypedCode, u64),
) -> Result<Result<(Authenticated, ConsentContext), CodeError>, ServiceError> {
    let attempt = &found.open.attempt;
    let now = pages.sign_in.clock.now();
    let mut delayed = None;
    let (outcome, compared) = match pages.sign_in.counted(attempt, code, tries) {
        Err(outcome) => (outcome, false),
        Ok(tried) => {
            // Called where the code is right.
            let look_up = async |person: &_| {
                let read = pages.release.consent_context(person, &found.client).await?;
                let until = read.as_ref().map(|it| it.account.account_state.failures(Side::Approval));
                delayed = until.map(|it| it.locked_until).filter(|until| *until > now);
                Ok(read)
            };
            // It opens no session.
            (pages.sign_in.compare(attempt, tried, &SessionId::random(), look_up).await?, true)
        }
    };
    // Whoever has the message is told the truth: the code is right, and of no use for now.
    if let Some(until) = delayed {
        let event = AuditEvent::new(Kind::CodeRefused).client(found.client.id.as_str());
        pages.sign_in.audit.record(event.of_attempt(found.open.id.digest()).reason("delayed"));
        let seconds = u32::try_from(until.since(now)).unwrap_or(u32::MAX);
        return Ok(Err(CodeError::Delayed { seconds }));
    }
    pages.sign_in.record_try(&found.open, &outcome, compared);
    Ok(match outcome {
        CodeOutcome::Right(authenticated, person) => Ok((authenticated, person)),
        CodeOutcome::Wrong { left } => {
            pages.sign_in.note_wrong(&mut found.open, tries).await?;
            Err(CodeError::Wrong { left: u32::try_from(left).unwrap_or(0) })
        }
        CodeOutcome::Spent => {
            pages.sign_in.note_wrong(&mut found.open, tries).await?;
            Err(CodeError::UsedUp)
        }
        CodeOutcome::Expired => Err(CodeError::Expired),
    })
}

async fn refuse(
    pages: &Pages,
    context: &PageContext<'_>,
    mut found: Found,
    authenticated: &Authenticated,
) -> Result<HttpResponse, ServiceError> {
    if !pages.completion.deny(&found.open.attempt, &found.client).await? {
        return settled(pages, context, &found).await;
    }
    note(pages, &mut found, Event::Refused(Refusal::Denied)).await;
    record(pages, &found, Kind::SignInRefused, Some(authenticated), Refusal::Denied.name());
    let decided = (Some(&authenticated.person_id), false);
    pages.completion.decided(&found.open.attempt, &found.client, decided).await?;
    Ok(found.done(pages, context, Done::Refused))
}

/// Approves: what the page listed and the person ticked, and no more. That is always by a consent of its own, which stands beside
/// the others and is recorded with the decision, all or nothing: it has the code's message and the text that was shown for this
/// very request (D-p, R68), and ends when the page said. So an approval neither prolongs nor ends nor brings back what the page
/// does not name. Only what a law gives rests on the law's record, if there is one.
async fn approve(
    pages: &Pages,
    context: &PageContext<'_>,
    found: Found,
    (authenticated, person): (Authenticated, ConsentContext),
    (content, ticked): (Content, BTreeSet<DataSet>),
) -> Result<HttpResponse, ServiceError> {
    let request = &found.open.attempt.request;
    if !request.acr.is_empty() && !request.acr.contains(&authenticated.acr) {
        return Err(ServiceError::Internal("a request of a class that no code reaches".to_owned()));
    }
    let now = pages.sign_in.clock.now();
    if let Some(why) = found.client.unsuited(&person.account, CivilDate::of(now)) {
        let (client, text) = (Arc::clone(&found.client), context.text());
        // The service is told what it is told of a refusal.
        let refused = refuse(pages, context, found, &authenticated).await?;
        if !refused.status().is_success() {
            return Ok(refused);
        }
        let problem = Problem {
            service: Some(client.shown(context.language)),
            note: unsuited_note(why, text),
            ..Problem::default()
        };
        return Ok(context.problem(unsuited_kind(why), &problem));
    }
    let asked = request.data.available(&person.account);
    let by_law = found.client.data.basis == Basis::Statutory;
    let who = &authenticated.person_id;
    // What is confirmed permits nothing: there is a receipt of it, and no consent.
    if request.application.is_some() {
        let parts = (&found.open.attempt, &found.client);
        return match pages.completion.approve(parts, &authenticated, None, Vec::new()).await? {
            Some(stored) => approved(pages, context, found, (authenticated, stored)).await,
            None => settled(pages, context, &found).await,
        };
    }
    let told;
    let (consent, new) = match decide(&found.client, &asked, person.consent.as_ref(), false, now) {
        Decision::Covered(consent) if by_law => {
            told = release_notices(&found.client, &consent.extent);
            (consent, None)
        }
        _ => {
            // A law leaves nothing to tick.
            let ticked = if by_law { asked.optional.clone() } else { ticked };
            let new = NewConsent {
                id: Release::new_consent_id(),
                extent: Extent::agreed(&asked, &ticked, now),
                once: asked.is_one_off(),
                expires_at: asked.ends_at(&found.client, now),
                terms: found.client.terms.clone(),
                shown: content.text,
                beside: !by_law || asked.is_empty(),
                permitted_by: match &authenticated.code {
                    _ if by_law && !asked.is_empty() => PermittedBy::Law,
                    Some(code) => PermittedBy::Code(code.clone()),
                    None => PermittedBy::Click,
                },
            };
            told = consent_notices(&found.client, &new);
            let (consent, row) = pages.release.row(who, &found.client, new)?;
            (consent, Some(row))
        }
    };
    let recorded = new.is_some().then(|| consent.clone());
    let parts = (&found.open.attempt, &found.client);
    let mut then: Vec<Statement> = new.into_iter().collect();
    then.extend(told.iter().flat_map(|notice| pages.sign_in.inbox.rows(who, notice)));
    let Some(stored) = pages.completion.approve(parts, &authenticated, Some(consent), then).await? else {
        return settled(pages, context, &found).await;
    };
    if let Some(consent) = recorded {
        pages.release.recorded(&consent, who, &found.client);
    }
    approved(pages, context, found, (authenticated, stored)).await
}

/// Tells everybody that a request is approved, which is stored by then.
async fn approved(
    pages: &Pages,
    context: &PageContext<'_>,
    mut found: Found,
    (authenticated, stored): (Authenticated, Box<RawValue>),
) -> Result<HttpResponse, ServiceError> {
    note(pages, &mut found, Event::Answered(authenticated.clone(), stored)).await;
    let decided = (Some(&authenticated.person_id), true);
    pages.completion.decided(&found.open.attempt, &found.client, decided).await?;
    Ok(found.done(pages, context, Done::Approved))
}

/// Lets the attempt say what was decided. It is durable by then: where this cannot be stored, the page asks once more, and finds it.
async fn note(pages: &Pages, found: &mut Found, event: Event) {
    if found.open.attempt.advance(event, false, pages.sign_in.clock.now()).is_ok() {
        let stored = pages.sign_in.attempts.store(&found.open).await;
        if let Err(error) = stored {
            tracing::debug!(event = "approval.unnoted", %error, "what was decided is in the database alone");
        }
    }
}

/// What was decided before, or nobody decides any more. Where the reply to that was lost, it may not have been told.
pub(super) async fn settled(
    pages: &Pages,
    context: &PageContext<'_>,
    found: &Found,
) -> Result<HttpResponse, ServiceError> {
    let attempt = &found.open.attempt;
    let (person, approved) = match pages.completion.became(attempt, &found.client).await? {
        Became::Approved(person) => (Some(person), true),
        Became::Refused => (None, false),
        // The service was told that nobody decided in time; or this is an attempt that a version of before left half decided.
        Became::Lapsed | Became::Open => return Ok(found.done(pages, context, Done::Over)),
    };
    pages.completion.decided(attempt, &found.client, (person.as_ref(), approved)).await?;
    Ok(found.done(pages, context, if approved { Done::Approved } else { Done::Refused }))
}
