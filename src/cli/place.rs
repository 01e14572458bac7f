//! `yagona place`: where people are identified in person.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde_json::json;

use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, cannot_start};
use crate::audit::Event;
use crate::platform::clock::Timestamp;
use crate::platform::plain_text::is_shown_as_written;
use crate::staff::{Place as Document, PlaceId, PlaceKind, PlaceNames};

/// Adds, lists and closes places where people are identified in person.
#[derive(Subcommand)]
pub(super) enum Place {
    /// Adds a place
    Add(Box<Add>),
    /// Lists the places
    List,
    /// Closes a place: nobody works there any more, and what was done there stays on record
    Close {
        /// The place's identifier
        id: String,
    },
}

/// A place as flags.
#[derive(Args)]
pub(super) struct Add {
    /// Identifier, never given twice
    #[arg(long)]
    id: String,
    /// What it is
    #[arg(long, value_enum)]
    kind: PlaceKind,
    /// Name in Uzbek, Latin script
    #[arg(long, value_name = "TEXT")]
    name_latin: String,
    /// Name in Uzbek, Cyrillic script
    #[arg(long, value_name = "TEXT")]
    name_cyrillic: String,
    /// Name in Russian
    #[arg(long, value_name = "TEXT")]
    name_ru: String,
    /// Name in English
    #[arg(long, value_name = "TEXT")]
    name_en: String,
    /// Region or city of republican rank
    #[arg(long)]
    region: String,
    /// An account to which a share of fees goes; may be repeated
    #[arg(long = "account", value_name = "RECIPIENT=ACCOUNT", value_parser = account)]
    accounts: Vec<(String, String)>,
}

/// A recipient with the account.
fn account(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(who, account)| !who.is_empty() && !account.is_empty());
    parts
        .map(|(who, account)| (who.to_owned(), account.to_owned()))
        .ok_or_else(|| "it is RECIPIENT=ACCOUNT".to_owned())
}

/// The identifier of a place.
pub(super) fn place_id(text: &str) -> Result<PlaceId, StartError> {
    PlaceId::parse(text).ok_or_else(|| {
        StartError(format!("`{text}` is no identifier of a place: 1 to 64 letters, digits, `-`, `.` or `_`"))
    })
}

impl Place {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let stores = super::existing(settings).await?;
        let staff = stores.staff();
        match self {
            Self::Add(add) => {
                let place = add.document()?;
                let id = place.id.as_str().to_owned();
                let store = async {
                    if staff.add_place(&place).await.map_err(cannot_start)? {
                        Ok(())
                    } else {
                        Err(StartError(format!(
                            "there is, or was, a place `{id}`; names of places are never given twice"
                        )))
                    }
                };
                let about = |event: Event<'static>| event.place(id.clone());
                operator::recorded(&stores, "place add", about, store).await?;
                format.print(&json!({ "place": id }), || {
                    say!("The place {id} is open. `yagona staff add --place {id}` adds who works there.");
                    Ok(())
                })?;
            }
            Self::List => {
                let places = staff.places().await.map_err(cannot_start)?;
                format.print(&json!({ "places": places }), || {
                    if places.is_empty() {
                        say!("There are no places yet; `yagona place add` adds one.");
                    }
                    for place in &places {
                        let state = if place.closed_at.is_some() { "closed" } else { "open" };
                        let (id, kind) = (place.id.as_str(), place.kind.name());
                        say!("{id:<24} {kind:<14} {state:<6} {}  {}", place.region, place.names.en);
                    }
                    Ok(())
                })?;
            }
            Self::Close { id } => {
                let place = place_id(&id)?;
                let close = async {
                    if staff.close_place(&place).await.map_err(cannot_start)? {
                        Ok(())
                    } else {
                        Err(StartError(format!(
                            "there is no open place `{id}`; `yagona place list` shows them"
                        )))
                    }
                };
                let about = |event: Event<'static>| event.place(id.clone());
                operator::recorded(&stores, "place close", about, close).await?;
                format.print(&json!({ "place": id, "closed": true }), || {
                    say!("The place {id} is closed. Nobody works there any more.");
                    Ok(())
                })?;
            }
        }
        stores.db.close().await;
        Ok(())
    }
}

impl Add {
    fn document(self) -> Result<Document, StartError> {
        let id = place_id(&self.id)?;
        let names = PlaceNames {
            uz_latn: self.name_latin,
            uz_cyrl: self.name_cyrillic,
            ru: self.name_ru,
            en: self.name_en,
        };
        let plain =
            |text: &str| (1..=200).contains(&text.trim().chars().count()) && is_shown_as_written(text);
        if !names.all().into_iter().chain([self.region.as_str()]).all(plain) {
            return Err(StartError("names and region are one line of 1 to 200 characters each".to_owned()));
        }
        let accounts: BTreeMap<String, String> = self.accounts.into_iter().collect();
        Ok(Document {
            id,
            kind: self.kind,
            names,
            region: self.region,
            accounts,
            opened_at: Timestamp(0),
            closed_at: None,
        })
    }
}
