//! That somebody proved who they are whose account they had locked themselves, by a means that unlocks it: sealed, of one browser and one
//! lock, for a short time. Nobody is signed in by it; it lets a button be pressed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Means;
use crate::people::{Epoch, PersonId};
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::seal::{Keyring, Sealer};

/// Where an account is unlocked.
pub const UNLOCK: &str = "/cabinet/unlock";

/// For how long a proof lets an account be unlocked, in seconds.
const LASTS: i64 = 300;

/// Who proved it, by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlockProof {
    /// The person.
    pub person: PersonId,
    /// The epoch that the lock began: an account that was unlocked and locked again since is not meant.
    pub epoch: Epoch,
    /// By which means.
    pub means: Means,
    /// When.
    pub proved_at: Timestamp,
}

/// Seals and opens such proofs. Cheap to clone.
#[derive(Clone)]
pub struct UnlockProofs {
    sealer: Arc<Sealer>,
    clock: Clock,
}

impl UnlockProofs {
    /// Under a key of their own.
    pub fn new(keyring: &Keyring, clock: Clock) -> Self {
        Self { sealer: Arc::new(keyring.sealer("unlock-proof")), clock }
    }

    /// What was proved in `browser`, as a token that opens nowhere else.
    pub fn seal(&self, (person, epoch): (&PersonId, Epoch), means: Means, browser: &Digest) -> String {
        let proof = UnlockProof { person: person.clone(), epoch, means, proved_at: self.clock.now() };
        self.sealer.seal_text(&browser.0, &serde_json::to_vec(&proof).unwrap_or_default())
    }

    /// The proof in a token of this browser; `None` if it is another's, too old, or none.
    pub fn open(&self, token: &str, browser: &Digest) -> Option<UnlockProof> {
        let plain = self.sealer.open_text(&browser.0, token).ok()?;
        let proof: UnlockProof = serde_json::from_slice(&plain).ok()?;
        (0..LASTS).contains(&self.clock.now().since(proof.proved_at)).then_some(proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_opens_in_its_browser_alone_and_for_a_short_time() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap();
        let clock = Clock::manual(Timestamp(1_795_800_000));
        let proofs = UnlockProofs::new(&keyring, clock.clone());
        let (person, browser) = (PersonId::random(), Digest::of(b"browser"));
        let token = proofs.seal((&person, Epoch(3)), Means::Passkey, &browser);
        let proof = proofs.open(&token, &browser).unwrap();
        assert_eq!((&proof.person, proof.epoch, proof.means), (&person, Epoch(3), Means::Passkey));
        assert_eq!(proofs.open(&token, &Digest::of(b"another")), None);
        assert_eq!(proofs.open(&token[1..], &browser), None);
        clock.advance(LASTS - 1);
        assert!(proofs.open(&token, &browser).is_some());
        clock.advance(1);
        assert_eq!(proofs.open(&token, &browser), None);
    }
}
