//! Authorization codes: what they stand for is short-lived state; that they were redeemed is durable (`grants/store.rs`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clients::{ClientId, RedirectUri};
use crate::grants::GrantDetails;
use crate::platform::bytes::{self, Digest};
use crate::platform::ephemeral::{Batch, EphemeralKey, KeySpace, Unavailable};
use crate::platform::seal::{Keyring, Sealer};
use crate::sign_in::Sessions;

/// What authorization codes stand for.
pub const CODES: KeySpace = KeySpace::new(b'c', "authorization code");

/// The longest text that is looked at as a code.
const LONGEST: usize = 256;

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
    /// Thumbprint of the key whose proof redeems it (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<Digest>,
    /// Digest of the session that it was issued in.
    pub session: Digest,
    /// Blind index of the number by which the person signed in.
    pub number: Option<Digest>,
    /// What is granted.
    pub details: GrantDetails,
}

/// What a code stands for, and whether that may still be had.
pub struct FoundCode {
    /// Its content.
    pub content: CodeContent,
    /// Whether the session that it was issued in goes on.
    pub in_session: bool,
}

/// Codes in circulation. Cheap to clone.
///
/// A code is 256 random bits and, sealed and bound to them, the digest of the session that it was issued in: content and
/// session are read in one round trip, and a text that is no code of ours costs none.
#[derive(Clone)]
pub struct Codes {
    sessions: Sessions,
    sealer: Arc<Sealer>,
}

impl Codes {
    /// Codes of these sessions, sealed with the key of their own purpose.
    pub fn new(keyring: &Keyring, sessions: Sessions) -> Self {
        Self { sessions, sealer: Arc::new(keyring.sealer("authorization-code")) }
    }

    /// Makes a code for `content` that is valid for `ttl` seconds. It exists once the batch is applied.
    pub fn issue_in(&self, batch: &mut Batch<'_>, content: &CodeContent, ttl: i64) -> String {
        let random = bytes::random_text::<32>();
        let code = sealed(&self.sealer, &random, content.session, content.dpop_jkt.is_some());
        batch.put(EphemeralKey::of(CODES, &code), content, ttl);
        code
    }

    /// Whether a text may be a code: nobody but this provider can make one.
    pub fn is_ours(&self, code: &str) -> bool {
        self.session_of(code).is_some()
    }

    /// What a code stands for. It stays: whether the code was redeemed is in the durable store.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find(&self, code: &str) -> Result<Option<FoundCode>, Unavailable> {
        let Some(digest) = self.session_of(code) else { return Ok(None) };
        let (content, session) = self.sessions.beside(EphemeralKey::of(CODES, code), digest).await?;
        Ok(content.map(|content: CodeContent| {
            let in_session = session.is_some_and(|open| {
                let (session, details) = (&open.session, &content.details);
                content.session.matches(&digest)
                    && session.person_id == details.person_id
                    && session.epoch == details.epoch
            });
            FoundCode { content, in_session }
        }))
    }

    fn session_of(&self, code: &str) -> Option<Digest> {
        opened(&self.sealer, code)
    }
}

/// Where the session of a code that is bound to a key is sealed: a node of a version that knows no such codes, beside which
/// this one runs during an upgrade, does not redeem them.
fn bound_place(random: &str) -> Vec<u8> {
    ["bound ", random].concat().into_bytes()
}

/// The code of these random letters for a session, bound to a key or not.
fn sealed(sealer: &Sealer, random: &str, session: Digest, bound: bool) -> String {
    let place = if bound { bound_place(random) } else { random.as_bytes().to_vec() };
    let session = sealer.seal_text(&place, &session.0);
    format!("{random}.{session}")
}

fn opened(sealer: &Sealer, code: &str) -> Option<Digest> {
    let (random, sealed) = code.split_once('.').filter(|_| code.len() <= LONGEST)?;
    let plain = sealer.open_text(random.as_bytes(), sealed);
    let plain = plain.or_else(|_| sealer.open_text(&bound_place(random), sealed)).ok()?;
    plain.try_into().ok().map(Digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_knows_no_binding_redeems_no_bound_code() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap();
        let sealer = keyring.sealer("authorization-code");
        for bound in [false, true] {
            let code = sealed(&sealer, "random", Digest([7; 32]), bound);
            let (random, session) = code.split_once('.').unwrap();
            let former = sealer.open_text(random.as_bytes(), session);
            assert_eq!(former.is_ok(), !bound, "as that version opens it");
            assert!(opened(&sealer, &code).is_some_and(|session| session.0 == [7; 32]));
            assert!(opened(&sealer, &format!("x{code}")).is_none());
        }
    }
}
