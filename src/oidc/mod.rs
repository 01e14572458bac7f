//! OpenID Connect and OAuth 2.0 on the wire: one file per endpoint, named by its URL's noun.
//!
//! `authorize/` is the list of what an authorization request must pass and the way back to the client. What was granted is
//! in `grants`, who the person is comes from `sign_in`, what may be released from `release`, pages from `pages`.

mod access_token;
mod application_details;
mod application_keys;
mod audience;
mod authorization_details;
mod authorize;
mod backchannel_logout;
mod ciba;
mod claims;
mod client_auth;
mod code;
mod data;
mod device;
mod discovery;
mod dpop;
mod encryption;
mod end_session;
mod error;
mod frontchannel_logout;
mod grant_management;
mod id_token;
mod introspection;
mod jwks;
mod own_token;
mod par;
mod polls;
mod presented;
mod pushed_request;
mod refresh_token;
mod registration;
mod releases;
mod resource;
mod revocation;
mod settings;
mod signals;
mod signature;
mod signed_details;
mod single_use;
mod token;
mod userinfo;
mod verified_claims;

use std::sync::Arc;

use crate::applications::Receipts;
use crate::audit::Audit;
use crate::clients::{ClientKeys, Registry, SubjectIds};
use crate::grants::Grants;
use crate::ledger::Ledger;
use crate::people::People;
use crate::platform::certificates::ClientCertificates;
use crate::platform::clock::Clock;
use crate::platform::jose::SigningKeys;
use crate::platform::telemetry::Metrics;
use crate::platform::web::cors::{self, OpenToScripts};
use crate::sign_in::Means;

pub use access_token::AccessTokens;
use authorize::ResponseMode;
pub use authorize::{Answer, Authorization};
pub use backchannel_logout::{Answered, LogoutEverywhere, LogoutNotifier, ToldOf};
pub use ciba::{APPROVALS, Became, Ciba, Done, MuteForm, VERDICTS};
pub use code::{CODES, Codes};
pub use data::{DataApi, DataLimits};
pub use device::{DECISIONS, DEVICES, Devices, USER_CODES};
pub use discovery::Discovery;
pub use dpop::Proofs;
pub use end_session::{Logout, LogoutDecision, PostLogout};
pub use error::{ErrorCode, OAuthError};
pub use frontchannel_logout::Elsewhere;
pub use own_token::{MOBILE_ID, enrolling_client, with_nonce};
pub use pushed_request::{PUSHED, PushedRequests};
pub use refresh_token::RefreshTokens;
pub use registration::Registrations;
pub use settings::{CibaSettings, DataSettings, PushedRequestSettings, RegistrationSettings, TokenSettings};
pub use signals::Transmitter;
pub use single_use::{SingleUse, USED};

/// What the stores of this folder keep their data in.
pub(crate) const TABLES: &[&str] = {
    let [deliveries, outcomes] = backchannel_logout::TABLES;
    &[deliveries, outcomes, ciba::TABLE]
};

/// What all endpoints share. Cheap to clone.
#[derive(Clone)]
pub struct Provider {
    /// Issuer identifier, without trailing slash.
    pub issuer: Arc<str>,
    /// Time.
    pub clock: Clock,
    /// Relying parties.
    pub clients: Arc<Registry>,
    /// Their public keys.
    pub client_keys: ClientKeys,
    /// What is used once.
    pub single_use: SingleUse,
    /// Certificates that clients show.
    pub certificates: ClientCertificates,
    /// Proofs of possession.
    pub proofs: Proofs,
    /// Signing keys.
    pub keys: Arc<SigningKeys>,
    /// Subject identifiers of people.
    pub subject_ids: Arc<SubjectIds>,
    /// The means of signing in that are offered.
    pub offered: Arc<[Means]>,
    /// Counters for operators.
    pub metrics: Arc<Metrics>,
    /// What happened.
    pub audit: Audit,
}

/// What the endpoints need that issue, read and revoke tokens. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    /// What all endpoints share.
    pub provider: Provider,
    /// Authorization codes.
    pub codes: Codes,
    /// What was granted.
    pub grants: Grants,
    /// To whom data went.
    pub ledger: Ledger,
    /// Receipts of what people confirmed.
    pub receipts: Receipts,
    /// Persons.
    pub people: People,
    /// Access tokens.
    pub access_tokens: AccessTokens,
    /// Refresh tokens.
    pub refresh_tokens: Arc<RefreshTokens>,
    /// Devices that wait for a person.
    pub devices: Devices,
    /// Services that wait for a person who is not at their site.
    pub ciba: Ciba,
    /// What releases data to back offices.
    pub data: DataApi,
    /// Lifetimes of what is issued.
    pub lifetimes: Lifetimes,
}

/// Lifetimes of what the token endpoint issues, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Access tokens.
    pub access: i64,
    /// ID tokens.
    pub id: i64,
    /// Refresh tokens, without use.
    pub refresh_idle: i64,
    /// Refresh tokens, since consent.
    pub refresh_absolute: i64,
    /// For how long a refresh token that was used is answered once more while its successor is unused.
    pub refresh_repeat: i64,
}

/// Where the endpoints are, below the issuer.
pub mod paths {
    /// Authorization (RFC 6749 §3.1).
    pub const AUTHORIZE: &str = "/oidc/authorize";
    /// Pushed authorization requests (RFC 9126).
    pub const PAR: &str = "/oidc/par";
    /// Token (RFC 6749 §3.2).
    pub const TOKEN: &str = "/oidc/token";
    /// UserInfo (OpenID Connect Core §5.3).
    pub const USERINFO: &str = "/oidc/userinfo";
    /// Introspection (RFC 7662).
    pub const INTROSPECTION: &str = "/oidc/introspect";
    /// Revocation (RFC 7009).
    pub const REVOCATION: &str = "/oidc/revoke";
    /// SigningKeys (RFC 7517).
    pub const JWKS: &str = "/oidc/jwks";
    /// The keys that sign receipts of applications, for good (RFC 7517).
    pub const RECEIPT_KEYS: &str = "/receipts/jwks";
    /// Device authorization (RFC 8628 §3.1).
    pub const DEVICE_AUTHORIZATION: &str = "/oidc/device_authorization";
    /// Registration of clients by themselves (RFC 7591 §3); below it, each has its own (RFC 7592).
    pub const REGISTRATION: &str = "/oidc/register";
    /// Backchannel authentication (CIBA Core §7).
    pub const BACKCHANNEL_AUTHENTICATION: &str = "/oidc/bc-authorize";
    /// Where people enter the code of a device (RFC 8628 §3.3).
    pub const DEVICE: &str = "/device";
    /// Where they go on with it.
    pub const DEVICE_CONTINUE: &str = "/device/continue";
    /// Data of people, for back offices: below it, each data set by its name.
    pub const DATA: &str = "/data";
    /// Who got data of a person, for the person.
    pub const USAGE: &str = "/data/usage";
    /// Whether a number is somebody's Mobile-ID.
    pub const VERIFICATION: &str = "/data/verification";
    /// Identification for the portal's app (docs/mobile-app.md), all below this.
    pub const MOBILE_ID: &str = "/mobile-id/v1";
    /// Grants that clients manage (Grant Management for OAuth 2.0), each by its identifier below this.
    pub const GRANTS: &str = "/oidc/grants";
    /// Streams of security events (SSF 1.0 §8.1.1).
    pub const SSF_STREAMS: &str = "/oidc/ssf/streams";
    /// Their status (SSF 1.0 §8.1.2).
    pub const SSF_STATUS: &str = "/oidc/ssf/status";
    /// Their subjects (SSF 1.0 §8.1.3).
    pub const SSF_ADD_SUBJECT: &str = "/oidc/ssf/subjects/add";
    /// The same.
    pub const SSF_REMOVE_SUBJECT: &str = "/oidc/ssf/subjects/remove";
    /// Their verification (SSF 1.0 §8.1.4).
    pub const SSF_VERIFY: &str = "/oidc/ssf/verify";
    /// Where events are polled (RFC 8936), each stream by its identifier below this.
    pub const SSF_POLL: &str = "/oidc/ssf/poll";
    /// What this provider says of itself as a transmitter (SSF 1.0 §7).
    pub const SSF_CONFIGURATION: &str = "/.well-known/ssf-configuration";
    /// RP-initiated logout.
    pub const END_SESSION: &str = "/oidc/logout";
    /// Discovery.
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
    /// What clients with certificates call (RFC 8705 §5), by the names that discovery has for them.
    pub const FOR_CERTIFICATES: [(&str, &str); 10] = [
        ("pushed_authorization_request_endpoint", PAR),
        ("device_authorization_endpoint", DEVICE_AUTHORIZATION),
        ("backchannel_authentication_endpoint", BACKCHANNEL_AUTHENTICATION),
        ("token_endpoint", TOKEN),
        ("userinfo_endpoint", USERINFO),
        ("introspection_endpoint", INTROSPECTION),
        ("revocation_endpoint", REVOCATION),
        ("grant_management_endpoint", GRANTS),
        ("data_endpoint", DATA),
        ("number_verification_endpoint", VERIFICATION),
    ];
    /// Whether a path is one that clients with certificates call.
    pub fn is_for_certificates(path: &str) -> bool {
        let below = |base: &str| path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
        below(GRANTS)
            || below(DATA)
            || below(MOBILE_ID)
            || FOR_CERTIFICATES.iter().any(|(_, known)| *known == path)
    }

    /// Authorization server metadata (RFC 8414 §3), for clients that know OAuth alone.
    pub const METADATA: &str = "/.well-known/oauth-authorization-server";
}

/// Adds the endpoints that speak to clients, each counted by its name. Those that browser apps call are open to scripts;
/// introspection is not, since browser apps are public clients.
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{delete, get, head, method, patch, post, put, resource, to};
    use actix_web::{Resource, http::Method};
    let named = |path: &str, name: &'static str, methods: &'static str| {
        let other = move || async move { error::wrong_method(methods) };
        resource(path).app_data(metrics.route(name)).default_service(to(other))
    };
    let open = |path: &str, name: &'static str, methods: &'static str| -> Resource {
        let options = method(Method::OPTIONS).to(cors::preflight);
        named(path, name, methods).app_data(OpenToScripts(methods)).route(options)
    };
    let metadata = |path: &str| {
        open(path, "discovery", "GET, HEAD, OPTIONS")
            .route(get().to(discovery::get))
            .route(head().to(discovery::get))
    };
    config
        .service(
            named(paths::AUTHORIZE, "authorize", "GET, POST")
                .route(get().to(authorize::get))
                .route(post().to(authorize::post)),
        )
        .service(open(paths::PAR, "par", "POST, OPTIONS").route(post().to(par::post)))
        .service(
            named(paths::DEVICE_AUTHORIZATION, "device_authorization", "POST")
                .route(post().to(device::authorize)),
        )
        .service(
            named(paths::BACKCHANNEL_AUTHENTICATION, "bc_authorize", "POST")
                .route(post().to(ciba::authorize)),
        )
        .service(
            named(paths::DEVICE, "device", "GET, POST")
                .route(get().to(device::enter))
                .route(post().to(device::entered)),
        )
        .service(named(paths::DEVICE_CONTINUE, "device", "POST").route(post().to(device::confirmed)))
        .service(open(paths::TOKEN, "token", "POST, OPTIONS").route(post().to(token::post)))
        .service(
            open(paths::USERINFO, "userinfo", "GET, POST, OPTIONS")
                .route(get().to(userinfo::get))
                .route(post().to(userinfo::post)),
        )
        .service(named(paths::INTROSPECTION, "introspection", "POST").route(post().to(introspection::post)))
        .service(open(paths::REVOCATION, "revocation", "POST, OPTIONS").route(post().to(revocation::post)))
        .service(
            named(&format!("{}/{{grant_id}}", paths::GRANTS), "grants", "GET, DELETE")
                .route(get().to(grant_management::get))
                .route(delete().to(grant_management::delete)),
        )
        .service(named(paths::USAGE, "data_usage", "GET").route(get().to(data::usage)))
        .service(named(paths::VERIFICATION, "verification", "POST").route(post().to(data::verify)))
        .service(named(&format!("{}/{{set}}", paths::DATA), "data", "GET").route(get().to(data::get)))
        .service(
            open(paths::JWKS, "jwks", "GET, HEAD, OPTIONS")
                .route(get().to(jwks::get))
                .route(head().to(jwks::get)),
        )
        .service(
            open(paths::RECEIPT_KEYS, "receipt_keys", "GET, HEAD, OPTIONS")
                .route(get().to(application_keys::get))
                .route(head().to(application_keys::get)),
        )
        .service(named(paths::REGISTRATION, "registration", "POST").route(post().to(registration::post)))
        .service(
            named(&format!("{}/{{client_id}}", paths::REGISTRATION), "registration", "GET, PUT, DELETE")
                .route(get().to(registration::get))
                .route(put().to(registration::put))
                .route(delete().to(registration::delete)),
        )
        .service(
            named(paths::SSF_STREAMS, "ssf", "GET, POST, PATCH, PUT, DELETE")
                .route(get().to(signals::get))
                .route(post().to(signals::create))
                .route(patch().to(signals::patch))
                .route(put().to(signals::put))
                .route(delete().to(signals::delete)),
        )
        .service(
            named(paths::SSF_STATUS, "ssf", "GET, POST")
                .route(get().to(signals::status_get))
                .route(post().to(signals::status_post)),
        )
        .service(named(paths::SSF_ADD_SUBJECT, "ssf", "POST").route(post().to(signals::add)))
        .service(named(paths::SSF_REMOVE_SUBJECT, "ssf", "POST").route(post().to(signals::remove)))
        .service(named(paths::SSF_VERIFY, "ssf", "POST").route(post().to(signals::verify)))
        .service(
            named(&format!("{}/{{stream_id}}", paths::SSF_POLL), "ssf_poll", "POST")
                .route(post().to(signals::poll)),
        )
        .service(
            named(paths::SSF_CONFIGURATION, "ssf_configuration", "GET, HEAD")
                .route(get().to(signals::configuration))
                .route(head().to(signals::configuration)),
        )
        .service(metadata(paths::DISCOVERY))
        .service(metadata(paths::METADATA));
}

/// What fuzz targets (`fuzz/`) reach of the parsers in here.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// The credentials in an `Authorization` header.
    pub fn basic_credentials(header: &str) {
        super::client_auth::basic_credentials(header);
    }

    /// The code of a device, as somebody types it.
    pub fn user_code(typed: &str) {
        super::device::fuzz_user_code(typed);
    }

    /// What a service wants a person to compare.
    pub fn binding_message(text: &str) {
        super::ciba::fuzz_binding_message(text);
    }

    /// What a service sends about its stream of events.
    pub fn signals(body: &[u8]) {
        super::signals::fuzz(body);
    }

    /// The claims of a request object, once its signature is verified.
    pub fn request_object(text: &str) {
        if let Ok(claims) = serde_json::from_str(text) {
            let _ = super::authorize::fuzzing::request_object(claims);
        }
    }

    /// The `authorization_details` parameter.
    pub fn authorization_details(text: &str) {
        super::authorization_details::fuzz(text);
        super::token::fuzz_person(text);
    }

    /// The `Accept` headers of an introspection request, a line each, and of a request for data; and the body of one about a number.
    pub fn accept(headers: &str) {
        super::introspection::fuzz_accept(headers);
        super::data::fuzz_accept(headers);
        super::data::fuzz_body(headers.as_bytes());
    }

    /// What a service sends to register itself.
    pub fn registration(body: &[u8]) {
        crate::clients::fuzzing::registration(body);
    }

    /// The document of a sector.
    pub fn sector(document: &[u8]) {
        crate::clients::fuzzing::sector(document);
    }

    /// The `claims` parameter.
    pub fn claims(text: &str) {
        let _ = super::claims::ClaimsRequest::parse(text);
    }
}
