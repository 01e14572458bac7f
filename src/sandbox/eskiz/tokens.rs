//! Eskiz's bearer tokens: JWTs (RFC 7519) with HS256, of which some clients read
//! the expiry.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use aws_lc_rs::rand::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// Lifetime of a token.
const LIFETIME: Duration = Duration::days(30);

/// How long after its expiry a token can still be refreshed.
const REFRESH_WINDOW: Duration = Duration::days(30);

/// The validity of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountState {
    /// Valid.
    Valid,
    /// Expired, but can be refreshed.
    Expired,
    /// Invalid, or too old to be refreshed: log in again.
    Invalid,
}

/// How tokens are issued at present.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    /// Tokens of an earlier generation have expired.
    pub generation: u64,
    /// New tokens are expired when issued.
    pub stillborn: bool,
}

/// Issues and verifies tokens, and issues ids.
pub(crate) struct Tokens {
    key: Key,
    given: AtomicU64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    iat: i64,
    exp: i64,
    nbf: i64,
    jti: String,
    generation: u64,
}

impl Tokens {
    /// With a key that exists only in this process.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub(crate) fn new() -> io::Result<Self> {
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| io::Error::other("the operating system gives no randomness"))?;
        Ok(Self { key, given: AtomicU64::new(0) })
    }

    /// A unique UUID (in version 4 format).
    pub(crate) fn uuid(&self) -> String {
        let count = self.given.fetch_add(1, Ordering::Relaxed);
        let tag = hmac::sign(&self.key, &count.to_be_bytes());
        let mut bytes = [0_u8; 16];
        for (byte, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *byte = *from;
        }
        bytes[6] = 0x40 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// A new token.
    pub(crate) fn give(&self, now: OffsetDateTime, terms: Terms) -> String {
        let lifetime = if terms.stillborn { Duration::ZERO } else { LIFETIME };
        let iat = now.unix_timestamp();
        let claims = json!(Claims {
            iss: "eskiz".into(),
            sub: "1".into(),
            iat,
            exp: (now + lifetime).unix_timestamp(),
            nbf: iat,
            jti: self.uuid(),
            generation: terms.generation,
        });
        let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let tag = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// The validity of `token` at `now`.
    pub(crate) fn standing(&self, token: &str, now: OffsetDateTime, terms: Terms) -> AccountState {
        let Some(claims) = self.open(token) else { return AccountState::Invalid };
        let now = now.unix_timestamp();
        if claims.exp + REFRESH_WINDOW.whole_seconds() < now {
            AccountState::Invalid
        } else if claims.exp <= now || claims.generation < terms.generation {
            AccountState::Expired
        } else {
            AccountState::Valid
        }
    }

    fn open(&self, token: &str) -> Option<Claims> {
        let (signed, tag) = token.rsplit_once('.')?;
        hmac::verify(&self.key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOON: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);
    const ORDINARY: Terms = Terms { generation: 0, stillborn: false };

    #[test]
    fn a_token_lives_thirty_days_and_can_be_refreshed_for_thirty_more() {
        let tokens = Tokens::new().unwrap();
        let token = tokens.give(NOON, ORDINARY);
        assert_eq!(tokens.standing(&token, NOON + Duration::days(29), ORDINARY), AccountState::Valid);
        assert_eq!(tokens.standing(&token, NOON + Duration::days(30), ORDINARY), AccountState::Expired);
        assert_eq!(tokens.standing(&token, NOON + Duration::days(61), ORDINARY), AccountState::Invalid);
    }

    #[test]
    fn a_token_that_was_changed_or_made_elsewhere_is_invalid() {
        let tokens = Tokens::new().unwrap();
        let token = tokens.give(NOON, ORDINARY);
        let changed = token.replacen("eyJ", "eyK", 1);
        let foreign = Tokens::new().unwrap().give(NOON, ORDINARY);
        for bad in [changed.as_str(), foreign.as_str(), "a.b.c", ""] {
            assert_eq!(tokens.standing(bad, NOON, ORDINARY), AccountState::Invalid, "{bad}");
        }
    }

    #[test]
    fn tokens_expire_when_born_so_or_when_their_generation_has_passed() {
        let tokens = Tokens::new().unwrap();
        let token = tokens.give(NOON, ORDINARY);
        let later = Terms { generation: 1, stillborn: true };
        assert_eq!(tokens.standing(&token, NOON, later), AccountState::Expired);
        let stillborn = tokens.give(NOON, later);
        assert_eq!(tokens.standing(&stillborn, NOON, later), AccountState::Expired);
    }

    #[test]
    fn ids_look_like_uuids_and_do_not_repeat() {
        let tokens = Tokens::new().unwrap();
        let (one, two) = (tokens.uuid(), tokens.uuid());
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(&one[14..15], "4");
    }
}
