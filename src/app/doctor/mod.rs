//! What is wrong with a client, for the operator who looks after it: its set-up, and its last requests that were refused, with
//! what mends each. The command `client doctor` and the page of the operations address tell the same.
//!
//! The refusals are rows of the audit log: nothing is written for this on the way of a request, and nothing here names a
//! person or holds a secret.

mod advice;
mod setup;

use askama::Template;
use serde::Serialize;
use serde_json::{Value, json};

use crate::audit::{Audit, Refused};
use crate::clients::{Registry, probe};
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;
use crate::platform::outbound::Outbound;
use crate::platform::web::support_code::SupportCode;

pub use setup::Place;

/// Refusals that are shown of a client.
const SHOWN: i64 = 20;

/// How far back they are looked for, in days.
const DAYS: i64 = 14;

/// Something in the set-up.
#[derive(Serialize, Clone, Debug)]
pub struct Finding {
    /// Whether it keeps something from working; else it is worth knowing.
    pub wrong: bool,
    /// What.
    pub what: String,
    /// What mends it.
    pub remedy: String,
}

/// A request that was refused.
#[derive(Serialize, Clone, Debug)]
pub struct Failure {
    /// When, as RFC 3339.
    pub at: String,
    /// The client, as it said or proved.
    pub client_id: String,
    /// Which event, by which the endpoint is known.
    pub event: String,
    /// The error code of the answer; empty when a page was shown.
    pub error: String,
    /// The description that the client, or the page's reader, got.
    pub reason: String,
    /// What was sent against what is registered.
    pub detail: String,
    /// The code that a problem page shows for it.
    pub code: String,
    /// What mends it.
    pub remedy: &'static str,
}

/// What was found.
#[derive(Template)]
#[template(path = "operations/client.html")]
pub struct Examination {
    /// The client.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// Whether it can be used.
    pub state: &'static str,
    /// What is wrong with its set-up.
    pub findings: Vec<Finding>,
    /// Its last requests that were refused.
    pub failures: Vec<Failure>,
}

impl Failure {
    /// A refused request with what mends it.
    pub fn of(refused: &Refused) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            at: refused.at.to_rfc3339(),
            client_id: text(&refused.client),
            event: refused.event.clone(),
            error: text(&refused.error),
            reason: text(&refused.reason),
            detail: text(&refused.detail),
            code: refused.request.as_deref().map(|id| SupportCode::of(id).to_string()).unwrap_or_default(),
            remedy: advice::of(refused.reason.as_deref().unwrap_or_default()),
        }
    }
}

impl Examination {
    /// The same as JSON.
    pub fn document(&self) -> Value {
        json!({
            "client_id": self.client_id, "client_name": self.name, "state": self.state,
            "ok": !self.findings.iter().any(|finding| finding.wrong),
            "findings": self.findings, "failures": self.failures,
        })
    }
}

/// Examines a client; `None` when none of that identifier is stored. With `online` its own addresses are asked as well.
///
/// # Errors
/// [`DbError`].
pub async fn examine(
    (clients, audit): (&Registry, &Audit),
    id: &str,
    (now, place): (Timestamp, Place),
    online: Option<&Outbound>,
) -> Result<Option<Examination>, DbError> {
    let (file, _) = clients.export(Some(id)).await?;
    let registration = file.clients.into_iter().find(|client| client.client_id == id);
    let client = crate::clients::ClientId::parse(id).and_then(|id| clients.find(&id));
    let mut findings = Vec::new();
    let (name, state) = match (&client, &registration) {
        (None, None) => return Ok(None),
        (None, Some(registration)) => {
            let why = clients.refused().await?.into_iter().find(|why| why.contains(&format!("`{id}`")));
            findings.push(Finding {
                wrong: true,
                what: format!("it is stored and not served: {}", why.unwrap_or_default().trim()),
                remedy: "mend its registration and import it again".to_owned(),
            });
            (registration.identity.client_name.clone(), "refused")
        }
        (Some(client), _) => {
            findings.extend(setup::findings(clients, client, now, place));
            let state = match (client.pending, client.disabled) {
                (true, _) => "pending",
                (false, true) => "disabled",
                (false, false) => "enabled",
            };
            (client.identity.name.get("en").to_owned(), state)
        }
    };
    if clients.waiting().await?.iter().any(|waiting| !waiting.is_new && waiting.client_id == id) {
        findings.push(Finding {
            wrong: false,
            what: "a change of its registration waits for approval".to_owned(),
            remedy: format!("yagona client show {id} --waiting"),
        });
    }
    if let (Some(outbound), Some(client), Some(registration)) = (online, &client, &registration) {
        let wrong = probe(outbound, client, registration).await.into_iter();
        findings.extend(wrong.map(|(member, why)| Finding {
            wrong: true,
            what: format!("{member}: {why}"),
            remedy: advice::of_address(member).to_owned(),
        }));
    }
    let refused = audit.refused(id, now.minus(DAYS * 86_400), SHOWN).await?;
    let failures = refused.iter().map(Failure::of).collect();
    Ok(Some(Examination { client_id: id.to_owned(), name, state, findings, failures }))
}

/// The request of a code of a problem page, or of an `X-Request-Id`, if it was refused.
///
/// # Errors
/// [`DbError`].
pub async fn by_code(audit: &Audit, code: &str, now: Timestamp) -> Result<Option<Failure>, DbError> {
    let read_aloud = code.trim().to_ascii_uppercase();
    let is_it = |refused: &Refused| {
        refused
            .request
            .as_deref()
            .is_some_and(|id| id == code || SupportCode::of(id).to_string() == read_aloud)
    };
    Ok(audit.find_refused(now.minus(DAYS * 86_400), is_it).await?.as_ref().map(Failure::of))
}
