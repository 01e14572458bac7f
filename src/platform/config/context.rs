use std::collections::BTreeSet;

use url::Url;

use super::layers::Layers;
use super::problems::Problems;
use super::values::Values;

/// What a section's checks need to know beyond the section itself.
pub(super) struct Context<'a> {
    pub production: bool,
    pub nodes: u32,
    /// The command at hand is the one that makes the keyring.
    pub keyring_may_be_missing: bool,
    pub layers: &'a Layers,
}

impl Context<'_> {
    /// Whether somebody set the key.
    pub fn given(&self, key: &str) -> bool {
        self.layers.value(key).is_some()
    }

    /// Whether somebody set anything in the section, or wrote its heading.
    pub fn section_given(&self, section: &str) -> bool {
        self.layers.has_section(section)
    }

    /// The keys that somebody set in the section.
    pub fn given_under(&self, section: &'static str) -> impl Iterator<Item = &'static str> {
        self.layers.set_under(section)
    }

    /// Two settings of which the first must not exceed the second.
    pub fn ordered(&self, small: (&str, u32), large: (&str, u32), problems: &mut Problems) {
        if small.1 <= large.1 || problems.concern(large.0) {
            return;
        }
        let wrong = format!("is {}, more than {} ({})", small.1, large.0, large.1);
        problems.report(small.0, wrong, "lower the one or raise the other");
    }

    /// A cap that holds in production only.
    pub fn at_most(&self, setting: (&str, u32), cap: u32, consequence: &str, problems: &mut Problems) {
        if self.production && setting.1 > cap {
            let wrong = format!("is {}, above {cap}: {consequence}", setting.1);
            problems.report(setting.0, wrong, format!("use at most {cap}"));
        }
    }
}

/// Secrets that everybody knows: those of the demo, and the first ones that anybody would try.
pub(super) fn refuse_known_secrets(values: &Values, demo: &Values, problems: &mut Problems) {
    let mut known: BTreeSet<&str> = demo.secrets().map(|(_, secret)| secret.expose()).collect();
    known.extend([
        "password",
        "passw0rd",
        "secret",
        "changeme",
        "change-me",
        "change_me",
        "admin",
        "postgres",
        "yagona",
        "123456",
        "12345678",
        "qwerty",
        "test",
        "demo",
        "sandbox",
        "example",
    ]);
    for (key, secret) in values.secrets() {
        let url = Url::parse(secret.expose()).ok().filter(|_| key.ends_with(".url"));
        let password = match &url {
            Some(url) => url.password().unwrap_or_default(),
            None => secret.expose(),
        };
        let placeholder = password.starts_with('<') && password.ends_with('>');
        if placeholder || known.contains(password) || known.contains(password.to_ascii_lowercase().as_str()) {
            let wrong = "is a secret that everybody knows: the demo's, or a common one";
            problems.report(key, wrong, "use one of your own: openssl rand -hex 24");
        }
    }
}
