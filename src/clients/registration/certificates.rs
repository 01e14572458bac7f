//! How a service that shows a certificate is known by it (RFC 8705 §2.1.2): one name in its certificate.

use serde::Serialize;

use super::check::Check;
use crate::platform::certificates::SubjectName;

/// The name in the certificate as registered; one of these.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CertificatesDocument {
    /// The subject, as RFC 4514 writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    /// A host among the alternative names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    /// A URI among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    /// An address among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    /// A mailbox among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
}

members!(CertificatesDocument {
    tls_client_auth_subject_dn,
    tls_client_auth_san_dns,
    tls_client_auth_san_uri,
    tls_client_auth_san_ip,
    tls_client_auth_san_email,
});

impl CertificatesDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> Option<SubjectName> {
        let fits = |text: &&String| (1..=1024).contains(&text.len());
        let given = [
            ("tls_client_auth_subject_dn", self.tls_client_auth_subject_dn.as_ref()),
            ("tls_client_auth_san_dns", self.tls_client_auth_san_dns.as_ref()),
            ("tls_client_auth_san_uri", self.tls_client_auth_san_uri.as_ref()),
            ("tls_client_auth_san_ip", self.tls_client_auth_san_ip.as_ref()),
            ("tls_client_auth_san_email", self.tls_client_auth_san_email.as_ref()),
        ];
        let mut given = given.into_iter().filter_map(|(member, text)| Some((member, text?)));
        let (member, text) = given.next()?;
        if let Some((other, _)) = given.next() {
            check.fail(
                other,
                format!("`{member}` names the certificate already: give one of them (RFC 8705 §2.1.2)"),
            );
            return None;
        }
        let name = Some(text).filter(fits).and_then(|text| match member {
            "tls_client_auth_subject_dn" => SubjectName::distinguished(text),
            "tls_client_auth_san_dns" => Some(SubjectName::Dns(text.clone())),
            "tls_client_auth_san_uri" => Some(SubjectName::Uri(text.clone())),
            "tls_client_auth_san_ip" => text.parse().ok().map(SubjectName::Ip),
            _ => Some(SubjectName::Email(text.clone())),
        });
        if name.is_none() {
            let wanted = match member {
                "tls_client_auth_subject_dn" => {
                    "must be a distinguished name of RFC 4514 such as `CN=portal,O=Ministry,C=UZ`"
                }
                "tls_client_auth_san_ip" => "must be an IP address",
                _ => "must have 1 to 1024 bytes",
            };
            check.fail(member, wanted);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    const METHOD: &str = "token_endpoint_auth_method = 'tls_client_auth'";

    #[test]
    fn rfc8705_2_1_2_a_certificate_is_known_by_one_name() {
        for (member, name) in [
            (
                "tls_client_auth_subject_dn = 'CN=portal,O=Ministry'",
                SubjectName::distinguished("CN=portal,O=Ministry").unwrap(),
            ),
            ("tls_client_auth_san_dns = 'portal.uz'", SubjectName::Dns("portal.uz".to_owned())),
            ("tls_client_auth_san_uri = 'urn:portal'", SubjectName::Uri("urn:portal".to_owned())),
            ("tls_client_auth_san_ip = '10.1.2.3'", SubjectName::Ip([10, 1, 2, 3].into())),
            ("tls_client_auth_san_email = 'it@portal.uz'", SubjectName::Email("it@portal.uz".to_owned())),
        ] {
            assert_eq!(client(&format!("{METHOD}\n{member}")).certificate_subject, Some(name));
            assert!(
                wrong(member)[0].contains("`token_endpoint_auth_method` is not `tls_client_auth`"),
                "{member}"
            );
        }
        assert!(
            wrong(METHOD)[0].starts_with("tls_client_auth_subject_dn: `tls_client_auth` needs it or one of")
        );
        let two = format!("{METHOD}\ntls_client_auth_san_dns = 'a.uz'\ntls_client_auth_san_ip = '10.1.2.3'");
        assert!(wrong(&two)[0].starts_with("tls_client_auth_san_ip: `tls_client_auth_san_dns` names"));
        for bad in [
            "tls_client_auth_subject_dn = 'portal'",
            "tls_client_auth_san_ip = 'here'",
            "tls_client_auth_san_dns = ''",
        ] {
            assert!(wrong(&format!("{METHOD}\n{bad}"))[0].contains(": must "), "{bad}");
        }
    }

    #[test]
    fn rfc8705_2_2_a_self_signed_certificate_is_known_by_the_keys() {
        let method = "token_endpoint_auth_method = 'self_signed_tls_client_auth'";
        assert!(wrong(method)[0].starts_with("jwks: `self_signed_tls_client_auth` needs"));
        assert!(wrong(&format!("{method}\njwks_uri = 'https://portal.uz/jwks'")).is_empty());
    }

    #[test]
    fn tokens_are_bound_in_one_way() {
        let both = "tls_client_certificate_bound_access_tokens = true\ndpop_bound_access_tokens = true";
        assert!(
            wrong(both)[0]
                .starts_with("tls_client_certificate_bound_access_tokens: `dpop_bound_access_tokens`")
        );
        assert!(client("tls_client_certificate_bound_access_tokens = true").tokens.certificate_bound);
    }
}
