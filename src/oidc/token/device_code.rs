//! `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4).

use super::TokenRequest;
use super::issue::{TokenResponse, redeem};
use crate::audit::{Event, Kind};
use crate::oidc::device::{Allowed, Polled, TOGETHER};
use crate::oidc::error::{ErrorCode, TokenError};

/// Answers it (§3.5). What a person let the device have is redeemed like a code: once.
pub(super) async fn issue(request: TokenRequest<'_>) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, .. } = request;
    let error = |code, description| Err(TokenError::new(code, description));
    let Some(code) = params.get("device_code") else {
        return error(ErrorCode::InvalidRequest, "device_code is missing");
    };
    let invalid = || {
        TokenError::new(
            ErrorCode::InvalidGrant,
            "the device code is invalid, already used, or was issued to another client",
        )
    };
    let Allowed { number, details, .. } = match tokens.devices.poll(code, &client.id).await? {
        Polled::TooSoon => {
            return error(ErrorCode::SlowDown, "wait five seconds longer between two polls from now on");
        }
        Polled::Pending => return error(ErrorCode::AuthorizationPending, "the person has not decided yet"),
        Polled::Denied => return error(ErrorCode::AccessDenied, "the person refused"),
        Polled::Expired => return error(ErrorCode::ExpiredToken, "the device code has expired: begin again"),
        Polled::Unknown => return Err(invalid()),
        Polled::SignedOut => {
            // It may have been redeemed before.
            tokens.grants.repeated(code, &client.id, TOGETHER).await?;
            return Err(invalid());
        }
        Polled::Allowed(allowed) => *allowed,
    };
    let issued = Event::new(Kind::TokenIssued).grant_type("device_code");
    redeem(request, (code, details, number, TOGETHER), (None, issued), invalid).await
}
