//! `GET /.well-known/openid-configuration` (OpenID Connect Discovery §4) and `/.well-known/oauth-authorization-server`
//! (RFC 8414 §3): the same document, rendered once at start.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use serde_json::{Map, Value, json};

use super::authorize::Action;
use super::signals::{MANAGE, READ};
use super::{claims, dpop, grant_management, paths, verified_claims};
use crate::clients::{DetailType, REQUEST_ALGS};
use crate::platform::jose::foreign::ForeignAlg;
use crate::platform::jose::{Alg, CONTENT_ENCRYPTION, KeyManagement};
use crate::platform::web::locale::Language;
use crate::sign_in::{Acr, Means, classes};

/// The document, ready to send.
#[derive(Clone)]
pub struct Discovery(Bytes);

impl Discovery {
    /// The document of the provider at `issuer`; with `mtls`, also reached with certificates of clients there, and whether
    /// there are authorities that issue them; the means of signing in that it offers.
    pub fn new(issuer: &str, mtls: Option<(&str, bool)>, offered: &[Means]) -> Self {
        let parts = [
            endpoints(issuer),
            client_authentication(mtls),
            certificates(mtls),
            requests(offered),
            backchannel(),
            answers(),
            protection(),
            managing(issuer),
            back_offices(issuer),
            assurance(),
        ];
        let members = parts.into_iter().filter_map(|part| match part {
            Value::Object(members) => Some(members),
            _ => None,
        });
        Self(Bytes::from(Value::Object(members.flatten().collect()).to_string()))
    }
}

fn endpoints(issuer: &str) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "authorization_endpoint": at(paths::AUTHORIZE),
        "pushed_authorization_request_endpoint": at(paths::PAR),
        "device_authorization_endpoint": at(paths::DEVICE_AUTHORIZATION),
        "backchannel_authentication_endpoint": at(paths::BACKCHANNEL_AUTHENTICATION),
        "token_endpoint": at(paths::TOKEN),
        "userinfo_endpoint": at(paths::USERINFO),
        "jwks_uri": at(paths::JWKS),
        "application_receipts_jwks_uri": at(paths::RECEIPT_KEYS),
        "introspection_endpoint": at(paths::INTROSPECTION),
        "revocation_endpoint": at(paths::REVOCATION),
        "end_session_endpoint": at(paths::END_SESSION),
        "registration_endpoint": at(paths::REGISTRATION),
    })
}

fn client_authentication(mtls: Option<(&str, bool)>) -> Value {
    let mut confidential =
        vec!["client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"];
    if let Some((_, anchored)) = mtls {
        confidential.extend(anchored.then_some("tls_client_auth"));
        confidential.push("self_signed_tls_client_auth");
    }
    let all: Vec<&str> = confidential.iter().copied().chain(["none"]).collect();
    let assertions: Vec<&str> = ForeignAlg::ALL.iter().map(|alg| alg.name()).chain(["HS256"]).collect();
    json!({
        "token_endpoint_auth_methods_supported": all,
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": all,
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "dpop_signing_alg_values_supported": dpop::ALGS.map(ForeignAlg::name),
    })
}

/// RFC 8705 §3.3, §5.
fn certificates(mtls: Option<(&str, bool)>) -> Value {
    let mut members = json!({"tls_client_certificate_bound_access_tokens": mtls.is_some()});
    if let Some((base, _)) = mtls {
        let aliases =
            paths::FOR_CERTIFICATES.map(|(name, path)| (name.to_owned(), format!("{base}{path}").into()));
        members["mtls_endpoint_aliases"] = Value::Object(aliases.into_iter().collect());
    }
    members
}

/// What a client may ask for, and how.
fn requests(offered: &[Means]) -> Value {
    let scopes: Vec<&str> = claims::SCOPES
        .into_iter()
        .chain([grant_management::QUERY, grant_management::REVOKE, READ, MANAGE])
        .collect();
    json!({
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": super::ResponseMode::WORDS,
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:openid:params:grant-type:ciba",
        ],
        "authorization_details_types_supported": DetailType::ALL.map(DetailType::name),
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": classes(offered).into_iter().map(Acr::name).collect::<Vec<_>>(),
        "display_values_supported": ["page", "popup", "touch"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": Language::ALL.map(Language::tag),
        "claims_parameter_supported": true,
        "require_pushed_authorization_requests": false,
        "request_parameter_supported": true,
        "request_object_signing_alg_values_supported": ForeignAlg::ALL.map(ForeignAlg::name),
        "require_signed_request_object": false,
        "request_uri_parameter_supported": false,
        "require_request_uri_registration": false,
    })
}

/// How clients manage what was granted to them (Grant Management for OAuth 2.0).
fn managing(issuer: &str) -> Value {
    let actions: Vec<&str> = Action::WORDS.into_iter().chain(["query", "revoke"]).collect();
    json!({
        "grant_management_endpoint": format!("{issuer}{}", paths::GRANTS),
        "grant_management_actions_supported": actions,
        "grant_management_action_required": false,
    })
}

/// Data for back offices (docs/data.md). No specification has names for these.
fn back_offices(issuer: &str) -> Value {
    json!({
        "data_endpoint": format!("{issuer}{}", paths::DATA),
        "data_usage_endpoint": format!("{issuer}{}", paths::USAGE),
        "number_verification_endpoint": format!("{issuer}{}", paths::VERIFICATION),
    })
}

/// CIBA Core §4.
fn backchannel() -> Value {
    json!({
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_authentication_request_signing_alg_values_supported": REQUEST_ALGS.map(ForeignAlg::name),
        "backchannel_user_code_parameter_supported": false,
    })
}

/// What a client is told, and how.
fn answers() -> Value {
    let claims: Vec<&str> = [
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "sid",
        "at_hash",
        verified_claims::NAME,
    ]
    .into_iter()
    .chain(claims::CLAIMS.iter().map(|(name, _)| *name).filter(|name| !name.contains('#')))
    .collect();
    json!({
        "claims_supported": claims,
        "subject_types_supported": ["pairwise", "public"],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    })
}

/// How what a client is told is signed and encrypted (OpenID Connect Discovery §3, JARM §4, RFC 9701 §7).
fn protection() -> Value {
    let algs = Alg::ALL.map(Alg::name);
    let encryption = KeyManagement::ALL.map(KeyManagement::name);
    let mut members = Map::new();
    for kind in ["id_token", "userinfo", "authorization", "introspection"] {
        members.insert(format!("{kind}_signing_alg_values_supported"), json!(algs));
        members.insert(format!("{kind}_encryption_alg_values_supported"), json!(encryption));
        members.insert(format!("{kind}_encryption_enc_values_supported"), json!([CONTENT_ENCRYPTION]));
    }
    Value::Object(members)
}

/// What is known of how claims were verified (OpenID Connect for Identity Assurance §9).
fn assurance() -> Value {
    let names = claims::CLAIMS.iter().map(|(name, _)| *name);
    let names: Vec<&str> = names.filter(|name| !name.contains('#') && claims::is_verifiable(name)).collect();
    json!({
        "verified_claims_supported": true,
        "trust_frameworks_supported": [verified_claims::TRUST_FRAMEWORK],
        "evidence_supported": [verified_claims::EVIDENCE],
        "electronic_records_supported": [verified_claims::RECORD],
        "claims_in_verified_claims_supported": names,
    })
}

/// Answers with the document.
pub(super) async fn get(discovery: Data<Discovery>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(discovery.0.clone())
}

#[cfg(test)]
mod tests;
