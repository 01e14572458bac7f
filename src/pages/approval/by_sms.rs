//! A person whose phone opens no pages answers the message of a request by SMS. The code alone asks what the request is about; an SMS says
//! it, and only what was told so can be agreed to, by the word and the code. What is neither yes nor no is no yes: it is told again.
//!
//! Whoever forges the sender of an SMS decides nothing, since they have no code; whoever has the code could use the page as well.

use std::collections::BTreeSet;

use super::super::Pages;
use super::super::completion::Done;
use super::super::consent::{asked_for, recipients};
use super::super::data::label;
use super::request::{Waiting, content};
use super::verdict::{Verdict, approve, refuse, settled, try_code};
use crate::audit::{Event as AuditEvent, Kind};
use crate::clients::Basis;
use crate::notices::sms::incoming::{Answer, Incoming};
use crate::notices::sms::reply::{Asked, Told, What, asked_text, told_text};
use crate::people::PhoneNumber;
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;
use crate::platform::web::text::Text;
use crate::sign_in::{SmsReply, Stage, TypedCode};

/// Takes an answer, if a message is one.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable: the broker passes the message on again.
pub async fn answered_by_sms(pages: &Pages, message: &Incoming) -> Result<(), ServiceError> {
    let Some((answer, code)) = message.answer() else { return Ok(()) };
    let Ok(number) = PhoneNumber::from_digits(&message.from) else { return Ok(()) };
    let Some(typed) = TypedCode::parse(code) else { return Ok(()) };
    if pages.sign_in.knows_message(&message.id).await? {
        return Ok(());
    }
    let Some(reply) = pages.sign_in.replied(&number, &typed).await? else {
        // Nobody is written to because of it: the sender may be forged.
        pages.sign_in.audit.record(AuditEvent::new(Kind::ReferenceRefused).reason("sms"));
        return Ok(());
    };
    let Some(open) = pages.sign_in.replied_to(&reply).await? else { return Ok(()) };
    let language = open.attempt.language;
    let client = pages.clients.find(&open.attempt.request.client_id).filter(|client| !client.disabled);
    let Some(client) = client else { return Ok(()) };
    let mut waiting = Waiting { open, client };
    waiting.open.attempt.request.data.hold_to(&waiting.client);
    let told = decide(pages, &mut waiting, (answer, code, typed), &reply).await?;
    let service = waiting.client.shown(language).name.to_owned();
    let text = match told {
        Said::Request(text) => {
            pages.sign_in.note_told(&reply, &text).await?;
            text
        }
        Said::Outcome(told) => told_text(language.tag(), &service, told),
    };
    // What was decided is durable: from here on the message was dealt with, also where nobody can be told.
    pages.sign_in.note_message(&message.id).await?;
    if let Err(error) = pages.sign_in.answer_by_sms(&number, text).await {
        tracing::warn!(event = "sms.command_unanswered", %error, "an answer to a request by SMS was taken, and its sender not told");
    }
    Ok(())
}

/// What an answer is answered with.
enum Said {
    /// What is asked.
    Request(String),
    /// What became of it.
    Outcome(Told),
}

async fn decide(
    pages: &Pages,
    waiting: &mut Waiting,
    (answer, code, typed): (Answer, &str, TypedCode),
    reply: &SmsReply,
) -> Result<Said, ServiceError> {
    if pages.completion.withdrawn(&waiting.open.attempt, &waiting.client).is_some() {
        return Ok(Said::Outcome(Told::Over));
    }
    let Stage::Approval(sent) = waiting.open.attempt.stage() else {
        return Ok(Said::Outcome(said(settled(pages, waiting).await?)));
    };
    if pages.sign_in.over(sent).is_some() {
        return Ok(Said::Outcome(Told::Over));
    }
    let language = waiting.open.attempt.language;
    let request = request_text(pages, language, waiting, code)?;
    match (answer, request) {
        (Answer::No, _) => {}
        (_, None) => return Ok(Said::Outcome(Told::OnThePage)),
        (Answer::Yes, Some(text)) if reply.was_told(&text) => {
            return agree(pages, waiting, typed, (reply, text)).await.map(Said::Outcome);
        }
        (_, Some(text)) => return Ok(Said::Request(text)),
    }
    let Some((open, tries)) = pages.sign_in.replied_to_counted(reply).await? else {
        return Ok(Said::Outcome(Told::Over));
    };
    waiting.open = open;
    Ok(Said::Outcome(match try_code(pages, waiting, (typed, tries)).await? {
        Ok((authenticated, _)) => said(refuse(pages, waiting, &authenticated).await?),
        Err(_) => Told::Over,
    }))
}

async fn agree(
    pages: &Pages,
    waiting: &mut Waiting,
    typed: TypedCode,
    (reply, text): (&SmsReply, String),
) -> Result<Told, ServiceError> {
    let Some((open, tries)) = pages.sign_in.replied_to_counted(reply).await? else { return Ok(Told::Over) };
    waiting.open = open;
    waiting.open.attempt.request.data.hold_to(&waiting.client);
    let Ok(proved) = try_code(pages, waiting, (typed, tries)).await? else { return Ok(Told::Over) };
    let shown = shown(&content(pages, waiting.open.attempt.language, waiting)?.text, text)?;
    // What may be left out was not named, and is left out.
    Ok(match approve(pages, waiting, proved, (shown, BTreeSet::new())).await? {
        Verdict::Done(done) => said(done),
        Verdict::Unsuited(_) => Told::Unsuited,
    })
}

const fn said(done: Done) -> Told {
    match done {
        Done::Approved => Told::Approved,
        Done::Refused => Told::Refused,
        Done::Over | Done::UsedUp | Done::Muted => Told::Over,
    }
}

/// What is kept with the consent: what a page would have shown, and the message that was shown instead.
fn shown(content: &str, message: String) -> Result<String, ServiceError> {
    let broken = |error: serde_json::Error| ServiceError::Internal(error.to_string());
    let mut shown: serde_json::Value = serde_json::from_str(content).map_err(broken)?;
    shown["sms"] = message.into();
    Ok(shown.to_string())
}

/// The message that says what is asked; `None` where it does not fit.
fn request_text(
    pages: &Pages,
    language: Language,
    waiting: &Waiting,
    code: &str,
) -> Result<Option<String>, ServiceError> {
    let (text, tag, client) = (Text::new(language), language.tag(), &waiting.client);
    let (attempt, now) = (&waiting.open.attempt, pages.sign_in.clock.now());
    let service = client.shown(language);
    let content = content(pages, language, waiting)?;
    let message = content.message.as_deref();
    let service = if service.owner.is_empty() { service.name } else { service.owner };
    let asked = |what| asked_text(tag, &Asked { service, message, what, code });
    if let Some(application) = &attempt.request.application {
        let (title, summary) = (application.title(tag), application.summary(tag));
        return Ok(asked(What::Application(&application.reference, &title, &summary)));
    }
    let request = &attempt.request.data;
    let mut lines = Vec::new();
    let labels: Vec<&str> = request.required.iter().map(|set| text.get(label(*set))).collect();
    if !labels.is_empty() {
        let until = text.date_for_suffix(request.ends_at(client, now).0);
        let terms = text.with("approval.sms_data", &[("data", &labels.join(", ")), ("until", &until)]);
        let purpose = client.data.purpose.get(tag);
        lines.push(if purpose.is_empty() { terms } else { format!("{terms} ({purpose})") });
    }
    for detail in &request.details {
        let asked = asked_for(detail, recipients(pages, client, detail, tag), text, now);
        let told = asked.told.map(|told| format!(" ({told})")).unwrap_or_default();
        lines.push(format!("{} {}{told}", asked.purpose, asked.terms));
    }
    if client.data.basis == Basis::Statutory && !lines.is_empty() {
        lines.push(client.data.basis_reference.get(tag).to_owned());
    }
    if request.offline {
        lines.push(text.get("consent.offline").to_owned());
    }
    Ok(asked(if lines.is_empty() { What::Presence } else { What::Data(&lines) }))
}
