//! Encryption of what a client gets (RFC 7516): what is signed for it is nested in a token that only its own key opens. The key
//! comes from where its other keys do (`clients/keys.rs`); what is to be encrypted never goes out otherwise.

use super::Provider;
use super::error::{ErrorCode, TokenError};
use crate::clients::{Client, ClientKeyError};
use crate::platform::jose::{KeyManagement, RecipientKey};
use crate::platform::service_error::ServiceError;

/// The key by which something is encrypted for a client, as its registration has it: `None` where it wants that signed alone.
/// To be asked for before anything is used up: its keys may have to be fetched.
///
/// # Errors
/// [`TokenError`] when the client has no such key, or its keys cannot be fetched.
pub(super) async fn recipient(
    provider: &Provider,
    client: &Client,
    alg: Option<KeyManagement>,
) -> Result<Option<RecipientKey>, TokenError> {
    let Some(alg) = alg else { return Ok(None) };
    match provider.client_keys.find(client, |keys| keys.recipient(alg)).await {
        Ok(Some(key)) => Ok(Some(key)),
        Ok(None) => {
            let words = match alg {
                KeyManagement::EcdhEs => {
                    "no key of the client is for encryption by ECDH-ES, which it registered: publish a P-256 key with use enc"
                }
                KeyManagement::RsaOaep256 => {
                    "no key of the client is for encryption by RSA-OAEP-256, which it registered: publish an RSA key with use enc"
                }
            };
            Err(TokenError::new(ErrorCode::InvalidRequest, words))
        }
        // The client's host fails, or the way there: that is no wrong request.
        Err(error @ ClientKeyError::Unreadable) => {
            Err(TokenError::new(ErrorCode::TemporarilyUnavailable, error.description()))
        }
        Err(error) => Err(TokenError::new(ErrorCode::InvalidRequest, error.description())),
    }
}

/// A signed token, nested in one for the recipient if there is one.
///
/// # Errors
/// [`ServiceError`] when the cryptography fails.
pub(super) fn nested(token: String, recipient: Option<&RecipientKey>) -> Result<String, ServiceError> {
    match recipient {
        None => Ok(token),
        Some(key) => key.nest(&token).map_err(|error| ServiceError::Internal(error.to_string())),
    }
}

/// Whether a token is encrypted: a compact JWE has five parts (RFC 7516 §7.1), of which nothing here is opened.
pub(super) fn is_encrypted(token: &str) -> bool {
    token.split('.').count() == 5
}
