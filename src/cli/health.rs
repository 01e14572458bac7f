//! `yagona health`: whether the node of a configuration is ready, for runtimes of containers without an HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::output::{Format, say};
use crate::app::StartError;
use crate::app::settings::Settings;

/// How long the node may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Asks the node on this machine.
pub(super) async fn run(settings: &Settings, format: Format) -> Result<(), StartError> {
    let address = here(settings.server.operations_listen);
    let answer = tokio::time::timeout(PATIENCE, ask(address)).await;
    let answer = answer.map_err(|_| StartError(format!("the node at {address} does not answer")))?;
    let answer =
        answer.map_err(|error| StartError(format!("the node at {address} cannot be asked: {error}")))?;
    let (ready, body) = read(&answer);
    let found = json!({ "ready": ready, "answer": serde_json::from_str::<Value>(body).unwrap_or_default() });
    format.print(&found, || {
        say!("{body}");
        Ok(())
    })?;
    if ready { Ok(()) } else { Err(StartError("the node is not ready".to_owned())) }
}

/// The address by which this machine reaches a listener.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Whether an HTTP answer says that the node is ready, and its body.
fn read(answer: &str) -> (bool, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    (head.split(' ').nth(1) == Some("200"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_this_machine() {
        let asked = |listen: &str| here(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8089"), "127.0.0.1:8089");
        assert_eq!(asked("[::]:8089"), "[::1]:8089");
        assert_eq!(asked("10.0.0.7:8089"), "10.0.0.7:8089");
    }

    #[test]
    fn only_200_is_ready() {
        assert_eq!(read("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}"), (true, "{}"));
        assert_eq!(read("HTTP/1.1 503 Service Unavailable\r\n\r\n{}"), (false, "{}"));
        assert!(!read("").0);
    }
}
