//! Recoveries of forgotten passwords (D-n, R107, R120), on-line by a stronger means and in person: everything that rested on the former
//! password ends in one transaction, all channels are told in it, and whoever is told can stop it for a while.

use std::sync::Arc;

use super::LifeEvents;
use crate::accounts::passwords::{Hashed, Passwords, RecoveredBy, Recovery, Rests, STOP_PATH};
use crate::accounts::{Accounts, AddedBy, Kind as MeansKind, RemovedBy};
use crate::audit::{Event as Recorded, Kind};
use crate::notices::email::Emails;
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
    /// Where mails go to, if any are sent.
    pub emails: Option<Emails>,
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
    /// Sets a password in place of a forgotten one, by a stronger means, with `also`, which tells services that their sessions ended. Everything of the person that has begun ends.
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
        let told = self.told(account, &word, NewNotice::new(NoticeKind::Recovered)).await?;
        let mut then = vec![self.passwords.set(person, hashed, AddedBy::Recovery), recovery];
        then.extend(self.accounts.password_added(
            person,
            (AddedBy::Recovery, rests),
            self.life_events.clock.now(),
        ));
        then.push(Passwords::forgive(person));
        then.extend(told.rows);
        then.extend(also);
        let epoch = self.life_events.end_access_told(person, then).await?;
        self.sent(told.messages, epoch.is_some());
        if epoch.is_some() {
            self.record(Kind::Recovered, person, RecoveredBy::StrongerMeans.name());
        }
        Ok(epoch)
    }

    /// Gives a person who came to a place a temporary password, by SMS to `number`, which is their own, with `also`: the action of the
    /// member of staff `staff`. Nobody but the phone sees it. The link that stops it goes to the numbers and the address that the account
    /// had before, whatever `number` is. `false` when there is no such person.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn in_person(
        &self,
        (account, number): (&Account, &PhoneNumber),
        (staff, place): (&str, &str),
        language: Language,
        also: Vec<Statement>,
    ) -> Result<bool, ServiceError> {
        let person = &account.account_state.person_id;
        let (temporary, hashed) = self.passwords.temporary().await?;
        let (word, recovery) = self.passwords.recovered(person, (RecoveredBy::InPerson, Some(staff)));
        let notice = NewNotice::new(NoticeKind::RecoveredAtPlace).reference(place);
        let told = self.told(account, &word, notice).await?;
        let mut then = vec![self.passwords.set_temporary(person, &hashed, AddedBy::Staff), recovery];
        let added = (AddedBy::Staff, Rests::IN_PERSON);
        then.extend(self.accounts.password_added(person, added, self.life_events.clock.now()));
        then.push(Passwords::forgive(person));
        then.extend(told.rows);
        then.extend(also);
        let hours = self.passwords.temporary_seconds / 3600;
        let text = recovered_text(language.tag(), &self.host, temporary.as_str(), hours);
        let message = self.announced(number, text).await?;
        then.push(self.outbox.row(&message));
        let done = self.life_events.end_access_with(person, then).await?.is_some();
        self.sent(told.messages, done);
        self.sent(vec![message], done);
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
        // Whoever recovered it may have added what they can come back by.
        then.push(Accounts::removing_since(recovery.begun_at, person, RemovedBy::Recovery, now));
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

    /// What tells every channel of an account of a recovery, with the link that stops it: the cabinet, each number by SMS, and the address
    /// for mails.
    pub(super) async fn told(
        &self,
        account: &Account,
        word: &str,
        notice: NewNotice,
    ) -> Result<Told, ServiceError> {
        let person = &account.account_state.person_id;
        let stop = format!("{}{STOP_PATH}{word}", self.address);
        let language = self.life_events.people.preferred_language(person).await?;
        let text = recovery_text(language.unwrap_or(Language::UzLatn).tag(), &self.host, &stop);
        let mut rows = Vec::new();
        if let Some(emails) = &self.emails {
            rows.push(emails.about_with_link(person, &notice.id, stop)?);
        }
        rows.extend(self.life_events.inbox.rows(person, &notice));
        let mut messages = Vec::new();
        for number in account.numbers() {
            // Whoever recovers again and again tells the cabinet of it, and nobody's phone rings on.
            let index = self.life_events.people.number_index(number);
            if self.outbox.had_today(&index, Series::Identification).await? >= TOLD_A_DAY {
                continue;
            }
            messages.push(self.announced(number, text.clone()).await?);
        }
        rows.extend(messages.iter().map(|message| self.outbox.row(message)));
        Ok(Told { rows, messages })
    }

    /// A message, announced and not stored yet.
    async fn announced(&self, number: &PhoneNumber, text: String) -> Result<Prepared, ServiceError> {
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
            Applied::Done => Ok(prepared),
            Applied::Exceeded { .. } | Applied::Conflict => {
                Err(ServiceError::Unavailable("a message could not be announced".to_owned()))
            }
        }
    }

    pub(super) fn sent(&self, messages: Vec<Prepared>, done: bool) {
        for message in messages.into_iter().filter(|_| done) {
            self.outbox.is_in(message);
        }
    }
}

/// What tells of a recovery: for its transaction, and what is sent after it.
pub(super) struct Told {
    pub(super) rows: Vec<Statement>,
    pub(super) messages: Vec<Prepared>,
}
