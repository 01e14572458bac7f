//! What registers are asked, beside the page: whether there is such a person with such a document (R113, R116), or of the name that signed
//! (R114), and whether the number is in their own name (R115, D-g). When they agree a code is sent.

use futures_util::future::join;

use super::SignUp;
use super::code::Sending;
use super::draft::{Draft, State, Ticket};
use super::form::{By, Form};
use super::obstacle::Obstacle;
use crate::mobile_id::person_of;
use crate::people::{CivilDate, Person, PersonNames};
use crate::platform::ephemeral::Unavailable;
use crate::registries::{
    AskedDocument, Asker, CivilRecord, ErrorKind, PersonQuery, RegistryError, ShownBy, Subscriber,
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
        let query = match &form.by {
            By::Document(kind, number) => PersonQuery::PinflAndDocument(
                form.pinfl.clone(),
                AskedDocument { kind: *kind, number: number.clone() },
            ),
            By::Signature(_) => PersonQuery::Pinfl(form.pinfl.clone()),
        };
        let asked =
            join(self.registries.person(&query, &asker), self.registries.subscriber(&form.number, &asker));
        let (person, subscriber) = asked.await;
        let person = match person {
            Ok(answer) => Some((answer.value, answer.as_of)),
            Err(error) if error.is_nobody() => None,
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
        // Whoever knows all three of them guesses nothing.
        if let Err(error) = self.give_back(network, &form.pinfl).await {
            tracing::warn!(event = "sign_up.not_given_back", %error, "a registration uses up one of its person's");
        }
        let record = person_of(record, &form.pinfl, CivilDate::of(as_of));
        self.first_code(draft, record, network).await
    }

    async fn first_code(&self, draft: &Draft, record: Person, network: &ClientNetwork) -> State {
        match self.send_code(draft, record, network).await {
            Ok(sending) => {
                let outcome = if matches!(sending, Sending::Sent(_)) { "code_sent" } else { "limited" };
                self.counted(outcome, sending.into())
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
    match &form.by {
        By::Document(kind, number) => match record.shown_by(*kind, number) {
            ShownBy::Theirs => {}
            ShownBy::Ended => found.push(Obstacle::DocumentEnded),
            ShownBy::Another => return vec![Obstacle::Nobody],
        },
        By::Signature(name) if names_differ(name, &record.names) => found.push(Obstacle::OtherName),
        By::Signature(_) => {}
    }
    found.extend(of_number(form, subscriber, is_minor(record, today)));
    found
}

/// Whether a certificate is in another name than the person has. Only the surname and the given name are compared, by their letters: registers and
/// certificates write patronymics and apostrophes in many ways. A name in another script is not compared.
fn names_differ(certificate: &str, names: &PersonNames) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split_whitespace()
            .map(|word| word.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_uppercase).collect())
            .filter(|word: &String| !word.is_empty())
            .collect()
    };
    let on_it = words(certificate);
    if on_it.iter().any(|word| !word.is_ascii()) {
        return false;
    }
    let of_person = |name: &str| words(name).iter().all(|word| !word.is_ascii() || on_it.contains(word));
    !(of_person(&names.latin.family) && of_person(&names.latin.given))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{
        BirthDate, Document, DocumentKind, DocumentNumber, PersonName, PhoneNumber, Pinfl, Sex,
    };
    use crate::registries::{KnownDocument, Residence};

    const TODAY: &str = "2026-11-27";

    fn pinfl() -> Pinfl {
        Pinfl::parse("41405882050012").unwrap()
    }

    fn document(kind: DocumentKind, number: &str) -> Document {
        Document {
            kind,
            number: DocumentNumber::parse(kind, number).unwrap(),
            issuer: "IIV".to_owned(),
            issued_on: CivilDate::parse("2020-01-01").unwrap(),
            expires_on: CivilDate::parse("2030-01-01").unwrap(),
        }
    }

    /// Somebody with this citizenship, of whom the register gives these documents, the first one as that of the record.
    fn record(citizenship: &str, documents: Vec<(Document, bool)>) -> CivilRecord {
        let name = |family: &str, given: &str| PersonName::from_registry(family, given, None);
        let documents: Vec<KnownDocument> =
            documents.into_iter().map(|(document, in_force)| KnownDocument { document, in_force }).collect();
        CivilRecord {
            pinfl: pinfl(),
            other_pinfls: Vec::new(),
            names: PersonNames {
                latin: name("YUSUPOVA", "MALIKA"),
                cyrillic: name("ЮСУПОВА", "МАЛИКА"),
                english: name("YUSUPOVA", "MALIKA"),
            },
            birth_date: BirthDate::parse("1988-05-14").unwrap(),
            birth_place: None,
            sex: Sex::Female,
            citizenship: citizenship.to_owned(),
            residence: Residence::Permanent,
            document: documents[0].document.clone(),
            documents,
            photo: None,
            alive: true,
            oddities: Vec::new(),
        }
    }

    fn form(by: By) -> Form {
        Form { pinfl: pinfl(), by, number: PhoneNumber::from_digits("998901234567").unwrap() }
    }

    fn by(document: &Document) -> By {
        By::Document(document.kind, document.number.clone())
    }

    fn subscriber(owner: Option<Pinfl>, state: SubscriberState) -> Subscriber {
        Subscriber {
            number: PhoneNumber::from_digits("998901234567").unwrap(),
            owner,
            operator: "beeline".to_owned(),
            state,
            since: None,
        }
    }

    fn seen(form: &Form, record: Option<&CivilRecord>, subscriber: Option<&Subscriber>) -> Vec<Obstacle> {
        obstacles(form, record, subscriber, CivilDate::parse(TODAY).unwrap())
    }

    #[test]
    fn r113_r116_the_document_is_the_persons_and_in_force_but_for_foreigners() {
        let own = subscriber(Some(pinfl()), SubscriberState::Active);
        let (card, other) =
            (document(DocumentKind::IdCard, "AD7000001"), document(DocumentKind::IdCard, "AD7000002"));
        let citizen = |documents| record("UZ", documents);
        let of = |record: &CivilRecord, typed: &Document| seen(&form(by(typed)), Some(record), Some(&own));
        assert_eq!(of(&citizen(vec![(card.clone(), true)]), &card), []);
        assert_eq!(of(&citizen(vec![(card.clone(), true)]), &other), [Obstacle::Nobody]);
        let ended = citizen(vec![(card.clone(), true), (other.clone(), false)]);
        assert_eq!(of(&ended, &other), [Obstacle::DocumentEnded]);
        assert_eq!(of(&ended, &card), []);
        // R116: the document with which the PINFL was obtained, though there is another one by now.
        let national = |number| document(DocumentKind::NationalPassport, number);
        let (first, present) = (national("725000005"), national("725000006"));
        let foreigner = record("KZ", vec![(present.clone(), true), (first.clone(), false)]);
        assert_eq!(of(&foreigner, &first), [], "R116");
        assert_eq!(of(&foreigner, &present), []);
        assert_eq!(of(&foreigner, &national("725000007")), [Obstacle::Nobody]);
        let dead = CivilRecord { alive: false, ..citizen(vec![(card.clone(), true)]) };
        assert_eq!(of(&dead, &card), [Obstacle::Deceased]);
        assert_eq!(seen(&form(by(&card)), None, Some(&own)), [Obstacle::Nobody]);
        let another = CivilRecord {
            pinfl: Pinfl::parse("30211792050028").unwrap(),
            ..citizen(vec![(card.clone(), true)])
        };
        assert_eq!(of(&another, &card), [Obstacle::Nobody]);
    }

    #[test]
    fn r114_a_certificate_is_in_the_name_that_the_person_has_now() {
        let own = subscriber(Some(pinfl()), SubscriberState::Active);
        let person = record("UZ", vec![(document(DocumentKind::IdCard, "AD7000001"), false)]);
        let of = |name: &str| seen(&form(By::Signature(name.to_owned())), Some(&person), Some(&own));
        for same in ["YUSUPOVA MALIKA ANVAR QIZI", "Malika Yusupova", "ЮСУПОВА МАЛИКА"] {
            assert_eq!(of(same), [], "{same}");
        }
        for other in ["ESHMATOVA MALIKA ANVAR QIZI", "YUSUPOVA LOLA", ""] {
            assert_eq!(of(other), [Obstacle::OtherName], "{other}");
        }
    }

    #[test]
    fn r115_the_number_is_in_the_persons_own_name_and_gets_messages() {
        use SubscriberState as S;

        let card = document(DocumentKind::IdCard, "AD7000001");
        let grown = record("UZ", vec![(card.clone(), true)]);
        let young = CivilRecord { birth_date: BirthDate::parse("2010-05-14").unwrap(), ..grown.clone() };
        let other = Pinfl::parse("30211792050028").unwrap();
        let rows = [
            (&grown, Some(pinfl()), S::Active, None),
            (&grown, Some(pinfl()), S::NoBalance, None),
            (&grown, Some(pinfl()), S::Frozen, Some(Obstacle::NumberFrozen)),
            (&grown, Some(pinfl()), S::Returned, Some(Obstacle::NumberUnknown)),
            (&grown, Some(other.clone()), S::Active, Some(Obstacle::OtherOwner)),
            (&grown, None, S::Active, Some(Obstacle::OtherOwner)),
            (&grown, None, S::Returned, Some(Obstacle::NumberUnknown)),
            (&young, Some(pinfl()), S::Active, None),
            (&young, Some(other), S::Active, Some(Obstacle::MinorsNumber)),
        ];
        for (person, owner, state, obstacle) in rows {
            let what = format!("{owner:?} {state:?} {}", person.birth_date);
            let number = subscriber(owner, state);
            let found = seen(&form(by(&card)), Some(person), Some(&number));
            assert_eq!(found, obstacle.into_iter().collect::<Vec<_>>(), "{what}");
        }
        assert_eq!(seen(&form(by(&card)), Some(&grown), None), [Obstacle::NumberUnknown]);
    }
}
