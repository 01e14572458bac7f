use std::net::SocketAddr;
use std::path::PathBuf;

use actix_web::http::header::HeaderName;
use url::Url;

use super::CertificateFormat;
use crate::platform::config::{Cidr, Loader, Raw, SettingValue, ValueKind, WrongValue, settings, text};

settings! {
    /// Certificates of clients (mutual TLS, RFC 8705), at an address of their own: no browser asks people for one.
    [server.mtls]
    pub struct MutualTlsSettings {
        /// The origin under which clients with certificates reach the endpoints, such as `https://mtls.id.example.uz`; it is
        /// published as `mtls_endpoint_aliases`.
        url: Url;
        /// Address of a listener that asks for certificates, with the certificate of `[server.tls]`.
        listen: Option<SocketAddr>, otherwise("no listener: a proxy ends TLS");
        /// Certificates of the authorities that issue clients' certificates, in PEM, for clients registered with
        /// `tls_client_auth`.
        trust_anchors: Option<PathBuf>, otherwise("none: `tls_client_auth` is refused");
        /// The request header in which proxies pass a client's certificate on. It is read from `trusted_proxies` alone, and
        /// in requests for the host of `url` alone.
        client_certificate_header: Option<CertificateHeader>, otherwise("none is read");
        /// The proxies that set that header, whatever the client sent. Those of `server.trusted_proxies` are not believed
        /// for this.
        trusted_proxies: Vec<Cidr> = [];
        /// How the proxies write it: `nginx` is `$ssl_client_escaped_cert`, `rfc9440` is `Client-Cert`.
        client_certificate_format: CertificateFormat = "nginx";
    }
}

/// The name of a request header.
#[derive(Clone, Debug)]
pub struct CertificateHeader(pub(super) HeaderName);

impl SettingValue for CertificateHeader {
    const KIND: ValueKind = ValueKind::Text("the name of a header");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let text = text(raw)?;
        text.to_ascii_lowercase().parse().map(Self).map_err(|_| WrongValue {
            wrong: format!("has \"{text}\", which is no name of a header"),
            remedy: Some("use a name such as X-Client-Cert"),
        })
    }

    fn placeholder() -> Self {
        Self(HeaderName::from_static("client-cert"))
    }
}

impl MutualTlsSettings {
    /// The origin, without a trailing slash.
    pub fn base(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// `ends_tls` is whether `[server.tls]` is set.
    pub(crate) fn check(&self, ends_tls: bool, loader: &mut Loader) {
        let key = "server.mtls.url";
        let origin = self.url.path() == "/" && self.url.query().is_none() && self.url.fragment().is_none();
        let named =
            self.url.host_str().is_some() && self.url.username().is_empty() && self.url.password().is_none();
        if !loader.concern(key) && (self.url.scheme() != "https" || !origin || !named) {
            loader.report(
                key,
                format!("is {}, which is no https origin", self.url),
                "use a form such as https://mtls.id.example.uz",
            );
        }
        let (listen, header) = ("server.mtls.listen", "server.mtls.client_certificate_header");
        if self.listen.is_none() && self.client_certificate_header.is_none() {
            loader.report(
                listen,
                "is not set, and no proxy passes certificates on",
                "set it, or client_certificate_header",
            );
        }
        if self.listen.is_some() && !ends_tls {
            loader.report(
                listen,
                "is set, but [server.tls] is not",
                "set certificate and private_key in [server.tls]",
            );
        }
        let proxies = "server.mtls.trusted_proxies";
        if self.client_certificate_header.is_some() && self.trusted_proxies.is_empty() {
            let wrong = "is set, but no proxy is trusted to set it";
            loader.report(header, wrong, "list the proxies that set it in server.mtls.trusted_proxies");
        }
        if Cidr::hold_too_much(&self.trusted_proxies) {
            let wrong =
                "trusts a part of the internet for certificates: more than a /8 (IPv4) or a /16 (IPv6)";
            loader.report(proxies, wrong, "list only the addresses of the proxies that set the header");
        }
        if let Some(anchors) = &self.trust_anchors {
            loader.readable("server.mtls.trust_anchors", anchors);
        }
    }
}
