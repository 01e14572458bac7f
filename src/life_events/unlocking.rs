//! The end of the lock that a person put on their account, by themselves.

use super::LifeEvents;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{Epoch, PersonId};
use crate::platform::db::Statement;
use crate::platform::service_error::ServiceError;
use crate::signals::EventType;

impl LifeEvents {
    /// Ends the lock that a person put on their account, and which began that epoch, with `also`, all or nothing: they proved who they are
    /// by a means that unlocks. `false` where there is no such lock any more, or something else keeps the account out of use as well: a
    /// block, the end of the account, or another number that is blocked.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing has changed.
    pub async fn end_own_lock(
        &self,
        person: &PersonId,
        epoch: Epoch,
        also: Vec<Statement>,
    ) -> Result<bool, ServiceError> {
        let mut then = self.told_of_unlocking(person);
        then.extend(also);
        let ended = self.people.end_own_lock(person, (epoch, self.clock.now()), then).await?;
        self.signals.wake.notify_one();
        Ok(ended)
    }

    /// What tells a person and the services that the account is locked no more.
    pub(super) fn told_of_unlocking(&self, person: &PersonId) -> Vec<Statement> {
        let mut told = self.inbox.rows(person, &NewNotice::new(NoticeKind::AccountUnlocked));
        told.extend(self.signals.rows(person, &[EventType::AccountEnabled], None));
        told
    }
}
