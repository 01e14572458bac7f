//! The base calculation value (BHM) by date (R22): what the fee is a percentage of. Sums are whole soʻm.

use crate::people::CivilDate;
use crate::platform::config::{Fallback, Raw, SettingValue, ValueKind, WrongValue, mismatch};

/// The values that are known, each from a day on.
const KNOWN: [(&str, i64); 7] = [
    ("2021-09-01", 270_000),
    ("2022-06-01", 300_000),
    ("2023-05-01", 330_000),
    ("2023-12-01", 340_000),
    ("2024-10-01", 375_000),
    ("2025-08-01", 412_000),
    ("2026-09-01", 440_000),
];

/// The largest value: far above any, so that a slip of the hand is found.
const MOST: i64 = 100_000_000;

/// A value of a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bhm {
    /// How much, in whole soʻm.
    pub soum: i64,
    /// The day from which it is in force.
    pub since: CivilDate,
}

/// All values, in the order of their days; never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BhmTable(Vec<Bhm>);

impl BhmTable {
    /// The values that are known.
    pub fn known() -> Self {
        let known = KNOWN
            .iter()
            .filter_map(|(from, soum)| Some(Bhm { soum: *soum, since: CivilDate::parse(from).ok()? }));
        Self(known.collect())
    }

    /// The value in force on a day; `None` before the first one.
    pub fn on(&self, day: CivilDate) -> Option<Bhm> {
        self.0.iter().rev().find(|bhm| bhm.since <= day).copied()
    }
}

fn bhm(raw: &Raw) -> Result<Bhm, WrongValue> {
    let table = raw.as_table().ok_or_else(|| mismatch(raw, "a table with `from` and `soum`"))?;
    let since = table.get("from").and_then(Raw::as_str).and_then(|from| CivilDate::parse(from).ok());
    let since = since.ok_or_else(|| "needs `from`, a day such as \"2027-01-01\"".to_owned())?;
    if let Some(other) = table.keys().find(|key| !["from", "soum"].contains(&key.as_str())) {
        return Err(format!("has \"{other}\" from {since} on, which is neither from nor soum").into());
    }
    let soum = table.get("soum").and_then(Raw::as_integer).filter(|soum| (1..=MOST).contains(soum));
    let soum = soum.ok_or_else(|| format!("needs `soum`, whole soʻm from 1 to {MOST}, from {since} on"))?;
    Ok(Bhm { soum, since })
}

impl SettingValue for BhmTable {
    const KIND: ValueKind = ValueKind::Table("a list of tables with `from`, a day, and `soum`");
    const FALLBACK: Fallback = Fallback::Nothing("the values known from 2021 to 2026");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let list = raw.as_array().ok_or_else(|| mismatch(raw, "a list of tables"))?;
        let mut values = list.iter().map(bhm).collect::<Result<Vec<_>, _>>()?;
        values.sort_by_key(|bhm| bhm.since);
        if values.is_empty() {
            return Err("needs at least one value".to_owned().into());
        }
        match values.windows(2).find(|pair| pair[0].since == pair[1].since) {
            Some(pair) => Err(format!("has two values from {} on", pair[0].since).into()),
            None => Ok(Self(values)),
        }
    }

    fn placeholder() -> Self {
        Self::known()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BhmTable, String> {
        let raw: toml::Table = toml::from_str(&format!("bhm = {text}")).unwrap();
        BhmTable::read(&raw["bhm"], BhmTable::KIND).map_err(|wrong| wrong.wrong)
    }

    fn day(text: &str) -> CivilDate {
        CivilDate::parse(text).unwrap()
    }

    #[test]
    fn r22_a_value_is_that_of_its_day() {
        let table = BhmTable::known();
        let soum = |text| table.on(day(text)).map(|bhm| bhm.soum);
        assert_eq!(soum("2021-08-31"), None);
        assert_eq!((soum("2022-12-31"), soum("2023-01-01")), (Some(300_000), Some(300_000)));
        assert_eq!((soum("2023-04-30"), soum("2023-05-01")), (Some(300_000), Some(330_000)));
        assert_eq!((soum("2026-08-31"), soum("2026-09-01")), (Some(412_000), Some(440_000)));
        assert_eq!(soum("2040-01-01"), Some(440_000));
        let own =
            read(r#"[{ from = "2027-01-01", soum = 500000 }, { from = "2026-01-01", soum = 1 }]"#).unwrap();
        assert_eq!(own.on(day("2026-12-31")), Some(Bhm { soum: 1, since: day("2026-01-01") }));
    }

    #[test]
    fn a_table_with_a_mistake_is_refused_with_what_is_wrong() {
        for (text, said) in [
            ("[]", "at least one"),
            ("[{ soum = 1 }]", "needs `from`"),
            (r#"[{ from = "2026-02-30", soum = 1 }]"#, "needs `from`"),
            (r#"[{ from = "2026-01-01" }]"#, "needs `soum`"),
            (r#"[{ from = "2026-01-01", soum = 0 }]"#, "needs `soum`"),
            (r#"[{ from = "2026-01-01", soum = 1, sum = 1 }]"#, "\"sum\""),
            (r#"[{ from = "2026-01-01", soum = 1 }, { from = "2026-01-01", soum = 2 }]"#, "two values"),
            (r#"{ from = "2026-01-01", soum = 1 }"#, "a list"),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
    }
}
