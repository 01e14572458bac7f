//! `yagona serve`: runs the provider until SIGTERM, SIGINT or SIGHUP.

use std::net::{SocketAddr, TcpListener};

use crate::app::settings::Settings;
use crate::app::{App, StartError, Stores, cannot_start};
use crate::platform::telemetry;

/// Runs the provider with these settings.
pub(super) async fn run(settings: Settings) -> Result<(), StartError> {
    // Until it is dropped: what waits is written however this ends.
    let _log = telemetry::start_log(&settings.log).map_err(cannot_start)?;
    let (listen, operations_listen) = (settings.server.listen, settings.server.operations_listen);
    let listener = bind(listen, "server.listen")?;
    let operations_listener = bind(operations_listen, "server.operations_listen")?;
    let issuer = settings.server.issuer.as_str().to_owned();
    let app = App::build(Stores::open_unverified(settings).await?).await?;
    let server = app.server(vec![listener]).map_err(cannot_start)?;
    let operations = app.operations(operations_listener).map_err(cannot_start)?;
    let (handle, operations_handle) = (server.handle(), operations.handle());
    actix_web::rt::spawn(server);
    actix_web::rt::spawn(operations);
    app.work();
    tracing::info!(event = "started", issuer, %listen, operations_listen = %operations_listen, "serving");
    let mut signals = Signals::new();
    let signal = signals.next().await;
    tracing::info!(event = "draining", signal, "shutting down: finishing running requests");
    let hurried = async {
        let signal = signals.next().await;
        tracing::info!(event = "draining", signal, "shutting down at once");
    };
    app.drain(&[handle], hurried).await;
    operations_handle.stop(false).await;
    tracing::info!(event = "stopped", "stopped");
    Ok(())
}

/// Binds a listener; the error names the setting to change.
pub(super) fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => StartError(format!(
            "{address} is in use by another program, perhaps another Yagona: stop it, or set {setting} to another port"
        )),
        _ => StartError(format!("cannot listen on {address} ({setting}): {error}")),
    })
}

/// The signals that end a process. Those that come while nobody waits are not lost.
pub(super) struct Signals {
    #[cfg(unix)]
    signals: Vec<(&'static str, tokio::signal::unix::Signal)>,
}

impl Signals {
    pub(super) fn new() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut kinds = vec![("SIGTERM", SignalKind::terminate()), ("SIGINT", SignalKind::interrupt())];
            // A terminal that goes away takes nothing down half-way; under `nohup` it takes nothing down at all.
            if !hangup_is_ignored() {
                kinds.push(("SIGHUP", SignalKind::hangup()));
            }
            let signals = kinds.into_iter().filter_map(|(name, kind)| Some((name, signal(kind).ok()?)));
            Self { signals: signals.collect() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Waits for the next one; returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        #[cfg(unix)]
        {
            let coming = self.signals.iter_mut().map(|(name, signal)| {
                Box::pin(async move {
                    if signal.recv().await.is_none() {
                        std::future::pending::<()>().await;
                    }
                    *name
                })
            });
            futures_util::future::select_all(coming).await.0
        }
        #[cfg(not(unix))]
        {
            if tokio::signal::ctrl_c().await.is_err() {
                // Without signals the process can only be killed.
                std::future::pending::<()>().await;
            }
            "SIGINT"
        }
    }
}

/// Whether whoever started this process had it ignore SIGHUP, as `nohup` does. Without `/proc` nobody is taken to have.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// By the bit of the first signal, which SIGHUP is.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::ignores_hangup;

    #[test]
    fn what_nohup_set_is_left_alone() {
        assert!(ignores_hangup("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup("SigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }
}
