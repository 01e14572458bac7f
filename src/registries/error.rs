//! What a register could not do.

use std::fmt;

use crate::people;
use crate::platform::clock::Timestamp;

/// A register, or another system that is asked in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegisterName {
    /// The State Personalisation Centre: persons, documents, photos (679 A3-1).
    Personalisation,
    /// The Ministry of Internal Affairs: foreigners without permit (679 A3-1), addresses (679 A3-2).
    Interior,
    /// The Tax Committee: taxpayer numbers (679 A3-3), whose signature a certificate of an ID-card makes (479 cl. 23).
    Tax,
    /// The ministry of employment: present jobs (679 A3-4).
    Employment,
    /// The civil registry's archive (FHDYo): deaths (479 cl. 34).
    CivilRegistry,
    /// The register of social protection (479 cl. 6).
    Social,
    /// The commissions that certify disability (479 cl. 6).
    Disability,
    /// The State Personalisation Centre's comparison of faces and fingerprints (479 cl. 18, 23).
    Biometrics,
    /// The mobile operators: subscribers (679 A3-5).
    Operators,
    /// Unified billing: invoices and payments (479 cl. 6, 7).
    Billing,
    /// E-IMZO's server: electronic signatures.
    Eimzo,
    /// MyID: comparison of faces with the state's photo.
    Myid,
}

impl RegisterName {
    /// All of them, in the order of the settings.
    pub const ALL: [Self; 12] = [
        Self::Personalisation,
        Self::Interior,
        Self::Tax,
        Self::Employment,
        Self::CivilRegistry,
        Self::Social,
        Self::Disability,
        Self::Biometrics,
        Self::Operators,
        Self::Billing,
        Self::Eimzo,
        Self::Myid,
    ];

    /// Its name in settings, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Personalisation => "personalisation",
            Self::Interior => "interior",
            Self::Tax => "tax",
            Self::Employment => "employment",
            Self::CivilRegistry => "civil_registry",
            Self::Social => "social",
            Self::Disability => "disability",
            Self::Biometrics => "biometrics",
            Self::Operators => "operators",
            Self::Billing => "billing",
            Self::Eimzo => "eimzo",
            Self::Myid => "myid",
        }
    }

    /// The register of annex 3 that it is, from which values of a person's record come.
    pub const fn of_annex_3(self) -> Option<people::Register> {
        match self {
            Self::Personalisation => Some(people::Register::PersonalisationCentre),
            Self::Interior => Some(people::Register::InternalAffairs),
            Self::Tax => Some(people::Register::TaxCommittee),
            Self::Employment => Some(people::Register::EmploymentMinistry),
            _ => None,
        }
    }
}

impl fmt::Display for RegisterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A register gave no answer that can be used. Its text has no personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{register}: {kind}")]
pub struct RegistryError {
    /// Which one.
    pub register: RegisterName,
    /// Why.
    pub kind: ErrorKind,
}

/// Why a register gave no answer that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// It has no such record.
    #[error("no such record")]
    NotFound,
    /// It does not answer, or is too slow; asking again later may help.
    #[error("does not answer")]
    Unavailable {
        /// Since when calls have failed.
        since: Timestamp,
    },
    /// It answered that it will not tell, or that the question is wrong. Asking again does not help.
    #[error("refused")]
    Refused,
    /// Its answer contradicts itself or the question; nothing of it is used.
    #[error("its answer contradicts {0}")]
    Contradiction(Contradiction),
    /// No such register is configured.
    #[error("is not connected")]
    NotConnected,
}

/// What an answer contradicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// It is about somebody else than was asked for.
    #[error("the PINFL that was asked for")]
    OtherPerson,
    /// It has no such document as was asked for.
    #[error("the document that was asked for")]
    OtherDocument,
    /// It states another birth date than was asked for.
    #[error("the birth date that was asked for")]
    BirthDate,
    /// It is about another number than was asked for.
    #[error("the phone number that was asked for")]
    OtherNumber,
    /// It says that it failed and answers, or says two things at once.
    #[error("its own flag of success")]
    Flag,
    /// It lacks what such an answer must have, or what it has cannot be read.
    #[error("the form of such answers")]
    Form,
    /// It states other figures than were registered.
    #[error("the figures that were registered")]
    Figures,
}

impl RegistryError {
    /// An error of a register.
    pub const fn new(register: RegisterName, kind: ErrorKind) -> Self {
        Self { register, kind }
    }

    /// Whether a register says that there is nobody with this PINFL and this document.
    pub const fn is_nobody(&self) -> bool {
        use Contradiction as C;
        matches!(self.kind, ErrorKind::NotFound | ErrorKind::Contradiction(C::OtherPerson | C::OtherDocument))
    }

    /// Whether asking again later may help.
    pub const fn is_passing(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable { .. })
    }
}

impl ErrorKind {
    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Unavailable { .. } => "unavailable",
            Self::Refused => "refused",
            Self::Contradiction(_) => "contradiction",
            Self::NotConnected => "not_connected",
        }
    }
}
