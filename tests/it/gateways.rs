//! SMS gateways that fail, lag or lie: one message each time, and a page that never waits for them.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::client_file::SHOP;
use crate::support::wait::until;
use crate::support::{Asked, Person, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    the_second_gateway_takes_over_and_sends_once,
    a_slow_gateway_does_not_slow_the_page,
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
    world.sandbox.nothing_came(&person).await;
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

async fn quickly<T>(what: &str, doing: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = doing.await;
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(1500), "{what} took {took:?}");
    done
}

async fn a_slow_gateway_does_not_slow_the_page(setup: Setup) {
    let world = setup.start().await;
    world.sandbox.switch(&[("eskiz.delay_ms", "3000"), ("playmobile.delay_ms", "3000")]).await;
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    let page = quickly("the page", browser.enter_number(&page, &person.number)).await.page().expect("code");
    let slow = until("the notice that delivery is slow", async || {
        let page = browser.get(&page.url).await.page().expect("code");
        page.body.contains("note caution").then_some(page)
    });
    slow.await;
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
    world.sandbox.nothing_came(&person).await;
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
    browser.enter_code(&page, &first).await.page().expect("allow");
    let delivered = async || world.metric("yagona_sms_deliveries_total", &["eskiz", "delivered"]).await;
    until("the report of its delivery", async || (delivered().await > 0.0).then_some(())).await;
    // A message that is accepted and never arrives leaves the way to a new one open.
    world.sandbox.switch(&[("reset", "1"), ("eskiz.drop", "1")]).await;
    world.browser().begin_with_number(&world, &Asked::by(SHOP), &world.person()).await.expect("resend");
    assert_eq!(delivered().await.to_bits(), 1_f64.to_bits(), "a report that was repeated counts once");
}

async fn both(world: &World, person: &Person) -> (String, String) {
    (world.sandbox.next_code(person).await, world.sandbox.next_code(person).await)
}
