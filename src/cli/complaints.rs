//! `yagona complaints`: what people said was not them, for whoever answers them.

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::audit::{Event, Kind};
use crate::cabinet::{About, Complaint, Complaints as Store};
use crate::people::{People, PhoneNumber};

/// Complaints that one command lists.
const MOST: i64 = 1000;

/// Lists, shows and closes complaints.
#[derive(Subcommand)]
pub(super) enum Complaints {
    /// Lists open complaints, the oldest first
    List {
        /// Closed ones as well
        #[arg(long)]
        all: bool,
    },
    /// Shows a complaint: what it is about, what the person wrote, and their masked number
    Show {
        /// Its number, ten letters
        number: String,
    },
    /// Closes a complaint; the person reads the answer in their cabinet
    Close {
        /// Its number, ten letters
        number: String,
        /// What the person is answered
        #[arg(long)]
        answer: String,
    },
}

impl Complaints {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let stores = super::existing(settings).await?;
        let complaints = Store::new(stores.db.clone(), stores.clock.clone(), &stores.keyring);
        match self {
            Self::List { all } => {
                let list = async { complaints.list(all, MOST).await.map_err(cannot_start) };
                let listed = operator::recorded(&stores, "complaints list", |event| event, list).await?;
                let told: Vec<Value> = listed.iter().map(document).collect();
                format.print(&json!({ "complaints": told }), || {
                    if listed.is_empty() {
                        say!("There are no complaints.");
                    }
                    for complaint in &listed {
                        say!("{}", line(complaint));
                    }
                    Ok(())
                })?;
            }
            Self::Show { number } => {
                let number = number.to_uppercase();
                let show = async { found(&stores, &complaints, &number).await };
                let about = |event: Event<'static>| event.detail(number.clone());
                let (complaint, phone) = operator::recorded(&stores, "complaints show", about, show).await?;
                let mut told = document(&complaint);
                told["note"] = complaint.note.as_str().into();
                told["number_of_person"] = phone.as_str().into();
                told["told"] = json!(complaint.told);
                format.print(&told, || {
                    say!("{}", line(&complaint));
                    say!("number of the person  {phone}");
                    for told in &complaint.told {
                        let how = if told.delivery.is_some() {
                            "told to sign out"
                        } else {
                            "takes no logout tokens"
                        };
                        say!("service  {}  {how}", told.client);
                    }
                    if !complaint.note.is_empty() {
                        say!("the person wrote: {}", complaint.note.replace(char::is_control, " "));
                    }
                    if let Some((_, answer)) = &complaint.closed {
                        say!("answer: {answer}");
                    }
                    Ok(())
                })?;
            }
            Self::Close { number, answer } => {
                let number = number.to_uppercase();
                if answer.trim().is_empty() || answer.chars().any(char::is_control) {
                    return Err(StartError(
                        "the answer is what the person reads: one line of text".to_owned(),
                    ));
                }
                let close = async {
                    let closed = complaints.close(&number, answer.trim()).await.map_err(cannot_start)?;
                    let whose = closed.ok_or_else(|| unknown(&number))?;
                    let event = Event::new(Kind::ComplaintClosed).person(whose.as_str());
                    stores.audit.record(event.detail(number.clone()));
                    Ok(())
                };
                let about = |event: Event<'static>| event.detail(number.clone());
                operator::recorded(&stores, "complaints close", about, close).await?;
                format.print(&json!({ "number": number, "closed": true }), || {
                    say!("The complaint {number} is closed.");
                    Ok(())
                })?;
            }
        }
        stores.db.close().await;
        Ok(())
    }
}

/// A complaint with the masked number of its person, if one is enrolled.
async fn found(stores: &Stores, complaints: &Store, number: &str) -> Result<(Complaint, String), StartError> {
    let complaint = complaints.find(number).await.map_err(cannot_start)?.ok_or_else(|| unknown(number))?;
    let people = People::new(stores.db.clone(), &stores.keyring);
    let account = people.find(&complaint.person_id).await.map_err(cannot_start)?;
    let phone = account.as_ref().and_then(|account| account.phone.as_ref());
    let phone = phone.map_or_else(|| "none is enrolled".to_owned(), PhoneNumber::masked);
    Ok((complaint, phone))
}

fn unknown(number: &str) -> StartError {
    StartError(format!("there is no open complaint {number}; `yagona complaints list --all` shows all"))
}

fn document(complaint: &Complaint) -> Value {
    json!({
        "number": complaint.number,
        "opened_at": complaint.opened_at.to_rfc3339(),
        "about": complaint.about.map(About::name),
        "reference": complaint.reference,
        "client_id": complaint.client,
        "closed_at": complaint.closed.as_ref().map(|(at, _)| at.to_rfc3339()),
        "answer": complaint.closed.as_ref().map(|(_, answer)| answer),
    })
}

fn line(complaint: &Complaint) -> String {
    let about = complaint.about.map_or("unknown", About::name);
    let client = if complaint.client.is_empty() { "-" } else { &complaint.client };
    let state = if complaint.closed.is_some() { "closed" } else { "open" };
    format!("{}  {}  {state:<6}  {about:<8}  {client}", complaint.number, complaint.opened_at.to_rfc3339())
}
