//! Background work: sending messages, following what other nodes and commands changed, clearing up.

use std::sync::Arc;
use std::time::Duration;

use super::App;
use crate::notices::Outbox;
use crate::pages::Pages;
use crate::platform::telemetry::Metrics;

/// How often other nodes' changes are looked for: they are effective here within a second.
const FOLLOW: Duration = Duration::from_millis(400);

/// Rows removed in one statement.
const SWEEP: i64 = 2000;

/// Begins all of it.
pub(super) fn begin(app: &App) {
    tokio::spawn(app.outbox.clone().run());
    let (pages, db) = (app.pages.clone(), app.db.clone());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FOLLOW).await;
            if db.probe().await.is_ok() {
                follow(&pages).await;
            }
        }
    });
    let (pages, ephemeral, outbox) = (app.pages.clone(), app.ephemeral.clone(), app.outbox.clone());
    let (metrics, keys) = (Arc::clone(&app.metrics), app.settings.keys.clone());
    tokio::spawn(async move {
        let mut seconds: u64 = 0;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            seconds += 1;
            ephemeral.purge();
            if seconds.is_multiple_of(5) {
                log_failure("limits.unread", pages.sign_in.limits.refresh().await);
                log_failure("outbox.unmeasured", outbox.measure().await);
            }
            if seconds.is_multiple_of(10) {
                clear_up(&pages, &outbox, &metrics).await;
            }
            if seconds % 3600 == 1 {
                let rotated = pages.oidc.keys.rotate_old(keys.rsa_bits, keys.rotation_days.into()).await;
                log_failure("keys.unrotated", rotated);
            }
        }
    });
}

/// Takes over what other nodes and commands changed.
async fn follow(pages: &Pages) {
    log_failure("clients.stale", pages.oidc.clients.refresh().await);
    log_failure("keys.stale", pages.oidc.keys.refresh().await);
    log_failure("revocations.stale", pages.oidc.revoked.refresh().await);
}

/// Removes what has expired, as many sweeps as there is work for, and says how far behind it is.
async fn clear_up(pages: &Pages, outbox: &Outbox, metrics: &Metrics) {
    for _ in 0..50 {
        match pages.oidc.grants.purge(SWEEP).await {
            Ok(gone) if gone >= SWEEP.unsigned_abs() => {}
            other => {
                log_failure("grants.unpurged", other.map(|_| ()));
                break;
            }
        }
    }
    for _ in 0..50 {
        match outbox.purge(SWEEP).await {
            Ok(gone) if gone >= SWEEP.unsigned_abs() => {}
            other => {
                log_failure("messages.unpurged", other.map(|_| ()));
                break;
            }
        }
    }
    match pages.oidc.grants.purge_lag().await {
        Ok(lag) => {
            metrics.purge_lag_seconds.set(lag);
        }
        Err(error) => log_failure::<()>("lag.unknown", Err(error)),
    }
}

/// Background work that fails is said once, and tried again the next time.
pub(super) fn log_failure<T>(event: &str, result: Result<T, impl std::fmt::Display>) {
    if let Err(error) = result {
        tracing::warn!(event, %error, "background work failed and will be tried again");
    }
}
