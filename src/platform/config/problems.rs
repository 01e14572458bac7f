use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingSource {
    /// The configuration file.
    File {
        /// The file's path as it was given.
        path: String,
        /// The line, counted from 1; 0 when the file as a whole is meant.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// Not set.
    Default,
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: 0 } => f.write_str(path),
            Self::File { path, line } => write!(f, "{path}, line {line}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Default => f.write_str("not set"),
        }
    }
}

/// One problem of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key's path, such as `server.issuer`; empty when the file as a whole is meant.
    pub key: String,
    /// What is wrong; continues a sentence that begins with the key. Never shows a secret.
    pub wrong: String,
    /// The remedy.
    pub remedy: String,
    /// Where the value came from.
    pub source: SettingSource,
}

/// All problems of a configuration; `Display` is the list for the operator.
#[derive(Clone, Debug, Default)]
pub struct ConfigProblems(Vec<ConfigProblem>);

impl ConfigProblems {
    /// The one problem of a file that cannot be read.
    pub(crate) fn of_file(path: String, error: &std::io::Error) -> Self {
        let (wrong, remedy) =
            (format!("cannot be read: {error}"), "name an existing file after -c".to_owned());
        Self(vec![ConfigProblem {
            key: String::new(),
            wrong,
            remedy,
            source: SettingSource::File { path, line: 0 },
        }])
    }

    /// The problems, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigProblem> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, problem: ConfigProblem) {
        self.0.push(problem);
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "the configuration has one problem; nothing was done")?,
            count => writeln!(f, "the configuration has {count} problems; nothing was done")?,
        }
        for ConfigProblem { key, wrong, remedy, source } in &self.0 {
            match key.as_str() {
                "" => writeln!(f, "\n  {source}")?,
                key => writeln!(f, "\n  {key}  ({source})")?,
            }
            writeln!(f, "    {wrong}\n    -> {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}
