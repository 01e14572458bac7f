//! Refresh tokens: rotated at every use, bound to their client; reuse of a stolen one revokes the grant.

use futures_util::future::join_all;

use crate::support::client_file::{MODERN, NATIVE, RIVAL, SHOP};
use crate::support::{Asked, Tokens, World, jwt, on_both_backends};

on_both_backends!(
    rfc9700_4_14_2_a_replayed_refresh_token_ends_its_family,
    rfc6749_6_another_client_cannot_refresh,
    rfc6749_6_the_scope_can_shrink_and_never_grow,
    oidc_12_2_a_refreshed_id_token_is_about_the_same_sign_in,
    of_parallel_refreshes_one_wins_and_none_lives_on,
    without_offline_access_there_is_no_refresh_token,
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

async fn of_parallel_refreshes_one_wins_and_none_lives_on(world: &World) {
    let tokens = offline(world, NATIVE).await;
    let answers = join_all((0..20).map(|_| world.refresh(NATIVE, tokens.get("refresh_token")))).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 1, "winners");
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        loser.refused(400, "invalid_grant");
    }
    // The losers were replays: the winner's tokens are revoked.
    world.refresh(NATIVE, winners[0].get("refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(winners[0].get("access_token")).await.status, 401);
}

async fn without_offline_access_there_is_no_refresh_token(world: &World) {
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    assert!(tokens.body.get("refresh_token").is_none(), "{}", tokens.body);
}
