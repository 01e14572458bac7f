//! `yagona fees`: what accounting is told of fees for identification.

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start, enrolments_of};
use crate::audit::Event;
use crate::mobile_id::accounts::{Accounts, PaymentLine, RECIPIENTS, Sums};
use crate::mobile_id::{KeptPayment, PaymentOutcome, Recipient, Returning};
use crate::people::CivilDate;
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;

/// What fees were invoiced and paid.
#[derive(Subcommand)]
pub(super) enum Fees {
    /// Prints invoices and payments of some days, by day and place, with what each recipient gets, in tiyin: CSV, or one JSON document with
    /// `--format json`
    Export {
        /// The first day, in Tashkent: YYYY-MM-DD
        #[arg(long, value_name = "DAY", value_parser = day)]
        from: CivilDate,
        /// The last day
        #[arg(long, value_name = "DAY", value_parser = day)]
        to: CivilDate,
        /// Prints each payment instead of sums
        #[arg(long)]
        each: bool,
    },
    /// Lists payments that enrolled nobody and are to be given back: another sum, too late, or for what the person did not agree to
    ToReturn,
    /// Notes that a payment was given back to who paid it. An application that still waits for its payment is withdrawn
    Returned {
        /// Billing's reference of the payment, as `to-return` has it
        payment: String,
    },
}

/// Payments that one command lists.
const MOST: i64 = 1000;

fn day(text: &str) -> Result<CivilDate, String> {
    CivilDate::parse(text).map_err(|error| error.to_string())
}

impl Fees {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        if let Self::Export { from, to, .. } = &self
            && to < from
        {
            return Err(StartError(format!("the last day, {to}, is before the first, {from}")));
        }
        let stores = super::existing(settings).await?;
        match self {
            Self::Export { from, to, each: true } => {
                let print = payments(&stores, (from, to), format);
                operator::recorded(&stores, "fees export", |event| event, print).await?;
            }
            Self::Export { from, to, each: false } => {
                let print = sums(&stores, (from, to), format);
                operator::recorded(&stores, "fees export", |event| event, print).await?;
            }
            Self::ToReturn => {
                let print = to_return(&stores, format);
                operator::recorded(&stores, "fees to-return", |event| event, print).await?;
            }
            Self::Returned { payment } => {
                let about = |event: Event<'static>| event.detail(payment.clone());
                let note = returned(&stores, &payment);
                let sum = operator::recorded(&stores, "fees returned", about, note).await?;
                format.print(&json!({ "payment": payment, "tiyin": sum, "returned": true }), || {
                    say!("The payment {payment} of {} is noted as given back.", soums(sum));
                    Ok(())
                })?;
            }
        }
        stores.db.close().await;
        Ok(())
    }
}

async fn to_return(stores: &Stores, format: Format) -> Result<(), StartError> {
    let enrolments = enrolments_of(stores, stores.identification_rules()).await?;
    let all = enrolments.identifications.payments_to_return(MOST).await.map_err(cannot_start)?;
    let told: Vec<Value> = all.iter().map(document).collect();
    format.print(&json!({ "payments": told }), || {
        if all.is_empty() {
            say!("There are no payments to be given back.");
        }
        for one in &all {
            say!("{}", line(one));
        }
        Ok(())
    })
}

async fn returned(stores: &Stores, reference: &str) -> Result<i64, StartError> {
    let enrolments = enrolments_of(stores, stores.identification_rules()).await?;
    match enrolments.identifications.payment_returned(reference).await.map_err(cannot_start)? {
        Returning::Noted(payment) => Ok(payment.tiyin),
        Returning::Before(at) => Err(StartError(format!(
            "it is noted already that {reference} was given back: {}",
            at.to_rfc3339()
        ))),
        Returning::Applied => Err(StartError(format!(
            "{reference} enrolled its applicant: it is a fee, and not to be given back"
        ))),
        Returning::Unknown => Err(StartError(format!("there is no payment {reference}"))),
    }
}

fn soums(tiyin: i64) -> String {
    format!("{}.{:02} soum", tiyin / 100, tiyin % 100)
}

/// A payment, in JSON.
pub(super) fn document(one: &KeptPayment) -> Value {
    json!({
        "payment": one.payment.reference, "invoice": one.payment.invoice, "tiyin": one.payment.tiyin,
        "paid_at": one.payment.paid_at.to_rfc3339(), "outcome": one.outcome.map(PaymentOutcome::name),
        "to_return": one.is_to_return(), "returned_at": one.returned_at.map(Timestamp::to_rfc3339),
    })
}

/// A payment, in a line.
pub(super) fn line(one: &KeptPayment) -> String {
    let outcome = one.outcome.map_or("unknown", PaymentOutcome::name);
    let then = match one.returned_at {
        Some(at) => format!("given back {}", at.to_rfc3339()),
        None if one.is_to_return() => "to be given back".to_owned(),
        None => String::new(),
    };
    let (payment, at) = (&one.payment, one.payment.paid_at.to_rfc3339());
    let line = format!(
        "{}  {}  {at}  {}  {outcome}  {then}",
        payment.reference,
        payment.invoice,
        soums(payment.tiyin)
    );
    line.trim_end().to_owned()
}

/// The names of the recipients' columns.
fn columns() -> String {
    RECIPIENTS.map(Recipient::name).join(",")
}

fn parts(parts: &[i64]) -> Value {
    RECIPIENTS.iter().zip(parts).map(|(to, tiyin)| (to.name().to_owned(), json!(tiyin))).collect()
}

fn list(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

async fn sums(stores: &Stores, days: (CivilDate, CivilDate), format: Format) -> Result<(), StartError> {
    let account = Accounts::new(stores.db.clone()).account(days).await.map_err(cannot_start)?;
    let total = account.total().map_err(cannot_start)?;
    let document = |sums: &Sums| {
        json!({
            "invoices": sums.invoices, "invoiced_tiyin": sums.invoiced, "payments": sums.payments,
            "paid_tiyin": sums.paid, "parts_tiyin": parts(&sums.parts), "to_return": sums.to_return,
            "to_return_tiyin": sums.to_return_tiyin,
        })
    };
    let rows: Vec<Value> = account
        .rows()
        .map(|((day, place, kind), sums)| {
            let mut row = document(sums);
            row["day"] = day.to_string().into();
            row["place"] = json!(place);
            row["place_kind"] = json!(kind);
            row
        })
        .collect();
    format.print(&json!({ "rows": rows, "total": document(&total) }), || {
        say!(
            "day,place,place_kind,invoices,invoiced_tiyin,payments,paid_tiyin,{},to_return,to_return_tiyin",
            columns()
        );
        for ((day, place, kind), sums) in account.rows() {
            let (place, kind) = (place.as_deref().unwrap_or_default(), kind.as_deref().unwrap_or_default());
            say!("{day},{place},{kind},{}", csv(sums));
        }
        say!("total,,,{}", csv(&total));
        Ok(())
    })
}

/// No field has a comma or a quote.
fn csv(sums: &Sums) -> String {
    let Sums { invoices, invoiced, payments, paid, parts, to_return, to_return_tiyin } = sums;
    format!("{invoices},{invoiced},{payments},{paid},{},{to_return},{to_return_tiyin}", list(parts))
}

/// An error of a print, which stops the reading.
struct Stopped(StartError);

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self(cannot_start(error))
    }
}

async fn payments(stores: &Stores, days: (CivilDate, CivilDate), format: Format) -> Result<(), StartError> {
    let accounts = Accounts::new(stores.db.clone());
    let mut all = Vec::new();
    if format == Format::Text {
        say!("payment,invoice,day,place,place_kind,tiyin,outcome,{}", columns());
    }
    let print = |line: PaymentLine| {
        match format {
            Format::Json => all.push(json!({
                "payment": line.reference, "invoice": line.invoice, "day": line.day.to_string(), "place": line.place,
                "place_kind": line.place_kind, "tiyin": line.tiyin, "outcome": line.outcome,
                "parts_tiyin": parts(&line.parts),
            })),
            Format::Text => told(&line).map_err(Stopped)?,
        }
        Ok::<(), Stopped>(())
    };
    accounts.payments(days, print).await.map_err(|Stopped(error)| error)?;
    match format {
        Format::Text => Ok(()),
        Format::Json => format.print(&json!({ "payments": all }), || Ok(())),
    }
}

fn told(line: &PaymentLine) -> Result<(), StartError> {
    let (place, kind) =
        (line.place.as_deref().unwrap_or_default(), line.place_kind.as_deref().unwrap_or_default());
    let PaymentLine { reference, invoice, day, tiyin, outcome, parts, .. } = line;
    say!("{},{},{day},{place},{kind},{tiyin},{outcome},{}", quoted(reference), quoted(invoice), list(parts));
    Ok(())
}

/// What billing gave is quoted where it needs to be (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
