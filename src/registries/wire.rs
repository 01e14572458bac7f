//! What registers answer with: bounded, and read whatever their habits are. Success flags differ from service to service, numbers
//! come as text, and what was not found is told in words; this file makes one verdict of all of that.

use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::error::{Contradiction, ErrorKind};

/// The longest answer, in bytes: a record with a photo is a tenth of it.
pub(super) const LONGEST_ANSWER: usize = 1 << 20;
/// The longest text of one value that is kept, in characters.
const LONGEST_TEXT: usize = 400;

/// An answer in JSON.
#[derive(Debug)]
pub(super) struct Heard {
    pub status: StatusCode,
    pub body: Value,
}

/// Why an exchange gave nothing that is JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unheard {
    /// The request never reached the register.
    NotSent,
    /// The connection broke off, or the time was over.
    Lost,
    /// The answer is no JSON: a page of a proxy, a part of an answer.
    NotJson,
    /// The answer is too long.
    TooLong,
}

impl Unheard {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "could not connect",
            Self::Lost => "no answer in time, or the connection broke off",
            Self::NotJson => "the answer is no JSON",
            Self::TooLong => "the answer is too long",
        }
    }
}

/// Reads an answer of any status.
pub(super) async fn read(mut response: Response) -> Result<Heard, Unheard> {
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Unheard::Lost)? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Unheard::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    let body = json(&body).ok_or(Unheard::NotJson)?;
    Ok(Heard { status, body })
}

/// An object or a list in JSON; a byte order mark before it is ignored.
pub(super) fn json(body: &[u8]) -> Option<Value> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value: Value = serde_json::from_slice(body).ok()?;
    (value.is_object() || value.is_array()).then_some(value)
}

/// A member whose name is written in any case: `Data` and `data` are both met.
pub(super) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    let exact = members.get(name);
    let found = exact
        .or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value));
    found.filter(|value| !value.is_null())
}

/// A member as text: texts without white space around them, and numbers. Empty ones are none.
pub(super) fn text(value: &Value, name: &str) -> Option<String> {
    plain(member(value, name)?)
}

/// A value as text.
pub(super) fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    (!text.is_empty()
        && text != "null"
        && text.chars().count() <= LONGEST_TEXT
        && !text.contains(char::is_control))
    .then_some(text)
}

/// A member that is true, in any of the ways in which services say it.
pub(super) fn truth(value: &Value, name: &str) -> Option<bool> {
    match text(value, name)?.to_ascii_lowercase().as_str() {
        "true" | "1" | "y" | "yes" | "ha" => Some(true),
        "false" | "0" | "n" | "no" | "yo'q" => Some(false),
        _ => None,
    }
}

/// A calendar day, with or without a time behind it: `2021-12-27`, `2021-12-27T00:00:00`, `27.12.2021`.
pub(super) fn day(value: &Value, name: &str) -> Option<crate::people::CivilDate> {
    let text = text(value, name)?;
    let date = text.split(['T', ' ']).next().unwrap_or_default();
    if let Ok(day) = crate::people::CivilDate::parse(date) {
        return Some(day);
    }
    let mut parts = date.splitn(3, '.');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    crate::people::CivilDate::parse(&format!("{year}-{month}-{day}")).ok()
}

/// The list or object of data, by any of the names that services have for it.
pub(super) fn data<'v>(body: &'v Value, names: &[&str]) -> Option<&'v Value> {
    let found = names.iter().find_map(|name| member(body, name))?;
    match found {
        Value::Array(items) if items.is_empty() => None,
        Value::Object(members) if members.is_empty() => None,
        Value::Array(_) | Value::Object(_) => Some(found),
        _ => None,
    }
}

/// How one service says that it answered: a member, and the values of it that mean success.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag(pub &'static str, pub &'static [&'static str]);

/// What an answer says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answers.
    Yes,
    /// It says neither.
    Unsaid,
    /// It has no such record.
    NotFound,
    /// It failed or refuses.
    No,
}

/// The code with which the Personalisation Centre says that it found nobody.
const NOT_FOUND: &str = "303001";
/// Members in which services say in words what became of a question.
const WORDS: [&str; 8] =
    ["comments", "comment", "message", "AnswereMessage", "AnswereComment", "msg", "error", "description"];

/// The verdict of an answer, by the flags of its service.
pub(super) fn verdict(heard: &Heard, flags: &[Flag]) -> Verdict {
    let body = &heard.body;
    if heard.status == StatusCode::NOT_FOUND {
        // The gateway's own "not found" is a wrong address: its faults have this member.
        return if member(body, "fault").is_some() { Verdict::No } else { Verdict::NotFound };
    }
    if !heard.status.is_success() {
        return if says_not_found(body) { Verdict::NotFound } else { Verdict::No };
    }
    let mut found = Verdict::Unsaid;
    for Flag(name, good) in flags {
        let said = member(body, name).and_then(|value| match value {
            // A status may be an object with a code.
            Value::Object(_) => text(value, "code"),
            other => plain(other),
        });
        let Some(said) = said else { continue };
        if good.iter().any(|good| good.eq_ignore_ascii_case(&said)) {
            found = Verdict::Yes;
        } else {
            return if said == NOT_FOUND || says_not_found(body) { Verdict::NotFound } else { Verdict::No };
        }
    }
    if found == Verdict::Unsaid && says_not_found(body) { Verdict::NotFound } else { found }
}

fn says_not_found(body: &Value) -> bool {
    let code = ["code", "error_code", "result_code"]
        .iter()
        .any(|name| text(body, name).as_deref() == Some(NOT_FOUND));
    code || WORDS.iter().filter_map(|name| text(body, name)).any(|said| {
        let said = said.to_lowercase();
        ["topilmadi", "топилмади", "не найден", "не найдено", "not found", "ne nayden"]
            .iter()
            .any(|words| said.contains(words))
    })
}

/// The data of an answer by its verdict: what says that it failed and has data all the same is not used.
pub(super) fn judged<'v>(
    heard: &'v Heard,
    flags: &[Flag],
    names: &[&str],
) -> Result<(&'v Value, bool), ErrorKind> {
    let found = data(&heard.body, names);
    match (verdict(heard, flags), found) {
        (Verdict::Yes, Some(found)) => Ok((found, true)),
        (Verdict::Unsaid, Some(found)) => Ok((found, false)),
        (Verdict::NotFound | Verdict::Yes, None) => Err(ErrorKind::NotFound),
        (Verdict::No | Verdict::NotFound, Some(_)) => Err(ErrorKind::Contradiction(Contradiction::Flag)),
        (Verdict::Unsaid, None) => Err(ErrorKind::Contradiction(Contradiction::Form)),
        (Verdict::No, None) => Err(ErrorKind::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn heard(status: u16, body: Value) -> Heard {
        Heard { status: StatusCode::from_u16(status).unwrap(), body }
    }

    const FLAGS: [Flag; 2] = [Flag("result", &["1"]), Flag("status", &["1", "200"])];

    #[test]
    fn success_is_understood_in_every_way_in_which_it_is_said() {
        for body in [
            json!({"result": 1}),
            json!({"result": "1"}),
            json!({"Result": 1, "status": {"code": 200}}),
            json!({"status": 1}),
        ] {
            assert_eq!(verdict(&heard(200, body.clone()), &FLAGS), Verdict::Yes, "{body}");
        }
        assert_eq!(verdict(&heard(200, json!({"Data": []})), &FLAGS), Verdict::Unsaid);
        assert_eq!(verdict(&heard(200, json!({"result": 1, "status": 0})), &FLAGS), Verdict::No);
        assert_eq!(verdict(&heard(400, json!({"result": 1})), &FLAGS), Verdict::No);
    }

    #[test]
    fn what_was_not_found_is_told_by_code_and_in_four_ways_of_writing() {
        for body in [
            json!({"result": 0, "code": 303_001}),
            json!({"result": "303001"}),
            json!({"result": 0, "comments": "Ma'lumot topilmadi"}),
            json!({"result": 0, "comments": "Маълумот топилмади"}),
            json!({"comments": "Гражданин не найден"}),
            json!({"status": 0, "message": "Not found"}),
        ] {
            assert_eq!(verdict(&heard(200, body.clone()), &FLAGS), Verdict::NotFound, "{body}");
        }
        assert_eq!(verdict(&heard(404, json!({"message": "x"})), &FLAGS), Verdict::NotFound);
        let fault = json!({"fault": {"code": 404, "message": "No matching resource found"}});
        assert_eq!(verdict(&heard(404, fault), &FLAGS), Verdict::No, "the gateway's own");
    }

    #[test]
    fn data_and_a_flag_that_denies_them_are_not_used() {
        let kind =
            |body: Value| judged(&heard(200, body), &FLAGS, &["Data"]).map(|found| found.1).unwrap_err();
        assert_eq!(
            kind(json!({"result": 0, "Data": [{"a": 1}]})),
            ErrorKind::Contradiction(Contradiction::Flag)
        );
        assert_eq!(kind(json!({"result": 1, "Data": []})), ErrorKind::NotFound);
        assert_eq!(kind(json!({"result": 1})), ErrorKind::NotFound);
        assert_eq!(kind(json!({"result": 7})), ErrorKind::Refused);
        assert_eq!(kind(json!({})), ErrorKind::Contradiction(Contradiction::Form));
        let lower = heard(200, json!({"result": "1", "data": [{"a": 1}]}));
        assert!(judged(&lower, &FLAGS, &["Data"]).unwrap().1);
        let unsaid = heard(200, json!({"data": {"a": 1}}));
        assert!(!judged(&unsaid, &FLAGS, &["Data"]).unwrap().1);
    }

    #[test]
    fn days_and_texts_are_read_as_they_are_written() {
        let value = json!({"a": "2021-12-27T00:00:00", "b": "27.12.2021", "c": 7, "d": " ", "e": "\u{0}", "f": "2021-13-01"});
        assert_eq!(day(&value, "a"), day(&value, "b"));
        assert_eq!(day(&value, "a").unwrap().to_string(), "2021-12-27");
        assert_eq!(text(&value, "c").as_deref(), Some("7"));
        assert_eq!((text(&value, "d"), text(&value, "e"), day(&value, "f")), (None, None, None));
        assert_eq!(text(&json!({"g": "x".repeat(LONGEST_TEXT + 1)}), "g"), None);
        assert_eq!(truth(&json!({"h": "Y"}), "H"), Some(true));
    }

    #[test]
    fn pages_and_parts_are_no_json() {
        for body in ["<html>502</html>", "{\"a\":", "\"text\"", "", "null"] {
            assert!(json(body.as_bytes()).is_none(), "{body}");
        }
        assert!(json("\u{feff}{}".as_bytes()).is_some());
    }
}
