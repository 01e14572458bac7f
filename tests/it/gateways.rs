//! SMS gateways that fail, are slow or report wrongly: exactly one message, and pages that never wait for them.

use crate::support::client_file::{RIVAL, SHOP};
use crate::support::wait::until;
use crate::support::{Asked, Person, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    the_second_gateway_takes_over_and_sends_once,
    a_slow_gateway_does_not_slow_the_page,
    receipts_of_both_gateways_are_taken,
    lost_and_doubled_receipts_change_nothing,
);

/// Signs in whatever the gateways do, and fails unless exactly one message came, by `gateway`.
async fn signs_in_by(world: &World, gateway: &str) {
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let message = world.sandbox.next_message(&person).await;
    assert_eq!(message["gateway"], gateway);
    let code = crate::support::sandbox::code_in(message["text"].as_str().expect("a text"));
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    code_of(&browser.press(&page, "allow", &[]).await.away());
    world.nothing_more_came(&[&person]).await;
}

async fn the_second_gateway_takes_over_and_sends_once(setup: Setup) {
    let world = setup.start().await;
    signs_in_by(&world, "eskiz").await;
    world.sandbox.switch(&[("eskiz.expire_tokens", "1")]).await;
    world.sandbox.switch(&[("eskiz.expire_tokens", "0")]).await;
    signs_in_by(&world, "eskiz").await;
    for trouble in ["eskiz.fail", "eskiz.refuse"] {
        world.sandbox.switch(&[("reset", "1"), (trouble, "1")]).await;
        signs_in_by(&world, "playmobile").await;
    }
}

async fn a_slow_gateway_does_not_slow_the_page(setup: Setup) {
    let world = setup.start().await;
    world.sandbox.switch(&[("eskiz.delay_ms", "3000"), ("playmobile.delay_ms", "3000")]).await;
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    // Eskiz signs in and sends, each with its delay; the page was there first.
    assert_eq!(world.metric("yagona_sms_sends_total", &[]).await, 0.0, "the page waited for the gateway");
    let slow = until("the notice that delivery is slow", async || {
        let page = browser.get(&page.url).await.page().expect("code");
        page.body.contains("note caution").then_some(page)
    });
    slow.await;
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
    world.sandbox.switch(&[("reset", "1")]).await;
    world.nothing_more_came(&[&person]).await;
}

/// Waits until so many deliveries were reported in all.
async fn until_reported(world: &World, gateway: &str, count: f64) {
    until(&format!("{count} reports of {gateway}"), async || {
        let labels = [gateway, "delivered"];
        (world.metric("yagona_sms_deliveries_total", &labels).await == count).then_some(())
    })
    .await;
}

async fn receipts_of_both_gateways_are_taken(setup: Setup) {
    let world = setup.start().await;
    // Two messages each: the person's own and the one after which nothing more may come.
    signs_in_by(&world, "eskiz").await;
    until_reported(&world, "eskiz", 2.0).await;
    world.sandbox.switch(&[("eskiz.refuse", "1")]).await;
    signs_in_by(&world, "playmobile").await;
    until_reported(&world, "playmobile", 2.0).await;
    // Without the secret of the callback URL nothing can be reported.
    let receipt = serde_json::json!([{"message-id": "a", "channel-code": "SMS", "status": "Delivered"}]);
    let path = "/callbacks/sms/guessed/playmobile/status";
    let request = world.browser().request(reqwest::Method::POST, &world.url(path)).json(&receipt);
    assert_eq!(request.send().await.expect("an answer").status(), 404);
    until_reported(&world, "playmobile", 2.0).await;
}

async fn lost_and_doubled_receipts_change_nothing(setup: Setup) {
    let world = setup.start().await;
    world.sandbox.switch(&[("eskiz.lose_receipts", "1")]).await;
    signs_in_by(&world, "eskiz").await;
    world.sandbox.switch(&[("reset", "1"), ("eskiz.duplicate", "1")]).await;
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let (first, second): (String, String) = both(&world, &person).await;
    assert_eq!(first, second, "the gateway doubled one message");
    // A repeated report counts once; the lost one of before never came.
    until_reported(&world, "eskiz", 1.0).await;
    browser.enter_code(&page, &first).await.page().expect("allow");
    // A message that is accepted and never arrives leaves the way to a new one open.
    world.sandbox.switch(&[("reset", "1"), ("eskiz.drop", "1")]).await;
    let person = world.person();
    let page = browser.begin_with_number(&world, &Asked::by(RIVAL).and("prompt", "login"), &person).await;
    until("the message to be lost", async || {
        (world.metric("yagona_sms_sends_total", &["eskiz", "accepted"]).await == 4.0).then_some(())
    })
    .await;
    world.sandbox.switch(&[("reset", "1")]).await;
    world.advance(30).await;
    let page = browser.press(&page, "resend", &[]).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
    world.nothing_more_came(&[&person]).await;
    // One report for the doubled message, one for the new code, one for the message after which nothing more came.
    until_reported(&world, "eskiz", 3.0).await;
}

async fn both(world: &World, person: &Person) -> (String, String) {
    (world.sandbox.next_code(person).await, world.sandbox.next_code(person).await)
}
