//! The code by which a person shows at a place that they have a number, in whoever's name (R107). They tell it to the member; it is kept as a
//! keyed digest alone.

use super::Desk;
use super::account_form::Form;
use super::walks::{Sent, WalkId, tries};
use crate::notices::sms::registration::place_code_text;
use crate::notices::{OutboundMessage, Series, Submitted};
use crate::people::{PhoneNumber, digits_of};
use crate::platform::bytes;
use crate::platform::ephemeral::{Applied, Batch};
use crate::platform::service_error::ServiceError;

/// How many digits a code has.
const DIGITS: usize = 6;

/// What an entered code is.
pub(super) enum Tried {
    /// The one that was sent.
    Right,
    /// Another one; so many tries are left.
    Wrong { left: u64 },
    /// It expired, or had all its tries.
    Expired,
}

impl Desk {
    /// Sends a code to the number; a former one stops working. `None` when the number had all its codes of the day.
    ///
    /// # Errors
    /// [`ServiceError`]; then none is sent.
    pub(super) async fn send_code(
        &self,
        (id, form): (&WalkId, &Form),
        number: &PhoneNumber,
        former: Option<&Sent>,
    ) -> Result<Option<Sent>, ServiceError> {
        let (rules, outbox, now) = (self.identifications.rules(), &self.openings.outbox, self.clock.now());
        let constant = rules.constant_codes.get(number.digits()).cloned();
        let code = constant.unwrap_or_else(bytes::random_digits::<6>);
        let message_id = bytes::random_alphanumeric::<20>();
        let prepared = outbox.prepare(OutboundMessage {
            id: &message_id,
            to: Some(number),
            number_index: &self.openings.life_events.people.number_index(number),
            series: Series::Identification,
            client_id: "",
            address: "",
            text: place_code_text(form.language().tag(), &code),
            ttl: rules.code_place,
            daily_cap: rules.codes_per_day,
        })?;
        let mut batch = Batch::new(&self.openings.ephemeral);
        if let Some(former) = former {
            outbox.withdraw_in(&mut batch, &former.message_id);
        }
        prepared.announce_in(&mut batch);
        let Applied::Done = self.openings.ephemeral.apply(batch).await? else {
            return Err(ServiceError::Unavailable("a message could not be announced".to_owned()));
        };
        if outbox.store(prepared).await? == Submitted::CapReached {
            return Ok(None);
        }
        Ok(Some(Sent {
            digest: self.digest((id, number), &code, &message_id),
            message_id,
            sent_at: now,
            expires_at: now.plus(rules.code_place),
        }))
    }

    /// Counts a try at a code, and then compares it.
    ///
    /// # Errors
    /// [`ServiceError`]; no try counts that cannot be counted.
    pub(super) async fn try_code(
        &self,
        (id, number): (&WalkId, &PhoneNumber),
        sent: &Sent,
        entered: &str,
    ) -> Result<Tried, ServiceError> {
        let (most, ephemeral) = (self.identifications.rules().tries, &self.openings.ephemeral);
        if sent.expires_at <= self.clock.now() {
            return Ok(Tried::Expired);
        }
        let (key, window) = (tries(&sent.message_id), sent.expires_at.since(sent.sent_at).max(1));
        let Some(entered) = digits_of(entered, 64).filter(|digits| digits.len() == DIGITS) else {
            // What cannot be a code costs no try.
            let had = ephemeral.count_all(&[(key, window, 0)]).await?;
            return Ok(Tried::Wrong { left: most.saturating_sub(had.first().copied().unwrap_or_default()) });
        };
        let tried = ephemeral.count(key, window).await?;
        if tried > most {
            return Ok(Tried::Expired);
        }
        let digest = self.digest((id, number), &entered, &sent.message_id);
        let right = bytes::same(digest.as_bytes(), sent.digest.as_bytes());
        Ok(if right { Tried::Right } else { Tried::Wrong { left: most - tried } })
    }

    /// The only form in which a code is kept: bound to its message, its number and what it is for (R69).
    fn digest(&self, (id, number): (&WalkId, &PhoneNumber), code: &str, message: &str) -> String {
        let index = self.openings.life_events.people.number_index(number);
        let parts: [&[u8]; 5] =
            [b"account", code.as_bytes(), message.as_bytes(), id.as_str().as_bytes(), &index.0];
        self.codes.digest(&parts).encode()
    }
}
