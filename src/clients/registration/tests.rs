//! Registrations as a whole, and what the tests of the parts start from.

use serde_json::json;

use super::*;
use crate::platform::jose::Alg;

/// The least registration, with the members of the TOML text `more` added or replaced.
fn portal(more: &str) -> Registration {
    let mut document: toml::Table = toml::from_str(
        "client_id = 'portal'\nclient_name = 'Portal'\nowner = 'Ministry'\nredirect_uris = ['https://portal.uz/cb']\n\
         purpose = 'Applications'\nbasis = 'consent'\npolicy_uri = 'https://portal.uz/policy'",
    )
    .unwrap();
    document.extend(toml::from_str::<toml::Table>(more).unwrap());
    document.try_into().unwrap()
}

/// The rules of the sandbox.
fn sandbox() -> Rules {
    let sms_host = "localhost".to_owned();
    Rules {
        loopback_http: true,
        issuer: "https://id.uz".to_owned(),
        sms_host,
        shortest_secret: 8,
        published_secrets: true,
    }
}

fn parse(more: &str) -> Result<Client, RegistrationErrors> {
    portal(more).parse(&sandbox())
}

/// The client that a right registration becomes.
pub(super) fn client(more: &str) -> Client {
    parse(more).unwrap()
}

/// What is wrong with a registration; nothing with a right one.
pub(super) fn wrong(more: &str) -> Vec<String> {
    parse(more).err().map(|errors| errors.errors).unwrap_or_default()
}

/// As [`wrong`], by the rules for real people.
pub(super) fn wrong_outside_the_sandbox(more: &str) -> Vec<String> {
    let rules = Rules { loopback_http: false, shortest_secret: 32, published_secrets: false, ..sandbox() };
    portal(more).parse(&rules).err().map(|errors| errors.errors).unwrap_or_default()
}

#[test]
fn a_plain_registration_gets_what_the_standards_and_common_libraries_expect() {
    let client = client("'client_name#ru' = 'Портал'");
    assert_eq!(client.authentication.code_binding, CodeBinding::PkceOrNonce);
    assert_eq!(client.tokens.id_token_alg, Alg::RS256, "OpenID Connect Registration §2");
    assert_eq!(client.tokens.access_token_alg, Alg::ES256);
    assert_eq!(client.tokens.subject_type, SubjectType::Pairwise);
    assert_eq!(client.identity.name.get("ru"), "Портал");
}

#[test]
fn everything_wrong_is_said_at_once() {
    let errors = wrong(
        "owner = ''\nredirect_uris = ['http://portal.uz/cb#x']\nresponse_types = ['code id_token']\n\
         colour = 'red'\nclient_id = ' '\nsession_idle_seconds = 0\nbasis = 'statutory'",
    );
    let members =
        ["owner", "redirect_uris", "response_types", "colour", "client_id", "session_idle_seconds", "basis"];
    for member in members {
        assert!(errors.iter().any(|error| error.starts_with(member)), "{member} missing in {errors:?}");
    }
}

#[test]
fn the_parts_of_a_document_stand_side_by_side() {
    let mut document = json!({
        "client_id": "portal", "client_name": "Portal", "client_name#ru": "Портал", "owner": "Ministry",
        "client_uri": "https://portal.uz/", "logo_uri": "https://portal.uz/logo",
        "policy_uri": "https://portal.uz/policy", "tos_uri": "https://portal.uz/tos",
        "contacts": ["it@portal.uz"], "kind": "state", "sms_name": "Portal",
        "redirect_uris": ["https://portal.uz/cb"], "post_logout_redirect_uris": ["https://portal.uz/bye"],
        "initiate_login_uri": "https://portal.uz/in", "application_type": "web",
        "client_secret_sha256": "x", "token_endpoint_auth_method": "client_secret_post", "require_pkce": true,
        "grant_types": ["authorization_code"], "response_types": ["code"],
        "id_token_signed_response_alg": "ES256", "access_token_format": "jwt",
        "access_token_signed_response_alg": "ES256", "subject_type": "pairwise", "sector": "portal.uz",
        "resource_server": false, "scope": "openid", "basis": "statutory", "basis_reference": "Law 123",
        "purpose": "Applications", "consent_days": 30,
        "data_sets": [{ "name": "name", "required": true, "why": "to greet", "why#ru": "для приветствия" }],
        "default_max_age": 60, "minimum_acr": "urn:yagona:acr:eri", "lending": false,
        "session_idle_seconds": 60, "session_absolute_seconds": 600,
        "backchannel_logout_uri": "https://portal.uz/out", "backchannel_logout_session_required": true,
        "sends_per_hour": 100,
    });
    document["token_endpoint_auth_signing_alg"] = "ES256".into();
    document["assertion_audience"] = "issuer".into();
    document["assertion_seconds"] = 60.into();
    document["dpop_bound_access_tokens"] = true.into();
    document["dpop_require_nonce"] = true.into();
    document["tls_client_certificate_bound_access_tokens"] = true.into();
    for member in ["subject_dn", "san_dns", "san_uri", "san_ip", "san_email"] {
        document[format!("tls_client_auth_{member}")] = "x".into();
    }
    document["jwks"] = json!({"keys": [{"kty": "OKP", "x5c": ["MIIB"], "kid": "1"}]});
    document["jwks_uri"] = "https://portal.uz/jwks".into();
    document["recipients"] = "Archives".into();
    document["permission"] = "code".into();
    document["resource_uris"] = json!([]);
    document["profile"] = "oidc".into();
    document["request_object_signing_alg"] = "ES256".into();
    document["require_signed_request_object"] = true.into();
    document["require_pushed_authorization_requests"] = true.into();
    document["pushed_requests_most"] = 100.into();
    document["authorization_signed_response_alg"] = "ES256".into();
    for (member, value) in [
        ("oneid", json!(true)),
        ("oneid_profile", json!("minimal")),
        ("oneid_document_dates", json!("YYYY-DD-MM")),
        ("oneid_redirect_uri_optional", json!(true)),
        ("oneid_app_redirect_uris", json!(false)),
        ("oneid_addresses", json!(["10.0.0.0/8"])),
        ("oneid_requests_per_minute", json!(600)),
    ] {
        document[member] = value;
    }
    let registration: Registration = serde_json::from_value(document.clone()).unwrap();
    let other: Vec<_> = registration.other.keys().collect();
    assert_eq!(other, ["client_name#ru"], "all other members belong to a part");
    assert_eq!(serde_json::to_value(&registration).unwrap(), document);
    let text = toml::to_string(&registration).unwrap();
    assert_eq!(serde_json::to_value(toml::from_str::<Registration>(&text).unwrap()).unwrap(), document);
}

#[test]
fn a_secret_is_read_and_never_written() {
    let registration = portal("client_secret = 'long-enough'");
    assert_eq!(registration.authentication.client_secret.as_deref(), Some("long-enough"));
    assert!(!serde_json::to_string(&registration).unwrap().contains("long-enough"));
}

#[test]
fn a_value_of_another_type_is_shown_in_its_line() {
    for bad in ["client_name = 5", "default_max_age = 'x'", "data_sets = [{ name = 5 }]"] {
        let error = toml::from_str::<Registration>(&format!("owner = 'X'\n{bad}\n")).unwrap_err().to_string();
        assert!(error.contains("at line 2") && error.contains(bad), "{error}");
    }
}

#[test]
fn the_code_flow_needs_a_redirect_uri_and_machines_need_none() {
    assert_eq!(wrong("redirect_uris = []"), ["redirect_uris: the code flow needs at least one"]);
    assert!(wrong("redirect_uris = []\ngrant_types = ['client_credentials']").is_empty());
}

#[test]
fn a_public_client_cannot_act_for_itself() {
    assert_eq!(
        wrong("token_endpoint_auth_method = 'none'\ngrant_types = ['client_credentials']"),
        ["grant_types: `client_credentials` needs a client that proves itself"]
    );
}

#[test]
fn only_state_bodies_get_data_without_asking() {
    let law = "basis = 'statutory'\nbasis_reference = 'Law 123'";
    assert_eq!(client(&format!("kind = 'state'\n{law}")).data.basis, Basis::Statutory);
    assert_eq!(
        wrong("kind = 'state'\nbasis = 'statutory'\nbasis_reference = ' '"),
        ["basis_reference: `statutory` needs the law that lets the body have the data"]
    );
    for kind in ["", "kind = 'commercial'\n"] {
        assert!(wrong(&format!("{kind}{law}"))[0].starts_with("basis: `statutory` is for state"));
    }
}

#[test]
fn who_asks_for_data_says_what_for_on_what_basis_and_how_they_are_treated() {
    let bare = |more: &str| {
        let mut registration = portal(more);
        registration.data.purpose = None;
        registration.data.basis = None;
        registration.identity.policy_uri = None;
        registration.parse(&sandbox()).err().map(|errors| errors.errors).unwrap_or_default()
    };
    for data in ["", "data_sets = [{ name = 'phone' }]", "scope = 'openid phone'"] {
        let errors = bare(data);
        let members: Vec<_> = errors.iter().filter_map(|error| error.split(':').next()).collect();
        assert_eq!(members, ["purpose", "basis", "policy_uri"], "{data}");
    }
    let members = bare("basis_reference = 'contract 1'");
    assert!(
        !members.iter().any(|error| error.starts_with("basis")),
        "the contract says the basis: {members:?}"
    );
    for none in ["scope = 'openid'", "data_sets = []", "grant_types = ['client_credentials']"] {
        assert!(bare(none).is_empty(), "{none} asks for no data");
    }
    assert_eq!(wrong("policy_uri = 'http://portal.uz/'"), ["policy_uri: must be an https URL"]);
}
