//! A sign-in attempt: short-lived, bound to one browser, changed by compare-and-swap only.
//!
//! Until a number is entered or a session is used nothing is stored: whoever opens an authorization request costs no
//! memory. The attempt travels in the address of its page, sealed. The first change stores it under its identifier, which
//! one request of many does.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::flow::{self, Event, Illegal, Page, Requirements, Stage};
use super::{ATTEMPTS, Acr, Amr, AttemptId, Means, Proofs, SignInRequest};
use crate::audit::Event as AuditEvent;
use crate::clients::ClientId;
use crate::people::{Epoch, Organisation, PersonId, PhoneNumber, Side};
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::ephemeral::{Batch, Ephemeral, EphemeralKey, Unavailable, Version};
use crate::platform::seal::Sealer;
use crate::platform::web::locale::Language;

/// One service's request on its way to an answer.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignInAttempt {
    /// What the service asked.
    pub request: SignInRequest,
    /// Digest of the identifier of the browser that began it.
    pub browser: Digest,
    /// The language of its pages.
    pub language: Language,
    /// When it began.
    pub created_at: Timestamp,
    /// Expiry time (exclusive).
    pub expires_at: Timestamp,
    /// Text to prefill the number page with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The means whose page comes first.
    pub first: Means,
    /// Codes that were sent before another means was turned to: going back to the number opens no second budget of them.
    #[serde(default)]
    pub(super) sends_before: u32,
    /// Whether one factor is not enough, whatever the service accepts: its person seems to be in many places. No session was opened for
    /// what was proved, which only this attempt holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    doubted: bool,
    stage: Stage,
}

/// Who is known when an attempt begins.
pub enum Opening {
    /// Nobody.
    Nobody,
    /// A person whose session may be used.
    Session(Authenticated),
    /// A person whose session lacks a factor.
    StepUp(Authenticated),
}

impl SignInAttempt {
    /// A new attempt of `browser`.
    pub fn new(
        request: SignInRequest,
        browser: Digest,
        language: Language,
        opening: Opening,
        (now, expires_at): (Timestamp, Timestamp),
    ) -> Self {
        let stage = match opening {
            Opening::Nobody => Stage::Means(None),
            Opening::Session(person) => Stage::Continue(person),
            Opening::StepUp(person) => Stage::Means(Some(Box::new(person))),
        };
        let first = Means::MobileId;
        Self {
            request,
            browser,
            language,
            created_at: now,
            expires_at,
            hint: None,
            first,
            sends_before: 0,
            doubted: false,
            stage,
        }
    }

    /// The page that is due.
    pub const fn due(&self) -> Option<Page> {
        self.stage.due(self.first)
    }

    /// How far it got.
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Whether one factor is not enough here.
    pub const fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// Keeps what a person proved by one factor until they add another, or wait.
    ///
    /// # Errors
    /// [`Illegal`] when the stage does not allow it; then nothing changed.
    pub fn doubt(&mut self, person: Authenticated, now: Timestamp) -> Result<(), Illegal> {
        let before = std::mem::replace(&mut self.doubted, true);
        self.advance(Event::FactorAdded(person), false, now).inspect_err(|_| self.doubted = before)
    }

    /// What was proved is enough after all: its person has waited.
    pub const fn believe(&mut self) {
        self.doubted = false;
    }

    /// Makes up for a try that was counted although no code was compared.
    pub fn forgive_try(&mut self) {
        if let Some(sent) = self.stage.code_mut() {
            sent.challenge.tries_before += 1;
        }
    }

    /// Goes back to the stage before a code that is not sent after all.
    pub(super) fn take_back(&mut self, before: Stage) {
        self.stage = before;
    }

    /// The code in force, to note what became of it.
    pub(super) const fn code_mut(&mut self) -> Option<&mut CodeSent> {
        self.stage.code_mut()
    }

    /// Takes an event into account; `consent` tells whether consent must be asked for.
    ///
    /// # Errors
    /// [`Illegal`] when the stage does not allow it; then nothing changed.
    pub fn advance(&mut self, event: Event, consent: bool, now: Timestamp) -> Result<(), Illegal> {
        let requirements = Requirements {
            acr: &self.request.acr,
            consent,
            confirms: self.request.application.is_some(),
            doubted: self.doubted,
        };
        let starts_over = matches!(event, Event::StartOver);
        let stage = flow::next(&self.stage, event, requirements, now)?;
        self.doubted &= !starts_over;
        if let Stage::Code(sent, _) = &self.stage {
            self.sends_before = sent.sends;
        }
        self.stage = stage;
        Ok(())
    }
}

/// Who a person proved to be, when and how.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Authenticated {
    /// Who.
    pub person_id: PersonId,
    /// The person's epoch at that time.
    #[serde(default)]
    pub epoch: Epoch,
    /// Blind index of the number by which they proved it, where the proof rests on one.
    pub number: Option<Digest>,
    /// Digest of the session's identifier.
    pub session: Digest,
    /// What the session's `sid` is derived from; it stays when the same person signs in again.
    pub sid_key: Digest,
    /// When.
    pub auth_time: Timestamp,
    /// What was done, as the service is told.
    pub acr: Acr,
    /// By which methods.
    pub amr: Vec<Amr>,
    /// By which means, all of this session.
    #[serde(default = "Means::of_before")]
    pub means: Vec<Means>,
    /// What these proofs are worth.
    #[serde(default, skip_serializing_if = "Proofs::is_plain")]
    pub proofs: Proofs,
    /// The legal entity that the person acts for, by their certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Box<Organisation>>,
    /// The message whose code was entered in this very attempt: that code permits what its page said the service asks
    /// for (R68, D-p). `None` where only a session exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Authenticated {
    /// Adds to an event who did what for `client`.
    pub fn describe<'a>(&'a self, event: AuditEvent<'a>, client: &'a ClientId) -> AuditEvent<'a> {
        event
            .client(client.as_str())
            .person(self.person_id.as_str())
            .of_session(&self.sid_key)
            .acr(self.acr.name())
            .methods(self.amr.iter().map(|method| method.name()))
    }
}

/// A code that was sent to a number; nothing here tells whether anybody has that number.
#[derive(Clone, Serialize, Deserialize)]
pub struct CodeSent {
    /// The number.
    #[serde(serialize_with = "PhoneNumber::serialize_digits")]
    pub number: PhoneNumber,
    /// Its blind index.
    pub index: Digest,
    /// The person, if a code may be sent to them.
    pub person_id: Option<PersonId>,
    /// The person's epoch when it was sent: the code ends with everything else that began under it.
    #[serde(default)]
    pub epoch: Epoch,
    /// The code in force.
    pub challenge: Box<Challenge>,
    /// Codes sent in this attempt, to whatever number. One that a known browser is told was not sent is none of them.
    pub sends: u32,
    /// When the last one was sent.
    pub sent_at: Timestamp,
    /// From which side of the account it was asked for.
    #[serde(default)]
    pub side: Side,
    /// Whether the brake on guessing held when it was asked for: then it allows fewer tries, and the next one comes later.
    #[serde(default)]
    pub braked: bool,
    /// Wrong codes that were entered for this number in this attempt.
    #[serde(default, skip_serializing_if = "WrongCodes::is_none")]
    pub wrong: WrongCodes,
    /// What a browser in which the person signed in before is told; nobody else is told anything.
    #[serde(default)]
    pub told: Told,
    /// Whether the number is not enrolled, but one by which the person can be reached who is signed in by other means.
    #[serde(default)]
    pub to_contact: bool,
}

/// Wrong codes in one attempt for one number. Whoever entered them knows of them, so they are told and held against every
/// number alike, whether or not anybody has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WrongCodes {
    /// How many there were before the code in force was sent.
    #[serde(default)]
    pub before: u64,
    /// The code in force has had all its tries.
    #[serde(default)]
    pub used_up: bool,
    /// They delay an account that had no others: until then neither is a code accepted nor a new one sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<Timestamp>,
}

impl WrongCodes {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a person is told who asks for a code in a browser in which they signed in before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    /// No code was sent: wrong codes in such browsers delay it until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delayed_until: Option<Timestamp>,
    /// Wrong codes of strangers delay strangers, or did in the last week.
    #[serde(default)]
    pub strangers: bool,
}

/// A one-time code.
#[derive(Clone, Serialize, Deserialize)]
pub struct Challenge {
    /// Keyed digest of the code, bound to message, number, purpose and attempt.
    pub digest: Digest,
    /// The message that carries it.
    pub message_id: String,
    /// Expiry time (exclusive).
    pub expires_at: Timestamp,
    /// How many tries the attempt had counted when this code was made; tries of this code are counted from there.
    pub tries_before: u64,
}

/// The most bytes of an attempt in an address, as JSON: 3 kB, so that the address stays below 4.5 kB. Browsers, proxies
/// and servers take 8 kB.
pub const MOST_BYTES: usize = 3_072;

/// How long a finished attempt is kept, in seconds: its answer may have to be sent again, and going back to it explained.
const FINISHED: i64 = 60;

/// How long an attempt waits for its code, in seconds since it was last stored: whoever enters numbers of others has it
/// stored no longer than somebody needs who waits for a late message and asks for another.
const AWAITED: i64 = 600;

/// An attempt with the name and the state it was read by.
pub struct OpenAttempt {
    /// Its identifier.
    pub id: AttemptId,
    /// The attempt.
    pub attempt: SignInAttempt,
    /// The state it was read in; [`Version::ABSENT`] before it was stored.
    pub version: Version,
    /// The attempt as its address carries it, before it was stored.
    sealed: Option<String>,
}

impl OpenAttempt {
    /// What was found under its identifier.
    pub(super) fn stored(id: &AttemptId, (attempt, version): (SignInAttempt, Version)) -> Self {
        Self { id: id.clone(), attempt, version, sealed: None }
    }

    /// What names it in the address of `page`.
    pub fn name(&self, page: Page) -> &str {
        match (&self.sealed, page) {
            (Some(sealed), page) if !self.is_stored() && (page.is_of_means() || page == Page::Continue) => {
                sealed
            }
            _ => self.id.as_str(),
        }
    }

    /// Whether it was stored.
    pub fn is_stored(&self) -> bool {
        self.version != Version::ABSENT
    }
}

/// What names an attempt in an address.
pub enum AttemptName {
    /// The identifier of one that is stored.
    Stored(AttemptId),
    /// One that was not stored when the address was made.
    Sealed(Box<OpenAttempt>),
}

impl AttemptName {
    /// The identifier.
    pub const fn id(&self) -> &AttemptId {
        match self {
            Self::Stored(id) => id,
            Self::Sealed(open) => &open.id,
        }
    }

    /// What was found under the identifier; before anything is, what the address itself carries.
    pub(super) fn or_sealed(self, found: Option<(SignInAttempt, Version)>) -> Option<OpenAttempt> {
        match (found, self) {
            (Some(found), name) => Some(OpenAttempt::stored(name.id(), found)),
            (None, Self::Sealed(open)) => Some(*open),
            (None, Self::Stored(_)) => None,
        }
    }
}

/// An attempt with its identifier, as it is sealed into an address.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a str,
    attempt: &'a SignInAttempt,
}

/// As [`Written`].
#[derive(Deserialize)]
struct Opened {
    id: String,
    attempt: SignInAttempt,
}

/// The place that a sealed attempt is bound to.
const ADDRESS: &[u8] = b"address";

/// Sign-in attempts in progress.
#[derive(Clone)]
pub struct SignInAttempts {
    ephemeral: Ephemeral,
    sealer: Arc<Sealer>,
    clock: Clock,
    /// How long an attempt may take, in seconds.
    pub seconds: i64,
}

impl SignInAttempts {
    /// Attempts kept in `ephemeral` for `seconds`, and sealed by `sealer` into addresses before that.
    pub fn new(ephemeral: Ephemeral, sealer: Sealer, clock: Clock, seconds: i64) -> Self {
        Self { ephemeral, sealer: Arc::new(sealer), clock, seconds }
    }

    /// A new attempt, in the form in which an address carries it; `None` when it is larger than [`MOST_BYTES`].
    pub fn begin(&self, attempt: SignInAttempt) -> Option<OpenAttempt> {
        let mut open =
            OpenAttempt { id: AttemptId::random(), attempt, version: Version::ABSENT, sealed: None };
        self.seal(&mut open).then_some(open)
    }

    /// A new attempt that no browser carries: it is stored before anybody reads it.
    pub(super) const fn begin_unseen(id: AttemptId, attempt: SignInAttempt) -> OpenAttempt {
        OpenAttempt { id, attempt, version: Version::ABSENT, sealed: None }
    }

    /// Brings the address of an attempt that is not stored up to date; `false` when it is too large for one.
    pub fn seal(&self, open: &mut OpenAttempt) -> bool {
        let written = Written { id: open.id.as_str(), attempt: &open.attempt };
        match serde_json::to_vec(&written) {
            Ok(text) if text.len() <= MOST_BYTES => {
                open.sealed = Some(self.sealer.seal_text(ADDRESS, &text));
                true
            }
            _ => false,
        }
    }

    /// Reads what names an attempt in an address; `None` when nothing made by this provider does, or it has expired.
    pub fn parse(&self, name: &str) -> Option<AttemptName> {
        if let Some(id) = AttemptId::parse(name) {
            return Some(AttemptName::Stored(id));
        }
        let text = self.sealer.open_text(ADDRESS, name).ok()?;
        let Opened { id, attempt } = serde_json::from_slice(&text).ok()?;
        let (id, sealed) = (AttemptId::parse(&id)?, Some(name.to_owned()));
        (attempt.expires_at > self.clock.now()).then(|| {
            AttemptName::Sealed(Box::new(OpenAttempt { id, attempt, version: Version::ABSENT, sealed }))
        })
    }

    /// The attempt.
    ///
    /// # Errors
    /// [`Unavailable`], as for all methods.
    pub async fn find(&self, name: AttemptName) -> Result<Option<OpenAttempt>, Unavailable> {
        let found = self.ephemeral.get(key(name.id())).await?;
        Ok(name.or_sealed(found))
    }

    /// The attempt and how many tries it has counted for `browser`, this one included: whoever only knows its address uses up
    /// none of the person's.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find_and_count(
        &self,
        name: AttemptName,
        browser: &Digest,
    ) -> Result<Option<(OpenAttempt, u64)>, Unavailable> {
        // The counter outlives the attempt, so that it cannot begin again while a code is valid.
        let counter = format!("tries/{}/{}", name.id().as_str(), browser.encode());
        let counter = EphemeralKey::of(super::WINDOWS, &counter);
        let (found, count) = self.ephemeral.get_and_count(key(name.id()), counter, self.seconds + 60).await?;
        Ok(name.or_sealed(found).map(|open| (open, count)))
    }

    /// Replaces the state that was read; `false` when another request was quicker, and then nothing changed.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn store(&self, open: &OpenAttempt) -> Result<bool, Unavailable> {
        let left = self.left(&open.attempt);
        Ok(self.ephemeral.swap(key(&open.id), open.version, &open.attempt, left).await?.is_some())
    }

    /// As [`SignInAttempts::store`]; what was stored can be replaced in turn.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn store_again(&self, open: &mut OpenAttempt) -> Result<bool, Unavailable> {
        let left = self.left(&open.attempt);
        match self.ephemeral.swap(key(&open.id), open.version, &open.attempt, left).await? {
            Some(version) => open.version = version,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// As [`SignInAttempts::store`], together with the rest of a batch.
    /// Returns the version that it then has.
    pub fn store_in(&self, batch: &mut Batch<'_>, open: &OpenAttempt) -> Option<Version> {
        batch.swap(key(&open.id), open.version, &open.attempt, self.left(&open.attempt))
    }

    fn left(&self, attempt: &SignInAttempt) -> i64 {
        let left = attempt.expires_at.since(self.clock.now()).max(1);
        match attempt.stage {
            Stage::Finished(_) => left.min(FINISHED),
            Stage::Code(..) | Stage::Proving(..) => left.min(AWAITED),
            _ => left,
        }
    }
}

/// Where an attempt is kept.
pub(super) fn key(id: &AttemptId) -> EphemeralKey {
    EphemeralKey::from_digest(ATTEMPTS, id.digest())
}
