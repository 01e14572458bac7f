//! Rate limits on messages, the same for enrolled and unknown numbers.

use crate::support::client_file::{RIVAL, SHOP};
use crate::support::people::Kind;
use crate::support::wait::until;
use crate::support::{Asked, Page, Person, Setup, World, alone_on_both_backends};

alone_on_both_backends!(
    a_number_gets_only_so_many_messages,
    an_address_causes_only_so_many_messages,
    a_client_causes_only_its_share,
    a_forged_address_opens_no_second_budget,
    a_rate_limited_client_ip_uses_up_no_other_budget,
    the_country_sends_only_so_many_messages,
    hourly_limits_survive_the_loss_of_short_lived_state_and_end_with_the_hour,
    after_five_wrong_codes_in_a_row_an_account_waits,
    a_numbers_ten_minutes_and_its_hour_end,
    an_addresss_five_minutes_end,
    the_hours_of_services_and_of_the_country_end,
);

async fn ask(world: &World, client: &str, person: &Person) -> Page {
    let mut browser = world.browser();
    let page = browser.begin(world, &Asked::by(client)).await.page().expect("phone");
    browser.enter_number(&page, &person.number).await.page()
}

pub(crate) fn assert_limited(page: &Page) {
    assert_eq!(page.status, 429, "{page}");
    assert!(page.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{page}");
    assert!(page.has("error"), "{page}");
}

async fn a_number_gets_only_so_many_messages(setup: Setup) {
    let world = setup.set("limits.sends_per_number_10m", 2).start().await;
    for kind in [Kind::Enrolled, Kind::Unknown, Kind::Blocked] {
        let person = world.somebody(kind);
        for _ in 0..2 {
            ask(&world, SHOP, &person).await.expect_status(200).expect("code");
            if kind == Kind::Enrolled {
                world.sandbox.next_code(&person).await;
            }
        }
        assert_limited(&ask(&world, RIVAL, &person).await);
        world.nothing_more_came(&[&person]).await;
    }
    ask(&world, SHOP, &world.person()).await.expect_status(200).expect("code");
}

async fn an_address_causes_only_so_many_messages(setup: Setup) {
    let world = setup.set("limits.sends_per_address_5m", 3).start().await;
    for _ in 0..3 {
        ask(&world, SHOP, &world.somebody(Kind::Unknown)).await.expect_status(200).expect("code");
    }
    assert_limited(&ask(&world, SHOP, &world.person()).await);
}

async fn a_client_causes_only_its_share(setup: Setup) {
    let world = setup.set("limits.sends_per_client_hour", 3).start().await;
    for _ in 0..3 {
        ask(&world, SHOP, &world.person()).await.expect_status(200).expect("code");
    }
    assert_limited(&ask(&world, SHOP, &world.person()).await);
    ask(&world, RIVAL, &world.person()).await.expect_status(200).expect("code");
    // No share keeps people from their own pages, where they end what is not theirs.
    for _ in 0..4 {
        let mut browser = world.browser();
        let page = browser.open("/cabinet").await.page().expect("phone");
        browser.enter_number(&page, &world.person().number).await.page().expect("code");
    }
}

async fn a_forged_address_opens_no_second_budget(setup: Setup) {
    let world = setup.set("limits.sends_per_address_5m", 2).start().await;
    for _ in 0..2 {
        ask(&world, SHOP, &world.somebody(Kind::Unknown)).await.expect_status(200).expect("code");
    }
    for (name, value) in
        [("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"), ("X-Real-IP", "203.0.113.9")]
    {
        let mut browser = world.browser();
        let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
        let url = page.url.join(&page.form("continue").action).expect("a URL");
        let request = browser.request(reqwest::Method::POST, &url).header(name, value);
        let request = request.header("Sec-Fetch-Site", "same-origin");
        let answer = request.form(&[("phone", &world.person().number)]).send().await.expect("an answer");
        assert_eq!(answer.status(), 429, "{name}: no proxy is trusted here");
    }
}

async fn a_rate_limited_client_ip_uses_up_no_other_budget(setup: Setup) {
    let setup = setup.set("limits.sends_per_address_5m", 2).set("limits.sends_per_number_10m", 2);
    let world = setup.set("server.trusted_proxies", vec!["127.0.0.0/8".to_owned()]).start().await;
    let ask_from = async |address: &str, number: &str| {
        let mut browser = world.browser();
        let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
        let url = page.url.join(&page.form("continue").action).expect("a URL");
        let request = browser.request(reqwest::Method::POST, &url).header("X-Forwarded-For", address);
        let request = request.header("Sec-Fetch-Site", "same-origin");
        request.form(&[("phone", number)]).send().await.expect("an answer").status().as_u16()
    };
    let victim = world.person();
    for _ in 0..2 {
        assert_eq!(ask_from("203.0.113.9", &world.somebody(Kind::Unknown).number).await, 303);
    }
    for _ in 0..6 {
        assert_eq!(ask_from("203.0.113.9", &victim.number).await, 429);
    }
    assert_eq!(ask_from("198.51.100.7", &victim.number).await, 303, "the victim's budget is untouched");
    world.sandbox.next_code(&victim).await;
}

async fn the_country_sends_only_so_many_messages(setup: Setup) {
    let setup = setup.set("limits.sends_per_client_hour", 3);
    let world = setup.set("limits.sends_per_country_hour", 3).start().await;
    // Neither client has reached its own limit, and every number is a different one.
    for client in [SHOP, SHOP, RIVAL] {
        ask(&world, client, &world.person()).await.expect_status(200).expect("code");
    }
    let refused = world.person();
    assert_limited(&ask(&world, RIVAL, &refused).await);
    assert_eq!(world.metric("yagona_limits_total", &["country"]).await, 1.0);
    assert_eq!(world.metric("yagona_limits_total", &[]).await, 1.0);
}

/// Loses the counters in short-lived state: in-process, or in Redis.
pub(crate) async fn lose_counters(world: &mut World) {
    world.nodes[0].running.kill();
    if let Some(redis) = world.place().redis {
        crate::support::servers::empty_redis(&redis).await.expect("an empty Redis");
    }
    world.start_again().await;
}

async fn hourly_limits_survive_the_loss_of_short_lived_state_and_end_with_the_hour(setup: Setup) {
    let setup = setup.client("tight", "sends_per_hour = 2\n").set("limits.sends_per_country_hour", 4);
    let mut world = setup.set("limits.sends_per_client_hour", 4).start().await;
    // Only what is really sent counts.
    for client in ["tight", "tight"] {
        ask(&world, client, &world.person()).await.expect_status(200).expect("code");
    }
    lose_counters(&mut world).await;
    assert_limited(&ask(&world, "tight", &world.somebody(Kind::Unknown)).await);
    for client in [SHOP, RIVAL] {
        ask(&world, client, &world.person()).await.expect_status(200).expect("code");
    }
    lose_counters(&mut world).await;
    assert_limited(&ask(&world, SHOP, &world.somebody(Kind::Unknown)).await);
    assert_eq!(world.metric("yagona_limits_total", &["country"]).await, 1.0);
    // The sums are of whole minutes, read every few seconds.
    world.advance(3600 + 120).await;
    until("the hour to be over", async || {
        (ask(&world, "tight", &world.somebody(Kind::Unknown)).await.status == 200).then_some(())
    })
    .await;
    ask(&world, SHOP, &world.somebody(Kind::Unknown)).await.expect_status(200).expect("code");
}

async fn after_five_wrong_codes_in_a_row_an_account_waits(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, person) = (world.browser(), world.person());
    let mut page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let wrong = if code == "111111" { "222222" } else { "111111" };
    for _ in 0..5 {
        page = browser.enter_code(&page, wrong).await.page().expect("error");
    }
    // The pages look the same, and no code is sent.
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    browser.enter_code(&page, wrong).await.page().expect("error").expect("code");
    world.sandbox.next_notice(&person).await;
    world.nothing_more_came(&[&person]).await;
    world.advance(30).await;
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
}

async fn a_numbers_ten_minutes_and_its_hour_end(setup: Setup) {
    let setup = setup.set("limits.sends_per_number_10m", 1).set("limits.sends_per_number_hour", 2);
    let world = setup.start().await;
    let [often, patient] = [world.person(), world.person()];
    for person in [&often, &patient] {
        ask(&world, SHOP, person).await.expect_status(200).expect("code");
    }
    world.advance(300).await;
    assert_limited(&ask(&world, SHOP, &often).await);
    world.advance(300).await;
    ask(&world, SHOP, &patient).await.expect_status(200).expect("code");
    world.advance(600).await;
    assert_limited(&ask(&world, SHOP, &patient).await);
    world.advance(2400).await;
    for person in [&often, &patient] {
        ask(&world, SHOP, person).await.expect_status(200).expect("code");
    }
}

async fn an_addresss_five_minutes_end(setup: Setup) {
    let world = setup.set("limits.sends_per_address_5m", 2).start().await;
    for _ in 0..2 {
        ask(&world, SHOP, &world.person()).await.expect_status(200).expect("code");
    }
    world.advance(150).await;
    assert_limited(&ask(&world, SHOP, &world.person()).await);
    world.advance(150).await;
    ask(&world, SHOP, &world.person()).await.expect_status(200).expect("code");
}

async fn the_hours_of_services_and_of_the_country_end(setup: Setup) {
    let setup = setup.set("limits.sends_per_client_hour", 2).set("limits.sends_per_country_hour", 3);
    let world = setup.start().await;
    for client in [SHOP, SHOP, RIVAL] {
        ask(&world, client, &world.person()).await.expect_status(200).expect("code");
    }
    let ask = async |client: &str| ask(&world, client, &world.somebody(Kind::Unknown)).await;
    world.advance(1800).await;
    assert_limited(&ask(SHOP).await);
    assert_limited(&ask(RIVAL).await);
    let met = async |limit: &str| world.metric("yagona_limits_total", &[limit]).await;
    assert!(met("client").await + met("country").await >= 2.0 && met("country").await >= 1.0);
    // What was stored is summed by whole minutes, and read every few seconds.
    world.advance(1800 + 120).await;
    for client in [SHOP, RIVAL] {
        until("the hour to be over", async || (ask(client).await.status == 200).then_some(())).await;
    }
}
