//! A calendar date, as documents and registries write it: `YYYY-MM-DD`.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, Month};

use crate::platform::clock::Timestamp;

/// A calendar day without time or zone. Text form and serde form are ISO 8601 `YYYY-MM-DD`, nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CivilDate(Date);

/// The day a person was born.
pub type BirthDate = CivilDate;

/// The text is not a calendar date in the form `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a calendar day in the form YYYY-MM-DD")]
pub struct NotADate;

impl CivilDate {
    /// A date from its numbers; `None` if it does not exist.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let month = Month::try_from(month).ok()?;
        Date::from_calendar_date(year, month, day).ok().map(Self)
    }

    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`NotADate`] for any other form and for dates that do not exist.
    pub fn parse(text: &str) -> Result<Self, NotADate> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(NotADate);
        }
        let number = |part: &[u8]| {
            part.iter().try_fold(0_u16, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u16::from(b - b'0')))
        };
        let (year, month, day) = (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]));
        let (Some(year), Some(month), Some(day)) = (year, month, day) else { return Err(NotADate) };
        let (Ok(month), Ok(day)) = (u8::try_from(month), u8::try_from(day)) else { return Err(NotADate) };
        Self::new(i32::from(year), month, day).ok_or(NotADate)
    }

    /// The day that a moment falls on in Uzbekistan (UTC+5 all year).
    pub fn of(at: Timestamp) -> Self {
        let days = at.0.saturating_add(5 * 3600).div_euclid(86_400);
        let julian = i64::from(time::UtcDateTime::UNIX_EPOCH.date().to_julian_day()).saturating_add(days);
        let date = i32::try_from(julian).ok().and_then(|day| Date::from_julian_day(day).ok());
        Self(date.unwrap_or(Date::MAX))
    }

    /// When the day begins in Uzbekistan.
    pub fn begins(self) -> Timestamp {
        let epoch = time::UtcDateTime::UNIX_EPOCH.date().to_julian_day();
        let days = i64::from(self.0.to_julian_day()) - i64::from(epoch);
        Timestamp(days * 86_400 - 5 * 3600)
    }

    /// Whole years from a birth date to a day. Who was born on 29 February is a year older on 1 March of other years.
    pub fn age_on(self, today: Self) -> i32 {
        let (born, today) = (self.0, today.0);
        let had_birthday = (u8::from(today.month()), today.day()) >= (u8::from(born.month()), born.day());
        today.year() - born.year() - i32::from(!had_birthday)
    }

    /// The same date, for calendar arithmetic.
    pub fn to_date(self) -> Date {
        self.0
    }
}

impl From<Date> for CivilDate {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl fmt::Debug for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for CivilDate {
    type Error = NotADate;

    fn try_from(text: String) -> Result<Self, NotADate> {
        Self::parse(&text)
    }
}

impl From<CivilDate> for String {
    fn from(date: CivilDate) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_and_written_in_the_same_form() {
        for text in ["1938-02-07", "2000-02-29", "1801-01-01", "2026-12-31"] {
            assert_eq!(CivilDate::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_moment_falls_on_the_day_of_tashkent() {
        // 2026-11-26 18:59:59 UTC is the last second of that day in Tashkent.
        let day = |seconds| CivilDate::of(Timestamp(seconds)).to_string();
        assert_eq!((day(1_795_719_599), day(1_795_719_600)), ("2026-11-26".into(), "2026-11-27".into()));
        assert_eq!((day(0), day(-5 * 3600 - 1)), ("1970-01-01".into(), "1969-12-31".into()));
        assert_eq!(day(i64::MAX), "9999-12-31");
    }

    #[test]
    fn other_forms_and_days_that_do_not_exist_are_refused() {
        let bad = [
            "",
            "2001-02-29",
            "2001-13-01",
            "2001-00-10",
            "01.02.2001",
            "20010201",
            "2001-2-01",
            "2001-02-1x",
        ];
        for text in bad.into_iter().chain(["+001-02-03", "2001-02-01 ", "2001-02-\u{0661}"]) {
            assert_eq!(CivilDate::parse(text), Err(NotADate), "{text:?}");
        }
    }
}
