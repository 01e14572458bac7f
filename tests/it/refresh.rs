//! Refresh tokens: rotated at every use, bound to their client; reuse of a stolen one revokes the grant.

use futures_util::future::join_all;

use crate::support::client_file::{MODERN, NATIVE, RIVAL, SHOP};
use crate::support::{Asked, Setup, Tokens, World, alone_on_both_backends, jwt, on_both_backends};

on_both_backends!(
    rfc9700_4_14_2_a_replayed_refresh_token_ends_its_family,
    rfc6749_6_another_client_cannot_refresh,
    rfc6749_6_the_scope_can_shrink_and_never_grow,
    oidc_12_2_a_refreshed_id_token_is_about_the_same_sign_in,
    parallel_refreshes_get_the_same_successor_and_none_ends_the_grant,
    without_offline_access_there_is_no_refresh_token,
);

alone_on_both_backends!(
    a_refresh_whose_answer_was_lost_is_answered_again_for_half_a_minute,
    a_refresh_that_fails_uses_nothing_up,
);

async fn offline(world: &World, client: &str) -> Tokens {
    let asked = Asked::by(client).with("scope", "openid profile phone offline_access");
    world.tokens(&asked, &world.person()).await
}

async fn rfc9700_4_14_2_a_replayed_refresh_token_ends_its_family(world: &World) {
    for client in [NATIVE, SHOP] {
        let first = offline(world, client).await;
        let second = world.refresh(client, first.get("refresh_token")).await.granted();
        assert_ne!(first.get("refresh_token"), second.get("refresh_token"), "{client}");
        let third = world.refresh(client, second.get("refresh_token")).await.granted();
        assert_eq!(world.userinfo(third.get("access_token")).await.status, 200);

        world.refresh(client, first.get("refresh_token")).await.refused(400, "invalid_grant");
        world.refresh(client, third.get("refresh_token")).await.refused(400, "invalid_grant");
        assert_eq!(world.userinfo(third.get("access_token")).await.status, 401, "{client}");
    }
}

async fn rfc6749_6_another_client_cannot_refresh(world: &World) {
    let tokens = offline(world, SHOP).await;
    for thief in [RIVAL, NATIVE, MODERN] {
        world.refresh(thief, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    }
    world.refresh(SHOP, "not-a-token").await.refused(400, "invalid_grant");
    world.refresh(SHOP, tokens.get("access_token")).await.refused(400, "invalid_grant");
}

async fn rfc6749_6_the_scope_can_shrink_and_never_grow(world: &World) {
    let tokens = offline(world, SHOP).await;
    let refresh = async |token: &str, scope: &str| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        world.post_as(SHOP, "/oidc/token", &fields).await
    };
    refresh(tokens.get("refresh_token"), "openid profile phone address").await.refused(400, "invalid_scope");
    let less = refresh(tokens.get("refresh_token"), "openid phone").await.granted();
    let userinfo = world.userinfo(less.get("access_token")).await;
    assert!(userinfo.body.get("name").is_none(), "{}", userinfo.body);
    let again = refresh(less.get("refresh_token"), "openid openid phone openid").await.granted();
    assert_eq!(again.get("scope"), "openid phone", "each once");
    // A token of before is a replay, whatever scope it is sent with.
    refresh(tokens.get("refresh_token"), "openid address").await.refused(400, "invalid_grant");
    refresh(again.get("refresh_token"), "openid").await.refused(400, "invalid_grant");
}

async fn oidc_12_2_a_refreshed_id_token_is_about_the_same_sign_in(world: &World) {
    let keys = world.keys().await;
    let first = offline(world, SHOP).await;
    let before = jwt::verify(first.get("id_token"), &keys).claims;
    let second = world.refresh(SHOP, first.get("refresh_token")).await.granted();
    let after = jwt::verify(second.get("id_token"), &keys).claims;
    for name in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert!(after["iat"].as_i64() >= before["iat"].as_i64());
}

async fn parallel_refreshes_get_the_same_successor_and_none_ends_the_grant(world: &World) {
    let tokens = offline(world, NATIVE).await;
    let answers = join_all((0..20).map(|_| world.refresh(NATIVE, tokens.get("refresh_token")))).await;
    let answers: Vec<Tokens> = answers.into_iter().map(Tokens::granted).collect();
    for answer in &answers {
        assert_eq!(world.userinfo(answer.get("access_token")).await.status, 200);
    }
    // All are one token to the provider: the first use of any of them uses up all.
    let next = world.refresh(NATIVE, answers[0].get("refresh_token")).await.granted();
    let again = world.refresh(NATIVE, answers[19].get("refresh_token")).await.granted();
    world.refresh(NATIVE, next.get("refresh_token")).await.granted();
    world.refresh(NATIVE, again.get("refresh_token")).await.granted();
    // What came before that is a replay, whose like the provider has answered often enough.
    world.refresh(NATIVE, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    world.refresh(NATIVE, again.get("refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(next.get("access_token")).await.status, 401);
}

async fn a_refresh_whose_answer_was_lost_is_answered_again_for_half_a_minute(setup: Setup) {
    let world = setup.start().await;
    let first = offline(&world, SHOP).await;
    let (old, other) = (first.get("refresh_token"), offline(&world, SHOP).await);
    world.refresh(SHOP, old).await.granted();
    world.advance(20).await;
    let second = world.refresh(SHOP, old).await.granted();
    assert_eq!(world.userinfo(second.get("access_token")).await.status, 200);
    // Nobody else gets the successor, and nothing that was not granted.
    world.refresh(RIVAL, old).await.refused(400, "invalid_grant");
    let more = [("grant_type", "refresh_token"), ("refresh_token", old), ("scope", "openid address")];
    world.post_as(SHOP, "/oidc/token", &more).await.refused(400, "invalid_scope");
    assert!(!world.is_active(SHOP, old).await);
    assert!(world.is_active(SHOP, second.get("refresh_token")).await);
    world.refresh(SHOP, other.get("refresh_token")).await.granted();
    world.advance(10).await;
    // The window begins with the first answer and is not prolonged by the second one.
    world.refresh(SHOP, old).await.refused(400, "invalid_grant");
    world.refresh(SHOP, second.get("refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(second.get("access_token")).await.status, 401);
}

async fn a_refresh_that_fails_uses_nothing_up(setup: Setup) {
    let mut world = setup.set("tokens.refresh_repeat_seconds", 0).start().await;
    let asked = Asked::by(SHOP).with("scope", "openid profile offline_access");
    let asked = asked.and("claims", r#"{"id_token":{"name":null}}"#);
    let tokens = world.tokens(&asked, &world.person()).await;
    // A process that has nobody's record in memory.
    world.nodes[0].running.kill();
    world.start_again().await;
    world.change_database("UPDATE persons SET sealed = 'x' || sealed").await;
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(500, "server_error");
    world.change_database("UPDATE persons SET sealed = SUBSTR(sealed, 2)").await;
    let next = world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    assert!(jwt::read(next.get("id_token")).claims["name"].is_string());
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn without_offline_access_there_is_no_refresh_token(world: &World) {
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    assert!(tokens.body.get("refresh_token").is_none(), "{}", tokens.body);
}
