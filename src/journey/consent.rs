//! `/sign-in/consent`: who asks for what, with the values that would be released.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::step::{Form, Page, Step};
use super::view::{ConsentPage, Datum};
use super::{Journey, finish};
use crate::clients::Client;
use crate::people::Account;
use crate::platform::fault::Fault;
use crate::platform::web::locale::{Language, Text};
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::release::{DataSet, Decision, Extent, Subject, values};
use crate::sign_in::{Authenticated, Stage};

/// Shows the page.
pub async fn get(journey: Data<Journey>, request: HttpRequest) -> HttpResponse {
    let mut step = match Step::find(&journey, &request, Page::Consent).await {
        Ok(step) => step,
        Err(instead) => return instead,
    };
    match show(&journey, &mut step).await {
        Ok(response) => step.with_language(&journey, response),
        Err(fault) => step.visit.fault(&fault),
    }
}

/// Takes the decision.
pub async fn post(journey: Data<Journey>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let (mut step, form) = match Step::posted(&journey, &request, Page::Consent, &body).await {
        Ok(posted) => posted,
        Err(instead) => return instead,
    };
    match decided(&journey, &mut step, &form).await {
        Ok(response) => response,
        Err(fault) => step.visit.fault(&fault),
    }
}

async fn show(journey: &Journey, step: &mut Step<'_>) -> Result<HttpResponse, Fault> {
    step.keep_language(journey).await?;
    let Some((_, subject)) = finish::present(journey, step).await? else {
        return finish::sign_in_instead(journey, step).await;
    };
    let text = step.visit.text();
    let tag = step.visit.language.tag();
    let request = step.transaction.request.release.available(&subject.account);
    let ticked = |set: &DataSet| withheld(&subject, *set);
    let list = |sets: &BTreeSet<DataSet>| -> Vec<Datum> {
        sets.iter()
            .filter_map(|set| datum(&step.client, &subject.account, *set, text, !ticked(set)))
            .collect()
    };
    let until = journey.oidc.clock.now().plus(step.client.consent_seconds);
    let basis = step.client.basis_reference.get(tag);
    let name = person_name(&subject.account, step.visit.language);
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
    Ok(respond::page(StatusCode::OK, &page, &step.reach()))
}

async fn decided(journey: &Journey, step: &mut Step<'_>, form: &Form) -> Result<HttpResponse, Fault> {
    let Some((authenticated, subject)) = finish::present(journey, step).await? else {
        return finish::sign_in_instead(journey, step).await;
    };
    match form.get("decision") {
        "allow" => allow(journey, step, form, (&authenticated, &subject)).await,
        "deny" => {
            step.transaction.progress.stage = Stage::Finished;
            if step.advance(journey).await? {
                Ok(finish::deny(journey, step))
            } else {
                Ok(step.problem(ProblemKind::AlreadyFinished))
            }
        }
        _ => Ok(step.go(Page::Consent)),
    }
}

async fn allow(
    journey: &Journey,
    step: &mut Step<'_>,
    form: &Form,
    (authenticated, subject): (&Authenticated, &Subject),
) -> Result<HttpResponse, Fault> {
    let ticked: BTreeSet<DataSet> = form.all("datum").filter_map(DataSet::parse).collect();
    let extent = Extent::agreed(&step.transaction.request.release.available(&subject.account), &ticked);
    // Of two answers at once the one that is stored first counts: a refusal must not leave a consent behind.
    step.transaction.progress.stage = Stage::Finished;
    if !step.advance(journey).await? {
        return Ok(step.problem(ProblemKind::AlreadyFinished));
    }
    let consent = journey.oidc.release.record(&authenticated.person_id, &step.client, extent).await?;
    finish::answer(journey, step, authenticated, Decision::Covered(consent)).await
}

/// Whether the person withheld a set before.
fn withheld(subject: &Subject, set: DataSet) -> bool {
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
