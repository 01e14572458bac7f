use std::net::SocketAddr;

use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, SanType,
};
use time::macros::datetime;

use super::header::read;
use super::*;
use crate::platform::jose::foreign::ForeignKeys;
use crate::platform::jose::{Alg, SigningKey};

const NOW: Timestamp = Timestamp(1_800_000_000);

/// An authority, and what it issues.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn below(authority: &Self, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, params: &CertificateParams) -> Certificate {
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap()
    }
}

/// Of a portal of a ministry.
fn portal() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["portal.uz".to_owned(), "10.1.2.3".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "UZ");
    params.distinguished_name.push(DnType::OrganizationName, "Ministry, of \"things\"");
    params.distinguished_name.push(DnType::CommonName, "Portal +1");
    params.subject_alt_names.push(SanType::URI("urn:portal".try_into().unwrap()));
    params.subject_alt_names.push(SanType::Rfc822Name("it@portal.uz".try_into().unwrap()));
    params
}

fn of(certificate: &Certificate) -> ClientCertificate {
    ClientCertificate { leaf: certificate.der().clone(), between: Vec::new() }
}

#[test]
fn rfc4514_2_a_distinguished_name_is_compared_part_by_part() {
    let der = Authority::new("root").issue(&portal());
    let is = |text: &str| SubjectName::distinguished(text).is_some_and(|name| name.names(der.der()));
    assert!(is(r#"CN=Portal \+1,O=Ministry\, of \"things\",C=UZ"#));
    assert!(is(r"cn=Portal \2B1, o = Ministry\2C of \22things\22 , 2.5.4.6=UZ"));
    for other in [
        r#"C=UZ,O=Ministry\, of \"things\",CN=Portal \+1"#,
        r#"O=Ministry\, of \"things\",C=UZ"#,
        r#"CN=Portal \+1+O=Ministry\, of \"things\",C=UZ"#,
        r#"CN=portal \+1,O=Ministry\, of \"things\",C=UZ"#,
        r#"OU=Portal \+1,O=Ministry\, of \"things\",C=UZ"#,
        r#"CN=Portal \+1,O=Ministry\, of \"things\",C=UZ,C=UZ"#,
    ] {
        assert!(SubjectName::distinguished(other).is_some() && !is(other), "{other}");
    }
    for wrong in [
        "",
        "portal",
        "CN=",
        "CN=a,",
        "CN=a,,C=UZ",
        "XX=a",
        "CN=#0403",
        r"CN=a\",
        r"CN=a\zz",
        "CN=a;b",
        "1=a",
    ] {
        assert!(SubjectName::distinguished(wrong).is_none(), "{wrong}");
    }
    assert_eq!(
        SubjectName::distinguished(r"CN=a\ "),
        Some(SubjectName::Distinguished(vec![vec![("2.5.4.3".to_owned(), "a ".to_owned())]]))
    );
}

#[test]
fn rfc8705_2_1_2_one_alternative_name_is_enough_and_must_be_of_its_kind() {
    let der = Authority::new("root").issue(&portal());
    for (name, expected) in [
        (SubjectName::Dns("PORTAL.uz".to_owned()), true),
        (SubjectName::Dns("shop.uz".to_owned()), false),
        (SubjectName::Dns("urn:portal".to_owned()), false),
        (SubjectName::Uri("urn:portal".to_owned()), true),
        (SubjectName::Uri("portal.uz".to_owned()), false),
        (SubjectName::Ip([10, 1, 2, 3].into()), true),
        (SubjectName::Ip([10, 1, 2, 4].into()), false),
        (SubjectName::Email("it@portal.uz".to_owned()), true),
        (SubjectName::Email("it@shop.uz".to_owned()), false),
    ] {
        assert_eq!(name.names(der.der()), expected, "{name:?}");
        assert!(!name.names(b"nonsense"));
    }
}

#[test]
fn a_certificate_is_anchored_while_it_is_valid_and_its_authority_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (trusted, stranger) = (Authority::new("trusted"), Authority::new("stranger"));
    let file = folder.path().join("anchors.pem");
    std::fs::write(&file, trusted.certificate.pem()).unwrap();
    let certificates = ClientCertificates { anchors: Some(anchors(&file).unwrap()), ..Default::default() };
    let mut params = portal();
    (params.not_before, params.not_after) = (datetime!(2027-01-01 0:00 UTC), datetime!(2027-02-01 0:00 UTC));
    let shown = of(&trusted.issue(&params));
    assert!(certificates.is_anchored(&shown, NOW));
    assert!(!certificates.is_anchored(&shown, NOW.minus(90 * 86_400)), "not yet");
    assert!(!certificates.is_anchored(&shown, NOW.plus(90 * 86_400)), "no more");
    assert!(!certificates.is_anchored(&of(&stranger.issue(&params)), NOW));
    assert!(!certificates.is_anchored(&of(&params.self_signed(&KeyPair::generate().unwrap()).unwrap()), NOW));
    assert!(!ClientCertificates::default().is_anchored(&shown, NOW));
    std::fs::write(&file, "nothing").unwrap();
    assert!(anchors(&file).is_err(), "anchors that are none are no reason to trust nobody");
}

#[test]
fn a_chain_is_followed_and_what_a_certificate_is_for_counts() {
    let folder = tempfile::tempdir().unwrap();
    let root = Authority::new("root");
    let between = Authority::below(&root, "between");
    let file = folder.path().join("anchors.pem");
    std::fs::write(&file, root.certificate.pem()).unwrap();
    let certificates = ClientCertificates { anchors: Some(anchors(&file).unwrap()), ..Default::default() };
    let mut params = portal();
    (params.not_before, params.not_after) = (datetime!(2027-01-01 0:00 UTC), datetime!(2027-02-01 0:00 UTC));
    let leaf = between.issue(&params);
    assert!(!certificates.is_anchored(&of(&leaf), NOW), "nothing leads to the anchor");
    let chain = vec![between.certificate.der().clone()];
    assert!(certificates.is_anchored(&ClientCertificate { leaf: leaf.der().clone(), between: chain }, NOW));
    // The same as a proxy passes it on: PEM blocks, the client's first.
    let name = HeaderName::from_static("x-cert");
    let pem = escaped(&format!("{}{}", leaf.pem(), between.certificate.pem()));
    let request = TestRequest::get().append_header(("x-cert", pem)).to_http_request();
    let (leaf, between) = read(request.headers(), &name, CertificateFormat::Nginx).unwrap();
    assert!(certificates.is_anchored(&ClientCertificate { leaf, between }, NOW));
    for (usage, right) in [
        (ExtendedKeyUsagePurpose::ClientAuth, true),
        (ExtendedKeyUsagePurpose::ServerAuth, false),
        (ExtendedKeyUsagePurpose::CodeSigning, false),
    ] {
        params.extended_key_usages = vec![usage.clone()];
        assert_eq!(certificates.is_anchored(&of(&root.issue(&params)), NOW), right, "{usage:?}");
    }
}

#[test]
fn rfc8705_2_2_2_a_key_for_something_else_proves_nobody() {
    let der = SigningKey::generate(Alg::ES256, 2048);
    let certificate = portal().self_signed(&KeyPair::try_from(&der[..]).unwrap()).unwrap();
    let (digest, key) = (of(&certificate).digest(), public_key(certificate.der()));
    let own = SigningKey::from_pkcs8("k", Alg::ES256, &der).unwrap();
    let own = own.public_jwk();
    let proves = |more: serde_json::Value| {
        let mut jwk = serde_json::to_value(own).unwrap();
        for (name, value) in more.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        let set = serde_json::json!({"keys": [jwk]}).to_string();
        ForeignKeys::parse(set.as_bytes()).unwrap().have_certificate(digest, key)
    };
    assert!(proves(serde_json::json!({})));
    assert!(proves(serde_json::json!({"x5c": [STANDARD.encode(certificate.der())]})));
    for wrong in [
        serde_json::json!({"use": "enc"}),
        serde_json::json!({"alg": "ES384"}),
        serde_json::json!({"key_ops": ["encrypt"]}),
        serde_json::json!({"x5c": []}),
        serde_json::json!({"x5c": ["!"]}),
        serde_json::json!({"x5c": [""]}),
        serde_json::json!({"use": "enc", "x5c": [STANDARD.encode(certificate.der())]}),
    ] {
        assert!(!proves(wrong.clone()), "{wrong}");
    }
    // Nor does one that is too short.
    let of_length = |bytes: usize| {
        let n = crate::platform::bytes::encode(&vec![0xff; bytes]);
        let thumbprint = Digest::of(format!(r#"{{"e":"AQAB","kty":"RSA","n":"{n}"}}"#).as_bytes());
        let set = serde_json::json!({"keys": [{"kty": "RSA", "n": n, "e": "AQAB"}]}).to_string();
        ForeignKeys::parse(set.as_bytes()).unwrap().have_certificate(digest, Some(thumbprint))
    };
    assert!(of_length(256) && !of_length(128));
}

#[test]
fn rfc7638_a_certificates_key_is_named_like_the_key_itself() {
    for alg in Alg::ALL {
        let der = SigningKey::generate(alg, 2048);
        let key = KeyPair::try_from(&der[..]).unwrap();
        let certificate = portal().self_signed(&key).unwrap();
        let jwk = SigningKey::from_pkcs8("k", alg, &der).unwrap();
        let set = serde_json::json!({"keys": [jwk.public_jwk()]});
        let keys = crate::platform::jose::foreign::ForeignKeys::parse_strictly(&set).unwrap();
        let shown = of(&certificate);
        assert!(keys.have_certificate(shown.digest(), public_key(shown.der())), "{}", alg.name());
        let other = portal().self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert!(!keys.have_certificate(of(&other).digest(), public_key(other.der())));
        // A key that names its certificate is meant with no other.
        let mut named = set;
        named["keys"][0]["x5c"] = serde_json::json!([STANDARD.encode(other.der())]);
        let keys = crate::platform::jose::foreign::ForeignKeys::parse_strictly(&named).unwrap();
        assert!(!keys.have_certificate(shown.digest(), public_key(shown.der())));
        assert!(keys.have_certificate(of(&other).digest(), public_key(other.der())));
    }
}

/// As nginx escapes it.
fn escaped(pem: &str) -> String {
    url::form_urlencoded::byte_serialize(pem.as_bytes()).collect::<String>().replace('+', "%20")
}

#[test]
fn rfc9440_2_a_proxys_header_is_read_in_its_format_alone() {
    let root = Authority::new("root");
    let certificate = root.issue(&portal());
    let name = HeaderName::from_static("x-cert");
    let sequence = format!(":{}:", STANDARD.encode(certificate.der()));
    let chain = format!(":{}:", STANDARD.encode(root.certificate.der()));
    let request = |lines: &[(&str, &str)]| {
        lines.iter().fold(TestRequest::get(), |request, (name, value)| {
            request.append_header(((*name).to_owned(), (*value).to_owned()))
        })
    };
    let read = |lines: &[(&str, &str)], format| {
        read(request(lines).to_http_request().headers(), &name, format)
            .map(|(leaf, between)| (leaf, between.len()))
    };
    let (nginx, rfc9440) = (CertificateFormat::Nginx, CertificateFormat::Rfc9440);
    let pem = escaped(&certificate.pem());
    let leaf = certificate.der().clone();
    assert_eq!(read(&[("x-cert", &pem)], nginx), Some((leaf.clone(), 0)));
    assert_eq!(read(&[("x-cert", &sequence)], rfc9440), Some((leaf.clone(), 0)));
    let both = [("x-cert", sequence.as_str()), ("client-cert-chain", &chain)];
    assert_eq!(read(&both, rfc9440), Some((leaf, 1)));
    assert_eq!(read(&[("x-cert", &pem)], rfc9440), None);
    assert_eq!(read(&[("x-cert", &sequence)], nginx), None);
    assert_eq!(read(&[("x-cert", &pem), ("x-cert", &pem)], nginx), None, "repeated");
    assert_eq!(read(&[], nginx), None);
    for odd in ["", "%", "%4", "%zz", "(null)", ":x:", "::x", &"x".repeat(20_000)] {
        assert_eq!(
            (read(&[("x-cert", odd)], nginx), read(&[("x-cert", odd)], rfc9440)),
            (None, None),
            "{odd}"
        );
    }
}

#[test]
fn a_header_counts_from_a_trusted_proxy_and_for_the_address_of_certificates_alone() {
    let certificate = Authority::new("root").issue(&portal());
    let name = HeaderName::from_static("x-cert");
    let passed_on = PassedOn {
        name,
        format: CertificateFormat::Nginx,
        trusted: vec!["10.0.0.0/8".parse().unwrap()],
        address: "https://mtls.id.uz".parse().unwrap(),
    };
    let certificates = ClientCertificates { passed_on: Some(Arc::new(passed_on)), anchors: None };
    let asked = |peer: &str, target: &str, hosts: &[&str]| {
        let peer: SocketAddr = peer.parse().unwrap();
        let header = ("x-cert", escaped(&certificate.pem()));
        let request = TestRequest::get().uri(target).peer_addr(peer).append_header(header);
        let request = hosts.iter().fold(request, |request, host| request.append_header(("host", *host)));
        certificates.of(&request.to_http_request()).is_some()
    };
    let (proxy, there) = ("10.1.2.3:1", "mtls.id.uz");
    assert!(asked(proxy, "/", &[there]) && asked(proxy, "/", &["MTLS.id.uz:443"]));
    assert!(asked(proxy, "https://mtls.id.uz/", &[]), "HTTP/2 has no Host");
    assert!(!asked("192.0.2.1:1", "/", &[there]), "somebody else");
    for other in
        ["id.uz", "mtls.id.uz:8443", "mtls.id.uz@id.uz", "id.uz/mtls.id.uz", "", "mtls.id.uz.evil.uz"]
    {
        assert!(!asked(proxy, "/", &[other]), "{other}");
    }
    assert!(!asked(proxy, "/", &[]) && !asked(proxy, "/", &[there, "id.uz"]));
    assert!(!asked(proxy, "https://id.uz/", &[there]) && !asked(proxy, "https://mtls.id.uz/", &["id.uz"]));
    assert_eq!(ClientCertificates::default().of(&TestRequest::get().to_http_request()), None);
}
