//! What a new code is made for: a code for one purpose is none for another (R69).

use super::{Agreement, Authenticated, CodeSent, Event, Purpose, Stage};

/// What a code is made for, with what it permits.
pub(super) enum For {
    /// To prove who somebody is.
    SignIn,
    /// To permit what a person chose.
    Permission(Box<(Authenticated, Agreement)>),
}

impl For {
    /// What a new code at `stage` is for: the same as the one in force.
    pub(super) fn stage(stage: &Stage) -> Self {
        match stage {
            Stage::Permission(person, agreement, _) => {
                Self::Permission(Box::new((person.clone(), agreement.clone())))
            }
            _ => Self::SignIn,
        }
    }

    /// The purpose that the code's digest holds.
    pub(super) const fn purpose(&self) -> Purpose {
        match self {
            Self::SignIn => Purpose::SignIn,
            Self::Permission(_) => Purpose::Permission,
        }
    }

    /// What happens when it is sent.
    pub(super) fn event(self, sent: CodeSent) -> Event {
        match self {
            Self::SignIn => Event::CodeSent(sent),
            Self::Permission(permitted) => Event::PermissionAsked(permitted.0, permitted.1, sent),
        }
    }
}
