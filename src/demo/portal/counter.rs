//! The counter: a clerk asks for the address of the person who stands there. The person agrees or refuses on their own phone (CIBA), and
//! only then the data API gives the address; another register gets it by a law, and the person is told. Plain HTTP and JSON, as a back
//! office would write it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::{Value, json};

use super::claims::{self, Row};
use super::page::{self, Frame};
use super::proofs::Key;
use super::words::{LANGUAGES, Words};
use super::{Portal, RelyingParty, now, random_id};

const CIBA: &str = "urn:openid:params:grant-type:ciba";
/// More cases than a demo has.
const CASES: u64 = 1000;
/// How long a case is remembered.
const REMEMBERED: Duration = Duration::from_secs(30 * 60);
/// How long the person may take in a request that is meant to lapse, in seconds: the shortest time there is.
const SHORT: &str = "10";
/// How often the page of a case looks again, in seconds: more than the provider asks for between two polls.
const LOOK: u32 = 6;

/// The two services of the counter.
#[derive(Clone)]
pub struct CounterParties {
    /// Asks the person.
    pub asking: RelyingParty,
    /// Has a law.
    pub lawful: RelyingParty,
}

/// What the counter remembers.
pub(super) struct Counter {
    parties: CounterParties,
    key: Key,
    cases: Cache<String, Arc<Mutex<Case>>>,
}

impl Counter {
    pub(super) fn new(parties: CounterParties) -> std::io::Result<Self> {
        let cases = Cache::builder().max_capacity(CASES).time_to_live(REMEMBERED).build();
        Ok(Self { parties, key: Key::new()?, cases })
    }

    fn open(&self, case: Case) -> String {
        let id = random_id();
        self.cases.insert(id.clone(), Arc::new(Mutex::new(case)));
        id
    }
}

/// What became of a question.
#[derive(Clone)]
enum Case {
    /// The person has not decided.
    Waiting(Waiting),
    /// The data came.
    Given(Given),
    /// Nothing came.
    Ended(Ended),
}

/// A question that is open.
#[derive(Clone)]
struct Waiting {
    /// What the provider calls it.
    asked: String,
    /// When it may be asked again: whoever asks too soon must wait longer (CIBA Core §11).
    after: i64,
}

/// Data, as the provider told them.
#[derive(Clone)]
struct Given {
    by_law: bool,
    told: Value,
}

/// Why nothing came: the key of the words, and what the provider said.
#[derive(Clone)]
struct Ended {
    id: &'static str,
    code: String,
    said: String,
}

impl Ended {
    fn of(id: &'static str, answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Self { id, code: text("error"), said: text("error_description") }
    }

    fn unreachable() -> Self {
        Self { id: "counter_unreachable", code: "unreachable".to_owned(), said: String::new() }
    }
}

#[derive(Template)]
#[template(path = "demo/counter.html")]
struct CounterPage<'a> {
    frame: Frame<'a>,
    asking: &'a str,
    lawful: &'a str,
}

#[derive(Template)]
#[template(path = "demo/counter_case.html")]
struct CasePage<'a> {
    frame: Frame<'a>,
    /// How often the page looks again, while something is waited for.
    look: Option<u32>,
    given: Option<Shown>,
    ended: Option<Ended>,
}

/// Data as people read them.
struct Shown {
    by_law: bool,
    rows: Vec<Row>,
}

/// Asks for a number.
pub(super) async fn front(portal: web::Data<Portal>, request: HttpRequest) -> HttpResponse {
    let Some(counter) = &portal.counter else { return page::nothing_here(&portal, &request) };
    let frame = Frame::new(&portal, 0, &request, "counter");
    let words = frame.words;
    let page = CounterPage {
        frame,
        asking: name(&counter.parties.asking, words),
        lawful: name(&counter.parties.lawful, words),
    };
    page::remember_language(&portal, &request, page::html(&portal, StatusCode::OK, &page))
}

fn name(party: &RelyingParty, words: Words) -> &str {
    party.names.get(words.tag()).unwrap_or(&party.name)
}

/// What a clerk typed.
#[derive(Deserialize)]
pub(super) struct Question {
    phone: String,
    /// `usual`, `short` for a request that lapses soon, or `outside` for one that the contract does not allow.
    way: Option<String>,
}

/// Asks the person.
pub(super) async fn ask(
    portal: web::Data<Portal>,
    request: HttpRequest,
    question: web::Form<Question>,
) -> HttpResponse {
    let Some(counter) = &portal.counter else { return page::nothing_here(&portal, &request) };
    let words = Words::of(&request);
    let way = question.way.as_deref().unwrap_or("usual");
    // A purpose that the contract does not have is refused before anybody is bothered.
    let purpose = if way == "outside" { "counter_other_purpose" } else { "counter_purpose" };
    let detail = json!([{
        "type": "personal_data",
        "data_sets": ["address"],
        "purpose": words.say(purpose),
        "period": 3600,
        "use": "single",
        "locations": [data_api(&portal)],
    }]);
    let mut fields = vec![
        ("scope", "openid".to_owned()),
        ("login_hint", question.phone.clone()),
        ("ui_locales", words.tag().to_owned()),
        ("binding_message", words.say("counter_talon").to_owned()),
        ("authorization_details", detail.to_string()),
    ];
    if way == "short" {
        fields.push(("requested_expiry", SHORT.to_owned()));
    }
    let case = match post(&portal, counter, &counter.parties.asking, "/oidc/bc-authorize", &fields).await {
        Some((200, answer)) => {
            let asked = answer["auth_req_id"].as_str().unwrap_or_default().to_owned();
            Case::Waiting(Waiting { asked, after: now() })
        }
        Some((_, answer)) => Case::Ended(Ended::of("counter_not_allowed", &answer)),
        None => Case::Ended(Ended::unreachable()),
    };
    page::redirect(format!("/counter/{}", counter.open(case)), &[])
}

/// What a clerk of the register typed.
#[derive(Deserialize)]
pub(super) struct Named {
    pinfl: String,
}

/// Gets the address by a law.
pub(super) async fn take(
    portal: web::Data<Portal>,
    request: HttpRequest,
    named: web::Form<Named>,
) -> HttpResponse {
    let Some(counter) = &portal.counter else { return page::nothing_here(&portal, &request) };
    let detail = json!([{
        "type": "personal_data",
        "data_sets": ["address"],
        "purpose": PURPOSE_BY_LAW,
        "period": 3600,
        "use": "single",
        "person": {"pinfl": named.pinfl},
    }]);
    let fields =
        [("grant_type", "client_credentials".to_owned()), ("authorization_details", detail.to_string())];
    let case = match post(&portal, counter, &counter.parties.lawful, "/oidc/token", &fields).await {
        Some((200, tokens)) => read(&portal, counter, &tokens, true).await,
        Some((_, answer)) => Case::Ended(Ended::of("counter_not_allowed", &answer)),
        None => Case::Ended(Ended::unreachable()),
    };
    page::redirect(format!("/counter/{}", counter.open(case)), &[])
}

/// The purpose, word for word as the registration has it.
const PURPOSE_BY_LAW: &str = "Uy-joy reestrini yuritish";

/// Says what became of a question, and looks whether the person has decided.
pub(super) async fn case(
    portal: web::Data<Portal>,
    id: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    let found = portal.counter.as_ref().and_then(|counter| Some((counter, counter.cases.get(&*id)?)));
    let Some((counter, found)) = found else { return page::nothing_here(&portal, &request) };
    let due = {
        let mut case = found.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *case {
            // Of two tabs that look at once one asks.
            Case::Waiting(waiting) if waiting.after <= now() => {
                waiting.after = now() + i64::from(LOOK);
                Some(waiting.clone())
            }
            _ => None,
        }
    };
    if let Some(waiting) = due {
        let became = look(&portal, counter, waiting).await;
        *found.lock().unwrap_or_else(PoisonError::into_inner) = became;
    }
    let case = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let frame = |title| Frame::new(&portal, 0, &request, title);
    let page = match case {
        Case::Waiting(_) => {
            CasePage { frame: frame("counter_waiting"), look: Some(LOOK), given: None, ended: None }
        }
        Case::Given(given) => {
            let title = if given.by_law { "counter_by_law" } else { "counter_agreed" };
            let frame = frame(title);
            let given = Some(Shown { by_law: given.by_law, rows: rows(&given.told, frame.words) });
            CasePage { frame, look: None, given, ended: None }
        }
        Case::Ended(ended) => {
            CasePage { frame: frame(ended.id), look: None, given: None, ended: Some(ended) }
        }
    };
    page::remember_language(&portal, &request, page::html(&portal, StatusCode::OK, &page))
}

/// Asks the provider whether the person has decided (CIBA Core §10.1).
async fn look(portal: &Portal, counter: &Counter, waiting: Waiting) -> Case {
    let fields = [("grant_type", CIBA.to_owned()), ("auth_req_id", waiting.asked.clone())];
    match post(portal, counter, &counter.parties.asking, "/oidc/token", &fields).await {
        Some((200, tokens)) => read(portal, counter, &tokens, false).await,
        Some((_, answer)) => match answer["error"].as_str().unwrap_or_default() {
            "authorization_pending" | "slow_down" | "temporarily_unavailable" => Case::Waiting(waiting),
            "access_denied" => Case::Ended(Ended::of("counter_refused", &answer)),
            "expired_token" => Case::Ended(Ended::of("counter_lapsed", &answer)),
            _ => Case::Ended(Ended::of("counter_not_allowed", &answer)),
        },
        None => Case::Waiting(waiting),
    }
}

/// Reads the address by the data API.
async fn read(portal: &Portal, counter: &Counter, tokens: &Value, by_law: bool) -> Case {
    let url = format!("{}/address", data_api(portal));
    let token = tokens["access_token"].as_str().unwrap_or_default();
    let Some(proof) = counter.key.proof("GET", &url, Some(token)) else {
        return Case::Ended(Ended::unreachable());
    };
    let request = portal.provider.plain().get(&url).header("dpop", proof);
    match portal.provider.json(request.header("authorization", format!("DPoP {token}"))).await {
        Some((200, told)) => Case::Given(Given { by_law, told }),
        Some((_, answer)) => Case::Ended(Ended::of("counter_not_allowed", &answer)),
        None => Case::Ended(Ended::unreachable()),
    }
}

/// Posts a form as one of the services, with a proof of possession.
async fn post(
    portal: &Portal,
    counter: &Counter,
    party: &RelyingParty,
    path: &str,
    fields: &[(&str, String)],
) -> Option<(u16, Value)> {
    let url = format!("{}{path}", portal.provider.issuer().as_str());
    let request = portal.provider.plain().post(&url).form(fields);
    let request = request.basic_auth(&party.client_id, Some(&party.client_secret));
    let request = match path {
        "/oidc/token" => request.header("dpop", counter.key.proof("POST", &url, None)?),
        _ => request,
    };
    portal.provider.json(request).await
}

fn data_api(portal: &Portal) -> String {
    format!("{}/data", portal.provider.issuer().as_str())
}

/// What came, for people: the values, from whom and of which day, and by what it is found in the ledger.
fn rows(told: &Value, words: Words) -> Vec<Row> {
    let claims = told["claims"].as_object().cloned().unwrap_or_default();
    let mut rows = claims::in_plain_words(&claims, words);
    let mut more: BTreeMap<usize, (&str, &str, String)> = BTreeMap::new();
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let known = |prefix: &str, name: &str| {
        let words = words.known(&format!("{prefix}_{name}"));
        words.map_or_else(|| name.to_owned(), str::to_owned)
    };
    more.insert(0, ("source", "counter_source", known("source", &text("source"))));
    if let Some(day) = told["as_of"].as_str() {
        more.insert(1, ("as_of", "counter_as_of", claims::day(day, words)));
    }
    more.insert(2, ("purpose", "counter_for", text("purpose")));
    more.insert(3, ("entry", "counter_entry", text("entry")));
    rows.extend(more.into_values().map(|(machine, label, value)| Row {
        label: words.say(label).to_owned(),
        values: vec![value],
        machine: machine.to_owned(),
    }));
    rows
}
