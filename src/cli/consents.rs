//! `yagona consents`: what a person agreed to, and its end.

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use super::people::{account_of, parse};
use crate::app::settings::Settings;
use crate::app::{StartError, cannot_start};
use crate::platform::clock::Timestamp;
use crate::release::{AgreedData, ListedConsent};

/// Lists and ends consents of a person.
#[derive(Subcommand)]
pub(super) enum Consents {
    /// Lists the consents of a person that were not ended
    List {
        /// The person's enrolled number
        number: String,
    },
    /// Ends a consent: the client loses its grants and tokens of that person, and must ask again
    End {
        /// The consent's identifier, as `consents list` shows it
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

impl Consents {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        match self {
            Self::List { number } => {
                let number = parse(&number, &settings)?;
                let stores = super::existing(settings).await?;
                let account = account_of(&stores, &number).await?;
                let list = async {
                    let release = stores.life_events().await?.release;
                    release.list(&account.person_id).await.map_err(cannot_start)
                };
                let person = account.person_id.as_str();
                let consents =
                    operator::recorded(&stores, "consents list", |event| event.person(person), list).await?;
                let now = stores.clock.now();
                let told: Vec<Value> = consents.iter().map(|consent| document(consent, now)).collect();
                format.print(&json!({ "consents": told }), || {
                    if consents.is_empty() {
                        say!("There are no consents.");
                    }
                    for consent in &consents {
                        say!("{}", line(consent, now));
                    }
                    Ok(())
                })?;
                stores.db.close().await;
            }
            Self::End { id } => {
                let stores = super::existing(settings).await?;
                let end = async {
                    let ended = stores.life_events().await?.end_consent(&id).await;
                    let ended = ended
                        .map_err(|error| StartError(format!("tokens may not have ended at once: {error}")))?;
                    ended.ok_or_else(|| {
                        StartError(format!(
                            "`{id}` is no consent that can be ended: there is none, it has ended, or a law gives the data; \
                             `yagona consents list` with a number shows those of a person"
                        ))
                    })
                };
                let client =
                    operator::recorded(&stores, "consents end", |event| event.consent(id.as_str()), end)
                        .await?;
                format.print(
                    &json!({ "consent_id": id, "client_id": client.as_str(), "ended": true }),
                    || {
                        say!(
                            "The consent has ended; {client} has lost its grants and tokens of this person."
                        );
                        Ok(())
                    },
                )?;
                stores.db.close().await;
            }
        }
        Ok(())
    }
}

fn document(listed: &ListedConsent, now: Timestamp) -> Value {
    let consent = &listed.consent;
    let released: Vec<&str> = consent.extent.released.iter().map(|set| set.name()).collect();
    let details: Vec<Value> = consent.extent.details.iter().map(AgreedData::on_the_wire).collect();
    json!({
        "consent_id": consent.id, "client_id": listed.client_id.as_str(),
        "basis": if listed.statutory { "statutory" } else { "consent" },
        "permitted_by": listed.permitted_by, "given_at": listed.given_at.to_rfc3339(),
        "expires_at": consent.expires_at.to_rfc3339(), "expired": consent.expires_at <= now,
        "data_sets": released, "offline_access": consent.extent.offline,
        "authorization_details": details,
    })
}

fn line(listed: &ListedConsent, now: Timestamp) -> String {
    let consent = &listed.consent;
    let basis = if listed.statutory { "statutory" } else { "consent" };
    let until = if consent.expires_at > now { "until" } else { "expired" };
    let mut allowed: Vec<&str> = consent.extent.released.iter().map(|set| set.name()).collect();
    if consent.extent.offline {
        allowed.push("offline_access");
    }
    let details = consent.extent.details.iter();
    let details: Vec<String> = details.map(|detail| detail.on_the_wire().to_string()).collect();
    allowed.extend(details.iter().map(String::as_str));
    if allowed.is_empty() {
        allowed.push("no data");
    }
    format!(
        "{} {:<24} {basis:<9} by {:<5} given {}, {until} {}: {}",
        consent.id,
        listed.client_id,
        listed.permitted_by.as_deref().unwrap_or("-"),
        listed.given_at.to_rfc3339(),
        consent.expires_at.to_rfc3339(),
        allowed.join(" "),
    )
}
