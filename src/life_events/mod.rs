//! What ends things of a person, wherever they are kept: everything at once, everything that one consent allowed, or what a
//! contract no longer allows.
//!
//! Each end is one transaction and is durable before it is announced. Pages, commands and Mobile-ID use these
//! operations, so that no caller can forget a part.

mod at_place;
mod billing;
mod contracts;
mod credentials;
mod deaths;
mod enrolment;
mod recovery;
mod registration;
mod remote;
mod returned;
mod unlocking;

pub use at_place::{AtPlace, Records, Served};
pub use billing::{BillingError, NOTICES, PAGE, routes};
pub use contracts::{Clearing, Turn};
pub use credentials::{FirstCredential, FirstCredentials};
pub use deaths::{DeathOutcome, Deaths};
pub use enrolment::{Enrolments, Entered, Ground34, Settled};
pub use recovery::Recoveries;
pub use registration::{NewAccount, Opened, Openings};
pub use remote::{Ended, ProofLimits, Remote, RemoteError, SIGNATURES, Signature, Signing, place_of};
pub use returned::Returned;

use crate::accounts::Representations;
use crate::audit::{Audit, Event, Kind};
use crate::clients::{Basis, Client, ClientId, DataRequest};
use crate::grants::Grants;
use crate::notices::inbox::{Inbox, NewNotice, NoticeKind};
use crate::people::{Epoch, People, PersonId, Unblocked};
use crate::platform::bytes::Digest;
use crate::platform::clock::Clock;
use crate::platform::db::Statement;
use crate::platform::service_error::ServiceError;
use crate::release::{Consent, NewConsent, Release, consent_notices};
use crate::sign_in::UntoldEnd;
use crate::signals::{EventType, Signals};

/// The operations. Cheap to clone.
#[derive(Clone)]
pub struct LifeEvents {
    /// Whose things end.
    pub people: People,
    /// What they granted.
    pub grants: Grants,
    /// What they agreed to.
    pub release: Release,
    /// What they are told of it.
    pub inbox: Inbox,
    /// What services are told of it.
    pub signals: Signals,
    /// Time.
    pub clock: Clock,
    /// Where ends are recorded.
    pub audit: Audit,
}

impl LifeEvents {
    /// Ends everything of a person that has begun: sign-ins in progress, sessions, authorization codes, grants, refresh
    /// and access tokens. Consents stay, and so does the person's enrolment: whoever has the number can sign in again.
    /// `false` when there is no such person.
    ///
    /// # Errors
    /// [`ServiceError`]. When the database was changed and shared state is unavailable, other nodes still read it from SQL
    /// within a second.
    pub async fn end_access(&self, person: &PersonId) -> Result<bool, ServiceError> {
        Ok(self.end_access_with(person, Vec::new()).await?.is_some())
    }

    /// As [`LifeEvents::end_access`], together with `then`, all or nothing. Returns the new epoch; `None` when there is no such
    /// person.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn end_access_with(
        &self,
        person: &PersonId,
        then: Vec<Statement>,
    ) -> Result<Option<Epoch>, ServiceError> {
        let told = (NoticeKind::AccessEnded, &[EventType::SessionRevoked][..]);
        let mut ending = self.ending(person);
        ending.extend(then);
        self.end_with(person, ending, told).await
    }

    /// As [`LifeEvents::end_access_with`], where `then` stores what tells services that their sessions ended.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn end_access_told(
        &self,
        person: &PersonId,
        then: Vec<Statement>,
    ) -> Result<Option<Epoch>, ServiceError> {
        let told = (NoticeKind::AccessEnded, &[EventType::SessionRevoked][..]);
        let mut ending = self.grants.end_former_epoch(person);
        ending.extend(then);
        self.end_with(person, ending, told).await
    }

    /// Blocks a person's enrolled number, so that nobody gets codes there, and ends everything of theirs that has begun. `false` when the
    /// number is not theirs, not enrolled, or blocked before: then nothing of anybody's ends.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn block(&self, person: &PersonId, number_index: &Digest) -> Result<bool, ServiceError> {
        let mut then = self.ending(person);
        then.extend(self.inbox.rows(person, &NewNotice::new(NoticeKind::NumberBlocked)));
        let signals = [EventType::AccountDisabled, EventType::SessionRevoked];
        then.extend(self.signals.rows(person, &signals, None));
        let blocked = self.people.block_number(person, number_index, self.clock.now(), then).await?;
        let Some(epoch) = blocked else { return Ok(false) };
        self.has_ended(person, epoch).await?;
        Ok(true)
    }

    /// Blocks an account that needs no number, so that no means signs in there, and ends everything of its person that has begun. `false`
    /// where there is none, or it is blocked or closed: then nothing has changed.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn block_account(&self, person: &PersonId) -> Result<bool, ServiceError> {
        let mut then = self.ending(person);
        then.extend(self.inbox.rows(person, &NewNotice::new(NoticeKind::AccountBlocked)));
        let signals = [EventType::AccountDisabled, EventType::SessionRevoked];
        then.extend(self.signals.rows(person, &signals, None));
        let blocked = self.people.block_account(person, self.clock.now(), then).await?;
        let Some(epoch) = blocked else { return Ok(false) };
        self.has_ended(person, epoch).await?;
        Ok(true)
    }

    /// Ends the block of an account that needs no number, and tells its person in the same transaction.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing has changed.
    pub async fn unblock_account(&self, person: &PersonId) -> Result<Unblocked, ServiceError> {
        let done = self.people.unblock_account(person, self.told_of_unlocking(person)).await?;
        self.signals.wake.notify_one();
        Ok(done)
    }

    /// Ends the block of a number, and tells its person in the same transaction.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing has changed.
    pub async fn unblock(&self, person: &PersonId, number_index: &Digest) -> Result<Unblocked, ServiceError> {
        let mut told = self.inbox.rows(person, &NewNotice::new(NoticeKind::NumberUnblocked));
        told.extend(self.signals.rows(person, &[EventType::AccountEnabled], None));
        let done = self.people.unblock_number(person, number_index, self.clock.now(), told).await?;
        self.signals.wake.notify_one();
        Ok(done)
    }

    /// Locks an account as its person wishes: everything ends, and nobody signs in until the lock is ended. `false` when
    /// there is no such person.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn self_lock(&self, person: &PersonId) -> Result<bool, ServiceError> {
        let mut then = self.ending(person);
        then.extend(People::self_lock(person, self.clock.now()));
        then.extend(self.inbox.rows(person, &NewNotice::new(NoticeKind::AccountLocked)));
        let signals = [EventType::AccountDisabled, EventType::SessionRevoked];
        then.extend(self.inbox.rows(person, &NewNotice::new(NoticeKind::AccessEnded)));
        then.extend(self.signals.rows(person, &signals, None));
        let Some(epoch) = self.people.raise_epoch_in_turn(person, then).await? else { return Ok(false) };
        self.has_ended(person, epoch).await?;
        Ok(true)
    }

    /// Ends the lock that a person put on their account, and tells them and the services in the same transaction, unless an operator's
    /// block keeps the number out of use. `false` when there is no such lock.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing has changed.
    pub async fn end_self_lock(&self, person: &PersonId) -> Result<bool, ServiceError> {
        let Some(only) = self.people.is_only_self_locked(person).await? else { return Ok(false) };
        let mut told = Vec::new();
        if only {
            told.extend(self.told_of_unlocking(person));
        }
        let ended = self.people.end_self_lock(person, (only, self.clock.now()), told).await?;
        self.signals.wake.notify_one();
        Ok(ended)
    }

    /// Closes an account that needs no enrolled number, for good: its person died. Everything ends, with `then`. `false` when there is no
    /// such account, or it was closed before.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn close_account(&self, person: &PersonId, also: Vec<Statement>) -> Result<bool, ServiceError> {
        let mut then = vec![People::raise_epoch_of(person), Representations::forget(person)];
        then.extend(self.ending(person));
        let signals = [EventType::AccountDisabled, EventType::SessionRevoked];
        then.extend(self.signals.rows(person, &signals, None));
        then.extend(also);
        let Some(epoch) = self.people.close_account_with(person, self.clock.now(), then).await? else {
            return Ok(false);
        };
        self.has_ended(person, epoch).await?;
        Ok(true)
    }

    /// What the transaction that raises a person's epoch ends, and notes to be told to the services of their sessions.
    fn ending(&self, person: &PersonId) -> Vec<Statement> {
        let mut rows = self.grants.end_former_epoch(person);
        rows.push(UntoldEnd::noting(person, self.clock.now()));
        rows
    }

    /// Records and announces that everything of a person of before `epoch` has ended.
    async fn has_ended(&self, person: &PersonId, epoch: Epoch) -> Result<(), ServiceError> {
        self.signals.wake.notify_one();
        self.audit.record(Event::new(Kind::AccessEnded).person(person.as_str()));
        Ok(self.grants.announce_end(person, Epoch(epoch.0 - 1)).await?)
    }

    /// Ends everything of a person that has begun by these statements, and tells them in their cabinet.
    async fn end_with(
        &self,
        person: &PersonId,
        mut then: Vec<Statement>,
        (notice, signals): (NoticeKind, &[EventType]),
    ) -> Result<Option<Epoch>, ServiceError> {
        then.extend(self.inbox.rows(person, &NewNotice::new(notice)));
        then.extend(self.signals.rows(person, signals, None));
        let Some(epoch) = self.people.raise_epoch(person, then).await? else { return Ok(None) };
        self.has_ended(person, epoch).await?;
        Ok(Some(epoch))
    }

    /// Records what a law lets a client have, and tells the person in the same transaction (R70, D-i).
    ///
    /// # Errors
    /// [`ServiceError`]; then it is not known whether it is recorded, and recording it again is safe.
    pub async fn released_by_law(
        &self,
        person: &PersonId,
        client: &Client,
        new: NewConsent,
    ) -> Result<Consent, ServiceError> {
        let told = self.told(person, client, &new);
        Ok(self.release.record(person, client, new, told).await?)
    }

    /// What tells a person of what a client may have.
    fn told(&self, person: &PersonId, client: &Client, new: &NewConsent) -> Vec<Statement> {
        consent_notices(client, new).iter().flat_map(|notice| self.inbox.rows(person, notice)).collect()
    }

    /// Records what a person agreed to, or that they went on to a client. Unless it goes at least as far as `former`, the newest
    /// consent of before, everything that rests on the former ones ends with them: the client gets what the newest
    /// consent allows and no more. The same is done where none is known. If it does, what was given in between ends, such as
    /// in another tab in the same moment: of two choices the later one counts.
    ///
    /// # Errors
    /// [`ServiceError`]; then it is not known whether the consent is recorded, and recording it again is safe.
    pub async fn consent_given(
        &self,
        person: &PersonId,
        client: &Client,
        new: NewConsent,
        former: Option<&Consent>,
    ) -> Result<Consent, ServiceError> {
        let asked = client.data.basis == Basis::Consent;
        let now = self.clock.now();
        let as_wide =
            |former: &Consent| former.terms.is_some() && new.extent.allows_all_of(&former.extent, now);
        // What is read once stands beside what was allowed before, and so does what says that it does.
        if !asked || new.beside || new.once {
            let told = self.told(person, client, &new);
            return Ok(self.release.record(person, client, new, told).await?);
        }
        let since = self.clock.now_ms();
        // Two choices of one person wait for each other from here on, so that the later one sees the earlier one.
        let mut then = vec![People::hold(person)];
        let wide = former.filter(|former| as_wide(former));
        match wide {
            Some(former) => {
                then.push(self.release.end_since((person, client), &former.id, &new.id));
                then.extend(self.grants.end_with_ended_consents(person, &client.id));
            }
            None => {
                then.push(self.release.end_former(person, client, &new.id));
                then.extend(self.grants.end_before_narrower(person, &client.id));
                if former.is_some_and(|former| former.extent.decides()) {
                    then.extend(self.signals.rows(person, &[EventType::TokensRevoked], Some(&client.id)));
                }
            }
        }
        then.extend(self.told(person, client, &new));
        let consent = self.release.record(person, client, new, then).await?;
        if let Some(former) = former.filter(|_| wide.is_none()) {
            self.signals.wake.notify_one();
            let ended = Event::new(Kind::ConsentEnded).client(client.id.as_str()).person(person.as_str());
            self.audit.record(ended.consent(former.id.as_str()).reason("narrowed"));
        }
        self.grants.announce_revoked(person, &client.id, since).await?;
        Ok(consent)
    }

    /// Ends what a person refused: a consent of before that allowed any of `refused`.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn refused(
        &self,
        client: &Client,
        refused: &DataRequest,
        former: Option<&Consent>,
    ) -> Result<(), ServiceError> {
        if let Some(former) = former
            && client.data.basis == Basis::Consent
            && former.extent.allows_any_of(refused)
        {
            self.end_consent(&former.id).await?;
        }
        Ok(())
    }

    /// Ends a consent that a person gave and everything that the client holds of them. Returns the client; `None` when
    /// there is no consent of that identifier that can be ended.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn end_consent(&self, consent: &str) -> Result<Option<ClientId>, ServiceError> {
        self.end_consent_with(consent, Vec::new()).await
    }

    /// As [`LifeEvents::end_consent`], together with `also`, all or nothing.
    ///
    /// # Errors
    /// As for [`LifeEvents::end_access`].
    pub async fn end_consent_with(
        &self,
        consent: &str,
        also: Vec<Statement>,
    ) -> Result<Option<ClientId>, ServiceError> {
        let since = self.clock.now_ms();
        let Some((person, client)) = self.release.whose(consent).await? else { return Ok(None) };
        let mut then = self.grants.end_with_consent(consent);
        then.extend(also);
        let notice = NewNotice::new(NoticeKind::ConsentEnded).service(client.as_str());
        then.extend(self.inbox.rows(&person, &notice));
        then.extend(self.signals.rows(&person, &[EventType::TokensRevoked], Some(&client)));
        let Some((person, client)) = self.release.end(consent, then).await? else { return Ok(None) };
        self.signals.wake.notify_one();
        self.grants.announce_revoked(&person, &client, since).await?;
        Ok(Some(client))
    }
}
