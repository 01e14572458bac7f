//! The first step: a number, and a code sent to it if it is enrolled. From outside, all numbers look alike: the same
//! work is done and the same page follows, whoever the number belongs to.

use super::limits::{ClientNetwork, Limit};
use super::{Challenge, NumberEntered, Progress, ServiceError, SignIn, Stage};
use crate::clients::Client;
use crate::notices::sms::text::sign_in_text;
use crate::notices::{OutboundMessage, Submitted};
use crate::people::{PhoneError, PhoneNumber};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Applied, Batch};

/// What follows an entered number.
#[derive(Debug)]
pub enum NumberOutcome {
    /// The progress now waits for the code; [`SignIn::dispatch`] sends it once the progress is stored.
    CodeWanted(PendingCode),
    /// A code was sent to this very number a moment ago; another one has to be waited for.
    AlreadySent,
    /// It is not an Uzbek mobile number.
    NotANumber(PhoneError),
    /// Too many codes were asked for.
    Limited(Limit),
}

/// What follows the wish for a new code.
#[derive(Debug)]
pub enum ResendOutcome {
    /// As [`NumberOutcome::CodeWanted`].
    CodeWanted(PendingCode),
    /// It is too soon: so many seconds are left.
    Wait(i64),
    /// This sign-in has had all its codes.
    NoMore,
    /// Too many codes were asked for.
    Limited(Limit),
}

/// A code that is to be sent once the progress that expects it is stored.
pub struct PendingCode {
    message_id: String,
    former: Option<String>,
    text: String,
}

impl std::fmt::Debug for PendingCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PendingCode({})", self.message_id)
    }
}

impl SignIn {
    /// Takes a number as typed.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is away.
    pub async fn enter_number(
        &self,
        progress: &mut Progress,
        typed: &str,
        client: &Client,
        origin: &ClientNetwork,
    ) -> Result<NumberOutcome, ServiceError> {
        let number = match PhoneNumber::parse_typed(typed, self.settings.test_numbers) {
            Ok(number) => number,
            Err(error) => return Ok(NumberOutcome::NotANumber(error)),
        };
        let now = self.clock.now();
        let sends = progress.number.as_ref().map_or(0, |entered| entered.sends);
        // Going back to change the number opens no second budget of codes.
        if sends > self.most_resends() {
            self.metrics.limits(Limit::SignInAttempt.name()).inc();
            return Ok(NumberOutcome::Limited(Limit::SignInAttempt));
        }
        let index = self.people.number_index(&number);
        let former = progress.number.as_ref().filter(|entered| entered.index == index);
        if former
            .is_some_and(|entered| self.settings.resend_in(entered.sends, entered.sent_at, now) > Some(0))
        {
            return Ok(NumberOutcome::AlreadySent);
        }
        if let Some(limit) = self.limits.exceeded(&index, client, origin, self.is_free(&number)).await? {
            return Ok(NumberOutcome::Limited(limit));
        }
        let account_state = self.people.account_state(&index).await?;
        let person_id = account_state
            .filter(|account_state| account_state.may_try(now))
            .map(|account_state| account_state.person_id);
        let former = progress.number.take().and_then(|entered| entered.challenge);
        let entered = NumberEntered { number, index, person_id, challenge: None, sends, sent_at: now };
        progress.number = Some(entered);
        Ok(NumberOutcome::CodeWanted(self.challenge(progress, former, client, now)))
    }

    /// Replaces the code by a new one.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is away.
    pub async fn resend(
        &self,
        progress: &mut Progress,
        client: &Client,
        origin: &ClientNetwork,
    ) -> Result<ResendOutcome, ServiceError> {
        let now = self.clock.now();
        let Some(entered) = &mut progress.number else { return Ok(ResendOutcome::NoMore) };
        match self.settings.resend_in(entered.sends, entered.sent_at, now) {
            None => return Ok(ResendOutcome::NoMore),
            Some(wait) if wait > 0 => return Ok(ResendOutcome::Wait(wait)),
            Some(_) => {}
        }
        if let Some(limit) =
            self.limits.exceeded(&entered.index, client, origin, self.is_free(&entered.number)).await?
        {
            return Ok(ResendOutcome::Limited(limit));
        }
        let account_state = self.people.account_state(&entered.index).await?;
        entered.person_id = account_state
            .filter(|account_state| account_state.may_try(now))
            .map(|account_state| account_state.person_id);
        let former = entered.challenge.take();
        Ok(ResendOutcome::CodeWanted(self.challenge(progress, former, client, now)))
    }

    /// Hands a code to the outbox, after the progress that expects it was stored.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is away; then no code was sent.
    pub async fn dispatch(
        &self,
        progress: &Progress,
        asked: PendingCode,
        origin: &ClientNetwork,
    ) -> Result<Submitted, ServiceError> {
        let Some(entered) = &progress.number else {
            return Err(ServiceError::Internal("a code without a number".to_owned()));
        };
        let letter = OutboundMessage {
            id: &asked.message_id,
            to: entered.person_id.as_ref().map(|_| &entered.number),
            number_index: &entered.index,
            client_id: progress.client_id.as_str(),
            address: &origin.text(),
            text: asked.text,
            ttl: self.settings.code_seconds,
            daily_cap: if self.is_free(&entered.number) { i64::MAX } else { self.settings.daily_cap },
        };
        let prepared = self.outbox.prepare(letter)?;
        let mut batch = Batch::new(&self.ephemeral);
        if let Some(former) = &asked.former {
            self.outbox.withdraw_in(&mut batch, former);
        }
        prepared.announce_in(&mut batch);
        // Without limits and versions nothing stands in its way.
        let Applied::Done = self.ephemeral.apply(batch).await? else {
            return Err(ServiceError::Internal("an announcement met a limit".to_owned()));
        };
        let submitted = self.outbox.store(prepared).await?;
        if submitted == Submitted::CapReached {
            self.metrics.limits("number_day").inc();
            return Ok(submitted);
        }
        self.metrics.sign_ins("number", if entered.person_id.is_some() { "sent" } else { "nobody" }).inc();
        Ok(submitted)
    }

    fn challenge(
        &self,
        progress: &mut Progress,
        former: Option<Challenge>,
        client: &Client,
        now: Timestamp,
    ) -> PendingCode {
        let message_id = message_id();
        let tag = progress.language.tag();
        progress.stage = Stage::Code;
        let Some(entered) = &mut progress.number else {
            unreachable!("the callers have just set the number")
        };
        let code =
            self.settings.constant_codes.get(entered.number.digits()).cloned().unwrap_or_else(random_code);
        entered.challenge = Some(Challenge {
            digest: self.code_digest(&code, &message_id, &entered.index),
            message_id: message_id.clone(),
            expires_at: now.plus(self.settings.code_seconds),
        });
        entered.sends += 1;
        entered.sent_at = now;
        let text = sign_in_text(tag, client.sms_name.get(tag), &code, &self.settings.host);
        PendingCode { message_id, former: former.map(|former| former.message_id), text }
    }

    /// The only form in which a code is kept: bound to the message that carries it (and so to one transaction), to
    /// the number and to the purpose (R69).
    pub(super) fn code_digest(&self, code: &str, message_id: &str, index: &Digest) -> Digest {
        self.codes.digest(&[b"sign-in", code.as_bytes(), message_id.as_bytes(), &index.0])
    }

    fn is_free(&self, number: &PhoneNumber) -> bool {
        self.settings.relaxed_limits && self.settings.constant_codes.contains_key(number.digits())
    }

    fn most_resends(&self) -> u32 {
        u32::try_from(self.settings.resend_after.len()).unwrap_or(u32::MAX)
    }
}

impl super::Settings {
    /// Seconds until the next code may be asked for; `None` when there is none any more.
    pub fn resend_in(&self, sends: u32, sent_at: Timestamp, now: Timestamp) -> Option<i64> {
        let after = self.resend_after.get(usize::try_from(sends.saturating_sub(1)).ok()?)?;
        Some((sent_at.plus(*after)).since(now).max(0))
    }
}

/// Twenty lower-case letters and digits: what both gateways take as an identifier.
fn message_id() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    bytes::random::<20>().iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// Six digits, each of the million codes as likely as any other.
fn random_code() -> String {
    loop {
        let value = u32::from_be_bytes(bytes::random::<4>());
        // The last, incomplete stretch of the range would favour low codes.
        if value < u32::MAX - u32::MAX % 1_000_000 {
            return format!("{:06}", value % 1_000_000);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_six_digits_and_keep_leading_zeros() {
        let codes: Vec<String> = (0..2000).map(|_| random_code()).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())));
        assert!(codes.iter().any(|code| code.starts_with('0')));
    }

    #[test]
    fn message_ids_suit_both_gateways() {
        let id = message_id();
        assert!(id.len() == 20 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    }
}
