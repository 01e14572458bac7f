//! Request objects by value (RFC 9101, OpenID Connect Core §6.1).

use serde_json::{Value, json};
use yagona::platform::jose::Alg;

use crate::support::client_file::{CASHIER, SHOP, SIGNER, STRICT};
use crate::support::signing::{sign, unsigned};
use crate::support::{Asked, CALLBACK, World, code_of, jwt, on_both_backends, param};

on_both_backends!(
    rfc9101_6_3_parameters_come_from_the_object_alone,
    rfc9101_4_values_of_every_kind_are_parameters,
    rfc9101_6_what_is_wrong_with_an_object_is_told,
    rfc9101_6_1_an_encrypted_object_is_refused_in_its_own_words,
    rfc9101_6_1_an_object_of_no_redirect_uri_gets_a_page,
    fapi2_message_signing_5_3_1_who_must_sign_gets_no_answer_to_less,
    oidc_6_1_a_client_without_keys_signs_nothing,
);

const TYPE: &str = "oauth-authz-req+jwt";

fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// The claims of a request as `Asked::by` has it.
fn claims(world: &World, client: &str) -> Value {
    let mut claims: serde_json::Map<String, Value> = Asked::by(client)
        .fields()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    claims.insert("iss".to_owned(), client.into());
    claims.insert("aud".to_owned(), world.issuer.as_str().trim_end_matches('/').into());
    claims.insert("iat".to_owned(), now().into());
    claims.insert("nbf".to_owned(), now().into());
    claims.insert("exp".to_owned(), (now() + 300).into());
    claims.into()
}

/// The claims with one replaced, or removed by `null`.
fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// A request that is an object, with where errors go beside it.
fn asked(client: &str, object: &str) -> Asked {
    Asked::of_object(client, object).and("redirect_uri", CALLBACK)
}

async fn rfc9101_6_3_parameters_come_from_the_object_alone(world: &World) {
    let inside = with(&claims(world, SIGNER), "scope", "openid".into());
    for typ in [TYPE, "JWT", ""] {
        let object = sign(SIGNER, Alg::ES256, typ, &inside);
        let outside = asked(SIGNER, &object)
            .and("state", "outside")
            .and("scope", "openid profile address")
            .and("response_mode", "form_post")
            .and("prompt", "none")
            .and("response_type", "code");
        let url = world.browser().sign_in(world, &outside, &world.person()).await;
        assert_eq!(param(&url, "state").as_deref(), Some("state-state-state"), "{url}");
        let tokens = world.redeem(SIGNER, &code_of(&url)).await.granted();
        assert_eq!(tokens.get("scope"), "openid");
        assert_eq!(jwt::read(tokens.get("id_token")).claims["nonce"], "nonce-nonce-nonce");
    }
    // Client and object are enough, and may be pushed.
    let object = sign(SIGNER, Alg::ES256, TYPE, &claims(world, SIGNER));
    let bare = Asked::of_object(SIGNER, &object);
    code_of(&world.browser().sign_in(world, &bare, &world.person()).await);
    let pushed = world.pushed(&bare.and("state", "outside")).await;
    let url = world.browser().sign_in(world, &pushed, &world.person()).await;
    assert_eq!(param(&url, "state").as_deref(), Some("state-state-state"), "{url}");
    world.redeem(SIGNER, &code_of(&url)).await.granted();
}

async fn rfc9101_4_values_of_every_kind_are_parameters(world: &World) {
    let issuer = world.issuer.as_str().trim_end_matches('/');
    let inside = with(&claims(world, SIGNER), "max_age", json!(600));
    let inside = with(&inside, "aud", json!(["https://other.uz", issuer]));
    let unmet = json!({"id_token": {"acr": {"essential": true, "values": ["urn:yagona:acr:face"]}}});
    for (name, value, error) in [
        ("claims", unmet, "unmet_authentication_requirements"),
        ("max_age", json!(-1), "invalid_request"),
        ("prompt", json!("none"), "login_required"),
        ("response_mode", json!("web_message"), "invalid_request"),
        ("request_uri", json!("https://a.uz/"), "invalid_request_object"),
    ] {
        let object = sign(SIGNER, Alg::ES256, TYPE, &with(&inside, name, value));
        let url = world.browser().begin(world, &asked(SIGNER, &object)).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some(error), "{url}");
    }
    let object = sign(SIGNER, Alg::ES256, TYPE, &inside);
    world.browser().begin(world, &asked(SIGNER, &object)).await.page().expect("phone");
}

async fn rfc9101_6_what_is_wrong_with_an_object_is_told(world: &World) {
    let good = claims(world, SIGNER);
    let es256 = |claims: &Value| sign(SIGNER, Alg::ES256, TYPE, claims);
    let tampered = {
        let (signed, other) = (es256(&good), es256(&with(&good, "scope", "openid pinfl".into())));
        let (head, signature) =
            (other.rsplit_once('.').expect("parts").0, signed.rsplit_once('.').expect("parts").1);
        format!("{head}.{signature}")
    };
    let mut objects = vec![
        ("no signature", unsigned(&good)),
        ("another key", sign(STRICT, Alg::ES256, TYPE, &good)),
        ("an algorithm that is not registered", sign(SIGNER, Alg::RS256, TYPE, &good)),
        ("other claims", tampered),
        ("another kind of token", sign(SIGNER, Alg::ES256, "at+jwt", &good)),
        ("no token", "x".to_owned()),
    ];
    for (name, value) in [
        ("iss", Value::Null),
        ("iss", SHOP.into()),
        ("aud", Value::Null),
        ("aud", "https://other.uz".into()),
        ("aud", json!(["https://other.uz"])),
        ("client_id", Value::Null),
        ("client_id", SHOP.into()),
        ("exp", json!(now() - 1)),
        ("exp", "soon".into()),
        ("nbf", json!(now() + 90)),
        ("iat", json!(now() + 90)),
        ("sub", SIGNER.into()),
        ("request", "x".into()),
        ("state", "a\u{1}b".into()),
    ] {
        objects.push((name, es256(&with(&good, name, value))));
    }
    for (what, object) in objects {
        let url = world.browser().begin(world, &asked(SIGNER, &object)).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("invalid_request_object"), "{what}: {url}");
        let words = param(&url, "error_description").expect("words");
        assert!(words.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{words}");
        world.push(&asked(SIGNER, &object)).await.refused(400, "invalid_request_object");
    }
    let twice = asked(SIGNER, &es256(&good)).and("request", &es256(&good));
    let url = world.browser().begin(world, &twice).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{url}");
}

async fn rfc9101_6_1_an_encrypted_object_is_refused_in_its_own_words(world: &World) {
    let header = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "oauth-authz-req+jwt"});
    let object = format!("{}.a2V5.aXY.Y2lwaGVydGV4dA.dGFn", jwt::encode(header.to_string().as_bytes()));
    for client in [SIGNER, STRICT] {
        let url = world.browser().begin(world, &asked(client, &object)).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("invalid_request_object"), "{url}");
        let words = param(&url, "error_description").expect("words");
        assert!(words.starts_with("the JWT is encrypted (JWE)"), "{words}");
        let pushed = world.push(&asked(client, &object)).await;
        pushed.refused(400, "invalid_request_object");
        assert_eq!(pushed.get("error_description"), words);
    }
    let keyless = world.browser().begin(world, &asked(SHOP, &object)).await.away();
    assert_eq!(param(&keyless, "error").as_deref(), Some("request_not_supported"), "{keyless}");
    // Nor does a request to somebody who is not at the site come encrypted.
    let asked = world.post_as(CASHIER, "/oidc/bc-authorize", &[("request", &object)]).await;
    asked.refused(400, "invalid_request");
    assert!(asked.get("error_description").starts_with("the JWT is encrypted (JWE)"), "{}", asked.body);
    let metadata = world.json("/.well-known/openid-configuration").await;
    let promises = metadata
        .as_object()
        .expect("metadata")
        .keys()
        .any(|name| name.starts_with("request_object_encryption"));
    assert!(!promises, "{metadata}");
}

async fn rfc9101_6_1_an_object_of_no_redirect_uri_gets_a_page(world: &World) {
    let foreign = sign(STRICT, Alg::ES256, TYPE, &claims(world, SIGNER));
    let page = world.browser().begin(world, &Asked::of_object(SIGNER, &foreign)).await.page();
    assert!(page.expect_status(400).body.contains("invalid_request_object"));
    let elsewhere = with(&claims(world, SIGNER), "redirect_uri", "https://evil.uz/".into());
    let object = sign(SIGNER, Alg::ES256, TYPE, &elsewhere);
    let page = world.browser().begin(world, &asked(SIGNER, &object)).await.page();
    assert!(page.expect_status(400).body.contains("redirect_uri"), "the one that counts is inside");
}

async fn fapi2_message_signing_5_3_1_who_must_sign_gets_no_answer_to_less(world: &World) {
    let url = world.browser().begin(world, &Asked::by(STRICT)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{url}");
    world.push(&Asked::by(STRICT)).await.refused(400, "invalid_request");
    let good = claims(world, STRICT);
    let nbf = now();
    for (typ, claims) in [
        ("JWT", good.clone()),
        ("", good.clone()),
        (TYPE, with(&good, "exp", Value::Null)),
        (TYPE, with(&good, "nbf", Value::Null)),
        (TYPE, with(&good, "exp", json!(nbf + 3700))),
        (TYPE, with(&with(&good, "nbf", json!(nbf - 3700)), "exp", json!(nbf - 100))),
        (TYPE, with(&with(&good, "nbf", json!(nbf - 3700)), "exp", json!(nbf + 60))),
    ] {
        let object = sign(STRICT, Alg::ES256, typ, &claims);
        world.push(&asked(STRICT, &object)).await.refused(400, "invalid_request_object");
    }
    let object = sign(STRICT, Alg::ES256, TYPE, &with(&good, "nbf", json!(nbf + 8)));
    let pushed = world.pushed(&Asked::of_object(STRICT, &object)).await;
    let url = world.browser().sign_in(world, &pushed, &world.person()).await;
    world.redeem(STRICT, &code_of(&url)).await.granted();
}

async fn oidc_6_1_a_client_without_keys_signs_nothing(world: &World) {
    let object = sign(SIGNER, Alg::ES256, TYPE, &claims(world, SHOP));
    let url = world.browser().begin(world, &asked(SHOP, &object)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("request_not_supported"), "{url}");
    world.push(&Asked::by(SHOP).and("request", &object)).await.refused(400, "request_not_supported");
}
