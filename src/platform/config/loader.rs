use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::layers::variable;
use super::problems::{ConfigProblem, ConfigProblems, SettingSource};
use super::{Fallback, Raw, Section, SettingKey, SettingValue};

/// Collects the layers, gives each section its values, and collects all problems.
pub(crate) struct Loader {
    /// All sections.
    pub(super) table: &'static Section,
    /// The values by key, not validated yet.
    pub(super) values: BTreeMap<&'static str, Raw>,
    /// The sources of keys and section headings.
    pub(super) sources: BTreeMap<String, SettingSource>,
    /// All secrets, with their keys.
    secrets: Vec<(&'static str, SecretString)>,
    pub(super) problems: ConfigProblems,
    /// Whether insecure settings are rejected.
    pub production: bool,
}

/// Common passwords.
const COMMON_SECRETS: &str = "password passw0rd secret changeme change-me change_me admin postgres yagona \
                              123456 12345678 qwerty test demo sandbox example";

impl Loader {
    /// Nothing is set yet.
    pub(crate) fn new(table: &'static Section) -> Self {
        let (values, sources) = (BTreeMap::new(), BTreeMap::new());
        Self {
            table,
            values,
            sources,
            secrets: Vec::new(),
            problems: ConfigProblems::default(),
            production: false,
        }
    }

    /// The key's value or its default; after a problem was reported, a placeholder.
    pub(crate) fn take<T: SettingValue>(&mut self, key: &'static SettingKey) -> T {
        let value = match (self.values.get(key.path), key.fallback) {
            (Some(raw), _) => T::read(raw, key.kind).unwrap_or_else(|wrong| {
                let remedy = wrong.remedy.map_or_else(|| format!("use {}", key.kind.name()), str::to_owned);
                self.report(key.path, wrong.wrong, remedy);
                T::placeholder()
            }),
            (None, Fallback::Value(literal)) => default(key, literal),
            (None, Fallback::Nothing(_)) => T::absent(),
            (None, Fallback::Required) => {
                let remedy = format!("set {}, here or in {}", key.kind.name(), variable(key.path));
                self.report(key.path, "is missing", remedy);
                T::placeholder()
            }
        };
        self.secrets.extend(value.secret().map(|secret| (key.path, secret.clone())));
        value
    }

    /// The keys of a section and its subsections that were set.
    pub(crate) fn set_under(&self, section: &str) -> impl Iterator<Item = &'static str> {
        let beneath = move |path: &&str| path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        self.values.keys().copied().filter(beneath)
    }

    /// Whether a section has a heading or any key in it was set.
    pub(crate) fn has_section(&self, section: &str) -> bool {
        self.sources.contains_key(section) || self.set_under(section).next().is_some()
    }

    /// Whether a problem of `key` was reported already, so that its value is a placeholder.
    pub(crate) fn concern(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| problem.key == key)
    }

    /// Reports a problem of a key or a section; once, since later ones follow from the first.
    pub(crate) fn report(&mut self, key: &str, wrong: impl Into<String>, remedy: impl Into<String>) {
        debug_assert!(self.table.key(key).is_some() || self.table.is_heading(key), "{key} is not declared");
        if !self.concern(key) {
            let source = self.sources.get(key).cloned().unwrap_or(SettingSource::Default);
            self.add(key, source, wrong, remedy);
        }
    }

    /// Reports a problem at a path that is not a key.
    pub(crate) fn add(
        &mut self,
        key: &str,
        source: SettingSource,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (wrong, remedy) = (wrong.into(), remedy.into());
        self.problems.push(ConfigProblem { key: key.to_owned(), wrong, remedy, source });
    }

    /// Checks that the first setting does not exceed the second.
    pub(crate) fn ordered(&mut self, small: (&str, u32), large: (&str, u32)) {
        if small.1 > large.1 && !self.concern(large.0) {
            let wrong = format!("is {}, more than {} ({})", small.1, large.0, large.1);
            self.report(small.0, wrong, "lower it or raise the other");
        }
    }

    /// Checks an upper bound, in production only.
    pub(crate) fn at_most(&mut self, setting: (&str, u32), cap: u32, consequence: &str) {
        if self.production && setting.1 > cap {
            let wrong = format!("is {}, above {cap}: {consequence}", setting.1);
            self.report(setting.0, wrong, format!("use at most {cap}"));
        }
    }

    /// Checks that a path is a file that this process can read.
    pub(crate) fn readable(&mut self, key: &str, path: &Path) {
        let shown = path.display();
        match File::open(path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => self.report(key, format!("names {shown}, which is not a file"), "name a file"),
            Err(error) => {
                let wrong = format!("names {shown}, which cannot be opened: {error}");
                self.report(key, wrong, "create the file, or correct the path or its permissions");
            }
        }
    }

    /// Reports well-known secrets: `published` ones and common passwords.
    pub(crate) fn refuse_known_secrets(&mut self, published: &[SecretString]) {
        let published = published.iter().map(SecretString::expose_secret);
        let known: BTreeSet<&str> = published.chain(COMMON_SECRETS.split(' ')).collect();
        for (key, secret) in std::mem::take(&mut self.secrets) {
            #[expect(
                clippy::case_sensitive_file_extension_comparisons,
                reason = "a setting's key, not a file"
            )]
            let url = Url::parse(secret.expose_secret()).ok().filter(|_| key.ends_with(".url"));
            let password = match &url {
                Some(url) => url.password().unwrap_or_default(),
                None => secret.expose_secret(),
            };
            let placeholder = password.starts_with('<') && password.ends_with('>');
            if placeholder || known.contains(password) || known.contains(&*password.to_ascii_lowercase()) {
                let wrong = "is a well-known secret: the demo's, or a common one";
                self.report(key, wrong, "generate one: openssl rand -hex 24");
            }
        }
    }

    /// Every secret that was read.
    pub(crate) fn into_secrets(self) -> Vec<SecretString> {
        self.secrets.into_iter().map(|(_, secret)| secret).collect()
    }

    /// The settings, unless problems were reported.
    pub(crate) fn finish<S>(self, settings: S) -> Result<S, ConfigProblems> {
        if self.problems.is_empty() { Ok(settings) } else { Err(self.problems) }
    }
}

/// The declared default; a test parses each of them, so that this cannot fail for an operator.
fn default<T: SettingValue>(key: &SettingKey, literal: &str) -> T {
    let table = format!("value = {literal}").parse::<toml::Table>().ok();
    let value = table.as_ref().and_then(|table| table.get("value"));
    let value = value.and_then(|raw| T::read(raw, key.kind).ok());
    value.unwrap_or_else(|| unreachable!("the default of {} is not {}", key.path, key.kind.name()))
}

/// Whether any of the permission bits in `mask` is set on an existing file. Always `false` on systems without
/// permission bits.
pub(crate) fn shared(path: &Path, mask: u32) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & mask != 0)
    }
    #[cfg(not(unix))]
    {
        false
    }
}
