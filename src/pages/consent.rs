//! `/sign-in/consent`: who asks for what, with the values that would be released.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::drive::{posted, show};
use super::finish::Present;
use super::step::{Flow, Read, StepContext};
use super::view::{ConsentPage, Datum};
use super::{Pages, finish};
use crate::clients::Client;
use crate::people::{Account, DataSet};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::platform::web::{locale::Language, text::Text};
use crate::release::{ConsentContext, Release, values};
use crate::sign_in::{Agreement, Event, Page, Refusal};

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Consent, async |step| match finish::present(&pages, step).await? {
        Some(present) => Ok(page(&pages, step, &present.person).into()),
        None => finish::start_over(&pages, step).await,
    })
    .await
}

/// Takes the decision.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let form = Params::of_form(&request, &body);
    posted(&pages, &request, (Page::Consent, Read::Session), form, async |step, form| {
        let Some(present) = finish::present(&pages, step).await? else {
            return finish::start_over(&pages, step).await;
        };
        match form.get("decision") {
            Some("allow") => allow(&pages, step, form, present).await,
            Some("deny") => step.refuse(&pages, Refusal::Denied).await,
            _ => Ok(step.go(Page::Consent).into()),
        }
    })
    .await
}

fn page(pages: &Pages, step: &StepContext<'_>, person: &ConsentContext) -> HttpResponse {
    let text = step.context.text();
    let tag = step.context.language.tag();
    let request = step.open.attempt.request.data.available(&person.account);
    let list = |sets: &BTreeSet<DataSet>| -> Vec<Datum> {
        sets.iter()
            .filter_map(|set| datum(&step.client, &person.account, *set, text, !withheld(person, *set)))
            .collect()
    };
    let until = pages.sign_in.clock.now().plus(step.client.data.consent_seconds);
    let basis = step.client.data.basis_reference.get(tag);
    let name = person_name(&person.account, step.context.language);
    let action = step.path(Page::Consent);
    let page = ConsentPage {
        frame: step.frame(Page::Consent, &action),
        person_name: &name,
        required: list(&request.required),
        optional: list(&request.optional),
        purpose: step.client.data.purpose.get(tag),
        basis: (!basis.is_empty()).then_some(basis),
        until: Some(text.date(until.0)),
        offline: request.offline,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}

/// Stores that the person agreed before anything is recorded: of two answers at once the one that is stored first counts,
/// and a refusal leaves no consent behind.
async fn allow(
    pages: &Pages,
    step: &mut StepContext<'_>,
    form: &Params,
    present: Present,
) -> Result<Flow, ServiceError> {
    let agreement = Agreement {
        consent_id: Release::new_consent_id(),
        asked: step.open.attempt.request.data.available(&present.person.account),
        ticked: form.all("datum").filter_map(DataSet::parse).collect(),
    };
    let agreed = Event::Agreed(present.authenticated, agreement);
    let now = pages.sign_in.clock.now();
    if step.open.attempt.advance(agreed, false, now).is_err()
        || !pages.sign_in.attempts.store_again(&mut step.open).await?
    {
        return Ok(Flow::Due);
    }
    finish::answer(pages, step).await
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
