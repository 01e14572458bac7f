//! The completion of an identification, and the end of an enrolment: what binds or releases a number, wherever it has effects. Each is
//! one transaction; nothing else binds a number of a person who comes for it.

use std::sync::Arc;

use super::LifeEvents;
use super::credentials::{FirstCredential, FirstCredentials};
use crate::accounts::passwords::Passwords;
use crate::accounts::{Accounts, AddedBy, RemovedBy};
use crate::audit::{Event as Recorded, Kind};
use crate::mobile_id::{
    ActError, Consent, Consented, Event, Identification, IdentificationId, Identifications, Illegal,
    KeptPayment, Missing, Payment, PaymentOutcome, State, Tried,
};
use crate::notices::email::Emails;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::notices::sms::identification::{Opened, anew_text, completed_text};
use crate::notices::{ChargeWarning, OutboundMessage, Outbox, Prepared, Series, SmsWishes};
use crate::people::{Binding, EndGround, Epoch, People, Person, PersonId, Standing};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Lease, Statement};
use crate::platform::ephemeral::{Applied, Batch, Ephemeral};
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;
use crate::registries::Billing;
use crate::signals::EventType;

/// For how long the message of completion is tried to be sent, in seconds.
const TELL_FOR: i64 = 3600;

/// Messages of completion to one number in a day.
const TOLD_A_DAY: i64 = 20;

/// For how long a node does what time does to applications before another may, in seconds: longer than between two looks.
const LEASE: i64 = 300;

/// How often a completion is tried where another one was quicker.
const TRIES: u32 = 5;

/// The grounds of clause 34 on which an enrolment ends by itself; the first one, another person's identification, is part of that
/// identification's completion. There is no other ground (R91).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground34 {
    /// 34(2): the number was returned to its operator (R84). An enrolment that began later stays.
    NumberReturned {
        /// The number's blind index.
        number: Digest,
        /// When it was returned.
        at: Timestamp,
    },
    /// 34(3): the person asked for it, at a place or in the app (R85, R89, R90).
    Request,
    /// 34(4): the person died (R86).
    Death,
}

impl Ground34 {
    /// As the history has it.
    pub const fn ground(self) -> EndGround {
        match self {
            Self::NumberReturned { .. } => EndGround::NumberReturned,
            Self::Request => EndGround::Request,
            Self::Death => EndGround::Death,
        }
    }
}

/// What follows an entered code.
#[derive(Debug)]
pub enum Entered {
    /// It is wrong; so many tries are left.
    Wrong {
        /// Tries left.
        left: u64,
    },
    /// It expired or had all its tries: a new one may be asked for.
    Expired,
    /// It is right, and the fee is due: the invoice is in the application (D-f).
    AwaitingPayment(Box<Identification>),
    /// It is right and everything is done.
    Enrolled(Box<Identification>),
}

/// What became of what billing says.
#[derive(Debug)]
pub enum Settled {
    /// The applicant is enrolled; by this, or before.
    Enrolled(Box<Identification>),
    /// It was not paid yet.
    Unpaid,
    /// It is another sum than the invoice's, or the application was over: an operator is told, and nothing else follows.
    NotApplied(PaymentOutcome),
    /// There is no such invoice.
    Unknown,
}

/// Completes identifications. Cheap to clone.
#[derive(Clone)]
pub struct Enrolments {
    /// What comes before completion.
    pub identifications: Identifications,
    /// What ends for others with it.
    pub life_events: LifeEvents,
    /// What an account gets that is opened with it.
    pub first: FirstCredentials,
    outbox: Outbox,
    pub(super) ephemeral: Ephemeral,
    pub(super) billing: Billing,
    pub(super) notice_url: Arc<str>,
    pub(super) lease: Lease,
}

impl Enrolments {
    /// The operations. Billing is told `notice_url`, where it may say that something was paid.
    pub fn new(
        identifications: Identifications,
        (life_events, first): (LifeEvents, FirstCredentials),
        (outbox, ephemeral): (Outbox, Ephemeral),
        (billing, notice_url): (Billing, &str),
    ) -> Self {
        let notice_url = Arc::from(notice_url);
        let lease = identifications.lease(LEASE);
        Self { identifications, life_events, first, outbox, ephemeral, billing, notice_url, lease }
    }

    /// Takes the code of an application as typed, with `also` in the transaction of what follows from the right one (R40, R41, R63). A
    /// right code of somebody who owes nothing enrols; otherwise an invoice is made and nothing else changes.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn enter_code(
        &self,
        id: &IdentificationId,
        typed: &str,
        also: Vec<Statement>,
    ) -> Result<Entered, ActError> {
        let application = self.identifications.find(id).await?.ok_or(ActError::Unknown)?;
        match application.state {
            // The same form sent twice.
            State::Enrolled => return Ok(Entered::Enrolled(Box::new(application))),
            State::AwaitingPayment => return Ok(Entered::AwaitingPayment(Box::new(application))),
            _ => {}
        }
        match self.identifications.try_code(&application, typed).await? {
            Tried::Wrong { left } => return Ok(Entered::Wrong { left }),
            Tried::Expired => return Ok(Entered::Expired),
            Tried::Right => {}
        }
        match self.identifications.invoice_of(&application) {
            Some(invoice) => {
                let waiting = self.identifications.await_payment(application, invoice, also).await?;
                self.register(&waiting);
                Ok(Entered::AwaitingPayment(Box::new(waiting)))
            }
            None => {
                let event = Event::CodeRight { due: false };
                let done = self.complete(application, event, also).await?;
                Ok(Entered::Enrolled(Box::new(done)))
            }
        }
    }

    /// Applies a payment that billing confirmed, once (R15): the whole fee of an application that waits for it enrols its applicant. Any
    /// other is stored, and an operator is told.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn paid(&self, payment: &Payment) -> Result<Settled, ActError> {
        let Some(application) = self.identifications.by_invoice(&payment.invoice).await? else {
            return Ok(Settled::Unknown);
        };
        let now = self.life_events.clock.now();
        let due = application.invoice.as_ref().map(|invoice| invoice.fee.tiyin);
        let mut outcome = match application.state {
            State::Enrolled => return Ok(Settled::Enrolled(Box::new(application))),
            State::AwaitingPayment if due == Some(payment.tiyin) => PaymentOutcome::Applied,
            State::AwaitingPayment => PaymentOutcome::OtherSum,
            _ => PaymentOutcome::TooLate,
        };
        if outcome == PaymentOutcome::Applied {
            let row = vec![payment.row(outcome, now)];
            match self.complete(application, Event::Paid, row).await {
                Ok(done) => return Ok(Settled::Enrolled(Box::new(done))),
                // It was paid, and what it would take from others since then nobody agreed to.
                Err(ActError::Missing(_)) => outcome = PaymentOutcome::Unagreed,
                // It was withdrawn, or refused, in the same moment.
                Err(ActError::Illegal(_)) => outcome = PaymentOutcome::TooLate,
                Err(error) => return Err(error),
            }
        }
        if self.identifications.keep_payment(payment, outcome).await? {
            let event = Recorded::new(Kind::PaymentNotApplied).detail(payment.invoice.clone());
            self.life_events.audit.record(event.reason(outcome.name()));
        }
        Ok(Settled::NotApplied(outcome))
    }

    /// Notes that the person does not go on (D-o), with `also` in the same transaction. An invoice is taken back at billing beside the page;
    /// what fails is tried again by upkeep, until it is certain that nobody can pay any more.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn withdraw(
        &self,
        id: &IdentificationId,
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        let withdrawn = self.identifications.withdraw(id, also).await?;
        if withdrawn.invoice.is_some() {
            self.begin_to_take_back(&withdrawn);
        }
        Ok(withdrawn)
    }

    /// To what the applicant of a payment has to agree before it enrols: what changed since the pre-check (R35, R36).
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn to_be_agreed(
        &self,
        application: &Identification,
    ) -> Result<(Standing, Vec<Consent>), ServiceError> {
        let standing = self.identifications.standing(application).await?;
        let consents = unagreed(application, &standing).into_iter().filter_map(|missing| match missing {
            Missing::Consent(consent) => Some(consent),
            _ => None,
        });
        let consents = consents.collect();
        Ok((standing, consents))
    }

    /// Takes what the applicant of a payment agreed to afterwards, with `also` in the same transaction, and applies the payment.
    ///
    /// # Errors
    /// [`ActError`]; [`Illegal::State`] where there is no payment that waits for it.
    pub async fn agree(
        &self,
        application: Identification,
        consents: &[Consented],
        also: Vec<Statement>,
    ) -> Result<Settled, ActError> {
        let kept = self.identifications.payments_of(&application).await?;
        let payment = kept.into_iter().find(KeptPayment::is_unagreed).ok_or(Illegal::State)?.payment;
        self.identifications.agreed(application, consents, also).await?;
        self.paid(&payment).await
    }

    /// Completes an application, with `also`: one transaction that takes place as long as person and number stand as they were read.
    async fn complete(
        &self,
        application: Identification,
        event: Event,
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        let mut last = ActError::Overtaken;
        for _ in 0..TRIES {
            let standing = self.identifications.standing(&application).await?;
            match self.try_to_complete(application.clone(), event, &standing, also.clone()).await {
                // Another transaction was quicker: with this application, with the person or with the number.
                Err(error @ (ActError::Overtaken | ActError::Service(ServiceError::Internal(_)))) => {
                    last = error;
                }
                done => return done,
            }
            let again = self.identifications.find(&application.id).await?.ok_or(ActError::Unknown)?;
            match again.state {
                State::Enrolled => return Ok(again),
                state if state == application.state => {}
                _ => return Err(ActError::Illegal(Illegal::State)),
            }
        }
        Err(last)
    }

    async fn try_to_complete(
        &self,
        mut application: Identification,
        event: Event,
        standing: &Standing,
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        let events = &self.life_events;
        let now = events.clock.now();
        // What changed since the pre-check needs the consent that nobody could give then (R35, R36, R59, R60).
        let unagreed = unagreed(&application, standing);
        if !unagreed.is_empty() {
            return Err(ActError::Missing(unagreed));
        }
        let found = application.findings.as_ref().and_then(|findings| findings.record.clone());
        let found =
            found.ok_or_else(|| ServiceError::Internal("an application without a record".to_owned()))?;
        let person = standing.person.as_ref().map_or_else(PersonId::random, |known| known.id.clone());
        let known = standing.person.as_ref().map(|known| &known.record);
        let record = Person { identified_at: Some(now), ..merged(found, known) };
        application.person = Some(person.clone());
        let (guard, done) = self.identifications.enrolled(application, event, standing)?;
        let number = done.form.number.clone();
        let binding = Binding {
            person: &person,
            record: &record,
            number: &number,
            standing,
            identification: done.id.as_str(),
            now,
        };
        let holder = standing.holder.as_ref().map(|(holder, _)| holder);
        // Rows of persons and numbers come before the numbers of revocations, for which others wait that hold such rows.
        let mut then = People::take_from_holder(&binding);
        then.extend(People::give_up_own(&binding));
        then.extend(People::give_up_unconfirmed(&binding));
        let anew = standing.person.as_ref().is_some_and(|known| known.unconfirmed);
        if anew {
            then.extend(given_up(&person, now));
        }
        then.extend(events.people.binding_rows(&binding)?);
        if let Some(holder) = holder {
            then.extend(events.ending(holder));
            then.extend(events.inbox.rows(holder, &NewNotice::new(NoticeKind::EnrolmentEnded)));
            let mut told = vec![EventType::IdentifierRecycled, EventType::SessionRevoked];
            if !events.people.goes_on_without_number(holder).await? {
                told.push(EventType::AccountDisabled);
            }
            then.extend(events.signals.rows(holder, &told, None));
        }
        if standing.changes_number() {
            then.extend(events.ending(&person));
            then.extend(events.inbox.rows(&person, &NewNotice::new(NoticeKind::NumberChanged)));
            let told = [EventType::IdentifierChanged, EventType::SessionRevoked];
            then.extend(events.signals.rows(&person, &told, None));
        }
        if anew {
            then.extend(events.ending(&person));
            then.extend(events.inbox.rows(&person, &NewNotice::new(NoticeKind::AccessEnded)));
            then.extend(events.signals.rows(&person, &[EventType::SessionRevoked], None));
        }
        match &standing.person {
            None => then.push(People::prefers_at_first(&person, done.language, now)),
            Some(known) if !known.enrolled => {
                // Whoever signed in without a number so far has one now; anybody else can sign in again.
                let could = standing.own.is_none() && events.people.goes_on_without_number(&person).await?;
                let told = if could { EventType::IdentifierChanged } else { EventType::AccountEnabled };
                then.extend(events.signals.rows(&person, &[told], None));
            }
            Some(_) => {}
        }
        then.extend(charge_consent(&person, &done));
        let notice = NewNotice::new(NoticeKind::Enrolled).reference(&done.reference.to_string());
        then.extend(events.inbox.rows(&person, &notice));
        let opened = standing.person.is_none() || anew;
        let (credential, rows) = if opened {
            self.first.make(&person, AddedBy::Enrolment).await?
        } else {
            (FirstCredential::None, Vec::new())
        };
        then.extend(rows);
        let message = self.announced(&done, (opened.then_some(&credential), anew)).await?;
        then.push(self.outbox.row(&message));
        then.extend(also);
        let changed: Vec<&PersonId> = holder.into_iter().chain([&person]).collect();
        if !events.people.bind_in_turn(guard, then, &changed).await? {
            return Err(ActError::Overtaken);
        }
        self.outbox.is_in(message);
        self.identifications.count(&done);
        events.signals.wake.notify_one();
        self.announce_ends(&person, &done, standing).await;
        Ok(done)
    }

    /// Tells other nodes at once what ended; they read it from SQL within a second in any case.
    async fn announce_ends(&self, person: &PersonId, done: &Identification, standing: &Standing) {
        let events = &self.life_events;
        let reference = done.reference.to_string();
        let own = standing.person.as_ref().filter(|_| standing.changes_number());
        let own = own.map(|known| (person, known.epoch, EndGround::NumberChanged));
        let holder = standing.holder.as_ref().map(|(id, epoch)| (id, *epoch, EndGround::OtherPerson));
        for (whose, epoch, ground) in own.into_iter().chain(holder) {
            let ended = Recorded::new(Kind::EnrolmentEnded).person(whose.as_str()).reason(ground.name());
            events.audit.record(ended.detail(reference.clone()));
            self.announce_end(whose, epoch).await;
        }
        if let Some(known) = standing.person.as_ref().filter(|known| known.unconfirmed) {
            let ended = Recorded::new(Kind::AccessEnded).person(person.as_str()).reason("identified");
            events.audit.record(ended.detail(reference.clone()));
            self.announce_end(person, known.epoch).await;
        }
        events.audit.record(Recorded::new(Kind::Enrolled).person(person.as_str()).detail(reference));
    }

    async fn announce_end(&self, whose: &PersonId, epoch: Epoch) {
        if let Err(error) = self.life_events.grants.announce_end(whose, epoch).await {
            tracing::warn!(event = "enrolment.unannounced", %error, "other nodes learn of an end by the database");
        }
    }

    /// The message of completion, to the number that is enrolled now (R43), announced and not stored yet.
    async fn announced(
        &self,
        done: &Identification,
        (opened, anew): (Option<&FirstCredential>, bool),
    ) -> Result<Prepared, ActError> {
        let hours = self.first.hours();
        let opened = match opened {
            None => Opened::Before,
            Some(FirstCredential::None) => Opened::Now,
            Some(FirstCredential::Temporary(password)) => Opened::Password(password.as_str(), hours),
            Some(FirstCredential::Link(address)) => Opened::Link(address, hours),
        };
        let index = self.life_events.people.number_index(&done.form.number);
        let host = &self.identifications.rules().host;
        let prepared = self.outbox.prepare(OutboundMessage {
            id: &bytes::random_alphanumeric::<20>(),
            to: Some(&done.form.number),
            number_index: &index,
            series: Series::Identification,
            client_id: "",
            address: "",
            text: if anew {
                anew_text(done.language.tag(), host, opened)
            } else {
                completed_text(done.language.tag(), host, opened)
            },
            ttl: TELL_FOR,
            daily_cap: TOLD_A_DAY,
        })?;
        let mut batch = Batch::new(&self.ephemeral);
        prepared.announce_in(&mut batch);
        match self.ephemeral.apply(batch).await? {
            Applied::Done => Ok(prepared),
            Applied::Exceeded { .. } | Applied::Conflict => Err(ActError::Overtaken),
        }
    }
}

impl LifeEvents {
    /// Ends the enrolment of a person on a ground of clause 34, with `also`, all or nothing: the number, sessions, refresh families,
    /// open approvals; a notice in the cabinet, and what services are told (R83–R91). Afterwards the person may be identified anew
    /// (R88). `false` when nothing was enrolled, or the number that was returned is not theirs any more.
    ///
    /// # Errors
    /// [`ServiceError`]; as for [`LifeEvents::end_access`].
    pub async fn end_enrolment(
        &self,
        person: &PersonId,
        ground: Ground34,
        also: Vec<Statement>,
    ) -> Result<bool, ServiceError> {
        let mut then = self.ending(person);
        // Nobody reads the cabinet of somebody who died.
        if ground != Ground34::Death {
            then.extend(self.inbox.rows(person, &NewNotice::new(NoticeKind::EnrolmentEnded)));
        }
        // An account that goes on by other means is not disabled: its number is what ended.
        let goes_on = ground != Ground34::Death && self.people.goes_on_without_number(person).await?;
        let what = if goes_on { EventType::IdentifierChanged } else { EventType::AccountDisabled };
        then.extend(self.signals.rows(person, &[what, EventType::SessionRevoked], None));
        then.extend(also);
        let only = match &ground {
            Ground34::NumberReturned { number, at } => Some((number, *at)),
            Ground34::Request | Ground34::Death => None,
        };
        let name = ground.ground();
        let ended = self.people.end_enrolment(person, (name, only), self.clock.now(), then).await?;
        let Some(epoch) = ended else { return Ok(false) };
        self.signals.wake.notify_one();
        self.audit.record(Recorded::new(Kind::EnrolmentEnded).person(person.as_str()).reason(name.name()));
        self.grants.announce_end(person, epoch).await?;
        Ok(true)
    }
}

/// What takes from an account everything by which somebody could sign in, and the address of their mails: nobody had confirmed until now
/// that whoever added it is this person (R30, D-e).
fn given_up(person: &PersonId, now: Timestamp) -> Vec<Statement> {
    let mut all = vec![Accounts::removing_every(person, RemovedBy::Identified, now)];
    all.extend(Passwords::forgetting(person, "identified", now));
    all.extend(Emails::forgetting(person, now));
    all
}

/// The consents without which the number may not leave others, nor another number leave the person.
fn unagreed(application: &Identification, standing: &Standing) -> Vec<Missing> {
    let mut needed = Vec::new();
    if standing.changes_number() {
        needed.push(Consent::OtherNumber);
    }
    if standing.other_cabinets > 0 || standing.holder.is_some() {
        needed.push(Consent::OtherCabinets);
    }
    needed.into_iter().filter(|consent| !application.has(*consent)).map(Missing::Consent).collect()
}

/// The register's record, with what this provider knows beside it and the register did not say.
pub(super) fn merged(found: Person, known: Option<&Person>) -> Person {
    let mut record = found;
    if let Some(known) = known {
        record.identified_at = record.identified_at.or(known.identified_at);
        record.address = record.address.or_else(|| known.address.clone());
        record.birth_place = record.birth_place.or_else(|| known.birth_place.clone());
        record.temporary_address = record.temporary_address.or_else(|| known.temporary_address.clone());
        record.tin = record.tin.or_else(|| known.tin.clone());
        record.employment = record.employment.or_else(|| known.employment.clone());
        record.has_photo = known.has_photo;
        for (set, origin) in &known.origins {
            record.origins.entry(*set).or_insert(*origin);
        }
    }
    record
}

/// What records the consent to charges for SMS, as it was given on the way (R31, R32, R55).
fn charge_consent(person: &PersonId, done: &Identification) -> Vec<Statement> {
    let given = done.consents.iter().find(|given| given.to == Consent::SmsCharge);
    given.map_or_else(Vec::new, |given| {
        let warning = ChargeWarning {
            language: Language::parse(&given.language).unwrap_or(done.language),
            tiyin: given.tiyin,
            shown_at_ms: given.shown_at_ms,
        };
        SmsWishes::accepted_rows(person, warning, given.given_at_ms)
    })
}
