//! The rows of the civil registry's list: `40201902050010,2026-11-20,AB-1234567`: PINFL, day of death, number of the record.

use super::BadRow;
use super::sheet::Sheet;
use crate::people::{CivilDate, Pinfl};

/// The longest number of a record.
const LONGEST_RECORD: usize = 40;

/// A death on record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeathRow {
    /// Its line in the file.
    pub line: usize,
    /// Who died.
    pub pinfl: Pinfl,
    /// When.
    pub day: CivilDate,
    /// The number of the civil registry's record.
    pub record: String,
}

/// The rows of a list.
///
/// # Errors
/// All that cannot be read.
pub fn death_rows(sheet: &Sheet<'_>, today: CivilDate) -> Result<Vec<DeathRow>, Vec<BadRow>> {
    super::all(
        sheet
            .rows
            .iter()
            .map(|(line, row)| read(*line, row, today).map_err(|why| BadRow { line: *line, why })),
    )
}

fn read(line: usize, row: &str, today: CivilDate) -> Result<DeathRow, &'static str> {
    let mut fields = row.split(',');
    let (Some(pinfl), Some(day), Some(record), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("it is not PINFL,DAY,RECORD");
    };
    // Old records have numbers whose check digit is wrong.
    let pinfl = Pinfl::from_registry(pinfl).map_err(|_| "the PINFL is not fourteen digits")?;
    let day = CivilDate::parse(day).map_err(|_| "the day is not as 2026-11-20")?;
    if day > today {
        return Err("the day is in the future");
    }
    let letter = |b: u8| b.is_ascii_graphic();
    if record.is_empty() || record.len() > LONGEST_RECORD || !record.bytes().all(letter) {
        return Err("the number of the record is not 1 to 40 letters, digits and marks");
    }
    Ok(DeathRow { line, pinfl, day, record: record.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r86_a_row_names_who_died_and_the_record() {
        let today = CivilDate::parse("2026-11-27").unwrap();
        let row = read(2, "40201902050010,2026-11-20,I-TN-1234567", today).unwrap();
        assert_eq!((row.pinfl.digits(), row.record.as_str()), ("40201902050010", "I-TN-1234567"));
        for (row, wrong) in [
            ("40201902050010,2026-11-20", "PINFL,DAY"),
            ("4020190205001,2026-11-20,A", "fourteen"),
            ("40201902050010,20.11.2026,A", "day"),
            ("40201902050010,2026-11-28,A", "future"),
            ("40201902050010,2026-11-20,", "record"),
            ("40201902050010,2026-11-20,A B", "record"),
        ] {
            let why = read(1, row, today).unwrap_err();
            assert!(why.contains(wrong) && !why.contains("40201902050010"), "{row}: {why}");
        }
    }
}
