//! That somebody proved by a signature who they are, for whoever opens an account for them: sealed, of one browser, for a short time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::signed::EriSigned;
use crate::people::Pinfl;
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::seal::{Keyring, Sealer};
use crate::sign_in::Organisation;

/// For how long a proof can be used, in seconds: as long as it takes to enter a document and a number.
const LASTS: i64 = 900;

/// Who proved it, by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EriProof {
    /// The person.
    #[serde(serialize_with = "Pinfl::serialize_digits")]
    pub pinfl: Pinfl,
    /// The name on the certificate.
    pub name: String,
    /// The certificate's serial number.
    pub serial_number: String,
    /// Whether hardware protects the key.
    pub hardware: bool,
    /// The legal entity for which the person acts with it.
    pub organisation: Option<Organisation>,
    /// When it was proved.
    pub proved_at: Timestamp,
}

/// Seals and opens proofs. Cheap to clone.
#[derive(Clone)]
pub struct EriProofs {
    sealer: Arc<Sealer>,
    clock: Clock,
}

impl EriProofs {
    pub(super) fn new(keyring: &Keyring, clock: Clock) -> Self {
        Self { sealer: Arc::new(keyring.sealer("eri-proof")), clock }
    }

    /// What was proved in `browser`, as a token that opens nowhere else.
    pub fn seal(&self, signed: &EriSigned, browser: &Digest) -> String {
        let proof = EriProof {
            pinfl: signed.certificate.pinfl.clone(),
            name: signed.certificate.name.clone(),
            serial_number: signed.certificate.serial_number.clone(),
            hardware: signed.hardware,
            organisation: signed.organisation().map(|organisation| *organisation),
            proved_at: self.clock.now(),
        };
        self.sealer.seal_text(&browser.0, &serde_json::to_vec(&proof).unwrap_or_default())
    }

    /// The proof in a token of this browser; `None` if it is another's, too old, or none.
    pub fn open(&self, token: &str, browser: &Digest) -> Option<EriProof> {
        let plain = self.sealer.open_text(&browser.0, token).ok()?;
        let proof: EriProof = serde_json::from_slice(&plain).ok()?;
        (0..LASTS).contains(&self.clock.now().since(proof.proved_at)).then_some(proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registries::eimzo::Certificate;

    #[test]
    fn r114_a_proof_opens_in_its_browser_alone_and_for_a_short_time() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap();
        let clock = Clock::manual(Timestamp(1_795_800_000));
        let proofs = EriProofs::new(&keyring, clock.clone());
        let certificate = Certificate {
            pinfl: Pinfl::parse("41204902040015").unwrap(),
            serial_number: "77a1".to_owned(),
            name: "KARIMOVA DILNOZA".to_owned(),
            tin: None,
            validity: (Timestamp(0), Timestamp(2_000_000_000)),
            organisation: None,
        };
        let browser = Digest::of(b"browser");
        let token = proofs.seal(&EriSigned { certificate, hardware: true }, &browser);
        let proof = proofs.open(&token, &browser).unwrap();
        assert_eq!((proof.pinfl.digits(), proof.hardware), ("41204902040015", true));
        assert_eq!(proofs.open(&token, &Digest::of(b"another")), None);
        assert_eq!(proofs.open(&token[1..], &browser), None);
        clock.advance(LASTS - 1);
        assert!(proofs.open(&token, &browser).is_some());
        clock.advance(1);
        assert_eq!(proofs.open(&token, &browser), None);
    }
}
