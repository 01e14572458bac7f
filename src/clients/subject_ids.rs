//! Subject identifiers and session IDs that a client knows a person and a session by: `sub` and `sid`, keyed digests.

use super::{Client, ClientId, SubjectType};
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::seal::{Keyring, Mac};

/// Derives `sub` (OpenID Connect Core §8.1) and `sid` (Back-Channel Logout 1.0 §2.1).
pub struct SubjectIds(Mac);

impl SubjectIds {
    /// With the key of its own purpose.
    pub fn new(keyring: &Keyring) -> Self {
        Self(keyring.mac("subject"))
    }

    /// The `sub` by which `client` knows `person`: clients of different sectors cannot compare notes.
    pub fn of(&self, client: &Client, person: &PersonId) -> String {
        let sector = match client.tokens.subject_type {
            SubjectType::Pairwise => client.tokens.sector.as_str(),
            SubjectType::Public => "",
        };
        self.0.digest(&[b"sub", sector.as_bytes(), person.as_str().as_bytes()]).encode()
    }

    /// Whether `text` has the form of every `sub`: 43 characters of base64url.
    pub fn is_one(text: &str) -> bool {
        Digest::try_from(text.to_owned()).is_ok()
    }

    /// The `sid` by which `client` knows an SSO session.
    pub fn sid(&self, client: &ClientId, session: &Digest) -> String {
        self.0.digest(&[b"sid", client.as_str().as_bytes(), &session.0]).encode()
    }
}
