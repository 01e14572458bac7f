//! `/sign-in/passkey`: a passkey that the browser has for this site, whoever's it is; or as a further factor one of the person who has
//! proved who they are already.
//!
//! A passkey is not offered on the page of the number by the browser's autofill: a browser with one passkey at hand may answer such a
//! request at once, and nobody would have chosen to sign in.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::drive::{show, tried};
use super::proof::{self, Proof};
use super::step::{Flow, Read, StepContext};
use super::view::{PasskeyError, PasskeyPage};
use super::visitor::Visitor;
use crate::accounts::passkeys::{CopiedPasskey, NotProved};
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;
use crate::platform::webauthn::Given;
use crate::sign_in::{Amr, Event, Means, Page, Proving};

/// How long after it was taken a proof leads on, in seconds: it does so in the same request.
const TAKEN: i64 = 60;

/// Shows the page. Its challenge is stored, so that whoever opens many is counted like whoever sends forms.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    if let Err(instead) = Visitor::admitted(&pages, &request) {
        return instead;
    }
    show(&pages, &request, Page::Passkey, async |step| {
        if !step.leads(&pages, Means::Passkey) {
            return Ok(step.instead_of_means());
        }
        page(&pages, step).await
    })
    .await
}

/// Takes what the passkey signed.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    tried(&pages, &request, (Page::Passkey, Read::Attempt), &body, async |step, visitor, form| {
        if !step.leads(&pages, Means::Passkey) {
            return Ok(step.instead_of_means());
        }
        enter(&pages, step, visitor, &Given::of(form)).await
    })
    .await
}

async fn page(pages: &Pages, step: &StepContext<'_>) -> Result<Flow, ServiceError> {
    let attempt = &step.open.attempt;
    let known = attempt.stage().base().map(|base| &base.person_id);
    let asked = pages.passkeys.begin_sign_in(step.open.id.digest(), attempt.browser, known).await?;
    let asked = serde_json::to_string(&asked).map_err(|error| ServiceError::Internal(error.to_string()))?;
    let text = step.context.text();
    let (action, cancel) = (step.path(Page::Passkey), step.cancel_path(Page::Passkey));
    let page = PasskeyPage {
        frame: step.frame(Page::Passkey, &action),
        title: text.get(if known.is_some() { "passkey.title_second" } else { "passkey.title" }),
        asked: &asked,
        error: step.said("e").and_then(PasskeyError::from_word).map(|error| error.message(text)),
        others: step.other_means(pages, Means::Passkey),
        cancel: &cancel,
    };
    Ok(respond::page(StatusCode::OK, &page, &step.csp_sources()).into())
}

async fn enter(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    given: &Given,
) -> Result<Flow, ServiceError> {
    let attempt = &step.open.attempt;
    let known = attempt.stage().base().map(|base| base.person_id.clone());
    let here = (step.open.id.digest(), attempt.browser);
    let proved = match pages.passkeys.proved(here.0, here.1, known.as_ref(), given).await? {
        Ok(proved) => proved,
        Err(why) => {
            let error = match why {
                NotProved::Refused => PasskeyError::Wrong,
                NotProved::Copied(copied) => {
                    let CopiedPasskey { person, then, credential } = *copied;
                    // Whoever has the copy may have signed in by it before.
                    pages.life_events.end_access_with(&person, then).await?;
                    pages.passkeys.copied(&person, &credential);
                    PasskeyError::Copied
                }
                NotProved::Waits(_) => PasskeyError::Waits,
            };
            return Ok(step.go_saying(Page::Passkey, error.word()).into());
        }
    };
    // Whatever was given a challenge for before, such as a code that has expired since, is replaced by what was proved.
    let now = pages.sign_in.clock.now();
    let proving = Proving::new(Means::Passkey, &(), (now, now.plus(TAKEN)))?;
    if step.open.attempt.advance(Event::ProofBegun(proving), false, now).is_err() {
        return Ok(Flow::Due);
    }
    let proof = Proof {
        person: proved.person,
        means: Means::Passkey,
        amr: methods(proved.may_be_copied),
        organisation: None,
        counts: true,
        read: None,
    };
    proof::proved(pages, step, visitor, proof).await
}

/// RFC 8176 §2: a key that stays in the hardware of one device, or one that software copies to others; the authenticator verified who
/// used it, which makes two factors of it.
fn methods(may_be_copied: bool) -> Vec<Amr> {
    vec![if may_be_copied { Amr::Swk } else { Amr::Hwk }, Amr::User, Amr::Mfa]
}
