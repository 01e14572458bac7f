use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Cidr, Issuer};

/// `[server]`: where the provider is reached, and how it treats connections.
#[derive(Clone, Debug)]
pub struct Server {
    /// The provider's name and origin.
    pub issuer: Issuer,
    /// Where citizens and relying parties are served.
    pub listen: SocketAddr,
    /// Where health and metrics are served; never to the public.
    pub operations_listen: SocketAddr,
    /// Threads that serve requests; 0 is one per core.
    pub workers: usize,
    /// Proxies whose word on the client's address is taken.
    pub trusted_proxies: Vec<Cidr>,
    /// TLS on `listen`; `None` when a proxy ends it.
    pub tls: Option<Tls>,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Time for a client to send its request's head, in seconds.
    pub request_timeout_seconds: u32,
    /// Time given to running requests at shutdown, in seconds.
    pub drain_seconds: u32,
}

/// `[server.tls]`: what the provider shows when it speaks TLS itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// PEM files.
    Files {
        /// The certificate chain, leaf first.
        certificate: PathBuf,
        /// The leaf's private key.
        private_key: PathBuf,
    },
    /// A certificate made at start for the issuer's host; sandbox only.
    SelfSigned,
}
