//! Refresh tokens: sealed names of a grant and a generation. Which generation is the current one is durable, so a
//! token used before is recognised as ours and as stale, without a list of all that were.

use crate::grants::{Confirmation, Grant};
use crate::people::PersonId;
use crate::platform::bytes;
use crate::platform::seal::{Keyring, Sealer};

/// Seals and opens refresh tokens.
pub struct RefreshTokens(Sealer);

/// What a refresh token names.
#[derive(Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The grant.
    pub grant: String,
    /// Which token of the grant it is, counted from 1.
    pub generation: i64,
    /// The person, where the ID token of a refresh tells something of their record: it is read before the token is used
    /// up.
    pub person_id: Option<PersonId>,
    /// What it is bound to; only of a public client, which does not prove itself otherwise.
    pub bound_to: Option<Confirmation>,
}

const PLACE: &[u8] = b"refresh-token";

/// What stands before that which a token is bound to. No person's identifier has an equals sign.
const BOUND: &str = "cnf=";

impl RefreshTokens {
    /// With the key of its own purpose.
    pub fn new(keyring: &Keyring) -> Self {
        Self(keyring.sealer("refresh-token"))
    }

    /// The current refresh token of a grant; `None` when it has none.
    pub fn of(&self, grant: &Grant) -> Option<String> {
        (grant.generation > 0).then(|| {
            // The random part keeps two tokens of one grant from telling that they belong together.
            let mut plain = format!("{} {} {}", grant.id, grant.generation, bytes::random_text::<16>());
            if !grant.details.claims.id_token.is_empty() {
                plain = plain + " " + grant.details.person_id.as_str();
            }
            if let Some(cnf) = grant.details.bound_to.and_then(|bound| serde_json::to_string(&bound).ok()) {
                plain = plain + " " + BOUND + &cnf;
            }
            self.0.seal_text(PLACE, plain.as_bytes())
        })
    }

    /// What a token names; `None` when it is not ours.
    pub fn open(&self, text: &str) -> Option<RefreshToken> {
        if text.len() > 1024 {
            return None;
        }
        let plain = String::from_utf8(self.0.open_text(PLACE, text).ok()?).ok()?;
        let mut parts = plain.split(' ');
        let (grant, generation) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        let (mut person_id, mut bound_to) = (None, None);
        for part in parts.skip(1) {
            match part.strip_prefix(BOUND) {
                Some(cnf) => bound_to = Some(serde_json::from_str(cnf).ok()?),
                None => person_id = Some(PersonId::stored(part.to_owned())),
            }
        }
        Some(RefreshToken { grant, generation, person_id, bound_to })
    }
}
