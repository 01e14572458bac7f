//! Registration on-line (R113–R116): what opens an account for somebody who proved that they have a number in their own name, in one
//! transaction: the record, the number by which they are reached, the first credential with its message, and the notice.

use super::enrolment::merged;
use super::{FirstCredential, FirstCredentials, LifeEvents};
use crate::accounts::passwords::Passwords;
use crate::accounts::{Accounts, AddedBy, Kind as MeansKind, RemovedBy};
use crate::audit::{Event, Kind};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::notices::sms::registration::{Told, opened_text};
use crate::notices::{OutboundMessage, Outbox, Prepared, Series};
use crate::people::{ConfirmedBy, OpenedBy, People, Person, PersonId, PhoneNumber, Registering};
use crate::platform::bytes;
use crate::platform::ephemeral::{Applied, Batch, Ephemeral};
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;

/// How often it is tried to open an account while other transactions bind numbers.
pub(super) const TRIES: usize = 4;

/// Seconds for which gateways are tried with the message that an account is open.
const TELL_FOR: i64 = 3600;

/// Opens accounts. Cheap to clone.
#[derive(Clone)]
pub struct Openings {
    /// Persons, notices, the audit log.
    pub life_events: LifeEvents,
    /// What a new account gets.
    pub first: FirstCredentials,
    /// Where its message is sent from.
    pub outbox: Outbox,
    /// Where messages are announced.
    pub ephemeral: Ephemeral,
    /// The host of this provider's pages, for the message.
    pub host: std::sync::Arc<str>,
}

/// An account to be opened.
pub struct NewAccount<'a> {
    /// The record, as registers have it; what else is on file of the person stays.
    pub record: &'a Person,
    /// The number, in the person's own name; they entered the code that was sent to it.
    pub number: &'a PhoneNumber,
    /// The tag of the language of its message.
    pub language: &'a str,
    /// Whether there was an account when the code was sent: only then may its first credential have been lost. Who enters a code twice gets
    /// one message.
    pub again: bool,
    /// What confirms the person from the beginning: the signature with which they registered (R114).
    pub confirmed: Option<ConfirmedBy>,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opened {
    /// There is an account now.
    Now(PersonId),
    /// There was one, opened on-line by this number, and nobody had signed in yet: its first credential was issued anew.
    Again(PersonId),
    /// There was one before: nothing has changed.
    Before,
}

impl Openings {
    /// Opens an account for somebody who has none. A first credential that was lost, or is too old, is issued anew.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing was opened.
    pub async fn open(&self, new: &NewAccount<'_>) -> Result<Opened, ServiceError> {
        let people = &self.life_events.people;
        for _ in 0..TRIES {
            if let Some(person) = people.account_of(&new.record.pinfl).await? {
                let again = new.again && self.issue_again(&person, new).await?;
                return Ok(if again { Opened::Again(person) } else { Opened::Before });
            }
            if let Some(person) = self.try_to_open(new).await? {
                return Ok(Opened::Now(person));
            }
        }
        Err(ServiceError::Unavailable("an account is being opened by another request".to_owned()))
    }

    async fn try_to_open(&self, new: &NewAccount<'_>) -> Result<Option<PersonId>, ServiceError> {
        let (events, now) = (&self.life_events, self.life_events.clock.now());
        let known = events.people.record_of(&new.record.pinfl).await?;
        let record = merged(new.record.clone(), known.as_ref().map(|(_, record)| record));
        let known = known.map(|(person, _)| person);
        let person = known.clone().unwrap_or_else(PersonId::random);
        let language = Language::parse(new.language).unwrap_or(Language::UzLatn);
        let registering = Registering {
            person: &person,
            known: known.is_some(),
            record: &record,
            number: Some(new.number),
            by: OpenedBy::Registration,
            now,
        };
        let (guard, mut then) = events.people.registering(&registering)?;
        let (credential, rows) = self.first.make(&person, AddedBy::Registration).await?;
        then.extend(rows);
        then.push(People::prefers_at_first(&person, language, now));
        then.extend(new.confirmed.map(|ground| People::confirm(&person, ground, now)));
        then.extend(events.inbox.rows(&person, &NewNotice::new(NoticeKind::Registered)));
        let message = self.announced(new.number, language, &credential).await?;
        then.push(self.outbox.row(&message));
        if !events.people.bind_in_turn(guard, then, &[&person]).await? {
            return Ok(None);
        }
        self.outbox.is_in(message);
        events.audit.record(Event::new(Kind::Registered).person(person.as_str()));
        Ok(Some(person))
    }

    /// Issues the first credential of an account anew, in place of the one before, if nobody has used the account yet; `false` otherwise.
    async fn issue_again(&self, person: &PersonId, new: &NewAccount<'_>) -> Result<bool, ServiceError> {
        if self.first.kind.is_none() {
            return Ok(false);
        }
        let (events, now) = (&self.life_events, self.life_events.clock.now());
        let language = Language::parse(new.language).unwrap_or(Language::UzLatn);
        let (credential, rows) = self.first.make(person, AddedBy::Registration).await?;
        let mut then = vec![
            Passwords::end_links(person, now),
            Passwords::forgive(person),
            Accounts::removing_all(MeansKind::Password, person, RemovedBy::Replaced, now),
        ];
        then.extend(rows);
        then.extend(events.inbox.rows(person, &NewNotice::new(NoticeKind::CredentialChanged)));
        let message = self.announced(new.number, language, &credential).await?;
        then.push(self.outbox.row(&message));
        let guard = events.people.untouched(person, new.number);
        if !events.people.bind_in_turn(guard, then, &[person]).await? {
            return Ok(false);
        }
        self.outbox.is_in(message);
        events
            .audit
            .record(Event::new(Kind::CredentialChanged).person(person.as_str()).reason("issued_again"));
        Ok(true)
    }

    /// The message with the first credential, to the number that was proved, announced and not stored yet.
    pub(super) async fn announced(
        &self,
        number: &PhoneNumber,
        language: Language,
        credential: &FirstCredential,
    ) -> Result<Prepared, ServiceError> {
        let told = match credential {
            FirstCredential::None => Told::Nothing,
            FirstCredential::Temporary(password) => Told::Password(password.as_str()),
            FirstCredential::Link(address) => Told::Link(address),
        };
        let prepared = self.outbox.prepare(OutboundMessage {
            id: &bytes::random_alphanumeric::<20>(),
            to: Some(number),
            number_index: &self.life_events.people.number_index(number),
            series: Series::SignUp,
            client_id: "",
            address: "",
            text: opened_text(language.tag(), &self.host, told, self.first.hours()),
            ttl: TELL_FOR,
            daily_cap: i64::MAX,
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
}
