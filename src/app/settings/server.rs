use std::net::SocketAddr;
use std::path::PathBuf;

use super::Issuer;
use crate::platform::config::{Cidr, Loader, settings, shared};
use crate::platform::telemetry::ForwardedHeader;

settings! {
    /// Where the provider is reached, and how it treats connections.
    [server]
    pub struct ServerSettings {
        /// The provider's name in every token and the origin that browsers see; without a trailing slash. It cannot be
        /// changed later: relying parties and their users' identifiers hang on it.
        issuer: Issuer;
        /// Where citizens and relying parties are served.
        listen: SocketAddr = "127.0.0.1:8080";
        /// Where `/health/live`, `/health/ready` and `/metrics` are served; keep it from the public.
        operations_listen: SocketAddr = "127.0.0.1:8089";
        /// Threads that serve requests; 0 is one per core.
        workers: u32 = 0, count(0..=1024, "threads");
        /// Proxies whose word on the client's address is believed. That address is the right-most one that is not
        /// theirs.
        trusted_proxies: Vec<Cidr> = [];
        /// The header in which those proxies tell it. Only the one that they write themselves can be believed.
        forwarded_header: ForwardedHeader = "x-forwarded-for";
        /// Largest request body that is read.
        max_body_bytes: u32 = 65536, count(1024..=10_485_760, "bytes");
        /// Time for a client to send its request's head.
        request_timeout_seconds: u32 = 10, count(1..=300, "seconds");
        /// Time given to running requests after SIGTERM.
        drain_seconds: u32 = 20, count(0..=600, "seconds");
        [tls]: Option<TlsSettings>;
    }
}

settings! {
    /// TLS on `server.listen`. Leave the section out when a trusted proxy ends TLS.
    [server.tls]
    pub struct TlsSettings {
        /// The certificate chain in PEM, leaf first.
        certificate: Option<PathBuf>;
        /// The leaf's private key in PEM.
        private_key: Option<PathBuf>;
        /// Make a certificate for the issuer's host at start instead; sandbox only.
        self_signed: bool = false;
    }
}

impl ServerSettings {
    pub(super) fn check(&self, loader: &mut Loader) {
        self.check_issuer(loader);
        if self.trusted_proxies.iter().any(|block| block.prefix() == 0) {
            let wrong = "trusts the whole internet to tell who the client is";
            loader.report("server.trusted_proxies", wrong, "list the addresses of your proxies only");
        }
        let (public, operations) = (self.listen, self.operations_listen);
        let same_host = public.ip() == operations.ip()
            || public.ip().is_unspecified()
            || operations.ip().is_unspecified();
        if public.port() != 0 && public.port() == operations.port() && same_host {
            let wrong = format!("is {operations}, which server.listen ({public}) covers");
            loader.report("server.operations_listen", wrong, "choose another port");
        }
        if let Some(tls) = &self.tls {
            tls.check(loader);
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
            let wrong =
                format!("is {issuer}: over plain http, codes, sessions and data can be read on the way");
            loader.report(key, wrong, "use an https:// origin; http is for loopback in the sandbox");
        }
        if !issuer.is_https() && self.tls.is_some() {
            let wrong = format!("is {issuer}, yet [server.tls] is set");
            loader.report(key, wrong, "use an https:// origin, or remove [server.tls]");
        }
        let proxies = "server.trusted_proxies";
        let tls_somewhere = self.tls.is_some() || !self.trusted_proxies.is_empty() || loader.concern(proxies);
        if (loader.production || issuer.is_https()) && !tls_somewhere {
            let wrong = "is not set, and server.trusted_proxies is empty: nothing ends TLS";
            let remedy = "set certificate and private_key in [server.tls], or server.trusted_proxies to the proxy that ends TLS";
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
                    loader.report(own, wrong, "give certificate and private_key");
                }
                if chain.is_some() || key.is_some() {
                    loader.report(own, "is true, yet files are given", "keep one of the two");
                }
            }
            (Some(chain), Some(key)) => {
                loader.readable(certificate, chain);
                loader.readable(private_key, key);
                if loader.production && shared(key, 0o007) {
                    let wrong = format!("names {}, which everybody on this machine can open", key.display());
                    loader.report(private_key, wrong, "chmod o= that file");
                }
            }
            (chain, key) => {
                let missing = match (chain, key) {
                    (Some(_), None) => private_key,
                    (None, Some(_)) => certificate,
                    _ => "server.tls",
                };
                loader.report(missing, "is missing", "give both certificate and private_key, in PEM files");
            }
        }
    }
}
