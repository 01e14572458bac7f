//! Sessions that ended stay ended, also when short-lived state returns as it was before.

use crate::support::client_file::{RIVAL, SHOP};
use crate::support::servers::{bring_back, keep};
use crate::support::wait::until;
use crate::support::{Asked, Backend, Browser, Setup, World, code_of, param};

async fn silent(world: &World, browser: &mut Browser, client: &str) -> Result<String, String> {
    let url = browser.begin(world, &Asked::by(client).and("prompt", "none")).await.away();
    param(&url, "code").ok_or_else(|| param(&url, "error").expect("an error"))
}

/// Waits until a browser is signed in nowhere, and fails if it is at the first node at any time.
async fn until_signed_out(world: &World, browser: &Browser) {
    let mut here = browser.clone();
    assert_eq!(silent(world, &mut here, SHOP).await.unwrap_err(), "login_required");
    for node in &world.nodes {
        let mut there = browser.at(node.port);
        until("the end to be known to all nodes", async || {
            silent(world, &mut there, SHOP).await.is_err_and(|error| error == "login_required").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_was_signed_out_does_not_come_back_with_an_older_redis() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let redis = world.place().redis.expect("Redis");
    let (person, other) = (world.person(), world.person());
    let (mut here, mut there, mut shared) = (world.browser(), world.browser(), world.browser());
    for browser in [&mut here, &mut there] {
        browser.sign_in(&world, &Asked::by(SHOP), &person).await;
    }
    shared.sign_in(&world, &Asked::by(SHOP), &other).await;
    let code = silent(&world, &mut here, SHOP).await.expect("a code");
    // Whoever has the cookies, and Redis as it is now.
    let (thief, second_thief, kept) = (here.clone(), shared.clone(), keep(&redis).await);

    let page = here.open("/oidc/logout").await.page().expect("continue");
    here.press(&page, "continue", &[]).await.page().expect("signed-out");
    // Somebody else signs in where one person was signed in.
    let anew = Asked::by(RIVAL).and("prompt", "login");
    code_of(&shared.sign_in(&world, &anew, &world.person()).await);

    bring_back(&redis, &kept).await;
    until_signed_out(&world, &thief).await;
    until_signed_out(&world, &second_thief).await;
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    let home = thief.clone().open("/").await.page();
    assert!(!home.has("sign-out"), "{home}");
    // The person's other browser is another matter.
    silent(&world, &mut there, SHOP).await.expect("a code");

    // A node that starts knows it as well.
    world.nodes[0].running.kill();
    world.start_again().await;
    until_signed_out(&world, &thief.at(world.nodes[1].port)).await;
    silent(&world, &mut there.at(world.nodes[1].port), SHOP).await.expect("a code");
    // The rows go when the sessions would be over.
    let rows = "SELECT CAST(COUNT(*) AS BIGINT) FROM ended_sessions";
    assert_eq!(world.stored(rows).await, 2);
    world.advance(14 * 3600).await;
    world.until_stored(rows, 0).await;
}
