//! Errors in the RFCs' words: one table of codes, and the error of endpoints that answer with JSON.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, WWW_AUTHENTICATE};
use serde_json::json;

use crate::audit::{Audit, Event, Kind};
use crate::clients::{ClientId, Spent};
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;

/// Registered error codes. The comment names the registering document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorCode {
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidRequest,
    /// RFC 6749 §5.2.
    InvalidClient,
    /// RFC 6749 §5.2.
    InvalidGrant,
    /// RFC 6749 §4.1.2.1, §5.2.
    UnauthorizedClient,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidScope,
    /// RFC 8707 §2.
    InvalidTarget,
    /// Grant Management for OAuth 2.0: of an authorization request.
    InvalidGrantId,
    /// Grant Management for OAuth 2.0: at its endpoint.
    NoSuchGrant,
    /// SSF 1.0 §8.1: there is no such stream.
    NoSuchStream,
    /// SSF 1.0 §8.1.1.1: the client has as many streams as it may.
    StreamExists,
    /// RFC 9396 §5.
    InvalidAuthorizationDetails,
    /// RFC 6749 §4.1.2.1.
    AccessDenied,
    /// RFC 6749 §4.1.2.1.
    ServerError,
    /// RFC 6749 §4.1.2.1.
    TemporarilyUnavailable,
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core §3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core §3.1.2.6.
    InteractionRequired,
    /// OpenID Connect Core §3.1.2.6.
    RequestNotSupported,
    /// RFC 9101 §7.
    InvalidRequestObject,
    /// OpenID Connect Core §3.1.2.6.
    RequestUriNotSupported,
    /// OpenID Connect Core §3.1.2.6.
    RegistrationNotSupported,
    /// OpenID Connect Core Unmet Authentication Requirements 1.0.
    UnmetAuthenticationRequirements,
    /// RFC 9126 §2.3: more than this client may push in a while.
    TooManyRequests,
    /// RFC 9126 §2.3: larger than what is taken.
    TooLarge,
    /// RFC 8628 §3.5.
    AuthorizationPending,
    /// RFC 8628 §3.5.
    SlowDown,
    /// RFC 8628 §3.5.
    ExpiredToken,
    /// CIBA Core §13.
    ExpiredLoginHintToken,
    /// CIBA Core §13.
    UnknownUserId,
    /// CIBA Core §13.
    InvalidBindingMessage,
    /// RFC 6750 §3.1.
    InvalidToken,
    /// RFC 6750 §3.1.
    InsufficientScope,
    /// RFC 9449 §5, §7.1.
    InvalidDpopProof,
    /// RFC 9449 §8, §9.
    UseDpopNonce,
}

impl ErrorCode {
    /// The code on the wire.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Whether it only says that a device must go on waiting: nothing was refused.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::AuthorizationPending | Self::SlowDown)
    }

    /// Status of the answer where the error is not a redirect.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).unwrap_or(StatusCode::BAD_REQUEST)
    }

    const fn row(self) -> (&'static str, u16) {
        match self {
            Self::InvalidRequest => ("invalid_request", 400),
            Self::InvalidClient => ("invalid_client", 401),
            Self::InvalidGrant => ("invalid_grant", 400),
            Self::UnauthorizedClient => ("unauthorized_client", 400),
            Self::UnsupportedGrantType => ("unsupported_grant_type", 400),
            Self::UnsupportedResponseType => ("unsupported_response_type", 400),
            Self::InvalidScope => ("invalid_scope", 400),
            Self::InvalidTarget => ("invalid_target", 400),
            Self::InvalidGrantId => ("invalid_grant_id", 400),
            Self::NoSuchGrant => ("invalid_grant_id", 404),
            // SSF 1.0 names the statuses and no codes.
            Self::NoSuchStream => ("invalid_request", 404),
            Self::StreamExists => ("invalid_request", 409),
            Self::InvalidAuthorizationDetails => ("invalid_authorization_details", 400),
            Self::AccessDenied => ("access_denied", 400),
            Self::ServerError => ("server_error", 500),
            Self::TemporarilyUnavailable => ("temporarily_unavailable", 503),
            Self::LoginRequired => ("login_required", 400),
            Self::ConsentRequired => ("consent_required", 400),
            Self::InteractionRequired => ("interaction_required", 400),
            Self::RequestNotSupported => ("request_not_supported", 400),
            Self::InvalidRequestObject => ("invalid_request_object", 400),
            Self::RequestUriNotSupported => ("request_uri_not_supported", 400),
            Self::RegistrationNotSupported => ("registration_not_supported", 400),
            Self::UnmetAuthenticationRequirements => ("unmet_authentication_requirements", 400),
            // RFC 9126 names the statuses and no codes.
            Self::TooManyRequests => ("temporarily_unavailable", 429),
            Self::TooLarge => ("invalid_request", 413),
            Self::AuthorizationPending => ("authorization_pending", 400),
            Self::SlowDown => ("slow_down", 400),
            Self::ExpiredToken => ("expired_token", 400),
            Self::ExpiredLoginHintToken => ("expired_login_hint_token", 400),
            Self::UnknownUserId => ("unknown_user_id", 400),
            Self::InvalidBindingMessage => ("invalid_binding_message", 400),
            Self::InvalidToken => ("invalid_token", 401),
            Self::InsufficientScope => ("insufficient_scope", 403),
            Self::InvalidDpopProof => ("invalid_dpop_proof", 400),
            Self::UseDpopNonce => ("use_dpop_nonce", 400),
        }
    }
}

/// An error in the words of OAuth: what any endpoint tells a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OAuthError {
    /// The code.
    pub code: ErrorCode,
    /// ASCII text for the client's developers (RFC 6749 §5.2, `error_description`).
    pub description: &'static str,
}

impl OAuthError {
    /// An error with text for the client's developers.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }
}

/// An error of an endpoint that speaks JSON (RFC 6749 §5.2).
#[derive(Debug)]
pub(super) struct TokenError {
    /// The code.
    pub code: ErrorCode,
    /// ASCII text for the client's developers.
    pub description: &'static str,
    /// For the log and for operators alone: of a refusal, what was sent against what is registered or expected.
    pub detail: Option<String>,
    /// The client, as it says or as it has proved.
    pub client: Option<String>,
    /// Whether the client used HTTP Basic and gets `WWW-Authenticate` (RFC 6749 §5.2).
    pub basic: bool,
    /// The nonce that the next proof is to have (RFC 9449 §8).
    pub dpop_nonce: Option<String>,
    /// In how many seconds the same request may succeed (RFC 9110 §10.2.3).
    pub retry_after: Option<i64>,
}

impl TokenError {
    /// An error with words for the client's developers.
    pub(super) fn new(code: ErrorCode, description: &'static str) -> Self {
        Self {
            code,
            description,
            detail: None,
            client: None,
            basic: false,
            dpop_nonce: None,
            retry_after: None,
        }
    }

    /// The same error, of a client that has proved who it is.
    pub(super) fn of(self, client: &ClientId) -> Self {
        Self { client: Some(client.as_str().to_owned()), ..self }
    }

    /// The refusal of a client whose quota is used up (R99), which says when there is a new one.
    pub(super) fn quota(spent: Spent, now: Timestamp) -> Self {
        Self::new(ErrorCode::TooManyRequests, spent.description()).again_in(spent.seconds(now))
    }

    /// The same error, which says in how many seconds the same request may succeed.
    pub(super) fn again_in(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same error, with what operators are told beside it.
    pub(super) fn because(self, detail: String) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Records it: as a fault of the provider, or as the refusal `refused`, of a request for `grant_type` if it is one.
    pub(super) fn record(&self, audit: &Audit, refused: Kind, grant_type: Option<&'static str>) {
        let (code, description) = (self.code.name(), self.description);
        if self.code.status().is_server_error() {
            tracing::error!(
                event = "oidc.fault",
                oidc.endpoint = refused.name().split('.').next(),
                oidc.error = code,
                client.id = self.client,
                error = self.detail,
                "{description}"
            );
            return;
        }
        let mut event = Event::new(refused).error(code).reason(description);
        if let Some(client) = &self.client {
            event = event.client(client.as_str());
        }
        if let Some(grant_type) = grant_type {
            event = event.grant_type(grant_type);
        }
        if let Some(detail) = &self.detail {
            event = event.detail(detail.as_str());
        }
        audit.record(event);
    }

    /// Turns it into the answer, and records it once.
    pub(super) fn respond(&self, audit: &Audit, refused: Kind) -> HttpResponse {
        self.record(audit, refused, None);
        self.answer()
    }

    /// Turns it into the answer.
    pub(super) fn answer(&self) -> HttpResponse {
        let (code, description) = (self.code.name(), self.description);
        let body = json!({"error": code, "error_description": description});
        let mut response = respond::json(self.code.status(), &body);
        if self.code == ErrorCode::InvalidClient && self.basic {
            response.headers_mut().insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"yagona\", charset=\"UTF-8\""),
            );
        }
        if let Some(nonce) = self.dpop_nonce.as_deref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
            response.headers_mut().insert(super::dpop::NONCE, nonce);
        }
        let moment = (self.code == ErrorCode::TemporarilyUnavailable).then_some(2);
        if let Some(seconds) = self.retry_after.or(moment) {
            response = respond::retry_after(response, seconds);
        }
        response
    }
}

/// The answer to a method that an endpoint does not serve: a developer who opens it in a browser reads why.
pub(super) fn wrong_method(methods: &'static str) -> HttpResponse {
    let description = format!("this endpoint takes {methods}");
    let body = json!({"error": ErrorCode::InvalidRequest.name(), "error_description": description});
    let mut response = respond::json(StatusCode::METHOD_NOT_ALLOWED, &body);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

impl From<OAuthError> for TokenError {
    fn from(error: OAuthError) -> Self {
        Self::new(error.code, error.description)
    }
}

impl From<ServiceError> for TokenError {
    fn from(fault: ServiceError) -> Self {
        let (code, description) = match &fault {
            ServiceError::Unavailable(_) => (ErrorCode::TemporarilyUnavailable, "try again in a moment"),
            ServiceError::Internal(_) => (ErrorCode::ServerError, "the provider failed"),
        };
        Self { detail: Some(fault.to_string()), ..Self::new(code, description) }
    }
}

impl From<crate::platform::db::DbError> for TokenError {
    fn from(error: crate::platform::db::DbError) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<crate::platform::ephemeral::Unavailable> for TokenError {
    fn from(error: crate::platform::ephemeral::Unavailable) -> Self {
        ServiceError::from(error).into()
    }
}
