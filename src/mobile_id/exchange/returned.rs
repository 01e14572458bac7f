//! The rows of an operator's list: `998901234567,returned,2026-11-20T10:00:00+05:00`.

use super::BadRow;
use super::sheet::{Sheet, moment};
use crate::people::PhoneNumber;
use crate::platform::clock::Timestamp;

/// By how much the clock of an operator may be ahead, in seconds.
const AHEAD: i64 = 300;

/// What became of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It is the operator's again (R84).
    Returned,
    /// It is its holder's and does not work: that ends nothing (R84).
    Frozen,
}

/// What an operator says of a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnedRow {
    /// Its line in the file.
    pub line: usize,
    /// The number.
    pub number: PhoneNumber,
    /// What became of it.
    pub state: State,
    /// When.
    pub at: Timestamp,
}

/// The rows of a list.
///
/// # Errors
/// All that cannot be read.
pub fn returned_rows(sheet: &Sheet<'_>, now: Timestamp) -> Result<Vec<ReturnedRow>, Vec<BadRow>> {
    super::all(
        sheet.rows.iter().map(|(line, row)| read(*line, row, now).map_err(|why| BadRow { line: *line, why })),
    )
}

fn read(line: usize, row: &str, now: Timestamp) -> Result<ReturnedRow, &'static str> {
    let mut fields = row.split(',');
    let (Some(number), Some(state), Some(at), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("it is not NUMBER,STATE,MOMENT");
    };
    let number = PhoneNumber::from_digits(number)
        .map_err(|_| "the number is not 998 and nine digits of a mobile code")?;
    let state = match state {
        "returned" => State::Returned,
        "frozen" => State::Frozen,
        _ => return Err("the state is neither returned nor frozen"),
    };
    let at = moment(at).ok_or("the moment is not as 2026-11-20T10:00:00+05:00")?;
    if at > now.plus(AHEAD) {
        return Err("the moment is in the future");
    }
    Ok(ReturnedRow { line, number, state, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000);

    #[test]
    fn r84_a_row_says_what_became_of_a_number_and_when() {
        let row = read(7, "998901234567,frozen,2026-11-01T10:00:00+05:00", NOW).unwrap();
        assert_eq!((row.line, row.number.digits(), row.state), (7, "998901234567", State::Frozen));
        assert_eq!(row.at.to_rfc3339(), "2026-11-01T05:00:00Z");
    }

    #[test]
    fn a_row_that_cannot_be_read_says_why_without_its_content() {
        for (row, wrong) in [
            ("", "NUMBER,STATE"),
            ("998901234567", "NUMBER,STATE"),
            ("998901234567,returned,2026-11-01T10:00:00Z,x", "NUMBER,STATE"),
            ("+998901234567,returned,2026-11-01T10:00:00Z", "nine digits"),
            ("998711234567,returned,2026-11-01T10:00:00Z", "mobile code"),
            ("998901234567,gone,2026-11-01T10:00:00Z", "neither"),
            ("998901234567,returned,2026-11-01", "moment"),
            ("998901234567,returned,2099-11-01T10:00:00Z", "future"),
        ] {
            let why = read(1, row, NOW).unwrap_err();
            assert!(why.contains(wrong) && !why.contains("998901234567"), "{row}: {why}");
        }
    }
}
