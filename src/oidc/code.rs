//! Authorization codes: what they stand for is short-lived state; that they were redeemed is durable (`store.rs`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::claims::ClaimsRequest;
use crate::clients::{ClientId, RedirectUri};
use crate::people::{DataSet, PersonId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable};
use crate::sign_in::{Acr, Amr};

/// What a code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeContent {
    /// Whom it was issued to.
    pub client_id: ClientId,
    /// The redirect URI it was sent to (RFC 6749 §4.1.3).
    pub redirect_uri: RedirectUri,
    /// RFC 7636.
    pub code_challenge: Option<String>,
    /// OpenID Connect Core §3.1.2.1.
    pub nonce: Option<String>,
    /// Whether the ID token must hold `auth_time`.
    pub auth_time_wanted: bool,
    /// What is granted.
    pub details: GrantDetails,
}

/// What a person let a client have: the names of things, no value of any of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantDetails {
    /// Whose data.
    pub person_id: PersonId,
    /// The person's name for this client.
    pub sub: String,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// Sets of data that may be released.
    pub released: BTreeSet<DataSet>,
    /// Claims asked for by name.
    pub claims: ClaimsRequest,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// What they did for it.
    pub acr: Acr,
    /// By which methods.
    pub amr: Vec<Amr>,
    /// The session's name for this client.
    pub sid: String,
    /// The consent that it rests on; absent when nothing personal is released.
    pub consent_id: Option<String>,
    /// When that consent ends, and everything that rests on it.
    pub consent_until: Option<Timestamp>,
}

impl GrantDetails {
    /// Leaves out what belongs to scopes that were granted and are not in `scope` (RFC 6749 §6).
    pub fn narrow_to(&mut self, scope: &str) {
        let granted: Vec<&str> = self.scope.split(' ').collect();
        let kept: Vec<&str> = scope.split(' ').collect();
        self.released.retain(|set| !granted.contains(&set.scope()) || kept.contains(&set.scope()));
        self.scope = scope.to_owned();
    }
}

/// What authorization codes stand for, by the codes.
pub const CODES: KeySpace = KeySpace::new(b'c', "authorization code");

/// Codes in circulation.
#[derive(Clone)]
pub struct Codes {
    ephemeral: Ephemeral,
}

impl Codes {
    /// Kept in `ephemeral`.
    pub fn new(ephemeral: Ephemeral) -> Self {
        Self { ephemeral }
    }

    /// Makes a code that stands for `content` for `ttl` seconds: 256 random bits.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn issue(&self, content: &CodeContent, ttl: i64) -> Result<String, Unavailable> {
        let code = bytes::random_text::<32>();
        self.ephemeral.put(EphemeralKey::of(CODES, &code), content, ttl).await?;
        Ok(code)
    }

    /// What a code stands for. It stays: whether it was redeemed is asked of the durable store.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find(&self, code: &str) -> Result<Option<CodeContent>, Unavailable> {
        Ok(self.ephemeral.get(EphemeralKey::of(CODES, code)).await?.map(|(content, _)| content))
    }
}

/// The identifier of what a code grants: made of the code's digest, so that a second redemption meets the first one's row.
pub fn grant_id(code: &str) -> String {
    bytes::encode(&Digest::of(code.as_bytes()).0[..20])
}
