//! Answers that a phone sends by SMS to the message of a request to approve: for phones that open no pages. A request is found by a keyed
//! digest of its code and the number, so that whoever reads the store learns neither.

use super::purpose::{Approving, Repliable};
use super::{AttemptId, AttemptName, OpenAttempt, REPLIES, ServiceError, SignIn, TypedCode, WINDOWS};
use crate::notices::{OutboundMessage, Series};
use crate::people::PhoneNumber;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Applied, Batch, EphemeralKey, Unavailable};

/// Codes of no request that a number may send in a window before nothing more is looked up for it: the sender of an SMS can be forged.
const WRONG: u64 = 10;

/// That window, in seconds.
const WINDOW: i64 = 3600;

/// How long a message of the broker is known, in seconds: one that is passed on again is not answered again.
const KNOWN: i64 = 86_400;

/// Seconds after which an answer is not worth sending any more.
const TOLD: i64 = 600;

/// Answers that a number gets in a day.
const ANSWERS: i64 = 20;

/// A request whose code came by SMS from the number that it had been sent to.
pub struct Reply {
    key: EphemeralKey,
    id: AttemptId,
    found: Repliable,
}

impl Reply {
    /// Whether its holder was told just this.
    pub fn was_told(&self, text: &str) -> bool {
        self.found.told.is_some_and(|told| told.matches(&Digest::of(text.as_bytes())))
    }
}

impl SignIn {
    /// What lets a code be answered by SMS, to be stored with its request: where, what, and for how many seconds.
    pub(super) fn repliable(
        &self,
        approving: &Approving,
        (code, index): (&str, &Digest),
        (now, until): (Timestamp, Timestamp),
    ) -> (EphemeralKey, Repliable, i64) {
        let attempt = approving.attempt.as_str().to_owned();
        (self.reply_key(code, index), Repliable { attempt, until, told: None }, until.since(now).max(1))
    }

    fn reply_key(&self, code: &str, index: &Digest) -> EphemeralKey {
        EphemeralKey::from_digest(REPLIES, self.codes.digest(&[b"reply", code.as_bytes(), &index.0]))
    }

    /// The request whose message with this code went to a number; `None` where there is none any more, or too many codes of no request
    /// came from the number.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn replied(
        &self,
        number: &PhoneNumber,
        code: &TypedCode,
    ) -> Result<Option<Reply>, Unavailable> {
        let index = self.people.number_index(number);
        let wrong = EphemeralKey::of(WINDOWS, &format!("sms-replies/{}", index.encode()));
        let counted = self.ephemeral.count_all(&[(wrong, WINDOW, 0)]).await?;
        if counted.first().is_some_and(|count| *count >= WRONG) {
            return Ok(None);
        }
        let key = self.reply_key(code.digits(), &index);
        let found = self.ephemeral.get::<Repliable>(key).await?.map(|(found, _)| found);
        let found = found.filter(|found| found.until > self.clock.now());
        let reply = found.and_then(|found| Some(Reply { key, id: AttemptId::parse(&found.attempt)?, found }));
        if reply.is_none() {
            self.ephemeral.count(wrong, WINDOW).await?;
        }
        Ok(reply)
    }

    /// The request that a reply answers, as [`SignIn::to_approve`].
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn replied_to(&self, reply: &Reply) -> Result<Option<OpenAttempt>, Unavailable> {
        Ok(self.open_approval(self.attempts.find(AttemptName::Stored(reply.id.clone())).await?))
    }

    /// As [`SignIn::replied_to`], with how many tries its code has had, this one included.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn replied_to_counted(&self, reply: &Reply) -> Result<Option<(OpenAttempt, u64)>, Unavailable> {
        self.approval_counted(reply.id.clone()).await
    }

    /// Notes what the holder of the number is told by SMS that is asked: only that can be agreed to by SMS.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn note_told(&self, reply: &Reply, text: &str) -> Result<(), Unavailable> {
        let told = Repliable { told: Some(Digest::of(text.as_bytes())), ..reply.found.clone() };
        let seconds = told.until.since(self.clock.now()).max(1);
        self.ephemeral.put(reply.key, &told, seconds).await
    }

    /// Whether an answer with this identifier was dealt with before.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn knows_message(&self, id: &str) -> Result<bool, Unavailable> {
        let counted = self.ephemeral.count_all(&[(message(id), KNOWN, 0)]).await?;
        Ok(counted.first().is_some_and(|count| *count > 0))
    }

    /// Notes that an answer with this identifier was dealt with.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn note_message(&self, id: &str) -> Result<(), Unavailable> {
        self.ephemeral.count(message(id), KNOWN).await.map(|_| ())
    }

    /// Sends an SMS to a number that wrote to us.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn answer_by_sms(&self, number: &PhoneNumber, text: String) -> Result<(), ServiceError> {
        let message = self.outbox.prepare(OutboundMessage {
            id: &bytes::random_alphanumeric::<20>(),
            to: Some(number),
            number_index: &self.people.number_index(number),
            series: Series::Replies,
            client_id: "",
            address: "",
            text,
            ttl: TOLD,
            daily_cap: ANSWERS,
        })?;
        let mut batch = Batch::new(&self.ephemeral);
        message.announce_in(&mut batch);
        if self.ephemeral.apply(batch).await? == Applied::Done {
            self.outbox.store(message).await?;
        }
        Ok(())
    }
}

fn message(id: &str) -> EphemeralKey {
    EphemeralKey::of(WINDOWS, &format!("sms-reply/{id}"))
}
