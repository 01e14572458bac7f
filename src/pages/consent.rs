//! `/sign-in/consent`: who asks for what, with the values that would be released.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::step::{Form, Page, StepContext};
use super::view::{ConsentPage, Datum};
use super::{Pages, finish};
use crate::clients::Client;
use crate::people::Account;
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::{Language, Text};
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::release::{ConsentContext, DataSet, Decision, Extent, values};
use crate::sign_in::{Authenticated, Stage};

/// Shows the page.
pub async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let mut step = match StepContext::find(&pages, &request, Page::Consent).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    match show(&pages, &mut step).await {
        Ok(response) => step.with_language(&pages, response),
        Err(fault) => step.context.failure(&fault),
    }
}

/// Takes the decision.
pub async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let (mut step, form) = match StepContext::posted(&pages, &request, Page::Consent, &body).await {
        Ok(posted) => posted,
        Err(instead) => return instead,
    };
    match decided(&pages, &mut step, &form).await {
        Ok(response) => response,
        Err(fault) => step.context.failure(&fault),
    }
}

async fn show(pages: &Pages, step: &mut StepContext<'_>) -> Result<HttpResponse, ServiceError> {
    step.keep_language(pages).await?;
    let Some((_, subject)) = finish::present(pages, step).await? else {
        return finish::sign_in_instead(pages, step).await;
    };
    let text = step.context.text();
    let tag = step.context.language.tag();
    let request = step.attempt.request.release.available(&subject.account);
    let ticked = |set: &DataSet| withheld(&subject, *set);
    let list = |sets: &BTreeSet<DataSet>| -> Vec<Datum> {
        sets.iter()
            .filter_map(|set| datum(&step.client, &subject.account, *set, text, !ticked(set)))
            .collect()
    };
    let until = pages.oidc.clock.now().plus(step.client.consent_seconds);
    let basis = step.client.basis_reference.get(tag);
    let name = person_name(&subject.account, step.context.language);
    let action = step.path(Page::Consent);
    let page = ConsentPage {
        frame: step.frame(Page::Consent, &action),
        person_name: &name,
        required: list(&request.required),
        optional: list(&request.optional),
        purpose: step.client.purpose.get(tag),
        basis: (!basis.is_empty()).then_some(basis),
        until: Some(text.date(until.0)),
        offline: request.offline,
    };
    Ok(respond::page(StatusCode::OK, &page, &step.csp_sources()))
}

async fn decided(
    pages: &Pages,
    step: &mut StepContext<'_>,
    form: &Form,
) -> Result<HttpResponse, ServiceError> {
    let Some((authenticated, subject)) = finish::present(pages, step).await? else {
        return finish::sign_in_instead(pages, step).await;
    };
    match form.get("decision") {
        "allow" => allow(pages, step, form, (&authenticated, &subject)).await,
        "deny" => {
            step.attempt.progress.stage = Stage::Finished;
            if step.advance(pages).await? {
                Ok(finish::deny(pages, step))
            } else {
                Ok(step.problem(ProblemKind::AlreadyFinished))
            }
        }
        _ => Ok(step.go(Page::Consent)),
    }
}

async fn allow(
    pages: &Pages,
    step: &mut StepContext<'_>,
    form: &Form,
    (authenticated, subject): (&Authenticated, &ConsentContext),
) -> Result<HttpResponse, ServiceError> {
    let ticked: BTreeSet<DataSet> = form.all("datum").filter_map(DataSet::parse).collect();
    let extent = Extent::agreed(&step.attempt.request.release.available(&subject.account), &ticked);
    // Of two answers at once the one that is stored first counts: a refusal must not leave a consent behind.
    step.attempt.progress.stage = Stage::Finished;
    if !step.advance(pages).await? {
        return Ok(step.problem(ProblemKind::AlreadyFinished));
    }
    let consent = pages.oidc.release.record(&authenticated.person_id, &step.client, extent).await?;
    finish::answer(pages, step, authenticated, Decision::Covered(consent)).await
}

/// Whether the person withheld a set before.
fn withheld(subject: &ConsentContext, set: DataSet) -> bool {
    subject.consent.as_ref().is_some_and(|consent| consent.extent.withheld.contains(&set))
}

/// A set of data with its values; `None` when there is nothing to release.
pub(super) fn datum(
    client: &Client,
    account: &Account,
    set: DataSet,
    text: Text,
    checked: bool,
) -> Option<Datum> {
    let values = values(account, set, text);
    if values.is_empty() {
        return None;
    }
    let why = client
        .data_set(set)
        .map(|policy| policy.why.get(text.language().tag()))
        .filter(|why| !why.is_empty());
    Some(Datum {
        id: set.name().to_owned(),
        label: text.get(label(set)).to_owned(),
        values,
        why: why.map(str::to_owned),
        checked,
    })
}

/// The person's name in the script of the page.
pub(super) fn person_name(account: &Account, language: Language) -> String {
    let names = &account.person.names;
    match language {
        Language::UzCyrl | Language::Ru => names.cyrillic.for_pages().full(),
        Language::UzLatn | Language::En => names.latin.for_pages().full(),
    }
}

const fn label(set: DataSet) -> &'static str {
    match set {
        DataSet::Name => "data.name",
        DataSet::BirthDate => "data.birth_date",
        DataSet::Sex => "data.sex",
        DataSet::Citizenship => "data.citizenship",
        DataSet::Pinfl => "data.pinfl",
        DataSet::Document => "data.document",
        DataSet::Phone => "data.phone",
        DataSet::Address => "data.address",
    }
}
