//! From "the person proved who they are" to the answer: the session, the consent that may be asked for, the way back.
//!
//! The attempt, the session and the answer are stored together, all or nothing: an attempt is finished only when its
//! answer exists, and a failure in between leaves everything to be done again.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::step::{Flow, Read, StepContext};
use super::visitor::Visitor;
use super::{Pages, remembered, travel};
use crate::audit::Kind;
use crate::clients::Basis;
use crate::people::CivilDate;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Applied, Batch, Version};
use crate::platform::service_error::ServiceError;
use crate::platform::web::problem::ProblemKind;
use crate::release::{
    Consent, ConsentContext, Decision, Extent, NewConsent, PermittedBy, Release, decide, release_notices,
};
use crate::sign_in::{
    Agreement, Authenticated, Event, Illegal, Means, OpenSession, Outcome, Page, Refusal, Session, SessionId,
    Situation, Stage, is_single_factor, known, needs_code,
};

/// How often an answer is made anew when another request changed the session in the same moment.
const TRIES: usize = 4;

/// Who is signed in at a step, with their record as of now.
pub(super) struct Present {
    pub(super) authenticated: Authenticated,
    pub(super) person: ConsentContext,
    pub(super) session: OpenSession,
}

/// What follows when it is known who the person is.
enum Next {
    Ask,
    /// A further factor is needed.
    Factor,
    Answer(Decision),
    /// Back to a page of this provider: nobody else gets anything.
    Return,
    Refuse(Refusal),
}

/// Leads to the choice of a means, which says why the last one led to nothing; what it asked for is over.
pub(super) async fn refused(
    pages: &Pages,
    step: &mut StepContext<'_>,
    word: &str,
) -> Result<Flow, ServiceError> {
    if !is_over(pages, step).await? {
        return Ok(Flow::Due);
    }
    Ok(step.go_saying(Page::Means, word).into())
}

/// Notes that what a means asked for is over; `false` when another request of the attempt was quicker.
pub(super) async fn is_over(pages: &Pages, step: &mut StepContext<'_>) -> Result<bool, ServiceError> {
    let now = pages.sign_in.clock.now();
    Ok(step.open.attempt.advance(Event::ProofRefused, false, now).is_ok() && step.keep(pages).await?)
}

/// Adds what the person proved before to what they have just proved; `false` where that was somebody else.
fn add_before(step: &StepContext<'_>, authenticated: &mut Authenticated, same: Option<&OpenSession>) -> bool {
    let Some(base) = step.open.attempt.stage().base() else { return true };
    if base.person_id != authenticated.person_id {
        return false;
    }
    // What was proved before counts as long as the session lasts that it opened.
    let goes_on = |same: &&OpenSession| {
        same.session.sid_key == base.sid_key && same.session.epoch == authenticated.epoch
    };
    if let Some(same) = same.filter(goes_on) {
        authenticated.join(&same.session, base.code.clone());
    } else if step.open.attempt.is_doubted() && base.epoch == authenticated.epoch {
        authenticated.join(&Session::of(base), base.code.clone());
    }
    true
}

/// Opens the session of a person who has just proved who they are, and goes on.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable; then nobody is signed in.
pub(super) async fn signed_in(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    (id, mut authenticated): (SessionId, Authenticated),
    person: &ConsentContext,
) -> Result<Flow, ServiceError> {
    if let Some(instead) = unsuited(pages, step, &authenticated, person) {
        return Ok(instead.into());
    }
    let sessions = &pages.sign_in.sessions;
    let former = sessions.of_browser(step.context.request, pages.cookies).await?;
    let (same, other): (Option<OpenSession>, Option<OpenSession>) = match former {
        Some(former) if former.session.person_id == authenticated.person_id => (Some(former), None),
        other => (None, other),
    };
    // The end of another person's session cannot be taken back: it waits for nothing that is lost already.
    if other.is_some() && pages.completion.is_spent(&step.open.attempt).await? {
        return step.answered_elsewhere(pages).await;
    }
    // The same person again: services know the session by the same `sid`, the cookie is a new one.
    if let Some(same) = &same {
        authenticated.sid_key = same.session.sid_key;
    }
    let used = remembered::used(&authenticated);
    if !add_before(step, &mut authenticated, same.as_ref()) {
        return refused(pages, step, "other_person").await;
    }
    if step.open.attempt.request.represents && authenticated.organisation.is_none() {
        let over = is_over(pages, step).await?;
        return Ok(if over { step.go_saying(Page::Eri, "organisation").into() } else { Flow::Due });
    }
    if step.open.attempt.is_doubted() && is_single_factor(&authenticated.means) {
        return travel::doubt(pages, step, authenticated).await;
    }
    let accepted = &step.open.attempt.request.acr;
    authenticated.acr = authenticated.told(accepted).unwrap_or(authenticated.acr);
    let lacks =
        pages.sign_in.lacks_a_factor(&step.open.attempt, authenticated.counting(), &person.account).await?;
    let organisation = authenticated.organisation.as_deref();
    let acting = organisation.map(|one| person.clone().acting_for(Some(one), pages.sign_in.clock.now()));
    let person = acting.as_ref().unwrap_or(person);
    let mut batch = Batch::new(&pages.sign_in.ephemeral);
    let next = match next(pages, step, &authenticated, person) {
        Next::Refuse(Refusal::Acr) if lacks => Next::Factor,
        next => next,
    };
    let answers = matches!(next, Next::Answer(_));
    // What is recorded before the session is opened must not be recorded for somebody who is asked for more.
    let records = matches!(next, Next::Answer(Decision::Statutory(_) | Decision::Meet)) || other.is_some();
    let who = (&authenticated, &*person.account);
    if !travel::arrives_in(pages, visitor, who, records, &mut batch).await? {
        return travel::doubt(pages, step, authenticated).await;
    }
    let proved = match next {
        Next::Factor => Event::FactorAdded(authenticated.clone()),
        _ => Event::Proved(authenticated.clone()),
    };
    let response = match conclude(pages, step, (&authenticated, person), (next, proved), &mut batch).await? {
        Ok(response) => response,
        Err(Illegal::Expired) => {
            let page = if used == Means::MobileId { Page::Code } else { used.page() };
            return Ok(step.go_saying(page, "expired").into());
        }
        Err(_) => return Ok(Flow::Due),
    };
    let mut session = Session::of(&authenticated);
    // The proof of another device may be older than the session that it opens here.
    session.used_at = pages.sign_in.clock.now();
    if let Some(same) = same {
        session.clients = same.session.clients;
        sessions.replace_in(&mut batch, same.digest);
    }
    if let Some(other) = &other {
        sessions.replace_in(&mut batch, other.digest);
    }
    if answers && !session.clients.contains(&step.client.id) {
        session.clients.push(step.client.id.clone());
    }
    sessions.open_in(&mut batch, &id, &session);
    // What the services of another person's session are told is durable before this session takes its place.
    if let Some(other) = &other {
        let ending = sessions.ending(&other.session).into();
        pages.sign_out.notifier().store(&other.session, ending).await?;
        sessions.has_ended(&other.session);
        pages.sign_in.audit.record(other.session.event(Kind::SessionEnded).reason("replaced"));
    }
    // Of two requests with the same right code, the one that stores this first signs in.
    match pages.sign_in.ephemeral.apply(batch).await? {
        Applied::Done => {}
        Applied::Exceeded { .. } => return travel::doubt(pages, step, authenticated).await,
        Applied::Conflict => return step.answered_elsewhere(pages).await,
    }
    travel::went_on(pages, step, visitor);
    step.tell(pages, &authenticated.person_id);
    step.record(pages, Kind::SessionOpened, Some(&authenticated), |event| event);
    step.note(pages, &authenticated, true);
    let by = if used == Means::MobileId { "code" } else { used.name() };
    step.record_end(pages, Some(&authenticated), by);
    let sign_in = &pages.sign_in;
    if used == Means::MobileId {
        sign_in.brake.right(&step.client.id, &visitor.network);
    }
    Ok(remembered::remembering(pages, step, visitor, (&id, &authenticated), response).into())
}

/// Goes on with a session that the person wants to use.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable.
pub(super) async fn use_session(
    pages: &Pages,
    step: &mut StepContext<'_>,
    mut present: Present,
) -> Result<Flow, ServiceError> {
    for _ in 0..TRIES {
        let mut batch = Batch::new(&pages.sign_in.ephemeral);
        let seen = step.open.version;
        let Present { authenticated, person, session } = &present;
        if let Some(instead) = unsuited(pages, step, authenticated, person) {
            return Ok(instead.into());
        }
        let next = next(pages, step, authenticated, person);
        if matches!(next, Next::Answer(_)) {
            pages.sign_in.sessions.use_in(&mut batch, session, &step.client.id);
        }
        let used = Event::SessionUsed(authenticated.clone());
        let Ok(response) = conclude(pages, step, (authenticated, person), (next, used), &mut batch).await?
        else {
            return Ok(Flow::Due);
        };
        if pages.sign_in.ephemeral.apply(batch).await? == Applied::Done {
            step.tell(pages, &present.authenticated.person_id);
            step.record_end(pages, Some(&present.authenticated), "session");
            return Ok(response.into());
        }
        match again(pages, step, seen).await? {
            Ok(found) => present = found,
            Err(flow) => return Ok(flow),
        }
    }
    Err(ServiceError::Unavailable("the session changes too often".to_owned()))
}

/// Records what the person agreed to and answers. Called again, it goes on where a failure interrupted it.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable; then the answer can be made again.
pub(super) async fn answer(pages: &Pages, step: &mut StepContext<'_>) -> Result<Flow, ServiceError> {
    for _ in 0..TRIES {
        let Stage::Answering(_, mut agreement) = step.open.attempt.stage().clone() else {
            return Ok(Flow::Due);
        };
        // No more than the client may have now; where that wants a code and the person gave none, they begin again.
        agreement.asked.hold_to(&step.client);
        let Some(present) = present(pages, step).await? else { return start_over(pages, step).await };
        if let Some(instead) = unsuited(pages, step, &present.authenticated, &present.person) {
            return Ok(instead.into());
        }
        let confirms = step.open.attempt.request.application.is_some();
        if !confirms && needs_code(&step.client, &present.authenticated, &agreement.asked) {
            return start_over(pages, step).await;
        }
        let seen = step.open.version;
        // What is confirmed permits nothing: there is a receipt of it, and no consent.
        let consent = match step.open.attempt.request.application {
            Some(_) => None,
            None => Some(record(pages, step, &present, &agreement).await?),
        };
        let recorded = consent.as_ref().map(|consent| consent.id.clone());
        let mut batch = Batch::new(&pages.sign_in.ephemeral);
        pages.sign_in.sessions.use_in(&mut batch, &present.session, &step.client.id);
        let Ok(response) = answer_in(pages, step, &present.authenticated, consent, &mut batch).await? else {
            return Ok(Flow::Due);
        };
        if pages.sign_in.ephemeral.apply(batch).await? == Applied::Done {
            step.record_end(pages, Some(&present.authenticated), "consent");
            return Ok(response.into());
        }
        if let Err(flow) = again(pages, step, seen).await? {
            if let Some(recorded) = &recorded {
                end_if_refused(pages, step, recorded).await?;
            }
            return Ok(flow);
        }
    }
    Err(ServiceError::Unavailable("the session changes too often".to_owned()))
}

/// `GET /sign-in/cancel`: the person cancels; the client gets `access_denied`.
pub(super) async fn cancel(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let mut step = match StepContext::find(&pages, &request, Read::Session).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    let answered = step.refuse(&pages, Refusal::Denied).await.map(|flow| match flow {
        Flow::Respond(response) => response,
        Flow::Due => step.problem(ProblemKind::AlreadyFinished),
    });
    step.context.or_failure(answered)
}

/// Who is signed in at this step: the session that the step rests on must be this browser's and valid, and its person
/// enrolled. Otherwise nothing of theirs may be shown or sent.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable.
pub(super) async fn present(pages: &Pages, step: &StepContext<'_>) -> Result<Option<Present>, ServiceError> {
    let attempt = &step.open.attempt;
    let (Some(authenticated), Some(session)) = (attempt.stage().authenticated(), &step.session) else {
        return Ok(None);
    };
    let mut authenticated = authenticated.clone();
    if !session.digest.matches(&authenticated.session) {
        // The same person has signed in again in another tab: that session goes on here.
        let (now, then) = (&session.session, &authenticated);
        if now.person_id != then.person_id || now.sid_key != then.sid_key {
            return Ok(None);
        }
        let code = authenticated.code;
        authenticated = Authenticated { code, ..session.authenticated(&attempt.request.acr) };
    }
    // A page that was left open may be too old by now for what the service accepts.
    if matches!(attempt.stage(), Stage::Continue(_)) {
        let situation = Situation {
            request: &attempt.request,
            client: &step.client,
            session: &session.session,
            bounds: pages.sign_in.sessions.bounds,
            subject_ids: &pages.subject_ids,
            now: pages.sign_in.clock.now(),
        };
        if known(&situation).is_err() {
            return Ok(None);
        }
    }
    let person = pages.release.consent_context(&authenticated.person_id, &step.client).await?;
    let person = person
        .map(|person| person.acting_for(authenticated.organisation.as_deref(), pages.sign_in.clock.now()));
    let person = person.filter(|person| {
        let account = &person.account.account_state;
        session.is_of(account) && authenticated.epoch == account.epoch
    });
    Ok(person.map(|person| Present { authenticated, person, session: session.clone() }))
}

/// Leads to the first page: no session is valid here, or another person wants to sign in.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable.
pub(super) async fn start_over(pages: &Pages, step: &mut StepContext<'_>) -> Result<Flow, ServiceError> {
    let now = pages.sign_in.clock.now();
    if step.open.attempt.advance(Event::StartOver, false, now).is_err() || !step.keep(pages).await? {
        return Ok(Flow::Due);
    }
    Ok(step.go(step.open.attempt.first.page()).into())
}

/// The page for a person whom the client's contract does not let it have anything of (D-s, D-t). Nothing is released, and no session
/// begins; the page leads back to the service, which is told no more than that the sign-in was cancelled.
fn unsuited(
    pages: &Pages,
    step: &StepContext<'_>,
    authenticated: &Authenticated,
    person: &ConsentContext,
) -> Option<HttpResponse> {
    let today = CivilDate::of(pages.sign_in.clock.now());
    let why = step.client.unsuited(&person.account, today)?;
    step.record(pages, Kind::SignInRefused, Some(authenticated), |event| event.reason(why.name()));
    Some(step.unsuited(why))
}

fn next(
    pages: &Pages,
    step: &StepContext<'_>,
    authenticated: &Authenticated,
    person: &ConsentContext,
) -> Next {
    let (request, client) = (&step.open.attempt.request, &step.client);
    let sub = pages.subject_ids.of(client, &authenticated.person_id);
    if request.expected_sub.as_ref().is_some_and(|expected| *expected != sub) {
        return Next::Refuse(Refusal::OtherPerson);
    }
    let acts = authenticated.organisation.is_some() || !request.represents;
    if authenticated.told(&request.acr).is_none() || !acts {
        return Next::Refuse(Refusal::Acr);
    }
    if request.reply.protocol.is_own() {
        return Next::Return;
    }
    // By a code of its own, whatever the person did before.
    if request.application.is_some() {
        return Next::Ask;
    }
    let asked = request.data.available(&person.account);
    let now = pages.sign_in.clock.now();
    match decide(client, &asked, person.consent.as_ref(), request.ask_again.consent, now) {
        Decision::Ask => Next::Ask,
        // What a law gives for one purpose is shown with that purpose, by the page that has room for it.
        Decision::Statutory(extent) if !extent.details.is_empty() => Next::Ask,
        _ if request.ask_again.decision => Next::Ask,
        decision => Next::Answer(decision),
    }
}

/// Advances the attempt to what follows and adds everything that must be stored with it to the batch.
async fn conclude(
    pages: &Pages,
    step: &mut StepContext<'_>,
    (authenticated, person): (&Authenticated, &ConsentContext),
    (next, proof): (Next, Event),
    batch: &mut Batch<'_>,
) -> Result<Result<HttpResponse, Illegal>, ServiceError> {
    let now = pages.sign_in.clock.now();
    let attempt = &mut step.open.attempt;
    let response = match next {
        Next::Factor => match attempt.advance(proof, false, now) {
            Ok(()) => step.go(Page::Means),
            Err(illegal) => return Ok(Err(illegal)),
        },
        Next::Ask => match attempt.advance(proof, true, now) {
            Ok(()) => step.go(Page::Consent),
            Err(illegal) => return Ok(Err(illegal)),
        },
        Next::Refuse(refusal) => match attempt.advance(Event::Refused(refusal), false, now) {
            Ok(()) => {
                pages.completion.spend_in(&step.open.attempt, None, batch)?;
                pages.completion.refuse(&step.context, &step.open.attempt, &step.client, refusal).await?
            }
            Err(illegal) => return Ok(Err(illegal)),
        },
        Next::Return => return answer_in(pages, step, authenticated, None, batch).await,
        Next::Answer(decision) => {
            let consent = match decision {
                Decision::Covered(consent) => {
                    step.told = release_notices(&step.client, &consent.extent);
                    Some(consent)
                }
                Decision::Statutory(extent) => {
                    let until = step.open.attempt.request.data.ends_at(&step.client, now);
                    let new = unasked(step, (extent, until), PermittedBy::Law);
                    let who = &authenticated.person_id;
                    Some(pages.life_events.released_by_law(who, &step.client, new).await?)
                }
                // Going on to the service that the page named is the decision.
                Decision::Meet => {
                    let by = authenticated.code.clone().map_or(PermittedBy::Click, PermittedBy::Code);
                    let until = now.plus(step.client.data.consent_seconds);
                    let new = unasked(step, (Extent::default(), until), by);
                    let (who, former) = (&authenticated.person_id, person.consent.as_ref());
                    Some(pages.life_events.consent_given(who, &step.client, new, former).await?)
                }
                Decision::Ask => None,
            };
            return answer_in(pages, step, authenticated, consent, batch).await;
        }
    };
    pages.sign_in.attempts.store_in(batch, &step.open);
    Ok(Ok(response))
}

/// Makes the answer, to be stored by the batch together with the attempt that it finishes.
async fn answer_in(
    pages: &Pages,
    step: &mut StepContext<'_>,
    authenticated: &Authenticated,
    consent: Option<Consent>,
    batch: &mut Batch<'_>,
) -> Result<Result<HttpResponse, Illegal>, ServiceError> {
    let (attempt, client) = (&step.open.attempt, &step.client);
    let (response, answer) =
        pages.completion.answer_in(&step.context, (attempt, client), authenticated, consent, batch).await?;
    let now = pages.sign_in.clock.now();
    let event = Event::Answered(authenticated.clone(), answer);
    if let Err(illegal) = step.open.attempt.advance(event, false, now) {
        return Ok(Err(illegal));
    }
    pages.sign_in.attempts.store_in(batch, &step.open);
    Ok(Ok(response))
}

/// Reads attempt and session again after one of them was changed by another request; what is due instead, when it was
/// the attempt.
async fn again(
    pages: &Pages,
    step: &mut StepContext<'_>,
    seen: Version,
) -> Result<Result<Present, Flow>, ServiceError> {
    let found = match StepContext::find(pages, step.context.request, Read::Session).await {
        Ok(found) => found,
        Err(instead) => return Ok(Err(instead.into())),
    };
    if found.open.version != seen {
        return Ok(Err(Flow::Due));
    }
    if pages.completion.is_spent(&found.open.attempt).await? {
        return Ok(Err(found.problem(ProblemKind::AlreadyFinished).into()));
    }
    *step = found;
    match present(pages, step).await? {
        Some(present) => Ok(Ok(present)),
        None => Ok(Err(start_over(pages, step).await?)),
    }
}

/// Ends a consent that was recorded while the person refused in another tab, whose answer was stored first.
async fn end_if_refused(pages: &Pages, step: &StepContext<'_>, consent: &str) -> Result<(), ServiceError> {
    let now = StepContext::find(pages, step.context.request, Read::Session).await;
    if now.is_ok_and(|now| matches!(now.open.attempt.stage(), Stage::Finished(Outcome::Refused(_)))) {
        pages.life_events.end_consent(consent).await?;
    }
    Ok(())
}

/// What no page asks for: what a law gives, and that a person goes on to a service for the first time.
fn unasked(
    step: &StepContext<'_>,
    (extent, expires_at): (Extent, Timestamp),
    permitted_by: PermittedBy,
) -> NewConsent {
    NewConsent {
        id: Release::new_consent_id(),
        extent,
        once: false,
        expires_at,
        terms: step.client.terms.clone(),
        shown: String::new(),
        permitted_by,
        beside: false,
    }
}

/// Records what the person agreed to on the consent page, as it was shown.
async fn record(
    pages: &Pages,
    step: &StepContext<'_>,
    present: &Present,
    agreement: &Agreement,
) -> Result<Consent, ServiceError> {
    let (authenticated, now) = (&present.authenticated, pages.sign_in.clock.now());
    let new = NewConsent {
        id: agreement.consent_id.clone(),
        extent: Extent::agreed(&agreement.asked, &agreement.ticked, now),
        once: agreement.asked.is_one_off(),
        expires_at: agreement.asked.ends_at(&step.client, now),
        terms: agreement.terms.clone(),
        shown: agreement.shown.clone(),
        permitted_by: match step.client.data.basis {
            // The person only decides whether the device is theirs.
            Basis::Statutory => PermittedBy::Law,
            Basis::Consent => authenticated.code.clone().map_or(PermittedBy::Click, PermittedBy::Code),
        },
        beside: false,
    };
    let former = present.person.consent.as_ref();
    pages.life_events.consent_given(&authenticated.person_id, &step.client, new, former).await
}
