//! An application for identification, as it is read.

use serde::{Deserialize, Serialize};

use super::consent::{Consent, Consented};
use super::door::{Channel, Door};
use super::fee::{Discount, Invoice};
use super::flow::State;
use super::ground::{Ground, PlaceGround, RemoteGround};
use super::id::{IdentificationId, Reference};
use super::questionnaire::{Field, Questionnaire};
use crate::people::{Person, PersonId};
use crate::platform::clock::Timestamp;
use crate::platform::web::locale::Language;

/// An application.
#[derive(Clone, Debug)]
pub struct Identification {
    /// Its identifier.
    pub id: IdentificationId,
    /// What is printed and told.
    pub reference: Reference,
    /// By which door it came in.
    pub door: Door,
    /// The person's language: that of messages and papers.
    pub language: Language,
    /// How far it got.
    pub state: State,
    /// The form.
    pub form: Questionnaire,
    /// What the person agreed to.
    pub consents: Vec<Consented>,
    /// What was shown and compared.
    pub evidence: Evidence,
    /// What registers said, from the moment at which a code was first sent.
    pub findings: Option<Findings>,
    /// The code in force.
    pub code: Option<SentCode>,
    /// How many codes were sent.
    pub codes_sent: i64,
    /// What is to be paid, from the moment at which the right code was entered.
    pub invoice: Option<Invoice>,
    /// Whether billing knows the invoice.
    pub registered: bool,
    /// Who was enrolled.
    pub person: Option<PersonId>,
    /// When it was opened: the day that fixes the fee (D-c).
    pub opened_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended: with an enrolment, a refusal or a withdrawal.
    pub ended_at: Option<Timestamp>,
    /// Of one that was withdrawn while it waited for its payment: since when nobody can pay its invoice any more.
    pub invoice_ended_at: Option<Timestamp>,
    pub(super) version: i64,
}

impl Identification {
    /// Which chapter of the regulation holds.
    pub const fn channel(&self) -> Channel {
        self.door.channel()
    }

    /// Whether the person agreed to something.
    pub fn has(&self, consent: Consent) -> bool {
        self.consents.iter().any(|given| given.to == consent)
    }
}

/// A code that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentCode {
    /// The message that carries it.
    pub message_id: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Until when it is accepted (R38, R62).
    pub expires_at: Timestamp,
    pub(super) digest: String,
}

/// What a register compared: the outcome and its reference. The image or template itself is not kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// Whether they are the same person's.
    pub matched: bool,
    /// What the register files the comparison under.
    pub reference: String,
    /// When it was compared.
    pub at: Timestamp,
}

/// A signature by an ID-card that was verified (R56, R58).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signed {
    /// The serial number of the certificate.
    pub serial: String,
    /// Whether the Tax Committee's data say that it is this person's.
    pub confirmed: bool,
    /// When it was verified.
    pub at: Timestamp,
}

/// What was shown and compared. What a later step adds takes the place of what was there before.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Whether the member of staff saw the original of the document (R25).
    pub original_seen: bool,
    /// The face, compared by the State Personalisation Centre (R33, R57).
    pub face: Option<Compared>,
    /// The fingerprint, compared by it (R33).
    pub fingerprint: Option<Compared>,
    /// The signature by the ID-card, in the app (R58).
    pub signature: Option<Signed>,
}

impl Evidence {
    /// This evidence with what a later step adds.
    #[must_use]
    pub fn with(self, later: Self) -> Self {
        Self {
            original_seen: self.original_seen || later.original_seen,
            face: later.face.or(self.face),
            fingerprint: later.fingerprint.or(self.fingerprint),
            signature: later.signature.or(self.signature),
        }
    }
}

/// What keeps an application from going on, as registers found it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Nobody has this PINFL with this document.
    NobodyFound,
    /// The register has another name.
    OtherName,
    /// The register has another citizenship than the category of the form.
    OtherCategory,
    /// The document is not valid any more, or not the person's.
    OtherDocument,
    /// The person is dead.
    Deceased,
    /// The number is with no operator of the country, or was returned to it.
    NumberUnknown,
    /// The number is frozen.
    NumberFrozen,
    /// The number has no active balance (R6).
    NoBalance,
    /// The number is not in the applicant's own name; at a place that is no obstacle (R30, R54, D-g).
    OtherOwner,
}

impl Obstacle {
    /// All.
    pub const ALL: [Self; 9] = [
        Self::NobodyFound,
        Self::OtherName,
        Self::OtherCategory,
        Self::OtherDocument,
        Self::Deceased,
        Self::NumberUnknown,
        Self::NumberFrozen,
        Self::NoBalance,
        Self::OtherOwner,
    ];

    /// Its machine code in the app's API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NobodyFound => "nobody_found",
            Self::OtherName => "other_name",
            Self::OtherCategory => "other_category",
            Self::OtherDocument => "other_document",
            Self::Deceased => "deceased",
            Self::NumberUnknown => "number_unknown",
            Self::NumberFrozen => "number_frozen",
            Self::NoBalance => "no_balance",
            Self::OtherOwner => "other_owner",
        }
    }

    /// The field of the form at which it is told.
    pub const fn field(self) -> Field {
        match self {
            Self::NobodyFound | Self::Deceased => Field::Pinfl,
            Self::OtherName => Field::Surname,
            Self::OtherCategory => Field::Category,
            Self::OtherDocument => Field::DocumentNumber,
            Self::NumberUnknown | Self::NumberFrozen | Self::NoBalance | Self::OtherOwner => Field::Number,
        }
    }

    /// The ground on which an application of a channel is refused for it: clause 5 for what it says of numbers (R6, R47), wrong
    /// data for the rest (R45, R65, D-g).
    pub const fn ground(self, channel: Channel) -> Ground {
        match self {
            Self::NumberUnknown | Self::NumberFrozen | Self::NoBalance => Ground::unfit(channel),
            _ => Ground::data(channel),
        }
    }
}

/// Something odd in a register's answer that stops nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// The register has several PINFLs of the person.
    SeveralPinfls,
    /// The check digit of the PINFL is wrong, as in old records.
    CheckDigit,
    /// The register has no patronymic, the form has one.
    NoPatronymic,
    /// The document is past its last day; the number is what is enrolled (D-t).
    DocumentExpired,
}

/// What registers and this provider's own records said before anything was sent (R34, R59).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Findings {
    /// The register's record; `None` where nobody was found.
    pub record: Option<Person>,
    /// What keeps it from going on.
    pub obstacles: Vec<Obstacle>,
    /// What is odd and stops nothing.
    #[serde(default)]
    pub oddities: Vec<Oddity>,
    /// The number that is enrolled as the person's so far, masked, where it is another one (R35, R59).
    pub other_number: Option<String>,
    /// In how many other cabinets the number is (R36, R60).
    pub other_cabinets: u32,
    /// Why the person pays half (R14); asked at a service centre alone.
    pub discount: Option<Discount>,
    /// The operator of the number.
    pub operator: Option<String>,
    /// When the last answer came.
    pub at: Timestamp,
}

impl Findings {
    /// The ground on which the application may be refused, if registers found one.
    pub fn ground(&self, channel: Channel) -> Option<Ground> {
        self.obstacles.first().map(|obstacle| obstacle.ground(channel))
    }
}

/// What is missing before data go to Mobile-ID and a code is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// Registers were not asked yet, or what they said is too old.
    Precheck,
    /// Something keeps it from going on.
    Obstacle(Obstacle),
    /// A consent (R31, R35, R36, R55, R59, R60).
    Consent(Consent),
    /// The original of the document was not presented (R48).
    Original,
    /// The face was not compared, or does not match (R49, R61).
    Face,
    /// The fingerprint was not compared, or does not match (R49).
    Fingerprint,
    /// Neither face nor signature proved who it is (R61).
    Proof,
}

impl Missing {
    /// The ground on which a refusal would rest, where it is not merely unfinished; consents that are not given are a withdrawal
    /// (D-o), but for biometrics, which clause 18(6) names.
    pub const fn ground(self, channel: Channel) -> Option<Ground> {
        match (self, channel) {
            (Self::Obstacle(obstacle), _) => Some(obstacle.ground(channel)),
            (Self::Original, Channel::Place(_)) => Some(Ground::Place(PlaceGround::NoOriginal)),
            (Self::Face | Self::Fingerprint, Channel::Place(_)) => {
                Some(Ground::Place(PlaceGround::Biometrics))
            }
            (Self::Proof, Channel::Remote) => Some(Ground::Remote(RemoteGround::Proof)),
            (Self::Consent(Consent::Biometrics), Channel::Place(_)) => {
                Some(Ground::Place(PlaceGround::Declined))
            }
            _ => None,
        }
    }
}

/// What is missing before a code may be sent: nothing changes, and nothing leaves, until all of it is there.
pub fn missing(application: &Identification, findings: Option<&Findings>) -> Vec<Missing> {
    let mut missing = Vec::new();
    let matched = |compared: &Option<Compared>| compared.as_ref().is_some_and(|compared| compared.matched);
    let evidence = &application.evidence;
    match application.channel() {
        Channel::Place(_) => {
            if !evidence.original_seen {
                missing.push(Missing::Original);
            }
            if !matched(&evidence.face) {
                missing.push(Missing::Face);
            }
            if !matched(&evidence.fingerprint) {
                missing.push(Missing::Fingerprint);
            }
        }
        Channel::Remote => {
            let signed = evidence.signature.as_ref().is_some_and(|signed| signed.confirmed);
            if !matched(&evidence.face) && !signed {
                missing.push(Missing::Proof);
            }
        }
    }
    let mut consents = vec![Consent::SmsCharge, Consent::Responsibility];
    if matches!(application.channel(), Channel::Place(_)) {
        consents.push(Consent::Biometrics);
    }
    match findings {
        None => missing.push(Missing::Precheck),
        Some(findings) => {
            missing.extend(findings.obstacles.iter().copied().map(Missing::Obstacle));
            if findings.other_number.is_some() {
                consents.push(Consent::OtherNumber);
            }
            if findings.other_cabinets > 0 {
                consents.push(Consent::OtherCabinets);
            }
        }
    }
    missing.extend(consents.into_iter().filter(|consent| !application.has(*consent)).map(Missing::Consent));
    missing
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::mobile_id::questionnaire::tests::RIGHT;
    use crate::staff::{PlaceId, PlaceKind, StaffId};

    /// An application that was opened by a door.
    pub(crate) fn application(door: Door) -> Identification {
        let id = IdentificationId::random();
        Identification {
            reference: id.reference(),
            id,
            door,
            language: Language::En,
            state: State::Open,
            form: Questionnaire::parse(&RIGHT, false).unwrap(),
            consents: Vec::new(),
            evidence: Evidence::default(),
            findings: None,
            code: None,
            codes_sent: 0,
            invoice: None,
            registered: false,
            person: None,
            opened_at: Timestamp(1),
            updated_at: Timestamp(1),
            ended_at: None,
            invoice_ended_at: None,
            version: 1,
        }
    }

    pub(crate) fn at_place() -> Door {
        let (place, staff) = (PlaceId::stored("p".to_owned()), StaffId::stored("s".to_owned()));
        Door::Place { place, kind: PlaceKind::ServiceCentre, staff }
    }

    pub(crate) fn on_the_web() -> Door {
        Door::Web { person: PersonId::random() }
    }

    #[test]
    fn r45_r47_what_registers_find_has_its_ground() {
        let (place, remote) = (at_place().channel(), on_the_web().channel());
        for obstacle in Obstacle::ALL {
            let of_number = obstacle.field() == Field::Number && obstacle != Obstacle::OtherOwner;
            let grounds = [obstacle.ground(place).clause(), obstacle.ground(remote).clause()];
            let expected = if of_number { ["18(3)", "27(2)"] } else { ["18(1)", "27(1)"] };
            assert_eq!(grounds, expected, "{obstacle:?}");
        }
        assert_eq!(Obstacle::OtherOwner.ground(remote).clause(), "27(1)", "D-g");
    }

    #[test]
    fn r48_r49_r50_what_is_missing_at_a_place_has_its_ground() {
        let place = at_place().channel();
        let ground = |missing: Missing| missing.ground(place).map(Ground::clause);
        assert_eq!(ground(Missing::Original), Some("18(4)"));
        assert_eq!(ground(Missing::Face), Some("18(5)"));
        assert_eq!(ground(Missing::Fingerprint), Some("18(5)"));
        assert_eq!(ground(Missing::Consent(Consent::Biometrics)), Some("18(6)"));
        assert_eq!(ground(Missing::Consent(Consent::SmsCharge)), None, "D-o: that is a withdrawal");
        assert_eq!(ground(Missing::Precheck), None);
    }

    #[test]
    fn r33_r56_places_want_face_and_finger_and_the_app_one_of_face_and_signature() {
        let matched = Some(Compared { matched: true, reference: "r".to_owned(), at: Timestamp(1) });
        let face = Evidence { face: matched.clone(), ..Evidence::default() };
        let mut place = application(at_place());
        place.evidence = Evidence { original_seen: true, ..face.clone() };
        assert!(missing(&place, None).contains(&Missing::Fingerprint));
        place.evidence.fingerprint = matched;
        assert!(!missing(&place, None).contains(&Missing::Fingerprint));
        let mut web = application(on_the_web());
        assert!(missing(&web, None).contains(&Missing::Proof));
        web.evidence = face;
        assert!(!missing(&web, None).contains(&Missing::Proof), "D-h: the one that was chosen");
        assert!(!missing(&web, None).contains(&Missing::Consent(Consent::Biometrics)));
    }
}
