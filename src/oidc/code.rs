//! Authorization codes: what they stand for is short-lived state; that they were redeemed is durable (`store.rs`).

use serde::{Deserialize, Serialize};

use crate::clients::{ClientId, RedirectUri};
use crate::grants::GrantDetails;
use crate::platform::bytes;
use crate::platform::ephemeral::{Batch, Ephemeral, EphemeralKey, KeySpace, Unavailable};

/// What authorization codes stand for.
pub const CODES: KeySpace = KeySpace::new(b'c', "authorization code");

/// The content of a code.
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
    /// What is granted.
    pub details: GrantDetails,
}

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

    /// Makes a code for `content` that is valid for `ttl` seconds: 256 random bits. It exists once the batch is applied.
    pub fn issue_in(batch: &mut Batch<'_>, content: &CodeContent, ttl: i64) -> String {
        let code = bytes::random_text::<32>();
        batch.put(EphemeralKey::of(CODES, &code), content, ttl);
        code
    }

    /// The content of a code. It stays: whether the code was redeemed is in the durable store.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find(&self, code: &str) -> Result<Option<CodeContent>, Unavailable> {
        Ok(self.ephemeral.get(EphemeralKey::of(CODES, code)).await?.map(|(content, _)| content))
    }
}
