//! `yagona institution`: who has contracts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::contract::{read_file, refused};
use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, cannot_start};
use crate::clients::{ContractFile, Institution as Document, InstitutionKind, Registry, Words};

/// Stores and shows institutions, which have contracts.
#[derive(Subcommand)]
pub(super) enum Institution {
    /// Stores an institution, or changes it
    Add(Box<Add>),
    /// Shows an institution
    Show {
        /// The institution's identifier
        id: String,
    },
    /// Lists the institutions
    List,
    /// Stores all institutions of a TOML file, or none if one is wrong
    Import {
        #[arg(help = "TOML file with an array [[institutions]]; - is standard input")]
        file: PathBuf,
    },
}

/// An institution as flags.
#[derive(Args)]
pub(super) struct Add {
    /// Identifier
    #[arg(long)]
    id: String,
    /// What it is
    #[arg(long, value_enum)]
    kind: InstitutionKind,
    /// Taxpayer number: nine digits
    #[arg(long)]
    tin: String,
    #[command(flatten)]
    name: Name,
    /// Whom people and operators call; may be repeated
    #[arg(long = "contact", value_name = "TEXT")]
    contacts: Vec<String>,
}

/// The legal name in four languages.
#[derive(Args)]
struct Name {
    /// Legal name in Uzbek, Latin script
    #[arg(long, value_name = "TEXT")]
    name_latin: String,
    /// Legal name in Uzbek, Cyrillic script
    #[arg(long, value_name = "TEXT")]
    name_cyrillic: String,
    /// Legal name in Russian
    #[arg(long, value_name = "TEXT")]
    name_ru: String,
    /// Legal name in English
    #[arg(long, value_name = "TEXT")]
    name_en: String,
}

impl Institution {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let stores = super::existing(settings).await?;
        let clients = stores.clients().await?;
        super::contract::warn_of_faults(&clients);
        match self.name() {
            Some(name) => {
                let id = match &self {
                    Self::Add(add) => Some(add.id.clone()),
                    _ => None,
                };
                let about = |event: crate::audit::Event<'static>| match id {
                    Some(id) => event.institution(id),
                    None => event,
                };
                operator::recorded(&stores, name, about, self.act(&clients, format)).await?;
            }
            None => self.act(&clients, format).await?,
        }
        stores.db.close().await;
        Ok(())
    }

    /// The command's name, if it changes something.
    const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Add(_) => Some("institution add"),
            Self::Import { .. } => Some("institution import"),
            Self::Show { .. } | Self::List => None,
        }
    }

    async fn act(self, clients: &Registry, format: Format) -> Result<(), StartError> {
        match self {
            Self::Add(add) => {
                let Name { name_latin, name_cyrillic, name_ru, name_en } = add.name;
                let name = Words { uz_latn: name_latin, uz_cyrl: name_cyrillic, ru: name_ru, en: name_en };
                let (kind, tin, contacts) = (add.kind, add.tin, add.contacts);
                let institution = Document { id: add.id, kind, tin, name, contacts };
                store(clients, vec![institution], format).await
            }
            Self::Import { file } => {
                let read = read_file(&file)?;
                if !read.contracts.is_empty() {
                    return Err(StartError(format!(
                        "{} has contracts as well, and nothing was stored: `yagona contract import` takes both",
                        file.display()
                    )));
                }
                store(clients, read.institutions, format).await
            }
            Self::Show { id } => {
                let all = clients.institutions().await.map_err(cannot_start)?;
                let found = all.into_iter().find(|institution| institution.id == id).ok_or_else(|| {
                    StartError(format!(
                        "there is no institution `{id}`; `yagona institution list` shows them"
                    ))
                })?;
                format.print(&found, || {
                    let file = ContractFile { institutions: vec![found.clone()], contracts: Vec::new() };
                    let text = file.write().map_err(cannot_start)?;
                    say!("{}", text.trim_end());
                    Ok(())
                })
            }
            Self::List => {
                let all = clients.institutions().await.map_err(cannot_start)?;
                format.print(&json!({ "institutions": all }), || {
                    if all.is_empty() {
                        say!("There are no institutions yet; `yagona institution add` stores one.");
                    }
                    for institution in &all {
                        let (id, kind, tin) = (&institution.id, institution.kind.name(), &institution.tin);
                        say!("{id:<24} {kind:<9} {tin}  {}", institution.name.en);
                    }
                    Ok(())
                })
            }
        }
    }
}

async fn store(clients: &Registry, institutions: Vec<Document>, format: Format) -> Result<(), StartError> {
    let file = ContractFile { institutions, contracts: Vec::new() };
    clients.import_contracts(&file).await.map_err(|error| refused(&error))?;
    let ids: Vec<&str> = file.institutions.iter().map(|institution| institution.id.as_str()).collect();
    format.print(&json!({ "institutions": ids }), || {
        say!("Stored: {}.", ids.join(", "));
        Ok(())
    })
}
