//! RFC 7662 and RFC 7009: who may introspect a token, and what a revocation revokes.

use crate::support::client_file::{MODERN, RIVAL, SHOP};
use crate::support::{Asked, Tokens, World, on_both_backends};

on_both_backends!(
    rfc7662_2_2_an_active_token_is_described_to_its_client,
    rfc7662_4_nobody_else_learns_anything,
    rfc7009_2_1_a_revoked_token_is_dead_at_once,
    rfc7009_2_2_unknown_tokens_are_no_error,
    rfc7009_2_1_another_client_revokes_nothing,
    a_revoked_grant_ends_jwt_access_tokens_too,
);

async fn offline(world: &World, client: &str) -> Tokens {
    let asked = Asked::by(client).with("scope", "openid phone offline_access");
    world.tokens(&asked, &world.person()).await
}

async fn revoke(world: &World, client: &str, token: &str) -> Tokens {
    world.post_as(client, "/oidc/revoke", &[("token", token)]).await
}

async fn rfc7662_2_2_an_active_token_is_described_to_its_client(world: &World) {
    let tokens = offline(world, SHOP).await;
    let answer =
        world.post_as(SHOP, "/oidc/introspect", &[("token", tokens.get("access_token"))]).await.granted();
    assert_eq!(answer.body["active"], true);
    assert_eq!(answer.body["client_id"], SHOP);
    assert!(answer.body["sub"].is_string() && answer.body["exp"].is_i64(), "{}", answer.body);
    let scope = answer.body["scope"].as_str().expect("a scope");
    assert!(scope.split(' ').any(|scope| scope == "phone"), "{scope}");
    assert!(!answer.body.to_string().contains("99800"), "no personal data: {}", answer.body);
}

async fn rfc7662_4_nobody_else_learns_anything(world: &World) {
    let tokens = offline(world, SHOP).await;
    for token in [tokens.get("access_token"), tokens.get("refresh_token"), "nonsense", ""] {
        let answer = world.post_as(RIVAL, "/oidc/introspect", &[("token", token)]).await;
        assert!(
            answer.body == serde_json::json!({"active": false}) || (token.is_empty() && answer.status == 400),
            "{}",
            answer.body
        );
    }
    let port = world.nodes[0].port;
    let fields = [("token", tokens.get("access_token"))];
    world.post_bare(port, "/oidc/introspect", &fields, None).await.refused(401, "invalid_client");
}

async fn rfc7009_2_1_a_revoked_token_is_dead_at_once(world: &World) {
    let tokens = offline(world, SHOP).await;
    assert_eq!(revoke(world, SHOP, tokens.get("access_token")).await.status, 200);
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);
    assert!(!world.is_active(SHOP, tokens.get("access_token")).await);

    let tokens = offline(world, SHOP).await;
    assert_eq!(revoke(world, SHOP, tokens.get("refresh_token")).await.status, 200);
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    let access = world.userinfo(tokens.get("access_token")).await;
    assert_eq!(access.status, 401, "RFC 7009 §2.1: the grant's access tokens end with it");
}

async fn rfc7009_2_2_unknown_tokens_are_no_error(world: &World) {
    assert_eq!(revoke(world, SHOP, "unknown").await.status, 200);
    let twice = offline(world, SHOP).await;
    for _ in 0..2 {
        assert_eq!(revoke(world, SHOP, twice.get("refresh_token")).await.status, 200);
    }
    revoke(world, SHOP, "").await.refused(400, "invalid_request");
}

async fn rfc7009_2_1_another_client_revokes_nothing(world: &World) {
    let tokens = offline(world, SHOP).await;
    // The answer is that to a token that does not exist.
    assert_eq!(revoke(world, RIVAL, tokens.get("access_token")).await.status, 200);
    assert_eq!(revoke(world, RIVAL, tokens.get("refresh_token")).await.status, 200);
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
}

async fn a_revoked_grant_ends_jwt_access_tokens_too(world: &World) {
    let tokens = offline(world, MODERN).await;
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    assert_eq!(revoke(world, MODERN, tokens.get("refresh_token")).await.status, 200);
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);
}
