//! `GET /.well-known/openid-configuration` (OpenID Connect Discovery §4) and `/.well-known/oauth-authorization-server`
//! (RFC 8414 §3): the same document, rendered once at start.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use serde_json::json;

use super::{claims, paths};
use crate::platform::jose::Alg;
use crate::platform::jose::foreign::ForeignAlg;
use crate::platform::web::locale::Language;
use crate::sign_in::Acr;

/// The document, ready to send.
#[derive(Clone)]
pub struct Discovery(Bytes);

impl Discovery {
    /// The document of the provider at `issuer`.
    pub fn new(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let algs = Alg::ALL.map(Alg::name);
        let claims: Vec<&str> =
            ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"]
                .into_iter()
                .chain(claims::CLAIMS.iter().map(|(name, _)| *name).filter(|name| !name.contains('#')))
                .collect();
        let confidential =
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"];
        let all: Vec<&str> = confidential.into_iter().chain(["none"]).collect();
        let assertions: Vec<&str> = ForeignAlg::ALL.iter().map(|alg| alg.name()).chain(["HS256"]).collect();
        let document = json!({
            "issuer": issuer,
            "authorization_endpoint": at(paths::AUTHORIZE),
            "pushed_authorization_request_endpoint": at(paths::PAR),
            "require_pushed_authorization_requests": false,
            "token_endpoint": at(paths::TOKEN),
            "userinfo_endpoint": at(paths::USERINFO),
            "jwks_uri": at(paths::JWKS),
            "introspection_endpoint": at(paths::INTROSPECTION),
            "revocation_endpoint": at(paths::REVOCATION),
            "end_session_endpoint": at(paths::END_SESSION),
            "scopes_supported": claims::SCOPES,
            "claims_supported": claims,
            "response_types_supported": ["code"],
            "response_modes_supported": super::ResponseMode::WORDS,
            "authorization_signing_alg_values_supported": algs,
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "subject_types_supported": ["pairwise", "public"],
            "id_token_signing_alg_values_supported": algs,
            "token_endpoint_auth_methods_supported": all,
            "token_endpoint_auth_signing_alg_values_supported": assertions,
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": assertions,
            "revocation_endpoint_auth_methods_supported": all,
            "revocation_endpoint_auth_signing_alg_values_supported": assertions,
            "code_challenge_methods_supported": ["S256"],
            "acr_values_supported": [Acr::MobileId.name()],
            "display_values_supported": ["page", "popup", "touch"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "ui_locales_supported": Language::ALL.map(Language::tag),
            "claims_parameter_supported": true,
            "request_parameter_supported": true,
            "request_object_signing_alg_values_supported": ForeignAlg::ALL.map(ForeignAlg::name),
            "require_signed_request_object": false,
            "request_uri_parameter_supported": false,
            "require_request_uri_registration": false,
            "authorization_response_iss_parameter_supported": true,
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
        });
        Self(Bytes::from(document.to_string()))
    }
}

/// Answers with the document.
pub(super) async fn get(discovery: Data<Discovery>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(discovery.0.clone())
}
