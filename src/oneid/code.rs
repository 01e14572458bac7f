//! Codes, and the access tokens that they become.
//!
//! A code is a UUID of random bits. What it stands for is short-lived state. Its token is a UUID as well, a keyed digest of the
//! code: so the grant is named by the digest of its token alone, a service finds it by the token without a table of tokens,
//! and a code that comes again is known even when what it stood for is gone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::uuid::Uuid;
use crate::clients::{ClientId, RedirectUri};
use crate::grants::GrantDetails;
use crate::platform::bytes::Digest;
use crate::platform::ephemeral::{Batch, Ephemeral, EphemeralKey, KeySpace, Unavailable};
use crate::platform::seal::{Keyring, Mac};
use crate::sign_in::Sessions;

/// What codes stand for.
pub const CODES: KeySpace = KeySpace::new(b'o', "OneID code");

/// The content of a code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CodeContent {
    /// Whom it was issued to.
    pub(super) client_id: ClientId,
    /// The redirect URI it was sent to.
    pub(super) redirect_uri: RedirectUri,
    /// The scope of the request: it means nothing, and is told again with the token.
    pub(super) scope: String,
    /// Digest of the session that it was issued in.
    pub(super) session: Digest,
    /// Blind index of the number by which the person signed in.
    pub(super) number: Option<Digest>,
    /// What is granted.
    pub(super) details: GrantDetails,
}

/// What a code stands for, and whether that may still be had.
pub(super) struct FoundCode {
    pub(super) content: CodeContent,
    /// Whether the session that it was issued in goes on.
    pub(super) in_session: bool,
}

/// Codes in circulation. Cheap to clone.
#[derive(Clone)]
pub struct Codes {
    ephemeral: Ephemeral,
    sessions: Sessions,
    tokens: Arc<Mac>,
}

impl Codes {
    /// Codes of these sessions, whose tokens are made with the key of their own purpose.
    pub fn new(keyring: &Keyring, ephemeral: Ephemeral, sessions: Sessions) -> Self {
        Self { ephemeral, sessions, tokens: Arc::new(keyring.mac("oneid-token")) }
    }

    /// Makes a code for `content` that is valid for `ttl` seconds. It exists once the batch is applied.
    pub(super) fn issue_in(batch: &mut Batch<'_>, content: &CodeContent, ttl: i64) -> Uuid {
        let code = Uuid::random();
        batch.put(EphemeralKey::of(CODES, code.as_str()), content, ttl);
        code
    }

    /// The access token that a code becomes. Whoever knows the code alone does not know it.
    pub(super) fn token_of(&self, code: &Uuid) -> Uuid {
        let Digest(digest) = self.tokens.digest(&[code.as_str().as_bytes()]);
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Uuid::of(half)
    }

    /// What a code stands for. It stays: whether the code was redeemed is in the durable store.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn find(&self, code: &Uuid) -> Result<Option<FoundCode>, Unavailable> {
        let found = self.ephemeral.get::<CodeContent>(EphemeralKey::of(CODES, code.as_str())).await?;
        let Some((content, _)) = found else { return Ok(None) };
        let session = self.sessions.find(content.session).await?;
        let in_session = session.is_some_and(|open| {
            let (session, details) = (&open.session, &content.details);
            session.person_id == details.person_id && session.epoch == details.epoch
        });
        Ok(Some(FoundCode { content, in_session }))
    }
}
