//! Redeeming codes: bound to client, redirect URI and verifier; one winner; a replay ends what was issued.

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::client_file::{BODY, LEGACY, MACHINE, MODERN, NATIVE, RIVAL, SHOP, VAULT, secret};
use crate::support::flow::redemption;
use crate::support::{Asked, World, code_of, jwt, on_both_backends};

on_both_backends!(
    rfc6749_4_1_3_the_redirect_uri_must_match,
    rfc7636_4_6_the_verifier_must_match,
    rfc6749_4_1_3_a_code_is_bound_to_its_client,
    rfc6749_4_1_2_of_fifty_parallel_redemptions_one_wins,
    rfc6749_4_1_2_a_replayed_code_ends_what_was_issued,
    rfc6749_2_3_1_clients_prove_themselves_in_one_way,
    rfc6749_5_2_errors_are_json_and_never_cached,
    rfc6749_5_1_tokens_are_never_cached,
    oidc_3_1_3_7_the_id_token_says_what_was_done,
    each_client_gets_its_algorithm,
    rfc6749_4_4_a_machine_acts_for_nobody,
    oidc_8_1_every_sector_sees_another_subject,
);

/// A fresh code for a client.
async fn code_for(world: &World, client_id: &str) -> String {
    let asked = Asked::by(client_id).with("scope", "openid profile phone offline_access");
    code_of(&world.browser().sign_in(world, &asked, &world.person()).await)
}

async fn rfc6749_4_1_3_the_redirect_uri_must_match(world: &World) {
    let code = code_for(world, SHOP).await;
    let mut fields = redemption(&code).to_vec();
    fields[2].1 = "http://localhost:9/other";
    world.post_as(SHOP, "/oidc/token", &fields).await.refused(400, "invalid_grant");
    let code = code_for(world, SHOP).await;
    let mut fields = redemption(&code).to_vec();
    fields.remove(2);
    let answer = world.post_as(SHOP, "/oidc/token", &fields).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
}

async fn rfc7636_4_6_the_verifier_must_match(world: &World) {
    for verifier in [Some("wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong"), Some(""), None] {
        for client in [SHOP, NATIVE] {
            let code = code_for(world, client).await;
            let mut fields = redemption(&code).to_vec();
            fields.remove(3);
            fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
            let answer = world.post_as(client, "/oidc/token", &fields).await;
            assert_eq!(answer.status, 400, "{client} {verifier:?}: {}", answer.body);
        }
    }
    // RFC 9700 §4.8.2: a verifier where no challenge was sent is an attack as well.
    let asked = Asked::by(LEGACY).without("code_challenge").without("code_challenge_method");
    let code = code_of(&world.browser().sign_in(world, &asked, &world.person()).await);
    world.redeem(LEGACY, &code).await.refused(400, "invalid_grant");
}

async fn rfc6749_4_1_3_a_code_is_bound_to_its_client(world: &World) {
    let code = code_for(world, SHOP).await;
    world.redeem(RIVAL, &code).await.refused(400, "invalid_grant");
    world.redeem(NATIVE, &code).await.refused(400, "invalid_grant");
    world.redeem(SHOP, "no-such-code").await.refused(400, "invalid_grant");
    world.redeem(SHOP, &"x".repeat(5000)).await.refused(400, "invalid_grant");
}

async fn rfc6749_4_1_2_of_fifty_parallel_redemptions_one_wins(world: &World) {
    let code = code_for(world, SHOP).await;
    let answers = join_all((0..50).map(|_| world.redeem(SHOP, &code))).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 1, "winners");
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        loser.refused(400, "invalid_grant");
    }
    // The losers were replays: the winner's tokens are revoked.
    assert_eq!(world.userinfo(winners[0].get("access_token")).await.status, 401);
}

async fn rfc6749_4_1_2_a_replayed_code_ends_what_was_issued(world: &World) {
    let code = code_for(world, SHOP).await;
    let tokens = world.redeem(SHOP, &code).await.granted();
    let access = tokens.get("access_token");
    assert_eq!(world.userinfo(access).await.status, 200);
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    let refused = world.userinfo(access).await;
    assert_eq!(refused.status, 401);
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    assert!(!world.is_active(SHOP, access).await);
}

async fn rfc6749_2_3_1_clients_prove_themselves_in_one_way(world: &World) {
    let port = world.nodes[0].port;
    let code = code_for(world, SHOP).await;
    let fields = redemption(&code);
    let post =
        async |fields: &[(&str, &str)], basic| world.post_bare(port, "/oidc/token", fields, basic).await;
    let wrong = post(&fields, Some((SHOP, "wrong-secret"))).await;
    wrong.refused(401, "invalid_client");
    assert!(wrong.headers["www-authenticate"].to_str().is_ok_and(|value| value.starts_with("Basic")));
    post(&fields, Some(("nobody", "wrong"))).await.refused(401, "invalid_client");
    post(&fields, None).await.refused(401, "invalid_client");
    let (id, own) = (("client_id", SHOP), secret(SHOP));
    let nameless = [fields.as_slice(), &[id]].concat();
    post(&nameless, None).await.refused(401, "invalid_client");
    // RFC 6749 §2.3: no more than one client authentication method per request.
    let in_body = [nameless.as_slice(), &[("client_secret", &own)]].concat();
    let both = post(&in_body, Some((SHOP, &own))).await;
    assert!(both.status == 400 || both.status == 401, "{}", both.body);
    post(&in_body, None).await.granted();

    let code = code_for(world, BODY).await;
    post(&redemption(&code), Some((BODY, &secret(BODY)))).await.granted();
    let code = code_for(world, NATIVE).await;
    world.redeem(NATIVE, &code).await.granted();
}

async fn rfc6749_5_2_errors_are_json_and_never_cached(world: &World) {
    for fields in [
        vec![],
        vec![("grant_type", "password"), ("username", "a"), ("password", "b")],
        vec![("grant_type", "authorization_code")],
        vec![("grant_type", "authorization_code"), ("code", "x"), ("code", "y")],
        vec![("grant_type", "refresh_token")],
        vec![("grant_type", "refresh_token"), ("refresh_token", "\u{0}")],
    ] {
        let answer = world.post_as(SHOP, "/oidc/token", &fields).await;
        assert_eq!(answer.status, 400, "{fields:?}: {}", answer.body);
        assert!(answer.body["error"].is_string(), "{fields:?}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let unknown = world.post_as(SHOP, "/oidc/token", &[("grant_type", "password")]).await;
    unknown.refused(400, "unsupported_grant_type");
    let forbidden = world.post_as(SHOP, "/oidc/token", &[("grant_type", "client_credentials")]).await;
    forbidden.refused(400, "unauthorized_client");
}

async fn rfc6749_5_1_tokens_are_never_cached(world: &World) {
    let code = code_for(world, SHOP).await;
    let tokens = world.redeem(SHOP, &code).await.granted();
    assert_eq!(tokens.headers["content-type"], "application/json");
    assert_eq!(tokens.headers["cache-control"], "no-store");
    assert_eq!(tokens.get("token_type"), "Bearer");
    assert!(tokens.body["expires_in"].as_i64().is_some_and(|seconds| seconds > 0));
    for name in ["access_token", "refresh_token"] {
        assert!(tokens.get(name).len() >= 22, "128 bits at least");
    }
}

async fn oidc_3_1_3_7_the_id_token_says_what_was_done(world: &World) {
    let tokens = world.tokens(&Asked::by(SHOP).and("max_age", "3600"), &world.person()).await;
    let claims = jwt::verify(tokens.get("id_token"), &world.keys().await).claims;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    assert_eq!(claims["iss"], *world.issuer.as_str().trim_end_matches('/'));
    assert!(claims["aud"] == SHOP || claims["aud"] == serde_json::json!([SHOP]), "{claims}");
    assert_eq!(claims["nonce"], "nonce-nonce-nonce");
    for name in ["iat", "auth_time"] {
        assert!((now - claims[name].as_i64().expect(name)).abs() < 60, "{claims}");
    }
    assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
    assert_eq!(claims["acr"], "urn:yagona:acr:mobile-id");
    assert!(claims["amr"].as_array().is_some_and(|amr| amr.contains(&Value::from("sms"))), "{claims}");
    assert!(claims["sid"].is_string(), "{claims}");
    let half = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, tokens.get("access_token").as_bytes());
    assert_eq!(claims["at_hash"], *jwt::encode(&half.as_ref()[..16]));
    // OpenID Connect Core §5.4: with a code, personal data come from UserInfo.
    for name in ["name", "phone_number", "birthdate", "pinfl"] {
        assert!(claims.get(name).is_none(), "{name} in {claims}");
    }
}

async fn each_client_gets_its_algorithm(world: &World) {
    let keys = world.keys().await;
    for (client, alg) in [(SHOP, "ES256"), (LEGACY, "RS256"), (MODERN, "EdDSA"), (VAULT, "PS256")] {
        let tokens = world.tokens(&Asked::by(client), &world.person()).await;
        assert_eq!(jwt::verify(tokens.get("id_token"), &keys).header["alg"], alg, "{client}");
        if client == MODERN || client == VAULT {
            let access = jwt::verify(tokens.get("access_token"), &keys);
            assert_eq!(access.header["typ"], "at+jwt", "RFC 9068 §2.1");
            assert_eq!(access.claims["client_id"], client);
            assert_eq!(access.header["alg"], alg);
            assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
        }
    }
}

async fn rfc6749_4_4_a_machine_acts_for_nobody(world: &World) {
    let tokens =
        world.post_as(MACHINE, "/oidc/token", &[("grant_type", "client_credentials")]).await.granted();
    assert!(tokens.body.get("refresh_token").is_none() && tokens.body.get("id_token").is_none());
    let refused = world.userinfo(tokens.get("access_token")).await;
    assert!(refused.status == 401 || refused.status == 403, "{}", refused.status);
}

async fn oidc_8_1_every_sector_sees_another_subject(world: &World) {
    let person = world.person();
    let mut subjects = Vec::new();
    // These two are of one sector.
    for client in [SHOP, SHOP, RIVAL] {
        let tokens = world.tokens(&Asked::by(client), &person).await;
        let userinfo = world.userinfo(tokens.get("access_token")).await;
        let sub = jwt::read(tokens.get("id_token")).claims["sub"].clone();
        assert_eq!(userinfo.body["sub"], sub);
        subjects.push(sub);
    }
    assert_eq!(subjects[0], subjects[1]);
    assert_eq!(subjects[0], subjects[2]);
    let elsewhere = world.tokens(&Asked::by(BODY), &person).await;
    assert_ne!(jwt::read(elsewhere.get("id_token")).claims["sub"], subjects[0]);
    assert!(!subjects[0].as_str().expect("text").contains(&person.pinfl));
}
