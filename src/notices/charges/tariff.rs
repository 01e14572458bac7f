//! The tariff: prices by kind of message, each from a day on. Sums are whole tiyin.

use super::MessageKind;
use crate::people::CivilDate;
use crate::platform::config::{Fallback, Raw, SettingValue, ValueKind, WrongValue, mismatch};

/// The highest price: a thousand soʻm, far above any, so that a slip of the hand is found.
const MOST: i64 = 100_000;

/// The price of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Price {
    /// How much, in tiyin; never 0.
    pub tiyin: i64,
    /// The day from which it is in force.
    pub since: CivilDate,
}

/// Prices from a day on.
#[derive(Clone, Debug)]
struct Period {
    from: CivilDate,
    /// In the order of [`MessageKind::ALL`]; 0 for what is free.
    tiyin: [i64; MessageKind::ALL.len()],
}

/// All prices, in the order of their days.
#[derive(Clone, Debug, Default)]
pub struct Tariff(Vec<Period>);

impl Tariff {
    /// The price of a message on a day; `None` when it is free.
    pub fn price(&self, kind: MessageKind, day: CivilDate) -> Option<Price> {
        let period = self.0.iter().rev().find(|period| period.from <= day)?;
        let at = MessageKind::ALL.iter().position(|known| *known == kind)?;
        let tiyin = period.tiyin[at];
        (tiyin > 0).then_some(Price { tiyin, since: period.from })
    }
}

fn period(raw: &Raw) -> Result<Period, WrongValue> {
    let table = raw.as_table().ok_or_else(|| mismatch(raw, "a table with `from` and prices"))?;
    let from = table.get("from").and_then(Raw::as_str).and_then(|from| CivilDate::parse(from).ok());
    let from = from.ok_or_else(|| "needs `from`, a day such as \"2027-01-01\"".to_owned())?;
    let mut tiyin = [0; MessageKind::ALL.len()];
    for (key, value) in table.iter().filter(|(key, _)| *key != "from") {
        let at = MessageKind::ALL.iter().position(|kind| kind.name() == key);
        let at = at.ok_or_else(|| {
            format!("has \"{key}\" from {from} on, which is none of from, code, request, notice")
        })?;
        let price = value.as_integer().filter(|price| (0..=MOST).contains(price));
        tiyin[at] = price.ok_or_else(|| {
            format!("needs a whole number of tiyin, at most {MOST}, for {key} from {from} on")
        })?;
    }
    Ok(Period { from, tiyin })
}

impl SettingValue for Tariff {
    const KIND: ValueKind = ValueKind::Table("a list of tables with `from`, a day, and prices in tiyin");
    const FALLBACK: Fallback = Fallback::Nothing("none: nothing is charged");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let list = raw.as_array().ok_or_else(|| mismatch(raw, "a list of tables"))?;
        let mut periods = list.iter().map(period).collect::<Result<Vec<_>, _>>()?;
        periods.sort_by_key(|period| period.from);
        match periods.windows(2).find(|pair| pair[0].from == pair[1].from) {
            Some(pair) => Err(format!("has two prices from {} on", pair[0].from).into()),
            None => Ok(Self(periods)),
        }
    }

    fn placeholder() -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Tariff, String> {
        let raw: toml::Table = toml::from_str(&format!("tariff = {text}")).unwrap();
        Tariff::read(&raw["tariff"], Tariff::KIND).map_err(|wrong| wrong.wrong)
    }

    fn day(text: &str) -> CivilDate {
        CivilDate::parse(text).unwrap()
    }

    #[test]
    fn r77_a_price_is_that_of_its_day() {
        let tariff = read(
            r#"[{ from = "2027-01-01", notice = 5000, request = 4000 }, { from = "2026-01-01", notice = 3000 }]"#,
        )
        .unwrap();
        let price = |kind, text| tariff.price(kind, day(text)).map(|price| price.tiyin);
        assert_eq!(price(MessageKind::Notice, "2025-12-31"), None);
        assert_eq!(price(MessageKind::Notice, "2026-01-01"), Some(3000));
        assert_eq!(price(MessageKind::Request, "2026-12-31"), None);
        assert_eq!(price(MessageKind::Notice, "2027-01-01"), Some(5000));
        assert_eq!(price(MessageKind::Request, "2030-01-01"), Some(4000));
        assert_eq!(price(MessageKind::Code, "2030-01-01"), None, "codes are free unless the tariff has them");
        let since = tariff.price(MessageKind::Notice, day("2026-06-01")).unwrap().since;
        assert_eq!(since, day("2026-01-01"));
    }

    #[test]
    fn a_tariff_with_a_mistake_is_refused_with_what_is_wrong() {
        for (text, said) in [
            (r"[{ notice = 1 }]", "needs `from`"),
            (r#"[{ from = "2026-02-30", notice = 1 }]"#, "needs `from`"),
            (r#"[{ from = "2026-01-01", notices = 1 }]"#, "\"notices\""),
            (r#"[{ from = "2026-01-01", notice = 1.5 }]"#, "whole number"),
            (r#"[{ from = "2026-01-01", notice = -1 }]"#, "whole number"),
            (r#"[{ from = "2026-01-01", notice = 100001 }]"#, "at most 100000"),
            (r#"[{ from = "2026-01-01" }, { from = "2026-01-01" }]"#, "two prices"),
            (r#"{ from = "2026-01-01" }"#, "a list"),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
    }
}
