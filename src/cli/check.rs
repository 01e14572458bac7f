//! `yagona check`: whether the provider can run, part by part.

use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::app::{StartError, Stores};
use crate::platform::clock_check::{ClockCheck, Skew, Store};
use crate::platform::db;
use crate::platform::ephemeral::Ephemeral;

/// Checks every part, and reports all failures before it exits.
pub(super) async fn run(file: Option<&Path>) -> Result<(), StartError> {
    let settings = super::settings(file)?;
    println!("configuration   ok ({:?}, issuer {})", settings.environment, settings.server.issuer.as_str());
    let url = db::without_password(settings.database.url.expose_secret());
    let stores = Stores::open_unverified(settings).await?;
    println!("keyring         ok ({})", stores.settings.keys.keyring.display());
    let mut wrong = Vec::new();
    let mut report = |part: &str, found: Result<String, String>| match found {
        Ok(what) => println!("{part:<15} ok ({what})"),
        Err(why) => {
            println!("{part:<15} FAILED: {why}");
            wrong.push(part.to_owned());
        }
    };
    report("database", stores.db.probe().await.map(|()| url).map_err(|error| error.to_string()));
    report(
        "migrations",
        match db::pending_migrations(&stores.db).await {
            Ok(pending) if pending.is_empty() => Ok("none pending".to_owned()),
            Ok(pending) => Err(format!("{} pending: run `yagona migrate`", pending.join(", "))),
            Err(error) => Err(error.to_string()),
        },
    );
    report("keyring index", index(&stores).await);
    let ephemeral = stores.ephemeral().await;
    let clocks = clocks(&stores, ephemeral.as_ref().ok());
    report("database clock", agrees(clocks.compare(Store::Database).await));
    match ephemeral {
        Err(StartError(why)) => report("redis", Err(why)),
        Ok(ephemeral) if !ephemeral.is_shared() => {
            report("redis", Ok("not configured: short-lived state is in-process".to_owned()));
        }
        Ok(ephemeral) => {
            report(
                "redis",
                ephemeral.probe().await.map(|()| "answers".to_owned()).map_err(|error| error.to_string()),
            );
            report("redis clock", agrees(clocks.compare(Store::Redis).await));
        }
    }
    report("signing keys", signing_keys(&stores).await);
    report("clients", clients(&stores).await);
    stores.db.close().await;
    if wrong.is_empty() { Ok(()) } else { Err(StartError(format!("check failed: {}", wrong.join(", ")))) }
}

/// Whether people are found by this keyring.
async fn index(stores: &Stores) -> Result<String, String> {
    if db::pending_migrations(&stores.db).await.map_or(true, |pending| !pending.is_empty()) {
        return Ok("recorded by `yagona migrate`".to_owned());
    }
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
    if db::pending_migrations(&stores.db).await.map_or(true, |pending| !pending.is_empty()) {
        return Ok("created at the first start".to_owned());
    }
    let keys = stores.keys().await.map_err(|StartError(why)| why)?;
    if !keys.created().is_empty() {
        stores.audit.end_command("check", true).await.map_err(|error| error.to_string())?;
    }
    let now = stores.clock.now();
    let signing: Vec<String> = keys
        .current()
        .list(now)
        .into_iter()
        .filter(|key| key.signing)
        .map(|key| key.alg.name().to_owned())
        .collect();
    Ok(format!("signing with {}", signing.join(", ")))
}

async fn clients(stores: &Stores) -> Result<String, String> {
    if db::pending_migrations(&stores.db).await.map_or(true, |pending| !pending.is_empty()) {
        return Ok("none yet".to_owned());
    }
    let registry = stores.clients().await.map_err(|StartError(why)| why)?;
    let refused = registry.refused().await.map_err(|error| error.to_string())?;
    if refused.is_empty() {
        Ok(format!("{} registered", registry.all().len()))
    } else {
        Err(format!("not served: {}", refused.join("; ")))
    }
}
