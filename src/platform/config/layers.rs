use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::key::{Key, Kind};
use super::problems::{Origin, Problems};
use super::suggest::suggestion;
use super::table::{is_section, key_of, keys};

/// The prefix of variables that are settings.
pub(super) const PREFIX: &str = "YAGONA__";

/// What was set, by key, before anybody looked at the values; later layers replace earlier ones.
#[derive(Default)]
pub(super) struct Layers {
    values: BTreeMap<&'static str, toml::Value>,
    sections: BTreeMap<String, Origin>,
}

impl Layers {
    /// The raw value of a key, if anybody set it.
    pub fn value(&self, path: &str) -> Option<&toml::Value> {
        self.values.get(path)
    }

    /// Whether anything in a section was set, or its heading written.
    pub fn has_section(&self, section: &str) -> bool {
        self.sections.contains_key(section)
            || self.values.keys().any(|path| path.strip_prefix(section).is_some_and(|p| p.starts_with('.')))
    }

    /// Lets reports about a whole section say where its heading stands.
    pub fn remember_sections(&self, problems: &mut Problems) {
        for (section, origin) in &self.sections {
            problems.remember(section, origin.clone());
        }
    }

    /// The keys of a section (and of those beneath it) that somebody set.
    pub fn set_under(&self, section: &str) -> impl Iterator<Item = &'static str> {
        self.values
            .keys()
            .copied()
            .filter(move |path| path.strip_prefix(section).is_some_and(|p| p.starts_with('.')))
    }

    /// Lays a file's content over what is there; false when its syntax is wrong, of which every error is reported.
    pub fn lay_file(&mut self, name: &str, content: &str, problems: &mut Problems) -> bool {
        let (table, errors) = DeTable::parse_recoverable(content);
        let source = Source { name, content };
        for error in &errors {
            let origin = source.at(error.span().map_or(0, |span| span.start));
            let wrong = format!("is not TOML: {}", error.message().replace('\n', "; "));
            problems.add("", origin, wrong, "correct the line; https://toml.io shows the syntax");
        }
        if errors.is_empty() {
            self.lay_table("", table.get_ref(), &source, problems);
        }
        errors.is_empty()
    }

    fn lay_table(&mut self, prefix: &str, table: &DeTable, source: &Source, problems: &mut Problems) {
        for (name, item) in table {
            let path = join(prefix, name.get_ref());
            let origin = source.at(name.span().start);
            if let Some(key) = key_of(&path) {
                problems.remember(&path, origin);
                self.values.insert(key.path, plain(item));
            } else if !is_section(&path) {
                unknown(&path, origin, problems);
            } else if let DeValue::Table(inner) = item.get_ref() {
                self.sections.insert(path.clone(), origin);
                self.lay_table(&path, inner, source, problems);
            } else {
                let remedy = format!("write its keys under a heading [{path}]");
                problems.add(&path, origin, "is a section, not a value", remedy);
            }
        }
    }

    /// Lays the variables that begin with `YAGONA__` over what is there; others are not looked at.
    pub fn lay_variables(&mut self, env: impl Iterator<Item = (String, String)>, problems: &mut Problems) {
        let mut variables: Vec<_> = env.filter(|(name, _)| name.starts_with(PREFIX)).collect();
        variables.sort();
        for (name, content) in variables {
            let path = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            let origin = Origin::Variable(name);
            match place(&path) {
                Some((key, None)) => {
                    problems.remember(key.path, origin);
                    self.values.insert(key.path, from_text(key.kind, content));
                }
                Some((key, Some(member))) => {
                    problems.remember(key.path, origin);
                    self.lay_member(key, member, content);
                }
                None if is_section(&path) => {
                    let remedy = format!("set one of its keys, such as {}", variable_of_first_key(&path));
                    problems.add(&path, origin, "is a section, not a value", remedy);
                }
                None => unknown(&path, origin, problems),
            }
        }
    }

    /// One member of a value that is a table: a secret's `file`, one number's code.
    fn lay_member(&mut self, key: &'static Key, member: &str, content: String) {
        let slot = self.values.entry(key.path).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if matches!(key.kind, Kind::Secret) || !slot.is_table() {
            *slot = toml::Value::Table(toml::Table::new());
        }
        if let Some(table) = slot.as_table_mut() {
            table.insert(member.to_owned(), toml::Value::String(content));
        }
    }
}

/// The name of the variable that sets a key.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}

fn variable_of_first_key(section: &str) -> String {
    keys().find(|key| key.section() == section).map_or_else(|| variable(section), |key| variable(key.path))
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// The key that a variable's path names, and the member of its table if the path goes on.
fn place(path: &str) -> Option<(&'static Key, Option<&str>)> {
    if let Some(key) = key_of(path) {
        return Some((key, None));
    }
    let (parent, member) = path.rsplit_once('.')?;
    let key = key_of(parent)?;
    let fits = matches!((key.kind, member), (Kind::Secret, "file") | (Kind::Codes, _));
    fits.then_some((key, Some(member)))
}

/// A variable's text as the TOML value that it stands for. What does not fit stays text, and is reported as such.
fn from_text(kind: Kind, content: String) -> toml::Value {
    let literal = |content: &str| {
        let line = format!("value = {content}");
        line.parse::<toml::Table>().ok().and_then(|mut table| table.remove("value"))
    };
    let list = |content: &str, item: &dyn Fn(&str) -> toml::Value| {
        let items = content.split(',').map(str::trim).filter(|item| !item.is_empty()).map(item);
        toml::Value::Array(items.collect())
    };
    let number = |text: &str| text.parse().map_or_else(|_| text.into(), toml::Value::Integer);
    let trimmed = content.trim();
    match kind {
        Kind::Integer { .. } | Kind::OneOf(..) => number(trimmed),
        Kind::Flag => trimmed.parse().map_or_else(|_| content.clone().into(), toml::Value::Boolean),
        Kind::Integers { .. } | Kind::Texts | Kind::Choices(_) | Kind::Blocks if trimmed.starts_with('[') => {
            literal(trimmed).unwrap_or_else(|| content.clone().into())
        }
        Kind::Integers { .. } => list(trimmed, &number),
        Kind::Texts | Kind::Choices(_) | Kind::Blocks => list(trimmed, &|item| item.into()),
        Kind::Codes => literal(trimmed).unwrap_or_else(|| content.clone().into()),
        _ => content.into(),
    }
}

fn plain(item: &Spanned<DeValue>) -> toml::Value {
    // The parser has accepted the value already; only a number beyond 64 bits can still fail here.
    toml::Value::deserialize(ValueDeserializer::from(item.clone()))
        .unwrap_or_else(|_| toml::Value::String("a number that is too large".into()))
}

fn unknown(path: &str, origin: Origin, problems: &mut Problems) {
    let remedy = match suggestion(path) {
        Some(known) => format!("did you mean {known}?"),
        None => "remove it; docs/configuration.md lists every key".to_owned(),
    };
    problems.add(path, origin, "is not a known key", remedy);
}

/// The text that spans point into.
struct Source<'a> {
    name: &'a str,
    content: &'a str,
}

impl Source<'_> {
    fn at(&self, offset: usize) -> Origin {
        let before = self.content.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        Origin::File { path: self.name.to_owned(), line }
    }
}
