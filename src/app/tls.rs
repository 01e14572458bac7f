//! TLS on the provider's own port, for where no proxy ends it.

use std::io;
use std::sync::Arc;

use super::settings::TlsSettings;

/// The certificate and key that the settings name, or made for this start alone.
///
/// # Errors
/// When they cannot be read or do not belong together.
pub(super) fn server_config(tls: &TlsSettings, host: &str) -> io::Result<rustls::ServerConfig> {
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
            let names = vec![host.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).map_err(|error| invalid(&error))?;
            let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
            (vec![made.cert.der().clone()], key.into())
        }
        _ => return Err(invalid(&"[server.tls] names no certificate and private_key")),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| invalid(&error))
}
