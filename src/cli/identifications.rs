//! `yagona identifications`: applications for identification in Mobile-ID, for operators. Values of the form are not shown; whoever needs
//! them is at the place.

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start, enrolments_of};
use crate::life_events::Enrolments;
use crate::mobile_id::{ActError, Door, Ground, Identification, Reference, State};
use crate::platform::clock::Timestamp;
use crate::staff::PlaceId;

/// Applications that one command lists.
const MOST: i64 = 1000;

/// Lists, shows and refuses applications for identification.
#[derive(Subcommand)]
pub(super) enum Identifications {
    /// Lists applications, the newest first
    List {
        /// Only those of the last days
        #[arg(long, default_value_t = 7)]
        days: u32,
        /// Only those in this state: open, code_sent, awaiting_payment, enrolled, refused, withdrawn
        #[arg(long)]
        state: Option<String>,
    },
    /// Shows an application: state, consents, evidence, invoice; numbers are masked
    Show {
        /// Its reference, such as ABCD-EFGH
        reference: String,
    },
    /// Refuses an application, on a ground of clause 18 or 27
    Refuse {
        /// Its reference
        reference: String,
        /// The clause with its point, such as 18(1)
        #[arg(long)]
        ground: String,
    },
}

impl Identifications {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let stores = super::existing(settings).await?;
        let enrolments = enrolments_of(&stores, stores.identification_rules()).await?;
        match self {
            Self::List { days, state } => {
                let since = stores.clock.now().minus(i64::from(days) * 86_400);
                let list =
                    async { enrolments.identifications.since(since, MOST).await.map_err(cannot_start) };
                let mut listed =
                    operator::recorded(&stores, "identifications list", |event| event, list).await?;
                listed.retain(|one| state.as_ref().is_none_or(|state| one.state.name() == state));
                let told: Vec<Value> = listed.iter().map(document).collect();
                format.print(&json!({ "identifications": told }), || {
                    if listed.is_empty() {
                        say!("There are no applications.");
                    }
                    for one in &listed {
                        say!("{}", line(one));
                    }
                    Ok(())
                })?;
            }
            Self::Show { reference } => {
                let reference = parsed(&reference)?;
                let show = found(&enrolments, &reference);
                let about = |event: crate::audit::Event<'static>| event.detail(reference.to_string());
                let one = operator::recorded(&stores, "identifications show", about, show).await?;
                let paid = enrolments.identifications.payments_of(&one).await.map_err(cannot_start)?;
                let mut told = whole(&one);
                told["payments"] = paid.iter().map(super::fees::document).collect();
                format.print(&told, || {
                    for line in lines(&one) {
                        say!("{line}");
                    }
                    for one in &paid {
                        say!("payment   {}", super::fees::line(one));
                    }
                    Ok(())
                })?;
            }
            Self::Refuse { reference, ground } => {
                let reference = parsed(&reference)?;
                let ground = Ground::parse(&ground).ok_or_else(|| {
                    let all: Vec<&str> = Ground::ALL.iter().map(|ground| ground.clause()).collect();
                    StartError(format!("{ground} is no ground; the grounds are {}", all.join(", ")))
                })?;
                let refuse = refuse(&enrolments, &reference, ground);
                let about = |event: crate::audit::Event<'static>| event.detail(reference.to_string());
                operator::recorded(&stores, "identifications refuse", about, refuse).await?;
                format.print(
                    &json!({ "reference": reference.to_string(), "refused": ground.clause() }),
                    || {
                        say!("The application {reference} is refused on {}.", ground.clause());
                        Ok(())
                    },
                )?;
            }
        }
        close(stores).await;
        Ok(())
    }
}

async fn close(stores: Stores) {
    stores.db.close().await;
}

fn parsed(reference: &str) -> Result<Reference, StartError> {
    let wrong = || {
        StartError(format!(
            "{reference} is no reference: they are eight letters and digits, such as ABCD-EFGH"
        ))
    };
    Reference::parse(reference).ok_or_else(wrong)
}

async fn found(enrolments: &Enrolments, reference: &Reference) -> Result<Identification, StartError> {
    let found = enrolments.identifications.by_reference(reference).await.map_err(cannot_start)?;
    found.ok_or_else(|| {
        StartError(format!("there is no application {reference}; `yagona identifications list` shows them"))
    })
}

async fn refuse(enrolments: &Enrolments, reference: &Reference, ground: Ground) -> Result<(), StartError> {
    let one = found(enrolments, reference).await?;
    match enrolments.identifications.refuse(&one.id, ground, Vec::new()).await {
        Ok(_) => Ok(()),
        Err(ActError::Illegal(why)) => Err(StartError(format!(
            "the application {reference} cannot be refused on {}: {why} ({})",
            ground.clause(),
            one.state.name()
        ))),
        Err(error) => Err(cannot_start(error)),
    }
}

fn document(one: &Identification) -> Value {
    json!({
        "reference": one.reference.to_string(),
        "door": one.door.name(),
        "place_id": one.door.place().map(PlaceId::as_str),
        "state": one.state.name(),
        "ground": one.state.ground().map(Ground::clause),
        "opened_at": one.opened_at.to_rfc3339(),
        "updated_at": one.updated_at.to_rfc3339(),
        "ended_at": one.ended_at.map(Timestamp::to_rfc3339),
        "number": one.form.number.masked(),
        "pinfl": one.form.pinfl.masked(),
    })
}

fn whole(one: &Identification) -> Value {
    let mut told = document(one);
    told["opened_by"] = match &one.door {
        Door::Place { staff, .. } => staff.as_str(),
        Door::App { client } => client.as_str(),
        Door::Web { .. } => "the person",
    }
    .into();
    told["category"] = one.form.category.name().into();
    told["document"] = one.form.document.name().into();
    told["document_number"] = one.form.document_number.masked().into();
    told["codes_sent"] = one.codes_sent.into();
    told["consents"] = json!(one.consents);
    told["evidence"] = json!(one.evidence);
    told["obstacles"] = one.findings.as_ref().map(|findings| json!(findings.obstacles)).unwrap_or_default();
    told["invoice"] = json!(one.invoice);
    told["invoice_ended_at"] = json!(one.invoice_ended_at.map(Timestamp::to_rfc3339));
    told
}

fn line(one: &Identification) -> String {
    let ground = one.state.ground().map(|ground| format!(" {}", ground.clause())).unwrap_or_default();
    let place = one.door.place().map_or("-", PlaceId::as_str);
    let (opened, state) = (one.opened_at.to_rfc3339(), one.state.name());
    format!("{}  {opened}  {:<5}  {place}  {state}{ground}", one.reference, one.door.name())
}

fn lines(one: &Identification) -> Vec<String> {
    let mut lines = vec![
        line(one),
        format!("number    {}", one.form.number.masked()),
        format!("PINFL     {}", one.form.pinfl.masked()),
        format!("document  {} {}", one.form.document.name(), one.form.document_number.masked()),
        format!("codes     {}", one.codes_sent),
    ];
    for given in &one.consents {
        lines.push(format!("consent   {} in {}", given.to.name(), given.language));
    }
    let compared = [("face", &one.evidence.face), ("finger", &one.evidence.fingerprint)];
    for (what, compared) in compared {
        if let Some(compared) = compared {
            let verdict = if compared.matched { "matches" } else { "does not match" };
            lines.push(format!("{what:<8}  {verdict}, filed as {}", compared.reference));
        }
    }
    if let Some(invoice) = &one.invoice {
        let (whole, part) = (invoice.fee.tiyin / 100, invoice.fee.tiyin % 100);
        lines.push(format!(
            "invoice   {} of {whole}.{part:02} soum, until {}",
            invoice.number,
            invoice.until.to_rfc3339()
        ));
        match (one.state, one.invoice_ended_at) {
            (State::Withdrawn, None) => lines.push("invoice   is being taken back at billing".to_owned()),
            (State::Withdrawn, Some(at)) => {
                lines.push(format!("invoice   can no longer be paid since {}", at.to_rfc3339()));
            }
            _ => {}
        }
    }
    lines
}
