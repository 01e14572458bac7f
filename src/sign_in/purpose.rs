//! What a new code is made for: a code for one purpose is none for another (R69).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::limits::ApprovalCaps;
use super::{Agreement, AttemptId, Authenticated, CodeSent, Event, Purpose, ShortCode, Stage};
use crate::clients::ClientId;
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Batch, EphemeralKey};

/// What a protocol stores together with a request to approve, all or nothing: where, what, and for how many seconds.
#[derive(Clone)]
pub struct Beside {
    /// Where.
    pub key: EphemeralKey,
    /// What.
    pub value: Box<RawValue>,
    /// For how many seconds.
    pub seconds: i64,
}

/// What a code that approves is made for.
#[derive(Clone)]
pub(super) struct Approving {
    /// Who asks.
    pub(super) client: ClientId,
    /// The identifier of the attempt.
    pub(super) attempt: AttemptId,
    /// What the message names the request by.
    pub(super) reference: ShortCode,
    /// A digest of what the service named the person by.
    pub(super) hint: Digest,
    /// How often that may be.
    pub(super) caps: ApprovalCaps,
    /// What the protocol stores with it.
    pub(super) beside: Beside,
    /// Under what is kept how the service is muted.
    pub(super) mutable: EphemeralKey,
    /// Until when that may be (exclusive).
    pub(super) mutable_until: Timestamp,
}

/// How a service is muted by the code in a message of it, for hours after its request ended.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Mutable {
    /// The service.
    pub(super) client: ClientId,
    /// Whom the message went to, if to anybody.
    pub(super) person_id: Option<PersonId>,
    /// Blind index of the number.
    pub(super) index: Digest,
    /// The message.
    pub(super) message_id: String,
    /// Keyed digest of its code.
    pub(super) digest: Digest,
    /// Whether the code confirms an application.
    #[serde(default)]
    pub(super) application: bool,
}

/// What a code opens when its phone sends it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Repliable {
    /// The identifier of the attempt.
    pub(super) attempt: String,
    /// Until when (exclusive).
    pub(super) until: Timestamp,
    /// A digest of what its holder was told by SMS that is asked.
    pub(super) told: Option<Digest>,
}

/// What is stored together with an attempt to approve.
pub(super) struct WithApproval {
    beside: Beside,
    mutable: (EphemeralKey, Mutable, i64),
    reply: (EphemeralKey, Repliable, i64),
}

impl WithApproval {
    pub(super) fn add_to(&self, batch: &mut Batch<'_>) {
        batch.put(self.beside.key, &self.beside.value, self.beside.seconds);
        let (key, mutable, seconds) = &self.mutable;
        batch.put(*key, mutable, *seconds);
        let (key, reply, seconds) = &self.reply;
        batch.put(*key, reply, *seconds);
    }
}

impl Approving {
    /// What is stored with the attempt that expects `sent`.
    pub(super) fn stored_with(
        &self,
        sent: &CodeSent,
        (application, now): (bool, Timestamp),
        reply: (EphemeralKey, Repliable, i64),
    ) -> WithApproval {
        let mutable = Mutable {
            client: self.client.clone(),
            person_id: sent.person_id.clone(),
            index: sent.index,
            message_id: sent.challenge.message_id.clone(),
            digest: sent.challenge.digest,
            application,
        };
        let seconds = self.mutable_until.since(now);
        WithApproval { beside: self.beside.clone(), mutable: (self.mutable, mutable, seconds), reply }
    }
}

/// What a code is made for, with what it permits.
#[derive(Clone)]
pub(super) enum For {
    /// To prove who somebody is.
    SignIn,
    /// To permit what a person chose.
    Permission(Box<(Authenticated, Agreement)>),
    /// To approve what a service asks of somebody who is not at its site.
    Approval(Box<Approving>),
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
