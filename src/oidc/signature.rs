//! The key by which something is signed for a client.

use super::error::{ErrorCode, TokenError};
use crate::clients::{AccessTokenFormat, Client};
use crate::platform::clock::Timestamp;
use crate::platform::jose::{Alg, KeySet, SigningKey};

/// The key that signs with `alg` at `now`. To be asked for before anything is used up: the first key of an algorithm that an
/// upgrade brought is published for an hour before it signs.
///
/// # Errors
/// [`TokenError`] when there is none yet.
pub(super) fn key(keys: &KeySet, alg: Alg, now: Timestamp) -> Result<&SigningKey, TokenError> {
    keys.signing(alg, now).ok_or_else(|| {
        let words = "no key signs with the algorithm that the client registered yet: a new one is published for an hour before it signs";
        let detail = Some(format!("no key signs with {}", alg.name()));
        TokenError { detail, ..TokenError::new(ErrorCode::TemporarilyUnavailable, words) }
    })
}

/// Makes sure that the tokens of a client can be signed: its access tokens, and its ID tokens if it is to get one.
///
/// # Errors
/// As for [`key`].
pub(super) fn of_tokens(
    keys: &KeySet,
    client: &Client,
    id_token: bool,
    now: Timestamp,
) -> Result<(), TokenError> {
    let policy = &client.tokens;
    let access = (policy.access_token_format == AccessTokenFormat::Jwt).then_some(policy.access_token_alg);
    let id = id_token.then_some(policy.id_token_alg);
    access.into_iter().chain(id).try_for_each(|alg| key(keys, alg, now).map(|_| ()))
}
