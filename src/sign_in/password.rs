//! Tries of passwords: counted before anything is compared, in one round trip.

use super::counted::Limit;
use super::limits::Guess;
use super::network::ClientNetwork;
use super::risk::Level;
use super::{OpenAttempt, ServiceError, SignIn};
use crate::accounts::passwords::{Approached, Tried};
use crate::audit::{Event, Kind};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{PersonId, Side};
use crate::platform::ephemeral::{Applied, Batch};

impl SignIn {
    /// Counts a try, for which a toll of the level `paid` was paid; the limit that it exceeds, if it does: then nothing may be compared.
    ///
    /// # Errors
    /// [`ServiceError`] when short-lived state is unavailable: then nothing may be compared either.
    pub async fn count_password(
        &self,
        approached: &Approached,
        network: &ClientNetwork,
        paid: Level,
    ) -> Result<Option<Limit>, ServiceError> {
        if self.settings.relaxed_limits {
            return Ok(None);
        }
        let side = approached.side();
        // Known in memory, and the same for every login: nothing is asked for it.
        let braked = if side == Side::Stranger { self.password_brake.toll(network) } else { 0 };
        if paid < braked {
            let limit = Limit::Toll(braked);
            self.metrics.limits(limit.name()).inc();
            return Ok(Some(limit));
        }
        let (login, account) = (approached.login(), &approached.key());
        let counted = self.limits.of_password(&Guess { network, side, login, account, paid });
        let mut batch = Batch::new(&self.ephemeral);
        counted.count_in(&mut batch);
        Ok(match self.ephemeral.apply(batch).await? {
            Applied::Exceeded { group, index } => Some(self.limits.exceeded(&counted, group, index)),
            Applied::Conflict => Some(Limit::Account),
            Applied::Done => None,
        })
    }

    /// Counts what became of a stranger's try, for the brake on guessing: `real` when somebody has the login.
    pub fn count_guess(&self, network: &ClientNetwork, (side, real): (Side, bool), tried: &Tried) {
        let right = match tried {
            Tried::Right(_) | Tried::Over => true,
            Tried::Wrong { .. } => false,
            Tried::Delayed(_) | Tried::Busy => return,
        };
        if side == Side::Stranger && !self.settings.relaxed_limits {
            self.password_brake.tried(network, (real, right));
        }
    }

    /// Records what became of a password that was tried, and tells its person of strangers who try.
    pub fn record_password(&self, open: &OpenAttempt, tried: &Tried) {
        let event = |kind| {
            let client = open.attempt.request.client_id.as_str();
            Event::new(kind).client(client).of_attempt(open.id.digest())
        };
        let outcome = match tried {
            Tried::Right(right) if right.temporary => "temporary",
            Tried::Right(_) => "right",
            Tried::Over => "over",
            Tried::Wrong { .. } => "wrong",
            Tried::Delayed(_) => "delayed",
            Tried::Busy => "busy",
        };
        self.metrics.sign_ins("password", outcome).inc();
        match tried {
            Tried::Right(_) => {}
            Tried::Over | Tried::Delayed(_) | Tried::Busy => {
                self.audit.record(event(Kind::PasswordRefused).reason(outcome));
            }
            Tried::Wrong { delayed, told } => {
                self.audit
                    .record(event(Kind::WrongPassword).maybe_person(delayed.as_ref().map(PersonId::as_str)));
                if let Some(person) = told {
                    self.inbox.post(person, NewNotice::new(NoticeKind::WrongPasswords));
                }
            }
        }
    }

    /// Records that a limit refused a password.
    pub fn record_limited_password(&self, open: &OpenAttempt, limit: Limit) {
        let client = open.attempt.request.client_id.as_str();
        let event = Event::new(Kind::PasswordRefused).client(client).of_attempt(open.id.digest());
        self.audit.record(event.limit(limit.name()));
    }
}
