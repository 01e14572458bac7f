use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use super::{Cidr, Fallback, ValueKind};
use crate::platform::files::read_text;

/// The longest file that holds one value.
const MOST_BYTES: u64 = 64 * 1024;

/// A TOML value, not validated yet.
pub(crate) type Raw = toml::Value;

/// A type of settings.
pub(crate) trait SettingValue: Sized {
    const KIND: ValueKind;
    /// The kind of a list of these.
    const LIST: ValueKind = ValueKind::List("a list of texts");
    /// The value if it is not set and has no default.
    const FALLBACK: Fallback = Fallback::Required;

    /// Parses a TOML value of the key's kind.
    fn read(raw: &Raw, kind: ValueKind) -> Result<Self, WrongValue>;

    /// A value to continue with after a problem was reported; it is never used.
    fn placeholder() -> Self;

    /// The value of a key that is not set and has no default.
    fn absent() -> Self {
        Self::placeholder()
    }

    /// The secret in this value: never printed, and rejected if well-known.
    fn secret(&self) -> Option<&SecretString> {
        None
    }
}

/// Why a value is invalid.
pub(crate) struct WrongValue {
    /// Continues a sentence that begins with the key. Never shows a secret.
    pub wrong: String,
    /// The remedy, if it is not to use the key's kind.
    pub remedy: Option<&'static str>,
}

impl From<String> for WrongValue {
    fn from(wrong: String) -> Self {
        Self { wrong, remedy: None }
    }
}

/// Types of one kind each, which need no other information to be parsed.
macro_rules! plain_values {
    ($($type:ty: $kind:expr, $read:expr, $placeholder:expr;)+) => {$(
        impl SettingValue for $type {
            const KIND: ValueKind = $kind;

            fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
                let read: fn(&Raw) -> Result<Self, String> = $read;
                Ok(read(raw)?)
            }

            fn placeholder() -> Self {
                $placeholder
            }
        }
    )+};
}

const SOCKET: ValueKind = ValueKind::Text("an address and port such as \"127.0.0.1:8080\"");

plain_values! {
    bool: ValueKind::Flag, flag, false;
    String: ValueKind::Text("text"), text, String::new();
    PathBuf: ValueKind::Text("a file's path"), |raw| text(raw).map(PathBuf::from), PathBuf::new();
    SocketAddr: SOCKET, socket, SocketAddr::from(([127, 0, 0, 1], 0));
    Url: ValueKind::Text("a URL with http or https"), web_url, nowhere();
}

impl SettingValue for u32 {
    const KIND: ValueKind = ValueKind::Integer { from: 0, to: u32::MAX, unit: "" };
    const LIST: ValueKind = ValueKind::Integers { from: 0, to: u32::MAX, at_most: usize::MAX, unit: "" };

    fn read(raw: &Raw, kind: ValueKind) -> Result<Self, WrongValue> {
        let (from, to) = match kind {
            ValueKind::Integer { from, to, .. } | ValueKind::Integers { from, to, .. } => (from, to),
            _ => (0, u32::MAX),
        };
        let number = raw.as_integer().ok_or_else(|| mismatch(raw, "a whole number"))?;
        let value = u32::try_from(number).ok().filter(|value| (from..=to).contains(value));
        let value = value.ok_or_else(|| format!("is {number}, outside {from} to {to}"))?;
        match kind {
            ValueKind::OneOf(numbers, _) if !numbers.contains(&value) => Err(format!("is {value}").into()),
            _ => Ok(value),
        }
    }

    fn placeholder() -> Self {
        0
    }
}

impl SettingValue for Cidr {
    const KIND: ValueKind = ValueKind::Text("a CIDR block such as \"10.0.0.0/8\"");
    const LIST: ValueKind = ValueKind::List("a list of CIDR blocks such as \"10.0.0.0/8\"");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let text = text(raw)?;
        text.parse().map_err(|error| format!("has \"{text}\", which {error}").into())
    }

    fn placeholder() -> Self {
        Self::this_machine()
    }
}

impl SettingValue for SecretString {
    const KIND: ValueKind = ValueKind::Secret;

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let Raw::Table(table) = raw else { return Ok(text(raw)?.into()) };
        let (Some(Raw::String(path)), 1) = (table.get("file"), table.len()) else {
            return Err("is a table without exactly one entry `file`".to_owned().into());
        };
        let content = read_text(Path::new(path), MOST_BYTES)
            .map_err(|error| format!("names the file {path}, which cannot be read: {error}"))?;
        let line = content.trim_end_matches(['\r', '\n']);
        let line = text(&Raw::String(line.to_owned()))
            .map_err(|wrong| format!("names the file {path}, whose content {wrong}"))?;
        Ok(line.into())
    }

    fn placeholder() -> Self {
        Self::default()
    }

    fn secret(&self) -> Option<&SecretString> {
        Some(self)
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    const KIND: ValueKind = T::KIND;
    const FALLBACK: Fallback = Fallback::Nothing("none");

    fn read(raw: &Raw, kind: ValueKind) -> Result<Self, WrongValue> {
        T::read(raw, kind).map(Some)
    }

    /// A value was set, so checks must not report it as missing.
    fn placeholder() -> Self {
        Some(T::placeholder())
    }

    fn absent() -> Self {
        None
    }

    fn secret(&self) -> Option<&SecretString> {
        self.as_ref().and_then(T::secret)
    }
}

impl<T: SettingValue> SettingValue for Vec<T> {
    const KIND: ValueKind = T::LIST;

    fn read(raw: &Raw, kind: ValueKind) -> Result<Self, WrongValue> {
        let items = raw.as_array().ok_or_else(|| mismatch(raw, "a list"))?;
        let list = items.iter().map(|item| T::read(item, kind)).collect::<Result<Vec<_>, _>>()?;
        match kind {
            ValueKind::Integers { .. } if list.is_empty() => Err("is empty".to_owned().into()),
            ValueKind::Integers { at_most, .. } if list.len() > at_most => {
                Err(format!("has {} entries", list.len()).into())
            }
            _ => Ok(list),
        }
    }

    fn placeholder() -> Self {
        Vec::new()
    }
}

/// A non-empty text; the error continues a sentence that begins with the key.
pub(crate) fn text(raw: &Raw) -> Result<String, String> {
    let text = raw.as_str().ok_or_else(|| mismatch(raw, "text"))?;
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    if text.contains(char::is_control) {
        return Err("contains a line break or another control character".into());
    }
    Ok(text.to_owned())
}

/// The message that a value of another type was found.
pub(crate) fn mismatch(raw: &Raw, expected: &str) -> String {
    let found = match raw {
        Raw::String(_) => "text in quotes",
        Raw::Integer(_) => "a number",
        Raw::Float(_) => "a number with a fraction",
        Raw::Boolean(_) => "true or false",
        Raw::Datetime(_) => "a date",
        Raw::Array(_) => "a list",
        Raw::Table(_) => "a table",
    };
    format!("is {found}, not {expected}")
}

/// The value that a word stands for.
pub(crate) fn choose<T: Copy>(raw: &Raw, choices: &[(&str, T)]) -> Result<T, WrongValue> {
    let text = text(raw)?;
    let chosen = choices.iter().find(|(word, _)| *word == text);
    chosen.map(|(_, value)| *value).ok_or_else(|| format!("is \"{text}\"").into())
}

fn flag(raw: &Raw) -> Result<bool, String> {
    raw.as_bool().ok_or_else(|| mismatch(raw, "true or false"))
}

fn socket(raw: &Raw) -> Result<SocketAddr, String> {
    text(raw)?.parse().map_err(|_| "is not an address with a port".into())
}

fn web_url(raw: &Raw) -> Result<Url, String> {
    let url = Url::parse(&text(raw)?).map_err(|error| format!("is not a URL ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("has the scheme {}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("contains a user name or a password".into());
    }
    Ok(url)
}

/// Reserved by RFC 2606.
fn nowhere() -> Url {
    let text = "https://placeholder.invalid";
    Url::parse(text).unwrap_or_else(|error| unreachable!("{text} is a URL: {error}"))
}
