//! Claims for display: readable names and dates, and the raw claims of an ID token.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::words::Words;

/// One line of a table: label, value, and claim.
#[derive(Clone)]
pub(super) struct Row {
    pub label: String,
    pub values: Vec<String>,
    pub machine: String,
}

impl Row {
    /// A verification, described in words.
    pub(super) fn fact(label: &str, machine: &str, evidence: &str) -> Self {
        Self { label: label.to_owned(), values: vec![evidence.to_owned()], machine: machine.to_owned() }
    }
}

/// Claims in display order, each with the key of its label; other claims follow under their own names.
const NAMES: [(&str, &str); 36] = [
    ("name", "name"),
    ("family_name", "family_name"),
    ("given_name", "given_name"),
    ("middle_name", "middle_name"),
    ("birthdate", "birthdate"),
    ("birth_date", "birthdate"),
    ("gender", "gender"),
    ("sex", "gender"),
    ("pinfl", "pinfl"),
    ("pin", "pinfl"),
    ("document", "document"),
    ("document_type", "kind"),
    ("document_number", "document_number"),
    ("document_issuer", "issuer"),
    ("document_issued_at", "issued_on"),
    ("document_expires_at", "expires_on"),
    ("document_valid", "document_valid"),
    ("citizenship", "citizenship"),
    ("nationalities", "citizenship"),
    ("phone_number", "phone_number"),
    ("phone_number_verified", "phone_number_verified"),
    ("email", "email"),
    ("email_verified", "email_verified"),
    ("address", "address"),
    ("updated_at", "updated_at"),
    ("kind", "kind"),
    ("number", "number"),
    ("issuer", "issuer"),
    ("issued_by", "issuer"),
    ("issued_on", "issued_on"),
    ("expires_on", "expires_on"),
    ("country", "country"),
    ("region", "region"),
    ("locality", "locality"),
    ("street_address", "street_address"),
    ("postal_code", "postal_code"),
];

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// UserInfo as a table for people; the subject identifier is left to the technical part.
pub(super) fn in_plain_words(user: &Map<String, Value>, words: Words) -> Vec<Row> {
    let mut claims: Vec<_> = user.iter().filter(|(name, _)| *name != "sub").collect();
    claims.sort_by_key(|(name, _)| rank(name));
    claims
        .into_iter()
        .map(|(name, value)| Row {
            label: label(name, words),
            values: told(name, value, words),
            machine: name.clone(),
        })
        .filter(|row| !row.values.is_empty())
        .collect()
}

/// A token's raw claims.
pub(super) fn as_received(claims: &Map<String, Value>) -> Vec<Row> {
    let value = |name: &str, value: &Value| match (name, value.as_i64()) {
        ("exp" | "iat" | "nbf" | "auth_time", Some(seconds)) => format!("{seconds} ({})", moment(seconds)),
        _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    claims
        .iter()
        .map(|(name, sent)| Row {
            label: name.clone(),
            values: vec![value(name, sent)],
            machine: name.clone(),
        })
        .collect()
}

/// The name for the greeting: the given name, if released.
pub(super) fn greeting(user: &Map<String, Value>) -> String {
    ["given_name", "name"]
        .iter()
        .find_map(|name| user.get(*name)?.as_str())
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_default()
        .to_owned()
}

fn rank(name: &str) -> (usize, &str) {
    let plain = name.split('#').next().unwrap_or(name);
    (NAMES.iter().position(|(known, _)| *known == plain).unwrap_or(NAMES.len()), name)
}

/// `name#uz-Cyrl` is a name in another language or script (OpenID Connect Core 1.0 §5.2).
fn label(name: &str, words: Words) -> String {
    let (plain, language) = name.split_once('#').map_or((name, None), |(plain, tag)| (plain, Some(tag)));
    let key = NAMES.iter().find(|(known, _)| *known == plain).map(|(_, key)| *key);
    let label = key.map_or_else(|| unfold(plain), |key| words.say(key).to_owned());
    language.map_or(label.clone(), |tag| format!("{label} ({tag})"))
}

/// `urn:x:tax_office` → `Tax office`.
fn unfold(name: &str) -> String {
    let last = name.rsplit([':', '/']).find(|part| !part.is_empty()).unwrap_or(name);
    let spaced = last.replace(['_', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn told(name: &str, value: &Value, words: Words) -> Vec<String> {
    match value {
        Value::Null => vec![],
        Value::Bool(yes) => vec![words.say(if *yes { "yes" } else { "no" }).to_owned()],
        Value::Number(number) => match number.as_i64() {
            Some(seconds) if name.ends_with("_at") => vec![moment(seconds)],
            _ => vec![number.to_string()],
        },
        Value::String(text) => vec![sentence(name, text, words)],
        Value::Array(items) => items.iter().flat_map(|item| told(name, item, words)).collect(),
        Value::Object(parts) => {
            let mut parts: Vec<_> = parts.iter().collect();
            parts.sort_by_key(|(name, _)| (*name != "formatted", rank(name)));
            parts
                .into_iter()
                .map(|(name, part)| (name, told(name, part, words)))
                .filter(|(_, said)| !said.is_empty())
                .map(|(name, said)| match name.as_str() {
                    "formatted" => said.join(", "),
                    _ => format!("{}: {}", label(name, words), said.join(", ")),
                })
                .collect()
        }
    }
}

fn sentence(name: &str, text: &str, words: Words) -> String {
    match (name, text) {
        ("gender" | "sex", "male" | "m") => words.say("male").to_owned(),
        ("gender" | "sex", "female" | "f") => words.say("female").to_owned(),
        _ => date(text, words).unwrap_or_else(|| text.to_owned()),
    }
}

/// A day as people read it; anything else is unchanged.
pub(super) fn day(text: &str, words: Words) -> String {
    date(text, words).unwrap_or_else(|| text.to_owned())
}

/// `1990-05-17` → `17 May 1990`; anything else is unchanged.
fn date(text: &str, words: Words) -> Option<String> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
        return None;
    }
    words.date(day.trim_start_matches('0'), month.parse().ok()?, year)
}

/// A time as developers read it.
fn moment(seconds: i64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds) else { return seconds.to_string() };
    let month = ENGLISH_MONTHS[usize::from(u8::from(at.month())) - 1];
    format!("{} {month} {} at {:02}:{:02} UTC", at.day(), at.year(), at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use serde_json::json;

    fn english() -> Words {
        Words::of(&TestRequest::default().to_http_request())
    }

    fn table(value: Value) -> Vec<(String, String)> {
        let Value::Object(map) = value else { panic!("an object") };
        in_plain_words(&map, english()).into_iter().map(|row| (row.label, row.values.join(" | "))).collect()
    }

    #[test]
    fn the_table_begins_with_the_name_and_leaves_out_the_subject() {
        let rows =
            table(json!({"sub": "x", "birthdate": "1990-05-07", "name#uz-Cyrl": "Али", "name": "Ali"}));
        let expected = [("Name", "Ali"), ("Name (uz-Cyrl)", "Али"), ("Date of birth", "7 May 1990")];
        assert_eq!(rows, expected.map(|(label, value)| (label.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_document_reads_part_by_part_and_unknown_claims_keep_a_readable_name() {
        let rows = table(json!({
            "document": {"number": "AA1234567", "kind": "passport", "expires_on": "2031-01-31"},
            "urn:uz:tax_office": ["Yunusobod", null], "phone_number_verified": true
        }));
        assert_eq!(rows[0].1, "Kind: passport | Number: AA1234567 | Valid until: 31 January 2031");
        assert_eq!(rows[1], ("Phone number is confirmed".into(), "Yes".into()));
        assert_eq!(rows[2], ("Tax office".into(), "Yunusobod".into()));
    }

    #[test]
    fn what_only_looks_like_a_date_is_left_alone() {
        assert_eq!(date("2031-13-01", english()), None);
        assert_eq!(date("20-01-2031", english()), None);
        assert_eq!(moment(0), "1 January 1970 at 00:00 UTC");
    }

    #[test]
    fn greets_by_given_name_else_by_the_whole_name_else_not_by_name() {
        let user = |value: Value| value.as_object().cloned().unwrap_or_default();
        assert_eq!(greeting(&user(json!({"given_name": "Ali", "name": "Ali Valiyev"}))), "Ali");
        assert_eq!(greeting(&user(json!({"given_name": " ", "sub": "x"}))), "");
        assert_eq!(greeting(&user(json!({"name": "Ali Valiyev"}))), "Ali Valiyev");
    }
}
