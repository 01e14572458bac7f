//! What a person decides on a request: the code is compared, and what they decided is done.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::super::Pages;
use super::super::code::Asked;
use super::super::completion::Done;
use super::super::view::CodeError;
use super::request::{Content, Found, content, find, limited, over, page, record, reference};
use crate::audit::{Event as AuditEvent, Kind};
use crate::clients::Basis;
use crate::people::{DataSet, Side};
use crate::platform::bytes::same;
use crate::platform::ephemeral::{Applied, Batch};
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::release::{
    Consent, ConsentContext, Decision, Extent, NewConsent, PermittedBy, Release, decide, release_notice,
};
use crate::sign_in::{
    Agreement, Authenticated, CodeOutcome, Event, MuteOutcome, Outcome, Refusal, SessionId, ShortCode, Stage,
    TypedCode,
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
            settled(pages, context, found).await
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
    let Some((open, tries)) = pages.sign_in.to_approve_counted(&found.reference).await? else {
        return Ok(if is_limited {
            limited(context, &found.reference)
        } else {
            found.done(pages, context, Done::Over)
        });
    };
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
    let now = pages.sign_in.clock.now();
    let mut batch = Batch::new(&pages.sign_in.ephemeral);
    if found.open.attempt.advance(Event::Refused(Refusal::Denied), false, now).is_err() {
        return settled(pages, context, found).await;
    }
    pages.completion.spend_in(&found.open.attempt, None, &mut batch)?;
    pages.sign_in.attempts.store_in(&mut batch, &found.open);
    if pages.sign_in.ephemeral.apply(batch).await? != Applied::Done {
        return again(pages, context, &found).await;
    }
    record(pages, &found, Kind::SignInRefused, Some(authenticated), Refusal::Denied.name());
    let decided = (Some(&authenticated.person_id), false);
    pages.completion.decided(&found.open.attempt, &found.client, decided).await?;
    Ok(found.done(pages, context, Done::Refused))
}

/// Approves: what the page listed and the person ticked, and no more. That is by a consent on record where one allows exactly
/// this; otherwise by one of its own, which stands beside the others. So an approval neither prolongs nor ends nor brings back
/// what the page does not name.
async fn approve(
    pages: &Pages,
    context: &PageContext<'_>,
    mut found: Found,
    (authenticated, person): (Authenticated, ConsentContext),
    (content, ticked): (Content, BTreeSet<DataSet>),
) -> Result<HttpResponse, ServiceError> {
    let request = &found.open.attempt.request;
    if !request.acr.is_empty() && !request.acr.contains(&authenticated.acr) {
        return Err(ServiceError::Internal("a request of a class that no code reaches".to_owned()));
    }
    let now = pages.sign_in.clock.now();
    let asked = request.data.available(&person.account);
    let by_law = found.client.data.basis == Basis::Statutory;
    let exactly = |consent: &Consent| {
        by_law
            || asked.optional.iter().all(|set| consent.extent.released.contains(set) == ticked.contains(set))
    };
    if let Decision::Covered(consent) = decide(&found.client, &asked, person.consent.as_ref(), false, now)
        && exactly(&consent)
    {
        let told = release_notice(&found.client, &consent.extent);
        let who = authenticated.person_id.clone();
        let answered = answer(pages, context, found, (authenticated, consent)).await?;
        return match answered {
            Ok(response) => {
                if let Some(notice) = told {
                    pages.sign_in.inbox.post(&who, notice);
                }
                Ok(response)
            }
            Err(found) => again(pages, context, &found).await,
        };
    }
    let agreement = Agreement {
        consent_id: Release::new_consent_id(),
        // A law leaves nothing to tick.
        ticked: if by_law { asked.optional.clone() } else { ticked },
        asked,
        terms: found.client.terms.clone(),
        shown: content.text,
        by_click: false,
    };
    // Stored before anything is recorded: of two decisions at once the one that is stored first counts.
    let agreed = Event::Agreed(authenticated, agreement);
    if found.open.attempt.advance(agreed, false, now).is_err()
        || !pages.sign_in.attempts.store_again(&mut found.open).await?
    {
        return again(pages, context, &found).await;
    }
    complete(pages, context, found).await
}

/// Records what the person agreed to, and answers. Called again, it goes on where a failure interrupted it: the code was entered.
async fn complete(
    pages: &Pages,
    context: &PageContext<'_>,
    found: Found,
) -> Result<HttpResponse, ServiceError> {
    let Stage::Answering(authenticated, agreement) = found.open.attempt.stage().clone() else {
        return again(pages, context, &found).await;
    };
    let person = pages.release.consent_context(&authenticated.person_id, &found.client).await?;
    let person = person.filter(|person| person.account.account_state.epoch == authenticated.epoch);
    let Some(person) = person else { return Ok(found.done(pages, context, Done::Over)) };
    let by = match found.client.data.basis {
        Basis::Statutory if !agreement.asked.is_empty() => PermittedBy::Law,
        _ => authenticated.code.clone().map_or(PermittedBy::Click, PermittedBy::Code),
    };
    let now = pages.sign_in.clock.now();
    let new = NewConsent {
        id: agreement.consent_id.clone(),
        extent: Extent::agreed(&agreement.asked, &agreement.ticked, now),
        once: false,
        expires_at: agreement.asked.ends_at(&found.client, now),
        terms: agreement.terms,
        shown: agreement.shown,
        beside: by != PermittedBy::Law,
        permitted_by: by,
    };
    let (who, former) = (&authenticated.person_id, person.consent.as_ref());
    let consent = pages.life_events.consent_given(who, &found.client, new, former).await?;
    let recorded = consent.id.clone();
    match answer(pages, context, found, (authenticated, consent)).await? {
        Ok(response) => Ok(response),
        Err(found) => {
            // Another request of the same person made the answer; or the service was told that it came too late, and then what
            // was recorded for it ends. It stands alone: nothing else ends with it.
            if !pages.completion.rests_on(&found.open.attempt, &recorded).await? {
                pages.life_events.end_consent(&recorded).await?;
            }
            again(pages, context, &found).await
        }
    }
}

/// Makes the answer, and stores it together with the end of the attempt. `Err` when something else was decided before.
async fn answer(
    pages: &Pages,
    context: &PageContext<'_>,
    mut found: Found,
    (authenticated, consent): (Authenticated, Consent),
) -> Result<Result<HttpResponse, Found>, ServiceError> {
    let mut batch = Batch::new(&pages.sign_in.ephemeral);
    let parts = (&found.open.attempt, &found.client);
    let (response, stored) =
        pages.completion.answer_in(context, parts, &authenticated, Some(consent), &mut batch).await?;
    let event = Event::Answered(authenticated.clone(), stored);
    if found.open.attempt.advance(event, false, pages.sign_in.clock.now()).is_err() {
        return Ok(Err(found));
    }
    pages.sign_in.attempts.store_in(&mut batch, &found.open);
    if pages.sign_in.ephemeral.apply(batch).await? != Applied::Done {
        return Ok(Err(found));
    }
    let decided = (Some(&authenticated.person_id), true);
    pages.completion.decided(&found.open.attempt, &found.client, decided).await?;
    Ok(Ok(response))
}

/// What is due by now, after another request was quicker. Where the reply to that was lost, what was decided may not have been told.
async fn again(
    pages: &Pages,
    context: &PageContext<'_>,
    found: &Found,
) -> Result<HttpResponse, ServiceError> {
    let Some(open) = pages.sign_in.to_approve(&found.reference).await? else {
        return Ok(found.done(pages, context, Done::Over));
    };
    let (approved, done) = match open.attempt.stage() {
        Stage::Finished(Outcome::Answered(..)) => (true, Done::Approved),
        Stage::Finished(Outcome::Refused(_)) => (false, Done::Refused),
        // Another request is at it this moment.
        Stage::Answering(..) => return Ok(found.done(pages, context, Done::Working)),
        // The service was told that nobody decided in time.
        Stage::Approval(_) => return Ok(found.done(pages, context, Done::Over)),
        _ => return Ok(found.problem(context, ProblemKind::AlreadyFinished)),
    };
    pages.completion.decided(&open.attempt, &found.client, (None, approved)).await?;
    Ok(found.done(pages, context, done))
}

/// What is due where nothing is asked any more. An answer that a failure interrupted is made now: nobody else can ask for it, and
/// nothing in it comes from this request.
pub(super) async fn settled(
    pages: &Pages,
    context: &PageContext<'_>,
    found: Found,
) -> Result<HttpResponse, ServiceError> {
    match found.open.attempt.stage() {
        Stage::Answering(..) => complete(pages, context, found).await,
        _ => again(pages, context, &found).await,
    }
}
