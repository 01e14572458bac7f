//! What registers are asked, beside the page: whether there is such a person with such a document (R113, R116), and whether the number is in
//! their own name (R115, D-g). When they agree a code is sent.

use futures_util::future::join;

use super::SignUp;
use super::draft::{Draft, State, Ticket};
use super::form::Form;
use super::obstacle::Obstacle;
use crate::mobile_id::person_of;
use crate::people::{Category, CivilDate, Person};
use crate::platform::ephemeral::Unavailable;
use crate::registries::{
    AskedDocument, Asker, CivilRecord, Contradiction, ErrorKind, PersonQuery, RegistryError, Subscriber,
    SubscriberState, Why,
};
use crate::sign_in::ClientNetwork;

/// Until this age people seldom have a number in their own name, in years.
const OF_AGE: i32 = 18;

impl SignUp {
    /// Begins to ask registers beside the page.
    ///
    /// # Errors
    /// [`Unavailable`] when that cannot be kept; then none is asked.
    pub(super) async fn start_check(
        &self,
        ticket: &Ticket,
        mut draft: Draft,
        network: ClientNetwork,
    ) -> Result<(), Unavailable> {
        draft.state = State::Checking { since: self.sign_in.clock.now() };
        self.keep(ticket, &draft).await?;
        let (own, ticket) = (self.clone(), ticket.clone());
        tokio::spawn(async move {
            draft.state = own.ask(&draft, &network).await;
            if let Err(error) = own.keep(&ticket, &draft).await {
                tracing::warn!(event = "sign_up.check_lost", %error, "what registers said was not kept");
            }
        });
        Ok(())
    }

    async fn ask(&self, draft: &Draft, network: &ClientNetwork) -> State {
        let form = &draft.form;
        let asker = Asker::provider(Why::Registration).with_consent();
        let document = AskedDocument { kind: form.document, number: form.document_number.clone() };
        let query = PersonQuery::PinflAndDocument(form.pinfl.clone(), document);
        let asked =
            join(self.registries.person(&query, &asker), self.registries.subscriber(&form.number, &asker));
        let (person, subscriber) = asked.await;
        let person = match person {
            Ok(answer) => Some((answer.value, answer.as_of)),
            Err(error) if is_nobody(&error) => None,
            Err(_) => return self.counted("unanswered", State::Unanswered),
        };
        let subscriber = match subscriber {
            Ok(answer) => Some(answer.value),
            Err(RegistryError { kind: ErrorKind::NotFound, .. }) => None,
            Err(_) => return self.counted("unanswered", State::Unanswered),
        };
        let today = CivilDate::of(self.sign_in.clock.now());
        let obstacles =
            obstacles(form, person.as_ref().map(|(record, _)| record), subscriber.as_ref(), today);
        if let Some(first) = obstacles.first() {
            return self.counted(first.name(), State::Stopped(obstacles));
        }
        let Some((record, as_of)) = person else { return State::Stopped(vec![Obstacle::Nobody]) };
        let record = person_of(record, &form.pinfl, CivilDate::of(as_of));
        self.first_code(draft, record, network).await
    }

    async fn first_code(&self, draft: &Draft, record: Person, network: &ClientNetwork) -> State {
        match self.send_code(draft, record, network).await {
            Ok(state) => {
                let outcome = if matches!(state, State::Code(_)) { "code_sent" } else { "limited" };
                self.counted(outcome, state)
            }
            Err(error) => {
                tracing::warn!(event = "sign_up.code_unsent", %error, "a code of a registration was not sent");
                self.counted("unanswered", State::Unanswered)
            }
        }
    }

    fn counted(&self, outcome: &'static str, state: State) -> State {
        self.sign_in.metrics.sign_ups(outcome).inc();
        state
    }
}

/// Whether a register says that there is nobody with this PINFL and this document.
const fn is_nobody(error: &RegistryError) -> bool {
    use Contradiction as C;
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Contradiction(C::OtherPerson | C::OtherDocument))
}

/// Holds the answers against the form.
fn obstacles(
    form: &Form,
    record: Option<&CivilRecord>,
    subscriber: Option<&Subscriber>,
    today: CivilDate,
) -> Vec<Obstacle> {
    let Some(record) = record.filter(|record| record.pinfl == form.pinfl) else {
        return vec![Obstacle::Nobody];
    };
    if !record.alive {
        return vec![Obstacle::Deceased];
    }
    let mut found = Vec::new();
    let named = record.documents.iter().find(|known| known.document.number == form.document_number);
    let same = record.document.number == form.document_number && record.document.kind == form.document;
    match named {
        // Foreigners have another document by now than the one with which the PINFL was obtained (R116).
        _ if record.category() != Category::Citizen && (same || named.is_some()) => {}
        Some(named) if !named.in_force => found.push(Obstacle::DocumentEnded),
        _ if same => {}
        _ => return vec![Obstacle::Nobody],
    }
    found.extend(of_number(form, subscriber, is_minor(record, today)));
    found
}

fn of_number(form: &Form, subscriber: Option<&Subscriber>, minor: bool) -> Option<Obstacle> {
    let Some(subscriber) = subscriber else { return Some(Obstacle::NumberUnknown) };
    if subscriber.owner.as_ref() != Some(&form.pinfl) {
        return Some(match (subscriber.state, minor) {
            (SubscriberState::Returned, _) => Obstacle::NumberUnknown,
            (_, true) => Obstacle::MinorsNumber,
            (_, false) => Obstacle::OtherOwner,
        });
    }
    match subscriber.state {
        // It still gets messages.
        SubscriberState::Active | SubscriberState::NoBalance => None,
        SubscriberState::Frozen => Some(Obstacle::NumberFrozen),
        SubscriberState::Returned => Some(Obstacle::NumberUnknown),
    }
}

fn is_minor(record: &CivilRecord, today: CivilDate) -> bool {
    record.birth_date.age_on(today) < OF_AGE
}
