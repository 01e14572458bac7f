//! A code by which a person permits a release of data (R68, R69, D-p): sent to the number that they are signed in with,
//! under the same limits and by the same steps as a code that signs in, and of no use for anything else.

use super::counted::Limit;
use super::purpose::For;
use super::sending::{Sender, Sent};
use super::{Agreement, Authenticated, Event, NumberOutcome, OpenAttempt, ServiceError, SignIn, Stage};
use crate::clients::{Basis, Client, DataRequest, Permission};
use crate::people::PhoneNumber;

/// Whether a button is enough: the registration says so, nothing is asked for, or a law and not the person permits it.
pub fn by_click(client: &Client, asked: &DataRequest) -> bool {
    client.data.permission == Permission::Click || client.data.basis == Basis::Statutory || asked.is_empty()
}

/// Whether allowing needs a code of its own: the rule, where none was entered in this very sign-in (D-p).
pub fn needs_code(client: &Client, authenticated: &Authenticated, asked: &DataRequest) -> bool {
    !by_click(client, asked) && authenticated.code.is_none()
}

impl SignIn {
    /// Sends a code by which `person` permits what they chose on the consent page. A code that was sent for this attempt a
    /// moment ago serves another choice as well: what it permits is what its page says. `tries` is what the attempt
    /// has counted so far.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn ask_permission(
        &self,
        open: &mut OpenAttempt,
        (person, agreement): (Authenticated, Agreement),
        number: PhoneNumber,
        sender: Sender<'_>,
        tries: u64,
    ) -> Result<NumberOutcome, ServiceError> {
        let now = self.clock.now();
        let index = self.people.number_index(&number);
        if let Stage::Permission(_, _, former) = open.attempt.stage() {
            let waits = self.resend_in(former, now) > Some(0);
            let in_force = former.index == index && (former.challenge.expires_at > now || waits);
            // An attempt may expect a code whose message the database did not take.
            if in_force && self.is_stored(former).await? {
                let former = former.clone();
                let again = Event::PermissionAsked(person, agreement, former);
                if open.attempt.advance(again, false, now).is_err() {
                    return Ok(NumberOutcome::Overtaken);
                }
                // The form was counted like a try, but no code was compared.
                open.attempt.forgive_try();
                let stored = self.attempts.store(open).await?;
                return Ok(if stored { NumberOutcome::AlreadySent } else { NumberOutcome::Overtaken });
            }
            if former.sends > self.most_resends() {
                self.metrics.limits(Limit::Attempt.name()).inc();
                self.record_code(open, Some(Limit::Attempt));
                self.not_sent(open, None).await?;
                return Ok(NumberOutcome::Limited(Limit::Attempt));
            }
        }
        let made_for = For::Permission(Box::new((person, agreement)));
        Ok(match self.send_code(open, (number, index), sender, tries, made_for).await? {
            Sent::Stored | Sent::Held => NumberOutcome::CodeSent,
            Sent::Limited(limit) => NumberOutcome::Limited(limit),
            Sent::Overtaken => NumberOutcome::Overtaken,
        })
    }
}
