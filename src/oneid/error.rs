//! Refusals in OneID's words: the name of an exception and a code. One answer of OneID is on record
//! (`ClientSecretException`); the others have its form.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use serde::Serialize;

use crate::audit::{Audit, Event, Kind};
use crate::clients::ClientId;
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;

/// Why a request of a service is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    /// The client is unknown or disabled, or its secret is wrong.
    ClientSecret,
    /// The client's registration does not allow the protocol.
    Client,
    /// The client calls from elsewhere than its registration says.
    Address,
    /// The client sent too many requests in this minute.
    Limit,
    /// The request cannot be read, or lacks something.
    Request,
    /// There is no such `grant_type`.
    GrantType,
    /// The code is unknown, expired or used, or another client's.
    Used,
    /// The redirect URI is not the one that the code went to.
    RedirectUri,
    /// The token is unknown or has ended, or is another client's.
    AccessToken,
    /// A store is unavailable.
    Unavailable,
    /// The provider failed.
    Internal,
}

impl Code {
    const fn row(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::ClientSecret => ("ClientSecretException", "CLIENT_SECRET_NOT_FOUND", 400),
            Self::Client => ("ClientException", "CLIENT_NOT_ALLOWED", 400),
            Self::Address => ("ClientAddressException", "CLIENT_ADDRESS_NOT_ALLOWED", 400),
            Self::Limit => ("RequestLimitException", "REQUEST_LIMIT_EXCEEDED", 429),
            Self::Request => ("RequestException", "REQUEST_NOT_VALID", 400),
            Self::GrantType => ("GrantTypeException", "GRANT_TYPE_NOT_FOUND", 400),
            Self::Used => ("AuthorizationCodeException", "AUTHORIZATION_CODE_NOT_FOUND", 400),
            Self::RedirectUri => ("RedirectUriException", "REDIRECT_URI_NOT_FOUND", 400),
            Self::AccessToken => ("AccessTokenException", "ACCESS_TOKEN_NOT_FOUND", 400),
            Self::Unavailable => ("ServiceException", "SERVICE_UNAVAILABLE", 503),
            Self::Internal => ("ServiceException", "SERVICE_FAILED", 500),
        }
    }

    /// The code on the wire.
    pub(super) const fn name(self) -> &'static str {
        self.row().1
    }
}

/// The answer's body.
#[derive(Serialize)]
struct Body {
    message: &'static str,
    error: &'static str,
}

/// A refused request of a service.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: Code,
    /// Why, for operators and developers. The wire has no place for it.
    reason: Cow<'static, str>,
    /// For the log alone.
    detail: Option<String>,
    /// The client, as it says or as it has proved.
    client: Option<String>,
    /// Seconds after which trying again makes sense.
    retry_after: Option<i64>,
}

impl Refusal {
    pub(super) fn new(code: Code, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into(), detail: None, client: None, retry_after: None }
    }

    /// The same refusal, of a client as it says or as it has proved.
    pub(super) fn of(self, client: impl Into<String>) -> Self {
        Self { client: Some(client.into()), ..self }
    }

    /// The same refusal, of a client that has proved who it is.
    pub(super) fn of_client(self, client: &ClientId) -> Self {
        self.of(client.as_str())
    }

    /// The same refusal, which ends after so many seconds.
    pub(super) fn retry_after(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Records it: as a fault of the provider, or as a refusal of a request with this `grant_type`.
    pub(super) fn record(&self, audit: &Audit, grant_type: &'static str) {
        let (code, reason) = (self.code.name(), &*self.reason);
        if self.code.row().2 >= 500 {
            tracing::error!(
                event = "oneid.fault",
                grant.r#type = grant_type,
                oidc.error = code,
                client.id = self.client,
                error = self.detail,
                "{reason}"
            );
            return;
        }
        let event = Event::new(Kind::OneIdRefused).error(code).reason(reason).grant_type(grant_type);
        audit.record(match &self.client {
            Some(client) => event.client(client.as_str()),
            None => event,
        });
    }

    /// Turns it into the answer.
    pub(super) fn answer(&self) -> HttpResponse {
        let (message, error, status) = self.code.row();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let response = respond::json(status, &Body { message, error });
        match self.retry_after {
            Some(seconds) => respond::retry_after(response, seconds),
            None => response,
        }
    }
}

/// The answer to a method that the URL does not serve.
pub(super) async fn wrong_method() -> HttpResponse {
    let (message, error, _) = Code::Request.row();
    let mut response = respond::json(StatusCode::METHOD_NOT_ALLOWED, &Body { message, error });
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

impl From<ServiceError> for Refusal {
    fn from(fault: ServiceError) -> Self {
        let refusal = match &fault {
            ServiceError::Unavailable(_) => {
                Self::new(Code::Unavailable, "try again in a moment").retry_after(2)
            }
            ServiceError::Internal(_) => Self::new(Code::Internal, "the provider failed"),
        };
        Self { detail: Some(fault.to_string()), ..refusal }
    }
}

impl From<crate::platform::db::DbError> for Refusal {
    fn from(error: crate::platform::db::DbError) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<crate::platform::ephemeral::Unavailable> for Refusal {
    fn from(error: crate::platform::ephemeral::Unavailable) -> Self {
        ServiceError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn bad_credentials_are_told_as_oneid_tells_them() {
        let answer = Refusal::new(Code::ClientSecret, "wrong").answer();
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.headers().get("content-type").unwrap(), "application/json");
        let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
        assert_eq!(body, r#"{"message":"ClientSecretException","error":"CLIENT_SECRET_NOT_FOUND"}"#);
    }
}
