use std::net::SocketAddr;
use std::path::PathBuf;

use super::Issuer;
use crate::platform::certificates::MutualTlsSettings;
use crate::platform::config::{Cidr, Loader, settings, shared};
use crate::platform::outbound::is_private_address;
use crate::platform::telemetry::ForwardedHeader;

settings! {
    /// Addresses of the provider, and its connections.
    [server]
    pub struct ServerSettings {
        /// The issuer identifier in every token and the origin that browsers see; without a trailing slash. It cannot be
        /// changed later: relying parties store it with every `sub`.
        issuer: Issuer;
        /// Address for pages and OpenID Connect endpoints.
        listen: SocketAddr = "127.0.0.1:8080";
        /// Address for `/health/live`, `/health/ready` and `/metrics`; do not expose it to the public.
        operations_listen: SocketAddr = "127.0.0.1:8089";
        /// Accept an `operations_listen` address outside loopback and private networks. Metrics and health are not
        /// authenticated: set it only where a firewall keeps everybody else out.
        operations_exposed: bool = false;
        /// Threads that serve requests; 0 is one per core.
        workers: u32 = 0, count(0..=1024, "threads");
        /// Proxies that are trusted for the client IP. The client IP is the right-most address of the forwarded header
        /// that is not a trusted proxy.
        trusted_proxies: Vec<Cidr> = [];
        /// The header in which those proxies forward the client IP. Choose the one that they set themselves.
        forwarded_header: ForwardedHeader = "x-forwarded-for";
        /// Maximum number of open connections of a node; further ones wait until one is closed.
        max_connections: u32 = 20_000, count(16..=1_000_000, "connections");
        /// Maximum number of open connections of one client IP (IPv6: of one /64) without a trusted proxy in between;
        /// further ones are closed at once. Many people may share an address.
        connections_per_address: u32 = 1000, count(4..=1_000_000, "connections");
        /// Maximum size of a request body.
        max_body_bytes: u32 = 65536, count(1024..=10_485_760, "bytes");
        /// Timeout for a client to send its request headers.
        request_timeout_seconds: u32 = 10, count(1..=300, "seconds");
        /// Largest difference between the clocks of this machine and of PostgreSQL or Redis with which a node starts; beyond it
        /// a running node is not ready, and removes nothing.
        clock_skew_seconds: u32 = 5, count(1..=60, "seconds");
        /// Time from SIGTERM, when readiness turns 503, until no more connections are accepted: longer than a proxy
        /// needs to notice. A second signal ends it.
        drain_delay_seconds: Option<u32>, count(0..=300, "seconds"), otherwise("0 in the sandbox, 10 in production");
        /// Time for running requests to finish after that.
        drain_seconds: u32 = 20, count(0..=600, "seconds");
        [tls]: Option<TlsSettings>;
        [mtls]: Option<MutualTlsSettings>;
    }
}

settings! {
    /// TLS on `server.listen`. Omit the section if a trusted proxy terminates TLS.
    [server.tls]
    pub struct TlsSettings {
        /// The certificate chain in PEM, leaf first.
        certificate: Option<PathBuf>;
        /// The leaf's private key in PEM.
        private_key: Option<PathBuf>;
        /// Create a self-signed certificate for the issuer's host at start instead; sandbox only.
        self_signed: bool = false;
    }
}

impl ServerSettings {
    pub(super) fn check(&self, loader: &mut Loader) {
        self.check_issuer(loader);
        if Cidr::hold_too_much(&self.trusted_proxies) {
            let wrong =
                "trusts a part of the internet for the client IP: more than a /8 (IPv4) or a /16 (IPv6)";
            loader.report("server.trusted_proxies", wrong, "list only the addresses of your proxies");
        }
        let (public, operations) = (self.listen, self.operations_listen);
        let same_host = public.ip() == operations.ip()
            || public.ip().is_unspecified()
            || operations.ip().is_unspecified();
        if public.port() != 0 && public.port() == operations.port() && same_host {
            let wrong = format!("is {operations}, which server.listen ({public}) covers");
            loader.report("server.operations_listen", wrong, "choose another port");
        }
        if loader.production && !self.operations_exposed && !is_private_address(operations.ip()) {
            let wrong =
                format!("is {operations}, where everybody may read metrics and the state of the stores");
            let remedy = "use a loopback or private address, or set server.operations_exposed = true behind a firewall";
            loader.report("server.operations_listen", wrong, remedy);
        }
        if let Some(tls) = &self.tls {
            tls.check(loader);
        }
        if let Some(mtls) = &self.mtls {
            mtls.check(self.tls.is_some(), loader);
        }
    }

    fn check_issuer(&self, loader: &mut Loader) {
        let (key, issuer) = ("server.issuer", &self.issuer);
        if loader.concern(key) {
            return;
        }
        if loader.production && issuer.is_loopback() {
            let wrong = format!("is {issuer}, which only this machine can reach");
            loader.report(key, wrong, "use the public https:// origin of the provider");
        } else if !issuer.is_https() && !issuer.is_loopback() {
            let wrong = format!("is {issuer}: over plain http, codes, sessions and data can be intercepted");
            loader.report(key, wrong, "use an https:// origin; http is for loopback in the sandbox");
        }
        if !issuer.is_https() && self.tls.is_some() {
            let wrong = format!("is {issuer}, but [server.tls] is set");
            loader.report(key, wrong, "use an https:// origin, or remove [server.tls]");
        }
        let proxies = "server.trusted_proxies";
        let tls_somewhere = self.tls.is_some() || !self.trusted_proxies.is_empty() || loader.concern(proxies);
        if (loader.production || issuer.is_https()) && !tls_somewhere {
            let wrong = "is not set, and server.trusted_proxies is empty: nothing terminates TLS";
            let remedy = "set certificate and private_key in [server.tls], or server.trusted_proxies to the proxy that terminates TLS";
            loader.report("server.tls", wrong, remedy);
        }
    }
}

impl TlsSettings {
    fn check(&self, loader: &mut Loader) {
        let (certificate, private_key) = ("server.tls.certificate", "server.tls.private_key");
        match (&self.certificate, &self.private_key) {
            (chain, key) if self.self_signed => {
                let own = "server.tls.self_signed";
                if loader.production {
                    let wrong = "is true, but browsers cannot verify such a certificate";
                    loader.report(own, wrong, "set certificate and private_key");
                }
                if chain.is_some() || key.is_some() {
                    loader.report(own, "is true, but files are set", "keep one of the two");
                }
            }
            (Some(chain), Some(key)) => {
                loader.readable(certificate, chain);
                loader.readable(private_key, key);
                if loader.production && shared(key, 0o007) {
                    let wrong = format!("names {}, which every user of this machine can read", key.display());
                    loader.report(private_key, wrong, "chmod o= that file");
                }
            }
            (chain, key) => {
                let missing = match (chain, key) {
                    (Some(_), None) => private_key,
                    (None, Some(_)) => certificate,
                    _ => "server.tls",
                };
                loader.report(missing, "is missing", "set both certificate and private_key, in PEM files");
            }
        }
    }
}
