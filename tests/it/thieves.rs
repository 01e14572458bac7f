//! What thieves get, and how the owner learns of it: of a stolen password, of a stolen phone or a SIM card in other hands, and of a stolen
//! session cookie. As little as `docs/assurance.md` and `docs/cabinet.md` promise.

use crate::password::FIRST;
use crate::support::client_file::{LENDER, SHOP};
use crate::support::sandbox::code_in;
use crate::support::wait::until;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, on_both_backends, param,
};

on_both_backends!(a_stolen_password_opens_neither_the_cabinet_nor_new_data_nor_lending,);
alone_on_both_backends!(
    r3_a_stolen_phone_or_sim_gives_no_second_factor_and_no_loan,
    a_stolen_cookie_shows_no_whole_values_and_changes_nothing_and_is_ended_by_its_owner,
);

const SESSION: &str = "__Host-yagona-session";

/// The owner, with a password, in a browser of theirs.
async fn owner(world: &World) -> (Browser, Person) {
    let (mut browser, person) = (world.browser(), world.person());
    browser.set_password(world, &person, FIRST).await.expect_status(200).expect("said");
    (browser, person)
}

/// The next code; the owner's phone gets messages without one as well.
async fn next_code(world: &World, person: &Person) -> String {
    loop {
        let message = world.sandbox.next_message(person).await;
        let text = message["text"].as_str().expect("a text");
        if text.contains("\n@") {
            return code_in(text);
        }
    }
}

async fn hears_of_a_new_device(world: &World, person: &Person) {
    let told =
        async || world.notices(person).iter().any(|notice| notice["kind"] == "new_device").then_some(());
    until("a notice of a new device", told).await;
}

/// Whether a page wants a code from the owner's phone before it goes on.
fn wants_a_code(page: &Page) -> bool {
    page.has("phone") || page.has("code") || page.has("mobile_id")
}

async fn a_stolen_password_opens_neither_the_cabinet_nor_new_data_nor_lending(world: &World) {
    let (mut owner, person) = owner(world).await;
    let mut thief = world.browser();
    // A service that never got anything: allowing needs a code on the owner's phone.
    let page = thief.at_password(world, &Asked::by(SHOP)).await;
    let page = thief.enter_password(&page, &person.pinfl, FIRST).await.page().expect("allow");
    let page = thief.allow_everything(&page).await.page().expect("code");
    let page = thief.enter_code(&page, "123456").await.page().expect("error");
    assert_eq!(page.url.path(), "/sign-in/permission", "{page}");
    // The cabinet, although there is a session now, and whatever page of it.
    for path in ["/cabinet", "/cabinet/data", "/cabinet/means", "/cabinet/passkeys/add", "/cabinet/services"]
    {
        let page = thief.open(path).await.page();
        assert!(wants_a_code(&page) && !page.has("menu"), "{path}: {page}");
    }
    // A service in lending asks for the second factor, which the thief has not.
    let page = thief.begin(world, &Asked::by(LENDER)).await.page();
    assert!(wants_a_code(&page) && !page.has("allow"), "{page}");
    // The owner hears of the new browser.
    hears_of_a_new_device(world, &person).await;
    owner.cabinet("/cabinet/notices").await.expect("menu");
}

async fn r3_a_stolen_phone_or_sim_gives_no_second_factor_and_no_loan(setup: Setup) {
    let world = &setup.set("accounts.new_means_wait_hours", 72).start().await;
    let (_, person) = owner(world).await;
    let mut thief = world.browser();
    // Number and code sign in, as the one factor that they are.
    assert!(gets_no_loan(world, &mut thief, &person).await);
    // A password that the thief sets takes the place of the owner's, of which the owner is told; it is no second factor for days.
    let page = thief.open("/cabinet/means/password").await.page();
    let page = if page.has("phone") {
        let page = thief.enter_number(&page, &person.number).await.page().expect("code");
        let code = next_code(world, &person).await;
        thief.enter_code(&page, &code).await.page()
    } else {
        page
    };
    let typed = [("new", "uchinchi uzun parol bu"), ("repeat", "uchinchi uzun parol bu")];
    let page = thief.press(&page.expect("save"), "save", &typed).await.page();
    assert!(page.status < 500, "{page}");
    world.advance(60).await;
    assert!(gets_no_loan(world, &mut world.browser(), &person).await, "it counts only after the wait");
    // Nor where it is entered first and the code after it, and the session of both is no more than a code's.
    let mut other = world.browser();
    let page = other.at_password(world, &Asked::by(LENDER)).await;
    let step = match other.enter_password(&page, &person.pinfl, "uchinchi uzun parol bu").await {
        Step::Page(page) => {
            let page = if page.has("phone") { page } else { other.get(&page.link("mobile_id")).await.page() };
            let page = other.enter_number(&page, &person.number).await.page().expect("code");
            let code = next_code(world, &person).await;
            other.enter_code(&page, &code).await
        }
        away @ Step::Away(_) => away,
    };
    assert!(is_no_loan(step), "in that order as well");
    let page = other.open("/cabinet/passkeys/add").await.page();
    assert!(!page.has("use-passkey") || page.has("waits"), "what is added waits: {page}");
    hears_of_a_new_device(world, &person).await;
}

/// Whether number and code lead to nothing at a service in lending, but an error there or a demand for more.
async fn gets_no_loan(world: &World, browser: &mut Browser, person: &Person) -> bool {
    let page = browser.begin_with_number(world, &Asked::by(LENDER), person).await;
    let code = next_code(world, person).await;
    is_no_loan(browser.enter_code(&page, &code).await)
}

fn is_no_loan(step: Step) -> bool {
    match step {
        Step::Page(page) => {
            page.url.path() == "/sign-in/means" && !page.has("allow") && !page.has("password")
        }
        Step::Away(url) => param(&url, "error").as_deref() == Some("unmet_authentication_requirements"),
    }
}

async fn a_stolen_cookie_shows_no_whole_values_and_changes_nothing_and_is_ended_by_its_owner(setup: Setup) {
    let world = &setup.start().await;
    let (mut owner, person) = (world.browser(), world.person());
    owner.enter_cabinet(world, "/cabinet", &person).await.expect("menu");
    world.advance(400).await;
    let mut thief = world.browser();
    thief.plant(SESSION, &owner.cookie(SESSION));
    // What is on file is masked, and every page that could hurt wants a proof that the thief cannot give.
    let page = thief.open("/cabinet/data").await.page().expect("menu");
    assert!(!page.body.contains(&person.pinfl), "{page}");
    for path in ["/cabinet/means/password", "/cabinet/passkeys/add", "/cabinet/mobile-id/end"] {
        let page = thief.open(path).await.page();
        assert!(wants_a_code(&page) && !page.has("save"), "{path}: {page}");
    }
    // Signing out ends it for both, wherever that is done.
    let page = owner.open("/cabinet/sessions").await.page().expect("menu");
    let silent = Asked::by(SHOP).and("prompt", "none");
    let url = thief.begin(world, &silent).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("consent_required"), "no data without a code");
    let asked = owner.get(&page.link("sign-out")).await.page().expect("stay");
    owner.press(&asked, "continue", &[]).await.page().expect("signed-out");
    let page = thief.open("/cabinet").await.page();
    assert!(wants_a_code(&page) && !page.has("menu"), "{page}");
}
