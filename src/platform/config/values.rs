use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use url::Url;

use super::key::{Fallback, Value};
use super::layers::{Layers, variable};
use super::problems::Problems;
use super::table::{key_of, keys};
use super::{Cidr, Issuer, Secret};

/// Every key's value, of the kind that the table demands; sections pick theirs from here.
pub(super) struct Values {
    found: BTreeMap<&'static str, Value>,
}

impl Values {
    /// Takes every key's value from the layers or the defaults, and reports all that are wrong or missing.
    pub fn resolve(layers: &Layers, problems: &mut Problems) -> Self {
        let mut found = BTreeMap::new();
        for key in keys() {
            let value = match (layers.value(key.path), &key.fallback) {
                (Some(raw), _) => Some(key.kind.read(raw).unwrap_or_else(|wrong| {
                    problems.report(key.path, wrong, format!("give {}", key.kind.name()));
                    key.kind.placeholder()
                })),
                (None, Fallback::Value(literal)) => Some(default(key.path, literal)),
                (None, Fallback::Nothing(_)) => None,
                (None, Fallback::RequiredWithSection) if !layers.has_section(key.section()) => None,
                (None, Fallback::Required | Fallback::RequiredWithSection) => {
                    let remedy = format!("give {}, here or in {}", key.kind.name(), variable(key.path));
                    problems.report(key.path, "is missing", remedy);
                    Some(key.kind.placeholder())
                }
            };
            if let Some(value) = value {
                found.insert(key.path, value);
            }
        }
        Self { found }
    }

    pub fn number(&self, path: &str) -> u32 {
        match self.found.get(path) {
            Some(Value::Integer(number)) => *number,
            _ => misread(path),
        }
    }

    pub fn numbers(&self, path: &str) -> Vec<u32> {
        match self.found.get(path) {
            Some(Value::Integers(numbers)) => numbers.clone(),
            _ => misread(path),
        }
    }

    pub fn flag(&self, path: &str) -> bool {
        match self.found.get(path) {
            Some(Value::Flag(flag)) => *flag,
            _ => misread(path),
        }
    }

    pub fn issuer(&self, path: &str) -> Issuer {
        match self.found.get(path) {
            Some(Value::Issuer(issuer)) => issuer.clone(),
            _ => misread(path),
        }
    }

    pub fn socket(&self, path: &str) -> SocketAddr {
        match self.found.get(path) {
            Some(Value::Socket(socket)) => *socket,
            _ => misread(path),
        }
    }

    pub fn blocks(&self, path: &str) -> Vec<Cidr> {
        match self.found.get(path) {
            Some(Value::Blocks(blocks)) => blocks.clone(),
            _ => misread(path),
        }
    }

    pub fn texts(&self, path: &str) -> Vec<String> {
        match self.found.get(path) {
            Some(Value::Texts(texts)) => texts.clone(),
            _ => misread(path),
        }
    }

    pub fn codes(&self, path: &str) -> BTreeMap<String, String> {
        match self.found.get(path) {
            Some(Value::Codes(codes)) => codes.clone(),
            None => BTreeMap::new(),
            Some(_) => misread(path),
        }
    }

    pub fn text(&self, path: &str) -> Option<String> {
        match self.found.get(path) {
            Some(Value::Text(text)) => Some(text.clone()),
            None => None,
            Some(_) => misread(path),
        }
    }

    pub fn url(&self, path: &str) -> Option<Url> {
        match self.found.get(path) {
            Some(Value::Url(url)) => Some(url.clone()),
            None => None,
            Some(_) => misread(path),
        }
    }

    pub fn path(&self, path: &str) -> Option<PathBuf> {
        match self.found.get(path) {
            Some(Value::Path(file)) => Some(file.clone()),
            None => None,
            Some(_) => misread(path),
        }
    }

    pub fn secret(&self, path: &str) -> Option<Secret> {
        match self.found.get(path) {
            Some(Value::Secret(secret)) => Some(secret.clone()),
            None => None,
            Some(_) => misread(path),
        }
    }

    /// Every secret that was given, with its key.
    pub fn secrets(&self) -> impl Iterator<Item = (&'static str, &Secret)> {
        self.found.iter().filter_map(|(path, value)| match value {
            Value::Secret(secret) => Some((*path, secret)),
            _ => None,
        })
    }
}

/// The default as the table writes it; a test reads each of them, so that this cannot fail for an operator.
fn default(path: &str, literal: &str) -> Value {
    let table = format!("value = {literal}").parse::<toml::Table>().ok();
    let value = table.as_ref().and_then(|table| table.get("value"));
    match (value, key_of(path)) {
        (Some(raw), Some(key)) => key.kind.read(raw).unwrap_or_else(|_| misread(path)),
        _ => misread(path),
    }
}

/// The table of keys and a section's reader disagree: a mistake in this program, whatever an operator wrote.
fn misread(path: &str) -> ! {
    unreachable!("the key {path} is not in the table with the kind that its section reads")
}
