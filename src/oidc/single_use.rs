//! What is used once: the identifiers (`jti`) of client assertions and of proofs of possession. Short-lived state remembers
//! them for as long as what they stand in is accepted, which is minutes; where it cannot be asked, nothing is accepted.

use crate::clients::ClientId;
use crate::platform::bytes::Digest;
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable, Version};

/// Identifiers that were used.
pub const USED: KeySpace = KeySpace::new(b'j', "used identifier");

/// Identifiers that were used. Cheap to clone.
#[derive(Clone)]
pub struct SingleUse(Ephemeral);

impl SingleUse {
    /// Remembered in `ephemeral`.
    pub const fn new(ephemeral: Ephemeral) -> Self {
        Self(ephemeral)
    }

    /// Whether a client's assertion has an identifier that it did not use in the last `seconds`. Of many at once one is the
    /// first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn of_assertion(
        &self,
        client: &ClientId,
        id: &str,
        seconds: i64,
    ) -> Result<bool, Unavailable> {
        // A client's identifier has no blank in it.
        self.first(&format!("assertion {client} {id}"), seconds).await
    }

    /// The same of something else that a client signed, by its kind.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn of_client(
        &self,
        kind: &'static str,
        client: &ClientId,
        id: &str,
        seconds: i64,
    ) -> Result<bool, Unavailable> {
        self.first(&format!("{kind} {client} {id}"), seconds).await
    }

    /// The same of a proof that the key with this thumbprint made.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn of_proof(&self, key: &Digest, id: &str, seconds: i64) -> Result<bool, Unavailable> {
        self.first(&format!("proof {} {id}", key.encode()), seconds).await
    }

    async fn first(&self, what: &str, seconds: i64) -> Result<bool, Unavailable> {
        let key = EphemeralKey::of(USED, what);
        Ok(self.0.swap(key, Version::ABSENT, &true, seconds).await?.is_some())
    }
}
