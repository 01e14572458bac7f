//! What must still hold when a code is redeemed or a token refreshed: the session, the person, the number, the consent.

use crate::support::client_file::{NATIVE, SHOP};
use crate::support::flow::redemption;
use crate::support::servers::lose;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Setup, World, alone_on_both_backends, code_of, on_both_backends};

on_both_backends!(
    asvs_10_4_3_a_code_grants_nothing_after_its_session_ended,
    a_code_of_a_session_that_ended_is_still_known_as_replayed,
    a_spent_code_alone_ends_nothing_of_a_public_client,
);

alone_on_both_backends!(a_number_that_was_blocked_redeems_and_refreshes_nothing);

fn offline() -> Asked {
    Asked::by(SHOP).with("scope", "openid phone offline_access")
}

async fn sign_out(browser: &mut crate::support::Browser) {
    let page = browser.open("/oidc/logout").await.page().expect("continue");
    browser.press(&page, "continue", &[]).await.page().expect("signed-out");
}

async fn a_spent_code_alone_ends_nothing_of_a_public_client(world: &World) {
    let asked = Asked::by(NATIVE).with("scope", "openid phone offline_access");
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in(world, &asked, &world.person()).await);
    let tokens = world.redeem(NATIVE, &code).await.granted();
    sign_out(&mut browser).await;
    let found = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", "x")];
    world.post_as(NATIVE, "/oidc/token", &found).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    // Whoever has the verifier as well is the client, or has stolen everything of it.
    world.redeem(NATIVE, &code).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);
}

async fn asvs_10_4_3_a_code_grants_nothing_after_its_session_ended(world: &World) {
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in(world, &offline(), &world.person()).await);
    let other = code_of(&world.browser().sign_in(world, &offline(), &world.person()).await);
    sign_out(&mut browser).await;
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    world.redeem(SHOP, &other).await.granted();
}

async fn a_code_of_a_session_that_ended_is_still_known_as_replayed(world: &World) {
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in(world, &offline(), &world.person()).await);
    let tokens = world.redeem(SHOP, &code).await.granted();
    sign_out(&mut browser).await;
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn a_number_that_was_blocked_redeems_and_refreshes_nothing(setup: Setup) {
    let world = setup.start().await;
    let tokens = world.tokens(&offline(), &world.person()).await;
    let code = code_of(&world.browser().sign_in(&world, &offline(), &world.person()).await);
    world.block_numbers().await;
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(world.stored("SELECT COUNT(*) FROM grants").await, 1, "the code was not redeemed");
    let tokens = world.tokens(&offline(), &world.person()).await;
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
}

#[tokio::test]
async fn a_redemption_that_fails_uses_nothing_up() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let asked = offline().and("claims", r#"{"id_token":{"phone_number":null}}"#);
    let code = code_of(&world.browser().sign_in(&world, &asked, &world.person()).await);
    // The other node has nobody's record in memory.
    let redeem = async || world.post_at(world.nodes[1].port, SHOP, "/oidc/token", &redemption(&code)).await;
    world.change_database("UPDATE persons SET sealed = 'x' || sealed").await;
    redeem().await.refused(500, "server_error");
    world.change_database("UPDATE persons SET sealed = SUBSTR(sealed, 2)").await;
    redeem().await.granted();
    redeem().await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_session_that_was_lost_redeems_nothing() {
    let world = Setup::new(Backend::Servers).start().await;
    let code = code_of(&world.browser().sign_in(&world, &offline(), &world.person()).await);
    lose(&world.place().redis.expect("Redis"), b's').await;
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    assert_eq!(world.stored("SELECT COUNT(*) FROM grants").await, 0);
}

#[tokio::test]
async fn a_consent_that_ends_while_its_code_is_redeemed_grants_nothing() {
    let world = Setup::new(Backend::Servers).start().await;
    let code = code_of(&world.browser().sign_in(&world, &offline(), &world.person()).await);
    let consent = world.stored_text("SELECT consent_id FROM consents WHERE client_id = $1", SHOP).await;
    let ending = world.begin_to_end_consent(&consent).await;
    let fields = redemption(&code);
    let ended = async {
        // The redemption must wait for the end of the consent: what it has read would no longer be so.
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until("the redemption to wait", async || (world.stored(waiting).await > 0).then_some(())).await;
        ending.commit().await;
    };
    let redeemed = world.post_as(SHOP, "/oidc/token", &fields);
    let (answer, ()) = tokio::join!(redeemed, ended);
    answer.refused(400, "invalid_grant");
    assert_eq!(world.stored("SELECT COUNT(*) FROM grants").await, 0);
}
