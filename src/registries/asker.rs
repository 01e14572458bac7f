//! Who asks a register, and why: for the gateway, which wants to know it, and for the log.

use std::fmt;

use crate::people::Pinfl;

/// Who asks, why, and whether the person agreed.
#[derive(Clone)]
pub struct Asker {
    who: Who,
    why: Why,
    consented: bool,
}

#[derive(Clone)]
enum Who {
    /// A member of staff of a place.
    Official { reference: String, pinfl: Option<Pinfl> },
    /// A client of this provider, for the person who uses it.
    Client(String),
    /// This provider itself.
    Provider,
}

/// Why a register is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// To identify a person for Mobile-ID (479 cl. 14, 24), or anew because of another number (cl. 33).
    Identification,
    /// To open an account for a person who registers (R113, R115).
    Registration,
    /// To give somebody their account back in person (R107, R120).
    Recovery,
    /// To end an identification (479 cl. 34–36).
    Revocation,
    /// To release data to a service (679 cl. 3).
    Release,
    /// To learn what became of numbers and persons (479 cl. 34).
    Upkeep,
    /// Because somebody signs in, or registers, by a means that is proved there: a signature, a face.
    SignIn,
    /// To find out whether the register answers.
    Check,
}

impl Why {
    /// Its name on the wire and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identification => "identification",
            Self::Registration => "registration",
            Self::Recovery => "recovery",
            Self::Revocation => "revocation",
            Self::Release => "release",
            Self::Upkeep => "upkeep",
            Self::SignIn => "sign_in",
            Self::Check => "check",
        }
    }
}

impl Asker {
    /// A member of staff: by which reference the log names them, and their own PINFL, if it is known.
    pub fn official(reference: impl Into<String>, pinfl: Option<Pinfl>, why: Why) -> Self {
        Self { who: Who::Official { reference: reference.into(), pinfl }, why, consented: false }
    }

    /// A client of this provider, by its `client_id`.
    pub fn client(client_id: impl Into<String>, why: Why) -> Self {
        Self { who: Who::Client(client_id.into()), why, consented: false }
    }

    /// This provider itself: nobody's request makes it ask.
    pub const fn provider(why: Why) -> Self {
        Self { who: Who::Provider, why, consented: false }
    }

    /// The person agreed to the question.
    pub fn with_consent(self) -> Self {
        Self { consented: true, ..self }
    }

    /// Why it is asked.
    pub const fn why(&self) -> Why {
        self.why
    }

    /// Whether the person agreed.
    pub const fn consented(&self) -> bool {
        self.consented
    }

    /// The PINFL of the official, if it is known.
    pub(super) fn pinfl(&self) -> Option<&Pinfl> {
        match &self.who {
            Who::Official { pinfl, .. } => pinfl.as_ref(),
            Who::Client(_) | Who::Provider => None,
        }
    }

    /// The gateway's flag of consent: declared, not proven.
    pub(super) const fn flag(&self) -> &'static str {
        if self.consented { "Y" } else { "N" }
    }

    /// By which name the log knows who asked.
    pub(super) fn label(&self) -> &str {
        match &self.who {
            Who::Official { reference, .. } => reference,
            Who::Client(client_id) => client_id,
            Who::Provider => "provider",
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self.who {
            Who::Official { .. } => "official",
            Who::Client(_) => "client",
            Who::Provider => "provider",
        }
    }
}

/// Without anybody's PINFL.
impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asker({} {}, {})", self.kind(), self.label(), self.why.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asker_is_shown_without_their_pinfl() {
        let pinfl = Pinfl::parse("41204902040015").unwrap();
        let asker = Asker::official("staff-7", Some(pinfl), Why::Identification).with_consent();
        assert_eq!(format!("{asker:?}"), "Asker(official staff-7, identification)");
        assert_eq!((asker.flag(), asker.pinfl().is_some()), ("Y", true));
        let client = Asker::client("portal-app", Why::Release);
        assert_eq!((client.flag(), client.label(), client.kind()), ("N", "portal-app", "client"));
        assert_eq!(Asker::provider(Why::Upkeep).label(), "provider");
    }
}
