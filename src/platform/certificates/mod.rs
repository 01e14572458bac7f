//! Certificates that clients show (mutual TLS, RFC 8705): from the TLS connection that this process ended, or from a proxy
//! that did. What a certificate means to a client is decided elsewhere; here it is found, read and held against the
//! configured trust anchors.

mod der;
mod header;
mod settings;
mod subject;
mod tls;

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName};
use actix_web::rt::net::TcpStream;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use url::Url;

pub use self::header::CertificateFormat;
pub use self::settings::{CertificateHeader, MutualTlsSettings};
pub use self::subject::{SubjectName, public_key};
pub use self::tls::AnyCertificate;
use super::bytes::Digest;
use super::clock::Timestamp;
use super::config::Cidr;
use super::telemetry::is_trusted;

/// The certificate that a client showed, with those between it and a trust anchor. That the client has its private key is
/// proven; nothing else is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    leaf: CertificateDer<'static>,
    between: Vec<CertificateDer<'static>>,
}

impl ClientCertificate {
    /// Its DER.
    pub fn der(&self) -> &[u8] {
        &self.leaf
    }

    /// Its SHA-256 (RFC 8705 §3.1, `x5t#S256`).
    pub fn digest(&self) -> Digest {
        Digest::of(&self.leaf)
    }

    /// The one that a TLS connection to this process was opened with.
    pub fn of_connection(connection: &dyn Any) -> Option<Self> {
        let tls = connection.downcast_ref::<TlsStream<TcpStream>>()?;
        let (leaf, between) = tls.get_ref().1.peer_certificates()?.split_first()?;
        Some(Self { leaf: leaf.clone(), between: between.to_vec() })
    }
}

/// Finds and verifies certificates. Cheap to clone.
#[derive(Clone, Default)]
pub struct ClientCertificates {
    /// What proxies pass on is read so.
    passed_on: Option<Arc<PassedOn>>,
    anchors: Option<Arc<dyn ClientCertVerifier>>,
}

/// The way of a certificate through a proxy.
struct PassedOn {
    name: HeaderName,
    format: CertificateFormat,
    /// Proxies whose header is read.
    trusted: Vec<Cidr>,
    /// Where clients with certificates come to; the proxy need not ask for them at any other address, nor clear the header.
    address: Url,
}

impl PassedOn {
    /// Whether a request came to the address for certificates. Everything that names its host must say so: in HTTP/2 that
    /// is the target's authority, and forwarded host headers count for nothing.
    fn is_for(&self, request: &HttpRequest) -> bool {
        let target = request.uri().authority().map(|authority| Some(authority.as_str()));
        let headers = request.headers().get_all(HOST).map(|host| host.to_str().ok());
        let mut named = target.into_iter().chain(headers).peekable();
        named.peek().is_some() && named.all(|host| host.is_some_and(|host| self.is_called(host)))
    }

    fn is_called(&self, authority: &str) -> bool {
        let same = |url: &Url| {
            url.host() == self.address.host()
                && url.port_or_known_default() == self.address.port_or_known_default()
        };
        !authority.contains(['/', '@', '?', '#', '\\'])
            && Url::parse(&format!("https://{authority}")).is_ok_and(|url| same(&url))
    }
}

impl ClientCertificates {
    /// As configured.
    ///
    /// # Errors
    /// When the trust anchors cannot be read.
    pub fn new(settings: &MutualTlsSettings) -> io::Result<Self> {
        let anchors = settings.trust_anchors.as_deref().map(anchors).transpose()?;
        let passed_on = settings.client_certificate_header.as_ref().map(|name| {
            Arc::new(PassedOn {
                name: name.0.clone(),
                format: settings.client_certificate_format,
                trusted: settings.trusted_proxies.clone(),
                address: settings.url.clone(),
            })
        });
        Ok(Self { passed_on, anchors })
    }

    /// The certificate that the client of a request showed. A header is ignored unless it comes from a proxy that is trusted
    /// to set it, in a request for the address for certificates.
    pub fn of(&self, request: &HttpRequest) -> Option<ClientCertificate> {
        if let Some(shown) = request.conn_data::<ClientCertificate>() {
            return Some(shown.clone());
        }
        let passed_on = self.passed_on.as_ref()?;
        let peer = request.peer_addr()?;
        if !is_trusted(peer.ip(), &passed_on.trusted) || !passed_on.is_for(request) {
            return None;
        }
        let (leaf, between) = header::read(request.headers(), &passed_on.name, passed_on.format)?;
        Some(ClientCertificate { leaf, between })
    }

    /// Whether a certificate is valid at `now` and was issued below one of the trust anchors.
    pub fn is_anchored(&self, certificate: &ClientCertificate, now: Timestamp) -> bool {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now.0.max(0).unsigned_abs()));
        let verify = |anchors: &Arc<dyn ClientCertVerifier>| {
            anchors.verify_client_cert(&certificate.leaf, &certificate.between, now).is_ok()
        };
        self.anchors.as_ref().is_some_and(verify)
    }
}

fn anchors(path: &Path) -> io::Result<Arc<dyn ClientCertVerifier>> {
    let invalid =
        |error: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| invalid(error.to_string()))? {
        let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
        roots.add(certificate).map_err(|error| invalid(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| invalid(error.to_string()))
}

/// What fuzz targets (`fuzz/`) reach of the parsers in here.
#[cfg(fuzzing)]
pub mod fuzzing {
    use actix_web::http::header::{HeaderMap, HeaderName};

    /// A proxy's header, in each format.
    pub fn header(headers: &HeaderMap, name: &HeaderName) {
        for format in [super::CertificateFormat::Nginx, super::CertificateFormat::Rfc9440] {
            let _ = super::header::read(headers, name, format);
        }
    }
}

#[cfg(test)]
mod tests;
