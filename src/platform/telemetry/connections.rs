//! Open connections, counted by client IP: one client must not hold those of all others.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown};
use std::sync::{Arc, Mutex, PoisonError};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use prometheus_client::metrics::counter::Counter;
use socket2::SockRef;

use super::Metrics;
use super::proxy::{ClientAddress, is_trusted};
use crate::platform::config::Cidr;

/// Bounds the open connections of one client IP, or of one /64. Cheap to clone.
///
/// Connections of trusted proxies are not counted: they carry those of everybody, and only the proxy can bound these.
#[derive(Clone)]
pub struct Connections {
    trusted: Arc<[Cidr]>,
    most: u32,
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
    refused: Counter,
}

/// A counted connection; no longer counted once it is dropped with it.
struct Counted {
    network: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl Connections {
    /// At most `most` connections of one client IP.
    pub fn new(trusted: &[Cidr], most: u32, metrics: &Metrics) -> Self {
        let refused = metrics.limits("connections");
        Self { trusted: trusted.into(), most, open: Arc::default(), refused }
    }

    /// Counts a new connection while it is open, in its `extensions`; or closes it, if its client has too many. What is
    /// answered is sent at once: on a TLS connection the first answer would otherwise wait until the client has
    /// acknowledged the end of the handshake, some 40 ms.
    pub fn admit(&self, connection: &dyn Any, extensions: &mut Extensions) {
        let Some(socket) = socket(connection) else { return };
        // It fails only where the connection has ended already.
        let _ = socket.set_nodelay(true);
        let Ok(peer) = socket.peer_addr() else { return };
        if is_trusted(peer.ip(), &self.trusted) {
            return;
        }
        match self.count(ClientAddress::from(peer.ip()).network()) {
            Some(counted) => drop(extensions.insert(counted)),
            None => {
                self.refused.inc();
                // The server finds the connection ended before it has read anything.
                let _ = SockRef::from(socket).shutdown(Shutdown::Both);
            }
        }
    }

    fn count(&self, network: IpAddr) -> Option<Counted> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Counted { network, open: Arc::clone(&self.open) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

/// The socket of a connection, with or without TLS.
fn socket(connection: &dyn Any) -> Option<&TcpStream> {
    let plain = connection.downcast_ref::<TcpStream>();
    plain.or_else(|| connection.downcast_ref::<TlsStream<TcpStream>>().map(|tls| tls.get_ref().0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn answers_are_sent_at_once_whoever_asks() {
        let listener = actix_web::rt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for trusted in [vec![], vec!["127.0.0.0/8".parse().unwrap()]] {
            let connections = Connections::new(&trusted, 1, &Metrics::new());
            let _theirs = TcpStream::connect(address).await.unwrap();
            let (ours, _) = listener.accept().await.unwrap();
            connections.admit(&ours, &mut Extensions::new());
            assert!(ours.nodelay().unwrap());
        }
    }

    #[test]
    fn a_closed_connection_makes_room_for_another_and_nothing_is_kept() {
        let connections = Connections::new(&[], 2, &Metrics::new());
        let address = |text: &str| ClientAddress::from(text.parse::<IpAddr>().unwrap()).network();
        let one = connections.count(address("2001:db8::1")).unwrap();
        let two = connections.count(address("2001:db8::2")).unwrap();
        assert!(connections.count(address("2001:db8::3")).is_none(), "a /64 is one client");
        let other = connections.count(address("203.0.113.9"));
        assert!(other.is_some());
        drop(one);
        let three = connections.count(address("2001:db8::3"));
        assert!(three.is_some());
        drop((other, three, two));
        assert!(connections.open.lock().unwrap().is_empty());
    }
}
