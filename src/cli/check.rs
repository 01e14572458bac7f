//! `yagona check`: whether the provider can run, part by part. It changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::output::{Format, say};
use crate::app::settings::{Environment, Settings};
use crate::app::{self, StartError, Stores};
use crate::clients::Registry;
use crate::notices::sms;
use crate::platform::clock_check::{ClockCheck, Skew, Store};
use crate::platform::db::{self, Db};
use crate::platform::ephemeral::{Ephemeral, inspect_redis};
use crate::platform::jose::KeySet;
use crate::platform::seal::{Keyring, KeyringError};
use crate::platform::telemetry::Metrics;

/// What was found of each part.
struct Report {
    format: Format,
    parts: Vec<Value>,
    failed: Vec<&'static str>,
}

impl Report {
    /// Prints what was found of a part, and remembers it if it failed.
    ///
    /// # Errors
    /// [`StartError`] when standard output cannot be written.
    fn add(&mut self, part: &'static str, found: Result<String, String>) -> Result<(), StartError> {
        match found {
            Ok(what) => self.print(part, "ok", &format!("ok ({what})")),
            Err(why) => {
                self.failed.push(part);
                self.print(part, "failed", &format!("FAILED: {why}"))
            }
        }
    }

    fn print(&mut self, part: &str, state: &str, said: &str) -> Result<(), StartError> {
        match self.format {
            Format::Text => say!("{part:<15} {said}"),
            Format::Json => self.parts.push(json!({ "part": part, "state": state, "said": said })),
        }
        Ok(())
    }

    /// Prints what was collected.
    ///
    /// # Errors
    /// [`StartError`] when a part failed.
    fn end(self) -> Result<(), StartError> {
        if self.format == Format::Json {
            let told = json!({ "ok": self.failed.is_empty(), "parts": self.parts });
            self.format.print(&told, || Ok(()))?;
        }
        match self.failed.as_slice() {
            [] => Ok(()),
            failed => Err(StartError(format!("check failed: {}", failed.join(", ")))),
        }
    }
}

/// Checks every part, whatever was found of those before, and fails at the end if one failed.
pub(super) async fn run(file: Option<&Path>, format: Format) -> Result<(), StartError> {
    let settings = super::settings(file)?;
    let mut report = Report { format, parts: Vec::new(), failed: Vec::new() };
    let what = format!("{:?}, issuer {}", settings.environment, settings.server.issuer.as_str());
    report.add("configuration", Ok(what))?;
    let metrics = Metrics::new();
    let keyring = keyring(&settings, &mut report)?;
    let db = database(&settings, &metrics, &mut report).await?;
    let mut is_migrated = false;
    if let Some(db) = &db {
        let pending = match db::pending_migrations(db).await {
            Ok(pending) if pending.is_empty() => Ok("none pending".to_owned()),
            Ok(pending) => Err(format!("{} pending: run `yagona migrate`", pending.join(", "))),
            Err(error) => Err(error.to_string()),
        };
        is_migrated = pending.is_ok();
        report.add("migrations", pending)?;
    }
    redis(&settings, &metrics, &mut report).await?;
    gateways(&settings, &mut report).await?;
    match (keyring, db) {
        (Some(keyring), Some(db)) if is_migrated => {
            let stores = Stores::of(settings, keyring, db, metrics);
            report.add("keyring index", index(&stores).await)?;
            let ephemeral = stores.ephemeral().await.ok();
            let clocks = clocks(&stores, ephemeral.as_ref());
            report.add("database clock", agrees(clocks.compare(Store::Database).await))?;
            if ephemeral.is_some_and(|ephemeral| ephemeral.is_shared()) {
                report.add("redis clock", agrees(clocks.compare(Store::Redis).await))?;
            }
            report.add("signing keys", signing_keys(&stores).await)?;
            let registry = stores.clients().await;
            let (contracts, clients) = match &registry {
                Ok(registry) => (contracts(registry), clients(registry).await),
                Err(StartError(why)) => (Err(why.clone()), Err(why.clone())),
            };
            report.add("contracts", contracts)?;
            report.add("clients", clients)?;
            stores.db.close().await;
        }
        (_, db) => {
            for part in ["signing keys", "contracts", "clients"] {
                report.print(part, "unknown", "not looked at")?;
            }
            if let Some(db) = db {
                db.close().await;
            }
        }
    }
    report.end()
}

/// Tries the gateways. Codes reach people as long as one of them accepts messages.
async fn gateways(settings: &Settings, report: &mut Report) -> Result<(), StartError> {
    let found = app::gateways(settings)?.try_access().await;
    let one_answers = found.iter().any(|(_, found)| found.is_ok());
    for (name, found) in found {
        match found {
            Err(why) if one_answers => report.print(gateway(name), "warning", &format!("WARNING: {why}"))?,
            found => report.add(gateway(name), found.map(str::to_owned))?,
        }
    }
    Ok(())
}

/// What the part is called that a gateway is.
fn gateway(name: &str) -> &'static str {
    match name {
        sms::eskiz::NAME => "sms eskiz",
        sms::playmobile::NAME => "sms playmobile",
        _ => "sms",
    }
}

/// The keyring, which is read and never made.
fn keyring(settings: &Settings, report: &mut Report) -> Result<Option<Keyring>, StartError> {
    let path = &settings.keys.keyring;
    match Keyring::read(path) {
        Ok(keyring) => {
            report.add("keyring", Ok(path.display().to_string()))?;
            return Ok(Some(keyring));
        }
        Err(KeyringError::Missing(_)) if settings.environment == Environment::Sandbox => {
            report.add("keyring", Ok(format!("{} is made at the first start", path.display())))?;
        }
        Err(error) => report.add("keyring", Err(error.to_string()))?,
    }
    Ok(None)
}

/// The database, which is opened and never made.
async fn database(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    report: &mut Report,
) -> Result<Option<Db>, StartError> {
    let url = settings.database.url.expose_secret();
    if let Some(path) = db::embedded_file(url)
        && !path.exists()
    {
        let missing = format!("there is no file {}: `yagona migrate` makes it", path.display());
        report.add("database", Err(missing))?;
        return Ok(None);
    }
    let patience = Duration::from_millis(settings.database.acquire_timeout_ms.into());
    match db::connect(url, 1, patience, Arc::clone(metrics)).await {
        Ok(db) => {
            let answer = db.probe().await.map(|()| db::without_password(url));
            report.add("database", answer.map_err(|error| error.to_string()))?;
            Ok(Some(db))
        }
        Err(error) => {
            report.add("database", Err(error.to_string()))?;
            Ok(None)
        }
    }
}

async fn redis(settings: &Settings, metrics: &Arc<Metrics>, report: &mut Report) -> Result<(), StartError> {
    let Some(url) = &settings.redis.url else {
        return report.add("redis", Ok("not configured: short-lived state is in-process".to_owned()));
    };
    let patience = Duration::from_millis(settings.redis.timeout_ms.into());
    let found = match inspect_redis(url.expose_secret(), patience, Arc::clone(metrics)).await {
        Ok(found) => found,
        Err(error) => return report.add("redis", Err(error.to_string())),
    };
    let answers = found.refuses_writes.map_or_else(|| Ok("answers".to_owned()), |why| Err(why.to_string()));
    report.add("redis", answers)?;
    let eviction = match found.eviction.as_deref() {
        Some("noeviction") => Ok("noeviction".to_owned()),
        Some(other) => Err(format!(
            "maxmemory-policy is {other}: a full Redis would remove sessions, and counts that bound guessing; set noeviction"
        )),
        None => Ok("the server does not say; it must be noeviction".to_owned()),
    };
    report.add("redis memory", eviction)?;
    let persistence = match found.persists {
        Some(false) => "nothing is kept over a restart",
        Some(true) => {
            "its data are written to disk: a restart that brings back an older state revives sessions that ended since; \
             better set save \"\" and appendonly no"
        }
        None => "the server does not say; it should keep nothing over a restart",
    };
    report.add("redis disk", Ok(persistence.to_owned()))
}

/// Whether people are found by this keyring.
async fn index(stores: &Stores) -> Result<String, String> {
    stores
        .verify_keyring()
        .await
        .map(|()| "is the one of this database".to_owned())
        .map_err(|StartError(why)| why)
}

fn clocks(stores: &Stores, ephemeral: Option<&Ephemeral>) -> ClockCheck {
    let in_process = || Ephemeral::in_process(stores.clock.clone(), &stores.keyring);
    let ephemeral = ephemeral.cloned().unwrap_or_else(in_process);
    let most = stores.settings.server.clock_skew_seconds.into();
    let time = (stores.clock.clone(), Arc::clone(&stores.metrics));
    ClockCheck::new(time, (stores.db.clone(), ephemeral), most, None)
}

fn agrees(compared: Result<Option<Skew>, String>) -> Result<String, String> {
    match compared? {
        None => Ok("agrees".to_owned()),
        Some(skew) => Err(skew.to_string()),
    }
}

async fn signing_keys(stores: &Stores) -> Result<String, String> {
    let now = stores.clock.now();
    let keys = KeySet::stored(&stores.db, &stores.keyring, now).await.map_err(|error| error.to_string())?;
    let signing: Vec<String> =
        keys.list(now).into_iter().filter(|key| key.signing).map(|key| key.alg.name().to_owned()).collect();
    if signing.is_empty() {
        return Ok("made at the first start".to_owned());
    }
    Ok(format!("signing with {}", signing.join(", ")))
}

fn contracts(registry: &Registry) -> Result<String, String> {
    match registry.contract_faults().as_slice() {
        [] => Ok(format!("{} recorded", registry.contracts().len())),
        faults => Err(format!("not in force: {}: importing it again mends it", faults.join("; "))),
    }
}

async fn clients(registry: &Registry) -> Result<String, String> {
    let refused = registry.refused().await.map_err(|error| error.to_string())?;
    if refused.is_empty() {
        Ok(format!("{} registered", registry.all().len()))
    } else {
        Err(format!("not served: {}", refused.join("; ")))
    }
}
