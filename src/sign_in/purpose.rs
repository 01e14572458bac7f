//! What a new code is made for: a code for one purpose is none for another (R69).

use super::limits::ApprovalCaps;
use super::{Agreement, Authenticated, CodeSent, Event, Purpose, ShortCode, Stage};
use crate::clients::ClientId;

/// What a code that approves is made for.
pub(super) struct Approving {
    /// Who asks.
    pub(super) client: ClientId,
    /// What the message names the request by.
    pub(super) reference: ShortCode,
    /// How often that may be.
    pub(super) caps: ApprovalCaps,
}

/// What a code is made for, with what it permits.
pub(super) enum For {
    /// To prove who somebody is.
    SignIn,
    /// To permit what a person chose.
    Permission(Box<(Authenticated, Agreement)>),
    /// To approve what a service asks of somebody who is not at its site.
    Approval(Approving),
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
            Self::Approval(_) => Purpose::Approval,
        }
    }

    /// What happens when it is sent.
    pub(super) fn event(self, sent: CodeSent) -> Event {
        match self {
            Self::SignIn => Event::CodeSent(sent),
            Self::Permission(permitted) => Event::PermissionAsked(permitted.0, permitted.1, sent),
            Self::Approval(_) => Event::ApprovalAsked(sent),
        }
    }
}
