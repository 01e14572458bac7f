//! UserInfo: which tokens are accepted, and which claims are released.

use reqwest::Method;

use crate::support::client_file::{AGENCY, SHOP};
use crate::support::{Asked, World, on_both_backends};

on_both_backends!(
    oidc_5_3_get_and_post_tell_the_same,
    rfc6750_3_without_a_valid_token_the_way_in_is_named,
    rfc6750_3_1_a_repeated_header_is_no_request,
    rfc9700_4_3_2_a_token_in_the_query_is_not_read,
    oidc_5_4_scopes_decide_what_is_told,
    oidc_5_5_single_claims_can_be_asked_for,
);

async fn oidc_5_3_get_and_post_tell_the_same(world: &World) {
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    let by_get = world.userinfo(tokens.get("access_token")).await.granted();
    assert_eq!(by_get.headers["content-type"], "application/json");
    assert_eq!(by_get.headers["cache-control"], "no-store");
    let request = world.browser().request(Method::POST, &world.url("/oidc/userinfo"));
    let by_post = request.bearer_auth(tokens.get("access_token")).send().await.expect("an answer");
    assert_eq!(by_post.json::<serde_json::Value>().await.expect("JSON"), by_get.body);
}

async fn rfc6750_3_without_a_valid_token_the_way_in_is_named(world: &World) {
    let bare =
        world.browser().request(Method::GET, &world.url("/oidc/userinfo")).send().await.expect("an answer");
    assert_eq!(bare.status(), 401);
    assert!(bare.headers()["www-authenticate"].to_str().is_ok_and(|value| value.starts_with("Bearer")));
    for token in ["wrong", "a.b.c", &"x".repeat(4000), "eyJhbGciOiJub25lIn0.e30."] {
        let refused = world.userinfo(token).await;
        assert_eq!(refused.status, 401, "{token}");
        let way_in = refused.headers["www-authenticate"].to_str().expect("ASCII");
        assert!(way_in.starts_with("Bearer") && way_in.contains("invalid_token"), "{way_in}");
    }
}

async fn rfc6750_3_1_a_repeated_header_is_no_request(world: &World) {
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    let token = tokens.get("access_token");
    for second in [token, "another"] {
        let request = world.browser().request(Method::GET, &world.url("/oidc/userinfo")).bearer_auth(token);
        let request = request.header("Authorization", format!("Bearer {second}"));
        let refused = request.send().await.expect("an answer");
        assert_eq!(refused.status(), 400);
        let told = refused.headers()["www-authenticate"].to_str().expect("ASCII");
        assert!(told.contains("error=\"invalid_request\""), "{told}");
    }
}

async fn rfc9700_4_3_2_a_token_in_the_query_is_not_read(world: &World) {
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    let path = format!("/oidc/userinfo?access_token={}", tokens.get("access_token"));
    let answer = world.browser().request(Method::GET, &world.url(&path)).send().await.expect("an answer");
    assert!(answer.status() == 401 || answer.status() == 400, "{}", answer.status());
}

async fn oidc_5_4_scopes_decide_what_is_told(world: &World) {
    let person = world.person();
    let told = async |scope: &str| {
        let tokens = world.tokens(&Asked::by(SHOP).with("scope", scope), &person).await;
        world.userinfo(tokens.get("access_token")).await.granted().body
    };
    let nothing = told("openid").await;
    assert_eq!(nothing.as_object().expect("claims").keys().collect::<Vec<_>>(), ["sub"], "{nothing}");
    let phone = told("openid phone").await;
    assert_eq!(phone["phone_number"], format!("+{}", person.number));
    assert_eq!(phone["phone_number_verified"], true);
    assert!(phone.get("name").is_none(), "{phone}");
    let all = told("openid profile phone address").await;
    for name in ["name", "given_name", "family_name", "middle_name", "birthdate"] {
        assert!(all[name].is_string(), "{name}: {all}");
    }
    assert_eq!(all["birthdate"], "1990-01-01");
    assert!(all["address"].is_object(), "{all}");
    assert!(!all.to_string().contains(&person.pinfl), "the client has no permission for it: {all}");
}

async fn oidc_5_5_single_claims_can_be_asked_for(world: &World) {
    let claims = r#"{"userinfo":{"name":{"essential":true},"birthdate":null,"nonsense":{"essential":true}}}"#;
    let asked = Asked::by(AGENCY).with("scope", "openid").and("claims", claims);
    let tokens = world.tokens(&asked, &world.person()).await;
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert!(told["name"].is_string() && told["birthdate"].is_string(), "{told}");
    assert!(told.get("phone_number").is_none(), "{told}");
    for claims in ["{", "[]", r#"{"userinfo":3}"#] {
        let url = world.browser().begin(world, &Asked::by(AGENCY).and("claims", claims)).await.away();
        assert_eq!(crate::support::param(&url, "error").as_deref(), Some("invalid_request"), "{claims}");
    }
}
