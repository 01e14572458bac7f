use std::net::SocketAddr;
use std::path::PathBuf;

use actix_web::http::header::HeaderName;
use url::Url;

use super::CertificateFormat;
use crate::platform::config::{Loader, Raw, SettingValue, ValueKind, WrongValue, settings, text};

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
        /// The request header in which proxies pass a client's certificate on. It is read from `server.trusted_proxies`
        /// alone, which must remove it from all other requests.
        client_certificate_header: Option<CertificateHeader>, otherwise("none is read");
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

    /// `ends_tls` is whether `[server.tls]` is set, `has_proxies` whether there are trusted proxies.
    pub(crate) fn check(&self, ends_tls: bool, has_proxies: bool, loader: &mut Loader) {
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
        if self.client_certificate_header.is_some() && !has_proxies {
            let wrong = "is set, but no proxy is trusted to set it";
            loader.report(header, wrong, "list your proxies in server.trusted_proxies");
        }
        if let Some(anchors) = &self.trust_anchors {
            loader.readable("server.mtls.trust_anchors", anchors);
        }
    }
}
