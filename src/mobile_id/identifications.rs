//! What is done with an application until its code was entered. Each is one transaction on the version that was read, with the rows
//! that its caller adds; completion is in `life_events`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::consent::{self, Consented};
use super::door::{Channel, Door};
use super::fee::{self, BhmTable, Invoice};
use super::flow::{self, Event, Illegal, State};
use super::ground::Ground;
use super::id::{IdentificationId, Reference};
use super::identification::{Evidence, Identification, Missing};
use super::payments::{self, KeptPayment, Payment, PaymentOutcome};
use super::precheck::{Comparison, LOST, Precheck, comparison_key, precheck_key, registered_key};
use super::questionnaire::{Field, FieldError, Questionnaire, Typed};
use super::queue::Queue;
use super::store::{Indexes, Store};
use crate::audit::{self, Audit, Kind};
use crate::notices::Outbox;
use crate::people::{CivilDate, People, Standing};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError, Lease, Statement};
use crate::platform::ephemeral::{Ephemeral, Unavailable};
use crate::platform::seal::{Keyring, Mac};
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::Metrics;
use crate::platform::web::locale::Language;
use crate::registries::Registries;
use crate::staff::PlaceId;

/// What settings say of identification.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Lifetime of a code at a place, in seconds (R38).
    pub code_place: i64,
    /// Lifetime of a code in the app, in seconds (R62).
    pub code_app: i64,
    /// Tries at one code.
    pub tries: u64,
    /// Codes to one number in a day.
    pub codes_per_day: i64,
    /// The base calculation value by date.
    pub bhm: BhmTable,
    /// Seconds in which an invoice may be paid.
    pub pay: i64,
    /// Seconds after which an application that nobody went on with is withdrawn.
    pub abandoned: i64,
    /// Seconds for which what registers said is kept.
    pub precheck: i64,
    /// The host that messages name, in ASCII without port.
    pub host: String,
    /// Whether test numbers are numbers.
    pub test_numbers: bool,
    /// Codes of test numbers that are always the same, by their digits.
    pub constant_codes: BTreeMap<String, String>,
}

/// What became of a form.
#[derive(Debug)]
pub enum Opening {
    /// It is open. The same identifier again leads to the application that is there.
    Opened(Box<Identification>),
    /// Fields are wrong: nothing was written.
    Invalid(Vec<(Field, FieldError)>),
    /// Nobody is identified at such a place (D-n).
    NotHere,
}

/// What came of noting that a payment was given back.
#[derive(Debug)]
pub enum Returning {
    /// It is noted.
    Noted(Payment),
    /// It was noted before.
    Before(Timestamp),
    /// It enrolled its applicant: it is no payment to be given back.
    Applied,
    /// There is no such payment.
    Unknown,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such application.
    #[error("there is no such application")]
    Unknown,
    /// Another request was quicker: read it again.
    #[error("another request changed the application")]
    Overtaken,
    /// The state or the chapter does not allow it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// Something is missing before a code may be sent.
    #[error("something is missing")]
    Missing(Vec<Missing>),
    /// The number had all its codes of the day.
    #[error("the number had all its codes of the day")]
    DailyLimit,
    /// A store or a register is unavailable.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<DbError> for ActError {
    fn from(error: DbError) -> Self {
        Self::Service(error.into())
    }
}

impl From<Unavailable> for ActError {
    fn from(error: Unavailable) -> Self {
        Self::Service(error.into())
    }
}

/// Applications for identification. Cheap to clone.
#[derive(Clone)]
pub struct Identifications {
    pub(super) store: Store,
    pub(super) people: People,
    pub(super) ephemeral: Ephemeral,
    pub(super) registries: Registries,
    pub(super) outbox: Outbox,
    pub(super) codes: Arc<Mac>,
    pub(super) clock: Clock,
    audit: Audit,
    pub(super) metrics: Arc<Metrics>,
    rules: Arc<Rules>,
}

impl Identifications {
    /// The applications in a database.
    pub fn new(
        (db, clock): (Db, Clock),
        (audit, metrics): (Audit, Arc<Metrics>),
        keyring: &Keyring,
        people: People,
        (outbox, ephemeral, registries): (Outbox, Ephemeral, Registries),
        rules: Rules,
    ) -> Self {
        Self {
            store: Store::new(db, keyring.sealer("identification")),
            codes: Arc::new(keyring.mac("identification-code")),
            people,
            ephemeral,
            outbox,
            registries,
            clock,
            audit,
            metrics,
            rules: Arc::new(rules),
        }
    }

    /// The registers that are asked: whoever else asks them shares their lines.
    pub const fn registries(&self) -> &Registries {
        &self.registries
    }

    /// What makes upkeep of applications one node's work, for so many seconds at a time.
    pub fn lease(&self, seconds: i64) -> Lease {
        Lease::new(self.store.db.clone(), "invoices", seconds)
    }

    /// What settings say.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Opens an application by its form, with `also` in the same transaction (one commit). The identifier is the caller's, so that a
    /// request may be repeated: the same one again leads to the application that is there, whatever the form says.
    ///
    /// # Errors
    /// [`ServiceError`]; then it is not known whether it is open.
    pub async fn open(
        &self,
        id: IdentificationId,
        (door, language): (Door, Language),
        typed: &Typed<'_>,
        also: Vec<Statement>,
    ) -> Result<Opening, ServiceError> {
        if let Channel::Place(kind) = door.channel()
            && !kind.identifies()
        {
            return Ok(Opening::NotHere);
        }
        let form = match Questionnaire::parse(typed, self.rules.test_numbers) {
            Ok(form) => form,
            Err(wrong) => return Ok(Opening::Invalid(wrong)),
        };
        let now = self.clock.now();
        let indexes = Indexes {
            number: self.people.number_index(&form.number),
            pinfl: self.people.pinfl_index(&form.pinfl),
        };
        let new = Identification {
            reference: id.reference(),
            id,
            door,
            language,
            state: State::Open,
            form,
            consents: Vec::new(),
            evidence: Evidence::default(),
            findings: None,
            code: None,
            codes_sent: 0,
            invoice: None,
            registered: false,
            person: None,
            opened_at: now,
            updated_at: now,
            ended_at: None,
            invoice_ended_at: None,
            version: 1,
        };
        if self.store.insert(&new, &indexes, also).await? {
            self.metrics.identifications(new.door.name(), "opened").inc();
            return Ok(Opening::Opened(Box::new(new)));
        }
        let there = self.store.find(&new.id).await?;
        let there = there.ok_or_else(|| ServiceError::Internal("an application is not there".to_owned()))?;
        Ok(Opening::Opened(Box::new(there)))
    }

    /// An application.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find(&self, id: &IdentificationId) -> Result<Option<Identification>, DbError> {
        match self.store.find(id).await? {
            Some(application) => Ok(Some(self.with_billing(application).await)),
            None => Ok(None),
        }
    }

    /// An application by what was printed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn by_reference(&self, reference: &Reference) -> Result<Option<Identification>, DbError> {
        self.store.by_reference(reference).await
    }

    /// An application by the number of its invoice.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn by_invoice(&self, number: &str) -> Result<Option<Identification>, DbError> {
        self.store.by_invoice(number).await
    }

    /// Applications of a place that were opened from `since` on, the newest first; from `before` on, if it is given.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of_place(
        &self,
        place: &PlaceId,
        (since, before): (Timestamp, Option<&Identification>),
        most: i64,
    ) -> Result<Vec<Identification>, DbError> {
        self.store.of_place(place, (since, before), most).await
    }

    /// Applications of all doors that were opened from `since` on, the newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn since(&self, since: Timestamp, most: i64) -> Result<Vec<Identification>, DbError> {
        self.store.since(since, most).await
    }

    /// The next `most` applications of a queue, after the one that was the last of those before.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn waiting(
        &self,
        queue: Queue,
        after: Option<&Identification>,
        most: i64,
    ) -> Result<Vec<Identification>, DbError> {
        let before = self.clock.now().minus(self.rules.abandoned);
        self.store.waiting((queue, before), after, most).await
    }

    /// Notes that nobody can pay the invoice of a withdrawn application any more.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn invoice_ended(&self, id: &IdentificationId) -> Result<(), DbError> {
        self.store.invoice_ended(id, self.clock.now()).await
    }

    /// How far the pre-check of an application got; `None` when it was not begun, or is too old.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn precheck(&self, id: &IdentificationId) -> Result<Option<Precheck>, Unavailable> {
        let known: Option<(Precheck, _)> = self.ephemeral.get(precheck_key(id)).await?;
        Ok(known.map(|(precheck, _)| precheck).map(|precheck| match precheck {
            Precheck::Running { since, .. } if self.is_lost(since) => {
                Precheck::Failed { register: String::new(), since }
            }
            precheck => precheck,
        }))
    }

    /// How far the comparison got; `None` when it was not begun, or is too old.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn comparison(&self, id: &IdentificationId) -> Result<Option<Comparison>, Unavailable> {
        let known: Option<(Comparison, _)> = self.ephemeral.get(comparison_key(id)).await?;
        Ok(known.map(|(comparison, _)| comparison).map(|comparison| match comparison {
            Comparison::Running { since } if self.is_lost(since) => Comparison::Failed { since },
            comparison => comparison,
        }))
    }

    /// Whether a job that began then has ended with its node: it may be begun again.
    fn is_lost(&self, since: Timestamp) -> bool {
        !(0..LOST).contains(&self.clock.now().since(since))
    }

    /// Adds consents and evidence, with `also` (one commit).
    ///
    /// # Errors
    /// [`ActError`]; then nothing was written, unless the database became unavailable.
    pub async fn evidence(
        &self,
        id: &IdentificationId,
        (consents, evidence): (&[Consented], Evidence),
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        let mut changed = self.under_way(id).await?;
        changed.evidence = std::mem::take(&mut changed.evidence).with(evidence);
        consent::add(&mut changed.consents, consents);
        self.step(changed, Event::Evidence, also).await
    }

    /// The invoice of an application whose code was right; `None` where nothing is due (R11–R14, R21).
    pub fn invoice_of(&self, application: &Identification) -> Option<Invoice> {
        let discount = application.findings.as_ref().and_then(|findings| findings.discount);
        let day = CivilDate::of(application.opened_at);
        let fee = fee::due(&self.rules.bhm, application.channel(), day, discount)?;
        let now = self.clock.now();
        Some(Invoice {
            number: format!("MID{}", application.reference.as_str()),
            fee,
            issued_at: now,
            until: now.plus(self.rules.pay),
        })
    }

    /// Notes that the right code was entered and a fee is due (D-f), with `also` (one commit): nothing else changes.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn await_payment(
        &self,
        mut application: Identification,
        invoice: Invoice,
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        application.invoice = Some(invoice);
        self.step(application, Event::CodeRight { due: true }, also).await
    }

    /// Notes that billing knows the invoice: short-lived state, because billing is asked wherever it matters.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn registered(&self, id: &IdentificationId) -> Result<(), Unavailable> {
        self.ephemeral.put(registered_key(id), &true, self.rules.pay).await
    }

    /// An application that waits for a payment, with whether billing knows its invoice: where that is not to be had, it does not.
    async fn with_billing(&self, mut application: Identification) -> Identification {
        if application.state == State::AwaitingPayment {
            let known = self.ephemeral.get::<bool>(registered_key(&application.id)).await;
            application.registered = known.is_ok_and(|known| known.is_some());
        }
        application
    }

    /// What enrols an application: the guard of the transaction of completion, and the application as it is then. It takes place only
    /// if person and number still stand as they did.
    ///
    /// # Errors
    /// [`ActError`].
    pub fn enrolled(
        &self,
        mut application: Identification,
        event: Event,
        standing: &Standing,
    ) -> Result<(Statement, Identification), ActError> {
        let now = self.clock.now();
        application.state = flow::next(application.state, event, application.channel())?;
        application.updated_at = now;
        application.ended_at = Some(now);
        let values = self.people.standing_values(&application.form.pinfl, standing);
        let guard = self.store.update_standing(&application, values)?;
        application.version += 1;
        Ok((guard, application))
    }

    /// What was paid for an application, the first first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn payments_of(&self, application: &Identification) -> Result<Vec<KeptPayment>, DbError> {
        match &application.invoice {
            Some(invoice) => self.store.payments(payments::of_invoice(&invoice.number)).await,
            None => Ok(Vec::new()),
        }
    }

    /// Payments that an operator is to give back, the first first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn payments_to_return(&self, most: i64) -> Result<Vec<KeptPayment>, DbError> {
        self.store.payments(payments::to_return(most)).await
    }

    /// Notes that a payment which enrolled nobody was given back. An application that still waits for its payment is withdrawn by that,
    /// so that it can no longer be enrolled by it.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn payment_returned(&self, reference: &str) -> Result<Returning, ActError> {
        let kept = self.store.payments(payments::of_reference(reference)).await?.pop();
        let Some(kept) = kept else { return Ok(Returning::Unknown) };
        if kept.outcome == Some(PaymentOutcome::Applied) {
            return Ok(Returning::Applied);
        }
        if let Some(at) = kept.returned_at {
            return Ok(Returning::Before(at));
        }
        let row = payments::returned(reference, self.clock.now());
        let waiting = self.by_invoice(&kept.payment.invoice).await?;
        match waiting.filter(|application| application.state == State::AwaitingPayment) {
            Some(application) => {
                self.step(application, Event::Withdrawn, vec![row]).await?;
            }
            None => {
                self.store.db.change(row).await?.ok_or(ActError::Overtaken)?;
            }
        }
        Ok(Returning::Noted(kept.payment))
    }

    /// Notes what a person agreed to after they had paid (R35, R36), with `also` (one commit).
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn agreed(
        &self,
        mut application: Identification,
        consents: &[Consented],
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        consent::add(&mut application.consents, consents);
        self.step(application, Event::Agreed, also).await
    }

    /// Keeps a payment that enrols nobody; `false` where it was kept before.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn keep_payment(&self, payment: &Payment, outcome: PaymentOutcome) -> Result<bool, DbError> {
        Ok(self.store.db.change(payment.row(outcome, self.clock.now())).await?.is_some())
    }

    /// Refuses an application on a ground of its chapter, with `also` (one commit).
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn refuse(
        &self,
        id: &IdentificationId,
        ground: Ground,
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        let application = self.under_way(id).await?;
        self.step(application, Event::Refused(ground), also).await
    }

    /// Notes that the person does not go on (D-o), with `also` (one commit).
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn withdraw(
        &self,
        id: &IdentificationId,
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        let application = self.under_way(id).await?;
        self.step(application, Event::Withdrawn, also).await
    }

    /// An application to be changed.
    pub(super) async fn under_way(&self, id: &IdentificationId) -> Result<Identification, ActError> {
        self.store.find(id).await?.ok_or(ActError::Unknown)
    }

    /// Makes one step of an application that was read, with `also`, all or nothing.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn step(
        &self,
        mut application: Identification,
        event: Event,
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        let now = self.clock.now();
        application.state = flow::next(application.state, event, application.channel())?;
        application.updated_at = now;
        application.ended_at = Some(now).filter(|_| application.state.is_over());
        let guard = self.store.update(&application)?;
        let done = if also.is_empty() {
            self.store.db.change(guard).await?
        } else {
            self.store.db.guarded(guard, also).await?
        };
        if done.is_none() {
            return Err(ActError::Overtaken);
        }
        application.version += 1;
        if !matches!(event, Event::Evidence | Event::Agreed) {
            self.count(&application);
        }
        if let Some(kind) = ended_as(application.state) {
            let event = audit::Event::new(kind).detail(application.reference.to_string());
            let event = application
                .state
                .ground()
                .into_iter()
                .fold(event, |event, ground| event.reason(ground.clause()));
            self.audit.record(event);
        }
        Ok(application)
    }

    /// Counts that an application has come into its state.
    pub fn count(&self, application: &Identification) {
        self.metrics.identifications(application.door.name(), application.state.name()).inc();
    }

    /// How person and number of an application stand.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn standing(&self, application: &Identification) -> Result<Standing, DbError> {
        self.people.standing(&application.form.pinfl, &application.form.number).await
    }

    /// Keeps what was found, as the pre-check's job does when all answers are there.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn found(
        &self,
        id: &IdentificationId,
        findings: super::identification::Findings,
    ) -> Result<(), Unavailable> {
        let done = Precheck::Done(Box::new(findings));
        self.ephemeral.put(precheck_key(id), &done, self.rules.precheck).await
    }
}

/// What the audit log calls an end without an enrolment.
const fn ended_as(state: State) -> Option<Kind> {
    match state {
        State::Refused(_) => Some(Kind::IdentificationRefused),
        State::Withdrawn => Some(Kind::IdentificationWithdrawn),
        _ => None,
    }
}
