//! Unlocking an account that its person locked: by a passkey, a signature or a face, and by nothing that a thief has.

use serde_json::Value;
use url::Url;
use yagona::audit::Kind;

use crate::eri::show_face;
use crate::password::FIRST;
use crate::support::client_file::SHOP;
use crate::support::{
    Asked, Browser, Page, Person, Setup, World, alone_on_both_backends, code_of, on_both_backends, param,
};

on_both_backends!(
    a_passkey_unlocks_what_its_person_locked_by_one_button,
    neither_a_code_nor_a_password_nor_a_session_unlocks_or_learns_of_the_lock,
    a_person_does_not_unlock_what_an_operator_blocked,
);
alone_on_both_backends!(a_signature_and_a_face_unlock_and_a_passkey_that_waits_does_not);

const SESSION: &str = "__Host-yagona-session";

impl Browser {
    /// Locks the account of whoever is signed in here, who has just proved who they are.
    async fn locks(&mut self) -> Page {
        let page = self.cabinet("/cabinet/lock").await.expect("lock-now");
        self.press(&page, "lock-now", &[]).await.page().expect_status(200).expect("locked")
    }

    /// From the cabinet's sign-in to the page of the first means that unlocks.
    async fn begins_to_unlock(&mut self) -> Page {
        let page = self.open("/cabinet").await.page();
        let page = if page.has("unlock") {
            self.get(&page.link("unlock")).await.page()
        } else {
            self.open("/cabinet/unlock").await.page()
        };
        self.press(&page.expect_status(200).expect("unlock"), "unlock", &[]).await.page()
    }

    fn is_signed_in(&self) -> bool {
        self.cookies().keys().any(|name| name.contains("session"))
    }
}

/// Whether a message came that says these words; what came before it is read over.
async fn is_told(world: &World, person: &Person, words: &str) {
    loop {
        let message = world.sandbox.next_message(person).await;
        if message["text"].as_str().is_some_and(|text| text.contains(words)) {
            return;
        }
    }
}

async fn a_passkey_unlocks_what_its_person_locked_by_one_button(world: &World) {
    let person = world.person();
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &person).await);
    let (mut cabinet, mut key) = world.passkey_of(&person).await;
    let locked = cabinet.locks().await;
    assert!(locked.text().contains("passkey") && locked.text().contains("in person"), "{locked}");
    cabinet.get(&locked.link("unlock")).await.page().expect_status(200).expect("unlock");
    let mut browser = world.browser();
    let page = browser.begins_to_unlock().await.expect("use-passkey");
    for weak in ["phone", "mobile_id", "login", "password", "qr"] {
        assert!(!page.has(weak), "{weak}: {page}");
    }
    let page = key.answer(&mut browser, &page).await.page().expect_status(200).expect("unlock-now");
    // It signs nobody in: no page of the cabinet, and no service.
    assert!(!browser.is_signed_in(), "{:?}", browser.cookies());
    browser.clone().open("/cabinet").await.page().expect("phone");
    let silent = browser.clone().begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    assert_eq!(param(&silent, "error").as_deref(), Some("login_required"));
    browser.press(&page, "unlock-now", &[]).await.page().expect_status(200).expect("unlocked");
    assert!(!browser.is_signed_in(), "{:?}", browser.cookies());
    is_told(world, &person, "blokdan chiqarildi").await;
    world.notices_of(&person, "account_unlocked", 1).await;
    let mine = world.audited(Kind::PasskeyAdded).await;
    let whose = |row: &Value| mine.iter().any(|added| added["person.id"] == row["person.id"]);
    world.until_audited(Kind::SelfLockEnded, "reason", "passkey").await;
    assert!(world.audited(Kind::SelfLockEnded).await.iter().any(whose));
    assert!(world.metric("yagona_sign_ins_total", &["unlock", "done"]).await >= 1.0);
    // Pressed twice it says the same, and the number signs in again.
    browser.press(&page, "unlock-now", &[]).await.page().expect("unlocked");
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &person).await);
    // What was proved for one lock ends no later one.
    let mut again = world.browser();
    again.enter_cabinet(world, "/cabinet/lock", &person).await;
    again.locks().await;
    assert_eq!(browser.press(&page, "unlock-now", &[]).await.page().status, 410);
    // It is found where somebody signs in at a service as well.
    let page = browser.at_passkey(world, &Asked::by(SHOP)).await;
    let page = key.answer(&mut browser, &page).await.page().expect("unlock-now");
    browser.press(&page, "unlock-now", &[]).await.page().expect("unlocked");
    let page = browser.at_passkey(world, &Asked::by(SHOP)).await;
    code_of(&key.answer(&mut browser, &page).await.away());
}

async fn neither_a_code_nor_a_password_nor_a_session_unlocks_or_learns_of_the_lock(world: &World) {
    let person = world.person();
    let (mut owner, mut key) = world.passkey_of(&person).await;
    world.browser().set_password(world, &person, FIRST).await.expect("said");
    let stolen = owner.cookie(SESSION);
    owner.locks().await;
    // The SIM card: the pages are those of any number, and no code comes.
    let mut thief = world.browser();
    let page = thief.begin_with_number(world, &Asked::by(SHOP), &person).await.expect("code");
    let other = world
        .browser()
        .begin_with_number(world, &Asked::by(SHOP), &Person::with_number("998009990001"))
        .await;
    let plain = |page: &Page| page.text().chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    assert_eq!(plain(&page), plain(&other));
    thief.enter_code(&page, "123456").await.page().expect("error");
    // The pages of weaker means are none of the way to unlock.
    let page = thief.begins_to_unlock().await.expect("use-passkey");
    for weak in ["number", "password", "qr"] {
        let forged = page.url.as_str().replace("/sign-in/passkey", &format!("/sign-in/{weak}"));
        let shown = thief.get(&forged.parse().expect("a URL")).await.page();
        assert!(!shown.has("phone") && !shown.has("login") && !shown.has("unlock-now"), "{weak}: {shown}");
    }
    // The password is right, and leads to nothing.
    let page = thief.at_password(world, &Asked::by(SHOP)).await;
    let page = thief.enter_password(&page, &person.pinfl, FIRST).await.page().expect("error");
    assert!(page.url.path() == "/sign-in/means" && !page.has("unlock-now"), "{page}");
    assert!(!thief.is_signed_in());
    // The session has ended with the lock.
    let mut with_cookie = world.browser();
    with_cookie.plant(SESSION, &stolen);
    for path in ["/cabinet", "/cabinet/passkeys/add", "/cabinet/safety", "/cabinet/means"] {
        assert!(!with_cookie.clone().open(path).await.page().has("menu"), "{path}");
    }
    // A proof is of its browser, and nothing else is one.
    let page = owner.begins_to_unlock().await;
    let page = key.answer(&mut owner, &page).await.page().expect("unlock-now");
    let here = world.url("/cabinet/unlock");
    let posts = async |browser: &mut Browser, proof: &str| {
        browser.post(&here, &[("proof".to_owned(), proof.to_owned())]).await.page().status
    };
    let proof = page.attribute("input[name=proof]", "value");
    for guessed in [proof.as_str(), &proof[1..], "", "guessed"] {
        assert_eq!(posts(&mut thief, guessed).await, 410);
    }
    assert_eq!(posts(&mut with_cookie, &proof).await, 410);
    assert!(thief.get(&here).await.page().text() == world.browser().get(&here).await.page().text());
    world.nothing_more_came(&[&person]).await;
    world.notices_of(&person, "account_unlocked", 0).await;
    assert_eq!(posts(&mut owner, &proof).await, 200);
    world.notices_of(&person, "account_unlocked", 1).await;
}

async fn a_person_does_not_unlock_what_an_operator_blocked(world: &World) {
    let person = world.person();
    let (mut owner, mut key) = world.passkey_of(&person).await;
    owner.locks().await;
    let mut browser = world.browser();
    let page = browser.begins_to_unlock().await;
    let open = key.answer(&mut browser, &page).await.page().expect("unlock-now");
    world.command(&["people", "block", &person.number]);
    // A page from before does not, and there is no new one.
    assert_eq!(browser.press(&open, "unlock-now", &[]).await.page().status, 410);
    let page = browser.begins_to_unlock().await;
    let page = key.answer(&mut browser, &page).await.page().expect("error");
    assert!(page.url.path() == "/sign-in/means" && !page.has("unlock-now"), "{page}");
    world.command(&["people", "unblock", &person.number]);
    world.notices_of(&person, "account_unlocked", 0).await;
    let page = browser.begins_to_unlock().await;
    let page = key.answer(&mut browser, &page).await.page().expect("unlock-now");
    browser.press(&page, "unlock-now", &[]).await.page().expect("unlocked");
    // An account that nobody locked is signed in.
    let page = browser.begins_to_unlock().await;
    let page = key.answer(&mut browser, &page).await.page().expect("menu");
    assert_eq!(page.url.path(), "/cabinet");
}

async fn a_signature_and_a_face_unlock_and_a_passkey_that_waits_does_not(setup: Setup) {
    let setup = setup.people(4, 2).with_proofs().set("accounts.new_means_wait_hours", 72);
    let world = &setup.start().await;
    let person = world.person();
    let serial = world.has_a_key(&person).await;
    let (mut owner, mut key) = world.passkey_of(&person).await;
    owner.locks().await;
    let mut browser = world.browser();
    let page = browser.begins_to_unlock().await.expect("use-passkey");
    let page = key.answer(&mut browser, &page).await.page().expect("error");
    assert!(page.text().contains("cannot be used yet") && !page.has("unlock-now"), "{page}");
    let page = browser.get(&page.link("eri")).await.page();
    let page = browser.sign_with(world, &page, &serial).await.page().expect("unlock-now");
    browser.press(&page, "unlock-now", &[]).await.page().expect("unlocked");
    world.until_audited(Kind::SelfLockEnded, "reason", "eri").await;
    is_told(world, &person, "blokdan chiqarildi").await;
    owner.enter_cabinet(world, "/cabinet/lock", &person).await;
    owner.locks().await;
    let page = browser.begins_to_unlock().await;
    let page = if page.has("face") { browser.get(&page.link("face")).await.page() } else { page };
    let myid: Url = browser.press(&page, "face", &[]).await.away();
    // Another face is of nobody who locked anything.
    let other = world.person();
    let back = show_face(&myid, &other.pinfl, 1).await;
    assert!(!browser.clone().get(&back).await.page().has("unlock-now"));
    let page = browser.begins_to_unlock().await;
    let page = if page.has("face") { browser.get(&page.link("face")).await.page() } else { page };
    let myid: Url = browser.press(&page, "face", &[]).await.away();
    let back = show_face(&myid, &person.pinfl, 1).await;
    let page = browser.get(&back).await.page().expect("unlock-now");
    browser.press(&page, "unlock-now", &[]).await.page().expect("unlocked");
    world.until_audited(Kind::SelfLockEnded, "reason", "face").await;
    is_told(world, &person, "blokdan chiqarildi").await;
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &person).await);
}
