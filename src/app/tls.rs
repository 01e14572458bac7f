//! TLS on the provider's own port, if no proxy terminates it.

use std::io;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::{CipherSuite, ServerConfig};

use super::settings::TlsSettings;
use crate::platform::certificates::AnyCertificate;

/// What is offered under TLS 1.2: the suites that RFC 9325 §4.2 recommends, and no others, as FAPI 2.0 wants it (Security Profile
/// §5.2.1). Who can do ChaCha20-Poly1305 gets it under TLS 1.3, of which all suites are offered.
const TLS12: [CipherSuite; 4] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// The cryptography of the listeners.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.tls13().is_some() || TLS12.contains(&suite.suite()));
    provider
}

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
    config(tls, hosts, Some(AnyCertificate::of(&provider())))
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
            // RSA, since FAPI 1.0, which FAPI-CIBA rests on, names no suite of another key (Advanced §8.5).
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256);
            let key = key.map_err(|error| invalid(&error))?;
            let params = rcgen::CertificateParams::new(names).map_err(|error| invalid(&error))?;
            let made = params.self_signed(&key).map_err(|error| invalid(&error))?;
            (vec![made.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        }
        _ => return Err(invalid(&"[server.tls] has no certificate and private_key")),
    };
    let builder =
        ServerConfig::builder_with_provider(Arc::new(provider())).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| invalid(&error))?;
    let builder = match verifier {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    builder.with_single_cert(chain, key).map_err(|error| invalid(&error))
}

#[cfg(test)]
mod tests {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{
        ClientConfig, ClientConnection, DigitallySignedStruct, Error, ProtocolVersion, ServerConnection,
        SignatureScheme,
    };

    use super::*;

    /// Accepts any certificate, as the conformance suite does.
    #[derive(Debug)]
    struct Any(CryptoProvider);

    impl ServerCertVerifier for Any {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }

    /// The version and the suite that a client gets which offers these suites; nothing if the server refuses.
    fn negotiated(
        server: &Arc<ServerConfig>,
        offered: impl Fn(CipherSuite) -> bool,
    ) -> Option<(ProtocolVersion, CipherSuite)> {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| offered(suite.suite()));
        let verifier = Arc::new(Any(provider.clone()));
        let versions: Vec<_> = rustls::ALL_VERSIONS
            .iter()
            .copied()
            .filter(|version| provider.cipher_suites.iter().any(|suite| suite.version() == *version))
            .collect();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        let mut client =
            ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
        for _ in 0..10 {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().ok()?;
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets().ok()?;
            if !client.is_handshaking() && !server.is_handshaking() {
                let suite = client.negotiated_cipher_suite().unwrap();
                return Some((client.protocol_version().unwrap(), suite.suite()));
            }
        }
        panic!("the handshake does not end");
    }

    #[test]
    fn fapi2_5_2_1_tls_1_2_has_recommended_suites_alone_and_1_3_comes_first() {
        let tls = TlsSettings { certificate: None, private_key: None, self_signed: true };
        for config in [server_config(&tls, &["localhost"]), mutual_config(&tls, &["localhost"])] {
            let config = Arc::new(config.unwrap());
            let (version, _) = negotiated(&config, |_| true).unwrap();
            assert_eq!(version, ProtocolVersion::TLSv1_3);
            for suite in aws_lc_rs::ALL_CIPHER_SUITES {
                let (version, suite) = (suite.version().version, suite.suite());
                let named = suite.as_str().unwrap();
                // With a key of the kind that FAPI 1.0 names.
                let granted =
                    version == ProtocolVersion::TLSv1_3 || named.starts_with("TLS_ECDHE_RSA_WITH_AES");
                let got = negotiated(&config, |offered| offered == suite);
                assert_eq!(got, granted.then_some((version, suite)), "{named}");
            }
        }
    }
}
