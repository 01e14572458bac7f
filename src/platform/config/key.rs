use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use toml::Value as Raw;
use url::Url;

use super::{Cidr, Issuer, Secret};

/// One line of the table of keys: what loading, the checks and the reference all start from.
pub(super) struct Key {
    /// Section and name, such as `server.issuer`.
    pub path: &'static str,
    pub kind: Kind,
    pub fallback: Fallback,
    /// What it means, in a sentence for an operator.
    pub meaning: &'static str,
}

/// What holds when nobody sets a key.
pub(super) enum Fallback {
    /// A TOML value.
    Value(&'static str),
    Required,
    /// Required as soon as anything in its section is set.
    RequiredWithSection,
    Nothing(&'static str),
}

/// What a value must be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Integer { from: u32, to: u32, unit: &'static str },
    OneOf(&'static [u32], &'static str),
    Integers { from: u32, to: u32, at_most: usize, unit: &'static str },
    Flag,
    Text,
    Texts,
    Choice(&'static [&'static str]),
    Choices(&'static [&'static str]),
    Issuer,
    Url,
    Socket,
    Path,
    Blocks,
    Secret,
    Codes,
}

/// A value that is what its kind says.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Integer(u32),
    Integers(Vec<u32>),
    Flag(bool),
    Text(String),
    Texts(Vec<String>),
    Issuer(Issuer),
    Url(Url),
    Socket(SocketAddr),
    Path(PathBuf),
    Blocks(Vec<Cidr>),
    Secret(Secret),
    Codes(BTreeMap<String, String>),
}

impl Key {
    pub const fn new(path: &'static str, kind: Kind, fallback: Fallback, meaning: &'static str) -> Self {
        Self { path, kind, fallback, meaning }
    }

    /// The section that the key stands in; empty at the top.
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }
}

impl Kind {
    pub const fn seconds(from: u32, to: u32) -> Self {
        Self::Integer { from, to, unit: "seconds" }
    }

    pub const fn milliseconds(from: u32, to: u32) -> Self {
        Self::Integer { from, to, unit: "milliseconds" }
    }

    pub const fn days(from: u32, to: u32) -> Self {
        Self::Integer { from, to, unit: "days" }
    }

    pub const fn count(from: u32, to: u32, unit: &'static str) -> Self {
        Self::Integer { from, to, unit }
    }

    /// The type, in the words of reports and of the reference.
    pub fn name(&self) -> String {
        let choices = |names: &[&str]| names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>();
        match self {
            Self::Integer { from, to, .. } => format!("a whole number from {from} to {to}"),
            Self::OneOf(numbers, _) => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" or "),
            Self::Integers { from, to, at_most, .. } => {
                format!("a list of 1 to {at_most} whole numbers from {from} to {to}")
            }
            Self::Flag => "true or false".into(),
            Self::Text => "text".into(),
            Self::Texts => "a list of texts".into(),
            Self::Choice(names) => choices(names).join(" or "),
            Self::Choices(names) => format!("a list of {}", choices(names).join(" and ")),
            Self::Issuer => "an origin such as \"https://id.example.uz\"".into(),
            Self::Url => "a URL with http or https".into(),
            Self::Socket => "an address and port such as \"127.0.0.1:8080\"".into(),
            Self::Path => "a file's path".into(),
            Self::Blocks => "a list of address blocks such as \"10.0.0.0/8\"".into(),
            Self::Secret => "a secret: text, or { file = \"/path\" }".into(),
            Self::Codes => "a table of test numbers and their codes".into(),
        }
    }

    /// Takes a TOML value for what it must be; the error continues a sentence that begins with the key.
    pub fn read(&self, raw: &Raw) -> Result<Value, String> {
        match self {
            Self::Integer { from, to, .. } => Ok(Value::Integer(integer(raw, *from, *to)?)),
            Self::OneOf(numbers, _) => {
                let number = integer(raw, 0, u32::MAX)?;
                if numbers.contains(&number) {
                    Ok(Value::Integer(number))
                } else {
                    Err(format!("is {number}"))
                }
            }
            Self::Integers { from, to, at_most, .. } => integers(raw, *from, *to, *at_most),
            Self::Flag => raw.as_bool().map(Value::Flag).ok_or_else(|| mismatch(raw, "true or false")),
            Self::Text => text(raw).map(Value::Text),
            Self::Texts => each(raw, text).map(Value::Texts),
            Self::Choice(names) => choice(raw, names).map(Value::Text),
            Self::Choices(names) => each(raw, |item| choice(item, names)).map(Value::Texts),
            Self::Issuer => text(raw)?.parse().map(Value::Issuer).map_err(|error| format!("{error}")),
            Self::Url => web_url(raw).map(Value::Url),
            Self::Socket => {
                text(raw)?.parse().map(Value::Socket).map_err(|_| "is not an address with a port".into())
            }
            Self::Path => text(raw).map(|path| Value::Path(PathBuf::from(path))),
            Self::Blocks => each(raw, |item| {
                let text = text(item)?;
                text.parse::<Cidr>().map_err(|error| format!("has \"{text}\", which {error}"))
            })
            .map(Value::Blocks),
            Self::Secret => secret(raw).map(Value::Secret),
            Self::Codes => codes(raw).map(Value::Codes),
        }
    }

    /// A value of this kind to go on with after a problem was reported; it is never used by anybody.
    pub fn placeholder(&self) -> Value {
        match self {
            Self::Integer { from, .. } => Value::Integer(*from),
            Self::OneOf(numbers, _) => Value::Integer(numbers.first().copied().unwrap_or_default()),
            Self::Integers { .. } => Value::Integers(Vec::new()),
            Self::Flag => Value::Flag(false),
            Self::Text | Self::Choice(_) => Value::Text(String::new()),
            Self::Texts | Self::Choices(_) => Value::Texts(Vec::new()),
            Self::Issuer => Value::Issuer(Issuer::placeholder()),
            Self::Url => Value::Url(Issuer::placeholder().url().clone()),
            Self::Socket => Value::Socket(SocketAddr::from(([127, 0, 0, 1], 0))),
            Self::Path => Value::Path(PathBuf::new()),
            Self::Blocks => Value::Blocks(Vec::new()),
            Self::Secret => Value::Secret(Secret::new("")),
            Self::Codes => Value::Codes(BTreeMap::new()),
        }
    }
}

/// The difference between what was found and what was wanted, as far as it helps.
fn mismatch(raw: &Raw, wanted: &str) -> String {
    let found = match raw {
        Raw::String(_) => "text in quotes",
        Raw::Integer(_) => "a number",
        Raw::Float(_) => "a number with a fraction",
        Raw::Boolean(_) => "true or false",
        Raw::Datetime(_) => "a date",
        Raw::Array(_) => "a list",
        Raw::Table(_) => "a table",
    };
    format!("is {found}, not {wanted}")
}

fn integer(raw: &Raw, from: u32, to: u32) -> Result<u32, String> {
    let number = raw.as_integer().ok_or_else(|| mismatch(raw, "a whole number"))?;
    match u32::try_from(number) {
        Ok(number) if (from..=to).contains(&number) => Ok(number),
        _ => Err(format!("is {number}, outside {from} to {to}")),
    }
}

fn integers(raw: &Raw, from: u32, to: u32, at_most: usize) -> Result<Value, String> {
    let list = each(raw, |item| integer(item, from, to))?;
    match list.len() {
        0 => Err("is empty".into()),
        length if length > at_most => Err(format!("has {length} entries")),
        _ => Ok(Value::Integers(list)),
    }
}

fn each<T>(raw: &Raw, read: impl Fn(&Raw) -> Result<T, String>) -> Result<Vec<T>, String> {
    raw.as_array().ok_or_else(|| mismatch(raw, "a list"))?.iter().map(read).collect()
}

fn text(raw: &Raw) -> Result<String, String> {
    let text = raw.as_str().ok_or_else(|| mismatch(raw, "text"))?;
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    if text.contains(char::is_control) {
        return Err("has a line break or another control character in it".into());
    }
    Ok(text.to_owned())
}

fn choice(raw: &Raw, names: &[&str]) -> Result<String, String> {
    let text = text(raw)?;
    if names.contains(&text.as_str()) { Ok(text) } else { Err(format!("is \"{text}\"")) }
}

fn web_url(raw: &Raw) -> Result<Url, String> {
    let url = Url::parse(&text(raw)?).map_err(|error| format!("is not a URL ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("has the scheme {}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("carries a user name or a password".into());
    }
    Ok(url)
}

fn secret(raw: &Raw) -> Result<Secret, String> {
    if let Raw::Table(table) = raw {
        let (Some(Raw::String(path)), 1) = (table.get("file"), table.len()) else {
            return Err("is a table without exactly one entry `file`".into());
        };
        let content = std::fs::read_to_string(path)
            .map_err(|error| format!("names the file {path}, which cannot be read: {error}"))?;
        let line = content.trim_end_matches(['\r', '\n']);
        return text(&Raw::String(line.to_owned()))
            .map(Secret::new)
            .map_err(|wrong| format!("names the file {path}, whose content {wrong}"));
    }
    text(raw).map(Secret::new)
}

fn codes(raw: &Raw) -> Result<BTreeMap<String, String>, String> {
    let table = raw.as_table().ok_or_else(|| mismatch(raw, "a table"))?;
    let code = |(number, code): (&String, &Raw)| {
        let digits = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
        if !(number.starts_with("99800") && digits(number, 12)) {
            let known = number.get(..5).unwrap_or_default();
            return Err(format!(
                "has the number {known}…; only test numbers, 99800 and seven digits, may have a code that never changes"
            ));
        }
        match code.as_str() {
            Some(code) if digits(code, 6) => Ok((number.clone(), code.to_owned())),
            _ => Err(format!("has a code for {number} that is not six digits in quotes")),
        }
    };
    table.iter().map(code).collect()
}
