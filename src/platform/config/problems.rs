use std::collections::BTreeMap;
use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File {
        /// The file's path as it was given.
        path: String,
        /// The line, counted from 1; 0 when the file as a whole is meant.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: 0 } => f.write_str(path),
            Self::File { path, line } => write!(f, "{path}, line {line}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Default => f.write_str("not set"),
        }
    }
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key's path, such as `server.issuer`; empty when the file as a whole is meant.
    pub key: String,
    /// What is wrong; continues a sentence that begins with the key. Never shows a secret.
    pub wrong: String,
    /// What to do about it.
    pub remedy: String,
    /// Where the value came from.
    pub origin: Origin,
}

/// Everything that is wrong with a configuration; `Display` is the list that an operator reads.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    origins: BTreeMap<String, Origin>,
}

impl Problems {
    /// The problems, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether `key` is already known to be wrong: what else is said of it would be said of a guess.
    pub(super) fn concern(&self, key: &str) -> bool {
        self.list.iter().any(|problem| problem.key == key)
    }

    /// Remembers where a key's value comes from, for reports about it.
    pub(super) fn remember(&mut self, key: &str, origin: Origin) {
        self.origins.insert(key.to_owned(), origin);
    }

    /// Reports what a key's own value shows; once per key, since the first report is the cause of others.
    pub(super) fn report(&mut self, key: &str, wrong: impl Into<String>, remedy: impl Into<String>) {
        if self.concern(key) {
            return;
        }
        let origin = self.origins.get(key).cloned().unwrap_or(Origin::Default);
        self.add(key, origin, wrong, remedy);
    }

    /// Reports something at a place that no key stands for.
    pub(super) fn add(
        &mut self,
        key: &str,
        origin: Origin,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (wrong, remedy) = (wrong.into(), remedy.into());
        self.list.push(Problem { key: key.to_owned(), wrong, remedy, origin });
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.list.len() {
            1 => writeln!(f, "the configuration has one problem; nothing was started")?,
            count => writeln!(f, "the configuration has {count} problems; nothing was started")?,
        }
        for Problem { key, wrong, remedy, origin } in &self.list {
            match key.as_str() {
                "" => writeln!(f, "\n  {origin}")?,
                key => writeln!(f, "\n  {key}  ({origin})")?,
            }
            writeln!(f, "    {wrong}\n    -> {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
