//! Answers that are used again for a while, so that the steps of one identification do not ask the same thing each. They are
//! short-lived state: sealed in Redis, under digests of what was asked.

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::RegisterName;
use super::wire::Heard;
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace};
use crate::platform::seal::{Keyring, Mac};

/// Answers of registers. Their loss costs asking again.
pub const REGISTRY_ANSWERS: KeySpace = KeySpace::new(b'k', "answer of a register");

/// Answers that are used again.
pub(super) struct Kept {
    ephemeral: Ephemeral,
    keys: Mac,
    clock: Clock,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    at: i64,
    status: u16,
    body: Value,
}

impl Kept {
    pub(super) fn new(ephemeral: Ephemeral, keyring: &Keyring, clock: Clock) -> Self {
        Self { ephemeral, keys: keyring.mac("registry answer"), clock }
    }

    /// Under what the answer to a question is found.
    pub(super) fn key(&self, register: RegisterName, question: &[&str]) -> Digest {
        let mut parts: Vec<&[u8]> = vec![register.name().as_bytes()];
        parts.extend(question.iter().map(|part| part.as_bytes()));
        self.keys.digest(&parts)
    }

    /// The answer, and when it was given. A store that does not answer has none: the register is asked.
    pub(super) async fn get(&self, key: Digest) -> Option<(Heard, Timestamp)> {
        let found = self.ephemeral.get::<Entry>(EphemeralKey::from_digest(REGISTRY_ANSWERS, key)).await;
        let (entry, _) = found.ok().flatten()?;
        let status = StatusCode::from_u16(entry.status).ok()?;
        Some((Heard { status, body: entry.body }, Timestamp(entry.at)))
    }

    /// Keeps an answer for so many seconds, if the store lets it.
    pub(super) async fn put(&self, key: Digest, heard: Heard, seconds: i64) {
        let entry = Entry { at: self.clock.now().0, status: heard.status.as_u16(), body: heard.body };
        let key = EphemeralKey::from_digest(REGISTRY_ANSWERS, key);
        if let Err(error) = self.ephemeral.put(key, &entry, seconds).await {
            tracing::debug!(event = "registry.not_kept", %error, "an answer of a register was not kept");
        }
    }
}
