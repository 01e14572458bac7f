//! Lists that are exchanged with others about enrolled numbers (clause 34): to operators which numbers are enrolled, from them which were
//! returned to them (R84, R87), from the civil registry who died (R86). A list is a file, and its form is described in `docs/exchange.md`.
//!
//! Here are the form of the files, what a row says, and what was exchanged before. What a row ends is ended in `life_events`.

mod deaths;
mod operators;
mod returned;
mod settings;
mod sheet;
mod store;

pub use deaths::{DeathRow, death_rows};
pub use operators::{Operator, Operators};
pub use returned::{ReturnedRow, State, returned_rows};
pub use settings::ExchangeSettings;
pub use sheet::{Header, Kind, LONGEST, Sheet, SheetError, SheetWriter};
pub(crate) use store::TABLES;
pub use store::{DeathReport, Exchange, Reported, Seen};

/// A row that cannot be read. A file with one of these changes nothing: whoever made it made it wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRow {
    /// Its line in the file, counted from 1.
    pub line: usize,
    /// What is wrong, without its content.
    pub why: &'static str,
}

/// All rows, or all that cannot be read.
fn all<T>(rows: impl Iterator<Item = Result<T, BadRow>>) -> Result<Vec<T>, Vec<BadRow>> {
    let (mut read, mut bad) = (Vec::new(), Vec::new());
    for row in rows {
        match row {
            Ok(row) => read.push(row),
            Err(row) => bad.push(row),
        }
    }
    if bad.is_empty() { Ok(read) } else { Err(bad) }
}

/// What fuzz targets reach of the parsers in here.
#[cfg(fuzzing)]
pub fn fuzz(text: &str) {
    use crate::people::CivilDate;
    use crate::platform::clock::Timestamp;
    if let Ok(sheet) = Sheet::parse(text) {
        let _ = returned_rows(&sheet, Timestamp(1_795_000_000));
        let _ = death_rows(&sheet, CivilDate::of(Timestamp(1_795_000_000)));
    }
}
