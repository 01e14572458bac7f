//! `/cabinet/data`: what is on file of the person, where it came from and since when; and the language that they are written to in.
//!
//! Values are masked until the person has proved in the last five minutes who they are: a browser that was left open shows nobody a
//! document number.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::Cabinet;
use super::paths::{DATA as PATH, WHOLE};
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use crate::people::{CivilDate, DataSet, Register};
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::locale::Language;
use crate::platform::web::respond::{self, CspSources};
use crate::release::{label, values, warning};

/// The page.
#[derive(Template)]
#[template(path = "cabinet/data.html")]
struct DataPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    data: Vec<Datum>,
    /// Whether the values are whole.
    whole: bool,
    languages: Vec<Spoken>,
}

/// A set of data.
struct Datum {
    label: &'static str,
    values: Vec<String>,
    warning: Option<String>,
    /// Where it came from.
    source: String,
}

/// A language that messages may be in.
struct Spoken {
    tag: &'static str,
    name: &'static str,
    chosen: bool,
}

/// Shows what is on file, masked.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet.show(&request, Proof::Session, async |visit| page(&cabinet, visit, false).await).await
}

/// `/cabinet/data/whole`: the same with whole values, after a fresh proof.
pub(super) async fn whole(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet.show(&request, Proof::Fresh, async |visit| page(&cabinet, visit, true).await).await
}

/// `POST /cabinet/data`: the language of messages.
pub(super) async fn speak(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, form| {
            let chosen =
                Language::ALL.into_iter().find(|language| form.get("language") == Some(language.tag()));
            if let Some(language) = chosen {
                cabinet.sign_in.people.prefer(visit.person(), language, visit.now).await?;
            }
            let said = if chosen.is_some() { "language" } else { "nothing" };
            Ok(visit.done(PATH, said))
        })
        .await
}

async fn page(cabinet: &Cabinet, visit: &Visit<'_>, whole: bool) -> Result<HttpResponse, ServiceError> {
    let (text, today) = (visit.context.text(), CivilDate::of(visit.now));
    let people = &cabinet.sign_in.people;
    let (record, number) = people.changed_at(visit.person()).await?;
    let datum = |set: DataSet| {
        let all = values(&visit.account, set, text);
        let phone = set == DataSet::Phone;
        (!all.is_empty()).then(|| Datum {
            label: text.get(label(set)),
            values: if whole { all } else { masked(visit, set, all) },
            warning: warning(&visit.account, set, text, today),
            source: source(visit, set, if phone { number } else { record }),
        })
    };
    let preferred = people.preferred_language(visit.person()).await?.unwrap_or(visit.context.language);
    let spoken = |language: Language| Spoken {
        tag: language.tag(),
        name: language.own_name(),
        chosen: language == preferred,
    };
    let page = DataPage {
        frame: frame(visit),
        shell: Shell::of(visit, PATH),
        data: DataSet::ALL.into_iter().filter(|set| set.is_of_record()).filter_map(datum).collect(),
        whole,
        languages: Language::ALL.map(spoken).into(),
    };
    debug_assert!(!whole || visit.is_fresh(), "{WHOLE} wants a fresh proof");
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

/// Where the values of a set came from, of which day they are as far as that is known, and when they were last changed here.
fn source(visit: &Visit<'_>, set: DataSet, changed_at: Timestamp) -> String {
    let (text, day) = (visit.context.text(), visit.context.text().date(changed_at.0));
    let origin = visit.account.person.origin(set);
    let source = text.get(match (set, origin.source) {
        (DataSet::Phone, _) => "cabinet.source_number",
        (_, Register::MobileId) => "cabinet.source_mobile_id",
        (_, Register::TestData) => "cabinet.source_test_data",
        (_, Register::PersonalisationCentre) => "cabinet.source_personalisation",
        (_, Register::InternalAffairs) => "cabinet.source_internal_affairs",
        (_, Register::TaxCommittee) => "cabinet.source_tax",
        (_, Register::EmploymentMinistry) => "cabinet.source_employment",
    });
    match origin.as_of.filter(|_| set != DataSet::Phone) {
        Some(as_of) => {
            let as_of = text.date(as_of.begins().0);
            let values = [("source", source), ("as_of", &*as_of), ("day", &*day)];
            text.with("cabinet.source_as_of", &values)
        }
        None => text.with("cabinet.source", &[("source", source), ("day", &*day)]),
    }
}

/// What is shown without a fresh proof: who it is, and the ends of numbers. Nothing here identifies or locates anybody.
fn masked(visit: &Visit<'_>, set: DataSet, all: Vec<String>) -> Vec<String> {
    let ends = |digits: &str| {
        format!("•••• {}", digits.chars().skip(digits.chars().count().saturating_sub(4)).collect::<String>())
    };
    let account = &visit.account;
    match set {
        DataSet::Name | DataSet::Sex | DataSet::Citizenship | DataSet::Photo | DataSet::DataUsage => all,
        DataSet::Phone => account.number().iter().map(|number| number.masked()).collect(),
        DataSet::Pinfl => vec![ends(account.person.pinfl.digits())],
        DataSet::Document => vec![ends(account.person.document.number.as_str())],
        DataSet::Tin => all.iter().map(|tin| ends(tin)).collect(),
        DataSet::BirthDate
        | DataSet::BirthPlace
        | DataSet::Address
        | DataSet::TemporaryAddress
        | DataSet::Employment
        | DataSet::LegalEntity => vec!["••••".to_owned()],
    }
}
