//! Permission by a code (resolution 479, clause 30; R68, R69): the code of this very sign-in where its page said what the
//! service asks for, a code of its own where only a session exists, a button where the registration lets it.

use crate::support::client_file::{AGENCY, RIVAL, SHOP};
use crate::support::html::TICKED;
use crate::support::wait::until;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, on_both_backends,
    param,
};

on_both_backends!(
    the_code_that_signs_in_permits_what_its_page_said_is_asked_for,
    with_a_session_allowing_needs_a_code_of_its_own,
    a_code_for_one_purpose_serves_no_other,
    what_is_permitted_is_what_the_code_page_shows,
    a_permission_can_be_changed_refused_and_cancelled,
    of_two_with_the_same_code_one_permits,
    after_signing_out_no_code_permits_anything,
);
alone_on_both_backends!(
    a_registration_may_let_a_button_permit,
    a_code_for_a_permission_expires_and_can_be_sent_again,
    codes_for_permissions_are_limited_like_others,
);

fn asked(client: &str) -> Asked {
    Asked::by(client).with("scope", "openid profile phone address")
}

/// What a person reads, word by word.
fn words(page: &Page) -> String {
    page.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Somebody who has a session and meets `RIVAL` for the first time, at its consent page.
async fn at_consent(world: &World) -> (Browser, Person, Page) {
    let (mut browser, person) = (world.browser(), world.person());
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &person).await);
    let page = browser.begin(world, &asked(RIVAL)).await.page().expect("other");
    let page = browser.press(&page, "continue", &[]).await.page().expect("allow");
    (browser, person, page)
}

/// From that page to the page that wants the code.
async fn at_code(world: &World) -> (Browser, Person, Page) {
    let (mut browser, person, consent) = at_consent(world).await;
    let page = browser.press(&consent, "allow", &[("datum-phone", TICKED)]).await.page().expect("code-data");
    (browser, person, page)
}

/// How the newest consent for `client` was permitted, and whether a message is named.
async fn permitted_by(world: &World, client: &str, person: &Person) -> Option<String> {
    let listed = world.command(&["consents", "list", &person.number]);
    let line = listed.lines().find(|line| line.contains(&format!(" {client} ")))?;
    let id = line.split(' ').next().expect("an identifier");
    let query = "SELECT permitted_by || ' ' || COALESCE(code_id, '-') FROM consents WHERE consent_id = $1";
    Some(world.stored_text(query, id).await)
}

async fn the_code_that_signs_in_permits_what_its_page_said_is_asked_for(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(world, &asked(SHOP), &person).await.expect("code-data");
    let text = words(&page);
    for said in ["Shop also asks for: Name, ", "Phone number, Address.", "counts as your permission"] {
        assert!(text.contains(said), "{said} in {text}");
    }
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    code_of(&browser.press(&page, "allow", &[]).await.away());
    let permitted = permitted_by(world, SHOP, &person).await.expect("a consent");
    let message = permitted.strip_prefix("code ").expect("by a code");
    // It names the message and holds no code.
    assert_eq!(world.stored_for("SELECT COUNT(*) FROM messages WHERE message_id = $1", message).await, 1);
    world.nothing_more_came(&[&person]).await;

    let (mut browser, person) = (world.browser(), world.person());
    let nothing = Asked::by(SHOP).with("scope", "openid");
    let page = browser.begin_with_number(world, &nothing, &person).await;
    assert!(!page.has("code-data"), "nothing is asked for: {page}");
    let law = browser.begin_with_number(world, &Asked::by(AGENCY), &world.person()).await.expect("code-data");
    assert!(words(&law).contains("By law, Agency will receive:"), "{law}");
}

async fn with_a_session_allowing_needs_a_code_of_its_own(world: &World) {
    let (mut browser, person, consent) = at_consent(world).await;
    let text = words(&consent);
    assert!(text.contains("enter the code that we send to") && !text.contains(&person.number), "{text}");
    let page = browser.press(&consent, "allow", &[("datum-phone", TICKED)]).await.page().expect("code-data");
    assert!(permitted_by(world, RIVAL, &person).await.is_none(), "nothing is permitted yet");
    let text = words(&page);
    for said in
        ["With this code you let Rival receive:", "Name", "Phone number", "The permission holds until"]
    {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert!(!text.contains("Address"), "it was not ticked: {text}");
    let message = world.sandbox.next_message(&person).await;
    let sms = message["text"].as_str().expect("a text");
    assert!(sms.starts_with("Code to let Rival have your data: "), "{sms}");
    let wrong = browser.enter_code(&page, "000000").await.page().expect("error").expect("code-data");
    assert!(permitted_by(world, RIVAL, &person).await.is_none());
    let code = crate::support::sandbox::code_in(sms);
    let given = code_of(&browser.enter_code(&wrong, &code).await.away());
    let tokens = world.redeem(RIVAL, &given).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert!(told["phone_number"].is_string() && told.get("address").is_none(), "{told}");
    assert!(permitted_by(world, RIVAL, &person).await.expect("a consent").starts_with("code "));
    // It is remembered: the next time nothing is asked.
    code_of(&browser.begin(world, &asked(RIVAL).and("prompt", "none")).await.away());
}

async fn a_code_for_one_purpose_serves_no_other(world: &World) {
    let (mut browser, person, page) = at_code(world).await;
    let permission = world.sandbox.next_code(&person).await;
    // Another browser signs in at the same time with the same number.
    let mut other = world.browser();
    let entry = other.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let sign_in = world.sandbox.next_code(&person).await;
    if sign_in != permission {
        other.enter_code(&entry, &permission).await.page().expect("code").expect("error");
        browser.enter_code(&page, &sign_in).await.page().expect("code-data").expect("error");
    }
    // The form of one page at the address of the other: the step that is due stands.
    let mut url = page.url.clone();
    url.set_path("/sign-in/code");
    let fields = page.form("continue").fields("continue", &[("code", &permission)]);
    browser.post(&url, &fields).await.page().expect("code-data");
    code_of(&browser.enter_code(&page, &permission).await.away());
    code_of(&other.enter_code(&entry, &sign_in).await.away());
}

async fn what_is_permitted_is_what_the_code_page_shows(world: &World) {
    let (mut browser, person, first) = at_code(world).await;
    let code = world.sandbox.next_code(&person).await;
    // In another tab the person goes back and chooses something else; the code in force stays.
    let consent = browser.get(&first.link("change-choice")).await.page().expect("allow");
    let second =
        browser.press(&consent, "allow", &[("datum-address", TICKED)]).await.page().expect("code-data");
    assert!(second.text().contains("Address") && !second.text().contains("Phone number"), "{second}");
    // The first tab still shows the phone number: it permits nothing that it does not show.
    let shown = browser.enter_code(&first, &code).await.page().expect("code-data");
    assert!(shown.text().contains("Address"), "{shown}");
    let given = code_of(&browser.enter_code(&shown, &code).await.away());
    let tokens = world.redeem(RIVAL, &given).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert!(told["address"].is_object() && told.get("phone_number").is_none(), "{told}");
    world.nothing_more_came(&[&person]).await;
}

async fn a_permission_can_be_changed_refused_and_cancelled(world: &World) {
    let (mut browser, person, page) = at_code(world).await;
    let consent = browser.get(&page.link("change-choice")).await.page().expect("deny");
    let url = browser.press(&consent, "deny", &[]).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    let (mut other, somebody, page) = at_code(world).await;
    let url = other.get(&page.link("cancel")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    for person in [person, somebody] {
        assert!(permitted_by(world, RIVAL, &person).await.is_none());
    }
}

async fn of_two_with_the_same_code_one_permits(world: &World) {
    let (browser, person, page) = at_code(world).await;
    let code = world.sandbox.next_code(&person).await;
    let (mut one, mut two) = (browser.clone(), browser);
    let (first, second) =
        futures_util::future::join(one.enter_code(&page, &code), two.enter_code(&page, &code)).await;
    let away = |step: &Step| matches!(step, Step::Away(url) if param(url, "code").is_some());
    assert!(away(&first) || away(&second), "{first:?} {second:?}");
    for step in [first, second] {
        match step {
            Step::Away(url) => drop(code_of(&url)),
            Step::Page(page) => assert!(page.status < 500, "{page}"),
        }
    }
    let listed = world.command(&["consents", "list", &person.number]);
    assert_eq!(listed.lines().filter(|line| line.contains(" rival ")).count(), 1, "{listed}");
}

async fn after_signing_out_no_code_permits_anything(world: &World) {
    let (mut browser, person, page) = at_code(world).await;
    let code = world.sandbox.next_code(&person).await;
    let front = browser.open("/").await.page().expect("signout");
    browser.press(&front, "signout", &[]).await.page().expect("signed-out");
    browser.enter_code(&page, &code).await.page().expect("phone");
    assert!(permitted_by(world, RIVAL, &person).await.is_none());
}

async fn a_registration_may_let_a_button_permit(setup: Setup) {
    let world = setup.client("easy", "permission = \"click\"\n").start().await;
    let (mut browser, person) = (world.browser(), world.person());
    code_of(&browser.sign_in(&world, &Asked::by(SHOP), &person).await);
    let page = browser.begin(&world, &Asked::by("easy")).await.page().expect("other");
    let page = browser.press(&page, "continue", &[]).await.page().expect("allow");
    assert!(!page.text().contains("enter the code"), "{page}");
    code_of(&browser.press(&page, "allow", &[]).await.away());
    assert_eq!(permitted_by(&world, "easy", &person).await.as_deref(), Some("click -"));
    world.nothing_more_came(&[&person]).await;
}

async fn a_code_for_a_permission_expires_and_can_be_sent_again(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, person, page) = at_code(&world).await;
    let first = world.sandbox.next_code(&person).await;
    world.advance(180).await;
    let expired = browser.enter_code(&page, &first).await.page().expect("error").expect("resend");
    let again = browser.press(&expired, "resend", &[]).await.page().expect("code-data");
    let second = world.sandbox.next_code(&person).await;
    if first != second {
        browser.enter_code(&again, &first).await.page().expect("error");
    }
    code_of(&browser.enter_code(&again, &second).await.away());
}

async fn codes_for_permissions_are_limited_like_others(setup: Setup) {
    let world = setup.set("limits.sends_per_number_10m", 1).start().await;
    let (mut browser, person, page) = at_code(&world).await;
    world.sandbox.next_code(&person).await;
    // One code signed in, in a browser of a stranger; one is for this permission, in a known one: that is all for both.
    world.advance(31).await;
    browser.press(&page, "resend", &[]).await.page().expect_status(429).expect("error");
    // Six tries at the code that was sent, of which the last is none. The press that was refused was none either.
    for _ in 0..4 {
        browser.enter_code(&page, "000000").await.page().expect("code-data").expect("error");
    }
    for _ in 0..2 {
        let spent = browser.enter_code(&page, "000000").await.page().expect("error").expect("resend");
        assert!(spent.text().contains("Too many wrong codes") && !spent.has("code"), "{spent}");
    }
    until("the wrong codes in the audit log", async || {
        let rows = world.audit_rows().await;
        let of = |event: &str| rows.iter().filter(|row| row.event == event).count();
        (of("sign_in.wrong_code") == 5 && of("sign_in.code_refused") == 1).then_some(())
    })
    .await;
    assert!(permitted_by(&world, RIVAL, &person).await.is_none());
}
