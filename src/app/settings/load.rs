use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{Environment, Settings, TABLE};
use crate::platform::config::{ConfigProblems, Loader, SettingsSection};

/// The demo's configuration, which commands also act on when no other is named.
const DEMO: &str = include_str!("../../../config/demo.toml");
const DEMO_NAME: &str = "config/demo.toml (built in)";

/// Reads the configuration from its three layers and checks it as a whole.
///
/// `env` is usually [`environment`](crate::platform::config::environment); only `YAGONA__…` variables of it are looked at.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigProblems> {
    from_file(file, env, false)
}

/// The same for the command that makes the keyring, which cannot demand that there be one.
///
/// # Errors
/// Everything else that is wrong, at once.
pub fn load_before_keyring(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigProblems> {
    from_file(file, env, true)
}

impl Settings {
    /// The demo's configuration, with its files under `base_dir`.
    pub fn demo(base_dir: &Path) -> Self {
        match Self::demo_with(base_dir, std::iter::empty()) {
            Ok(settings) => settings,
            // The file is part of this program, and a test loads it.
            Err(problems) => unreachable!("the built-in configuration is wrong: {problems}"),
        }
    }

    /// The demo's configuration with variables laid over it.
    ///
    /// # Errors
    /// Everything that is wrong with the variables, at once.
    pub fn demo_with(
        base_dir: &Path,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigProblems> {
        let mut settings = resolve(Some((DEMO_NAME, DEMO)), env, false)?;
        settings.move_to(base_dir);
        Ok(settings)
    }

    /// Puts relative paths under a folder.
    fn move_to(&mut self, base_dir: &Path) {
        let database = self.database.url.expose_secret();
        if let Some(path) = database.strip_prefix("sqlite:").filter(|path| !path.starts_with('/')) {
            let base = base_dir.join("").display().to_string();
            // What follows `sqlite:` is part of a URL, in which these three have a meaning.
            let base = base.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
            self.database.url = format!("sqlite:{base}{path}").into();
        }
        let place = |path: &mut PathBuf| *path = base_dir.join(&*path);
        place(&mut self.keys.keyring);
        self.sandbox.people.as_mut().into_iter().for_each(place);
    }
}

/// Reads a file if there is one and resolves it with the variables.
fn from_file(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
    keyring_may_be_missing: bool,
) -> Result<Settings, ConfigProblems> {
    let Some(path) = file else { return resolve(None, env, keyring_may_be_missing) };
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(content) => resolve(Some((&name, &content)), env, keyring_may_be_missing),
        Err(error) => Err(ConfigProblems::of_file(name, &error)),
    }
}

/// Resolves a file's name and content, if there is one, with the variables.
pub(super) fn resolve(
    file: Option<(&str, &str)>,
    env: impl Iterator<Item = (String, String)>,
    keyring_may_be_missing: bool,
) -> Result<Settings, ConfigProblems> {
    let mut loader = Loader::new(TABLE);
    if let Some((name, content)) = file {
        // Without the file's keys, every one of them would be reported as missing.
        loader.lay_file(name, content)?;
    }
    loader.lay_variables(env);
    let settings = Settings::read(&mut loader);
    // Of a misspelt environment nobody knows what it demands.
    loader.production = settings.environment == Environment::Production && !loader.concern("environment");
    settings.check(keyring_may_be_missing, &mut loader);
    if loader.production {
        loader.refuse_known_secrets(&demo_secrets());
    }
    loader.finish(settings)
}

/// The demo's secrets, which everybody can read in its configuration.
fn demo_secrets() -> Vec<SecretString> {
    let mut loader = Loader::new(TABLE);
    // The file is part of this program, and a test loads it.
    let _ = loader.lay_file(DEMO_NAME, DEMO);
    Settings::read(&mut loader);
    loader.into_secrets()
}
