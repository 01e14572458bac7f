//! `grant_type=urn:openid:params:grant-type:ciba` (CIBA Core §10.1).

use super::TokenRequest;
use super::issue::{TokenResponse, redeem};
use crate::audit::{Event, Kind};
use crate::oidc::ciba::{Approved, Polled, TOGETHER};
use crate::oidc::error::{ErrorCode, TokenError};

/// Answers it (§11). What a person approved is redeemed like a code: once.
pub(super) async fn issue(request: TokenRequest<'_>) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, .. } = request;
    let error = |code, description| Err(TokenError::new(code, description));
    let Some(id) = params.get("auth_req_id") else {
        return error(ErrorCode::InvalidRequest, "auth_req_id is missing");
    };
    let invalid = || {
        TokenError::new(
            ErrorCode::InvalidGrant,
            "auth_req_id is invalid, already used, or was issued to another client",
        )
    };
    let Approved { number, details } = match tokens.ciba.poll(id, &client.id).await? {
        Polled::TooSoon => {
            return error(ErrorCode::SlowDown, "wait five seconds longer between two polls from now on");
        }
        Polled::Pending => return error(ErrorCode::AuthorizationPending, "the person has not decided yet"),
        Polled::Denied => return error(ErrorCode::AccessDenied, "the person refused"),
        Polled::Expired => return error(ErrorCode::ExpiredToken, "auth_req_id has expired: begin again"),
        Polled::Unknown => return Err(invalid()),
        Polled::Approved(approved) => *approved,
    };
    let issued = Event::new(Kind::TokenIssued).grant_type("ciba");
    redeem(request, (id, details, number, TOGETHER), (None, issued), invalid).await
}
