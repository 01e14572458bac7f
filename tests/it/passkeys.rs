//! Passkeys of people: added in the cabinet, used to sign in and as a second factor, and what is wrong with them in every way.

use serde_json::Value;
use yagona::audit::Kind;

use crate::support::authenticator::Authenticator;
use crate::support::client_file::{LENDER, SHOP};
use crate::support::wait::until;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, jwt, on_both_backends,
};

on_both_backends!(
    a_passkey_is_added_named_used_and_removed,
    a_passkey_signs_in_without_a_number_and_is_told_as_what_it_is,
    what_a_passkey_signed_is_taken_once_at_its_own_browser_and_of_this_site,
    an_authenticator_that_verified_nobody_is_refused,
    a_copy_of_a_passkey_is_refused_and_the_passkey_removed,
    a_passkey_is_the_second_factor_of_its_own_person_alone,
    a_session_that_a_removed_passkey_opened_ends,
    who_has_a_passkey_proves_more_than_a_code_before_they_add_another,
    nobody_has_more_than_ten,
    r3_a_lender_accepts_a_passkey_and_offers_it_after_the_number,
);
alone_on_both_backends!(a_passkey_that_was_added_on_a_code_alone_waits,);

const PLUS: &str = "urn:yagona:acr:mobile-id+";

impl World {
    /// A person with a passkey, and the browser in whose cabinet it was added, on a code alone.
    pub(crate) async fn passkey_of(&self, person: &Person) -> (Browser, Authenticator) {
        let mut browser = self.browser();
        let page = browser.enter_cabinet(self, "/cabinet/passkeys/add", person).await.expect("use-passkey");
        let mut key = Authenticator::new(&browser);
        key.answer(&mut browser, &page).await.page().expect_status(200).expect("said");
        (browser, key)
    }
}

impl Browser {
    /// From a service's link to the page of the passkey.
    pub(crate) async fn at_passkey(&mut self, world: &World, asked: &Asked) -> Page {
        let page = self.begin(world, asked).await.page();
        if page.has("use-passkey") {
            return page;
        }
        self.get(&page.link("passkey")).await.page().expect("use-passkey")
    }
}

fn fields<'a>(signed: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    signed.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn claims(world: &World, url: &url::Url) -> Value {
    let tokens = world.redeem(SHOP, &code_of(url)).await.granted();
    jwt::verify(tokens.get("id_token"), &world.keys().await).claims
}

fn listed(page: &Page) -> usize {
    page.forms().iter().filter(|form| form.action.ends_with("/rename")).count()
}

async fn a_passkey_is_added_named_used_and_removed(world: &World) {
    let person = world.person();
    let (mut browser, mut key) = world.passkey_of(&person).await;
    let page = browser.cabinet("/cabinet/passkeys").await;
    assert_eq!(listed(&page), 1);
    assert!(page.text().contains("on one device") && !page.text().contains("Last used"), "{page}");
    let rename = page.forms().into_iter().find(|form| form.action.ends_with("/rename")).expect("a form");
    let button = rename.controls.iter().find(|control| control.id.starts_with("rename-")).expect("a button");
    let page = browser.press(&page, &button.id, &[("label", "My laptop")]).await.page().expect("said");
    assert!(page.text().contains("My laptop"), "{page}");
    world.notices_of(&person, "passkey_added", 0).await;
    world.notices_of(&person, "passkey_waits", 1).await;
    // Used, it says when.
    let mut other = world.browser();
    let page = other.open("/cabinet/passkeys").await.page();
    let page = if page.has("use-passkey") { page } else { other.get(&page.link("passkey")).await.page() };
    let page = key.answer(&mut other, &page).await.page().expect_status(200).expect("menu");
    assert!(page.text().contains("Last used"), "{page}");
    let remove = page.forms().into_iter().find(|form| form.action.ends_with("/remove")).expect("a form");
    let button = remove.controls.iter().find(|control| control.id.starts_with("remove-")).expect("a button");
    let page = other.press(&page, &button.id, &[]).await.page().expect("said").expect("empty");
    assert_eq!(listed(&page), 0);
    world.notices_of(&person, "passkey_removed", 1).await;
    let mine = |row: &Value, kept: &Value| row["person.id"] == kept["person.id"];
    let added = world.audited(Kind::PasskeyAdded).await;
    let removed = world.audited(Kind::PasskeyRemoved).await;
    assert!(removed.iter().any(|row| row["reason"] == "person" && added.iter().any(|kept| mine(row, kept))));
    // It signs nobody in any more.
    let mut browser = world.browser();
    let page = browser.at_passkey(world, &Asked::by(SHOP)).await;
    key.answer(&mut browser, &page).await.page().expect("error").expect("use-passkey");
}

async fn a_passkey_signs_in_without_a_number_and_is_told_as_what_it_is(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(world, &asked, &person).await;
    let (_, mut key) = world.passkey_of(&person).await;
    let mut browser = world.browser();
    let page = browser.at_passkey(world, &asked).await;
    let asked_for = Authenticator::asked(&page);
    assert_eq!(asked_for["credentials"], Value::Array(Vec::new()), "any that the browser has");
    let url = key.answer(&mut browser, &page).await.away();
    let claims = claims(world, &url).await;
    assert_eq!(claims["acr"], "urn:yagona:acr:passkey");
    assert_eq!(claims["amr"], serde_json::json!(["hwk", "user", "mfa"]));
    // The browser remembers what was used, and nothing of whom.
    assert_eq!(browser.cookie("__Host-yagona-means"), "passkey");
    // A key that may be copied is one that software protects.
    let person = world.person();
    world.browser().sign_in(world, &asked, &person).await;
    let mut made = world.browser();
    let page = made.enter_cabinet(world, "/cabinet/passkeys/add", &person).await.expect("use-passkey");
    let mut key = Authenticator::new(&made);
    key.flags = 0x1d;
    key.answer(&mut made, &page).await.page().expect_status(200).expect("said");
    let mut browser = world.browser();
    let page = browser.at_passkey(world, &asked).await;
    let url = key.answer(&mut browser, &page).await.away();
    assert_eq!(self::claims(world, &url).await["amr"], serde_json::json!(["swk", "user", "mfa"]));
}

async fn what_a_passkey_signed_is_taken_once_at_its_own_browser_and_of_this_site(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(world, &asked, &person).await;
    let (_, mut key) = world.passkey_of(&person).await;
    let mut browser = world.browser();
    let page = browser.at_passkey(world, &asked).await;
    let signed = key.sign(&Authenticator::asked(&page));
    // Neither at another browser nor in another sign-in; and it is used up by the try.
    let mut other = world.browser();
    let theirs = other.at_passkey(world, &asked).await;
    other.press(&theirs, "use-passkey", &fields(&signed)).await.page().expect("error");
    browser.press(&page, "use-passkey", &fields(&signed)).await.page().expect("error");
    let page = browser.at_passkey(world, &asked).await;
    let signed = key.sign(&Authenticator::asked(&page));
    let second = browser.at_passkey(world, &asked).await;
    browser.press(&second, "use-passkey", &fields(&signed)).await.page().expect("error");
    // Right, and then the same once more.
    let page = browser.at_passkey(world, &asked).await;
    let signed = key.sign(&Authenticator::asked(&page));
    browser.press(&page, "use-passkey", &fields(&signed)).await.away();
    let again = other.at_passkey(world, &asked).await;
    other.press(&again, "use-passkey", &fields(&signed)).await.page().expect("error");
    // What was signed on another site's page, and for another person.
    let page = other.at_passkey(world, &asked).await;
    key.origin = "https://evil.uz".to_owned();
    key.answer(&mut other, &page).await.page().expect("error");
    key.origin = other.origin();
    let page = other.at_passkey(world, &asked).await;
    let mut signed = key.sign(&Authenticator::asked(&page));
    signed.retain(|(name, _)| *name != "user");
    signed.push(("user", jwt::encode(&[7; 32])));
    other.press(&page, "use-passkey", &fields(&signed)).await.page().expect("error");
    assert!(other.cookies().keys().all(|name| !name.contains("session")), "{:?}", other.cookies());
    for why in ["another site's page", "used or too old", "another person's", "another ceremony's"] {
        until(why, async || {
            let refused = world.audited(Kind::PasskeyRefused).await;
            let says = |row: &Value| row["detail"].as_str().is_some_and(|said| said.contains(why));
            refused.iter().any(says).then_some(())
        })
        .await;
    }
}

async fn an_authenticator_that_verified_nobody_is_refused(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(world, &asked, &person).await;
    let (_, mut key) = world.passkey_of(&person).await;
    let mut browser = world.browser();
    let page = browser.at_passkey(world, &asked).await;
    key.flags = 0x01;
    key.answer(&mut browser, &page).await.page().expect("error");
    // Whether it may be copied is what it was when it was made.
    key.flags = 0x0d;
    let page = browser.at_passkey(world, &asked).await;
    key.answer(&mut browser, &page).await.page().expect("error");
    key.flags = 0x05;
    let page = browser.at_passkey(world, &asked).await;
    key.answer(&mut browser, &page).await.away();
    // None is made without verification either.
    let mut cabinet = world.browser();
    let other = world.person();
    let page = cabinet.enter_cabinet(world, "/cabinet/passkeys/add", &other).await.expect("use-passkey");
    let mut unverified = Authenticator::new(&cabinet);
    unverified.flags = 0x01;
    let page = unverified.answer(&mut cabinet, &page).await.page().expect("said").expect("empty");
    assert!(page.text().contains("was not added"), "{page}");
}

async fn a_copy_of_a_passkey_is_refused_and_the_passkey_removed(world: &World) {
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(world, &asked, &person).await;
    let (mut cabinet, mut key) = world.passkey_of(&person).await;
    let mut browser = world.browser();
    let page = browser.at_passkey(world, &asked).await;
    key.counter = 40;
    key.answer(&mut browser, &page).await.away();
    // A copy counts on from where it was made.
    let mut thief = world.browser();
    let page = thief.at_passkey(world, &asked).await;
    key.counter = 7;
    let page = key.answer(&mut thief, &page).await.page().expect("error");
    // Of two who have the key, the one who came first may have been the thief: that session ends as well.
    let silent = browser.begin(world, &asked.clone().and("prompt", "none")).await.away();
    assert_eq!(crate::support::param(&silent, "error").as_deref(), Some("login_required"));
    assert!(page.text().contains("may have a copy"), "{page}");
    assert!(thief.cookies().keys().all(|name| !name.contains("session")));
    // Neither of the two is of use from then on, and the person is told.
    let mut again = world.browser();
    let page = again.at_passkey(world, &asked).await;
    key.counter = 41;
    key.answer(&mut again, &page).await.page().expect("error");
    world.notices_of(&person, "passkey_copied", 1).await;
    world.until_audited(Kind::PasskeyRemoved, "reason", "copied").await;
    assert!(!cabinet.open("/cabinet").await.page().has("menu"), "whatever began before has ended");
    world.browser().enter_cabinet(world, "/cabinet/passkeys", &person).await.expect("empty");
}

async fn a_passkey_is_the_second_factor_of_its_own_person_alone(world: &World) {
    let (person, other) = (world.person(), world.person());
    world.browser().sign_in(world, &Asked::by(SHOP), &person).await;
    let (_, mut key) = world.passkey_of(&person).await;
    let (_, mut theirs) = world.passkey_of(&other).await;
    let asked = Asked::by(SHOP)
        .and("acr_values", PLUS)
        .and("claims", &format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{PLUS}"]}}}}}}"#));
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, &asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page();
    let page = if page.has("use-passkey") { page } else { browser.get(&page.link("passkey")).await.page() };
    let page = page.expect("use-passkey");
    // The browser is asked for one of this person's, and another's is refused.
    let asked_for = Authenticator::asked(&page);
    assert_eq!(asked_for["credentials"][0]["id"], key.credential());
    assert_eq!(asked_for["credentials"].as_array().map(Vec::len), Some(1));
    let page = theirs.answer(&mut browser, &page).await.page().expect("error").expect("use-passkey");
    let url = match key.answer(&mut browser, &page).await {
        Step::Away(url) => url,
        Step::Page(page) => browser.allow_everything(&page).await.away(),
    };
    let claims = claims(world, &url).await;
    assert_eq!(claims["acr"], PLUS);
    let amr: Vec<&str> = claims["amr"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for method in ["sms", "otp", "hwk", "user", "mfa"] {
        assert!(amr.contains(&method), "{amr:?}");
    }
}

async fn r3_a_lender_accepts_a_passkey_and_offers_it_after_the_number(world: &World) {
    let (person, asked) = (world.person(), Asked::by(LENDER));
    let (_, mut key) = world.passkey_of(&person).await;
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, &asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page();
    let page = if page.has("use-passkey") { page } else { browser.get(&page.link("passkey")).await.page() };
    let page = key.answer(&mut browser, &page).await.page().expect("allow");
    let url = browser.allow_everything(&page).await.away();
    assert!(crate::support::param(&url, "code").is_some(), "{url}");
    // And by itself.
    let mut browser = world.browser();
    let page = browser.at_passkey(world, &asked).await;
    let url = key.answer(&mut browser, &page).await.away();
    assert!(crate::support::param(&url, "code").is_some(), "{url}");
}

async fn a_session_that_a_removed_passkey_opened_ends(world: &World) {
    let person = world.person();
    let (mut cabinet, mut key) = world.passkey_of(&person).await;
    let mut lost = world.browser();
    let page = lost.open("/cabinet").await.page();
    let page = lost.get(&page.link("passkey")).await.page();
    key.answer(&mut lost, &page).await.page().expect("menu");
    let page = cabinet.cabinet("/cabinet/passkeys").await;
    let remove = page.forms().into_iter().find(|form| form.action.ends_with("/remove")).expect("a form");
    let button = remove.controls.iter().find(|control| control.id.starts_with("remove-")).expect("a button");
    // Only a passkey is removed here, whatever else the form names.
    let named = |id: &str| -> Vec<(String, String)> {
        let fields = remove.fields(&button.id, &[]).into_iter();
        fields
            .map(|(name, value)| if name == "passkey" { (name, id.to_owned()) } else { (name, value) })
            .collect()
    };
    let url = page.url.join(&remove.action).expect("a URL");
    let said = cabinet.post(&url, &named("another")).await.page().expect("said");
    assert_eq!(listed(&said), 1);
    cabinet.press(&page, &button.id, &[]).await.page().expect("said").expect("empty");
    assert!(!lost.open("/cabinet").await.page().has("menu"));
    cabinet.cabinet("/cabinet").await;
}

async fn who_has_a_passkey_proves_more_than_a_code_before_they_add_another(world: &World) {
    let person = world.person();
    let (mut browser, mut key) = world.passkey_of(&person).await;
    let page = browser.cabinet("/cabinet/passkeys/add").await.expect("step-up");
    assert!(!page.has("use-passkey"));
    let page = browser.press(&page, "step-up", &[]).await.page();
    let page = if page.has("use-passkey") { page } else { browser.get(&page.link("passkey")).await.page() };
    let page = key.answer(&mut browser, &page).await.page().expect_status(200).expect("use-passkey");
    assert_eq!(page.url, world.url("/cabinet/passkeys/add"));
    // What rests on more than a code works at once; this device's own is not made twice.
    assert!(!page.has("waits"), "{page}");
    assert_eq!(Authenticator::asked(&page)["credentials"][0]["id"], key.credential());
    let mut second = Authenticator::new(&browser);
    let page = second.answer(&mut browser, &page).await.page().expect("said");
    assert_eq!(listed(&page), 2);
    world.notices_of(&person, "passkey_added", 1).await;
    // The page of another session cannot be answered here.
    let mut elsewhere = world.browser();
    let page = elsewhere.open("/cabinet/passkeys/add").await.page();
    let page = elsewhere.get(&page.link("passkey")).await.page();
    let page = second.answer(&mut elsewhere, &page).await.page().expect("use-passkey");
    let here = browser.cabinet("/cabinet/passkeys/add").await;
    let mut third = Authenticator::new(&browser);
    let made = third.make(&Authenticator::asked(&page));
    let page = browser.press(&here, "use-passkey", &fields(&made)).await.page().expect("said");
    assert!(page.text().contains("was not added"), "{page}");
    assert_eq!(listed(&page), 2);
}

async fn nobody_has_more_than_ten(world: &World) {
    let person = world.person();
    let (mut browser, mut key) = world.passkey_of(&person).await;
    let page = browser.cabinet("/cabinet/passkeys/add").await;
    let page = browser.press(&page, "step-up", &[]).await.page();
    let page = if page.has("use-passkey") { page } else { browser.get(&page.link("passkey")).await.page() };
    let mut page = key.answer(&mut browser, &page).await.page().expect("use-passkey");
    let spare = browser.cabinet("/cabinet/passkeys/add").await;
    for _ in 0..9 {
        let mut next = Authenticator::new(&browser);
        next.answer(&mut browser, &page).await.page().expect("said");
        page = browser.cabinet("/cabinet/passkeys/add").await;
    }
    let full = browser.cabinet("/cabinet/passkeys").await.expect("full");
    assert!(listed(&full) == 10 && !full.has("add-passkey"), "{full}");
    let page = Authenticator::new(&browser).answer(&mut browser, &spare).await.page().expect("full");
    assert_eq!(listed(&page), 10);
}

async fn a_passkey_that_was_added_on_a_code_alone_waits(setup: Setup) {
    let world = setup.set("accounts.new_means_wait_hours", 72).start().await;
    let (person, asked) = (world.person(), Asked::by(SHOP));
    world.browser().sign_in(&world, &asked, &person).await;
    let mut browser = world.browser();
    let page = browser.enter_cabinet(&world, "/cabinet/passkeys/add", &person).await.expect("waits");
    let mut key = Authenticator::new(&browser);
    let page = key.answer(&mut browser, &page).await.page().expect("said");
    assert!(page.text().contains("Works from"), "{page}");
    world.notices_of(&person, "passkey_waits", 1).await;
    // Whoever took the number over gains nothing by it until its owner was told and had time.
    let mut thief = world.browser();
    let page = thief.at_passkey(&world, &asked).await;
    let page = key.answer(&mut thief, &page).await.page().expect("error");
    assert!(page.text().contains("cannot be used yet"), "{page}");
    world.advance(72 * 3600).await;
    let mut browser = world.browser();
    let page = browser.at_passkey(&world, &asked).await;
    key.answer(&mut browser, &page).await.away();
}
