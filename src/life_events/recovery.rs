//! Recoveries of forgotten passwords (D-n, R107, R120), on-line by a stronger means and in person: everything that rested on the former
//! password ends in one transaction, all channels are told in it, and whoever is told can stop it for a while.

use std::sync::Arc;

use super::LifeEvents;
use crate::accounts::passwords::{Hashed, Passwords, RecoveredBy, Recovery, Rests, STOP_PATH};
use crate::accounts::{Accounts, AddedBy, Kind as MeansKind, RemovedBy};
use crate::audit::{Event as Recorded, Kind};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::notices::sms::identification::{recovered_text, recovery_text};
use crate::notices::{OutboundMessage, Outbox, Prepared, Series};
use crate::people::{Account, Epoch, PersonId, PhoneNumber};
use crate::platform::bytes;
use crate::platform::db::Statement;
use crate::platform::ephemeral::{Applied, Batch, Ephemeral};
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;

/// For how long messages of a recovery are tried to be sent, in seconds.
const TELL_FOR: i64 = 3600;

/// Such messages to one number in a day.
const TOLD_A_DAY: i64 = 20;

/// Recovers accounts. Cheap to clone.
#[derive(Clone)]
pub struct Recoveries {
    /// What else ends.
    pub life_events: LifeEvents,
    /// Passwords.
    pub passwords: Passwords,
    /// The means of accounts.
    pub accounts: Accounts,
    /// Where messages are sent from.
    pub outbox: Outbox,
    /// Where they are announced.
    pub ephemeral: Ephemeral,
    /// This provider's host, as an SMS names it.
    pub host: Arc<str>,
    /// Scheme, host and port of its pages.
    pub address: Arc<str>,
}

impl Recoveries {
    /// Sets a password in place of a forgotten one, by a stronger means, with `also`. Everything of the person that has begun ends.
    /// Returns the new epoch; `None` when there is no such person.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn by_stronger_means(
        &self,
        account: &Account,
        (hashed, rests): (&Hashed, Rests<'_>),
        also: Vec<Statement>,
    ) -> Result<Option<Epoch>, ServiceError> {
        let person = &account.account_state.person_id;
        let (word, recovery) = self.passwords.recovered(person, (RecoveredBy::StrongerMeans, None));
        let mut then = vec![self.passwords.set(person, hashed, AddedBy::Recovery), recovery];
        then.extend(self.accounts.password_added(
            person,
            (AddedBy::Recovery, rests),
            self.life_events.clock.now(),
        ));
        then.push(Passwords::forgive(person));
        then.extend(self.life_events.inbox.rows(person, &NewNotice::new(NoticeKind::Recovered)));
        then.extend(also);
        let language = self.language(person).await?;
        let stop = format!("{}{STOP_PATH}{word}", self.address);
        let text = recovery_text(language.tag(), &self.host, &stop);
        let message = self.announced(account.number(), text).await?;
        then.extend(message.iter().map(|message| self.outbox.row(message)));
        let epoch = self.life_events.end_access_with(person, then).await?;
        self.sent(message, epoch.is_some());
        if epoch.is_some() {
            self.record(Kind::Recovered, person, RecoveredBy::StrongerMeans.name());
        }
        Ok(epoch)
    }

    /// Gives a person who came to a place a temporary password, by SMS to `number`, which is their own, with `also`: the action of the
    /// member of staff `staff`. Nobody but the phone sees it. `false` when there is no such person.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn in_person(
        &self,
        (person, number): (&PersonId, &PhoneNumber),
        (staff, place): (&str, &str),
        language: Language,
        also: Vec<Statement>,
    ) -> Result<bool, ServiceError> {
        let (temporary, hashed) = self.passwords.temporary().await?;
        // The message with the password goes to the number that would also get the link to stop it: the cabinet tells of it, too.
        let (_, recovery) = self.passwords.recovered(person, (RecoveredBy::InPerson, Some(staff)));
        let mut then = vec![self.passwords.set_temporary(person, &hashed, AddedBy::Staff), recovery];
        let added = (AddedBy::Staff, Rests::IN_PERSON);
        then.extend(self.accounts.password_added(person, added, self.life_events.clock.now()));
        then.push(Passwords::forgive(person));
        let notice = NewNotice::new(NoticeKind::RecoveredAtPlace).reference(place);
        then.extend(self.life_events.inbox.rows(person, &notice));
        then.extend(also);
        let hours = self.passwords.temporary_seconds / 3600;
        let text = recovered_text(language.tag(), &self.host, temporary.as_str(), hours);
        let message = self.announced(Some(number), text).await?;
        then.extend(message.iter().map(|message| self.outbox.row(message)));
        let done = self.life_events.end_access_with(person, then).await?.is_some();
        self.sent(message, done);
        if done {
            self.record(Kind::Recovered, person, RecoveredBy::InPerson.name());
        }
        Ok(done)
    }

    /// Stops a recovery: the password that it set is worth nothing any more, and everything that has begun since ends. `false` when it can
    /// be stopped no more.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn stop(&self, recovery: &Recovery, by: &'static str) -> Result<bool, ServiceError> {
        let now = self.life_events.clock.now();
        if !recovery.is_open(now) {
            return Ok(false);
        }
        let person = &recovery.person;
        let mut then = Vec::from(self.passwords.stop(recovery, by));
        then.push(Accounts::removing_all(MeansKind::Password, person, RemovedBy::Recovery, now));
        then.extend(self.life_events.inbox.rows(person, &NewNotice::new(NoticeKind::RecoveryStopped)));
        let done = self.life_events.end_access_with(person, then).await?.is_some();
        if done {
            self.record(Kind::RecoveryStopped, person, by);
        }
        Ok(done)
    }

    fn record(&self, kind: Kind, person: &PersonId, reason: &'static str) {
        self.life_events.audit.record(Recorded::new(kind).person(person.as_str()).reason(reason));
    }

    async fn language(&self, person: &PersonId) -> Result<Language, ServiceError> {
        Ok(self.life_events.people.preferred_language(person).await?.unwrap_or(Language::UzLatn))
    }

    /// A message, announced and not stored yet; none where there is no number.
    async fn announced(
        &self,
        number: Option<&PhoneNumber>,
        text: String,
    ) -> Result<Option<Prepared>, ServiceError> {
        let Some(number) = number else { return Ok(None) };
        let prepared = self.outbox.prepare(OutboundMessage {
            id: &bytes::random_alphanumeric::<20>(),
            to: Some(number),
            number_index: &self.life_events.people.number_index(number),
            series: Series::Identification,
            client_id: "",
            address: "",
            text,
            ttl: TELL_FOR,
            daily_cap: TOLD_A_DAY,
        })?;
        let mut batch = Batch::new(&self.ephemeral);
        prepared.announce_in(&mut batch);
        match self.ephemeral.apply(batch).await? {
            Applied::Done => Ok(Some(prepared)),
            Applied::Exceeded { .. } | Applied::Conflict => {
                Err(ServiceError::Unavailable("a message could not be announced".to_owned()))
            }
        }
    }

    fn sent(&self, message: Option<Prepared>, done: bool) {
        if let Some(message) = message.filter(|_| done) {
            self.outbox.is_in(message);
        }
    }
}
