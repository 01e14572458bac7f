//! The code by which a registration is completed. It is sent, by the same work and in the same words, whether or not the person has an account
//! already; only who entered it learns that.

use super::SignUp;
use super::draft::{Draft, Outcome, Sent, State};
use super::form::By;
use crate::life_events::{NewAccount, Opened};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::notices::sms::registration::code_text;
use crate::notices::{OutboundMessage, Series, Submitted};
use crate::people::{ConfirmedBy, Person, Side, digits_of};
use crate::platform::bytes::{self, Digest};
use crate::platform::ephemeral::{Applied, Batch, EphemeralKey};
use crate::platform::service_error::ServiceError;
use crate::sign_in::risk::DEAREST;
use crate::sign_in::{ClientNetwork, WINDOWS, Wish};

/// How many digits a code has.
const DIGITS: usize = 6;

/// Seconds before a new code may be asked for.
pub(super) const RESEND_AFTER: i64 = 60;

/// The days by which a person is told once that somebody tries: those of Tashkent.
const TASHKENT: i64 = 5 * 3600;

/// What an entered code is.
pub(super) enum Tried {
    /// The right one, and what came of it.
    Right(Outcome),
    /// Another one; so many tries are left.
    Wrong { left: u64 },
    /// It expired, or had all its tries.
    Over,
}

/// What came of sending a code.
pub(super) enum Sending {
    /// It is on its way.
    Sent(Box<Sent>),
    /// None may be sent now; the record that it would have been sent with.
    Limited(Box<Person>),
}

impl From<Sending> for State {
    fn from(sending: Sending) -> Self {
        match sending {
            Sending::Sent(sent) => Self::Code(sent),
            Sending::Limited(record) => Self::Limited(record),
        }
    }
}

impl SignUp {
    /// Sends a code to the number of a registration whose data registers confirmed. The limits are those of sign-ins: of the address and the
    /// networks around it, the number, and the country.
    ///
    /// # Errors
    /// [`ServiceError`]; then none is sent.
    pub(super) async fn send_code(
        &self,
        draft: &Draft,
        record: Person,
        network: &ClientNetwork,
    ) -> Result<Sending, ServiceError> {
        let limited = |record| Ok(Sending::Limited(Box::new(record)));
        let (sign_in, form) = (&self.sign_in, &draft.form);
        let (people, now) = (&sign_in.people, sign_in.clock.now());
        let index = people.number_index(&form.number);
        let exempt = sign_in.settings.relaxed_limits && form.number.is_test();
        let wish = Wish {
            number: &index,
            client: &self.client,
            network,
            side: Side::Stranger,
            real: true,
            exempt,
            paid: DEAREST,
        };
        let Ok(counted) = sign_in.limits.of(&wish) else { return limited(record) };
        let known = people.account_of(&form.pinfl).await?;
        let constant = sign_in.settings.constant_codes.get(form.number.digits()).cloned();
        let code = constant.unwrap_or_else(bytes::random_digits::<6>);
        let message_id = bytes::random_alphanumeric::<20>();
        let seconds = i64::from(self.settings.code_seconds);
        let prepared = sign_in.outbox.prepare(OutboundMessage {
            id: &message_id,
            to: Some(&form.number),
            number_index: &index,
            series: Series::SignUp,
            client_id: "",
            address: &network.text(),
            text: code_text(&draft.language, &code, &sign_in.settings.host),
            ttl: seconds,
            daily_cap: self.settings.codes_per_number_day.into(),
        })?;
        let mut batch = Batch::new(&sign_in.ephemeral);
        counted.count_in(&mut batch);
        prepared.announce_in(&mut batch);
        match sign_in.ephemeral.apply(batch).await? {
            Applied::Done => sign_in.limits.kept(counted),
            Applied::Exceeded { group, index } => {
                sign_in.limits.exceeded(&counted, group, index);
                return limited(record);
            }
            Applied::Conflict => return limited(record),
        }
        if sign_in.outbox.store(prepared).await? == Submitted::CapReached {
            return limited(record);
        }
        if let Some(person) = &known {
            // Off this path, so that it takes no longer: once a day, whoever tries however often.
            let day = (now.0 + TASHKENT).div_euclid(86_400).to_string();
            let notice = NewNotice::once(NoticeKind::RegistrationTried, &[person.as_str(), &day]);
            sign_in.inbox.post(person, notice);
        }
        Ok(Sending::Sent(Box::new(Sent {
            digest: self.digest(&code, &message_id, &index),
            message_id,
            sent_at: now,
            expires_at: now.plus(seconds),
            record,
            known,
        })))
    }

    /// Counts a try at the code, and then compares it. The right one opens the account where there is none.
    ///
    /// # Errors
    /// [`ServiceError`]; no try counts that cannot be counted, and nothing is opened.
    pub(super) async fn try_code(
        &self,
        draft: &Draft,
        sent: &Sent,
        entered: &str,
    ) -> Result<Tried, ServiceError> {
        let (sign_in, now) = (&self.sign_in, self.sign_in.clock.now());
        if sent.expires_at <= now {
            return Ok(Tried::Over);
        }
        let (window, most) =
            (sent.expires_at.since(sent.sent_at).max(1), u64::from(self.settings.code_tries));
        let key = EphemeralKey::of(WINDOWS, &format!("register-tries/{}", sent.message_id));
        let Some(entered) = digits_of(entered, 64).filter(|digits| digits.len() == DIGITS) else {
            // What cannot be a code costs no try.
            let had = sign_in.ephemeral.count_all(&[(key, window, 0)]).await?;
            return Ok(Tried::Wrong { left: most.saturating_sub(had.first().copied().unwrap_or_default()) });
        };
        let tried = sign_in.ephemeral.count(key, window).await?;
        if tried > most {
            return Ok(Tried::Wrong { left: 0 });
        }
        let index = sign_in.people.number_index(&draft.form.number);
        let digest = self.digest(&entered, &sent.message_id, &index);
        if !bytes::same(digest.as_bytes(), sent.digest.as_bytes()) {
            sign_in.metrics.sign_ups("wrong_code").inc();
            return Ok(Tried::Wrong { left: most - tried });
        }
        let new = NewAccount {
            record: &sent.record,
            number: &draft.form.number,
            language: &draft.language,
            again: sent.known.is_some(),
            confirmed: match draft.form.by {
                By::Document(..) => None,
                By::Signature(_) => Some(ConfirmedBy::Eri),
            },
        };
        let outcome = match self.registrations.open(&new).await? {
            Opened::Now(_) => Outcome::Opened,
            Opened::Again(_) => Outcome::SentAgain,
            // Whoever presses twice, or again because the answer was lost, opened it all the same: there was none when the code was sent.
            Opened::Before if sent.known.is_none() => Outcome::Opened,
            Opened::Before => Outcome::Known,
        };
        sign_in.metrics.sign_ups(outcome.name()).inc();
        Ok(Tried::Right(outcome))
    }

    /// The only form in which a code is kept: bound to its purpose, its message and its number (R69).
    fn digest(&self, code: &str, message: &str, number: &Digest) -> String {
        self.codes.digest(&[b"register", code.as_bytes(), message.as_bytes(), &number.0]).encode()
    }
}
