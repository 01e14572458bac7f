//! The request that an address names, and its page.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

use super::super::Pages;
use super::super::application;
use super::super::completion::{Done, MuteForm};
use super::super::consent::{asked_for, recipients as recipients_of};
use super::super::data::label;
use super::super::view::{ApplicationPage, ApprovalPage, Choice, CodeError, LimitedPage, ReferencePage};
use super::super::visitor::Visitor;
use crate::audit::{Event as AuditEvent, Kind};
use crate::clients::{Basis, Client};
use crate::people::DataSet;
use crate::platform::bytes::Digest;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::sign_in::{Authenticated, OpenAttempt, Over, ShortCode, Stage};

/// Where the pages are; the messages say so as well (`sign_in/sending.rs`).
pub(super) const PATH: &str = "/a";

/// Asks for a reference.
pub(super) fn reference(context: &PageContext<'_>, wrong: bool) -> HttpResponse {
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let languages = LanguageLink::all(context.language, |language| format!("{PATH}?lang={}", language.tag()));
    let frame = Frame { form_action: PATH, ..context.frame(None, languages) };
    respond::page(status, &ReferencePage { frame, wrong }, &CspSources::default())
}

/// Asks for the code before anything is shown: too many references from there named nothing. It is the same for every reference.
pub(super) fn limited(context: &PageContext<'_>, reference: &ShortCode) -> HttpResponse {
    let action = address(context, reference);
    let frame = Frame { form_action: &action, ..context.frame(None, context.languages_here()) };
    let response =
        respond::page(StatusCode::TOO_MANY_REQUESTS, &LimitedPage { frame }, &CspSources::default());
    respond::retry_after(response, 300)
}

fn path(reference: &ShortCode) -> String {
    format!("{PATH}/{}", reference.as_str())
}

/// Where a form about a reference goes, in the language of its page.
pub(super) fn address(context: &PageContext<'_>, reference: &ShortCode) -> String {
    format!("{}?lang={}", path(reference), context.language.tag())
}

/// A request that waits for its person's decision.
pub(super) struct Waiting {
    pub(super) open: OpenAttempt,
    pub(super) client: Arc<Client>,
}

/// A request to approve, as an address names it.
pub(super) struct Found {
    /// What the message names it by.
    pub(super) reference: ShortCode,
    pub(super) waiting: Waiting,
    /// So many references from there named nothing that this one is shown to whoever has its code alone.
    pub(super) limited: bool,
}

impl Found {
    /// Leads to the page, which says what was wrong, with what was ticked: words in the address, so that reloading does not send
    /// the form again.
    pub(super) fn go_saying(
        &self,
        context: &PageContext<'_>,
        word: &str,
        ticked: &BTreeSet<DataSet>,
    ) -> HttpResponse {
        let ticked: Vec<&str> = ticked.iter().map(|set| set.name()).collect();
        let ticked = if ticked.is_empty() { String::new() } else { format!("&t={}", ticked.join(".")) };
        respond::see_other(&format!("{}&e={word}{ticked}", address(context, &self.reference)))
    }

    pub(super) fn problem(&self, context: &PageContext<'_>, kind: ProblemKind) -> HttpResponse {
        let service = Some(self.waiting.client.shown(context.language));
        context.problem(kind, &Problem { service, ..Problem::default() })
    }

    /// The page that says what became of it. Where it was not approved, the service can be muted there.
    pub(super) fn done(&self, pages: &Pages, context: &PageContext<'_>, done: Done) -> HttpResponse {
        let about = (&*self.waiting.client, &self.reference);
        over(pages, context, about, done, None)
    }
}

/// As [`Found::done`], also after the request is forgotten; `error` is what is wrong with the code by which the service was to be
/// muted.
pub(super) fn over(
    pages: &Pages,
    context: &PageContext<'_>,
    (client, reference): (&Client, &ShortCode),
    done: Done,
    error: Option<&str>,
) -> HttpResponse {
    let action = address(context, reference);
    let form = match done {
        Done::Refused | Done::Over | Done::UsedUp => Some(MuteForm { action: &action, error }),
        Done::Approved | Done::Muted => None,
    };
    pages.completion.done(context, client, done, form)
}

/// The request that an address names; or the answer, when it names none any more, or none at all.
pub(super) async fn find(
    pages: &Pages,
    context: &PageContext<'_>,
    named: &str,
) -> Result<Result<Found, HttpResponse>, ServiceError> {
    let Some(reference) = ShortCode::parse(named) else { return Ok(Err(self::reference(context, true))) };
    let client_of = |id: &_| pages.clients.find(id).filter(|client| !client.disabled);
    let open = pages.sign_in.to_approve(&reference).await?;
    let found = open.and_then(|open| {
        let client = client_of(&open.attempt.request.client_id)?;
        Some((open, client))
    });
    let ended = match &found {
        Some(_) => None,
        None => pages.sign_in.mutable(&reference).await?.as_ref().and_then(client_of),
    };
    let network = Visitor::network(pages, context.request);
    let wrong = found.is_none() && ended.is_none();
    let is_limited = pages.sign_in.guesses_references(&network, wrong).await?;
    if wrong {
        record_reference(pages, if is_limited { "limited" } else { "wrong" });
    }
    let Some((mut open, client)) = found else {
        return Ok(Err(match ended {
            _ if is_limited => limited(context, &reference),
            Some(client) => over(pages, context, (&client, &reference), Done::Over, None),
            None => self::reference(context, true),
        }));
    };
    // What the client lost since it asked is neither shown nor agreed to.
    open.attempt.request.data.hold_to(&client);
    let found = Found { reference, waiting: Waiting { open, client }, limited: is_limited };
    Ok(match pages.completion.withdrawn(&found.waiting.open.attempt, &found.waiting.client) {
        Some((kind, technical)) if !is_limited => {
            record(pages, &found.waiting, Kind::SignInRefused, None, technical);
            Err(found.problem(context, kind))
        }
        Some(_) => Err(limited(context, &found.reference)),
        None => Ok(found),
    })
}

/// Records that a reference names nothing, without it.
fn record_reference(pages: &Pages, reason: &'static str) {
    pages.sign_in.audit.record(AuditEvent::new(Kind::ReferenceRefused).reason(reason));
}

pub(super) fn record(
    pages: &Pages,
    waiting: &Waiting,
    kind: Kind,
    person: Option<&Authenticated>,
    reason: &'static str,
) {
    let client = &waiting.client.id;
    let event = AuditEvent::new(kind).client(client.as_str()).of_attempt(waiting.open.id.digest());
    let event = match person {
        Some(person) => event.person(person.person_id.as_str()).acr(person.acr.name()),
        None => event,
    };
    pages.sign_in.audit.record(event.reason(reason));
}

/// What the page shows and a person agrees to.
pub(super) struct Content {
    pub(super) message: Option<String>,
    required: Vec<Choice>,
    optional: Vec<Choice>,
    /// The text as JSON: it is kept with the consent.
    pub(super) text: String,
    /// A digest of the text, and of the terms in all languages.
    pub(super) digest: String,
}

pub(super) fn content(pages: &Pages, language: Language, waiting: &Waiting) -> Result<Content, ServiceError> {
    let (client, text, tag) = (&waiting.client, Text::new(language), language.tag());
    let request = &waiting.open.attempt.request.data;
    let list = |sets: &BTreeSet<DataSet>| -> Vec<Choice> {
        let choice = |set: &DataSet| {
            let why = client.data_set(*set).map(|policy| policy.why.get(tag)).filter(|why| !why.is_empty());
            Choice {
                id: set.name(),
                label: text.get(label(*set)),
                why: why.map(str::to_owned),
                ticked: false,
            }
        };
        sets.iter().map(choice).collect()
    };
    let needed: BTreeSet<DataSet> = request.required.union(&request.detailed()).copied().collect();
    let (required, optional) = (list(&needed), list(&request.optional));
    let told = |choices: &[Choice]| -> Vec<serde_json::Value> {
        choices
            .iter()
            .map(|choice| json!({"set": choice.id, "name": choice.label, "why": choice.why}))
            .collect()
    };
    let service = client.shown(language);
    let message = pages.completion.message(&waiting.open.attempt)?;
    if let Some(application) = &waiting.open.attempt.request.application {
        let about = (&**client, language);
        let (text, digest) = application::content(application, about, message.as_deref());
        return Ok(Content { message, required, optional, text, digest });
    }
    let mut shown = json!({
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
    if !request.details.is_empty() {
        shown["details"] = json!(request.details);
        let told = request.details.iter().map(|detail| json!(recipients_of(pages, client, detail, tag)));
        shown["details_told"] = told.collect();
    }
    let text = shown.to_string();
    let everything = json!([text, client.terms.digest().encode()]).to_string();
    let digest = Digest::of(everything.as_bytes()).encode();
    Ok(Content { message, required, optional, text, digest })
}

/// The page of an open request. With `typed`, the code was entered before and stands in its field.
pub(super) fn page(
    pages: &Pages,
    context: &PageContext<'_>,
    found: &Found,
    (status, typed): (StatusCode, Option<&str>),
) -> Result<HttpResponse, ServiceError> {
    let Stage::Approval(sent) = found.waiting.open.attempt.stage() else {
        return Err(ServiceError::Internal("a page of another stage".to_owned()));
    };
    match pages.sign_in.over(sent) {
        Some(Over::Expired) => return Ok(found.done(pages, context, Done::Over)),
        Some(_) => return Ok(found.done(pages, context, Done::UsedUp)),
        None => {}
    }
    let (text, tag, client) = (context.text(), context.language.tag(), &found.waiting.client);
    let mut content = content(pages, context.language, &found.waiting)?;
    let words = |words: &'_ str| (!words.is_empty()).then(|| words.to_owned());
    let (basis, recipients) = (client.data.basis_reference.get(tag), client.data.recipients.get(tag));
    let (basis, recipients) = (words(basis), words(recipients));
    let query = Params::parse(context.request.query_string()).unwrap_or_default();
    let said = query.get("e");
    // What was ticked before the code was wrong.
    let ticked: Vec<&str> = query.get("t").unwrap_or_default().split('.').collect();
    for choice in &mut content.optional {
        choice.ticked = ticked.contains(&choice.id);
    }
    let (request, now) = (&found.waiting.open.attempt.request.data, pages.sign_in.clock.now());
    let until = request.ends_at(client, now);
    let detail = |detail| asked_for(detail, recipients_of(pages, client, detail, tag), text, now);
    let details = request.details.iter().map(detail).collect();
    let action = address(context, &found.reference);
    let frame = context.frame(Some(client.shown(context.language)), context.languages_here());
    if let Some(application) = &found.waiting.open.attempt.request.application {
        let page = ApplicationPage {
            frame: Frame { form_action: &action, ..frame },
            application: application::shown(application, context.language),
            message: content.message.as_deref(),
            shown: &content.digest,
            changed: said == Some("changed"),
            code_to: None,
            error: said.and_then(CodeError::from_word).map(|error| error.message(text)),
            typed,
        };
        return Ok(respond::page(status, &page, &CspSources::default()));
    }
    let page = ApprovalPage {
        frame: Frame { form_action: &action, ..frame },
        message: content.message.as_deref(),
        required: content.required,
        optional: content.optional,
        details,
        by_law: client.data.basis == Basis::Statutory,
        purpose: client.data.purpose.get(tag),
        basis: basis.as_deref(),
        recipients: recipients.as_deref(),
        until: text.date_for_suffix(until.0),
        offline: request.offline,
        shown: &content.digest,
        changed: said == Some("changed"),
        error: said.and_then(CodeError::from_word).map(|error| error.message(text)),
        typed,
    };
    Ok(respond::page(status, &page, &CspSources::default()))
}
