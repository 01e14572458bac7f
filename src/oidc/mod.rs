//! OpenID Connect and OAuth 2.0 on the wire: one file per endpoint, named by its URL's noun.
//!
//! `request.rs` is the ordered list of what an authorization request must pass; `answer.rs` is the way back to the
//! client; `grants.rs` keeps what was granted. Who the person is comes from `sign_in`, what may be released from
//! `release`, pages from `pages`.

mod access_token;
mod answer;
mod authorize;
mod backchannel_logout;
mod claims;
mod client_auth;
mod code;
mod discovery;
mod end_session;
mod error;
mod form_post;
mod grants;
mod id_token;
pub mod interaction;
mod introspection;
mod jwks;
mod refresh_token;
mod request;
mod revocation;
mod revoked;
mod settings;
mod store;
mod subject;
mod token;
mod userinfo;

use std::sync::Arc;

use crate::clients::Registry;
use crate::platform::clock::Clock;
use crate::platform::jose::SigningKeys;
use crate::platform::telemetry::Metrics;
use crate::platform::web::cookies::Cookies;
use crate::release::Release;
use crate::sign_in::{Sessions, SignInAttempt, SignInAttempts};

pub use access_token::AccessTokens;
pub use answer::{Answer, IssueOutcome, deny, issue, refuse};
pub use authorize::{page_path, send, service};
pub use backchannel_logout::LogoutNotifier;
pub use code::Codes;
pub use discovery::Discovery;
pub use end_session::{LogoutDecision, PostLogout, confirm_token, end, leave};
pub use error::{ErrorCode, Refusal, ToClient};
pub use form_post::FormPostPage;
pub use grants::Grants;
pub use refresh_token::RefreshTokens;
pub use request::{AuthorizationRequest, Prompt, ResponseMode, VerifiedRedirect};
pub use revoked::Revoked;
pub use settings::TokenSettings;
pub use subject::SubjectIds;

/// Lifetimes of what is issued, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Authorization codes.
    pub code: i64,
    /// Access tokens.
    pub access: i64,
    /// ID tokens.
    pub id: i64,
    /// Refresh tokens without use.
    pub refresh_idle: i64,
    /// Refresh tokens since consent.
    pub refresh_absolute: i64,
}

/// What the endpoints need.
#[derive(Clone)]
pub struct Oidc {
    /// The issuer, without trailing slash, and what hangs on it.
    pub issuer: Arc<str>,
    /// Time.
    pub clock: Clock,
    /// Relying parties.
    pub clients: Arc<Registry>,
    /// Signing keys.
    pub keys: Arc<SigningKeys>,
    /// Persons and consents.
    pub release: Release,
    /// SSO sessions.
    pub sessions: Sessions,
    /// Sign-ins in progress.
    pub attempts: SignInAttempts,
    /// Authorization codes.
    pub codes: Codes,
    /// What was granted.
    pub grants: Grants,
    /// What was revoked.
    pub revoked: Revoked,
    /// Opaque access tokens.
    pub access_tokens: Arc<AccessTokens>,
    /// Refresh tokens.
    pub refresh_tokens: Arc<RefreshTokens>,
    /// Names of people for clients.
    pub subject_ids: Arc<SubjectIds>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Tells clients of ended sessions.
    pub logout: LogoutNotifier,
    /// Cookies.
    pub cookies: Cookies,
    /// Counters for operators.
    pub metrics: Arc<Metrics>,
}

/// A sign-in that an OpenID Connect client began.
pub type OidcAttempt = SignInAttempt<AuthorizationRequest>;

/// Where the endpoints are, below the issuer.
pub mod paths {
    /// Authorization (RFC 6749 §3.1).
    pub const AUTHORIZE: &str = "/oidc/authorize";
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
    /// RP-initiated logout.
    pub const END_SESSION: &str = "/oidc/logout";
    /// Discovery.
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
}

/// Adds the endpoints that speak to clients, each counted by its name.
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{get, head, post, resource};
    let named = |path: &str, name: &'static str| resource(path).app_data(metrics.route(name));
    config
        .service(
            named(paths::AUTHORIZE, "authorize")
                .route(get().to(authorize::get))
                .route(post().to(authorize::post)),
        )
        .service(named(paths::TOKEN, "token").route(post().to(token::post)))
        .service(
            named(paths::USERINFO, "userinfo")
                .route(get().to(userinfo::get))
                .route(post().to(userinfo::post)),
        )
        .service(named(paths::INTROSPECTION, "introspection").route(post().to(introspection::post)))
        .service(named(paths::REVOCATION, "revocation").route(post().to(revocation::post)))
        .service(named(paths::JWKS, "jwks").route(get().to(jwks::get)).route(head().to(jwks::get)))
        .service(
            named(paths::DISCOVERY, "discovery")
                .route(get().to(discovery::get))
                .route(head().to(discovery::get)),
        );
}
