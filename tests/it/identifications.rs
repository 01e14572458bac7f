//! From an application to a number that is bound, and how it ends: what resolution 479 says of places and of the app, held against the
//! stores that a running provider uses. The operations are those that pages and the app's API call; the code is one that test numbers
//! always have.

mod applicants;

use yagona::audit::Kind as Recorded;
use yagona::life_events::{Entered, Ground34, Settled};
use yagona::mobile_id::{
    ActError, Compared, Comparison, Consent, Door, Evidence, Findings, Ground, IdentificationId, Illegal,
    Material, Missing, Obstacle, Opening, Payment, PaymentOutcome, PlaceGround, Precheck, RemoteGround,
    Signed, State, Typed,
};
use yagona::people::{PhoneNumber, Unblocked};
use yagona::platform::clock::Timestamp;
use yagona::platform::web::locale::Language;
use yagona::staff::{PlaceId, PlaceKind};

pub(crate) use applicants::{Applicant, CODE, Desk};

use crate::support::client_file::SHOP;
use crate::support::people::Kind;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Setup, World, alone_on_both_backends, code_of, on_both_backends};

on_both_backends!(
    r10_r41_nothing_is_bound_before_the_code_and_the_fee_and_everything_after,
    r13_r61_the_app_needs_a_proof_and_costs_nothing,
    r31_r33_r35_r36_no_code_is_sent_before_all_that_the_clauses_ask_for,
    r38_r39_r62_a_code_lives_as_long_as_its_clause_says_and_a_new_one_comes_at_any_time,
    r42_r83_another_persons_identification_ends_the_former_holders,
    r82_another_number_takes_the_place_of_the_one_before,
    r83_two_desks_that_enrol_one_number_at_once_have_one_lawful_outcome,
    r36_what_became_anothers_since_the_check_stays_theirs,
    r7_one_person_at_two_places_at_once_has_one_number,
    r15_a_payment_is_applied_once_and_only_if_it_is_the_fee,
    r51_r65_an_application_is_refused_on_a_ground_of_its_chapter_and_no_other,
    r84_r85_r86_an_enrolment_ends_on_the_grounds_of_clause_34_and_may_begin_anew,
    a_block_goes_on_in_the_account_when_the_number_is_its_persons_no_more,
    a_request_that_is_repeated_opens_one_application_and_enrols_once,
    an_identification_and_its_end_are_in_the_audit_log,
    an_enrolment_costs_no_more_than_its_budget,
    r34_r57_registers_are_asked_beside_the_page_and_their_answers_are_held_against_the_form,
);

// Time that passes ends applications of all tests on the same stores.
alone_on_both_backends!(r46_an_application_that_nobody_pays_is_refused_and_an_abandoned_one_withdrawn);

fn new_applicant(world: &World) -> Applicant {
    Applicant::from(&world.somebody(Kind::Unknown))
}

async fn r10_r41_nothing_is_bound_before_the_code_and_the_fee_and_everything_after(world: &World) {
    let somebody = world.somebody(Kind::Unknown);
    let who = Applicant::from(&somebody);
    let desk = Desk::of(world, &[&who.number]).await;
    let sent = desk.sent(Desk::place(PlaceKind::ServiceCentre), &who).await;
    assert_eq!((sent.state, sent.codes_sent), (State::CodeSent, 1));
    // On embedded stores a message of another process is not one that the node sends.
    if world.setup.backend == Backend::Servers {
        let place = world.sandbox.next_message(&somebody).await;
        assert!(place["text"].as_str().unwrap().contains(CODE), "R40: {place}");
    }
    let Ok(Entered::Wrong { left: 4 }) = desk.enrolments.enter_code(&sent.id, "000000", Vec::new()).await
    else {
        panic!("R41: a wrong code binds nothing")
    };
    let Ok(Entered::AwaitingPayment(waiting)) = desk.enter(&sent).await else { panic!("R11: a fee is due") };
    let invoice = waiting.invoice.clone().expect("R16: an invoice");
    assert_eq!(invoice.fee.shares.iter().map(|share| share.tiyin).sum::<i64>(), invoice.fee.tiyin);
    assert!(desk.person(&who.pinfl).await.is_none(), "D-f: nothing else has changed");
    let Ok(Settled::Enrolled(done)) = desk.pay(&waiting, waiting.id.as_str()).await else { panic!("paid") };
    assert_eq!((done.state, done.ended_at.is_some()), (State::Enrolled, true));
    assert!(desk.enrolled(&who.number, &who.pinfl).await);
    let person = desk.person(&who.pinfl).await.expect("R44: an account");
    assert_eq!(done.person, Some(person.clone()));
    let number = PhoneNumber::from_digits(&who.number).unwrap();
    let people = &desk.enrolments.life_events.people;
    assert!(people.has_contact(&person, &number).await.unwrap(), "R41: it is in the person's cabinet");
    assert_eq!(desk.notices(&who.pinfl, "enrolled").await, 1);
    let consents =
        "SELECT COUNT(*) AS n FROM charge_consents WHERE person_id = $1 AND withdrawn_at_ms IS NULL";
    assert_eq!(world.stored_for(consents, person.as_str()).await, 1, "R32: the charge was agreed to");
    // A second later they sign in where services are.
    if world.setup.backend == Backend::Servers {
        let told = world.sandbox.next_message(&somebody).await;
        let told = told["text"].as_str().unwrap();
        assert!(
            told.contains("you are registered") && told.contains("PINFL") && told.contains("password"),
            "R43, R44: {told}"
        );
    }
    let url = world.browser().sign_in(world, &Asked::by(SHOP), &somebody).await;
    world.redeem(SHOP, &code_of(&url)).await.granted();
}

async fn r13_r61_the_app_needs_a_proof_and_costs_nothing(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let own = &desk.enrolments.identifications;
    let client = yagona::clients::ClientId::parse(SHOP).expect("a client");
    let opened = desk.open(Door::App { client }, &who).await;
    own.found(&opened.id, Desk::findings(&who)).await.expect("kept");
    let consents = Desk::consents(&[Consent::SmsCharge, Consent::Responsibility]);
    let without = own.send_code(&opened.id, &consents, Vec::new()).await;
    let Err(ActError::Missing(missing)) = without else { panic!("R61: no code before a proof") };
    assert_eq!(missing, [Missing::Proof]);
    assert_eq!(missing[0].ground(opened.channel()), Some(Ground::Remote(RemoteGround::Proof)), "R65");
    let unconfirmed = Signed { serial: "77".to_owned(), confirmed: false, at: Timestamp(1) };
    let signed = |confirmed| Evidence {
        signature: Some(Signed { confirmed, ..unconfirmed.clone() }),
        ..Evidence::default()
    };
    own.evidence(&opened.id, (&consents, signed(false)), Vec::new()).await.expect("evidence");
    assert!(matches!(own.send_code(&opened.id, &[], Vec::new()).await, Err(ActError::Missing(_))), "R58");
    own.evidence(&opened.id, (&[], signed(true)), Vec::new()).await.expect("evidence");
    let sent = own.send_code(&opened.id, &[], Vec::new()).await.expect("D-h: the signature is enough");
    let code = sent.code.as_ref().expect("a code");
    assert_eq!(code.expires_at.since(code.sent_at), 3600, "R62: one hour");
    let Ok(Entered::Enrolled(done)) = desk.enter(&sent).await else { panic!("R13, R21: nothing is due") };
    assert!(done.invoice.is_none());
    assert!(desk.enrolled(&who.number, &who.pinfl).await, "R63, R64");
}

async fn r31_r33_r35_r36_no_code_is_sent_before_all_that_the_clauses_ask_for(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let own = &desk.enrolments.identifications;
    let opened = desk.open(Desk::place(PlaceKind::NotaryOffice), &who).await;
    let missing = async |consents: &[Consent]| {
        let sent = own.send_code(&opened.id, &Desk::consents(consents), Vec::new()).await;
        let Err(ActError::Missing(missing)) = sent else { panic!("a code was sent") };
        missing
    };
    let at_first = missing(&[]).await;
    for expected in [
        Missing::Precheck,
        Missing::Original,
        Missing::Face,
        Missing::Fingerprint,
        Missing::Consent(Consent::SmsCharge),
        Missing::Consent(Consent::Responsibility),
        Missing::Consent(Consent::Biometrics),
    ] {
        assert!(at_first.contains(&expected), "{expected:?}: {at_first:?}");
    }
    let findings = Findings {
        other_number: Some("+998 •• ••• 45 67".to_owned()),
        other_cabinets: 2,
        ..Desk::findings(&who)
    };
    own.found(&opened.id, findings).await.expect("kept");
    let unlike = Some(Compared { matched: false, ..Desk::matched() });
    let evidence = Evidence { fingerprint: unlike, ..Desk::seen() };
    own.evidence(&opened.id, (&[], evidence), Vec::new()).await.expect("evidence");
    let most = [Consent::SmsCharge, Consent::Responsibility, Consent::Biometrics];
    assert_eq!(
        missing(&most).await,
        [
            Missing::Fingerprint,
            Missing::Consent(Consent::OtherNumber),
            Missing::Consent(Consent::OtherCabinets)
        ],
        "R35, R36"
    );
    assert_eq!(desk.find(&opened.id).await.state, State::Open, "nothing was written");
    let matched = Evidence { fingerprint: Some(Desk::matched()), ..Evidence::default() };
    own.evidence(&opened.id, (&[], matched), Vec::new()).await.expect("evidence");
    let all = Desk::consents(&Consent::ALL);
    let sent = own.send_code(&opened.id, &all, Vec::new()).await.expect("a code");
    assert_eq!(sent.consents.len(), 5);
    assert!(
        sent.consents.iter().all(|given| given.language == "en" && given.shown_at_ms < given.given_at_ms)
    );
}

async fn r38_r39_r62_a_code_lives_as_long_as_its_clause_says_and_a_new_one_comes_at_any_time(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let own = &desk.enrolments.identifications;
    let sent = desk.sent(Desk::place(PlaceKind::NotaryOffice), &who).await;
    let code = sent.code.clone().expect("a code");
    assert_eq!(code.expires_at.since(code.sent_at), 900, "R38: a quarter of an hour");
    for left in (0..5).rev() {
        match desk.enrolments.enter_code(&sent.id, "000001", Vec::new()).await {
            Ok(Entered::Wrong { left: known }) => assert_eq!(known, left),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(desk.enter(&sent).await, Ok(Entered::Expired)), "it had all its tries");
    let again = own.send_code(&sent.id, &[], Vec::new()).await.expect("R39: a new one at any time");
    assert_eq!((again.state, again.codes_sent), (State::CodeSent, 2));
    assert_ne!(again.code.as_ref().map(|code| &code.message_id), Some(&code.message_id));
    assert!(desk.stores.clock.advance(900));
    assert!(matches!(desk.enter(&sent).await, Ok(Entered::Expired)), "R38");
    assert_eq!(desk.find(&sent.id).await.state, State::CodeSent, "D-d: a void code is no refusal");
    own.send_code(&sent.id, &[], Vec::new()).await.expect("a new one");
    assert!(desk.stores.clock.advance(899));
    assert!(matches!(desk.enter(&sent).await, Ok(Entered::AwaitingPayment(_))));
}

async fn r42_r83_another_persons_identification_ends_the_former_holders(world: &World) {
    let former = world.person();
    let mut browser = world.browser();
    let asked = Asked::by(SHOP).with("scope", "openid offline_access");
    let url = browser.sign_in(world, &asked, &former).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let newcomer = Applicant { number: former.number.clone(), ..new_applicant(world) };
    let desk = Desk::of(world, &[&former.number]).await;
    let people = &desk.enrolments.life_events.people;
    let number = PhoneNumber::from_digits(&former.number).unwrap();
    let holder = desk.person(&former.pinfl).await.expect("the holder");
    people.add_contact(&holder, &number, Timestamp(1)).await.expect("kept");
    let sent = desk.sent(Desk::place(PlaceKind::ServiceCentre), &newcomer).await;
    let Ok(Entered::AwaitingPayment(waiting)) = desk.enter(&sent).await else { panic!("a fee is due") };
    assert!(desk.enrolled(&former.number, &former.pinfl).await, "D-l: not before completion");
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    let Ok(Settled::Enrolled(_)) = desk.pay(&waiting, waiting.id.as_str()).await else { panic!("paid") };
    assert!(desk.enrolled(&former.number, &newcomer.pinfl).await);
    assert!(!desk.enrolled(&former.number, &former.pinfl).await);
    assert!(!people.has_contact(&holder, &number).await.unwrap(), "R42: it is in one cabinet alone");
    let ends = people.ends_of(&holder).await.expect("a history");
    assert_eq!(ends.iter().map(|(ground, _)| ground.as_str()).collect::<Vec<_>>(), ["other_person"]);
    assert_eq!(desk.notices(&former.pinfl, "enrolment_ended").await, 1, "D-l: told in the cabinet");
    // The sessions and refresh tokens of the former holder are over, on every node.
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    let silent = browser.begin(world, &Asked::by(SHOP).with("prompt", "none")).await.away();
    assert!(silent.as_str().contains("login_required"), "{silent}");
}

async fn r82_another_number_takes_the_place_of_the_one_before(world: &World) {
    let person = world.person();
    let asked = Asked::by(SHOP).with("scope", "openid offline_access");
    let url = world.browser().sign_in(world, &asked, &person).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let other = world.somebody(Kind::Unknown);
    let who = Applicant { pinfl: person.pinfl.clone(), number: other.number.clone() };
    let desk = Desk::of(world, &[&other.number]).await;
    let before = desk.person(&person.pinfl).await;
    let done = desk.enrol(&who).await;
    assert_eq!(done.person, before, "the account is the same");
    assert!(done.invoice.is_some(), "R82: the general procedure, with its fee");
    assert!(
        desk.enrolled(&other.number, &person.pinfl).await
            && !desk.enrolled(&person.number, &person.pinfl).await
    );
    assert_eq!(desk.notices(&person.pinfl, "number_changed").await, 1);
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    let account = desk.enrolments.life_events.people.find(&before.unwrap()).await.unwrap().unwrap();
    assert!(account.person.address.is_some(), "what the register did not say stays");
}

async fn r83_two_desks_that_enrol_one_number_at_once_have_one_lawful_outcome(world: &World) {
    let one = new_applicant(world);
    let other = Applicant { number: one.number.clone(), ..new_applicant(world) };
    let desks = [Desk::of(world, &[&one.number]).await, Desk::of(world, &[&one.number]).await];
    let door = || Desk::place(PlaceKind::NotaryOffice);
    let (first, second) = (desks[0].sent(door(), &one).await, desks[1].sent(door(), &other).await);
    for (desk, application) in desks.iter().zip([&first, &second]) {
        assert!(matches!(desk.enter(application).await, Ok(Entered::AwaitingPayment(_))));
    }
    let (a, b) =
        tokio::join!(desks[0].pay(&first, first.id.as_str()), desks[1].pay(&second, second.id.as_str()));
    assert!(matches!((&a, &b), (Ok(Settled::Enrolled(_)), Ok(Settled::Enrolled(_)))), "{a:?} {b:?}");
    let (has_one, has_other) = (
        desks[0].enrolled(&one.number, &one.pinfl).await,
        desks[0].enrolled(&one.number, &other.pinfl).await,
    );
    assert!(has_one != has_other, "one number, one person");
    let loser = if has_one { &other } else { &one };
    let ended = desks[0].person(&loser.pinfl).await.expect("an account");
    let ends = desks[0].enrolments.life_events.people.ends_of(&ended).await.unwrap();
    assert_eq!(ends.len(), 1, "R83: whoever came first lost it to whoever came second, and it is on record");
    assert_eq!(desks[0].notices(&loser.pinfl, "enrolment_ended").await, 1);
}

async fn r36_what_became_anothers_since_the_check_stays_theirs(world: &World) {
    let one = new_applicant(world);
    let other = Applicant { number: one.number.clone(), ..new_applicant(world) };
    let desk = Desk::of(world, &[&one.number]).await;
    let late = desk.sent_as_warned(Desk::place(PlaceKind::ServiceCentre), &one).await;
    let Ok(Entered::AwaitingPayment(late)) = desk.enter(&late).await else { panic!("a fee is due") };
    desk.enrol(&other).await;
    // Nobody was warned that the number would be taken from somebody, so it is not.
    let paid = desk.pay(&late, "late").await;
    assert!(matches!(paid, Ok(Settled::NotApplied(PaymentOutcome::Unagreed))), "{paid:?}");
    assert!(desk.enrolled(&other.number, &other.pinfl).await);
    assert_eq!(desk.find(&late.id).await.state, State::AwaitingPayment);
}

async fn r7_one_person_at_two_places_at_once_has_one_number(world: &World) {
    let one = new_applicant(world);
    let other = Applicant { pinfl: one.pinfl.clone(), ..new_applicant(world) };
    let desks = [Desk::of(world, &[&one.number]).await, Desk::of(world, &[&other.number]).await];
    let door = || Desk::place(PlaceKind::ServiceCentre);
    let (first, second) = (desks[0].sent(door(), &one).await, desks[1].sent(door(), &other).await);
    for (desk, application) in desks.iter().zip([&first, &second]) {
        assert!(matches!(desk.enter(application).await, Ok(Entered::AwaitingPayment(_))));
    }
    let (a, b) =
        tokio::join!(desks[0].pay(&first, first.id.as_str()), desks[1].pay(&second, second.id.as_str()));
    assert!(matches!((&a, &b), (Ok(Settled::Enrolled(_)), Ok(Settled::Enrolled(_)))), "{a:?} {b:?}");
    let (has_one, has_other) = (
        desks[0].enrolled(&one.number, &one.pinfl).await,
        desks[0].enrolled(&other.number, &one.pinfl).await,
    );
    assert!(has_one != has_other, "R7: exactly one");
    assert_eq!(desks[0].notices(&one.pinfl, "number_changed").await, 1);
}

async fn r15_a_payment_is_applied_once_and_only_if_it_is_the_fee(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let sent = desk.sent(Desk::place(PlaceKind::ServiceCentre), &who).await;
    let early = Payment {
        reference: format!("early-{}", sent.id.as_str()),
        invoice: format!("MID{}", sent.reference.as_str()),
        tiyin: 1,
        paid_at: Timestamp(1),
    };
    let before = desk.enrolments.paid(&early).await;
    assert!(matches!(before, Ok(Settled::Unknown)), "before the code there is no invoice: {before:?}");
    let Ok(Entered::AwaitingPayment(waiting)) = desk.enter(&sent).await else { panic!("a fee is due") };
    let whole = desk.payment(&waiting, waiting.id.as_str()).await;
    let short =
        Payment { reference: format!("short-{}", sent.id.as_str()), tiyin: whole.tiyin - 1, ..whole.clone() };
    for _ in 0..2 {
        let other = desk.enrolments.paid(&short).await;
        assert!(matches!(other, Ok(Settled::NotApplied(PaymentOutcome::OtherSum))), "{other:?}");
    }
    assert_eq!(desk.find(&sent.id).await.state, State::AwaitingPayment);
    let (a, b) = tokio::join!(desk.enrolments.paid(&whole), desk.enrolments.paid(&whole));
    assert!(matches!((&a, &b), (Ok(Settled::Enrolled(_)), Ok(Settled::Enrolled(_)))), "{a:?} {b:?}");
    assert!(
        matches!(desk.enrolments.paid(&whole).await, Ok(Settled::Enrolled(_))),
        "told again it changes nothing"
    );
    assert_eq!(desk.notices(&who.pinfl, "enrolled").await, 1);
    let payments = "SELECT COUNT(*) AS n FROM payments WHERE invoice_number = $1";
    assert_eq!(world.stored_for(payments, &whole.invoice).await, 2, "the short one and the whole one");
}

async fn r46_an_application_that_nobody_pays_is_refused_and_an_abandoned_one_withdrawn(setup: Setup) {
    let world = &setup.start().await;
    let (who, late, gone, odd) =
        (new_applicant(world), new_applicant(world), new_applicant(world), new_applicant(world));
    let desk = Desk::of(world, &[&who.number, &late.number, &gone.number, &odd.number]).await;
    let place = || Desk::place(PlaceKind::ServiceCentre);
    // One that cannot be read keeps no other from its end.
    let odd = desk.open(place(), &odd).await;
    let damage = yagona::platform::db::statement(
        "UPDATE identifications SET sealed = 'x' WHERE identification_id = $1",
    );
    desk.stores.db.execute(damage.bind(odd.id.as_str())).await.expect("a change");
    let abandoned = desk.open(place(), &gone).await;
    let unpaid = desk.sent(place(), &who).await;
    assert!(matches!(desk.enter(&unpaid).await, Ok(Entered::AwaitingPayment(_))));
    let payment = desk.payment(&unpaid, unpaid.id.as_str()).await;
    assert!(desk.stores.clock.advance(3 * 86_400 - 10));
    let open = desk.sent(place(), &late).await;
    desk.settle().await;
    assert_eq!(desk.find(&unpaid.id).await.state, State::AwaitingPayment, "not before its time");
    assert_eq!(desk.find(&abandoned.id).await.state, State::Withdrawn, "D-o");
    assert!(desk.stores.clock.advance(10));
    desk.settle().await;
    let refused = desk.find(&unpaid.id).await;
    assert_eq!(refused.state, State::Refused(Ground::Place(PlaceGround::Unpaid)), "D-f");
    assert_eq!(desk.find(&open.id).await.state, State::CodeSent);
    let told = desk.enrolments.paid(&payment).await;
    assert!(matches!(told, Ok(Settled::NotApplied(PaymentOutcome::TooLate))), "{told:?}");
    assert!(desk.person(&who.pinfl).await.is_none());
    // R52: they may apply again at any time.
    assert_eq!(desk.open(place(), &who).await.state, State::Open);
}

async fn r51_r65_an_application_is_refused_on_a_ground_of_its_chapter_and_no_other(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let own = &desk.enrolments.identifications;
    for ground in Ground::ALL {
        let place = desk.open(Desk::place(PlaceKind::NotaryOffice), &who).await;
        let refused = own.refuse(&place.id, ground, Vec::new()).await;
        let lawful = matches!(ground, Ground::Place(_)) && ground != Ground::Place(PlaceGround::Unpaid);
        match refused {
            Ok(refused) => assert!(lawful && refused.state == State::Refused(ground), "{ground:?}"),
            Err(ActError::Illegal(Illegal::Ground)) => assert!(!lawful, "{ground:?}"),
            other => panic!("{ground:?}: {other:?}"),
        }
    }
    let client = yagona::clients::ClientId::parse(SHOP).expect("a client");
    let app = desk.open(Door::App { client }, &who).await;
    let declined = Ground::Remote(RemoteGround::Declined);
    assert!(own.refuse(&app.id, declined, Vec::new()).await.is_ok());
    assert!(matches!(own.withdraw(&app.id, Vec::new()).await, Err(ActError::Illegal(Illegal::State))));
    let post = desk.open_as(IdentificationId::random(), Desk::place(PlaceKind::PostOffice), &who).await;
    assert!(matches!(post, Opening::NotHere), "R107, D-n: accounts only");
    let listed = own.of_place(&PlaceId::stored("place-1".to_owned()), (Timestamp(0), None), 3).await.unwrap();
    assert_eq!(listed.len(), 3);
    let after =
        own.of_place(&PlaceId::stored("place-1".to_owned()), (Timestamp(0), listed.last()), 3).await.unwrap();
    assert!(
        after.iter().all(|later| listed.iter().all(|known| known.id != later.id)),
        "a page after the other"
    );
}

async fn r84_r85_r86_an_enrolment_ends_on_the_grounds_of_clause_34_and_may_begin_anew(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let events = &desk.enrolments.life_events;
    let number = events.people.number_index(&PhoneNumber::from_digits(&who.number).unwrap());
    let returned = |at| Ground34::NumberReturned { number, at };
    let person = desk.enrol(&who).await.person.expect("a person");
    let now = desk.stores.clock.now();
    assert!(
        !events.end_enrolment(&person, returned(now.minus(60)), Vec::new()).await.unwrap(),
        "a number that was enrolled again after its return stays"
    );
    assert!(events.end_enrolment(&person, returned(now), Vec::new()).await.unwrap(), "R84");
    assert!(!desk.enrolled(&who.number, &who.pinfl).await);
    assert!(
        !events.end_enrolment(&person, Ground34::Request, Vec::new()).await.unwrap(),
        "there is none any more"
    );
    for ground in [Ground34::Request, Ground34::Death] {
        assert!(desk.stores.clock.advance(5));
        assert!(desk.enrol(&who).await.invoice.is_some(), "R88: anew on general grounds");
        assert!(desk.enrolled(&who.number, &who.pinfl).await);
        assert!(events.end_enrolment(&person, ground, Vec::new()).await.unwrap());
        assert!(!desk.enrolled(&who.number, &who.pinfl).await);
    }
    let ends = events.people.ends_of(&person).await.unwrap();
    let grounds: Vec<&str> = ends.iter().map(|(ground, _)| ground.as_str()).collect();
    assert_eq!(grounds, ["death", "request", "number_returned"]);
    assert_eq!(desk.notices(&who.pinfl, "enrolment_ended").await, 2, "nobody reads the cabinet of the dead");
}

async fn a_block_goes_on_in_the_account_when_the_number_is_its_persons_no_more(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let events = &desk.enrolments.life_events;
    let number = events.people.number_index(&PhoneNumber::from_digits(&who.number).unwrap());
    let person = desk.enrol(&who).await.person.expect("a person");
    let usable = async || events.people.find(&person).await.unwrap().is_some();
    assert!(events.block(&person, &number).await.unwrap());
    assert!(!usable().await);
    assert!(events.end_enrolment(&person, Ground34::Request, Vec::new()).await.unwrap());
    assert!(!usable().await, "by no other means either");
    assert_eq!(events.unblock_account(&person).await.unwrap(), Unblocked::Enrolled);
    assert!(usable().await);
    // Where nothing was blocked the account goes on, and a lock of its person's is no block.
    assert!(desk.stores.clock.advance(5));
    desk.enrol(&who).await;
    assert!(events.end_enrolment(&person, Ground34::Request, Vec::new()).await.unwrap());
    assert!(usable().await);
    assert!(desk.stores.clock.advance(5));
    desk.enrol(&who).await;
    assert!(events.self_lock(&person).await.unwrap());
    assert!(events.end_enrolment(&person, Ground34::Request, Vec::new()).await.unwrap());
    assert!(!usable().await);
    assert!(events.end_self_lock(&person).await.unwrap());
    assert!(usable().await, "nothing is left that an operator would have to end");
}

async fn a_request_that_is_repeated_opens_one_application_and_enrols_once(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let id = IdentificationId::random();
    let client = yagona::clients::ClientId::parse(SHOP).expect("a client");
    for _ in 0..2 {
        let opened = desk.open_as(id.clone(), Door::App { client: client.clone() }, &who).await;
        assert!(matches!(opened, Opening::Opened(opened) if opened.id == id));
    }
    let own = &desk.enrolments.identifications;
    own.found(&id, Desk::findings(&who)).await.expect("kept");
    own.evidence(&id, (&Desk::consents(&Consent::ALL), Desk::seen()), Vec::new()).await.expect("evidence");
    let sent = own.send_code(&id, &[], Vec::new()).await.expect("a code");
    let (a, b) = tokio::join!(desk.enter(&sent), desk.enter(&sent));
    for outcome in [&a, &b] {
        assert!(matches!(outcome, Ok(Entered::Enrolled(_))), "{outcome:?}");
    }
    assert!(matches!(desk.enter(&sent).await, Ok(Entered::Enrolled(_))));
    assert_eq!(desk.notices(&who.pinfl, "enrolled").await, 1);
}

async fn an_identification_and_its_end_are_in_the_audit_log(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let done = desk.enrol(&who).await;
    let person = done.person.clone().expect("a person");
    desk.enrolments.life_events.end_enrolment(&person, Ground34::Request, Vec::new()).await.expect("an end");
    let refused = desk.open(Desk::place(PlaceKind::NotaryOffice), &who).await;
    let ground = Ground::Place(PlaceGround::Declined);
    desk.enrolments.identifications.refuse(&refused.id, ground, Vec::new()).await.expect("a refusal");
    let gone = desk.open(Desk::place(PlaceKind::NotaryOffice), &who).await;
    desk.enrolments.identifications.withdraw(&gone.id, Vec::new()).await.expect("a withdrawal");
    // What a command shows has no value of the form.
    let shown = world.command(&["identifications", "show", &done.reference.to_string(), "--format", "json"]);
    assert!(
        shown.contains("\"enrolled\"") && shown.contains("sms_charge") && shown.contains("\"tiyin\""),
        "{shown}"
    );
    assert!(
        !shown.contains(&who.pinfl) && !shown.contains(&who.number) && !shown.contains("Valiyev"),
        "{shown}"
    );
    let listed = world.command(&["identifications", "list", "--state", "refused"]);
    assert!(listed.contains(&refused.reference.to_string()) && listed.contains("18(6)"), "{listed}");
    let again = ["identifications", "refuse", &done.reference.to_string(), "--ground", "18(1)"];
    assert!(!world.try_command(&again).status.success(), "what is over stays over");
    desk.stores.audit.end_command("identifications of a test", true).await.expect("written");
    for (kind, reference) in [
        (Recorded::Enrolled, &done.reference),
        (Recorded::IdentificationRefused, &refused.reference),
        (Recorded::IdentificationWithdrawn, &gone.reference),
    ] {
        world.until_audited(kind, "detail", &reference.to_string()).await;
    }
    world.until_audited(Recorded::EnrolmentEnded, "reason", "request").await;
}

async fn r34_r57_registers_are_asked_beside_the_page_and_their_answers_are_held_against_the_form(
    world: &World,
) {
    let desk = Desk::of(world, &[]).await;
    let own = &desk.enrolments.identifications;
    // Of `config/registry-people.toml`.
    let right = Typed {
        surname: "Yusupova",
        name: "Malika",
        patronymic: "Anvar qizi",
        number: "998007000001",
        pinfl: "41405882050012",
        category: "citizen",
        document: "id_card",
        document_number: "AD7000001",
    };
    let other_name = Typed { surname: "Karimova", ..right };
    for (typed, expected) in [(right, None), (other_name, Some(Obstacle::OtherName))] {
        let door = (Desk::place(PlaceKind::ServiceCentre), Language::En);
        let opened = own.open(IdentificationId::random(), door, &typed, Vec::new()).await.expect("an answer");
        let Opening::Opened(opened) = opened else { panic!("{opened:?}") };
        own.start_precheck(&opened).await.expect("begun");
        let found =
            until("the registers to answer", async || match own.precheck(&opened.id).await.expect("kept") {
                Some(Precheck::Done(findings)) => Some(findings),
                Some(Precheck::Running { .. }) => None,
                other => panic!("{other:?}"),
            })
            .await;
        assert_eq!(found.obstacles, Vec::from_iter(expected));
        assert_eq!(found.record.expect("a record").pinfl.digits(), typed.pinfl);
        assert!(found.operator.is_some() && found.discount.is_none());
        let (mut photo, mut finger) = (vec![0xff, 0xd8, 0xff, 0xe0], b"FMR\0 20\0".to_vec());
        photo.extend([7; 600]);
        finger.extend([7; 64]);
        own.start_comparison(&opened, Material { face: Some(photo), fingerprint: Some(finger) })
            .await
            .expect("begun");
        let compared =
            until("the comparison", async || match own.comparison(&opened.id).await.expect("kept") {
                Some(Comparison::Done { face, fingerprint }) => Some((face, fingerprint)),
                Some(Comparison::Running { .. }) => None,
                other => panic!("{other:?}"),
            })
            .await;
        let (Some(face), Some(finger)) = compared else { panic!("both were compared") };
        assert!(face.matched && finger.matched && !face.reference.is_empty(), "R33, R57");
    }
}

async fn an_enrolment_costs_no_more_than_its_budget(world: &World) {
    let who = new_applicant(world);
    let desk = Desk::of(world, &[&who.number]).await;
    let spent = |name: &str| -> u64 {
        let line = format!("{name}{{cause=\"background\"}} ");
        let text = desk.stores.metrics.encode();
        text.lines()
            .find_map(|text| text.strip_prefix(line.as_str()))
            .and_then(|count| count.parse().ok())
            .expect("a count")
    };
    let counts = || (spent("yagona_sql_round_trips_total"), spent("yagona_sql_commits_total"));
    let before = counts();
    desk.enrol(&who).await;
    let after = counts();
    let (statements, commits) = (after.0 - before.0, after.1 - before.1);
    assert!(commits <= 5, "{commits} commits");
    // PostgreSQL gets each statement of a transaction by itself; SQLite gets a transaction as one. Three are of the first credential,
    // one takes the number from accounts that it reaches (R36, R42).
    let most = if world.setup.backend == Backend::Embedded { 12 } else { 30 };
    assert!(statements <= most, "{statements} statements");
}

/// A block takes the number's row before the person's, a completion the person's before the number's: without one order each would wait
/// for the other.
#[tokio::test]
async fn a_block_and_a_completion_at_once_do_not_wait_in_a_circle() {
    let world = Setup::new(Backend::Servers).start().await;
    let former = world.person();
    let newcomer =
        Applicant { number: former.number.clone(), ..Applicant::from(&world.somebody(Kind::Unknown)) };
    let desk = Desk::of(&world, &[&former.number]).await;
    let sent = desk.sent(Desk::place(PlaceKind::ServiceCentre), &newcomer).await;
    let Ok(Entered::AwaitingPayment(waiting)) = desk.enter(&sent).await else { panic!("a fee is due") };
    let holder = desk.person(&former.pinfl).await.expect("a person");
    let events = &desk.enrolments.life_events;
    let number = yagona::people::PhoneNumber::from_digits(&former.number).expect("a number");
    let index = events.people.number_index(&number);
    let payment = desk.payment(&waiting, "P-1").await;
    let lock = world.lock_person(holder.as_str()).await;
    let (paid, blocked, ()) = tokio::join!(
        async { desk.enrolments.paid(&payment).await },
        async {
            world.until_waiting(1).await;
            events.block(&holder, &index).await
        },
        async {
            world.until_waiting(2).await;
            lock.release().await;
        }
    );
    assert!(matches!(paid, Ok(Settled::Enrolled(_))), "{paid:?}");
    // The completion was first: there is nothing of the former holder's left to be blocked.
    assert!(!blocked.expect("no circle"), "the number is another's");
    assert!(desk.enrolled(&former.number, &newcomer.pinfl).await);
}
