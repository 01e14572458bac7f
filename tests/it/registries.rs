//! State registers, operators, billing and E-IMZO: the provider's adapters against the sandbox that plays them, in their wire formats. The
//! adapters are asked in this process; the command asks them from the real binary.

use std::sync::Arc;

use serde_json::{Value, json};
use yagona::app::settings::Settings;
use yagona::people::{
    Category, DocumentKind, DocumentNumber, PhoneNumber, Pinfl, Register as Origin, Sex, Tin,
};
use yagona::platform::clock::{Clock, Timestamp};
use yagona::platform::ephemeral::Ephemeral;
use yagona::platform::seal::Keyring;
use yagona::platform::telemetry::Metrics;
use yagona::registries::billing::{Invoice, InvoiceNumber, InvoiceState, Share};
use yagona::registries::eimzo::{Progress, SignatureError};
use yagona::registries::myid::Expected;
use yagona::registries::{
    AddressQuery, AskedDocument, Asker, Contradiction, DisabilityGroup, ErrorKind, FaceVerdict,
    FingerprintVerdict, JobQuery, Oddity, PersonQuery, RegisterName, Registries, RegistryError, Residence,
    SubscriberQuery, SubscriberState, TinQuery, Why,
};

use crate::support::folder::Folder;
use crate::support::sandbox::{GATEWAY, MYID, REGISTERS_TOKEN, Sandbox};
use crate::support::{World, http, on_both_backends};

mod live;
mod proofs;
mod troubles;

on_both_backends!(a_check_asks_each_register_and_names_what_failed);

/// The ordinary person of the file, by her PINFL, ID-card and number.
const MALIKA: &str = "41405882050012";
const CARD: &str = "AD7000001";
const NUMBER: &str = "998007000001";
/// When these tests are.
const NOW: i64 = 1_795_800_000;

/// Adapters, and the sandbox that they ask.
struct Bench {
    registries: Registries,
    sandbox: Sandbox,
    clock: Clock,
    metrics: Arc<Metrics>,
    _folder: Folder,
}

impl Bench {
    /// With settings such as `("REGISTRIES__TAX__TIMEOUT_MS", "300")` besides the usual ones.
    fn start(changes: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::start(None, "http://localhost:1");
        let folder = Folder::new();
        let at = |path: &str| format!("{}/{path}", sandbox.base);
        let [key, secret, login, password] = GATEWAY.map(str::to_owned);
        let token = || REGISTERS_TOKEN.to_owned();
        let mut all = vec![
            ("REGISTRIES__GATEWAY__BASE_URL", at("gateway")),
            ("REGISTRIES__GATEWAY__TOKEN_URL", at("gateway/oauth2/token")),
            ("REGISTRIES__GATEWAY__CONSUMER_KEY", key),
            ("REGISTRIES__GATEWAY__CONSUMER_SECRET", secret),
            ("REGISTRIES__GATEWAY__USERNAME", login),
            ("REGISTRIES__GATEWAY__PASSWORD", password),
            ("REGISTRIES__BIOMETRICS__BASE_URL", at("biometrics")),
            ("REGISTRIES__BIOMETRICS__TOKEN", token()),
            ("REGISTRIES__OPERATORS__BASE_URL", at("operators")),
            ("REGISTRIES__OPERATORS__TOKEN", token()),
            ("REGISTRIES__BILLING__BASE_URL", at("billing")),
            ("REGISTRIES__BILLING__TOKEN", token()),
            ("REGISTRIES__EIMZO__BASE_URL", at("eimzo")),
            ("REGISTRIES__MYID__BASE_URL", at("myid")),
            ("REGISTRIES__MYID__CLIENT_ID", MYID[0].to_owned()),
            ("REGISTRIES__MYID__CLIENT_SECRET", MYID[1].to_owned()),
        ];
        all.extend(changes.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let mut named: Vec<(String, String)> = Vec::new();
        for (key, value) in all {
            let key = format!("YAGONA__{key}");
            named.retain(|(known, _)| *known != key);
            named.push((key, value));
        }
        let settings = Settings::demo_with(folder.path(), named.into_iter()).expect("settings").registries;
        let keyring = Keyring::read_or_create(&folder.file("keyring.toml")).expect("a keyring");
        let (clock, metrics) = (Clock::manual(Timestamp(NOW)), Metrics::new());
        let ephemeral = Ephemeral::in_process(clock.clone(), &keyring);
        let registries =
            Registries::new(&settings, (ephemeral, &keyring), (clock.clone(), Arc::clone(&metrics)))
                .expect("lines");
        Self { registries, sandbox, clock, metrics, _folder: folder }
    }

    /// How often a register was asked with this outcome.
    fn calls(&self, register: &str, outcome: &str) -> u64 {
        let line = format!("yagona_registry_calls_total{{register=\"{register}\",outcome=\"{outcome}\"}} ");
        let page = self.metrics.encode();
        page.lines()
            .find_map(|found| found.strip_prefix(&line))
            .map_or(0, |count| count.parse().expect("a count"))
    }

    /// Everybody whom the sandbox's registers know.
    async fn everybody(&self) -> Vec<Value> {
        let answer = http::get(&format!("{}/registry-people", self.sandbox.base)).await.expect("the sandbox");
        let all: Value = answer.json().await.expect("JSON");
        all["person"].as_array().expect("people").clone()
    }

    /// The one whose description has these words.
    async fn who(&self, words: &str) -> Value {
        let all = self.everybody().await;
        all.into_iter()
            .find(|one| text(one, "about").contains(words))
            .unwrap_or_else(|| panic!("nobody: {words}"))
    }

    /// An ordinary question to a register.
    async fn ask(&self, register: RegisterName) -> Result<(), RegistryError> {
        let (registries, asker, malika) = (&self.registries, asker(), pinfl(MALIKA));
        let number = InvoiceNumber::parse("MID-ASKED").expect("a number");
        match register {
            RegisterName::Personalisation => {
                registries.person(&PersonQuery::Pinfl(malika), &asker).await.map(drop)
            }
            RegisterName::Interior => {
                registries.address(&AddressQuery::Pinfl(malika), &asker).await.map(drop)
            }
            RegisterName::Tax => registries.tin(&TinQuery::Pinfl(malika), &asker).await.map(drop),
            RegisterName::Employment => registries.job(&JobQuery::Pinfl(malika), &asker).await.map(drop),
            RegisterName::CivilRegistry => {
                let dead = pinfl(text(&self.who("Died").await, "pinfl"));
                registries.death(&dead, &asker).await.map(drop)
            }
            RegisterName::Social => {
                let poor = pinfl(text(&self.who("register of social protection").await, "pinfl"));
                registries.social(&poor, &asker).await.map(drop)
            }
            RegisterName::Disability => {
                let disabled = pinfl(text(&self.who("group II:").await, "pinfl"));
                registries.disability(&disabled, None, &asker).await.map(drop)
            }
            RegisterName::Biometrics => registries.face(&malika, &photo(), &asker).await.map(drop),
            RegisterName::Operators => {
                registries.subscribers(&SubscriberQuery::Number(phone(NUMBER)), &asker).await.map(drop)
            }
            RegisterName::Billing => registries.billing().state_of(&number, &asker).await.map(drop),
            RegisterName::Eimzo => registries.eimzo().begin(([127, 0, 0, 1]).into(), &asker).await.map(drop),
            // A new session each time, since tokens are used again.
            RegisterName::Myid => {
                registries.myid().open_session(&malika_as_expected(), &asker).await.map(drop)
            }
        }
    }
}

fn malika_as_expected() -> Expected {
    Expected { pinfl: pinfl(MALIKA), birth_date: "1988-05-14".parse_date(), is_resident: true }
}

fn asker() -> Asker {
    Asker::official("staff-1", None, Why::Identification).with_consent()
}

fn pinfl(digits: &str) -> Pinfl {
    Pinfl::from_registry(digits).expect("a PINFL")
}

fn phone(digits: &str) -> PhoneNumber {
    PhoneNumber::from_digits(digits).expect("a number")
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// A photo that is nobody's in the file.
fn photo() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
    bytes.extend((0..1000_u32).map(|at| (at % 250) as u8 + 1));
    bytes.extend([0xff, 0xd9]);
    bytes
}

/// What a register's word for a document means, and who has such.
fn meaning(word: &str) -> (DocumentKind, Category, Residence) {
    use Category as C;
    use DocumentKind as D;
    use Residence::{Permanent, Temporary};
    match word {
        "IDMS_RECV_MVD_IDCARD_CITIZEN" => (D::IdCard, C::Citizen, Permanent),
        "IDMS_RECV_CITIZ_DOCUMENTS" => (D::BiometricPassport, C::Citizen, Permanent),
        "IDMS_RECV_IP_DOCUMENTS" => (D::ForeignTravelPassport, C::Citizen, Permanent),
        "DRIVING_LICENCE" => (D::DrivingLicence, C::Citizen, Permanent),
        "NATIONAL_PASSPORT" => (D::NationalPassport, C::Foreigner, Temporary),
        "IDMS_RECV_LBG_DOCUMENTS" => (D::TravelDocument, C::Stateless, Temporary),
        "RESIDENCE_PERMIT" => (D::ResidencePermit, C::Foreigner, Permanent),
        "IDMS_RECV_MVD_IDCARD_FOREIGN" => (D::IdCard, C::Foreigner, Permanent),
        "IDMS_RECV_MVD_IDCARD_LBG" => (D::IdCard, C::Stateless, Permanent),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn r109_r110_everybody_is_found_by_each_combination_of_annex_3() {
    let bench = Bench::start(&[]);
    let (registries, asker) = (&bench.registries, asker());
    let all = bench.everybody().await;
    assert!(all.len() > 20);
    for one in &all {
        let (about, own) = (text(one, "about"), pinfl(text(one, "pinfl")));
        let (kind, category, residence) = meaning(text(&one["documents"][0], "kind"));
        let number = DocumentNumber::parse(kind, text(&one["documents"][0], "number")).expect("a number");
        let document = AskedDocument { kind, number };
        let born = text(one, "birth_date").parse_date();
        for query in [
            PersonQuery::Pinfl(own.clone()),
            PersonQuery::PinflAndDocument(own.clone(), document.clone()),
            PersonQuery::DocumentAndBirthDate(document.clone(), born),
        ] {
            let found =
                registries.person(&query, &asker).await.unwrap_or_else(|error| panic!("{about}: {error}"));
            let foreign = one["without_permit"] == true;
            let register = if foreign { RegisterName::Interior } else { RegisterName::Personalisation };
            assert_eq!(found.register, register, "{about}");
            let record = found.value;
            assert_eq!((&record.pinfl, record.birth_date), (&own, born), "{about}");
            assert_eq!(one["latin"][0], record.names.latin.family.as_str(), "{about}");
            assert_eq!((record.category(), record.residence), (category, residence), "{about}");
            assert_eq!(record.document.number, document.number, "{about}");
            assert_eq!(record.document.kind, kind, "{about}");
            assert_eq!(record.sex == Sex::Male, one["sex"] == 1, "{about}");
            assert_eq!(record.alive, one["died"].is_null(), "{about}");
            assert_eq!(record.photo.is_some(), one["photo"].is_string(), "{about}");
        }
    }
    assert_eq!(RegisterName::Personalisation.of_annex_3(), Some(Origin::PersonalisationCentre));
}

trait ParseDate {
    fn parse_date(&self) -> yagona::people::BirthDate;
}

impl ParseDate for str {
    fn parse_date(&self) -> yagona::people::BirthDate {
        yagona::people::BirthDate::parse(self).expect("a date")
    }
}

#[tokio::test]
async fn what_is_odd_about_a_record_is_kept_beside_it() {
    let bench = Bench::start(&[]);
    let asker = asker();
    let of = async |words: &str| {
        let query = PersonQuery::Pinfl(pinfl(text(&bench.who(words).await, "pinfl")));
        bench.registries.person(&query, &asker).await.expect(words).value
    };
    assert_eq!(of("Ordinary: not enrolled").await.oddities, []);
    let two = of("Has two PINFLs").await;
    assert_eq!((two.oddities.as_slice(), two.other_pinfls.len()), (&[Oddity::SeveralPinfls][..], 1));
    // Whoever is asked for by an earlier PINFL is the same person, with the one in force.
    let earlier = PersonQuery::Pinfl(two.other_pinfls[0].clone());
    let earlier = bench.registries.person(&earlier, &asker).await;
    assert_eq!(
        earlier.map(|found| found.value.pinfl).map_err(|error| error.kind),
        Ok(two.pinfl),
        "birth dates of both PINFLs agree"
    );
    assert_eq!(of("No patronymic").await.oddities, [Oddity::NoPatronymic, Oddity::NoCyrillicName]);
    assert_eq!(of("check digit").await.oddities, [Oddity::WrongCheckDigit]);
    let expired = of("has expired").await;
    assert!(!expired.document.is_valid_on("2026-11-27".parse_date()), "D-t: told, not refused");
    assert!(!of("Died").await.alive);
    let unknown = PersonQuery::Pinfl(pinfl("30101902040015"));
    let kind = bench.registries.person(&unknown, &asker).await.unwrap_err().kind;
    assert_eq!(kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn r102_r111_address_tin_job_and_subscribers_are_told_by_their_registers() {
    let bench = Bench::start(&[]);
    let (registries, asker, malika) = (&bench.registries, asker(), pinfl(MALIKA));
    let number = DocumentNumber::parse(DocumentKind::IdCard, CARD).expect("a number");
    let card = AskedDocument { kind: DocumentKind::IdCard, number };
    for query in [AddressQuery::Pinfl(malika.clone()), AddressQuery::Document(card.clone())] {
        let found = registries.address(&query, &asker).await.expect("an address").value;
        assert_eq!(found.permanent.expect("one").district, "ЮНУСОБОД ТУМАНИ");
    }
    for query in [TinQuery::Pinfl(malika.clone()), TinQuery::Document(card)] {
        let found = registries.tin(&query, &asker).await.expect("a number");
        assert_eq!(
            (found.value, found.register),
            (Tin::try_from("521000001".to_owned()).expect("one"), RegisterName::Tax)
        );
    }
    let job =
        registries.job(&JobQuery::Pinfl(malika.clone()), &asker).await.expect("a job").value.expect("one");
    assert_eq!((job.employment.position.as_str(), job.since.is_some()), ("Muhandis", true));
    let own = registries.subscriber(&phone(NUMBER), &asker).await.expect("a subscriber").value;
    assert_eq!((own.owner, own.state), (Some(malika.clone()), SubscriberState::Active));
    let all = registries.subscribers(&SubscriberQuery::Pinfl(malika), &asker).await.expect("numbers").value;
    assert_eq!(all.len(), 1);
    let state =
        async |digits: &str| registries.subscriber(&phone(digits), &asker).await.map(|found| found.value);
    let company = state("998007000090").await.expect("a company's");
    assert_eq!((company.owner, company.state), (None, SubscriberState::Active));
    let returned = state("998007000017").await.expect("R84: a returned one");
    assert_eq!((returned.owner, returned.state), (None, SubscriberState::Returned));
    let frozen = state("998007000016").await.expect("R84: a frozen one");
    assert_eq!((frozen.owner.is_some(), frozen.state), (true, SubscriberState::Frozen));
    assert_eq!(state("998007000015").await.expect("R6").state, SubscriberState::NoBalance);
    assert_eq!(state("998009999999").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn r14_r86_discounts_and_deaths_are_told_by_their_registers() {
    let bench = Bench::start(&[]);
    let (registries, asker) = (&bench.registries, asker());
    let discount = async |words: &str| {
        let own = pinfl(text(&bench.who(words).await, "pinfl"));
        registries.discount(&own, None, &asker).await
    };
    assert_eq!(discount("register of social protection").await.applies(), Ok(true));
    let second = discount("group II:").await;
    assert_eq!((second.applies(), second.disability), (Ok(true), Ok(Some(DisabilityGroup::Second))));
    assert_eq!(discount("group III:").await.applies(), Ok(false));
    assert_eq!(discount("Ordinary: not enrolled").await.applies(), Ok(false));
    bench.sandbox.registers(&[("disability.fail", "1")]).await;
    // Of these two nothing is kept yet for somebody else: one ground is enough, and silence is none.
    let other = bench.who("a biometric passport").await;
    let other = registries.discount(&pinfl(text(&other, "pinfl")), None, &asker).await;
    assert!(
        matches!(other.applies(), Err(error) if error.register == RegisterName::Disability && error.is_passing())
    );
    let dead = pinfl(text(&bench.who("Died").await, "pinfl"));
    let death = registries.death(&dead, &asker).await.expect("an answer").value.expect("a death");
    assert_eq!(death.died_on, Some("2026-05-06".parse_date()));
    assert_eq!(registries.death(&pinfl(MALIKA), &asker).await.expect("an answer").value, None);
}

#[tokio::test]
async fn r49_r57_faces_and_fingerprints_are_compared_and_leave_a_reference() {
    let bench = Bench::start(&[]);
    let (registries, asker) = (&bench.registries, asker());
    let face = async |words: &str, photo: &[u8]| {
        let own = pinfl(text(&bench.who(words).await, "pinfl"));
        registries.face(&own, photo, &asker).await.expect("an answer").value
    };
    let matched = face("Ordinary: not enrolled", &photo()).await;
    assert_eq!(matched.verdict, FaceVerdict::Match);
    assert!(matched.reference.starts_with("BIO-") && matched.score > Some(900));
    assert_eq!(face("face never matches", &photo()).await.verdict, FaceVerdict::NoMatch);
    assert_eq!(face("neither photo nor", &photo()).await.verdict, FaceVerdict::NothingToCompare);
    let nothing = face("Ordinary: not enrolled", b"GIF89a").await;
    assert_eq!((nothing.verdict, nothing.reference.as_str()), (FaceVerdict::NotAPhoto, ""));
    let empty = [&[0xff, 0xd8, 0xff][..], &[0; 300]].concat();
    assert_eq!(face("Ordinary: not enrolled", &empty).await.verdict, FaceVerdict::NoFace);
    let finger = async |words: &str, last: u8| {
        let own = pinfl(text(&bench.who(words).await, "pinfl"));
        let template = [b"FMR\0 20\0".to_vec(), vec![7; 60], vec![last]].concat();
        registries.fingerprint(&own, &template, &asker).await.expect("an answer").value.verdict
    };
    assert_eq!(finger("Ordinary: not enrolled", b'.').await, FingerprintVerdict::Match);
    assert_eq!(finger("Ordinary: not enrolled", b'N').await, FingerprintVerdict::NoMatch);
    assert_eq!(finger("Ordinary: not enrolled", b'P').await, FingerprintVerdict::Poor);
    assert_eq!(finger("neither photo nor", b'.').await, FingerprintVerdict::NothingToCompare);
}

fn invoice(number: &str, amount: u64) -> Invoice {
    let share = |account: &str, amount| Share { account: account.to_owned(), amount };
    Invoice {
        number: InvoiceNumber::parse(number).expect("a number"),
        amount,
        payer: pinfl(MALIKA),
        purpose: "Mobile-ID".to_owned(),
        due: Timestamp(NOW + 86_400),
        shares: vec![share("ict-fund", amount * 15 / 100), share("rest", amount - amount * 15 / 100)],
        notice_url: "http://127.0.0.1:1/billing/notices".to_owned(),
    }
}

#[tokio::test]
async fn r15_r20_an_invoice_is_registered_once_and_only_billing_says_that_it_is_paid() {
    let bench = Bench::start(&[]);
    let (billing, asker) = (bench.registries.billing(), asker());
    let own = invoice("MID-2026-0001", 880_000);
    assert_eq!(billing.state_of(&own.number, &asker).await, Ok(InvoiceState::Unknown));
    let registered = billing.open_invoice(&own, &asker).await.expect("registered");
    assert_eq!(billing.open_invoice(&own, &asker).await, Ok(registered), "the same invoice is one");
    let figures = Err(ErrorKind::Contradiction(Contradiction::Figures));
    let other = billing.open_invoice(&invoice("MID-2026-0001", 440_000), &asker).await;
    assert_eq!(other.map_err(|error| error.kind), figures, "D-c: figures are frozen");
    let mut broken = invoice("MID-2026-0002", 880_000);
    broken.shares.pop();
    assert_eq!(billing.open_invoice(&broken, &asker).await.map_err(|error| error.kind), figures);
    let pay = async |number: &str, fields: &[(&str, &str)]| {
        let url = format!("{}/invoices/{number}/pay", bench.sandbox.base);
        let answer = http::client().post(url).form(fields).send().await.expect("the sandbox");
        answer.json::<Value>().await.expect("JSON")
    };
    // A notice before a payment changes nothing.
    pay("MID-2026-0001", &[("notice", "early")]).await;
    assert_eq!(billing.state_of(&own.number, &asker).await, Ok(InvoiceState::Open));
    let paid = pay("MID-2026-0001", &[("notice", "none"), ("amount", "879999")]).await;
    let InvoiceState::Paid(payment) = billing.state_of(&own.number, &asker).await.expect("a state") else {
        panic!("paid")
    };
    assert_eq!(payment.amount, 879_999, "the sum that was paid, for who asked to compare");
    assert_eq!(payment.reference, text(&paid, "payment_reference"));
    assert!(
        matches!(billing.cancel(&own.number, &asker).await, Ok(InvoiceState::Paid(_))),
        "paid stays paid"
    );
    let second = invoice("MID-2026-0003", 412_000);
    billing.open_invoice(&second, &asker).await.expect("registered");
    assert_eq!(billing.cancel(&second.number, &asker).await, Ok(InvoiceState::Cancelled));
    pay("MID-2026-0003", &[("notice", "none")]).await;
    assert_eq!(billing.state_of(&second.number, &asker).await, Ok(InvoiceState::Cancelled));
}

#[tokio::test]
async fn r56_r58_an_id_card_signs_by_phone_and_the_tax_committee_confirms_whose_it_is() {
    let bench = Bench::start(&[]);
    let (eimzo, asker, ip) = (bench.registries.eimzo(), asker(), ([127, 0, 0, 1]).into());
    let sign = async |qc: &str, digits: &str, outcome: &str| {
        let url = format!("{}/eimzo-app", bench.sandbox.base);
        let fields = [("qc", qc), ("pinfl", digits), ("outcome", outcome)];
        http::client().post(url).form(&fields).send().await.expect("the sandbox").status().as_u16()
    };
    let begun = eimzo.begin(ip, &asker).await.expect("begun");
    assert_eq!(eimzo.progress(&begun.document_id, ip, &asker).await, Ok(Progress::Waiting));
    let early = eimzo.authenticate(&begun.document_id, ip, &asker).await.expect("an answer");
    assert_eq!(early, Err(SignatureError::Expired), "nothing was signed yet");
    assert_eq!(sign(&begun.payload.as_str()[1..], MALIKA, "good").await, 400);
    assert_eq!(sign(&begun.payload.deep_link(), MALIKA, "good").await, 200);
    assert_eq!(eimzo.progress(&begun.document_id, ip, &asker).await, Ok(Progress::Signed));
    let signer =
        eimzo.authenticate(&begun.document_id, ip, &asker).await.expect("an answer").expect("a signer");
    assert_eq!(signer.pinfl, pinfl(MALIKA));
    let again = eimzo.authenticate(&begun.document_id, ip, &asker).await.expect("an answer");
    assert_eq!(again, Err(SignatureError::Expired), "a signature proves once");
    let confirmed = bench.registries.tax_confirms(&signer.pinfl, &signer.serial_number, &asker).await;
    assert!(confirmed.expect("an answer").value);
    for (outcome, wrong) in [
        ("signature", SignatureError::Signature),
        ("certificate", SignatureError::Certificate),
        ("clock", SignatureError::Clock),
        ("legal", SignatureError::LegalEntity),
    ] {
        let begun = eimzo.begin(ip, &asker).await.expect("begun");
        sign(begun.payload.as_str(), MALIKA, outcome).await;
        let found = eimzo.authenticate(&begun.document_id, ip, &asker).await.expect("an answer");
        assert_eq!(found, Err(wrong), "{outcome}");
    }
    let foreign = bench.who("travel abroad").await;
    let own = pinfl(text(&foreign, "pinfl"));
    let confirmed = bench.registries.tax_confirms(&own, text(&foreign, "certificate"), &asker).await;
    assert!(!confirmed.expect("an answer").value, "the Committee has it for somebody else");
    let nonsense = bench.registries.tax_confirms(&own, "not a serial", &asker).await;
    assert_eq!(nonsense.map_err(|error| error.kind).unwrap_err(), ErrorKind::Refused);
}

#[tokio::test]
async fn tests_can_add_people_and_change_what_becomes_of_numbers() {
    let bench = Bench::start(&[]);
    let (number, asker) = (phone("998007100001"), asker());
    let mut someone = bench.who("Ordinary: not enrolled").await;
    someone["pinfl"] = json!("40101902050015");
    someone["numbers"] = json!([{ "msisdn": "998007100001" }]);
    bench.sandbox.knows(&json!({ "person": [someone] })).await;
    let owner = async || bench.registries.subscriber(&number, &asker).await.map(|found| found.value);
    assert_eq!(owner().await.expect("a subscriber").owner, Some(pinfl("40101902050015")));
    someone["numbers"] = json!([{ "msisdn": "998007100001", "state": "returned" }]);
    bench.sandbox.knows(&json!({ "person": [someone] })).await;
    bench.clock.advance(3600);
    assert_eq!(owner().await.expect("a subscriber").state, SubscriberState::Returned);
}

async fn a_check_asks_each_register_and_names_what_failed(world: &World) {
    let said = world.command(&["registries", "check"]);
    for register in RegisterName::ALL {
        let line =
            said.lines().find(|line| line.starts_with(register.name())).unwrap_or_else(|| panic!("{said}"));
        assert!(line.contains("ok (answers"), "{line}");
    }
    let variables = [
        ("YAGONA__REGISTRIES__TAX__BASE_URL", "http://127.0.0.1:1"),
        ("YAGONA__REGISTRIES__SOCIAL__TEST_IDENTIFIER", "123"),
    ];
    let failing = world.try_command_amid(&["registries", "check", "--format", "json"], &variables);
    assert!(!failing.status.success());
    let told: Value = serde_json::from_slice(&failing.stdout).expect("JSON");
    let of =
        |name: &str| told.as_array().expect("a list").iter().find(|one| one["register"] == name).expect(name);
    assert_eq!((&of("tax")["ok"], &of("tax")["said"]), (&json!(false), &json!("does not answer")));
    assert!(text(of("social"), "said").contains("is no PINFL"));
    assert_eq!(of("interior")["ok"], true);
    let complaint = String::from_utf8_lossy(&failing.stderr).into_owned();
    assert!(complaint.contains("these registers failed: tax, social"), "{complaint}");
}
