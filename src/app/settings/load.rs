use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{Environment, Settings, TABLE};
use crate::platform::config::{ConfigProblems, Loader, SettingsSection};
use crate::platform::files::read_text;

/// The demo's configuration, which is also the default of commands without `--config`.
const DEMO: &str = include_str!("../../../config/demo.toml");
/// The longest configuration file.
const MOST_BYTES: u64 = 1024 * 1024;

const DEMO_NAME: &str = "config/demo.toml (built in)";

/// Reads the configuration from its three layers and checks it as a whole.
///
/// `env` is usually [`environment`](crate::platform::config::environment); only its `YAGONA__…` variables are used.
///
/// # Errors
/// All problems, at once.
pub fn load(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigProblems> {
    from_file(file, env, false)
}

/// The same for `keys init`, which creates the keyring and so must accept that it is missing.
///
/// # Errors
/// All other problems, at once.
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
            Err(problems) => unreachable!("the built-in configuration is invalid: {problems}"),
        }
    }

    /// The demo's configuration, overridden by environment variables.
    ///
    /// # Errors
    /// All problems of the variables, at once.
    pub fn demo_with(
        base_dir: &Path,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigProblems> {
        let mut settings = resolve(Some((DEMO_NAME, DEMO)), env, false)?;
        settings.move_to(base_dir);
        Ok(settings)
    }

    /// Resolves relative paths against a folder.
    fn move_to(&mut self, base_dir: &Path) {
        let database = self.database.url.expose_secret();
        if let Some(path) = database.strip_prefix("sqlite:").filter(|path| !path.starts_with('/')) {
            let base = base_dir.join("").display().to_string();
            // What follows `sqlite:` is part of a URL, in which these three are reserved.
            let base = base.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
            self.database.url = format!("sqlite:{base}{path}").into();
        }
        let place = |path: &mut PathBuf| *path = base_dir.join(&*path);
        place(&mut self.keys.keyring);
        self.sandbox.people.as_mut().into_iter().for_each(place);
    }
}

fn from_file(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
    keyring_may_be_missing: bool,
) -> Result<Settings, ConfigProblems> {
    let Some(path) = file else { return resolve(None, env, keyring_may_be_missing) };
    let name = path.display().to_string();
    match read_text(path, MOST_BYTES) {
        Ok(content) => resolve(Some((&name, &content)), env, keyring_may_be_missing),
        Err(error) => Err(ConfigProblems::of_file(name, &error)),
    }
}

/// Resolves the layers; `file` is its name and content.
pub(super) fn resolve(
    file: Option<(&str, &str)>,
    env: impl Iterator<Item = (String, String)>,
    keyring_may_be_missing: bool,
) -> Result<Settings, ConfigProblems> {
    let mut loader = Loader::new(TABLE);
    if let Some((name, content)) = file {
        // An unreadable file is the only problem reported: without it every required key would be missing.
        loader.lay_file(name, content)?;
    }
    loader.lay_variables(env);
    let settings = Settings::read(&mut loader);
    // A misspelt environment implies neither set of rules.
    loader.production = settings.environment == Environment::Production && !loader.concern("environment");
    settings.check(keyring_may_be_missing, &mut loader);
    if loader.production {
        loader.refuse_known_secrets(&demo_secrets());
    }
    loader.finish(settings)
}

/// The demo's secrets, which are public.
fn demo_secrets() -> Vec<SecretString> {
    let mut loader = Loader::new(TABLE);
    // The file is part of this program, and a test loads it.
    let _ = loader.lay_file(DEMO_NAME, DEMO);
    Settings::read(&mut loader);
    loader.into_secrets()
}
