use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::suggest::suggestion;
use super::{ConfigProblems, Loader, Raw, SettingKey, SettingSource, ValueKind};

/// The prefix of variables that are settings.
const PREFIX: &str = "YAGONA__";

/// The environment variables of this process that are settings.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        Some((name, value.to_string_lossy().into_owned()))
    })
}

/// The name of the variable that sets a key.
pub(crate) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}

/// Layers: later ones override earlier ones.
impl Loader {
    /// Applies a file's content.
    ///
    /// # Errors
    /// Every syntax error; then nothing was applied.
    pub(crate) fn lay_file(&mut self, name: &str, content: &str) -> Result<(), ConfigProblems> {
        let (table, errors) = DeTable::parse_recoverable(content);
        let file = FileText { name, content };
        for error in &errors {
            let source = file.source(error.span().map_or(0, |span| span.start));
            let wrong = format!("is not TOML: {}", error.message().replace('\n', "; "));
            self.add("", source, wrong, "correct the line; https://toml.io shows the syntax");
        }
        if !errors.is_empty() {
            return Err(std::mem::take(&mut self.problems));
        }
        self.lay_table("", table.get_ref(), &file);
        Ok(())
    }

    fn lay_table(&mut self, prefix: &str, table: &DeTable, file: &FileText) {
        for (name, item) in table {
            let path = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            let source = file.source(name.span().start);
            if let Some(key) = self.table.key(&path) {
                self.sources.insert(path, source);
                self.values.insert(key.path, plain(item));
            } else if !self.table.is_heading(&path) {
                self.unknown(&path, source);
            } else if let DeValue::Table(inner) = item.get_ref() {
                self.sources.insert(path.clone(), source);
                self.lay_table(&path, inner, file);
            } else {
                let remedy = format!("write its keys under a heading [{path}]");
                self.add(&path, source, "is a section, not a value", remedy);
            }
        }
    }

    /// Applies the variables that begin with `YAGONA__`; others are ignored.
    pub(crate) fn lay_variables(&mut self, env: impl Iterator<Item = (String, String)>) {
        let mut variables: Vec<_> = env.filter(|(name, _)| name.starts_with(PREFIX)).collect();
        variables.sort();
        for (name, content) in variables {
            let path = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            let source = SettingSource::Variable(name);
            if let Some((key, member)) = self.place(&path) {
                self.sources.insert(key.path.to_owned(), source);
                match member {
                    None => drop(self.values.insert(key.path, from_text(key.kind, content))),
                    Some(member) => self.lay_member(key, member, content),
                }
            } else if self.table.is_heading(&path) {
                let key = self.table.all_keys().find(|key| key.path.starts_with(&format!("{path}.")));
                let example = variable(key.map_or(&path, |key| key.path));
                let remedy = format!("set one of its keys, such as {example}");
                self.add(&path, source, "is a section, not a value", remedy);
            } else {
                self.unknown(&path, source);
            }
        }
    }

    /// The key of a variable's path, and the member of its table if the path continues.
    fn place<'p>(&self, path: &'p str) -> Option<(&'static SettingKey, Option<&'p str>)> {
        if let Some(key) = self.table.key(path) {
            return Some((key, None));
        }
        let (parent, member) = path.rsplit_once('.')?;
        let key = self.table.key(parent)?;
        let fits = matches!((key.kind, member), (ValueKind::Secret, "file") | (ValueKind::Table(..), _));
        fits.then_some((key, Some(member)))
    }

    /// One member of a value that is a table: a secret's `file`, one entry of a map.
    fn lay_member(&mut self, key: &'static SettingKey, member: &str, content: String) {
        let slot = self.values.entry(key.path).or_insert_with(|| Raw::Table(toml::Table::new()));
        if matches!(key.kind, ValueKind::Secret) || !slot.is_table() {
            *slot = Raw::Table(toml::Table::new());
        }
        if let Some(table) = slot.as_table_mut() {
            table.insert(member.to_owned(), Raw::String(content));
        }
    }

    fn unknown(&mut self, path: &str, source: SettingSource) {
        let remedy = match suggestion(self.table, path) {
            Some(known) => format!("did you mean {known}?"),
            None => "remove it; docs/configuration.md lists every key".to_owned(),
        };
        self.add(path, source, "is not a known key", remedy);
    }
}

/// Parses a variable's text as a TOML value. What does not parse stays text, and is reported as such.
fn from_text(kind: ValueKind, content: String) -> Raw {
    let number = |text: &str| text.parse().map_or_else(|_| text.into(), Raw::Integer);
    let trimmed = content.trim();
    let literal = || {
        let table = format!("value = {trimmed}").parse::<toml::Table>();
        table.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| content.as_str().into())
    };
    let list = |item: &dyn Fn(&str) -> Raw| {
        Raw::Array(trimmed.split(',').map(str::trim).filter(|item| !item.is_empty()).map(item).collect())
    };
    match kind {
        ValueKind::Integer { .. } | ValueKind::OneOf(..) => number(trimmed),
        ValueKind::Flag => trimmed.parse().map_or_else(|_| content.as_str().into(), Raw::Boolean),
        ValueKind::Table(_) => literal(),
        ValueKind::Integers { .. } | ValueKind::List(_) if trimmed.starts_with('[') => literal(),
        ValueKind::Integers { .. } => list(&number),
        ValueKind::List(_) => list(&|item| item.into()),
        ValueKind::Text(_) | ValueKind::Secret => content.into(),
    }
}

fn plain(item: &Spanned<DeValue>) -> Raw {
    // The parser has accepted the value; only a number beyond 64 bits can still fail here.
    Raw::deserialize(ValueDeserializer::from(item.clone()))
        .unwrap_or_else(|_| Raw::String("a number that is too large".into()))
}

/// The text that spans point into.
struct FileText<'a> {
    name: &'a str,
    content: &'a str,
}

impl FileText<'_> {
    fn source(&self, offset: usize) -> SettingSource {
        let before = self.content.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        SettingSource::File { path: self.name.to_owned(), line }
    }
}
