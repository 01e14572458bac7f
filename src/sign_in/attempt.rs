//! A sign-in in progress: short-lived, bound to one browser, changed by compare-and-swap only.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Acr, Amr, AttemptId};
use crate::clients::ClientId;
use crate::people::{PersonId, PhoneNumber};
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable, Version};
use crate::platform::web::locale::Language;

/// One service's question on its way to an answer. `R` is the protocol's own request.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignInAttempt<R> {
    /// What the service asked.
    pub request: R,
    /// How far the person got.
    pub progress: Progress,
}

/// How far a person got.
#[derive(Clone, Serialize, Deserialize)]
pub struct Progress {
    /// Who asks.
    pub client_id: ClientId,
    /// Which browser began it.
    pub browser: Digest,
    /// The language of its pages.
    pub language: Language,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
    /// The step to be taken next.
    pub stage: Stage,
    /// The number in question, once one was entered.
    pub number: Option<NumberEntered>,
    /// Text to prefill the number with.
    pub hint: Option<String>,
}

/// The step that a sign-in waits at. Steps are decided on the server; an address guessed by hand leads here too.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// A number is wanted.
    Number,
    /// The code sent to it is wanted.
    Code,
    /// The person has a session and is asked whether to use it.
    Continue(Authenticated),
    /// The person proved who they are; their consent is wanted.
    Consent(Authenticated),
    /// The answer was sent.
    Finished,
}

/// Who a person proved to be, when and how.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Authenticated {
    /// Who.
    pub person_id: PersonId,
    /// The digest of the session that came of it.
    pub session: Digest,
    /// What names the session to services; it stays when the same person signs in again.
    pub sid_key: Digest,
    /// When.
    pub auth_time: Timestamp,
    /// What was done.
    pub acr: Acr,
    /// By which methods.
    pub amr: Vec<Amr>,
}

/// A number that somebody entered; nothing here tells whether it is anybody's.
#[derive(Clone, Serialize, Deserialize)]
pub struct NumberEntered {
    /// The number.
    #[serde(serialize_with = "PhoneNumber::serialize_digits")]
    pub number: PhoneNumber,
    /// Its blind index.
    pub index: Digest,
    /// Whose it is, if a code may be sent to it.
    pub person_id: Option<PersonId>,
    /// The code in force.
    pub challenge: Option<Challenge>,
    /// Codes sent in this sign-in, whatever the number.
    pub sends: u32,
    /// When the last one was.
    pub sent_at: Timestamp,
}

/// A one-time code that was sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Challenge {
    /// Keyed digest of the code, bound to message, number, purpose and transaction.
    pub digest: Digest,
    /// The message that carries it.
    pub message_id: String,
    /// The first moment at which it holds no more.
    pub expires_at: Timestamp,
}

/// Sign-ins in progress, by their identifiers.
pub const ATTEMPTS: KeySpace = KeySpace::new(b't', "sign-in attempt");

/// For how long a finished sign-in is known as such, in seconds: for whoever presses "back" at once.
const FINISHED: i64 = 60;

/// Sign-ins in progress.
#[derive(Clone)]
pub struct SignInAttempts {
    ephemeral: Ephemeral,
    clock: Clock,
    /// How long a sign-in may take, in seconds.
    pub seconds: i64,
}

impl SignInAttempts {
    /// Kept in `ephemeral`.
    pub fn new(ephemeral: Ephemeral, clock: Clock, seconds: i64) -> Self {
        Self { ephemeral, clock, seconds }
    }

    /// Stores a new one.
    ///
    /// # Errors
    /// [`Unavailable`], as for all methods.
    pub async fn begin<R: Serialize>(
        &self,
        id: &AttemptId,
        attempt: &SignInAttempt<R>,
    ) -> Result<(), Unavailable> {
        self.ephemeral.put(key(id), attempt, self.left(&attempt.progress)).await
    }

    /// The transaction with the state it was read in.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find<R: DeserializeOwned>(
        &self,
        id: &AttemptId,
    ) -> Result<Option<(SignInAttempt<R>, Version)>, Unavailable> {
        self.ephemeral.get(key(id)).await
    }

    /// Replaces the state that was read; `false` when another request was quicker, and then nothing changed.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn advance<R: Serialize>(
        &self,
        id: &AttemptId,
        seen: Version,
        attempt: &SignInAttempt<R>,
    ) -> Result<bool, Unavailable> {
        self.ephemeral.swap(key(id), seen, attempt, self.left(&attempt.progress)).await
    }

    fn left(&self, progress: &Progress) -> i64 {
        let left = progress.expires_at.since(self.clock.now()).max(1);
        if progress.stage == Stage::Finished { left.min(FINISHED) } else { left }
    }
}

fn key(id: &AttemptId) -> EphemeralKey {
    EphemeralKey::from_digest(ATTEMPTS, id.digest())
}
