//! A certificate in a request header, as proxies forward it.

use actix_web::http::header::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::platform::config::choices;

choices! {
    /// How a proxy writes a client's certificate into a header.
    pub enum CertificateFormat {
        /// nginx, `$ssl_client_escaped_cert`: the certificate in PEM, percent-encoded.
        Nginx = "nginx",
        /// RFC 9440, `Client-Cert`: the certificate in DER, as a byte sequence of structured fields; those between it and a
        /// trust anchor in `Client-Cert-Chain`.
        Rfc9440 = "rfc9440",
    }
}

/// Where RFC 9440 has the certificates between the client's and a trust anchor.
const CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// The longest header that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// The most certificates of a chain.
const MOST: usize = 8;

type Chain = Vec<CertificateDer<'static>>;

/// The certificate in the header `name`, and those of its chain. `None` if there is none, or it is malformed or repeated.
pub(super) fn read(
    headers: &HeaderMap,
    name: &HeaderName,
    format: CertificateFormat,
) -> Option<(CertificateDer<'static>, Chain)> {
    let mut values = headers.get_all(name);
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    if value.len() > LONGEST {
        return None;
    }
    match format {
        CertificateFormat::Nginx => {
            let pem = percent_decoded(value)?;
            let mut all =
                CertificateDer::pem_slice_iter(&pem).collect::<Result<Chain, _>>().ok()?.into_iter();
            let leaf = all.next()?;
            Some((leaf, all.take(MOST).collect()))
        }
        CertificateFormat::Rfc9440 => {
            let chain = headers.get_all(CHAIN).map(|line| line.to_str().ok());
            let chain: Vec<&str> = chain.collect::<Option<Vec<_>>>()?;
            let chain = chain.iter().flat_map(|line| line.split(',')).take(MOST).map(byte_sequence);
            Some((byte_sequence(value)?, chain.collect::<Option<Chain>>()?))
        }
    }
}

/// RFC 9651 §3.3.5.
fn byte_sequence(text: &str) -> Option<CertificateDer<'static>> {
    let encoded = text.trim().strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(encoded).ok().map(CertificateDer::from)
}

/// RFC 3986 §2.1; a plus sign is one.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            out.push(*first);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    Some(out)
}
