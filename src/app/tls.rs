//! TLS on the provider's own port, if no proxy terminates it.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;

use super::settings::TlsSettings;
use crate::platform::certificates::AnyCertificate;

/// The TLS configuration with the configured certificate and key, or a self-signed pair for `hosts` created at this start.
///
/// # Errors
/// When they cannot be read or do not match.
pub(super) fn server_config(tls: &TlsSettings, hosts: &[&str]) -> io::Result<ServerConfig> {
    config(tls, hosts, None)
}

/// The same for a listener that asks clients for certificates; they may have none.
///
/// # Errors
/// As [`server_config`].
pub(super) fn mutual_config(tls: &TlsSettings, hosts: &[&str]) -> io::Result<ServerConfig> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    config(tls, hosts, Some(AnyCertificate::of(&provider)))
}

fn config(
    tls: &TlsSettings,
    hosts: &[&str],
    verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> io::Result<ServerConfig> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
    let invalid =
        |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let (chain, key) = match (&tls.certificate, &tls.private_key) {
        (Some(certificate), Some(private_key)) if !tls.self_signed => {
            let chain: Result<Vec<_>, _> =
                CertificateDer::pem_file_iter(certificate).map_err(|error| invalid(&error))?.collect();
            let key = PrivateKeyDer::from_pem_file(private_key).map_err(|error| invalid(&error))?;
            (chain.map_err(|error| invalid(&error))?, key)
        }
        _ if tls.self_signed => {
            let names: Vec<String> =
                hosts.iter().copied().chain(["localhost", "127.0.0.1"]).map(str::to_owned).collect();
            let made = rcgen::generate_simple_self_signed(names).map_err(|error| invalid(&error))?;
            let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
            (vec![made.cert.der().clone()], key.into())
        }
        _ => return Err(invalid(&"[server.tls] has no certificate and private_key")),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| invalid(&error))?;
    let builder = match verifier {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    builder.with_single_cert(chain, key).map_err(|error| invalid(&error))
}
