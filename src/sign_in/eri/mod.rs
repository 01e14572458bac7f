//! Electronic digital signatures (ERI) as a means of signing in: a key on a computer or an ID-card on a phone signs a challenge of E-IMZO's
//! server, which says who signed (`registries::eimzo`). What is kept of it: who, for which organisation, whether hardware protects the key.
//!
//! A certificate belongs to a person by its PINFL. That of an ID-card is held against the Tax Committee's data as well (R58). Whether a key
//! is in hardware is not believed of the page: only of the app for ID-cards, and of what the Tax Committee confirms to be an ID-card's.

mod proof;
mod settings;
mod signed;

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::platform::clock::Clock;
use crate::platform::seal::Keyring;
use crate::registries::eimzo::{Certificate, Payload, Progress, Wrong};
use crate::registries::{Asker, CardCertificate, RegisterName, Registries, RegistryError, Why};

pub use proof::{EriProof, EriProofs};
pub use settings::EriSettings;
pub use signed::EriSigned;

/// For how long an ID-card's signature is waited for, in seconds: as long as E-IMZO's server does.
const PHONE_SECONDS: i64 = 120;

/// What holds for all signatures.
#[derive(Clone, Debug)]
pub struct EriPolicy {
    /// The WebSockets of E-IMZO's program.
    pub capiws: Vec<String>,
    /// Domains and the keys that E-IMZO gave to them, one after the other.
    pub api_keys: Vec<String>,
    /// Whether an ID-card's certificate is held against the Tax Committee's data.
    pub tax_committee: bool,
}

impl From<&EriSettings> for EriPolicy {
    fn from(settings: &EriSettings) -> Self {
        Self {
            capiws: settings.capiws.clone(),
            api_keys: settings.api_keys.clone(),
            tax_committee: settings.tax_committee,
        }
    }
}

/// Signatures as a means of signing in. Cheap to clone.
#[derive(Clone)]
pub struct Eri {
    registries: Registries,
    /// Proofs for whoever has no account yet.
    pub proofs: EriProofs,
    /// What holds for all.
    pub policy: Arc<EriPolicy>,
}

/// What an attempt keeps while a signature is awaited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EriAsked {
    /// A key on this computer is to sign this text.
    Computer {
        /// The text.
        challenge: String,
    },
    /// An ID-card on a phone is to sign a document of E-IMZO's server.
    Phone {
        /// The server's name of it.
        document: String,
        /// What the app reads.
        payload: String,
    },
}

/// Why a signature signs nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EriProblem {
    /// It proves nothing.
    Wrong(Wrong),
    /// By the Tax Committee's data the certificate is not one of the person's ID-card (R58).
    NotConfirmed,
}

impl EriProblem {
    /// Its name in addresses of pages and in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wrong(wrong) => wrong.name(),
            Self::NotConfirmed => "not_confirmed",
        }
    }

    /// The key of the sentence for the problem of this name.
    pub fn sentence_of(name: &str) -> Option<&'static str> {
        if name == Self::NotConfirmed.name() {
            return Some("eri.not_confirmed");
        }
        Wrong::ALL.into_iter().find(|wrong| wrong.name() == name).map(Wrong::sentence)
    }
}

impl Eri {
    /// Signatures that `registries`' E-IMZO verifies.
    pub fn new(registries: Registries, policy: EriPolicy, (keyring, clock): (&Keyring, Clock)) -> Self {
        Self { registries, proofs: EriProofs::new(keyring, clock), policy: Arc::new(policy) }
    }

    /// Asks a key on the computer of the user at `ip` to sign; for how many seconds.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn ask_computer(&self, ip: IpAddr) -> Result<(EriAsked, i64), RegistryError> {
        let challenge = self.registries.eimzo().challenge(ip, &asker()).await?;
        Ok((EriAsked::Computer { challenge: challenge.text }, challenge.lasts))
    }

    /// Asks an ID-card on a phone to sign; for how many seconds.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn ask_phone(&self, ip: IpAddr) -> Result<(EriAsked, i64), RegistryError> {
        let begun = self.registries.eimzo().begin(ip, &asker()).await?;
        let payload = begun.payload.as_str().to_owned();
        Ok((EriAsked::Phone { document: begun.document_id, payload }, PHONE_SECONDS))
    }

    /// How far a phone's signature is.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn progress(&self, document: &str, ip: IpAddr) -> Result<Progress, RegistryError> {
        self.registries.eimzo().progress(document, ip, &asker()).await
    }

    /// Who signed `challenge` on a computer. `card`: the page says that it was an ID-card.
    ///
    /// # Errors
    /// [`RegistryError`] when E-IMZO's server or the Tax Committee cannot say.
    pub async fn by_computer(
        &self,
        (pkcs7, card): (&str, bool),
        challenge: &str,
        ip: IpAddr,
    ) -> Result<Result<EriSigned, EriProblem>, RegistryError> {
        match self.registries.eimzo().signed(pkcs7, challenge, ip, &asker()).await? {
            Ok(certificate) => self.judged(certificate, (card, false)).await,
            Err(wrong) => Ok(Err(EriProblem::Wrong(wrong))),
        }
    }

    /// Who signed with an ID-card on a phone. The server says it once.
    ///
    /// # Errors
    /// As [`Eri::by_computer`].
    pub async fn by_phone(
        &self,
        document: &str,
        ip: IpAddr,
    ) -> Result<Result<EriSigned, EriProblem>, RegistryError> {
        match self.registries.eimzo().signed_by_phone(document, ip, &asker()).await? {
            Ok(certificate) => self.judged(certificate, (true, true)).await,
            Err(wrong) => Ok(Err(EriProblem::Wrong(wrong))),
        }
    }

    /// Holds a person's certificate against the Tax Committee's data, whether or not the page says that it is an ID-card's (`card`): one that
    /// the Committee has for somebody else, or not in force, signs nobody in. `hardware`: that it is an ID-card's needs no further proof.
    /// Where the Committee does not answer, only what is claimed to be a card's waits for it.
    async fn judged(
        &self,
        certificate: Certificate,
        (card, hardware): (bool, bool),
    ) -> Result<Result<EriSigned, EriProblem>, RegistryError> {
        let asks = (card || certificate.organisation.is_none())
            && self.policy.tax_committee
            && self.registries.is_connected(RegisterName::Tax);
        if !asks {
            return Ok(Ok(EriSigned { certificate, hardware }));
        }
        let (pinfl, serial) = (&certificate.pinfl, certificate.serial_number.as_str());
        let known = match self.registries.tax_certificate(pinfl, serial, &asker()).await {
            Ok(answer) => answer.value,
            Err(_) if !card => CardCertificate::Unknown,
            Err(error) => return Err(error),
        };
        Ok(match known {
            CardCertificate::Confirmed => Ok(EriSigned { certificate, hardware: true }),
            // No ID-card's: a key of another issue, which E-IMZO's server has verified.
            CardCertificate::Unknown if !card => Ok(EriSigned { certificate, hardware }),
            CardCertificate::Unknown | CardCertificate::Denied => Err(EriProblem::NotConfirmed),
        })
    }
}

/// What the app reads, of a kept payload.
pub fn eri_payload(text: &str) -> Option<Payload> {
    Payload::parse(text)
}

fn asker() -> Asker {
    Asker::provider(Why::SignIn).with_consent()
}
