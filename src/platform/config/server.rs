use std::net::SocketAddr;
use std::path::PathBuf;

use super::files::{readable, shared};
use super::key::{Fallback, Key, Kind};
use super::{Cidr, Issuer};
use super::{Context, Problems, Values};

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
    /// The header in which those proxies tell it.
    pub forwarded_header: ForwardedHeader,
    /// TLS on `listen`; `None` when a proxy ends it.
    pub tls: Option<Tls>,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Time for a client to send its request's head, in seconds.
    pub request_timeout_seconds: u32,
    /// Time given to running requests at shutdown, in seconds.
    pub drain_seconds: u32,
}

/// How proxies tell whom they speak for. Only one header is read: a proxy that writes the one passes on the other
/// as it came, forged or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, what nearly every proxy writes.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
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

impl Server {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "server.issuer",
            Kind::Issuer,
            Fallback::Required,
            "The provider's name in every token and the origin that browsers see; without a trailing slash. It cannot be changed later: relying parties and their users' identifiers hang on it.",
        ),
        Key::new(
            "server.listen",
            Kind::Socket,
            Fallback::Value("\"127.0.0.1:8080\""),
            "Where citizens and relying parties are served.",
        ),
        Key::new(
            "server.operations_listen",
            Kind::Socket,
            Fallback::Value("\"127.0.0.1:8089\""),
            "Where `/health/live`, `/health/ready` and `/metrics` are served; keep it from the public.",
        ),
        Key::new(
            "server.workers",
            Kind::count(0, 1024, "threads"),
            Fallback::Value("0"),
            "Threads that serve requests; 0 is one per core.",
        ),
        Key::new(
            "server.trusted_proxies",
            Kind::Blocks,
            Fallback::Value("[]"),
            "Proxies whose word on the client's address is believed. That address is the right-most one that is not theirs.",
        ),
        Key::new(
            "server.forwarded_header",
            Kind::Choice(&["x-forwarded-for", "forwarded"]),
            Fallback::Value("\"x-forwarded-for\""),
            "The header in which those proxies tell it. Only the one that they write themselves can be believed.",
        ),
        Key::new(
            "server.max_body_bytes",
            Kind::count(1024, 10_485_760, "bytes"),
            Fallback::Value("65536"),
            "Largest request body that is read.",
        ),
        Key::new(
            "server.request_timeout_seconds",
            Kind::seconds(1, 300),
            Fallback::Value("10"),
            "Time for a client to send its request's head.",
        ),
        Key::new(
            "server.drain_seconds",
            Kind::seconds(0, 600),
            Fallback::Value("20"),
            "Time given to running requests after SIGTERM.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self {
            issuer: values.issuer("server.issuer"),
            listen: values.socket("server.listen"),
            operations_listen: values.socket("server.operations_listen"),
            workers: values.number("server.workers") as usize,
            trusted_proxies: values.blocks("server.trusted_proxies"),
            forwarded_header: match values.text("server.forwarded_header").as_deref() {
                Some("forwarded") => ForwardedHeader::Forwarded,
                _ => ForwardedHeader::XForwardedFor,
            },
            tls: Tls::read(values),
            max_body_bytes: values.number("server.max_body_bytes") as usize,
            request_timeout_seconds: values.number("server.request_timeout_seconds"),
            drain_seconds: values.number("server.drain_seconds"),
        }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        self.validate_issuer(context, problems);
        if self.trusted_proxies.iter().any(|block| block.prefix() == 0) {
            let wrong = "trusts the whole internet to tell who the client is";
            problems.report("server.trusted_proxies", wrong, "list the addresses of your proxies only");
        }
        let (public, operations) = (self.listen, self.operations_listen);
        let same_host = public.ip() == operations.ip()
            || public.ip().is_unspecified()
            || operations.ip().is_unspecified();
        if public.port() != 0 && public.port() == operations.port() && same_host {
            let wrong = format!("is {operations}, which server.listen ({public}) covers");
            problems.report("server.operations_listen", wrong, "choose another port");
        }
        if context.section_given("server.tls") {
            Tls::validate(self.tls.as_ref(), context, problems);
        }
    }

    fn validate_issuer(&self, context: &Context, problems: &mut Problems) {
        let (key, issuer) = ("server.issuer", &self.issuer);
        if problems.concern(key) {
            return;
        }
        if context.production && issuer.is_loopback() {
            let wrong = format!("is {issuer}, which only this machine can reach");
            problems.report(key, wrong, "use the public https:// origin of the provider");
        } else if !issuer.is_https() && !issuer.is_loopback() {
            let wrong =
                format!("is {issuer}: over plain http, codes, sessions and data can be read on the way");
            problems.report(key, wrong, "use an https:// origin; http is for loopback in the sandbox");
        }
        if !issuer.is_https() && context.section_given("server.tls") {
            let wrong = format!("is {issuer}, yet [server.tls] is set");
            problems.report(key, wrong, "use an https:// origin, or remove [server.tls]");
        }
        let tls_somewhere = context.section_given("server.tls") || !self.trusted_proxies.is_empty();
        if (context.production || issuer.is_https())
            && !tls_somewhere
            && !problems.concern("server.trusted_proxies")
        {
            let wrong = "is not set, and server.trusted_proxies is empty: nothing ends TLS";
            let remedy = "set certificate and private_key in [server.tls], or server.trusted_proxies to the proxy that ends TLS";
            problems.report("server.tls", wrong, remedy);
        }
    }
}

impl Tls {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "server.tls.certificate",
            Kind::Path,
            Fallback::Nothing("none"),
            "The certificate chain in PEM, leaf first.",
        ),
        Key::new(
            "server.tls.private_key",
            Kind::Path,
            Fallback::Nothing("none"),
            "The leaf's private key in PEM.",
        ),
        Key::new(
            "server.tls.self_signed",
            Kind::Flag,
            Fallback::Value("false"),
            "Make a certificate for the issuer's host at start instead; sandbox only.",
        ),
    ];

    fn read(values: &Values) -> Option<Self> {
        let files = (values.path("server.tls.certificate"), values.path("server.tls.private_key"));
        match files {
            _ if values.flag("server.tls.self_signed") => Some(Self::SelfSigned),
            (Some(certificate), Some(private_key)) => Some(Self::Files { certificate, private_key }),
            _ => None,
        }
    }

    /// Only called when something in the section was set.
    fn validate(tls: Option<&Self>, context: &Context, problems: &mut Problems) {
        match tls {
            None => {
                let given = |key| context.given(key);
                let missing = match (given("server.tls.certificate"), given("server.tls.private_key")) {
                    (true, false) => "server.tls.private_key",
                    (false, true) => "server.tls.certificate",
                    _ => "server.tls",
                };
                problems.report(missing, "is missing", "give both certificate and private_key, in PEM files");
            }
            Some(Self::SelfSigned) => {
                let key = "server.tls.self_signed";
                if context.production {
                    problems.report(
                        key,
                        "is true, but browsers cannot verify such a certificate",
                        "give certificate and private_key",
                    );
                }
                if context.given("server.tls.certificate") || context.given("server.tls.private_key") {
                    problems.report(key, "is true, yet files are given", "keep one of the two");
                }
            }
            Some(Self::Files { certificate, private_key }) => {
                readable("server.tls.certificate", certificate, problems);
                readable("server.tls.private_key", private_key, problems);
                if context.production && shared(private_key, 0o007) {
                    let wrong =
                        format!("names {}, which everybody on this machine can open", private_key.display());
                    problems.report("server.tls.private_key", wrong, "chmod o= that file");
                }
            }
        }
    }
}
