//! An account without a number in Mobile-ID: it is locked by an SMS from the number by which its person is reached, and operators do for
//! it what they do for any other.

use serde_json::Value;

use super::sms_lock::sms;
use crate::password::FIRST;
use crate::sign_up::{MALIKA, offered};
use crate::support::process::both_streams;
use crate::support::setup::CALLBACK_SECRET;
use crate::support::{Browser, Page, Person, Setup, World, alone_on_both_backends};

alone_on_both_backends!(an_account_without_a_number_is_locked_by_sms_and_blocked_by_an_operator);

/// What login and password lead to at the cabinet.
async fn enters(world: &World, password: &str) -> (Browser, Page) {
    let mut browser = world.browser();
    let page = browser.open("/cabinet").await.page();
    let page = browser.get(&page.link("password")).await.page();
    let page = browser.enter_password(&page, MALIKA[0], password).await.page();
    (browser, page)
}

async fn signs_in(world: &World) -> bool {
    let (_, page) = enters(world, FIRST).await;
    assert!(page.has("menu") || page.url.path() == "/sign-in/means", "{page}");
    page.has("menu")
}

fn shown(world: &World, who: &str) -> Value {
    serde_json::from_str(&world.command(&["people", "show", who, "--format", "json"])).expect("JSON")
}

async fn an_account_without_a_number_is_locked_by_sms_and_blocked_by_an_operator(setup: Setup) {
    let world = &offered(setup).start().await;
    let (phone, pinfl) = (Person::with_number(MALIKA[3]), MALIKA[0]);
    let mut browser = world.browser();
    let page = browser.registers(world, MALIKA).await.expect("code");
    let code = world.sandbox.next_code(&phone).await;
    browser.press(&page, "enter", &[("code", &code)]).await.page().expect_status(200).expect("opened");
    let message = world.sandbox.next_message(&phone).await;
    let text = message["text"].as_str().expect("a text");
    let is = |word: &&str| word.len() == 14 && word.split('-').all(|group| group.len() == 4);
    let (mut hers, page) = enters(world, text.split_whitespace().find(is).expect("a password")).await;
    hers.press(&page.expect("new"), "continue", &[("new", FIRST), ("repeat", FIRST)])
        .await
        .page()
        .expect("menu");
    assert_eq!(
        (&shown(world, pinfl)["status"], &shown(world, pinfl)["account"]),
        (&"not_enrolled".into(), &"open".into())
    );

    // The SMS locks it at once, and the phone is told.
    assert_eq!(world.passes_on(CALLBACK_SECRET, sms("lock-1", MALIKA[3], "BLOK")).await, 200);
    let told = world.sandbox.next_message(&phone).await;
    assert!(told["text"].as_str().is_some_and(|text| text.contains("/cabinet/unlock")), "{told}");
    assert!(!hers.open("/cabinet").await.page().has("menu"));
    assert!(!signs_in(world).await);
    assert_eq!(shown(world, MALIKA[3])["account"], "locked");
    assert_eq!(world.stored("SELECT COUNT(*) FROM notices WHERE kind = 'account_locked'").await, 1);
    // A block beside the lock stays when the lock ends, and the other way round.
    world.command(&["people", "block", pinfl]);
    let again = world.try_command(&["people", "block", pinfl]);
    assert!(
        !again.status.success() && both_streams(&again).contains("was not blocked"),
        "{}",
        both_streams(&again)
    );
    assert_eq!(shown(world, pinfl)["account"], "blocked");
    world.command(&["people", "end-self-lock", pinfl]);
    assert!(!world.try_command(&["people", "end-self-lock", pinfl]).status.success());
    assert!(!signs_in(world).await);
    assert_eq!(world.stored("SELECT COUNT(*) FROM notices WHERE kind = 'account_unlocked'").await, 0);
    world.command(&["people", "unblock", pinfl]);
    assert!(!world.try_command(&["people", "unblock", pinfl]).status.success());
    assert!(signs_in(world).await);
    assert_eq!(world.stored("SELECT COUNT(*) FROM notices WHERE kind = 'account_blocked'").await, 1);
    assert_eq!(world.stored("SELECT COUNT(*) FROM notices WHERE kind = 'account_unlocked'").await, 1);
    // By her identifier, as the audit log has it.
    let id = world.stored_text("SELECT person_id FROM accounts WHERE opened_by = $1", "registration").await;
    let (mut hers, page) = enters(world, FIRST).await;
    page.expect("menu");
    // One that begins with a hyphen would have to come after `--`, and the configuration before.
    let who = if id.starts_with('-') { pinfl } else { id.as_str() };
    world.command(&["people", "end-access", who]);
    assert!(!hers.open("/cabinet").await.page().has("menu"));
    world.command(&["people", "end-access", MALIKA[3]]);
    for unknown in ["12345678901234", "AAAAAAAAAAAAAAAAAAAAAA", "+998901112233"] {
        let said = both_streams(&world.try_command(&["people", "show", unknown]));
        assert!(said.contains("has an account") || said.contains("no account has"), "{said}");
    }
    assert!(both_streams(&world.try_command(&["people", "show", "somebody"])).contains("no PINFL"));
    // A number that nobody has enrolled and that reaches nobody locks nothing.
    assert_eq!(world.passes_on(CALLBACK_SECRET, sms("lock-2", "998007000009", "BLOK")).await, 200);
    assert!(signs_in(world).await);
}
