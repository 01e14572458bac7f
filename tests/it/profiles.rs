//! Clients that are held to FAPI 2.0 by one word of their registration.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client_file::{BANK, BROKER};
use crate::support::flow::{proving, redemption};
use crate::support::proofs::{for_tokens, for_userinfo, userinfo, with_proofs};
use crate::support::signer::{KEYS, now};
use crate::support::{
    Asked, CALLBACK, Setup, Tokens, World, alone_on_both_backends, code_of, jwt, on_both_backends, param,
};

on_both_backends!(
    fapi2_5_3_2_2_a_client_pushes_and_proves_itself_by_its_key,
    fapi2_5_3_2_1_refresh_tokens_are_not_rotated,
    fapi2_message_signing_5_3_1_requests_and_answers_are_signed,
);

alone_on_both_backends!(fapi2_5_3_2_2_a_code_lives_for_a_minute_whatever_the_provider_says);

/// Posts a form as a client that proves itself with its key.
async fn post(world: &World, client: &str, path: &str, fields: &[(&str, &str)]) -> Tokens {
    let assertion = KEYS[0].assertion(client, world.issuer.as_str().trim_end_matches('/'), &json!({}));
    let fields = [fields, &proving(&assertion)[..], &[("client_id", client)]].concat();
    let proof = KEYS[0].proof("POST", world.url(path).as_str(), &json!({}));
    let request = world.browser().request(Method::POST, &world.url(path)).form(&fields);
    Tokens::of(with_proofs(request, &[&proof]).send().await.expect("an answer")).await
}

async fn push(world: &World, asked: &Asked) -> Tokens {
    let fields: Vec<(&str, &str)> = asked
        .fields()
        .iter()
        .filter(|(name, _)| name != "client_id")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    post(world, &asked.client_id, "/oidc/par", &fields).await
}

/// Pushes a request that must be taken, and gives what the browser then brings.
async fn pushed(world: &World, asked: &Asked) -> Asked {
    let answer = push(world, asked).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    Asked::of_pushed(&asked.client_id, answer.get("request_uri"))
}

async fn fapi2_5_3_2_2_a_client_pushes_and_proves_itself_by_its_key(world: &World) {
    let url = world.browser().begin(world, &Asked::by(BANK)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{url}");
    let bare = Asked::by(BANK).without("code_challenge").without("code_challenge_method");
    push(world, &bare).await.refused(400, "invalid_request");
    let fields = [("client_id", BANK), ("client_secret", "whatever")];
    let refused = world.post_bare(world.nodes[0].port, "/oidc/par", &fields, None).await;
    refused.refused(401, "invalid_client");
    // The audience of an assertion is the issuer, and not the endpoint that is called.
    for path in ["/oidc/token", "/oidc/par"] {
        let assertion = KEYS[0].assertion(BANK, world.url(path).as_str(), &json!({}));
        let fields = [&proving(&assertion)[..], &[("client_id", BANK)]].concat();
        let refused = world.post_bare(world.nodes[0].port, "/oidc/par", &fields, None).await;
        refused.refused(401, "invalid_client");
    }
    let url = world.browser().sign_in(world, &pushed(world, &Asked::by(BANK)).await, &world.person()).await;
    // Without a proof of possession the code is not even used up.
    let code = code_of(&url);
    let assertion = KEYS[0].assertion(BANK, world.issuer.as_str().trim_end_matches('/'), &json!({}));
    let fields = [&redemption(&code)[..], &proving(&assertion)[..], &[("client_id", BANK)]].concat();
    let refused = world.post_bare(world.nodes[0].port, "/oidc/token", &fields, None).await;
    refused.refused(400, "invalid_dpop_proof");
    let tokens = post(world, BANK, "/oidc/token", &redemption(&code)).await.granted();
    assert_eq!(tokens.get("token_type"), "DPoP");
    let id_token = jwt::verify(tokens.get("id_token"), &world.keys().await);
    assert_eq!(id_token.header["alg"], "ES256", "without a word of the registration");
}

async fn fapi2_5_3_2_1_refresh_tokens_are_not_rotated(world: &World) {
    let asked = Asked::by(BANK).with("scope", "openid phone offline_access");
    let url = world.browser().sign_in(world, &pushed(world, &asked).await, &world.person()).await;
    let tokens = post(world, BANK, "/oidc/token", &redemption(&code_of(&url))).await.granted();
    let refresh_token = tokens.get("refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    for _ in 0..3 {
        let refreshed = post(world, BANK, "/oidc/token", &fields).await.granted();
        assert!(refreshed.body.get("refresh_token").is_none(), "{}", refreshed.body);
        let token = refreshed.get("access_token");
        let proof = for_userinfo(world, &KEYS[0], token, &json!({}));
        assert_eq!(userinfo(world, &format!("DPoP {token}"), &[&proof]).await.0, 200);
    }
    post(world, BANK, "/oidc/revoke", &[("token", refresh_token)]).await;
    post(world, BANK, "/oidc/token", &fields).await.refused(400, "invalid_grant");
}

/// A request object of the broker.
fn object(world: &World, more: &Value) -> String {
    let mut claims = json!({
        "iss": BROKER, "aud": world.issuer.as_str().trim_end_matches('/'), "nbf": now(), "exp": now() + 300,
    });
    for (name, value) in Asked::by(BROKER).fields() {
        claims[name] = value.as_str().into();
    }
    for (name, value) in more.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    KEYS[0].sign(&json!({"alg": "ES256", "kid": "e", "typ": "oauth-authz-req+jwt"}), &claims)
}

async fn fapi2_message_signing_5_3_1_requests_and_answers_are_signed(world: &World) {
    push(world, &Asked::by(BROKER)).await.refused(400, "invalid_request");
    let plain = Asked::of_object(BROKER, &object(world, &json!({"response_mode": "query"})));
    push(world, &plain).await.refused(400, "invalid_request");
    // Where nothing is said, the answer is signed all the same.
    for more in [json!({"response_mode": "jwt"}), json!({})] {
        let asked = pushed(world, &Asked::of_object(BROKER, &object(world, &more))).await;
        let url = world.browser().sign_in(world, &asked, &world.person()).await;
        assert_eq!(url.query_pairs().count(), 1, "{url}");
        let answer = jwt::verify(&param(&url, "response").expect("a response"), &world.keys().await);
        assert_eq!((&answer.header["alg"], &answer.claims["aud"]), (&json!("ES256"), &json!(BROKER)));
        let code = answer.claims["code"].as_str().expect("a code");
        post(world, BROKER, "/oidc/token", &redemption(code)).await.granted();
    }
    let url = world.browser().begin(world, &Asked::by(BROKER)).await.away();
    assert!(url.as_str().starts_with(CALLBACK) && param(&url, "response").is_some(), "{url}");
}

async fn fapi2_5_3_2_2_a_code_lives_for_a_minute_whatever_the_provider_says(setup: Setup) {
    let world = setup.set("tokens.code_seconds", 300).start().await;
    let code = async || {
        let asked = pushed(&world, &Asked::by(BANK)).await;
        code_of(&world.browser().sign_in(&world, &asked, &world.person()).await)
    };
    let (early, late) = (code().await, code().await);
    post(&world, BANK, "/oidc/token", &redemption(&early)).await.granted();
    world.advance(62).await;
    let fields = redemption(&late);
    // The clock of the test's assertions is the machine's: one minute behind.
    let ahead = json!({"iat": now() + 62, "exp": now() + 122});
    let assertion = KEYS[0].assertion(BANK, world.issuer.as_str().trim_end_matches('/'), &ahead);
    let fields = [&fields[..], &proving(&assertion)[..], &[("client_id", BANK)]].concat();
    let proof = for_tokens(&world, &KEYS[0], &json!({"iat": now() + 62}));
    let request = world.browser().request(Method::POST, &world.url("/oidc/token")).form(&fields);
    let refused = with_proofs(request, &[&proof]).send().await.expect("an answer");
    Tokens::of(refused).await.refused(400, "invalid_grant");
}
