//! `grant_type=authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.6).

use super::TokenRequest;
use super::issue::{TokenResponse, redeem};
use crate::audit::{Event, Kind};
use crate::clients::AuthMethod;
use crate::grants::Confirmation;
use crate::oidc::code::{CodeContent, FoundCode};
use crate::oidc::error::{ErrorCode, TokenError};
use crate::platform::bytes::{self, Digest};

/// Answers it.
pub(super) async fn issue(request: TokenRequest<'_>) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, bound_to, .. } = request;
    let code =
        params.get("code").ok_or_else(|| TokenError::new(ErrorCode::InvalidRequest, "code is missing"))?;
    let invalid = || {
        TokenError::new(
            ErrorCode::InvalidGrant,
            "authorization code is invalid, expired, already used, or was issued to another client",
        )
    };
    if !tokens.codes.is_ours(code) {
        return Err(invalid());
    }
    let Some(FoundCode { content, in_session, .. }) = tokens.codes.find(code).await? else {
        // A public client proves itself by what the content says: whoever finds its code somewhere must not end its grant.
        if client.authentication.method != AuthMethod::None {
            tokens.grants.replayed(code, &client.id).await?;
        }
        return Err(invalid());
    };
    if content.client_id != client.id {
        return Err(invalid());
    }
    if params.get("redirect_uri") != Some(content.redirect_uri.as_str()) {
        return Err(TokenError::new(
            ErrorCode::InvalidGrant,
            "redirect_uri does not match the authorization request",
        ));
    }
    proof_key(&content, params.get("code_verifier"))?;
    if content.dpop_jkt.is_some_and(|key| bound_to != Some(Confirmation::Key(key))) {
        let words =
            "the authorization code is bound to a key: the DPoP proof must be of the one that dpop_jkt named";
        return Err(TokenError::new(ErrorCode::InvalidGrant, words));
    }
    if !in_session {
        // A code of a session that has ended grants nothing any more, but may have been redeemed before.
        tokens.grants.replayed(code, &client.id).await?;
        return Err(invalid());
    }
    let CodeContent { details, nonce, number, .. } = content;
    let allowed = (code, details, number, 0);
    redeem(request, allowed, (nonce, Event::new(Kind::TokenIssued)), invalid).await
}

/// RFC 7636 §4.6, both ways: a verifier without a challenge is refused as well (RFC 9700 §2.1.1, downgrade).
fn proof_key(content: &CodeContent, verifier: Option<&str>) -> Result<(), TokenError> {
    let fail = |words| Err(TokenError::new(ErrorCode::InvalidGrant, words));
    match (&content.code_challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => fail("code_verifier is missing"),
        (None, Some(_)) => fail("code_verifier sent, but the authorization request had no code_challenge"),
        (Some(challenge), Some(verifier)) => {
            let well_formed = (43..=128).contains(&verifier.len())
                && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
            let digest = Digest::of(verifier.as_bytes()).encode();
            if well_formed && bytes::same(digest.as_bytes(), challenge.as_bytes()) {
                Ok(())
            } else {
                fail("code_verifier does not match code_challenge")
            }
        }
    }
}
