//! The texts of the pages: one embedded catalogue per language.

use std::collections::HashMap;
use std::sync::LazyLock;

use time::{OffsetDateTime, UtcOffset};

use super::locale::Language;

type Catalogue = HashMap<String, String>;

static CATALOGUES: LazyLock<[Catalogue; 4]> = LazyLock::new(|| Language::ALL.map(|l| catalogue(source(l))));

const MONTHS: [&str; 12] = [
    "date.january",
    "date.february",
    "date.march",
    "date.april",
    "date.may",
    "date.june",
    "date.july",
    "date.august",
    "date.september",
    "date.october",
    "date.november",
    "date.december",
];

/// Texts in one language. Cheap to copy; templates escape the strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(Language);

impl Text {
    /// The texts of a language.
    pub fn new(language: Language) -> Text {
        Text(language)
    }

    /// The language of these texts.
    pub fn language(self) -> Language {
        self.0
    }

    /// The string under a key such as `number.title`. A missing key is returned as it is; a
    /// test prevents that.
    pub fn get(self, key: &'static str) -> &'static str {
        CATALOGUES[self.0 as usize].get(key).map_or(key, String::as_str)
    }

    /// The string with its `{placeholders}` replaced. Values are inserted unchanged and are not searched again.
    pub fn with(self, key: &'static str, values: &[(&str, &str)]) -> String {
        let mut filled = String::new();
        let mut rest = self.get(key);
        while let Some((before, tail)) = rest.split_once('{') {
            let Some((name, after)) = tail.split_once('}') else { break };
            filled.push_str(before);
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => filled.push_str(value),
                None => filled.extend(["{", name, "}"]),
            }
            rest = after;
        }
        filled + rest
    }

    /// The text before and after a placeholder, for sentences in which the value needs markup.
    pub fn around(self, key: &'static str, placeholder: &str) -> (&'static str, &'static str) {
        let sentence = self.get(key);
        sentence.split_once(&format!("{{{placeholder}}}")).unwrap_or((sentence, ""))
    }

    /// The sentence of a number with its plural form: for one, for two to four, for more. Only Russian needs all three.
    pub fn counted(self, count: u32, [one, few, many]: [&'static str; 3]) -> String {
        let key = match (self.0, count % 10, count % 100) {
            (Language::Ru, _, 11..=14) => many,
            (Language::Ru, 1, _) => one,
            (Language::Ru, 2..=4, _) => few,
            (Language::En, ..) if count == 1 => one,
            _ => many,
        };
        self.with(key, &[("count", &count.to_string())])
    }

    /// How long something lasts: "90 seconds", and from two minutes on in whole minutes, never more than it is.
    pub fn lasting(self, seconds: u32) -> String {
        self.duration(seconds, seconds / 60)
    }

    /// How long to wait: as [`Text::lasting`], but never less than it is.
    pub fn waiting(self, seconds: u32) -> String {
        self.duration(seconds, seconds.div_ceil(60))
    }

    fn duration(self, seconds: u32, minutes: u32) -> String {
        if seconds < 120 && seconds != 60 {
            return self.counted(seconds, ["date.seconds_one", "date.seconds_few", "date.seconds_many"]);
        }
        self.counted(minutes, ["date.minutes_one", "date.minutes_few", "date.minutes_many"])
    }

    /// A date in words, in Tashkent time: "21 November 2026".
    pub fn date(self, unix_seconds: i64) -> String {
        let at = tashkent(unix_seconds);
        let month = self.get(MONTHS[usize::from(u8::from(at.month())) - 1]);
        let (day, year) = (at.day().to_string(), at.year().to_string());
        self.with("date.full", &[("day", &day), ("month", month), ("year", &year)])
    }

    /// A moment in words, in Tashkent time: "today at 14:32", and on another day than that of `now` the date and the time.
    pub fn moment(self, unix_seconds: i64, now: i64) -> String {
        let (at, today) = (tashkent(unix_seconds), tashkent(now).date());
        let time = format!("{:02}:{:02}", at.hour(), at.minute());
        if at.date() == today {
            return self.with("date.today", &[("time", &time)]);
        }
        self.with("date.moment", &[("date", &self.date(unix_seconds)), ("time", &time)])
    }

    /// As [`Text::date`], for a sentence that goes on with a suffix, before which Uzbek in the Cyrillic script drops the soft
    /// sign of a month.
    pub fn date_for_suffix(self, unix_seconds: i64) -> String {
        let date = self.date(unix_seconds);
        if self.0 == Language::UzCyrl { date.trim_end_matches('ь').to_owned() } else { date }
    }
}

/// Local time in Tashkent, UTC+5 all year since 1992. Out-of-range values are clamped.
fn tashkent(unix_seconds: i64) -> OffsetDateTime {
    const YEAR_1: i64 = -62_135_596_800;
    const YEAR_9999: i64 = 253_370_764_800;
    OffsetDateTime::from_unix_timestamp(unix_seconds.clamp(YEAR_1, YEAR_9999))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .to_offset(UtcOffset::from_hms(5, 0, 0).unwrap_or(UtcOffset::UTC))
}

fn source(language: Language) -> &'static str {
    match language {
        Language::UzLatn => include_str!("../../../locales/uz-Latn.toml"),
        Language::UzCyrl => include_str!("../../../locales/uz-Cyrl.toml"),
        Language::Ru => include_str!("../../../locales/ru.toml"),
        Language::En => include_str!("../../../locales/en.toml"),
    }
}

/// Flattens `[page] name = "…"` to `page.name`. The source is embedded, so tests find
/// an error in it.
fn catalogue(source: &str) -> Catalogue {
    let pages: HashMap<String, HashMap<String, String>> =
        toml::from_str(source).unwrap_or_else(|error| panic!("embedded catalogue: {error}"));
    let flatten = |(page, strings): (String, HashMap<String, String>)| {
        strings.into_iter().map(move |(name, words)| (format!("{page}.{name}"), words))
    };
    pages.into_iter().flat_map(flatten).collect()
}

#[cfg(test)]
mod tests;
