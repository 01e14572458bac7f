//! Signing in at a computer by a phone: the right way, and every way in which somebody could be brought to sign a stranger in.

use serde_json::Value;
use yagona::audit::Kind;

use crate::support::client_file::SHOP;
use crate::support::qr::text_of;
use crate::support::{
    Asked, Browser, Page, Person, Setup, World, alone_on_both_backends, code_of, jwt, on_both_backends,
};

on_both_backends!(
    a_phone_signs_a_computer_in_and_its_person_is_told,
    a_phone_without_a_session_signs_in_first,
    what_was_refused_is_over_at_the_computer_as_well,
    a_code_is_used_once_and_at_its_own_browser,
    of_two_phones_the_first_one_decides,
    a_computer_goes_on_that_a_phone_lets_in_after_it_ended_all_others,
);
alone_on_both_backends!(what_time_and_networks_decide,);

/// A network that is not the tests' own.
const ELSEWHERE: &str = "198.51.100.7";

impl Browser {
    /// From a service's link to the page that shows a code; gives the page and the path that the code leads to.
    async fn at_qr(&mut self, world: &World, asked: &Asked) -> (Page, String) {
        let page = self.begin(world, asked).await.page();
        let page = if page.has("code") && page.has("words") {
            page
        } else {
            self.get(&page.link("qr")).await.page()
        };
        let page = page.expect_status(200).expect("words");
        let address: url::Url = text_of(&page).parse().expect("an address");
        assert_eq!(address.origin(), page.url.origin());
        (page, address.path().to_owned())
    }
}

/// A phone on which somebody is signed in.
async fn phone(world: &World, person: &Person) -> Browser {
    let mut phone = world.browser();
    phone.enter_cabinet(world, "/cabinet", person).await.expect("menu");
    phone
}

/// The words that a computer shows.
fn words(page: &Page) -> String {
    page.text_at("words")
}

/// Chooses on the phone the pair that is the computer's, or one that is not.
async fn choose(phone: &mut Browser, asked: &Page, words: &str, right: bool) -> Page {
    let place = (0..3).find(|place| (asked.text_at(&format!("words-{place}")) == words) == right);
    let button = format!("words-{}", place.expect("a pair"));
    phone.press(asked, &button, &[]).await.page()
}

async fn a_phone_signs_a_computer_in_and_its_person_is_told(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(world, &asked, &person).await;
    let mut phone = phone(world, &person).await;
    let mut computer = world.browser();
    let (shown, path) = computer.at_qr(world, &asked).await;
    // Until the phone decides the page stays, and shows the same.
    let waiting = computer.get(&shown.url).await.page().expect("words");
    assert_eq!((words(&waiting), text_of(&waiting)), (words(&shown), text_of(&shown)));
    let page = phone.open(&path).await.page().expect_status(200).expect("same");
    let said = page.text();
    assert!(said.contains("127.0.0.1") && said.contains("Valiyev"), "{page}");
    computer.get(&shown.url).await.page().expect("opened");
    choose(&mut phone, &page, &words(&shown), true).await.expect_status(200).expect("approved");
    let url = computer.get(&shown.url).await.away();
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let claims = jwt::verify(tokens.get("id_token"), &world.keys().await).claims;
    assert_eq!(claims["acr"], "urn:yagona:acr:mobile-id");
    let amr: Vec<&str> = claims["amr"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(amr.contains(&"mca") && amr.contains(&"sms") && !amr.contains(&"mfa"), "{amr:?}");
    world.notices_of(&person, "signed_in_by_qr", 1).await;
    world.until_audited(Kind::QrApproved, "client.id", SHOP).await;
    // It is a session of its own, which the person sees and which goes on.
    computer.cabinet("/cabinet/sessions").await;
    // Whoever is signed in by another device has proved nothing at this browser: what could hurt wants that first, and not by a phone.
    let page = computer.open("/cabinet/passkeys/add").await.page();
    assert!(!page.has("use-passkey") && !page.body.contains("/sign-in/qr"), "{page}");
    // Whoever is signed in by another device cannot be made more of by a third.
    phone.open(&path).await.page().expect_status(410).expect("gone");
}

async fn a_phone_without_a_session_signs_in_first(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(world, &asked, &person).await;
    let (mut phone, mut computer) = (world.browser(), world.browser());
    let (shown, path) = computer.at_qr(world, &asked).await;
    let page = phone.open(&path).await.page().expect("phone");
    let page = phone.prove(world, &page, &person).await.expect_status(200).expect("same");
    choose(&mut phone, &page, &words(&shown), true).await.expect("approved");
    computer.get(&shown.url).await.away();
}

async fn a_relayed_code_wants_a_new_proof_and_the_words_of_the_computer(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(world, &asked, &person).await;
    let mut phone = phone(world, &person).await.from(ELSEWHERE);
    world.advance(1).await;
    let mut thief = world.browser();
    let (shown, path) = thief.at_qr(world, &asked).await;
    let page = phone.open(&path).await.page().expect_status(200).expect("other").expect("prove");
    assert!(!page.has("words-0") && page.text().contains("another network"), "{page}");
    // Nothing but a proof leads to the words.
    let form = page.form("prove");
    let mut fields = form.fields("prove", &[]);
    fields.retain(|(name, _)| name == "form");
    fields.push(("words".to_owned(), "0".to_owned()));
    phone.post(&page.url, &fields).await.page().expect("prove");
    let page = phone.press(&page, "prove", &[]).await.page().expect("phone");
    let page = phone.prove(world, &page, &person).await.expect("other").expect("words-0");
    // Who does not see the computer has one chance in three, and one try.
    choose(&mut phone, &page, &words(&shown), false).await.expect("wrong").expect("safety");
    thief.get(&shown.url).await.page().expect("ended").expect("new");
    assert!(thief.cookies().keys().all(|name| !name.contains("session")), "{:?}", thief.cookies());
    phone.open(&path).await.page().expect_status(410).expect("gone");
    world.notices_of(&person, "qr_refused", 1).await;
    world.until_audited(Kind::QrRefused, "reason", "wrong_words").await;
}

async fn a_service_that_wants_a_new_proof_gets_one(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP).and("prompt", "login"));
    world.browser().sign_in(world, &Asked::by(SHOP), &person).await;
    let mut phone = phone(world, &person).await;
    world.advance(1).await;
    let mut computer = world.browser();
    let (shown, path) = computer.at_qr(world, &asked).await;
    let page = phone.open(&path).await.page().expect("same").expect("prove");
    let page = phone.press(&page, "prove", &[]).await.page().expect("phone");
    let page = phone.prove(world, &page, &person).await.expect("words-0");
    choose(&mut phone, &page, &words(&shown), true).await.expect("approved");
    computer.get(&shown.url).await.away();
}

async fn what_was_refused_is_over_at_the_computer_as_well(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    let mut phone = phone(world, &person).await;
    let mut computer = world.browser();
    let (shown, path) = computer.at_qr(world, &asked).await;
    let page = phone.open(&path).await.page();
    phone.press(&page, "refuse", &[]).await.page().expect("refused");
    let page = computer.get(&shown.url).await.page().expect("ended");
    // Another code has other words and another address, and the former one stays dead.
    let again = computer.press(&page, "new", &[]).await.page().expect("words");
    assert_ne!(text_of(&again), text_of(&shown));
    phone.open(&path).await.page().expect_status(410);
    world.until_audited(Kind::QrRefused, "reason", "denied").await;
    // A form of nobody's session decides nothing.
    let address: url::Url = text_of(&again).parse().expect("an address");
    let page = phone.open(address.path()).await.page();
    let right = (0..3).find(|place| page.text_at(&format!("words-{place}")) == words(&again));
    let fields = [("words".to_owned(), right.expect("a pair").to_string())];
    phone.post(&page.url, &fields).await.page().expect("words-0");
    computer.get(&again.url).await.page().expect("opened");
}

async fn a_code_is_used_once_and_at_its_own_browser(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(world, &asked, &person).await;
    let mut phone = phone(world, &person).await;
    let (mut computer, mut other) = (world.browser(), world.browser());
    let (shown, path) = computer.at_qr(world, &asked).await;
    other.at_qr(world, &asked).await;
    let page = phone.open(&path).await.page();
    choose(&mut phone, &page, &words(&shown), true).await.expect("approved");
    // Pressed twice it is decided once.
    choose(&mut phone, &page, &words(&shown), true).await.expect_status(410).expect("gone");
    let refused = other.get(&shown.url).await.page();
    assert!(refused.status >= 400, "{refused}");
    assert!(other.cookies().keys().all(|name| !name.contains("session")));
    computer.get(&shown.url).await.away();
    phone.open(&path).await.page().expect_status(410).expect("gone");
}

async fn of_two_phones_the_first_one_decides(world: &World) {
    let (person, victim, asked) = (world.person(), world.person(), Asked::by(SHOP));
    let (mut first, mut second) = (phone(world, &person).await, phone(world, &victim).await);
    let mut computer = world.browser();
    let (_, path) = computer.at_qr(world, &asked).await;
    first.open(&path).await.page().expect("words-0");
    second.open(&path).await.page().expect_status(410).expect("gone");
    first.open(&path).await.page().expect("words-0");
    first.open("/q/nothing").await.page().expect_status(410).expect("gone");
}

/// In a world whose clock only these tests move.
async fn what_time_and_networks_decide(setup: Setup) {
    let world = setup.set("server.trusted_proxies", vec!["127.0.0.0/8".to_owned()]).start().await;
    a_relayed_code_wants_a_new_proof_and_the_words_of_the_computer(&world).await;
    a_service_that_wants_a_new_proof_gets_one(&world).await;
    a_code_lives_for_two_minutes(&world).await;
}

async fn a_code_lives_for_two_minutes(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    let mut phone = phone(world, &person).await;
    let mut computer = world.browser();
    let (shown, path) = computer.at_qr(world, &asked).await;
    let page = phone.open(&path).await.page().expect("words-0");
    world.advance(121).await;
    choose(&mut phone, &page, &words(&shown), true).await.expect_status(410).expect("gone");
    phone.open(&path).await.page().expect_status(410).expect("gone");
    let again = computer.get(&shown.url).await.page().expect("words");
    assert_ne!(text_of(&again), text_of(&shown));
}

/// The session at the computer rests on a proof that is older than the end of all others, and began after it.
async fn a_computer_goes_on_that_a_phone_lets_in_after_it_ended_all_others(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    let mut other = world.browser();
    other.sign_in(world, &asked, &person).await;
    let mut phone = phone(world, &person).await;
    let page = phone.cabinet("/cabinet/sessions").await.expect("end-others");
    phone.press(&page, "end-others", &[]).await.page().expect("said");
    other.open("/cabinet").await.page().expect("phone");
    let mut computer = world.browser();
    let (shown, path) = computer.at_qr(world, &asked).await;
    let page = phone.open(&path).await.page().expect_status(200).expect("same");
    choose(&mut phone, &page, &words(&shown), true).await.expect_status(200).expect("approved");
    code_of(&computer.get(&shown.url).await.away());
    computer.cabinet("/cabinet").await;
    // The next such end is one of this computer as well.
    let page = phone.cabinet("/cabinet/sessions").await.expect("end-others");
    phone.press(&page, "end-others", &[]).await.page().expect("said");
    assert!(!computer.open("/cabinet").await.page().has("menu"));
}
