use std::path::{Path, PathBuf};

use super::context::{Context, refuse_known_secrets};
use super::layers::{Layers, PREFIX};
use super::values::Values;
use super::{
    Database, Environment, Keys, Limits, Log, Origin, Outbound, Problems, Redis, Sandbox, Secret, Server,
    Settings, SignIn, Sms, Support, Tokens,
};

/// The demo's configuration, which commands also act on when no other is named.
const DEMO: &str = include_str!("../../../config/demo.toml");
const DEMO_NAME: &str = "config/demo.toml (built in)";

/// Reads the configuration from its three layers and checks it as a whole.
///
/// `env` is usually [`environment`]; only `YAGONA__…` variables of it are looked at.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Settings, Problems> {
    from_file(file, env, false)
}

/// The same for the command that makes the keyring, which cannot demand that there be one.
///
/// # Errors
/// Everything else that is wrong, at once.
pub fn load_before_keyring(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Settings, Problems> {
    from_file(file, env, true)
}

/// This process's variables that are settings.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        Some((name, value.to_string_lossy().into_owned()))
    })
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
    pub fn demo_with(base_dir: &Path, env: impl Iterator<Item = (String, String)>) -> Result<Self, Problems> {
        let mut settings = resolve(Some((DEMO_NAME, DEMO)), env, false)?;
        settings.move_to(base_dir);
        Ok(settings)
    }

    /// Puts relative paths under a folder.
    fn move_to(&mut self, base_dir: &Path) {
        let database = self.database.url.expose();
        if let Some(path) = database.strip_prefix("sqlite:").filter(|path| !path.starts_with('/')) {
            let base = base_dir.join("").display().to_string();
            // What follows `sqlite:` is part of a URL, in which these three have a meaning.
            let base = base.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
            self.database.url = Secret::new(format!("sqlite:{base}{path}"));
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
) -> Result<Settings, Problems> {
    let Some(path) = file else { return resolve(None, env, keyring_may_be_missing) };
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(content) => resolve(Some((&name, &content)), env, keyring_may_be_missing),
        Err(error) => {
            let mut problems = Problems::default();
            let wrong = format!("cannot be read: {error}");
            problems.add("", Origin::File { path: name, line: 0 }, wrong, "name an existing file after -c");
            Err(problems)
        }
    }
}

/// Resolves a file's name and content, if there is one, with the variables.
fn resolve(
    file: Option<(&str, &str)>,
    env: impl Iterator<Item = (String, String)>,
    keyring_may_be_missing: bool,
) -> Result<Settings, Problems> {
    let mut problems = Problems::default();
    let mut layers = Layers::default();
    if let Some((name, content)) = file
        && !layers.lay_file(name, content, &mut problems)
    {
        // Without the file's keys, every one of them would be reported as missing.
        return Err(problems);
    }
    layers.lay_variables(env, &mut problems);
    assemble(&layers, keyring_may_be_missing, problems)
}

fn assemble(
    layers: &Layers,
    keyring_may_be_missing: bool,
    mut problems: Problems,
) -> Result<Settings, Problems> {
    layers.remember_sections(&mut problems);
    let values = Values::resolve(layers, &mut problems);
    let settings = Settings::read(&values, &mut problems);
    // Of a misspelt environment nobody knows what it demands.
    let production = settings.environment == Environment::Production && !problems.concern("environment");
    let context = Context { production, nodes: settings.nodes, keyring_may_be_missing, layers };
    settings.validate(&context, &mut problems);
    if production {
        let mut demo = Layers::default();
        demo.lay_file(DEMO_NAME, DEMO, &mut Problems::default());
        let demo = Values::resolve(&demo, &mut Problems::default());
        refuse_known_secrets(&values, &demo, &mut problems);
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

impl Settings {
    fn read(values: &Values, problems: &mut Problems) -> Self {
        let sandbox = values.text("environment").is_some_and(|name| name == "sandbox");
        Self {
            environment: if sandbox { Environment::Sandbox } else { Environment::Production },
            nodes: values.number("nodes"),
            server: Server::read(values),
            database: Database::read(values),
            redis: Redis::read(values),
            keys: Keys::read(values),
            sms: Sms::read(values),
            sign_in: SignIn::read(values),
            limits: Limits::read(values),
            tokens: Tokens::read(values),
            sandbox: Sandbox::read(values),
            outbound: Outbound::read(values, problems),
            log: Log::read(values),
            support: Support::read(values),
        }
    }

    fn validate(&self, context: &Context, problems: &mut Problems) {
        self.server.validate(context, problems);
        self.database.validate(context, problems);
        self.redis.validate(context, problems);
        self.keys.validate(context, problems);
        self.sms.validate(context, problems);
        self.sign_in.validate(context, problems);
        self.limits.validate(context, problems);
        self.tokens.validate(context, problems);
        self.sandbox.validate(context, problems);
        self.outbound.validate(context, problems);
    }
}

#[cfg(test)]
mod tests;
