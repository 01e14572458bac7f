//! `yagona exchange` and `yagona deaths`: lists that go to operators, and those that come from them and the civil registry (clause 34).

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::life_events::Returned;
use crate::mobile_id::exchange::{
    BadRow, DeathReport, Exchange as Lists, Header, Kind, LONGEST, Operator, Reported, Seen, Sheet,
    SheetWriter, death_rows, returned_rows,
};
use crate::people::{CivilDate, People as Store};
use crate::platform::files::read_text;

/// Numbers that are read at a time.
const PAGE: i64 = 5000;

/// Rows that cannot be read and are named, of one file.
const NAMED: usize = 50;

/// Exchanges lists of numbers with operators.
#[derive(Subcommand)]
pub(super) enum Exchange {
    /// Writes the enrolled numbers of an operator's codes into a new file, for the operator: numbers and nothing else
    Export {
        /// The operator, as `exchange.operators` names it
        #[arg(long, value_name = "NAME")]
        operator: String,
        /// The file, which must not be there yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Applies an operator's list of numbers that were returned to it: enrolments end, but of frozen numbers
    Import {
        /// The file
        file: PathBuf,
    },
}

impl Exchange {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        match self {
            Self::Export { operator, out } => export(settings, &operator, &out, format).await,
            Self::Import { file } => import(settings, &file, format).await,
        }
    }
}

fn operator_of(settings: &Settings, name: &str) -> Result<Operator, StartError> {
    let operators = &settings.exchange.operators;
    operators.find(name).cloned().ok_or_else(|| {
        let known = operators.names().collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "nobody".to_owned() } else { known };
        StartError(format!("no operator is called {name}; exchange.operators has {known}"))
    })
}

/// A file of its own that only its owner can read.
fn create(path: &Path) -> Result<File, StartError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map_err(|error| StartError(format!("{}: {error}", path.display())))
}

async fn export(settings: Settings, name: &str, out: &Path, format: Format) -> Result<(), StartError> {
    let party = operator_of(&settings, name)?;
    let stores = super::existing(settings).await?;
    let lists = stores.exchange();
    let write = async {
        let file = create(out)?;
        let written = write(&stores, (&lists, &party), file).await;
        if written.is_err() {
            // A file that was begun is no list, and must not be taken for one.
            let _ = std::fs::remove_file(out);
        }
        written
    };
    let (header, rows, digest) = operator::recorded(&stores, "exchange export", |event| event, write).await?;
    let told = json!({
        "operator": party.name, "number": header.number, "rows": rows, "sha256": digest,
        "file": out.display().to_string(),
    });
    format.print(&told, || {
        say!("List {} to {}: {rows} number(s), in {}.", header.number, party.name, out.display());
        Ok(())
    })?;
    stores.db.close().await;
    Ok(())
}

async fn write(
    stores: &Stores,
    (lists, party): (&Lists, &Operator),
    file: File,
) -> Result<(Header, u32, String), StartError> {
    let people = Store::new(stores.db.clone(), &stores.keyring);
    let header = lists.next(Kind::Enrolled, &party.name).await.map_err(cannot_start)?;
    let mut file = BufWriter::new(file);
    let mut sheet = SheetWriter::begin(&mut file, &header).map_err(cannot_start)?;
    let mut after = String::new();
    loop {
        let (numbers, last) = people.enrolled_numbers(&after, PAGE).await.map_err(cannot_start)?;
        for number in numbers.iter().filter(|number| party.has(number)) {
            sheet.row(number.digits()).map_err(cannot_start)?;
        }
        let Some(last) = last else { break };
        after = last;
    }
    let (rows, digest) = sheet.finish().map_err(cannot_start)?;
    file.flush().and_then(|()| file.get_ref().sync_all()).map_err(cannot_start)?;
    lists.finish(&header, &digest, rows as usize).await.map_err(cannot_start)?;
    Ok((header, rows, digest))
}

/// The text of a file, and the list in it, of a kind.
fn sheet<'a>(path: &Path, text: &'a str, kind: Kind) -> Result<Sheet<'a>, StartError> {
    let wrong = |why: String| StartError(format!("{}: {why}; nothing was changed", path.display()));
    let sheet = Sheet::parse(text).map_err(|error| wrong(error.to_string()))?;
    if sheet.header.kind == kind {
        return Ok(sheet);
    }
    Err(wrong(format!("it is a list of kind {}, not {}", sheet.header.kind.name(), kind.name())))
}

fn text_of(path: &Path) -> Result<String, StartError> {
    read_text(path, LONGEST).map_err(|error| StartError(format!("{}: {error}", path.display())))
}

/// All lines that cannot be read, as far as they can be named.
fn refused(path: &Path, bad: &[BadRow]) -> StartError {
    let named = bad.iter().take(NAMED).map(|row| format!("\n  line {}: {}", row.line, row.why));
    let more = bad.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!("\n  and {more} more") };
    StartError(format!(
        "{}: {} line(s) cannot be read, and nothing was changed:{}{more}",
        path.display(),
        bad.len(),
        named.collect::<String>()
    ))
}

/// Takes a list that comes in, once.
async fn take(lists: &Lists, sheet: &Sheet<'_>) -> Result<(), StartError> {
    let Header { kind, party, number, .. } = &sheet.header;
    let named = format!("list {number} ({}) of {party}", kind.name());
    match lists.take(&sheet.header, &sheet.digest, sheet.rows.len()).await.map_err(cannot_start)? {
        Seen::Due => Ok(()),
        Seen::Finished => Err(StartError(format!("{named} was applied before: nothing was changed"))),
        Seen::Other => Err(StartError(format!(
            "another file was {named}, and nothing was changed: ask {party} for a list with a number of its own"
        ))),
    }
}

async fn import(settings: Settings, path: &Path, format: Format) -> Result<(), StartError> {
    let text = text_of(path)?;
    let sheet = sheet(path, &text, Kind::Returned)?;
    let party = operator_of(&settings, &sheet.header.party)?;
    let stores = super::existing(settings).await?;
    let rows = returned_rows(&sheet, stores.clock.now()).map_err(|bad| refused(path, &bad))?;
    let lists = stores.exchange();
    let apply = async {
        take(&lists, &sheet).await?;
        let life_events = stores.life_events().await?;
        let mut told = Vec::with_capacity(rows.len());
        for row in &rows {
            let what = life_events.number_returned(row, &party).await.map_err(|error| {
                StartError(format!(
                    "line {}: {error}; the lines before it were applied: repeat the command",
                    row.line
                ))
            })?;
            told.push((row.line, what));
        }
        lists.finish(&sheet.header, &sheet.digest, rows.len()).await.map_err(cannot_start)?;
        Ok(told)
    };
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let told = operator::recorded(&stores, "exchange import", |event| event.count(count), apply).await?;
    report(&sheet.header, &told, format)?;
    stores.db.close().await;
    Ok(())
}

/// How many lines came to what, and which of them ended nothing.
fn report(header: &Header, told: &[(usize, Returned)], format: Format) -> Result<(), StartError> {
    let count = |what: Returned| told.iter().filter(|(_, is)| *is == what).count();
    let counts: serde_json::Map<String, Value> =
        Returned::ALL.into_iter().map(|what| (what.name().to_owned(), count(what).into())).collect();
    let not_ended: Vec<Value> = told
        .iter()
        .filter(|(_, what)| *what != Returned::Ended)
        .map(|(line, what)| json!({ "line": line, "outcome": what.name() }))
        .collect();
    let document = json!({
        "operator": header.party, "number": header.number, "rows": told.len(), "outcomes": counts,
        "not_ended": not_ended,
    });
    format.print(&document, || {
        say!("List {} of {}: {} line(s).", header.number, header.party, told.len());
        for what in Returned::ALL {
            say!("{:>8}  {}", count(what), what.words());
        }
        for (line, what) in told.iter().filter(|(_, what)| what.is_odd()) {
            say!("line {line}: {}", what.words());
        }
        Ok(())
    })
}

/// Takes in what the civil registry says of deaths.
#[derive(Subcommand)]
pub(super) enum Deaths {
    /// Stores the civil registry's list of deaths; enrolments end when the State Personalisation Centre confirms them
    Import {
        /// The file
        file: PathBuf,
    },
    /// Lists reports: those that another register contradicts, or others
    List {
        /// Which
        #[arg(long, default_value = "contradicted", value_parser = ["contradicted", "waiting", "confirmed", "not_enrolled"])]
        state: String,
        /// How many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
}

impl Deaths {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        match self {
            Self::Import { file } => import_deaths(settings, &file, format).await,
            Self::List { state, limit } => list_deaths(settings, (&state, limit), format).await,
        }
    }
}

async fn import_deaths(settings: Settings, path: &Path, format: Format) -> Result<(), StartError> {
    let text = text_of(path)?;
    let sheet = sheet(path, &text, Kind::Deaths)?;
    let stores = super::existing(settings).await?;
    let today = CivilDate::of(stores.clock.now());
    let rows = death_rows(&sheet, today).map_err(|bad| refused(path, &bad))?;
    let (lists, people) = (stores.exchange(), Store::new(stores.db.clone(), &stores.keyring));
    let store = async {
        take(&lists, &sheet).await?;
        let mut reports = Vec::new();
        for row in &rows {
            let Some(person) = people.with_pinfl(&row.pinfl).await.map_err(cannot_start)? else { continue };
            let reported = Reported { day: Some(row.day), record: Some(row.record.clone()) };
            reports.push(lists.report(&person, &reported).map_err(cannot_start)?);
        }
        let known = reports.len();
        lists.store_reports(reports).await.map_err(cannot_start)?;
        lists.finish(&sheet.header, &sheet.digest, rows.len()).await.map_err(cannot_start)?;
        Ok(known)
    };
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let known = operator::recorded(&stores, "deaths import", |event| event.count(count), store).await?;
    let document = json!({
        "party": sheet.header.party, "number": sheet.header.number, "rows": rows.len(), "known": known,
    });
    format.print(&document, || {
        say!(
            "List {} of {}: {} death(s), {known} of people who are known here. Their enrolments end when the State Personalisation Centre confirms it; `yagona deaths list` shows whom it contradicts.",
            sheet.header.number,
            sheet.header.party,
            rows.len()
        );
        Ok(())
    })?;
    stores.db.close().await;
    Ok(())
}

async fn list_deaths(
    settings: Settings,
    (state, limit): (&str, u16),
    format: Format,
) -> Result<(), StartError> {
    let stores = super::existing(settings).await?;
    let lists = stores.exchange();
    let read = async { lists.reports(state, limit.into()).await.map_err(cannot_start) };
    let reports = operator::recorded(&stores, "deaths list", |event| event, read).await?;
    let told: Vec<Value> = reports.iter().map(document).collect();
    format.print(&json!({ "state": state, "reports": told }), || {
        if reports.is_empty() {
            say!("There are none.");
        }
        for DeathReport { person, reported, reported_at } in &reports {
            let record = reported.record.as_deref().unwrap_or("-");
            let day = reported.day.map_or_else(|| "-".to_owned(), |day| day.to_string());
            say!("{}  record {record}, died {day}, reported {}", person.as_str(), reported_at.to_rfc3339());
        }
        Ok(())
    })?;
    stores.db.close().await;
    Ok(())
}

fn document(report: &DeathReport) -> Value {
    json!({
        "person": report.person.as_str(), "record": report.reported.record,
        "died": report.reported.day.map(|day| day.to_string()), "reported_at": report.reported_at.to_rfc3339(),
    })
}
