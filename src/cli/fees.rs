//! `yagona fees`: what accounting is told of fees for identification.

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::mobile_id::Recipient;
use crate::mobile_id::accounts::{Accounts, PaymentLine, RECIPIENTS, Sums};
use crate::people::CivilDate;
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
}

fn day(text: &str) -> Result<CivilDate, String> {
    CivilDate::parse(text).map_err(|error| error.to_string())
}

impl Fees {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let Self::Export { from, to, each } = self;
        if to < from {
            return Err(StartError(format!("the last day, {to}, is before the first, {from}")));
        }
        let stores = super::existing(settings).await?;
        let print = async {
            if each {
                payments(&stores, (from, to), format).await
            } else {
                sums(&stores, (from, to), format).await
            }
        };
        operator::recorded(&stores, "fees export", |event| event, print).await?;
        stores.db.close().await;
        Ok(())
    }
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
