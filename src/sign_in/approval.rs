//! A code by which a person approves one request of a service whose site they are not at (CIBA Core 1.0). It is sent like a code
//! that signs in, under limits of its own, and is of no use for anything else (R69).
//!
//! The attempt is found by a short reference that stands in the message alone: no browser began it, any may show its page, and
//! nothing is decided without the code. So a code has its tries whatever browsers they come from.

use super::attempt::SignInAttempts;
use super::counted::Limit;
use super::limits::ApprovalCaps;
use super::network::ClientNetwork;
use super::purpose::{Approving, Beside, For, Mutable};
use super::risk::DEAREST;
use super::sending::{Sender, Sent};
use super::{
    AttemptId, AttemptName, KnownPersons, MUTABLE, OpenAttempt, Opening, Purpose, ServiceError, ShortCode,
    SignIn, SignInAttempt, SignInRequest, TypedCode,
};
use crate::clients::{Client, ClientId};
use crate::people::{PersonId, PhoneNumber};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{EphemeralKey, Unavailable};
use crate::platform::web::locale::Language;

/// For how long after it was sent, in seconds: whoever finds messages in the morning can still do something about them.
const MUTABLE_FOR: i64 = 12 * 3600;

/// Tries at the code by which a service is muted. They are none of those that approve.
const MUTE_TRIES: u64 = 5;

/// What follows a code by which a service is to be muted.
#[derive(Debug, PartialEq, Eq)]
pub enum MuteOutcome {
    /// It is right: this person may mute this service.
    Right(ClientId, PersonId),
    /// It is wrong; so many tries are left.
    Wrong(ClientId, u64),
    /// The reference names nothing, or nothing any more.
    Nothing,
}

/// Why nobody was asked.
#[derive(Debug)]
pub enum NotAsked {
    /// A limit was exceeded.
    Limited(Limit),
    /// A store is unavailable.
    Failed(ServiceError),
}

impl From<ServiceError> for NotAsked {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl SignIn {
    /// Asks the holder of a number to approve `request` until `until`. Every number gets the same work and the same outcome,
    /// whether or not anybody has it, whether or not its holder wants to be asked, and how often others asked them. `hint` is a
    /// digest of what the service named them by, and what is stored `beside` the request is there before anybody decides.
    ///
    /// # Errors
    /// [`NotAsked`].
    pub async fn ask_approval(
        &self,
        (request, language, until): (SignInRequest, Language, Timestamp),
        number: PhoneNumber,
        (client, network): (&Client, &ClientNetwork),
        (caps, hint, beside): (ApprovalCaps, Digest, Beside),
    ) -> Result<(), NotAsked> {
        let reference = ShortCode::random();
        let id = self.attempt_of(&reference).map_err(NotAsked::Failed)?;
        // It is no browser's.
        let browser = id.digest();
        let attempt =
            SignInAttempt::new(request, browser, language, Opening::Nobody, (self.clock.now(), until));
        let mut open = SignInAttempts::begin_unseen(id, attempt);
        let index = self.people.number_index(&number);
        let known = KnownPersons::default();
        let sender = Sender { client, network, known: &known, paid: DEAREST };
        let (mutable, mutable_until) = (mutable(&open.id), self.clock.now().plus(MUTABLE_FOR));
        let client = client.id.clone();
        let attempt = open.id.clone();
        let approving = Approving { client, attempt, reference, hint, caps, beside, mutable, mutable_until };
        let made_for = For::Approval(Box::new(approving));
        match self.send_code(&mut open, (number, index), sender, 0, made_for).await? {
            Sent::Stored | Sent::Held => {
                self.history.record_waiting(&open);
                Ok(())
            }
            Sent::Limited(limit) => Err(NotAsked::Limited(limit)),
            // Another request drew the same reference: one in twenty-five thousand million.
            Sent::Overtaken => {
                Err(NotAsked::Failed(ServiceError::Unavailable("the reference is taken".to_owned())))
            }
        }
    }

    /// The request to approve that a reference names.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn to_approve(&self, reference: &ShortCode) -> Result<Option<OpenAttempt>, ServiceError> {
        let name = AttemptName::Stored(self.attempt_of(reference)?);
        Ok(self.open_approval(self.attempts.find(name).await?))
    }

    /// As [`SignIn::to_approve`], with how many tries its code has had, this one included.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn to_approve_counted(
        &self,
        reference: &ShortCode,
    ) -> Result<Option<(OpenAttempt, u64)>, ServiceError> {
        Ok(self.approval_counted(self.attempt_of(reference)?).await?)
    }

    /// The request with this identifier, with how many tries its code has had, this one included.
    pub(super) async fn approval_counted(
        &self,
        id: AttemptId,
    ) -> Result<Option<(OpenAttempt, u64)>, Unavailable> {
        let everybody = id.digest();
        let found = self.attempts.find_and_count(AttemptName::Stored(id), &everybody).await?;
        Ok(found.and_then(|(open, tries)| Some((self.open_approval(Some(open))?, tries))))
    }

    /// Whether so many references from a network named nothing in the last minutes that none is looked at; this one is counted if
    /// it is such a one. Those that name something are never counted, and refused as well: who guesses must not see which is which.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn guesses_references(
        &self,
        network: &ClientNetwork,
        wrong: bool,
    ) -> Result<bool, Unavailable> {
        let wrong = u64::from(wrong);
        let windows = self.limits.of_references(network);
        let counted: Vec<_> = windows.iter().map(|(key, seconds, _)| (*key, *seconds, wrong)).collect();
        let counts = self.ephemeral.count_all(&counted).await?;
        Ok(counts.iter().zip(&windows).any(|(count, (.., cap))| *count + (1 - wrong) > *cap))
    }

    /// The service that can be muted by the code of the message that had a reference.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn mutable(&self, reference: &ShortCode) -> Result<Option<ClientId>, ServiceError> {
        let key = mutable(&self.attempt_of(reference)?);
        Ok(self.ephemeral.get::<Mutable>(key).await?.map(|(found, _)| found.client))
    }

    /// Whether a code mutes the service whose message had a reference. Every try is counted before it is compared.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn may_mute(
        &self,
        reference: &ShortCode,
        code: &TypedCode,
    ) -> Result<MuteOutcome, ServiceError> {
        let id = self.attempt_of(reference)?;
        let counter = EphemeralKey::of(super::WINDOWS, &format!("mutes/{}", id.as_str()));
        let found = self.ephemeral.get_and_count::<Mutable>(mutable(&id), counter, MUTABLE_FOR + 60).await?;
        let (Some((found, _)), tries) = found else { return Ok(MuteOutcome::Nothing) };
        let purpose = if found.application { Purpose::Application } else { Purpose::Approval };
        let digest = self.code_digest(purpose, code.digits(), &found.message_id, &found.index);
        let right = digest.matches(&found.digest) && tries <= MUTE_TRIES;
        Ok(match found.person_id.filter(|_| right) {
            Some(person) => MuteOutcome::Right(found.client, person),
            None => MuteOutcome::Wrong(found.client, MUTE_TRIES.saturating_sub(tries)),
        })
    }

    pub(super) fn open_approval(&self, found: Option<OpenAttempt>) -> Option<OpenAttempt> {
        // What a browser began is not found here, whatever its identifier.
        found.filter(|open| {
            open.attempt.browser.matches(&open.id.digest()) && open.attempt.expires_at > self.clock.now()
        })
    }

    /// The identifier of an attempt by its reference: whoever can read the store does not learn the reference.
    fn attempt_of(&self, reference: &ShortCode) -> Result<AttemptId, ServiceError> {
        let digest: Digest = self.codes.digest(&[b"reference", reference.as_str().as_bytes()]);
        AttemptId::parse(&digest.encode())
            .ok_or_else(|| ServiceError::Internal("a digest is no identifier".to_owned()))
    }
}

fn mutable(id: &AttemptId) -> EphemeralKey {
    EphemeralKey::from_digest(MUTABLE, id.digest())
}
