//! `/sign-in/consent`: who asks for what, with the values that would be released.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::data::{datum, label, person_name};
use super::drive::{posted, show};
use super::finish::Present;
use super::step::{Flow, Read, StepContext};
use super::view::{AskedFor, ConsentPage, Datum};
use super::visitor::Visitor;
use super::{Pages, application, finish, permission};
use crate::clients::{Client, DataRequest, PersonalData, Term};
use crate::people::{CivilDate, DataSet, PhoneNumber};
use crate::platform::bytes::{Digest, same};
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::platform::web::text::Text;
use crate::release::{Consent, ConsentContext, Release};
use crate::sign_in::{Agreement, Event, Page, Refusal, by_click, needs_code};

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Consent, async |step| match finish::present(&pages, step).await? {
        Some(present) => Ok(match &step.open.attempt.request.application {
            Some(application) => application::page(step, application, &present).into(),
            None => page(&pages, step, &present).into(),
        }),
        None => finish::start_over(&pages, step).await,
    })
    .await
}

/// Takes the decision.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let visitor = match Visitor::admitted(&pages, &request) {
        Ok(visitor) => visitor,
        Err(instead) => return instead,
    };
    let form = Params::of_form(&request, &body);
    posted(&pages, &request, (Page::Consent, Read::Session), form, async |step, form| {
        let Some(present) = finish::present(&pages, step).await? else {
            return finish::start_over(&pages, step).await;
        };
        match form.get("decision") {
            Some("allow") if step.open.attempt.request.application.is_some() => {
                application::confirm(&pages, step, &visitor, form, present).await
            }
            Some("allow") => allow(&pages, step, &visitor, form, present).await,
            Some("deny") => {
                // What a consent of before allowed and is refused now ends first: the refusal itself can be repeated.
                let refused = step.open.attempt.request.data.available(&present.person.account);
                let former = ended_by_refusal(step, present.person.consent.as_ref());
                pages.life_events.refused(&step.client, &refused, former).await?;
                step.refuse(&pages, Refusal::Denied).await
            }
            _ => Ok(step.go(Page::Consent).into()),
        }
    })
    .await
}

/// The consent that a refusal ends: none where a device asks. Strangers may send people a code of theirs, and whoever refuses them
/// must not lose the service for it.
fn ended_by_refusal<'a>(step: &StepContext<'_>, former: Option<&'a Consent>) -> Option<&'a Consent> {
    former.filter(|_| !step.open.attempt.request.is_for_device())
}

/// What the page shows and a person agrees to.
struct Content {
    request: DataRequest,
    required: Vec<Datum>,
    optional: Vec<Datum>,
    /// The text without any value of a person's data, as JSON: it is kept with the consent.
    text: String,
    /// A digest of the text, the terms in all languages, and the values.
    digest: String,
}

fn content(pages: &Pages, step: &StepContext<'_>, person: &ConsentContext, now: Timestamp) -> Content {
    let today = CivilDate::of(now);
    let (client, text) = (&step.client, step.context.text());
    let (tag, former) = (step.context.language.tag(), person.consent.as_ref());
    let request = step.open.attempt.request.data.available(&person.account);
    let list = |sets: &BTreeSet<DataSet>| -> Vec<Datum> {
        let data = sets.iter().filter_map(|set| {
            let datum = datum(client, &person.account, *set, text, today)?;
            Some(former.map_or(datum.clone(), |former| marked(datum, *set, (former, &request, now))))
        });
        let (new, known): (Vec<Datum>, Vec<Datum>) = data.partition(|datum| datum.is_new);
        new.into_iter().chain(known).collect()
    };
    let (required, optional) =
        (list(&request.required.union(&request.detailed()).copied().collect()), list(&request.optional));
    let told = |data: &[Datum]| -> Vec<serde_json::Value> {
        data.iter().map(|datum| json!({ "set": datum.id, "name": datum.label, "why": datum.why })).collect()
    };
    let service = step.service();
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
    });
    if step.open.attempt.request.is_for_device() {
        shown["for_device"] = true.into();
    }
    if !request.details.is_empty() {
        shown["details"] = json!(request.details);
        let told = request.details.iter().map(|detail| json!(recipients(pages, client, detail, tag)));
        shown["details_told"] = told.collect();
    }
    let shown = shown.to_string();
    let values = |data: &[Datum]| -> Vec<serde_json::Value> {
        data.iter().map(|datum| json!([datum.values, datum.warning])).collect()
    };
    let everything = json!([shown, client.terms.digest().encode(), values(&required), values(&optional)]);
    let digest = Digest::of(everything.to_string().as_bytes()).encode();
    Content { request, required, optional, text: shown, digest }
}

/// Who answers for the resource servers that are told of it, each once.
pub(super) fn recipients(
    pages: &Pages,
    client: &Client,
    detail: &PersonalData,
    tag: &str,
) -> BTreeSet<String> {
    let servers = if detail.told.is_empty() { Vec::new() } else { pages.clients.servers_of(client) };
    let told = servers.iter().filter(|server| detail.tells(server));
    told.map(|server| server.identity.owner.get(tag).to_owned()).collect()
}

/// The datum with what an earlier consent said of it.
fn marked(datum: Datum, set: DataSet, (former, request, now): (&Consent, &DataRequest, Timestamp)) -> Datum {
    let extent = &former.extent;
    let had = extent.allows(set, request, now);
    // What was withheld in general was not withheld for a purpose of its own.
    let withheld = extent.withheld.contains(&set) && request.general().contains(&set);
    // After a first meeting without data everything is new, and nothing stands out.
    Datum { is_new: extent.decides() && !had && !withheld, had, ..datum }
}

fn page(pages: &Pages, step: &StepContext<'_>, present: &Present) -> HttpResponse {
    let (text, tag) = (step.context.text(), step.context.language.tag());
    let (person, client) = (&present.person, &step.client);
    let now = pages.sign_in.clock.now();
    let content = content(pages, step, person, now);
    let until = content.request.ends_at(client, now);
    let asked_for = |detail| asked_for(detail, recipients(pages, client, detail, tag), text, now);
    let details = content.request.details.iter().map(asked_for).collect();
    let words = |words: &'_ str| (!words.is_empty()).then(|| words.to_owned());
    let (basis, recipients) = (client.data.basis_reference.get(tag), client.data.recipients.get(tag));
    let (basis, recipients) = (words(basis), words(recipients));
    let name = person_name(&person.account, step.context.language);
    let action = step.path(Page::Consent);
    let number = person.account.number().map(PhoneNumber::masked).unwrap_or_default();
    let former = person.consent.as_ref();
    let page = ConsentPage {
        frame: step.frame(Page::Consent, &action),
        person_name: &name,
        shown: &content.digest,
        changed: step.said("e") == Some("changed"),
        changes: former.map(|former| changes(client, &content.request, former, text)).unwrap_or_default(),
        ends: former.and_then(|former| ending(&content.request, former, text, now)),
        refusal_ends: ended_by_refusal(step, former)
            .is_some_and(|former| former.extent.allows_any_of(&content.request)),
        code_to: needs_code(client, &present.authenticated, &content.request).then_some(number.as_str()),
        required: content.required,
        optional: content.optional,
        purpose: client.data.purpose.get(tag),
        details,
        basis: basis.as_deref(),
        recipients: recipients.as_deref(),
        until: text.date_for_suffix(until.0),
        offline: content.request.offline,
        for_device: step.open.attempt.request.is_for_device(),
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}

/// What one purpose of its own is, for which data, for how long and how often, and who else is told.
pub(super) fn asked_for(
    detail: &PersonalData,
    told: BTreeSet<String>,
    text: Text,
    now: Timestamp,
) -> AskedFor {
    let until = text.date_for_suffix(detail.until(now).0);
    let data: Vec<&str> = detail.data_sets.iter().map(|set| text.get(label(*set))).collect();
    let key = if detail.is_single() { "consent.detail_single" } else { "consent.detail_repeated" };
    let terms = text.with(key, &[("data", &data.join(", ")), ("until", &until)]);
    let told: Vec<String> = told.into_iter().collect();
    AskedFor { purpose: detail.purpose.clone(), terms, told: (!told.is_empty()).then(|| told.join(", ")) }
}

/// What is not as it was when the person allowed data last.
fn changes(client: &Client, asked: &DataRequest, former: &Consent, text: Text) -> Vec<&'static str> {
    // After a first meeting without data everything is new, and nothing stands out.
    let Some(terms) = former.terms.as_ref().filter(|_| former.extent.decides()) else { return Vec::new() };
    let mut changes: Vec<&'static str> = client
        .terms
        .changed(terms, &asked.all())
        .into_iter()
        .map(|term| {
            text.get(match term {
                Term::Name => "consent.changed_name",
                Term::Owner => "consent.changed_owner",
                Term::Purpose => "consent.changed_purpose",
                Term::Basis => "consent.changed_basis",
                Term::Recipients => "consent.changed_recipients",
                Term::Policy => "consent.changed_policy",
                Term::Period => "consent.changed_period",
                Term::Contract => "consent.changed_contract",
            })
        })
        .collect();
    if asked.offline && !former.extent.offline && !former.extent.sets().is_empty() {
        changes.push(text.get("consent.changed_offline"));
    }
    changes
}

/// Data that `former` allows and that are not asked for: the newest consent is the one that counts.
fn ending(request: &DataRequest, former: &Consent, text: Text, now: Timestamp) -> Option<String> {
    let asked = request.all();
    let gone: Vec<&str> =
        former.extent.standing_sets(now).difference(&asked).map(|set| text.get(label(*set))).collect();
    (!gone.is_empty() && !request.is_one_off()).then(|| gone.join(", "))
}

/// Stores that the person agreed before anything is recorded: of two answers at once the one that is stored first counts,
/// and a refusal leaves no consent behind. What was sent about another state of the page is shown again.
async fn allow(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    form: &Params,
    present: Present,
) -> Result<Flow, ServiceError> {
    let now = pages.sign_in.clock.now();
    let content = content(pages, step, &present.person, now);
    let seen = form.get("shown").unwrap_or_default();
    if !same(seen.as_bytes(), content.digest.as_bytes()) {
        return Ok(step.go_saying(Page::Consent, "changed").into());
    }
    let agreement = Agreement {
        consent_id: Release::new_consent_id(),
        by_click: by_click(&step.client, &content.request),
        asked: content.request,
        ticked: form.all("datum").filter_map(DataSet::parse).collect(),
        terms: step.client.terms.clone(),
        shown: content.text,
    };
    if needs_code(&step.client, &present.authenticated, &agreement.asked) {
        return permission::ask(pages, step, visitor, (present, agreement)).await;
    }
    let agreed = Event::Agreed(present.authenticated, agreement);
    if step.open.attempt.advance(agreed, false, now).is_err()
        || !pages.sign_in.attempts.store_again(&mut step.open).await?
    {
        return Ok(Flow::Due);
    }
    finish::answer(pages, step).await
}
