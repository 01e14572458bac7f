//! Registration on-line that does not go straight: a message that was lost, a button that was pressed twice, a code that may not be sent
//! again, and what the pages say of each first credential.

use super::{MALIKA, offered};
use crate::password::{FIRST, is_right};
use crate::support::client_file::{LENDER, SHOP};
use crate::support::{Asked, Person, Setup, alone_on_both_backends};

alone_on_both_backends!(
    r113_a_first_credential_that_was_lost_is_issued_anew_until_somebody_has_used_it,
    whoever_just_opened_an_account_is_not_told_that_they_had_one,
    a_code_that_may_not_be_sent_again_leaves_the_one_before_and_what_registers_said,
    the_page_says_what_the_first_credential_is_and_registering_leads_where_it_works,
);

async fn r113_a_first_credential_that_was_lost_is_issued_anew_until_somebody_has_used_it(setup: Setup) {
    let world = offered(setup).start().await;
    let phone = Person::with_number(MALIKA[3]);
    let first = world.browser().opens(&world, MALIKA).await;
    // That code and that password, which were read.
    for _ in 0..2 {
        world.sandbox.next_message(&phone).await;
    }
    // A day later the password is too old; the same way gives another.
    world.advance(90_000).await;
    let mut browser = world.browser();
    let page = browser.registers(&world, MALIKA).await.expect("code");
    let code = world.sandbox.next_code(&phone).await;
    let done = browser.press(&page, "enter", &[("code", &code)]).await.page().expect("sent-again");
    assert!(done.text().contains("24 hours"), "{done}");
    let message = world.sandbox.next_message(&phone).await;
    let second = super::temporary_in(message["text"].as_str().expect("a text"));
    assert_ne!(first, second);
    assert!(!is_right(&world, MALIKA[0], &first).await);
    assert_eq!(world.stored("SELECT COUNT(*) FROM account_means WHERE removed_at IS NULL").await, 1);
    let menu = browser.first_password("/cabinet", (MALIKA[0], &second), FIRST).await;
    menu.expect_status(200).expect("menu");
    // From then on nobody gets another one by a code.
    let mut late = world.browser();
    let page = late.registers(&world, MALIKA).await.expect("code");
    let code = world.sandbox.next_code(&phone).await;
    late.press(&page, "enter", &[("code", &code)]).await.page().expect("known");
    world.sandbox.nothing_came(&phone).await;
    assert!(is_right(&world, MALIKA[0], FIRST).await);
}

async fn whoever_just_opened_an_account_is_not_told_that_they_had_one(setup: Setup) {
    let world = offered(setup).start().await;
    let phone = Person::with_number(MALIKA[3]);
    let (mut one, mut other) = (world.browser(), world.browser());
    let first = one.registers(&world, MALIKA).await.expect("code");
    let code = world.sandbox.next_code(&phone).await;
    let second = other.registers(&world, MALIKA).await.expect("code");
    let other_code = world.sandbox.next_code(&phone).await;
    // Both codes were sent before there was an account.
    one.press(&first, "enter", &[("code", &code)]).await.page().expect("opened");
    world.sandbox.next_message(&phone).await;
    other.press(&second, "enter", &[("code", &other_code)]).await.page().expect("opened");
    world.sandbox.nothing_came(&phone).await;
    assert_eq!(world.stored("SELECT COUNT(*) FROM accounts").await, 1);
}

async fn a_code_that_may_not_be_sent_again_leaves_the_one_before_and_what_registers_said(setup: Setup) {
    let setup = offered(setup).set("limits.sends_per_address_5m", 1);
    let world = setup.set("sign_up.per_pinfl_network_day", 1).start().await;
    let phone = Person::with_number(MALIKA[3]);
    let (mut browser, mut limited) = (world.browser(), world.browser());
    let page = browser.registers(&world, MALIKA).await.expect("code");
    let code = world.sandbox.next_code(&phone).await;
    let waits = limited.registers(&world, MALIKA).await.expect("limited");
    world.advance(61).await;
    let fresh = browser.open("/register/code").await.page().expect("resend");
    let refused = browser.press(&fresh, "resend", &[]).await.page().expect_status(429);
    refused.expect("limited").expect("enter");
    browser.open("/register/code").await.page().expect_status(200).expect("enter");
    world.sandbox.nothing_came(&phone).await;
    browser.press(&page, "enter", &[("code", &code)]).await.page().expect("opened");
    world.sandbox.next_message(&phone).await;
    // Whoever had to wait only needs the code: registers are asked no more, and nothing of the PINFL's is used up.
    world.sandbox.registers(&[("operators.fail", "1")]).await;
    limited.press(&waits, "again", &[]).await.page().expect("limited");
    world.advance(300).await;
    limited.press(&waits, "again", &[]).await.page().expect("code");
    world.sandbox.next_code(&phone).await;
}

async fn the_page_says_what_the_first_credential_is_and_registering_leads_where_it_works(setup: Setup) {
    let setup = offered(setup).set("accounts.initial_credentials", "setup_link");
    let world = setup.set("passwords.temporary_hours", 2).start().await;
    let phone = Person::with_number(MALIKA[3]);
    // A service that takes no password leads nobody to an account with one alone.
    let page = world.browser().begin(&world, &Asked::by(LENDER)).await.page();
    assert!(!page.has("register"), "{page}");
    let mut browser = world.browser();
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    browser.get(&page.link("register")).await.page().expect("begin");
    let page = browser.registers(&world, MALIKA).await.expect("code");
    let code = world.sandbox.next_code(&phone).await;
    let done = browser.press(&page, "enter", &[("code", &code)]).await.page().expect("opened");
    let text = done.text();
    assert!(text.contains("link") && text.contains("2 hours") && !text.contains("24"), "{text}");
    let message = world.sandbox.next_message(&phone).await;
    let text = message["text"].as_str().expect("a text");
    assert!(text.contains("/password/") && text.contains("2 hours"), "{text}");
}
