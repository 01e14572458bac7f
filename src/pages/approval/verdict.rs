//! What follows a decision, wherever it was made: the code is compared, and what was decided is done.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::super::Pages;
use super::super::completion::{Became, Done};
use super::super::view::CodeError;
use super::request::{Waiting, record};
use crate::audit::{Event as AuditEvent, Kind};
use crate::clients::{Basis, Unsuited};
use crate::people::{CivilDate, DataSet, Side};
use crate::platform::db::Statement;
use crate::platform::service_error::ServiceError;
use crate::release::{
    ConsentContext, Decision, Extent, NewConsent, PermittedBy, Release, consent_notices, decide,
    release_notices,
};
use crate::sign_in::{Authenticated, CodeOutcome, Event, Refusal, SessionId, TypedCode};

/// What became of an approval.
pub(super) enum Verdict {
    /// What its page says.
    Done(Done),
    /// The service's contract does not let it have anything of this person: the request is refused.
    Unsuited(Unsuited),
}

/// Compares a code. Only the one of this request's own message is right, and only while its account may be signed in to.
pub(super) async fn try_code(
    pages: &Pages,
    waiting: &mut Waiting,
    (code, tries): (TypedCode, u64),
) -> Result<Result<(Authenticated, ConsentContext), CodeError>, ServiceError> {
    let attempt = &waiting.open.attempt;
    let now = pages.sign_in.clock.now();
    let mut delayed = None;
    let (outcome, compared) = match pages.sign_in.counted(attempt, code, tries) {
        Err(outcome) => (outcome, false),
        Ok(tried) => {
            // Called where the code is right.
            let look_up = async |person: &_| {
                let read = pages.release.consent_context(person, &waiting.client).await?;
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
        let event = AuditEvent::new(Kind::CodeRefused).client(waiting.client.id.as_str());
        pages.sign_in.audit.record(event.of_attempt(waiting.open.id.digest()).reason("delayed"));
        let seconds = u32::try_from(until.since(now)).unwrap_or(u32::MAX);
        return Ok(Err(CodeError::Delayed { seconds }));
    }
    pages.sign_in.record_try(&waiting.open, &outcome, compared);
    Ok(match outcome {
        CodeOutcome::Right(authenticated, person) => Ok((authenticated, person)),
        CodeOutcome::Wrong { left } => {
            pages.sign_in.note_wrong(&mut waiting.open, tries).await?;
            Err(CodeError::Wrong { left: u32::try_from(left).unwrap_or(0) })
        }
        CodeOutcome::Spent => {
            pages.sign_in.note_wrong(&mut waiting.open, tries).await?;
            Err(CodeError::UsedUp)
        }
        CodeOutcome::Expired => Err(CodeError::Expired),
    })
}

/// Refuses.
pub(super) async fn refuse(
    pages: &Pages,
    waiting: &mut Waiting,
    authenticated: &Authenticated,
) -> Result<Done, ServiceError> {
    if !pages.completion.deny(&waiting.open.attempt, &waiting.client).await? {
        return settled(pages, waiting).await;
    }
    note(pages, waiting, Event::Refused(Refusal::Denied)).await;
    record(pages, waiting, Kind::SignInRefused, Some(authenticated), Refusal::Denied.name());
    let decided = (Some(&authenticated.person_id), false);
    pages.completion.decided(&waiting.open.attempt, &waiting.client, decided).await?;
    Ok(Done::Refused)
}

/// Approves: what the person was shown and ticked, and no more. That is always by a consent of its own, which stands beside
/// the others and is recorded with the decision, all or nothing: it has the code's message and the text that was shown for this
/// very request (D-p, R68), and ends when the page said. So an approval neither prolongs nor ends nor brings back what the page
/// does not name. Only what a law gives rests on the law's record, if there is one.
pub(super) async fn approve(
    pages: &Pages,
    waiting: &mut Waiting,
    (authenticated, person): (Authenticated, ConsentContext),
    (shown, ticked): (String, BTreeSet<DataSet>),
) -> Result<Verdict, ServiceError> {
    let request = &waiting.open.attempt.request;
    if !request.acr.is_empty() && !request.acr.contains(&authenticated.acr) {
        return Err(ServiceError::Internal("a request of a class that no code reaches".to_owned()));
    }
    let now = pages.sign_in.clock.now();
    if let Some(why) = waiting.client.unsuited(&person.account, CivilDate::of(now)) {
        // The service is told what it is told of a refusal.
        return Ok(match refuse(pages, waiting, &authenticated).await? {
            Done::Refused => Verdict::Unsuited(why),
            done => Verdict::Done(done),
        });
    }
    let asked = request.data.available(&person.account);
    let by_law = waiting.client.data.basis == Basis::Statutory;
    let who = &authenticated.person_id;
    // What is confirmed permits nothing: there is a receipt of it, and no consent.
    if request.application.is_some() {
        let parts = (&waiting.open.attempt, &waiting.client);
        let stored = pages.completion.approve(parts, &authenticated, None, Vec::new()).await?;
        return Ok(Verdict::Done(match stored {
            Some(stored) => approved(pages, waiting, (authenticated, stored)).await?,
            None => settled(pages, waiting).await?,
        }));
    }
    let told;
    let (consent, new) = match decide(&waiting.client, &asked, person.consent.as_ref(), false, now) {
        Decision::Covered(consent) if by_law => {
            told = release_notices(&waiting.client, &consent.extent);
            (consent, None)
        }
        _ => {
            // A law leaves nothing to tick.
            let ticked = if by_law { asked.optional.clone() } else { ticked };
            let new = NewConsent {
                id: Release::new_consent_id(),
                extent: Extent::agreed(&asked, &ticked, now),
                once: asked.is_one_off(),
                expires_at: asked.ends_at(&waiting.client, now),
                terms: waiting.client.terms.clone(),
                shown,
                beside: !by_law || asked.is_empty(),
                permitted_by: match &authenticated.code {
                    _ if by_law && !asked.is_empty() => PermittedBy::Law,
                    Some(code) => PermittedBy::Code(code.clone()),
                    None => PermittedBy::Click,
                },
            };
            told = consent_notices(&waiting.client, &new);
            let (consent, row) = pages.release.row(who, &waiting.client, new)?;
            (consent, Some(row))
        }
    };
    let recorded = new.is_some().then(|| consent.clone());
    let parts = (&waiting.open.attempt, &waiting.client);
    let mut then: Vec<Statement> = new.into_iter().collect();
    then.extend(told.iter().flat_map(|notice| pages.sign_in.inbox.rows(who, notice)));
    let Some(stored) = pages.completion.approve(parts, &authenticated, Some(consent), then).await? else {
        return settled(pages, waiting).await.map(Verdict::Done);
    };
    if let Some(consent) = recorded {
        pages.release.recorded(&consent, who, &waiting.client);
    }
    approved(pages, waiting, (authenticated, stored)).await.map(Verdict::Done)
}

/// Tells everybody that a request is approved, which is stored by then.
async fn approved(
    pages: &Pages,
    waiting: &mut Waiting,
    (authenticated, stored): (Authenticated, Box<RawValue>),
) -> Result<Done, ServiceError> {
    note(pages, waiting, Event::Answered(authenticated.clone(), stored)).await;
    let decided = (Some(&authenticated.person_id), true);
    pages.completion.decided(&waiting.open.attempt, &waiting.client, decided).await?;
    Ok(Done::Approved)
}

/// Lets the attempt say what was decided. It is durable by then: where this cannot be stored, the page asks once more, and finds it.
async fn note(pages: &Pages, waiting: &mut Waiting, event: Event) {
    if waiting.open.attempt.advance(event, false, pages.sign_in.clock.now()).is_ok() {
        let stored = pages.sign_in.attempts.store(&waiting.open).await;
        if let Err(error) = stored {
            tracing::debug!(event = "approval.unnoted", %error, "what was decided is in the database alone");
        }
    }
}

/// What was decided before, or nobody decides any more. Where the reply to that was lost, it may not have been told.
pub(super) async fn settled(pages: &Pages, waiting: &Waiting) -> Result<Done, ServiceError> {
    let attempt = &waiting.open.attempt;
    let (person, approved) = match pages.completion.became(attempt, &waiting.client).await? {
        Became::Approved(person) => (Some(person), true),
        Became::Refused => (None, false),
        // The service was told that nobody decided in time; or this is an attempt that a version of before left half decided.
        Became::Lapsed | Became::Open => return Ok(Done::Over),
    };
    pages.completion.decided(attempt, &waiting.client, (person.as_ref(), approved)).await?;
    Ok(if approved { Done::Approved } else { Done::Refused })
}
