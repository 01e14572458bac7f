//! `/cabinet/accesses`: who looked at a person's data, from the ledger: what, when, why, by which way; each row with all that stands
//! of it, and the list as a file.

pub(super) mod export;

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::paths::ACCESSES as PATH;
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::words::Named;
use super::{Cabinet, PAGE, services, words};
use crate::clients::ClientId;
use crate::ledger::{Channel, EntryId, Filter, Ground, Listed, Place};
use crate::people::DataSet;
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::Problem;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;

/// Rows read at once while those are looked for that name some data.
const PART: i64 = 200;

/// Rows looked at for one page: what is further back is on the next one.
const MOST_LOOKED_AT: usize = 2_000;

/// The list.
#[derive(Template)]
#[template(path = "cabinet/accesses.html")]
struct AccessesPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    rows: Vec<Row>,
    /// The services that may be chosen.
    services: Vec<Choice>,
    /// The data that may be chosen.
    data: Vec<Choice>,
    /// The times that may be chosen.
    times: Vec<Choice>,
    /// Whether anything is chosen.
    filtered: bool,
    older: Option<String>,
    /// Where the list is as a table, and as a document.
    csv: String,
    pdf: String,
}

/// One row with all that is known of it.
#[derive(Template)]
#[template(path = "cabinet/access.html")]
struct AccessPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    row: Row,
    proof: Option<String>,
}

/// What a filter may be set to.
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

/// A release as it is told of.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) href: String,
    pub(super) service: Named,
    pub(super) when: String,
    pub(super) data: String,
    /// Names of fields, as the service reads them.
    pub(super) fields: String,
    pub(super) channel: &'static str,
    pub(super) basis: &'static str,
    pub(super) purpose: String,
    pub(super) contract: String,
    pub(super) consent: String,
    /// How often it was read, and when last; empty where it was an answer by itself.
    pub(super) reads: String,
    pub(super) at: Timestamp,
}

/// What of the list is wanted.
struct Wanted {
    filter: Filter,
    data: Option<DataSet>,
    days: Option<i64>,
    before: Place,
}

impl Wanted {
    fn of(visit: &Visit<'_>) -> Self {
        let days =
            visit.query.get("days").and_then(|days| days.parse().ok()).filter(|days| DAYS.contains(days));
        let filter = Filter {
            client: visit.query.get("service").and_then(ClientId::parse),
            since_ms: days.map(|days: i64| visit.now.minus(days * 86_400).0 * 1000),
            until_ms: None,
        };
        let before = visit.query.get("before").and_then(|before| {
            let (at, id) = before.split_once('.')?;
            Some(Place { at_ms: at.parse().ok()?, id: id.to_owned() })
        });
        let data = visit.query.get("data").and_then(DataSet::parse);
        Self { filter, data, days, before: before.unwrap_or_else(Place::newest) }
    }

    /// The same list at another address, from a place on.
    fn query(&self, before: Option<&Place>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(client) = &self.filter.client {
            query.append_pair("service", client.as_str());
        }
        if let Some(data) = self.data {
            query.append_pair("data", data.name());
        }
        if let Some(days) = self.days {
            query.append_pair("days", &days.to_string());
        }
        if let Some(before) = before {
            query.append_pair("before", &format!("{}.{}", before.at_ms, before.id));
        }
        query.finish()
    }

    fn takes(&self, listed: &Listed) -> bool {
        self.data.is_none_or(|data| listed.leaf.data_sets.iter().any(|set| set == data.name()))
    }
}

/// Periods that may be chosen, in days.
const DAYS: [i64; 3] = [7, 30, 365];

/// So many rows of the list, and where it goes on.
async fn rows(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    wanted: &Wanted,
    (most, looked_at): (usize, usize),
) -> Result<(Vec<Listed>, Option<Place>), ServiceError> {
    let (mut found, mut before, mut looked) = (Vec::new(), wanted.before.clone(), 0);
    loop {
        let part = cabinet.ledger.of_person(visit.person(), &wanted.filter, &before, PART).await?;
        let last = i64::try_from(part.len()).unwrap_or(i64::MAX) < PART;
        for listed in part {
            if found.len() == most || looked == looked_at {
                return Ok((found, Some(before)));
            }
            looked += 1;
            before = Place::after(&listed);
            if wanted.takes(&listed) {
                found.push(listed);
            }
        }
        if last {
            return Ok((found, None));
        }
    }
}

/// The newest releases of a person, `most` at most, for the overview.
pub(super) async fn newest(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    most: i64,
) -> Result<Vec<Row>, ServiceError> {
    let rows = cabinet.ledger.of_person(visit.person(), &Filter::default(), &Place::newest(), most).await?;
    Ok(rows.iter().map(|listed| row(cabinet, visit, listed)).collect())
}

/// Shows the list.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet.show(&request, Proof::Session, async |visit| page(&cabinet, visit).await).await
}

async fn page(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<HttpResponse, ServiceError> {
    let text = visit.context.text();
    let wanted = Wanted::of(visit);
    let (found, further) = rows(cabinet, visit, &wanted, (PAGE, MOST_LOOKED_AT)).await?;
    let everything =
        |chosen: bool| Choice { value: String::new(), label: text.get("cabinet.all").to_owned(), chosen };
    // Whoever has something of the person, and whoever stands on this page.
    let mut ids: BTreeSet<ClientId> = services::clients(cabinet, visit).await?.into_iter().collect();
    ids.extend(found.iter().filter_map(|listed| ClientId::parse(&listed.leaf.client)));
    ids.extend(wanted.filter.client.clone());
    let service = |id: ClientId| Choice {
        label: cabinet.named(visit, &id).name,
        chosen: wanted.filter.client.as_ref() == Some(&id),
        value: id.as_str().to_owned(),
    };
    let data = |set: DataSet| Choice {
        value: set.name().to_owned(),
        label: words::data([set], text),
        chosen: wanted.data == Some(set),
    };
    let time = |days: i64| Choice {
        value: days.to_string(),
        label: text.with("cabinet.last_days", &[("days", &days.to_string())]),
        chosen: wanted.days == Some(days),
    };
    let page = AccessesPage {
        frame: frame(visit),
        shell: Shell::of(visit, PATH),
        rows: found.iter().map(|listed| row(cabinet, visit, listed)).collect(),
        services: std::iter::once(everything(wanted.filter.client.is_none()))
            .chain(ids.into_iter().map(service))
            .collect(),
        data: std::iter::once(everything(wanted.data.is_none())).chain(DataSet::ALL.map(data)).collect(),
        times: std::iter::once(everything(wanted.days.is_none())).chain(DAYS.map(time)).collect(),
        filtered: wanted.filter.client.is_some() || wanted.data.is_some() || wanted.days.is_some(),
        older: further.map(|place| format!("{PATH}?{}", wanted.query(Some(&place)))),
        csv: format!("{PATH}.csv?{}", wanted.query(None)),
        pdf: format!("{PATH}.pdf?{}", wanted.query(None)),
    };
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}

/// `/cabinet/accesses/{id}`: one row. Another person's is no page at all.
pub(super) async fn one(cabinet: Data<Cabinet>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let found = match EntryId::parse(&id) {
                Some(id) => cabinet.ledger.find(&id).await?,
                None => None,
            };
            let Some(listed) = found.filter(|listed| cabinet.ledger.is_about(listed, visit.person())) else {
                return Ok(visit.context.problem(ProblemKind::NotFound, &Problem::default()));
            };
            let page = AccessPage {
                frame: frame(visit),
                shell: Shell::of(visit, PATH),
                row: row(&cabinet, visit, &listed),
                proof: listed.position.map(|_| format!("{PATH}/{}/proof", listed.leaf.id.as_str())),
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// `/cabinet/accesses/{id}/proof`: the proof that an entry stands in the log, as a file that anybody verifies off-line with the log's
/// public key (R71). It says what the page of the entry says.
pub(super) async fn proof(cabinet: Data<Cabinet>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let nothing = || Ok(visit.context.problem(ProblemKind::NotFound, &Problem::default()));
            let Some(id) = EntryId::parse(&id) else { return nothing() };
            let found = cabinet.ledger.find(&id).await?;
            if !found.is_some_and(|listed| cabinet.ledger.is_about(&listed, visit.person())) {
                return nothing();
            }
            let Some(proof) = cabinet.ledger.proof(&id).await? else { return nothing() };
            Ok(words::file(
                "text/plain; charset=utf-8",
                &format!("yagona-{}.tlog-proof", id.as_str()),
                proof.to_string(),
            ))
        })
        .await
}

fn row(cabinet: &Cabinet, visit: &Visit<'_>, listed: &Listed) -> Row {
    let text = visit.context.text();
    let leaf = &listed.leaf;
    let at = Timestamp(leaf.at_ms.div_euclid(1000));
    let client = ClientId::parse(&leaf.client);
    let service = match &client {
        Some(id) => cabinet.named(visit, id),
        None => Named { name: leaf.client.clone(), owner: String::new(), icon: None },
    };
    let sets = leaf.data_sets.iter().filter_map(|name| DataSet::parse(name));
    let registered = client.as_ref().and_then(|id| cabinet.clients.find(id));
    let general = registered.as_ref().map(|client| &client.data.purpose);
    // The purpose of a registration is told in the reader's language, as long as the registration has it.
    let purpose = match (&leaf.purpose, general) {
        (Some(named), Some(general)) if general.says(named) => general.get(visit.context.language.tag()),
        (Some(named), _) => named,
        (None, Some(general)) => general.get(visit.context.language.tag()),
        (None, None) => "",
    };
    let reads = match listed.read_at_ms {
        Some(last) if listed.reads > 0 => {
            let last = words::moment(visit, Timestamp(last.div_euclid(1000)));
            let count = u32::try_from(listed.reads).unwrap_or(u32::MAX);
            let times = text.counted(count, ["cabinet.reads_one", "cabinet.reads_few", "cabinet.reads_many"]);
            text.with("cabinet.reads_last", &[("times", &times), ("when", &last)])
        }
        // What a service may ask UserInfo for with its token, and did not yet.
        _ if leaf.channel == Channel::UserInfo => text.get("cabinet.reads_none").to_owned(),
        _ => String::new(),
    };
    Row {
        href: format!("{PATH}/{}", leaf.id.as_str()),
        id: leaf.id.as_str().to_owned(),
        service,
        when: words::moment(visit, at),
        data: words::data(sets, text),
        fields: leaf.fields.join(", "),
        channel: channel(listed, text),
        basis: match leaf.basis {
            Ground::Consent => text.get("cabinet.basis_consent"),
            Ground::Statutory => text.get("cabinet.basis_law"),
            Ground::Contract => text.get("cabinet.basis_contract"),
        },
        purpose: purpose.to_owned(),
        contract: leaf.contract.clone().unwrap_or_default(),
        consent: leaf.consent.clone().unwrap_or_default(),
        reads,
        at,
    }
}

fn channel(listed: &Listed, text: Text) -> &'static str {
    let tells = matches!(listed.leaf.channel, Channel::AccessToken | Channel::Introspection);
    if tells && listed.leaf.data_sets.is_empty() {
        return text.get("cabinet.way_agreed");
    }
    if listed.is_unread() {
        return text.get("cabinet.way_may_fetch");
    }
    match listed.leaf.channel {
        Channel::IdToken | Channel::AccessToken | Channel::UserInfo | Channel::OneId => {
            text.get("cabinet.way_sign_in")
        }
        Channel::Introspection => text.get("cabinet.way_introspection"),
        Channel::DataApi => text.get("cabinet.way_data"),
        Channel::Verification => text.get("cabinet.way_verification"),
        Channel::Application => text.get("cabinet.way_application"),
        Channel::Naming => text.get("cabinet.way_naming"),
    }
}
