//! A sign-in attempt before a number is entered: nothing is stored, its address carries it.

use reqwest::Url;
use serde_json::Value;

use crate::support::client_file::SHOP;
use crate::support::flow::{code_of, param};
use crate::support::wait::until;
use crate::support::{Asked, Page, World, on_both_backends};

on_both_backends!(
    opening_requests_stores_nothing_and_an_honest_person_signs_in,
    a_request_too_large_for_an_address_is_refused,
    an_address_serves_the_browser_that_began_and_nobody_else,
    an_altered_address_is_none,
    of_two_tabs_with_the_same_address_one_enters_a_number,
    what_was_typed_and_the_language_are_kept_without_being_stored,
    a_request_that_was_never_stored_can_be_cancelled,
    whoever_knows_an_address_uses_up_no_tries,
);

/// The name of the attempt in a page's address.
fn name(page: &Page) -> String {
    param(&page.url, "t").expect("an attempt")
}

/// The longest state and nonce that requests may have together.
fn long() -> Asked {
    Asked::by(SHOP).with("state", &"s".repeat(1800)).with("nonce", &"n".repeat(200))
}

async fn opening_requests_stores_nothing_and_an_honest_person_signs_in(world: &World) {
    let node = &world.nodes[0];
    let trips = async || {
        let by = node.metric_by("yagona_redis_round_trips_total", "cause").await;
        by.get("authorize").copied().unwrap_or_default()
    };
    // Others ask this node as well, so a few requests by themselves are looked for; if each cost something, there were none.
    let mut costs = Vec::new();
    for _ in 0..20 {
        let before = trips().await;
        for _ in 0..10 {
            let page = world.browser().begin(world, &long()).await.page();
            assert!(page.has("phone"), "{page}");
        }
        costs.push(trips().await - before);
    }
    assert!(costs.contains(&0.0), "a store was asked: {costs:?}");
    let person = world.person();
    let url = world.browser().sign_in(world, &long(), &person).await;
    assert_eq!(param(&url, "state"), Some("s".repeat(1800)), "as it came");
    world.redeem(SHOP, &code_of(&url)).await.granted();
}

async fn a_request_too_large_for_an_address_is_refused(world: &World) {
    let asked = Asked::by(SHOP).with("state", &"s".repeat(2000)).with("nonce", &"n".repeat(1000));
    let counted =
        async || world.metric("yagona_sign_ins_total", &["\"answer\"", "\"invalid_request\""]).await;
    let before = counted().await;
    let url = world.browser().begin(world, &asked).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"));
    let description = param(&url, "error_description").unwrap();
    assert!(description.contains("too large") && description.contains("state"), "{description}");
    assert_eq!(param(&url, "state"), Some("s".repeat(2000)));
    assert!(counted().await > before, "the answer is counted");
    until("the refusal to be recorded", async || {
        let rows = world.audit_rows().await;
        let refused = rows.iter().filter(|row| row.event == "authorization.refused").map(|row| &row.content);
        let of = |row: &&Value| row["client.id"] == SHOP && row["oidc.error"] == "invalid_request";
        let reason = |row: &&Value| row["reason"].as_str().is_some_and(|why| why.contains("too large"));
        refused.filter(of).any(|row| reason(&row)).then_some(())
    })
    .await;
}

async fn an_address_serves_the_browser_that_began_and_nobody_else(world: &World) {
    let mut victim = world.browser();
    let page = victim.begin(world, &Asked::by(SHOP)).await.page();
    let mut thief = world.browser();
    let shown = thief.get(&page.url).await.page();
    assert!(!shown.has("phone") && shown.status == 403, "{} {shown}", shown.status);
    assert!(victim.get(&page.url).await.page().has("phone"));
}

async fn an_altered_address_is_none(world: &World) {
    let mut browser = world.browser();
    let page = browser.begin(world, &Asked::by(SHOP)).await.page();
    let sealed = name(&page);
    let last = if sealed.ends_with('A') { "B" } else { "A" };
    let altered = format!("{}{last}", &sealed[..sealed.len() - 1]);
    for name in [altered.as_str(), &sealed[..sealed.len() - 4], "AAAA", ""] {
        let mut url: Url = page.url.clone();
        url.query_pairs_mut().clear().append_pair("t", name).append_pair("service", SHOP);
        let shown = browser.get(&url).await.page();
        assert!(!shown.has("phone") && shown.status == 410, "{name}: {} {shown}", shown.status);
    }
}

async fn of_two_tabs_with_the_same_address_one_enters_a_number(world: &World) {
    let (mut browser, person, other) = (world.browser(), world.person(), world.person());
    let page = browser.begin(world, &Asked::by(SHOP)).await.page();
    let code_page = browser.enter_number(&page, &person.number).await.page().expect("code");
    assert_eq!(name(&code_page).len(), 43, "an identifier: the attempt is stored");
    let code = world.sandbox.next_code(&person).await;
    // The tab that was left open goes on with the stored attempt: the number is changed, the former code is void.
    let changed = browser.enter_number(&page, &other.number).await.page().expect("code");
    assert_eq!(name(&changed), name(&code_page));
    let wrong = browser.enter_code(&changed, &code).await.page();
    assert!(wrong.has("code"), "the code of the other number opens nothing: {wrong}");
    let code = world.sandbox.next_code(&other).await;
    let mut step = browser.enter_code(&wrong, &code).await;
    if let crate::support::Step::Page(consent) = step {
        step = browser.press(&consent, "allow", &[]).await;
    }
    code_of(&step.away());
    // Once it is finished, its first address leads to no second answer of another number.
    let again = browser.enter_number(&page, &person.number).await;
    assert!(
        !matches!(&again, crate::support::Step::Page(page) if page.has("code")),
        "a finished attempt goes on"
    );
}

async fn what_was_typed_and_the_language_are_kept_without_being_stored(world: &World) {
    let mut browser = world.browser();
    let page = browser.begin(world, &Asked::by(SHOP).and("ui_locales", "en")).await.page();
    let wrong = browser.enter_number(&page, "12 34").await.page().expect("phone");
    assert!(name(&wrong).len() > 43, "still in the address");
    assert!(wrong.body.contains("value=\"12 34\""), "{wrong}");
    let mut url = wrong.url.clone();
    url.query_pairs_mut().append_pair("lang", "ru");
    let russian = browser.get(&url).await.page().expect("phone");
    assert!(russian.body.contains("lang=\"ru\"") && russian.body.contains("value=\"12 34\""), "{russian}");
    let person = world.person();
    let code_page = browser.enter_number(&russian, &person.number).await.page().expect("code");
    assert!(code_page.body.contains("lang=\"ru\""), "{code_page}");
}

async fn a_request_that_was_never_stored_can_be_cancelled(world: &World) {
    let mut browser = world.browser();
    let page = browser.begin(world, &Asked::by(SHOP)).await.page();
    let url = browser.get(&page.link("cancel")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(param(&url, "state").as_deref(), Some("state-state-state"));
}

async fn whoever_knows_an_address_uses_up_no_tries(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let mut stranger = world.browser();
    stranger.begin(world, &Asked::by(SHOP)).await.page();
    for mut thief in [world.browser(), stranger] {
        for _ in 0..5 {
            thief.enter_code(&page, "000000").await.page().expect_status(403);
        }
    }
    let step = browser.enter_code(&page, &code).await;
    assert!(
        matches!(&step, crate::support::Step::Page(page) if page.has("allow")),
        "the right code is used up"
    );
}
