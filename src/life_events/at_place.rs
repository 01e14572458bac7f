//! Accounts at a place (R107, D-n): a member of staff saw the original document and registers know the person. Whoever has no account gets
//! one, with a first credential by SMS to a number that they proved, or on paper; an account that exists is confirmed. Each is one
//! transaction with what the place records of it.

use super::registration::TRIES;
use super::{Openings, Recoveries};
use crate::accounts::AddedBy;
use crate::accounts::passwords::{Passwords, RecoveredBy, Rests, Temporary};
use crate::audit::{Event, Kind};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{Account, ConfirmedBy, OpenedBy, People, Person, PersonId, PhoneNumber, Registering};
use crate::platform::db::Statement;
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;

/// Somebody who came to a place.
pub struct AtPlace<'a> {
    /// The record, as registers have it.
    pub record: &'a Person,
    /// A number that they proved to have, in whoever's name; none where they have none.
    pub number: Option<&'a PhoneNumber>,
    /// Their language.
    pub language: Language,
    /// What the place is called in it.
    pub place: &'a str,
}

/// What was done for them.
pub enum Served {
    /// There is an account now, confirmed in person. The temporary password is for the paper, where no number was proved.
    Opened(PersonId, Option<Temporary>),
    /// There was an account, which is confirmed now, or was before.
    Confirmed(PersonId),
    /// Their number is enrolled in Mobile-ID, which confirms them: nothing was changed.
    Enrolled,
    /// The account was closed because of a death: nothing was changed.
    Closed,
}

/// What the place records, in the transaction, and the events that tell of it: for the person, and whether an account was opened.
pub type Records<'a> =
    &'a dyn Fn(&PersonId, bool) -> Result<(Vec<Statement>, Vec<Event<'static>>), ServiceError>;

impl Openings {
    /// Opens an account for somebody who has none, and confirms the one that is there.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing was changed.
    pub async fn at_place(&self, came: &AtPlace<'_>, records: Records<'_>) -> Result<Served, ServiceError> {
        let people = &self.life_events.people;
        for _ in 0..TRIES {
            let Some(person) = people.account_of(&came.record.pinfl).await? else {
                if let Some((person, paper)) = self.try_to_open_at_place(came, records).await? {
                    return Ok(Served::Opened(person, paper));
                }
                continue;
            };
            if self.confirm_at_place(&person, came, records).await? {
                return Ok(Served::Confirmed(person));
            }
            let enrolled = people.pinfl_of_account(&person).await?.is_some();
            return Ok(if enrolled { Served::Enrolled } else { Served::Closed });
        }
        Err(ServiceError::Unavailable("an account is being opened by another request".to_owned()))
    }

    async fn try_to_open_at_place(
        &self,
        came: &AtPlace<'_>,
        records: Records<'_>,
    ) -> Result<Option<(PersonId, Option<Temporary>)>, ServiceError> {
        let (events, now) = (&self.life_events, self.life_events.clock.now());
        let known = events.people.with_pinfl(&came.record.pinfl).await?;
        let person = known.clone().unwrap_or_else(PersonId::random);
        let registering = Registering {
            person: &person,
            known: known.is_some(),
            record: came.record,
            number: None,
            by: OpenedBy::Place,
            now,
        };
        let (guard, mut then) = events.people.registering(&registering)?;
        then.push(People::confirm(&person, ConfirmedBy::InPerson, now));
        let (mut paper, mut message) = (None, None);
        if let Some(number) = came.number {
            then.extend(events.people.first_contact(&person, number, now));
            let (credential, rows) = self.first.make(&person, AddedBy::Staff).await?;
            then.extend(rows);
            let prepared = self.announced(number, came.language, &credential).await?;
            then.push(self.outbox.row(&prepared));
            message = Some(prepared);
        } else {
            let (temporary, rows) = self.first.on_paper(&person).await?;
            then.extend(rows);
            paper = temporary;
        }
        then.push(People::prefers_at_first(&person, came.language, now));
        let notice = NewNotice::new(NoticeKind::OpenedAtPlace).reference(came.place);
        then.extend(events.inbox.rows(&person, &notice));
        let (rows, acted) = records(&person, true)?;
        then.extend(rows);
        if !events.people.bind_in_turn(guard, then, &[&person]).await? {
            return Ok(None);
        }
        if let Some(message) = message {
            self.outbox.is_in(message);
        }
        acted.into_iter().for_each(|event| events.audit.record(event));
        events.audit.record(Event::new(Kind::ServedAtPlace).person(person.as_str()).reason("opened"));
        Ok(Some((person, paper)))
    }

    /// Confirms an account; the number becomes one that reaches its person, unless another does. `false` where there is none that can be
    /// confirmed.
    async fn confirm_at_place(
        &self,
        person: &PersonId,
        came: &AtPlace<'_>,
        records: Records<'_>,
    ) -> Result<bool, ServiceError> {
        let (events, now) = (&self.life_events, self.life_events.clock.now());
        let guard = People::confirming(person, ConfirmedBy::InPerson, now);
        let notice = NewNotice::new(NoticeKind::ConfirmedAtPlace).reference(came.place);
        let mut then = events.inbox.rows(person, &notice);
        if let Some(number) = came.number {
            then.extend(events.people.first_contact(person, number, now));
        }
        let (rows, acted) = records(person, false)?;
        then.extend(rows);
        if !events.people.bind_in_turn(guard, then, &[person]).await? {
            return Ok(false);
        }
        acted.into_iter().for_each(|event| events.audit.record(event));
        events.audit.record(Event::new(Kind::ServedAtPlace).person(person.as_str()).reason("confirmed"));
        Ok(true)
    }
}

impl Recoveries {
    /// As [`Recoveries::in_person`], for somebody whom no number reaches: the temporary password is for the paper that they are given.
    /// `None` when there is no such person.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn on_paper(
        &self,
        account: &Account,
        (staff, place): (&str, &str),
        also: Vec<Statement>,
    ) -> Result<Option<Temporary>, ServiceError> {
        let person = &account.account_state.person_id;
        let (temporary, hashed) = self.passwords.temporary().await?;
        let (word, recovery) = self.passwords.recovered(person, (RecoveredBy::InPerson, Some(staff)));
        let mut then = vec![self.passwords.set_temporary(person, &hashed, AddedBy::Staff), recovery];
        let added = (AddedBy::Staff, Rests::IN_PERSON);
        then.extend(self.accounts.password_added(person, added, self.life_events.clock.now()));
        then.push(Passwords::forgive(person));
        let notice = NewNotice::new(NoticeKind::RecoveredAtPlace).reference(place);
        let told = self.told(account, &word, notice).await?;
        then.extend(told.rows);
        then.extend(also);
        let done = self.life_events.end_access_with(person, then).await?.is_some();
        self.sent(told.messages, done);
        if !done {
            return Ok(None);
        }
        let recovered = Event::new(Kind::Recovered).person(person.as_str());
        self.life_events.audit.record(recovered.reason(RecoveredBy::InPerson.name()));
        Ok(Some(temporary))
    }
}
