//! Applicants, and the operations that pages and the app's API call, over the stores of a running provider.

use std::collections::BTreeMap;

use yagona::app::{Stores, enrolments_of, settings};
use yagona::life_events::{Enrolments, Entered, Settled};
use yagona::mobile_id::{
    ActError, Compared, Consent, Consented, Door, Evidence, Findings, Identification, IdentificationId,
    Opening, Payment, Typed,
};
use yagona::people::{PhoneNumber, Pinfl};
use yagona::platform::clock::Timestamp;
use yagona::platform::db;
use yagona::platform::web::locale::Language;
use yagona::staff::{PlaceId, PlaceKind, StaffId};

use crate::support::{Person, World};

/// The code that numbers of these tests always get.
pub(crate) const CODE: &str = "135790";

/// The operations over a world's stores, in this process.
pub(crate) struct Desk {
    pub(crate) enrolments: Enrolments,
    pub(crate) stores: Stores,
}

/// An applicant.
pub(crate) struct Applicant {
    pub(crate) pinfl: String,
    pub(crate) number: String,
}

impl From<&Person> for Applicant {
    fn from(person: &Person) -> Self {
        Self { pinfl: person.pinfl.clone(), number: person.number.clone() }
    }
}

impl Desk {
    pub(crate) async fn of(world: &World, numbers: &[&str]) -> Self {
        let file = |name| world.folder.file(name).display().to_string();
        let here = [("YAGONA__SANDBOX__PEOPLE", "people.toml"), ("YAGONA__KEYS__KEYRING", "keyring.toml")];
        let here = here.into_iter().map(|(key, name)| (key.to_owned(), file(name)));
        let settings = settings::load(Some(&world.folder.file("node-1.toml")), here)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let stores = Stores::open(settings).await.unwrap_or_else(|error| panic!("{error}"));
        let mut rules = stores.identification_rules();
        rules.constant_codes =
            numbers.iter().map(|number| ((*number).to_owned(), CODE.to_owned())).collect::<BTreeMap<_, _>>();
        let enrolments = enrolments_of(&stores, rules).await.unwrap_or_else(|error| panic!("{error}"));
        Self { enrolments, stores }
    }

    pub(crate) fn place(kind: PlaceKind) -> Door {
        let (place, staff) = (PlaceId::stored("place-1".to_owned()), StaffId::stored("staff-1".to_owned()));
        Door::Place { place, kind, staff }
    }

    pub(crate) async fn open(&self, door: Door, who: &Applicant) -> Identification {
        match self.open_as(IdentificationId::random(), door, who).await {
            Opening::Opened(opened) => *opened,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn open_as(&self, id: IdentificationId, door: Door, who: &Applicant) -> Opening {
        let typed = Typed {
            surname: "Valiyev",
            name: "Ali",
            patronymic: "",
            number: &who.number,
            pinfl: &who.pinfl,
            category: "citizen",
            document: "id_card",
            document_number: "AL0000001",
        };
        let open = self.enrolments.identifications.open(id, (door, Language::En), &typed, Vec::new());
        open.await.expect("an answer")
    }

    /// What registers say of somebody of whom nothing is odd.
    pub(crate) fn findings(who: &Applicant) -> Findings {
        let record = serde_json::json!({
            "pinfl": who.pinfl, "birth_date": "1990-01-01", "sex": "male", "citizenship": "UZ", "address": null,
            "names": {
                "latin": {"family": "VALIYEV", "given": "ALI"},
                "cyrillic": {"family": "ВАЛИЕВ", "given": "АЛИ"},
                "english": {"family": "VALIYEV", "given": "ALI"},
            },
            "document": {
                "kind": "id_card", "number": "AL0000001", "issuer": "IIV 26277", "issued_on": "2021-03-15",
                "expires_on": "2031-03-14",
            },
        });
        Findings {
            record: Some(serde_json::from_value(record).expect("a record")),
            obstacles: Vec::new(),
            oddities: Vec::new(),
            other_number: None,
            other_cabinets: 0,
            discount: None,
            operator: Some("Test".to_owned()),
            at: Timestamp(1),
        }
    }

    pub(crate) fn consents(to: &[Consent]) -> Vec<Consented> {
        let consented = |to: &Consent| Consented {
            to: *to,
            language: "en".to_owned(),
            tiyin: None,
            shown_at_ms: 1_795_000_000_000,
            given_at_ms: 1_795_000_060_000,
        };
        to.iter().map(consented).collect()
    }

    pub(crate) fn matched() -> Compared {
        Compared { matched: true, reference: "SPC-1".to_owned(), at: Timestamp(1) }
    }

    pub(crate) fn seen() -> Evidence {
        Evidence {
            original_seen: true,
            face: Some(Self::matched()),
            fingerprint: Some(Self::matched()),
            signature: None,
        }
    }

    /// Goes as far as the code, with every consent.
    pub(crate) async fn sent(&self, door: Door, who: &Applicant) -> Identification {
        self.sent_with(door, who, Self::findings(who)).await
    }

    /// As [`Desk::sent`], with the consents that the pre-check asked for and no others.
    pub(crate) async fn sent_as_warned(&self, door: Door, who: &Applicant) -> Identification {
        let opened = self.open(door, who).await;
        let own = &self.enrolments.identifications;
        own.found(&opened.id, Self::findings(who)).await.expect("kept");
        let given = Self::consents(&[Consent::SmsCharge, Consent::Responsibility, Consent::Biometrics]);
        own.evidence(&opened.id, (&given, Self::seen()), Vec::new()).await.expect("evidence");
        own.send_code(&opened.id, &[], Vec::new()).await.expect("a code")
    }

    async fn sent_with(&self, door: Door, who: &Applicant, findings: Findings) -> Identification {
        let opened = self.open(door, who).await;
        let own = &self.enrolments.identifications;
        own.found(&opened.id, findings).await.expect("kept");
        let all = Self::consents(&Consent::ALL);
        own.evidence(&opened.id, (&all, Self::seen()), Vec::new()).await.expect("evidence");
        own.send_code(&opened.id, &[], Vec::new()).await.expect("a code")
    }

    pub(crate) async fn enter(&self, application: &Identification) -> Result<Entered, ActError> {
        self.enrolments.enter_code(&application.id, CODE, Vec::new()).await
    }

    /// The right code, and then the fee.
    pub(crate) async fn pay(
        &self,
        application: &Identification,
        reference: &str,
    ) -> Result<Settled, ActError> {
        self.enrolments.paid(&self.payment(application, reference).await).await
    }

    pub(crate) async fn payment(&self, application: &Identification, reference: &str) -> Payment {
        let invoice = self.find(&application.id).await.invoice.expect("an invoice");
        Payment {
            reference: reference.to_owned(),
            invoice: invoice.number,
            tiyin: invoice.fee.tiyin,
            paid_at: self.stores.clock.now(),
        }
    }

    /// The whole way at a service centre.
    pub(crate) async fn enrol(&self, who: &Applicant) -> Identification {
        let sent = self.sent(Self::place(PlaceKind::ServiceCentre), who).await;
        let Ok(Entered::AwaitingPayment(waiting)) = self.enter(&sent).await else { panic!("a fee is due") };
        match self.pay(&waiting, waiting.id.as_str()).await {
            Ok(Settled::Enrolled(done)) => *done,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn find(&self, id: &IdentificationId) -> Identification {
        self.enrolments.identifications.find(id).await.expect("an answer").expect("an application")
    }

    /// Whose a number is: the PINFL of the person as whose it is enrolled.
    pub(crate) async fn enrolled(&self, number: &str, pinfl: &str) -> bool {
        let (number, pinfl) =
            (PhoneNumber::from_digits(number).unwrap(), Pinfl::from_registry(pinfl).unwrap());
        self.enrolments.life_events.people.enrolment(&number, &pinfl).await.expect("an answer").is_some()
    }

    pub(crate) async fn person(&self, pinfl: &str) -> Option<yagona::people::PersonId> {
        let pinfl = Pinfl::from_registry(pinfl).unwrap();
        self.enrolments.life_events.people.with_pinfl(&pinfl).await.expect("an answer")
    }

    /// How many notices of a kind a person has.
    pub(crate) async fn notices(&self, pinfl: &str, kind: &str) -> i64 {
        let person = self.person(pinfl).await.expect("a person");
        let count = db::statement("SELECT COUNT(*) AS n FROM notices WHERE person_id = $1 AND kind = $2");
        let row = self.stores.db.read_one(count.bind(person.as_str()).bind(kind)).await.expect("a count");
        db::int(&row, "notices", "n").expect("a number")
    }

    /// What upkeep does. No billing is connected here, so nothing was paid that nobody said.
    pub(crate) async fn settle(&self) {
        // Other applications of the same stores may be overtaken by the node's own upkeep.
        let _ = self.enrolments.settle(yagona::life_events::PAGE).await;
    }
}
