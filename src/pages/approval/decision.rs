//! What a person decides on the page of a request.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::super::Pages;
use super::super::code::Asked;
use super::super::completion::Done;
use super::super::step::{unsuited_kind, unsuited_note};
use super::super::view::CodeError;
use super::request::{Found, Waiting, content, find, limited, over, page, reference};
use super::verdict::{Verdict, approve, refuse, settled, try_code};
use crate::people::DataSet;
use crate::platform::bytes::same;
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::sign_in::{MuteOutcome, ShortCode, Stage};

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
    if !matches!(found.waiting.open.attempt.stage(), Stage::Approval(_)) {
        return if is_limited {
            Ok(limited(context, &found.reference))
        } else {
            Ok(found.done(pages, context, settled(pages, &found.waiting).await?))
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
    let content = content(pages, context.language, &found.waiting)?;
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
    open.attempt.request.data.hold_to(&found.waiting.client);
    let mut found = Found { waiting: Waiting { open, ..found.waiting }, ..found };
    let waiting = &mut found.waiting;
    let (authenticated, person) = match try_code(pages, waiting, (code, tries)).await? {
        Ok(proved) => proved,
        Err(error) => return Ok(saying(&found, &error.word())),
    };
    let done = match decision {
        Some("allow") => {
            match approve(pages, waiting, (authenticated, person), (content.text, ticked)).await? {
                Verdict::Done(done) => done,
                Verdict::Unsuited(why) => {
                    let problem = Problem {
                        service: Some(waiting.client.shown(context.language)),
                        note: unsuited_note(why, context.text()),
                        ..Problem::default()
                    };
                    return Ok(context.problem(unsuited_kind(why), &problem));
                }
            }
        }
        Some("deny") => refuse(pages, waiting, &authenticated).await?,
        // Whoever has the code may see what they decide on.
        _ => return page(pages, context, &found, (StatusCode::OK, form.get("code"))),
    };
    Ok(found.done(pages, context, done))
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
