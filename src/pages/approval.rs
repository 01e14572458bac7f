//! `/a/…`: the page that an SMS leads to when a service asks somebody who is not at its site (CIBA Core 1.0). It needs no cookie
//! and no script, and any browser may show it. Nothing is decided on it without the code of that very SMS, a refusal neither:
//! who only knows or guesses the address decides nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::Pages;
use super::code::Asked;
use super::data::label;
use super::view::{ApprovalPage, Choice, CodeError, ReferencePage};
use super::visitor::Visitor;
use crate::audit::{Event as AuditEvent, Kind};
use crate::clients::{Basis, Client};
use crate::people::DataSet;
use crate::platform::bytes::{Digest, same};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Applied, Batch};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::release::{Consent, ConsentContext, Decision, Extent, NewConsent, PermittedBy, Release, decide};
use crate::sign_in::{
    Agreement, Authenticated, CodeOutcome, Event, OpenAttempt, Outcome, Refusal, SessionId, ShortCode, Stage,
    TypedCode,
};

/// Where the pages are; the messages say so as well (`sign_in/number.rs`).
const PATH: &str = "/a";

/// `GET /a`: asks for the reference, for those who type the address.
pub(super) async fn enter(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let context = context(&pages, &request);
    context.remember_language(reference(&context, false))
}

/// `POST /a`: leads to the page of a reference.
pub(super) async fn entered(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = context(&pages, &request);
    let form = Params::of_form(&request, &body);
    let Ok(form) = form.map_err(|_| ()).and_then(|form| own_form(&pages, &request, form).ok_or(())) else {
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
        let found = match find(&pages, &context, &named, false).await? {
            Ok(found) => found,
            Err(instead) => return Ok(instead),
        };
        match found.open.attempt.stage() {
            Stage::Approval(_) => page(&pages, &context, &found),
            _ => settled(&pages, &context, found).await,
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
    let form = Params::of_form(&request, &body).ok().and_then(|form| own_form(&pages, &request, form));
    let Some(form) = form else { return context.problem(ProblemKind::BadRequest, &Problem::default()) };
    context.or_failure(decided(&pages, &context, &named, &form).await)
}

/// `POST /a/mute`: keeps a service's messages away.
pub(super) async fn mute(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = context(&pages, &request);
    let form = Params::of_form(&request, &body).ok().and_then(|form| own_form(&pages, &request, form));
    let Some(form) = form else { return context.problem(ProblemKind::BadRequest, &Problem::default()) };
    let muted = pages.completion.mute(&context, form.get("service").unwrap_or_default()).await;
    let expired = || context.problem(ProblemKind::Expired, &Problem::default());
    context.or_failure(muted.map(|page| page.unwrap_or_else(expired)))
}

fn context<'r>(pages: &Pages, request: &'r HttpRequest) -> PageContext<'r> {
    PageContext::new(request, pages.cookies, None)
}

/// A form, if a page of this provider posted it.
fn own_form(pages: &Pages, request: &HttpRequest, form: Params) -> Option<Params> {
    respond::is_same_origin(request, &pages.origin).then_some(form)
}

fn reference(context: &PageContext<'_>, wrong: bool) -> HttpResponse {
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let languages = LanguageLink::all(context.language, |language| format!("{PATH}?lang={}", language.tag()));
    let frame = Frame { form_action: PATH, ..context.frame(None, languages) };
    respond::page(status, &ReferencePage { frame, wrong }, &CspSources::default())
}

/// A request to approve.
struct Found {
    /// What the message names it by.
    reference: ShortCode,
    open: OpenAttempt,
    client: Arc<Client>,
    /// How many tries its code has had, where this request counts as one.
    tries: u64,
}

impl Found {
    fn path(&self) -> String {
        format!("{PATH}/{}", self.reference.as_str())
    }

    /// Leads to the page, which says what was wrong: a word in the address, so that reloading does not send the form again.
    fn go_saying(&self, word: &str) -> HttpResponse {
        respond::see_other(&format!("{}?e={word}", self.path()))
    }

    fn problem(&self, context: &PageContext<'_>, kind: ProblemKind) -> HttpResponse {
        let service = Some(self.client.shown(context.language));
        context.problem(kind, &Problem { service, ..Problem::default() })
    }
}

/// The request that an address names; or the answer, when it names none, or too many from there named none.
async fn find(
    pages: &Pages,
    context: &PageContext<'_>,
    named: &str,
    counted: bool,
) -> Result<Result<Found, HttpResponse>, ServiceError> {
    let Some(reference) = ShortCode::parse(named) else { return Ok(Err(self::reference(context, true))) };
    let found = if counted {
        pages.sign_in.to_approve_counted(&reference).await?
    } else {
        pages.sign_in.to_approve(&reference).await?.map(|open| (open, 0))
    };
    let found = found.and_then(|(open, tries)| {
        let client = pages.clients.find(&open.attempt.request.client_id).filter(|client| !client.disabled)?;
        Some(Found { reference, open, client, tries })
    });
    if !counted {
        let network = Visitor::network(pages, context.request);
        if pages.sign_in.guesses_references(&network, found.is_none()).await? {
            record_reference(pages, "limited");
            let problem = Problem { retry_after: Some(300), ..Problem::default() };
            return Ok(Err(context.problem(ProblemKind::TooManyRequests, &problem)));
        }
    }
    let Some(found) = found else {
        record_reference(pages, "wrong");
        return Ok(Err(self::reference(context, true)));
    };
    Ok(match pages.completion.withdrawn(&found.open.attempt, &found.client) {
        Some((kind, technical)) => {
            record(pages, &found, Kind::SignInRefused, None, technical);
            Err(found.problem(context, kind))
        }
        None => Ok(found),
    })
}

/// Records that a reference names nothing, without it.
fn record_reference(pages: &Pages, reason: &'static str) {
    pages.sign_in.audit.record(AuditEvent::new(Kind::ReferenceRefused).reason(reason));
}

fn record(pages: &Pages, found: &Found, kind: Kind, person: Option<&Authenticated>, reason: &'static str) {
    let client = &found.client.id;
    let event = AuditEvent::new(kind).client(client.as_str()).of_attempt(found.open.id.digest());
    let event = match person {
        Some(person) => event.person(person.person_id.as_str()).acr(person.acr.name()),
        None => event,
    };
    pages.sign_in.audit.record(event.reason(reason));
}

/// What the page shows and a person agrees to.
struct Content {
    message: Option<String>,
    required: Vec<Choice>,
    optional: Vec<Choice>,
    /// The text as JSON: it is kept with the consent.
    text: String,
    /// A digest of the text, and of the terms in all languages.
    digest: String,
}

fn content(pages: &Pages, context: &PageContext<'_>, found: &Found) -> Result<Content, ServiceError> {
    let (client, text, tag) = (&found.client, context.text(), context.language.tag());
    let request = &found.open.attempt.request.data;
    let list = |sets: &BTreeSet<DataSet>| -> Vec<Choice> {
        let choice = |set: &DataSet| {
            let why = client.data_set(*set).map(|policy| policy.why.get(tag)).filter(|why| !why.is_empty());
            Choice { id: set.name(), label: text.get(label(*set)), why: why.map(str::to_owned) }
        };
        sets.iter().map(choice).collect()
    };
    let (required, optional) = (list(&request.required), list(&request.optional));
    let told = |choices: &[Choice]| -> Vec<serde_json::Value> {
        choices
            .iter()
            .map(|choice| json!({"set": choice.id, "name": choice.label, "why": choice.why}))
            .collect()
    };
    let service = client.shown(context.language);
    let message = pages.completion.message(&found.open.attempt)?;
    let shown = json!({
        "language": tag,
        "service": service.name,
        "owner": service.owner,
        "policy": service.policy,
        "purpose": client.data.purpose.get(tag),
        "basis": client.data.basis_reference.get(tag),
        "recipients": client.data.recipients.get(tag),
        "period_seconds": client.data.consent_seconds,
        "required": told(&required),
        "optional": told(&optional),
        "offline": request.offline,
        "message": message,
    });
    let text = shown.to_string();
    let everything = json!([text, client.terms.digest().encode()]).to_string();
    let digest = Digest::of(everything.as_bytes()).encode();
    Ok(Content { message, required, optional, text, digest })
}

fn page(pages: &Pages, context: &PageContext<'_>, found: &Found) -> Result<HttpResponse, ServiceError> {
    let Stage::Approval(sent) = found.open.attempt.stage() else {
        return Err(ServiceError::Internal("a page of another stage".to_owned()));
    };
    let (text, tag, client) = (context.text(), context.language.tag(), &found.client);
    let content = content(pages, context, found)?;
    let words = |words: &'_ str| (!words.is_empty()).then(|| words.to_owned());
    let (basis, recipients) = (client.data.basis_reference.get(tag), client.data.recipients.get(tag));
    let (basis, recipients) = (words(basis), words(recipients));
    let query = Params::parse(context.request.query_string()).unwrap_or_default();
    let said = query.get("e");
    let until = pages.sign_in.clock.now().plus(client.data.consent_seconds);
    let action = format!("{}?lang={tag}", found.path());
    let frame = context.frame(Some(client.shown(context.language)), context.languages_here());
    let page = ApprovalPage {
        frame: Frame { form_action: &action, ..frame },
        message: content.message.as_deref(),
        required: content.required,
        optional: content.optional,
        by_law: client.data.basis == Basis::Statutory,
        purpose: client.data.purpose.get(tag),
        basis: basis.as_deref(),
        recipients: recipients.as_deref(),
        until: text.date_for_suffix(until.0),
        offline: found.open.attempt.request.data.offline,
        shown: &content.digest,
        changed: said == Some("changed"),
        error: said.and_then(CodeError::from_word).map(|error| error.message(text)),
        over: pages.sign_in.over(sent).is_some(),
    };
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

/// Takes a form: the code is compared, and what was decided is done.
async fn decided(
    pages: &Pages,
    context: &PageContext<'_>,
    named: &str,
    form: &Params,
) -> Result<HttpResponse, ServiceError> {
    let found = match find(pages, context, named, false).await? {
        Ok(found) => found,
        Err(instead) => return Ok(instead),
    };
    if !matches!(found.open.attempt.stage(), Stage::Approval(_)) {
        return settled(pages, context, found).await;
    }
    let allowed = match form.get("decision") {
        Some("allow") => true,
        Some("deny") => false,
        _ => return Ok(respond::see_other(&found.path())),
    };
    let code = match Asked::of(form) {
        Asked::Compare(code) => code,
        Asked::NotACode => return Ok(found.go_saying(&CodeError::NotACode.word())),
        Asked::Nothing | Asked::Resend => return Ok(found.go_saying(&CodeError::Empty.word())),
    };
    let content = content(pages, context, &found)?;
    let seen = form.get("shown").unwrap_or_default();
    if allowed && !same(seen.as_bytes(), content.digest.as_bytes()) {
        return Ok(found.go_saying("changed"));
    }
    // Every try is counted before it is compared, whatever browser it comes from.
    let mut found = match find(pages, context, named, true).await? {
        Ok(found) => found,
        Err(instead) => return Ok(instead),
    };
    let (authenticated, person) = match try_code(pages, &mut found, code).await? {
        Ok(proved) => proved,
        Err(error) => return Ok(found.go_saying(&error.word())),
    };
    if !allowed {
        return refuse(pages, context, found, (&authenticated, Refusal::Denied)).await;
    }
    let ticked = form.all("datum").filter_map(DataSet::parse).collect();
    approve(pages, context, found, (authenticated, person), (content, ticked)).await
}

/// Compares a code. Only the one of this request's own message is right, and only while its account may be signed in to.
async fn try_code(
    pages: &Pages,
    found: &mut Found,
    code: TypedCode,
) -> Result<Result<(Authenticated, ConsentContext), CodeError>, ServiceError> {
    let attempt = &found.open.attempt;
    let (outcome, compared) = match pages.sign_in.counted(attempt, code, found.tries) {
        Err(outcome) => (outcome, false),
        Ok(tried) => {
            let look_up = async |person: &_| Ok(pages.release.consent_context(person, &found.client).await?);
            // It opens no session.
            (pages.sign_in.compare(attempt, tried, &SessionId::random(), look_up).await?, true)
        }
    };
    pages.sign_in.record_try(&found.open, &outcome, compared);
    Ok(match outcome {
        CodeOutcome::Right(authenticated, person) => Ok((authenticated, person)),
        CodeOutcome::Wrong { left } => {
            pages.sign_in.note_wrong(&mut found.open, found.tries).await?;
            Err(CodeError::Wrong { left: u32::try_from(left).unwrap_or(0) })
        }
        CodeOutcome::Spent => {
            pages.sign_in.note_wrong(&mut found.open, found.tries).await?;
            Err(CodeError::UsedUp)
        }
        CodeOutcome::Expired => Err(CodeError::Expired),
    })
}

async fn refuse(
    pages: &Pages,
    context: &PageContext<'_>,
    mut found: Found,
    (authenticated, refusal): (&Authenticated, Refusal),
) -> Result<HttpResponse, ServiceError> {
    let now = pages.sign_in.clock.now();
    let mut batch = Batch::new(&pages.sign_in.ephemeral);
    if found.open.attempt.advance(Event::Refused(refusal), false, now).is_err() {
        return settled(pages, context, found).await;
    }
    pages.completion.spend_in(&found.open.attempt, None, &mut batch)?;
    pages.sign_in.attempts.store_in(&mut batch, &found.open);
    if pages.sign_in.ephemeral.apply(batch).await? != Applied::Done {
        return again(pages, context, &found).await;
    }
    record(pages, &found, Kind::SignInRefused, Some(authenticated), refusal.name());
    let decided = (&authenticated.person_id, false);
    pages.completion.decided(&found.open.attempt, &found.client, decided)?;
    Ok(pages.completion.denied(context, &found.client, Some(&authenticated.person_id)))
}

/// Approves: by a consent on record or a law where one covers what is asked, otherwise by what the page asked.
async fn approve(
    pages: &Pages,
    context: &PageContext<'_>,
    mut found: Found,
    (authenticated, person): (Authenticated, ConsentContext),
    (content, ticked): (Content, BTreeSet<DataSet>),
) -> Result<HttpResponse, ServiceError> {
    let request = &found.open.attempt.request;
    if !request.acr.is_empty() && !request.acr.contains(&authenticated.acr) {
        return refuse(pages, context, found, (&authenticated, Refusal::Acr)).await;
    }
    let now = pages.sign_in.clock.now();
    let asked = request.data.available(&person.account);
    let decision = decide(&found.client, &asked, person.consent.as_ref(), false, now);
    let more = |consent: &Consent| {
        asked.optional.intersection(&ticked).any(|set| !consent.extent.released.contains(set))
    };
    let consent = match decision {
        Decision::Covered(consent) if !more(&consent) => consent,
        Decision::Statutory(extent) => {
            let new = NewConsent {
                id: Release::new_consent_id(),
                extent,
                expires_at: asked.ends_at(&found.client, now),
                terms: found.client.terms.clone(),
                shown: content.text,
                permitted_by: PermittedBy::Law,
            };
            pages.release.record(&authenticated.person_id, &found.client, new, Vec::new()).await?
        }
        Decision::Covered(_) | Decision::Ask | Decision::Meet => {
            let agreement = Agreement {
                consent_id: Release::new_consent_id(),
                asked,
                ticked,
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
            return complete(pages, context, found).await;
        }
    };
    answer(pages, context, found, (authenticated, consent))
        .await?
        .map_or_else(|found| Ok(found.problem(context, ProblemKind::AlreadyFinished)), Ok)
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
    let Some(person) = person else { return Ok(found.problem(context, ProblemKind::Expired)) };
    let by = authenticated.code.clone().map_or(PermittedBy::Click, PermittedBy::Code);
    let now = pages.sign_in.clock.now();
    let new = NewConsent {
        id: agreement.consent_id.clone(),
        extent: extent(&agreement, person.consent.as_ref(), &found.client, now),
        expires_at: agreement.asked.ends_at(&found.client, now),
        terms: agreement.terms,
        shown: agreement.shown,
        permitted_by: by,
    };
    let (who, former) = (&authenticated.person_id, person.consent.as_ref());
    let consent = pages.life_events.consent_given(who, &found.client, new, former).await?;
    let recorded = consent.id.clone();
    match answer(pages, context, found, (authenticated, consent)).await? {
        Ok(response) => Ok(response),
        Err(found) => {
            // Another request of the same person made the answer; or the service was told that it came too late.
            let now = pages.sign_in.to_approve(&found.reference).await?;
            let answered =
                now.is_some_and(|now| matches!(now.attempt.stage(), Stage::Finished(Outcome::Answered(..))));
            if !answered {
                pages.life_events.end_consent(&recorded).await?;
            }
            again(pages, context, &found).await
        }
    }
}

/// How far an agreement goes: this page says nothing of what was allowed before, so that stays, as long as it was allowed under
/// the same terms.
fn extent(agreement: &Agreement, former: Option<&Consent>, client: &Client, now: Timestamp) -> Extent {
    let mut extent = Extent::agreed(&agreement.asked, &agreement.ticked, now);
    let Some(former) = former else { return extent };
    let same = former.terms.as_ref().is_some_and(|terms| {
        client.terms.same_service(terms) && client.terms.changed(terms, &former.extent.released).is_empty()
    });
    if same {
        extent.released.extend(former.extent.released.iter().copied());
        extent.withheld.retain(|set| !former.extent.released.contains(set));
        extent.offline |= former.extent.offline;
        extent.details.extend(former.extent.details.iter().cloned());
    }
    extent
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
    let decided = (&authenticated.person_id, true);
    pages.completion.decided(&found.open.attempt, &found.client, decided)?;
    Ok(Ok(response))
}

/// What is due by now, after another request was quicker.
async fn again(
    pages: &Pages,
    context: &PageContext<'_>,
    found: &Found,
) -> Result<HttpResponse, ServiceError> {
    let Some(open) = pages.sign_in.to_approve(&found.reference).await? else {
        return Ok(found.problem(context, ProblemKind::Expired));
    };
    match open.attempt.stage() {
        Stage::Finished(Outcome::Answered(answer, _)) => {
            let sent = pages.completion.send_again(context, &open.attempt, &found.client, answer).await?;
            Ok(sent.unwrap_or_else(|| found.problem(context, ProblemKind::AlreadyFinished)))
        }
        Stage::Finished(Outcome::Refused(_)) => Ok(pages.completion.denied(context, &found.client, None)),
        _ => Ok(found.problem(context, ProblemKind::AlreadyFinished)),
    }
}

/// What is due where nothing is asked any more. An answer that a failure interrupted is made now: nobody else can ask for it, and
/// nothing in it comes from this request.
async fn settled(
    pages: &Pages,
    context: &PageContext<'_>,
    found: Found,
) -> Result<HttpResponse, ServiceError> {
    match found.open.attempt.stage() {
        Stage::Answering(..) => complete(pages, context, found).await,
        _ => again(pages, context, &found).await,
    }
}
