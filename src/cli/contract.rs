//! `yagona contract`: what services may have, and under which law or agreement. Changes take effect on running nodes within a
//! second.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::read;
use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::audit::Event;
use crate::clients::{
    Basis, Contract as OnRecord, ContractDocument, ContractFile, ContractsError, ListedContract, Payment,
    Permission, Registry, Right, Version, Words,
};
use crate::people::{CivilDate, DataSet};
use crate::platform::clock::Timestamp;

/// Stores, shows and ends contracts.
#[derive(Subcommand)]
pub(super) enum Contract {
    /// Stores a contract
    Add(Box<Add>),
    /// Lists the contracts, and marks those that end soon
    List,
    /// Shows a contract
    Show {
        /// The contract's identifier
        id: String,
        /// Shows all its versions, the newest first
        #[arg(long)]
        history: bool,
    },
    /// Ends a contract now: its services are suspended, and what people agreed to under it ends
    End {
        /// The contract's identifier
        id: String,
    },
    /// Stores all institutions and contracts of a TOML file, or none if one is wrong
    Import {
        #[arg(help = "TOML file with arrays [[institutions]] and [[contracts]]; - is standard input")]
        file: PathBuf,
    },
    /// Writes institutions and contracts as TOML
    Export {
        /// Only this contract, with its institution
        id: Option<String>,
    },
    /// Shows how often data were released, by month, contract and client
    Usage {
        /// Only this contract
        #[arg(long, value_name = "ID")]
        contract: Option<String>,
        /// Only this month, `YYYY-MM`
        #[arg(long, value_name = "MONTH")]
        month: Option<String>,
    },
}

/// A contract as flags; a file has more members (`yagona contract import`).
#[derive(Args)]
pub(super) struct Add {
    /// Identifier
    #[arg(long)]
    id: String,
    /// The institution whose it is
    #[arg(long, value_name = "ID")]
    institution: String,
    #[command(flatten)]
    reference: Reference,
    /// A data set that may be asked for; may be repeated
    #[arg(long = "data-set", value_name = "NAME")]
    data_sets: Vec<String>,
    /// The first day, `YYYY-MM-DD`
    #[arg(long, value_name = "DAY", value_parser = CivilDate::parse)]
    from: CivilDate,
    /// The last day
    #[arg(long, value_name = "DAY", value_parser = CivilDate::parse)]
    until: Option<CivilDate>,
    /// The most releases of data in a day
    #[arg(long, value_name = "COUNT")]
    releases_per_day: Option<u32>,
    /// The most in a month
    #[arg(long, value_name = "COUNT")]
    releases_per_month: Option<u32>,
    /// Its services are in lending
    #[arg(long)]
    lending: bool,
    /// A button is enough for a release, without a code
    #[arg(long)]
    click: bool,
    /// The least age in years
    #[arg(long, value_name = "YEARS")]
    minimum_age: Option<u8>,
    /// Demands a valid document
    #[arg(long)]
    valid_document: bool,
    /// What it opens besides signing in; may be repeated
    #[arg(long = "allow", value_name = "RIGHT", value_enum)]
    allows: Vec<Right>,
    /// free or paid; follows from the kind of the institution
    #[arg(long, value_enum)]
    payment: Option<Payment>,
}

/// The law or agreement in four languages.
#[derive(Args)]
struct Reference {
    /// Law or agreement with its number and date, in Uzbek, Latin script
    #[arg(long, value_name = "TEXT")]
    reference_latin: String,
    /// The same in Cyrillic script
    #[arg(long, value_name = "TEXT")]
    reference_cyrillic: String,
    /// The same in Russian
    #[arg(long, value_name = "TEXT")]
    reference_ru: String,
    /// The same in English
    #[arg(long, value_name = "TEXT")]
    reference_en: String,
}

impl Contract {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let stores = super::existing(settings).await?;
        let clients = stores.clients().await?;
        warn_of_faults(&clients);
        match self.name() {
            Some(name) => {
                let id = match &self {
                    Self::Add(add) => Some(add.id.clone()),
                    Self::End { id } => Some(id.clone()),
                    _ => None,
                };
                let about = |event: Event<'static>| match id {
                    Some(id) => event.contract(id),
                    None => event,
                };
                operator::recorded(&stores, name, about, self.act(&stores, &clients, format)).await?;
            }
            None => self.act(&stores, &clients, format).await?,
        }
        stores.db.close().await;
        Ok(())
    }

    /// The command's name, if it changes something.
    const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Add(_) => Some("contract add"),
            Self::End { .. } => Some("contract end"),
            Self::Import { .. } => Some("contract import"),
            Self::List | Self::Show { .. } | Self::Export { .. } | Self::Usage { .. } => None,
        }
    }

    async fn act(self, stores: &Stores, clients: &Registry, format: Format) -> Result<(), StartError> {
        match self {
            Self::Add(add) => {
                if clients.contract(&add.id).is_some() {
                    return Err(StartError(format!(
                        "the contract `{0}` exists already: `yagona contract show {0}` shows it, `yagona contract import` changes it",
                        add.id
                    )));
                }
                let contracts = vec![add.document()?];
                import(stores, clients, ContractFile { institutions: Vec::new(), contracts }, format).await
            }
            Self::Import { file } => import(stores, clients, read_file(&file)?, format).await,
            Self::List => list(stores, clients, format),
            Self::Show { id, history } => show(&id, history, clients, format).await,
            Self::Export { id } => {
                let file = clients.export_contracts(id.as_deref()).await.map_err(|error| refused(&error))?;
                format.print(&file, || print(&file))
            }
            Self::End { id } => {
                clients.end_contract(&id).await.map_err(|error| refused(&error))?;
                let ended = clear(stores, clients).await;
                format.print(&json!({ "contract": id, "ended": true, "consents_ended": ended }), || {
                    say!("The contract {id} is ended: its services are suspended.{}", told(ended));
                    Ok(())
                })
            }
            Self::Usage { contract, month } => usage(contract, month, clients, format).await,
        }
    }
}

/// Reads a file of institutions and contracts.
///
/// # Errors
/// [`StartError`] with the place in the file.
pub(super) fn read_file(file: &Path) -> Result<ContractFile, StartError> {
    let text =
        read(file).map_err(|error| StartError(format!("{} cannot be read: {error}", file.display())))?;
    ContractFile::parse(&text)
        .map_err(|error| StartError(format!("{} is not a contract file:\n{error}", file.display())))
}

/// What an operator is told of a change that did not take place.
pub(super) fn refused(error: &ContractsError) -> StartError {
    match error {
        ContractsError::Invalid(_) => StartError(format!("{error}nothing was stored")),
        _ => cannot_start(error),
    }
}

async fn import(
    stores: &Stores,
    clients: &Registry,
    file: ContractFile,
    format: Format,
) -> Result<(), StartError> {
    let changed = clients.import_contracts(&file).await.map_err(|error| refused(&error))?;
    let ended = clear(stores, clients).await;
    let institutions: Vec<&str> =
        file.institutions.iter().map(|institution| institution.id.as_str()).collect();
    let answer =
        json!({ "institutions": institutions, "contracts_changed": changed, "consents_ended": ended });
    format.print(&answer, || {
        for contract in &file.contracts {
            let what = if changed.contains(&contract.id) { "stored" } else { "as it was" };
            say!("{:<24} {what}", contract.id);
        }
        say!("{} institution(s), {} contract(s).{}", institutions.len(), file.contracts.len(), told(ended));
        Ok(())
    })?;
    for listed in clients.contracts() {
        warn_of_registrations(clients, &listed);
    }
    Ok(())
}

/// Ends what contracts no longer allow. What fails, or is interrupted, running nodes do.
async fn clear(stores: &Stores, clients: &Registry) -> Option<u64> {
    let cleared = async {
        let life_events = stores.life_events().await?;
        life_events.clear_contracts(clients).await.map_err(cannot_start)
    };
    match cleared.await {
        Ok(ended) => Some(ended),
        Err(StartError(why)) => {
            eprintln!(
                "warning: what people agreed to under it was not ended completely: {why}; a node goes on with it"
            );
            None
        }
    }
}

fn told(ended: Option<u64>) -> String {
    match ended {
        Some(0) | None => String::new(),
        Some(ended) => format!(" {ended} consent(s) that it does not allow have ended."),
    }
}

/// Says which institutions and contracts are stored and cannot be read.
pub(super) fn warn_of_faults(clients: &Registry) {
    for fault in clients.contract_faults() {
        eprintln!("warning: {fault}: it is not in force; importing it again mends it");
    }
}

/// Says which registrations ask for more than their contract allows: they get less.
fn warn_of_registrations(clients: &Registry, listed: &ListedContract) {
    let all = clients.all();
    for client in all.values().filter(|client| listed.clients.iter().any(|id| id == client.id.as_str())) {
        let taken: Vec<&str> = client.taken.iter().map(|set| set.name()).collect();
        if !taken.is_empty() {
            eprintln!(
                "warning: {} is registered for {}, which the contract {} does not allow: it does not get them",
                client.id,
                taken.join(", "),
                listed.contract.id()
            );
        }
    }
}

/// The state of a contract, as lists show it.
fn state(contract: &OnRecord, now: Timestamp, warn_days: u32) -> &'static str {
    let soon = |end: Timestamp| end.since(now) <= i64::from(warn_days) * 86_400;
    match contract.suspension(now) {
        Some(suspension) => suspension.name(),
        None if contract.ends().is_some_and(soon) => "ENDS SOON",
        None => "in force",
    }
}

fn list(stores: &Stores, clients: &Registry, format: Format) -> Result<(), StartError> {
    let (all, now) = (clients.contracts(), stores.clock.now());
    let state = |contract: &OnRecord| state(contract, now, stores.settings.contracts.warn_days);
    let rows: Vec<Value> = all
        .iter()
        .map(|ListedContract { contract, clients }| {
            json!({
                "contract": contract.id(), "institution": contract.institution.id, "state": state(contract),
                "from": contract.document.from, "until": contract.document.until, "version": contract.version,
                "clients": clients,
            })
        })
        .collect();
    format.print(&json!({ "contracts": rows }), || {
        if all.is_empty() {
            say!("There are no contracts yet; `yagona contract add` stores one.");
        }
        for ListedContract { contract, clients } in &all {
            let until =
                contract.document.until.map_or_else(|| "without end".to_owned(), |day| day.to_string());
            let clients = if clients.is_empty() { "no client".to_owned() } else { clients.join(", ") };
            say!(
                "{:<24} {:<10} {} – {until}  {} ({clients})",
                contract.id(),
                state(contract),
                contract.document.from,
                contract.institution.name.en
            );
        }
        Ok(())
    })
}

async fn show(id: &str, history: bool, clients: &Registry, format: Format) -> Result<(), StartError> {
    let versions = clients.contract_history(id).await.map_err(|error| refused(&error))?;
    let shown: &[Version] = if history { &versions } else { &versions[..1] };
    let rows: Vec<Value> = shown
        .iter()
        .map(|version| {
            json!({
                "version": version.version, "recorded_at": version.recorded_at.to_rfc3339(),
                "ended_at": version.ended_at.map(Timestamp::to_rfc3339), "contract": version.document,
            })
        })
        .collect();
    format.print(&json!({ "versions": rows }), || {
        for version in shown {
            say!("# Version {} of {}", version.version, version.recorded_at.to_rfc3339());
            if let Some(ended) = version.ended_at {
                say!("# Ended on {}", ended.to_rfc3339());
            }
            print(&ContractFile { institutions: Vec::new(), contracts: vec![version.document.clone()] })?;
        }
        Ok(())
    })
}

fn print(file: &ContractFile) -> Result<(), StartError> {
    let text = file.write().map_err(cannot_start)?;
    say!("{}", text.trim_end());
    Ok(())
}

async fn usage(
    contract: Option<String>,
    month: Option<String>,
    clients: &Registry,
    format: Format,
) -> Result<(), StartError> {
    if let Some(id) = contract.as_deref().filter(|id| clients.contract(id).is_none()) {
        return Err(refused(&ContractsError::Unknown(id.to_owned())));
    }
    let mut rows = clients.contract_usage().await.map_err(cannot_start)?;
    rows.retain(|row| {
        contract.as_ref().is_none_or(|id| row.contract == *id)
            && month.as_ref().is_none_or(|month| row.month == *month)
    });
    let payment = |id: &str| {
        let found = clients.contract(id)?;
        Some(found.document.payment.unwrap_or(Payment::of(found.institution.kind)).name())
    };
    let told: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "month": row.month, "contract": row.contract, "client": row.client, "releases": row.releases,
                "payment": payment(&row.contract),
            })
        })
        .collect();
    format.print(&json!({ "usage": told }), || {
        if rows.is_empty() {
            say!("Nothing was released.");
        }
        for row in &rows {
            let payment = payment(&row.contract).unwrap_or("-");
            say!("{}  {:<24} {:<24} {:>10}  {payment}", row.month, row.contract, row.client, row.releases);
        }
        Ok(())
    })
}

impl Add {
    fn document(self) -> Result<ContractDocument, StartError> {
        let data_sets = self.data_sets.iter().map(|name| {
            DataSet::parse(name).ok_or_else(|| {
                let known: Vec<&str> = DataSet::ALL.iter().map(|set| set.name()).collect();
                StartError(format!("`{name}` is no data set: {}", known.join(", ")))
            })
        });
        let Reference { reference_latin, reference_cyrillic, reference_ru, reference_en } = self.reference;
        Ok(ContractDocument {
            data_sets: data_sets.collect::<Result<_, _>>()?,
            id: self.id,
            institution: self.institution,
            reference: Words {
                uz_latn: reference_latin,
                uz_cyrl: reference_cyrillic,
                ru: reference_ru,
                en: reference_en,
            },
            article: None,
            basis: Basis::Consent,
            purposes: Vec::new(),
            from: self.from,
            until: self.until,
            releases_per_day: self.releases_per_day,
            releases_per_month: self.releases_per_month,
            lending: self.lending,
            permission: if self.click { Permission::Click } else { Permission::Code },
            minimum_age: self.minimum_age,
            valid_document: self.valid_document,
            allows: self.allows.into_iter().collect(),
            payment: self.payment,
        })
    }
}
