//! The first step: a number, and a code sent to it if it is enrolled; and a new code in place of one that did not come. From outside, all
//! numbers look alike: what is done and shown is the same, whoever the number belongs to (`sending.rs`).

use super::counted::Limit;
use super::purpose::For;
use super::risk::DEAREST;
use super::sending::{Sender, Sent};
use super::{CodeSent, OpenAttempt, ServiceError, SignIn, Stage};
use crate::people::{PhoneError, PhoneNumber};
use crate::platform::clock::Timestamp;

/// What follows an entered number.
#[derive(Debug, PartialEq, Eq)]
pub enum NumberOutcome {
    /// The attempt now expects the code.
    CodeSent,
    /// A code was sent to this very number a moment ago; the next one can be had later.
    AlreadySent,
    /// It is not an Uzbek mobile number.
    NotANumber(PhoneError),
    /// A limit was exceeded.
    Limited(Limit),
    /// Another request of this attempt was quicker.
    Overtaken,
}

/// What follows the request for a new code.
#[derive(Debug, PartialEq, Eq)]
pub enum ResendOutcome {
    /// The attempt now expects the new code.
    CodeSent,
    /// It is too soon: so many seconds are left.
    Wait(i64),
    /// This attempt has had all its codes.
    NoMore,
    /// A limit was exceeded.
    Limited(Limit),
    /// Another request of this attempt was quicker.
    Overtaken,
}

/// How long storing a message takes at most as a rule, in seconds.
const STORING: i64 = 2;

impl SignIn {
    /// Takes a number as typed and sends a code to it if it is enrolled. `tries` is what the attempt has counted so far.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn enter_number(
        &self,
        open: &mut OpenAttempt,
        typed: &str,
        sender: Sender<'_>,
        tries: u64,
    ) -> Result<NumberOutcome, ServiceError> {
        let number = match PhoneNumber::parse_typed(typed, self.settings.test_numbers) {
            Ok(number) => number,
            Err(error) => return Ok(NumberOutcome::NotANumber(error)),
        };
        let now = self.clock.now();
        let former = match open.attempt.stage() {
            Stage::Code(former, _) => Some(former),
            _ => None,
        };
        let sends = former.map_or(open.attempt.sends_before, |former| former.sends);
        // Going back to change the number opens no second budget of codes.
        if sends > self.most_resends() {
            self.metrics.limits(Limit::Attempt.name()).inc();
            self.record_code(open, Some(Limit::Attempt));
            self.not_sent(open, None).await?;
            return Ok(NumberOutcome::Limited(Limit::Attempt));
        }
        let index = self.people.number_index(&number);
        if let Some(former) = former
            && former.index == index
            && self.resend_in(former, now) > Some(0)
            // An attempt may expect a code whose message the database did not take.
            && self.is_stored(former).await?
        {
            return Ok(NumberOutcome::AlreadySent);
        }
        Ok(match self.send_code(open, (number, index), sender, tries, For::SignIn).await? {
            Sent::Stored | Sent::Held => NumberOutcome::CodeSent,
            Sent::Limited(limit) => NumberOutcome::Limited(limit),
            Sent::Overtaken => NumberOutcome::Overtaken,
        })
    }

    /// Replaces the code by a new one. `tries` is what the attempt has counted so far.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn resend(
        &self,
        open: &mut OpenAttempt,
        sender: Sender<'_>,
        tries: u64,
    ) -> Result<ResendOutcome, ServiceError> {
        let made_for = For::stage(open.attempt.stage());
        let Some((former, _)) = open.attempt.stage().code() else { return Ok(ResendOutcome::Overtaken) };
        match self.resend_in(former, self.clock.now()) {
            None => return Ok(ResendOutcome::NoMore),
            // Nobody waits after a code whose message the database did not take.
            Some(wait) if wait > 0 => {
                if self.is_stored(former).await? {
                    return Ok(ResendOutcome::Wait(wait));
                }
            }
            Some(_) => {}
        }
        let (number, index) = (former.number.clone(), former.index);
        // An attempt has few codes, each after a longer wait: that is what the next one costs.
        let sender = Sender { paid: DEAREST, ..sender };
        Ok(match self.send_code(open, (number, index), sender, tries, made_for).await? {
            Sent::Stored | Sent::Held => ResendOutcome::CodeSent,
            Sent::Limited(limit) => ResendOutcome::Limited(limit),
            Sent::Overtaken => ResendOutcome::Overtaken,
        })
    }

    /// Whether the message of a code was stored. One that was made a moment ago may be on its way: of two requests at once the
    /// second must not make another.
    pub(super) async fn is_stored(&self, sent: &CodeSent) -> Result<bool, ServiceError> {
        if self.clock.now().since(sent.sent_at) < STORING {
            return Ok(true);
        }
        Ok(self.outbox.is_stored(&sent.index, &sent.challenge.message_id).await?)
    }

    /// Seconds until the next code may be asked for; `None` when the attempt has had all. A pause after wrong codes is part of
    /// it, so that nobody uses up a code that would not be sent.
    pub fn resend_in(&self, sent: &CodeSent, now: Timestamp) -> Option<i64> {
        let entry = usize::try_from(sent.sends.saturating_sub(1)).ok()?;
        let after = *self.settings.resend_after.get(entry)?;
        let after = if sent.braked { after.max(self.brake.rules().wait) } else { after };
        let pauses = [sent.wrong.paused_until, sent.told.delayed_until];
        let from = pauses.into_iter().flatten().fold(sent.sent_at.plus(after), Timestamp::max);
        Some(from.since(now).max(0))
    }

    /// How many more codes the attempt may ask for.
    pub fn resends_left(&self, sent: &CodeSent) -> u32 {
        (self.most_resends() + 1).saturating_sub(sent.sends)
    }
}
