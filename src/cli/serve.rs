//! `yagona serve`: runs the provider until SIGTERM or SIGINT.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

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
    let signal = ended().await;
    tracing::info!(event = "draining", signal, "shutting down: finishing running requests");
    app.drain(&[handle]).await;
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

/// Waits for SIGTERM or SIGINT; returns its name.
pub(super) async fn ended() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = tokio::signal::ctrl_c() => "SIGINT",
            };
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // Without signals the process can only be killed.
        loop {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
    }
    "SIGINT"
}
