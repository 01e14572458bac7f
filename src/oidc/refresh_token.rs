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

/// Where bound ones are sealed: a node of a version that knows no binding, beside which this one runs during an upgrade, does
/// not open them.
const BOUND_PLACE: &[u8] = b"bound-refresh-token";

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
            if grant.details.claims.any_in_id_token() {
                plain = plain + " " + grant.details.person_id.as_str();
            }
            let Some(bound_to) = grant.details.bound_to else {
                return self.0.seal_text(PLACE, plain.as_bytes());
            };
            plain = plain + " " + BOUND + &serde_json::json!(bound_to).to_string();
            self.0.seal_text(BOUND_PLACE, plain.as_bytes())
        })
    }

    /// What a token names; `None` when it is not ours.
    pub fn open(&self, text: &str) -> Option<RefreshToken> {
        if text.len() > 1024 {
            return None;
        }
        let plain = self.0.open_text(PLACE, text).or_else(|_| self.0.open_text(BOUND_PLACE, text));
        let plain = String::from_utf8(plain.ok()?).ok()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::ClientId;
    use crate::platform::bytes::Digest;
    use crate::platform::clock::Timestamp;

    #[test]
    fn a_version_that_knows_no_binding_opens_no_bound_token() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap();
        let tokens = RefreshTokens::new(&keyring);
        let details = serde_json::json!({
            "person_id": "p", "sub": "s", "scope": "openid offline_access", "released": [], "auth_time": 1,
            "acr": "urn:yagona:acr:mobile-id", "amr": [], "sid": "i", "consent_id": null, "consent_until": null,
        });
        let grant = |bound_to| Grant {
            id: "g".to_owned(),
            client_id: ClientId::parse("native").unwrap(),
            details: crate::grants::GrantDetails {
                bound_to,
                ..serde_json::from_value(details.clone()).unwrap()
            },
            generation: 1,
            refreshed_at: Timestamp(1),
            expires_at: Timestamp(2),
            revoked: false,
            taken_over: false,
        };
        let bound = Some(Confirmation::Key(Digest([7; 32])));
        for bound_to in [None, bound] {
            let text = tokens.of(&grant(bound_to)).unwrap();
            let former = keyring.sealer("refresh-token").open_text(b"refresh-token", &text);
            assert_eq!(former.is_ok(), bound_to.is_none(), "as that version opens it");
            assert_eq!(tokens.open(&text).unwrap().bound_to, bound_to);
        }
    }
}
