//! `/sign-in/eri`: an electronic digital signature, by a key on this computer or an ID-card on a phone.
//!
//! The page is whole without a script but for the key on the computer: E-IMZO's program is reached from a script alone. A challenge is
//! asked for by a form and bound to the attempt and its browser; what signs another one signs nobody in.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::drive::{show, tried};
use super::proof::{self, Proof};
use super::step::{Flow, Read, StepContext};
use super::view::{EriComputer, EriPage, EriPhone, EriStep, NoAccountPage};
use super::visitor::Visitor;
use crate::accounts::Representation;
use crate::audit::Kind;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::client_of;
use crate::platform::web::respond::{self, CspSources};
use crate::registries::eimzo::{Progress, Wrong};
use crate::sign_in::{Eri, EriAsked, EriProblem, EriSigned, Event, Means, Page, Proving, Stage};

/// Shows the page: a choice, or what is to be signed.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Eri, async |step| {
        let Some(eri) = eri(&pages, step) else { return Ok(step.instead_of_means()) };
        let now = pages.sign_in.clock.now();
        // A challenge is used up by whatever was handed in for it; only a phone's may still be signed.
        let used_up = step.said("e").is_some_and(|word| word != Wrong::NotSigned.name());
        let state = match step.open.attempt.stage() {
            Stage::Proving(proving, _) if proving.expires_at > now && !used_up => {
                match proving.state::<EriAsked>(Means::Eri) {
                    Some(EriAsked::Computer { challenge }) => EriStep::Computer(EriComputer {
                        challenge,
                        capiws: eri.policy.capiws.join(" "),
                        keys: eri.policy.api_keys.join(" "),
                    }),
                    Some(EriAsked::Phone { document, payload }) => {
                        // Each look asks E-IMZO's server, so looks are counted like forms.
                        if let Err(instead) = Visitor::admitted(&pages, &request) {
                            return Ok(instead.into());
                        }
                        let signed = match eri.progress(&document, ip(step)).await {
                            Ok(Progress::Expired) => return Ok(looked(step, "expired")),
                            Ok(found) => found == Progress::Signed,
                            Err(_) => return Ok(looked(step, "down")),
                        };
                        EriPhone::new(&payload, signed).map_or(EriStep::Choice, EriStep::Phone)
                    }
                    None => EriStep::Choice,
                }
            }
            _ => EriStep::Choice,
        };
        Ok(shown(&pages, step, &eri, state).into())
    })
    .await
}

/// What a look at a phone's signature came to, unless the page says so already.
fn looked(step: &StepContext<'_>, word: &'static str) -> Flow {
    step.go_saying(Page::Eri, word).into()
}

/// Asks for a signature, or takes it.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    tried(&pages, &request, (Page::Eri, Read::Attempt), &body, async |step, visitor, form| {
        let Some(eri) = eri(&pages, step) else { return Ok(step.instead_of_means()) };
        match form.get("how") {
            Some("computer") => ask(&pages, step, &eri, false).await,
            Some("phone") => ask(&pages, step, &eri, true).await,
            Some("signed") => {
                let pkcs7: String = form.all("pkcs7").collect();
                let card = form.get("card").is_some();
                take(&pages, step, visitor, &eri, Given::Computer(pkcs7, card)).await
            }
            Some("look") => take(&pages, step, visitor, &eri, Given::Phone).await,
            _ => Ok(step.go(Page::Eri).into()),
        }
    })
    .await
}

/// Signatures, where they are offered and can lead to what the service accepts.
fn eri(pages: &Pages, step: &StepContext<'_>) -> Option<Eri> {
    pages.eri.clone().filter(|_| step.leads(pages, Means::Eri))
}

fn ip(step: &StepContext<'_>) -> IpAddr {
    client_of(step.context.request).ip()
}

/// Asks E-IMZO's server for something to sign, and keeps what it gave.
async fn ask(
    pages: &Pages,
    step: &mut StepContext<'_>,
    eri: &Eri,
    phone: bool,
) -> Result<Flow, ServiceError> {
    let ip = ip(step);
    let begun = if phone { eri.ask_phone(ip).await } else { eri.ask_computer(ip).await };
    let Ok((asked, lasts)) = begun else { return Ok(down(step)) };
    let now = pages.sign_in.clock.now();
    let proving = Proving::new(Means::Eri, &asked, (now, now.plus(lasts)))?;
    if step.open.attempt.advance(Event::ProofBegun(proving), false, now).is_err() || !step.keep(pages).await?
    {
        return Ok(Flow::Due);
    }
    Ok(step.go(Page::Eri).into())
}

/// What was handed in.
enum Given {
    Computer(String, bool),
    Phone,
}

/// Takes a signature: who made it signs in.
async fn take(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    eri: &Eri,
    given: Given,
) -> Result<Flow, ServiceError> {
    let now = pages.sign_in.clock.now();
    let Stage::Proving(proving, _) = step.open.attempt.stage() else { return Ok(step.go(Page::Eri).into()) };
    if proving.expires_at <= now {
        return Ok(step.go_saying(Page::Eri, "expired").into());
    }
    let (ip, asked) = (ip(step), proving.state::<EriAsked>(Means::Eri));
    let found = match (&given, &asked) {
        (Given::Computer(pkcs7, card), Some(EriAsked::Computer { challenge })) => {
            eri.by_computer((pkcs7, *card), challenge, ip).await
        }
        (Given::Phone, Some(EriAsked::Phone { document, .. })) => match eri.progress(document, ip).await {
            Ok(Progress::Waiting) => {
                return Ok(step.go_saying(Page::Eri, Wrong::NotSigned.name()).into());
            }
            Ok(Progress::Expired) => return Ok(step.go_saying(Page::Eri, "expired").into()),
            Ok(Progress::Signed) => eri.by_phone(document, ip).await,
            Err(error) => Err(error),
        },
        _ => return Ok(step.go(Page::Eri).into()),
    };
    match found {
        Ok(Ok(signed)) => signed_in(pages, step, visitor, eri, signed).await,
        Ok(Err(problem)) => Ok(refused(pages, step, problem)),
        Err(_) => Ok(down(step)),
    }
}

fn refused(pages: &Pages, step: &StepContext<'_>, problem: EriProblem) -> Flow {
    step.record(pages, Kind::SignatureRefused, None, |event| event.reason(problem.name()));
    step.go_saying(Page::Eri, problem.name()).into()
}

/// E-IMZO's server, or the Tax Committee, does not say; why is in the log.
fn down(step: &StepContext<'_>) -> Flow {
    step.go_saying(Page::Eri, "down").into()
}

async fn signed_in(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    eri: &Eri,
    signed: EriSigned,
) -> Result<Flow, ServiceError> {
    let Some(person) = pages.sign_in.people.account_of(&signed.certificate.pinfl).await? else {
        // The challenge is used up: whoever comes back with an account signs another one.
        let now = pages.sign_in.clock.now();
        if step.open.attempt.advance(Event::ProofRefused, false, now).is_err() || !step.keep(pages).await? {
            return Ok(Flow::Due);
        }
        return Ok(without_account(pages, step, eri, &signed).into());
    };
    if let Some(organisation) = &signed.certificate.organisation {
        let what = Representation {
            tin: organisation.tin.clone(),
            name: organisation.name.clone(),
            position: organisation.position.clone(),
            serial_number: signed.certificate.serial_number.clone(),
        };
        pages.representations.seen(&person, &what, signed.certificate.validity.1).await?;
    }
    let proof = Proof {
        person,
        means: Means::Eri,
        amr: signed.amr(),
        organisation: signed.organisation(),
        counts: true,
        read: None,
    };
    proof::proved(pages, step, visitor, proof).await
}

/// Whoever has no account is led to where one is opened with this very proof (R114).
fn without_account(pages: &Pages, step: &StepContext<'_>, eri: &Eri, signed: &EriSigned) -> HttpResponse {
    let (action, cancel, other) = ("/register", step.cancel_path(Page::Eri), step.path(Page::Means));
    let attempt = step.open.name(Page::Means).to_owned();
    let proof = || (eri.proofs.seal(signed, &step.open.attempt.browser), attempt);
    let page = NoAccountPage {
        frame: step.frame(Page::Eri, action),
        name: &signed.certificate.name,
        proof: pages.sign_in.settings.registers.then(proof),
        other,
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}

fn shown(pages: &Pages, step: &StepContext<'_>, eri: &Eri, state: EriStep) -> HttpResponse {
    let text = step.context.text();
    let (action, cancel) = (step.path(Page::Eri), step.cancel_path(Page::Eri));
    let error = step.said("e").and_then(|word| match word {
        "down" => Some(text.get("eri.down")),
        "organisation" => Some(text.get("eri.organisation")),
        word => EriProblem::sentence_of(word).map(|key| text.get(key)),
    });
    let connect = match &state {
        EriStep::Computer(_) => eri.policy.capiws.clone(),
        EriStep::Choice | EriStep::Phone(_) => Vec::new(),
    };
    let page = EriPage {
        frame: step.frame(Page::Eri, &action),
        state,
        error,
        others: step.other_means(pages, Means::Eri),
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &CspSources { connect, ..step.csp_sources() })
}
