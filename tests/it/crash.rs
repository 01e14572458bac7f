//! Crashes: what was acknowledged is durable, what was used stays used.

use crate::support::client_file::SHOP;
use crate::support::wait::until;
use crate::support::{Asked, Setup, Step, alone_on_both_backends, code_of};

alone_on_both_backends!(
    what_was_acknowledged_survives_a_crash,
    caps_on_messages_survive_a_crash,
    a_crash_between_page_and_gateway_sends_no_code_twice,
    a_terminated_provider_finishes_and_ends_well,
    a_request_under_way_is_answered_before_the_end,
    a_node_that_ends_says_so_before_it_closes,
);

async fn what_was_acknowledged_survives_a_crash(setup: Setup) {
    let mut world = setup.start().await;
    let person = world.person();
    let asked = Asked::by(SHOP).with("scope", "openid phone offline_access");
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in(&world, &asked, &person).await);
    let tokens = world.redeem(SHOP, &code).await.granted();
    let revoked = world.tokens(&asked, &world.person()).await;
    world.post_as(SHOP, "/oidc/revoke", &[("token", revoked.get("refresh_token"))]).await;
    let revoked_access = world.tokens(&asked, &world.person()).await;
    world.post_as(SHOP, "/oidc/revoke", &[("token", revoked_access.get("access_token"))]).await;
    world.nodes[0].running.kill();

    world.start_again().await;
    let next = world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    assert_eq!(world.userinfo(next.get("access_token")).await.status, 200);
    world.refresh(SHOP, revoked.get("refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(revoked_access.get("access_token")).await.status, 401);
    // The consent is stored: the person is not asked again.
    let mut step = world.browser().begin(&world, &asked).await;
    let mut browser = world.browser();
    if let Step::Page(_) = step {
        step = Step::Page(browser.begin_with_number(&world, &asked, &person).await);
    }
    let code_now = world.sandbox.next_code(&person).await;
    let url = browser.enter_code(&step.page(), &code_now).await.away();
    code_of(&url);
    // The code that was redeemed stays redeemed; its replay revokes the grant.
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    world.refresh(SHOP, next.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn caps_on_messages_survive_a_crash(setup: Setup) {
    let windows = setup.set("limits.sends_per_number_10m", 2).set("limits.sends_per_number_hour", 2);
    let mut world = windows.set("limits.sends_per_number_day", 2).start().await;
    let person = world.person();
    for _ in 0..2 {
        world.browser().begin_with_number(&world, &Asked::by(SHOP), &person).await;
        world.sandbox.next_code(&person).await;
    }
    world.nodes[0].running.kill();
    if let Some(redis) = world.place().redis {
        crate::support::servers::empty_redis(&redis).await.expect("an empty Redis");
    }
    world.start_again().await;
    let mut browser = world.browser();
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    browser.enter_number(&page, &person.number).await.page();
    let control = world.person();
    world.browser().begin_with_number(&world, &Asked::by(SHOP), &control).await;
    world.sandbox.next_code(&control).await;
    world.sandbox.nothing_came(&person).await;
}

async fn a_crash_between_page_and_gateway_sends_no_code_twice(setup: Setup) {
    let mut world = setup.start().await;
    world.sandbox.switch(&[("eskiz.delay_ms", "400"), ("playmobile.delay_ms", "400")]).await;
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    world.nodes[0].running.kill();
    world.sandbox.switch(&[("reset", "1")]).await;
    world.start_again().await;
    // Later messages to others show that the outbox has been processed.
    for _ in 0..2 {
        let control = world.person();
        world.browser().begin_with_number(&world, &Asked::by(SHOP), &control).await;
        world.sandbox.next_code(&control).await;
    }
    let arrived = world.sandbox.messages(&person).await.len();
    assert!(arrived <= 1, "{arrived} messages for one code");
    person.seen.store(arrived, std::sync::atomic::Ordering::Relaxed);
    if world.setup.backend == crate::support::Backend::Servers {
        // Redis kept the sign-in: a new code can be had.
        world.advance(30).await;
        let page = browser.press(&page, "resend", &[]).await.page().expect("code");
        let code = world.sandbox.next_code(&person).await;
        browser.enter_code(&page, &code).await.page().expect("allow");
    }
}

async fn a_terminated_provider_finishes_and_ends_well(setup: Setup) {
    let mut world = setup.start().await;
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    world.nodes[0].running.signal("TERM");
    let status = world.nodes[0].running.end().await;
    assert!(status.success(), "{status}");
    world.start_again().await;
    let step = browser.enter_code(&page, &code).await;
    let page = step.page();
    if world.setup.backend == crate::support::Backend::Servers {
        assert!(page.has("allow"), "Redis kept the sign-in: {page}");
    } else {
        assert!(page.status < 500 && !page.has("allow"), "{page}");
        // An expired page leads back to the right service, or at least says what to do.
        assert!(page.has("error"), "{page}");
    }
}

async fn a_request_under_way_is_answered_before_the_end(setup: Setup) {
    let mut world = setup.set("server.drain_seconds", 20).start().await;
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    let form = page.form("continue");
    let url = page.url.join(&form.action).expect("a URL");
    let fields = form.fields("continue", &[("phone", &person.number)]);
    let lock = world.lock_messages().await;
    let sender = browser.clone();
    let under_way = tokio::spawn(async move { sender.send_form(&url, &fields).await });
    // Once the code's page is due, the message is all that is left to store.
    let next = page.url.as_str().replace("/sign-in/number", "/sign-in/code").parse().expect("a URL");
    until("the request to be under way", async || browser.get(&next).await.page().has("code").then_some(()))
        .await;
    world.nodes[0].running.signal("TERM");
    let ready = format!("{}/health/ready", world.nodes[0].operations);
    until("the node to drain", async || {
        let answer = crate::support::http::get(&ready).await.ok()?.text().await.ok()?;
        answer.contains("draining").then_some(())
    })
    .await;
    assert!(!under_way.is_finished());
    lock.release().await;
    let answer = under_way.await.expect("the request");
    assert_eq!(answer.status(), 303, "answered although the node ends");
    let status = world.nodes[0].running.end().await;
    assert!(status.success(), "{status}");
    if world.setup.backend == crate::support::Backend::Servers {
        // What was acknowledged is sent, by this node or the next.
        world.start_again().await;
        world.sandbox.next_code(&person).await;
    }
}

async fn a_node_that_ends_says_so_before_it_closes(setup: Setup) {
    let mut world = setup.set("server.drain_delay_seconds", 300).start().await;
    let person = world.person();
    // A terminal that goes away ends it in order, too; under `nohup` the node ignores that, as these tests then do.
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of this process");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    let ignored = u64::from_str_radix(ignored.trim(), 16).expect("a mask") & 1 == 1;
    let signal = if ignored { "INT" } else { "HUP" };
    world.nodes[0].running.signal(signal);
    let ready = format!("{}/health/ready", world.nodes[0].operations);
    until("the node to drain", async || {
        let answer = crate::support::http::get(&ready).await.ok()?.text().await.ok()?;
        answer.contains("draining").then_some(())
    })
    .await;
    // A proxy may not have noticed yet: whoever comes is still served, over new connections.
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &person).await);
    world.nodes[0].running.signal("TERM");
    let status = world.nodes[0].running.end().await;
    assert!(status.success(), "{status}");
    let log = world.nodes[0].running.log();
    let signal = format!("SIG{signal}");
    assert!(log.contains(&signal) && log.contains("SIGTERM") && log.contains("\"stopped\""), "{log}");
}
