//! RFC 7523: clients that prove themselves by a signed assertion, with a key or with their secret.

use serde_json::{Value, json};

use crate::support::client_file::{FEDERATED, KEYED, SHOP, SIGNING, secret};
use crate::support::flow::{proving, redemption};
use crate::support::signer::{KEYS, Signer, assertion_claims, now, sign_with_secret, unique, with};
use crate::support::wait::until;
use crate::support::{Asked, Tokens, World, code_of, on_both_backends};

on_both_backends!(
    rfc7523_2_2_a_client_proves_itself_with_each_of_its_keys,
    rfc7523_3_an_assertion_that_is_not_right_is_refused,
    rfc7523_3_a_clock_may_be_ten_seconds_ahead,
    rfc7523_3_an_assertion_is_used_once,
    rfc6749_2_3_a_client_is_held_to_its_method_and_to_one_at_a_time,
    rfc7523_3_the_audience_and_the_algorithm_are_a_matter_of_the_registration,
    oidc_9_a_client_that_signs_with_its_secret_keeps_both_while_they_rotate,
    oidc_10_1_1_the_keys_may_be_published,
);

const ASSERTED: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn issuer(world: &World) -> &str {
    world.issuer.as_str().trim_end_matches('/')
}

/// Asks the introspection endpoint about nothing, with this assertion.
async fn prove(world: &World, assertion: &str, more: &[(&str, &str)]) -> Tokens {
    let proof = [("token", "x"), ("client_assertion_type", ASSERTED), ("client_assertion", assertion)];
    world.post_bare(world.nodes[0].port, "/oidc/introspect", &[&proof[..], more].concat(), None).await
}

/// Fails unless the client is believed.
async fn believed(world: &World, assertion: &str) {
    let answer = prove(world, assertion, &[]).await;
    assert_eq!((answer.status, &answer.body["active"]), (200, &false.into()), "{}", answer.body);
}

async fn rfc7523_2_2_a_client_proves_itself_with_each_of_its_keys(world: &World) {
    for key in &*KEYS {
        let asked = Asked::by(KEYED).with("scope", "openid offline_access");
        let url = world.browser().sign_in(world, &asked, &world.person()).await;
        let code = code_of(&url);
        let post = async |path: &str, fields: &[(&str, &str)]| {
            let assertion = key.assertion(KEYED, issuer(world), &json!({}));
            world.post_bare(world.nodes[0].port, path, &[fields, &proving(&assertion)].concat(), None).await
        };
        let tokens = post("/oidc/token", &redemption(&code)).await.granted();
        let token = [("token", tokens.get("access_token"))];
        assert_eq!(post("/oidc/introspect", &token).await.granted().body["client_id"], KEYED);
        let again = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
        post("/oidc/token", &again).await.granted();
        assert_eq!(post("/oidc/revoke", &token).await.status, 200);
        assert_eq!(post("/oidc/introspect", &token).await.granted().body["active"], false);
    }
    let assertion = || KEYS[0].assertion(KEYED, issuer(world), &json!({}));
    assert_eq!(prove(world, &assertion(), &[("client_id", KEYED)]).await.status, 200);
    prove(world, &assertion(), &[("client_id", SHOP)]).await.refused(400, "invalid_request");
    let typed = json!({"alg": "ES256", "kid": "e", "typ": "client-authentication+jwt"});
    believed(world, &KEYS[0].sign(&typed, &assertion_claims(KEYED, issuer(world), &json!({})))).await;
}

async fn rfc7523_3_an_assertion_that_is_not_right_is_refused(world: &World) {
    let (issuer, token) = (issuer(world), world.url("/oidc/token"));
    let claims = |more: Value| assertion_claims(KEYED, issuer, &more);
    let header = |more: Value| with(json!({"alg": "ES256", "kid": "e"}), &more);
    let wrong_claims = [
        json!({"aud": [issuer]}),
        json!({"aud": token.as_str()}),
        json!({"aud": world.issuer.as_str()}),
        json!({"aud": "https://elsewhere.uz"}),
        json!({"aud": null}),
        json!({"iss": SHOP}),
        json!({"iss": null}),
        json!({"sub": SHOP}),
        json!({"sub": null}),
        json!({"sub": "nobody", "iss": "nobody"}),
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"exp": now() - 300}),
        json!({"exp": now() + 3600}),
        json!({"iat": now() + 90}),
        json!({"nbf": now() + 90}),
        json!({"iat": "now"}),
        json!({"jti": null}),
        json!({"jti": 5}),
        json!({"jti": "x".repeat(300)}),
    ];
    let mut wrong: Vec<(String, String)> = wrong_claims
        .into_iter()
        .map(|more| (more.to_string(), KEYS[0].sign(&header(json!({})), &claims(more))))
        .collect();
    let stranger = Signer::elliptic("e");
    let bare = |header: Value| {
        let signed = KEYS[0].sign(&header, &claims(json!({})));
        signed[..=signed.rfind('.').expect("three parts")].to_owned()
    };
    wrong.extend([
        ("another's key".to_owned(), stranger.assertion(KEYED, issuer, &json!({}))),
        ("an unknown kid".to_owned(), KEYS[0].sign(&header(json!({"kid": "x"})), &claims(json!({})))),
        ("RS256".to_owned(), KEYS[2].sign(&json!({"alg": "RS256", "kid": "r"}), &claims(json!({})))),
        ("none".to_owned(), bare(json!({"alg": "none"}))),
        ("another type".to_owned(), KEYS[0].sign(&header(json!({"typ": "dpop+jwt"})), &claims(json!({})))),
        ("crit".to_owned(), KEYS[0].sign(&header(json!({"crit": ["b64"]})), &claims(json!({})))),
        ("the public key as a secret".to_owned(), {
            let key = KEYS[0].jwk().to_string();
            sign_with_secret(key.as_bytes(), &claims(json!({})))
        }),
        ("no signature".to_owned(), bare(header(json!({})))),
        ("no JWS".to_owned(), "nonsense".to_owned()),
    ]);
    for (what, assertion) in wrong {
        let refused = prove(world, &assertion, &[]).await;
        assert_eq!((refused.status, &refused.body["error"]), (401, &"invalid_client".into()), "{what}");
        let why = refused.body["error_description"].as_str().expect("a reason");
        assert!(why.len() > 20 && why.is_ascii() && !why.contains(['"', '\\']), "{what}: {why}");
    }
    let good = KEYS[0].assertion(KEYED, issuer, &json!({}));
    let port = world.nodes[0].port;
    for (fields, status, error) in [
        (vec![("client_assertion", good.as_str())], 400, "invalid_request"),
        (vec![("client_assertion_type", ASSERTED), ("client_id", KEYED)], 400, "invalid_request"),
        (vec![("client_assertion_type", "jwt"), ("client_assertion", &good)], 401, "invalid_client"),
    ] {
        let fields = [&[("token", "x")], &fields[..]].concat();
        world.post_bare(port, "/oidc/introspect", &fields, None).await.refused(status, error);
    }
    believed(world, &good).await;
}

async fn rfc7523_3_a_clock_may_be_ten_seconds_ahead(world: &World) {
    let ahead = json!({"iat": now() + 8, "nbf": now() + 8, "exp": now() + 308});
    believed(world, &KEYS[0].assertion(KEYED, issuer(world), &ahead)).await;
    let fraction = json!({"iat": now() as f64 + 0.25, "exp": now() as f64 + 60.5});
    believed(world, &KEYS[0].assertion(KEYED, issuer(world), &fraction)).await;
}

async fn rfc7523_3_an_assertion_is_used_once(world: &World) {
    let assertion = KEYS[0].assertion(KEYED, issuer(world), &json!({}));
    let all = (0..12).map(|_| prove(world, &assertion, &[]));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    let refused = prove(world, &assertion, &[]).await;
    refused.refused(401, "invalid_client");
    assert!(refused.body["error_description"].as_str().is_some_and(|why| why.contains("jti")));
    // Another client may use the same identifier, and so may one that was not believed.
    let jti = unique();
    let stranger = Signer::elliptic("e").assertion(KEYED, issuer(world), &json!({"jti": jti}));
    prove(world, &stranger, &[]).await.refused(401, "invalid_client");
    believed(world, &KEYS[2].assertion(KEYED, issuer(world), &json!({"jti": jti}))).await;
    let federated = KEYS[2].sign(
        &json!({"alg": "RS256", "kid": "r"}),
        &assertion_claims(FEDERATED, issuer(world), &json!({"jti": jti})),
    );
    believed(world, &federated).await;
}

async fn rfc6749_2_3_a_client_is_held_to_its_method_and_to_one_at_a_time(world: &World) {
    let port = world.nodes[0].port;
    let own = secret(KEYED);
    let token = [("token", "x")];
    let sent = world.post_bare(port, "/oidc/introspect", &token, Some((KEYED, &own))).await;
    sent.refused(401, "invalid_client");
    assert!(sent.body["error_description"].as_str().is_some_and(|why| why.contains("private_key_jwt")));
    let bare = [("token", "x"), ("client_id", KEYED)];
    world.post_bare(port, "/oidc/introspect", &bare, None).await.refused(401, "invalid_client");
    let shops = KEYS[0].assertion(SHOP, issuer(world), &json!({}));
    prove(world, &shops, &[]).await.refused(401, "invalid_client");
    let by_secret =
        sign_with_secret(secret(SHOP).as_bytes(), &assertion_claims(SHOP, issuer(world), &json!({})));
    prove(world, &by_secret, &[]).await.refused(401, "invalid_client");
    let good = KEYS[0].assertion(KEYED, issuer(world), &json!({}));
    prove(world, &good, &[("client_secret", &own)]).await.refused(400, "invalid_request");
    let fields = [&token[..], &proving(&good)].concat();
    let basic = world.post_bare(port, "/oidc/introspect", &fields, Some((KEYED, &own))).await;
    basic.refused(400, "invalid_request");
    believed(world, &good).await;
}

async fn rfc7523_3_the_audience_and_the_algorithm_are_a_matter_of_the_registration(world: &World) {
    let issuer = issuer(world);
    let (token, introspection) = (world.url("/oidc/token"), world.url("/oidc/introspect"));
    let signed = |aud: Value| {
        let claims = assertion_claims(FEDERATED, issuer, &json!({"aud": aud}));
        KEYS[2].sign(&json!({"alg": "RS256", "kid": "r"}), &claims)
    };
    for aud in [
        json!(issuer),
        json!(token.as_str()),
        json!(introspection.as_str()),
        json!(["https://elsewhere.uz", token.as_str()]),
    ] {
        believed(world, &signed(aud)).await;
    }
    for aud in [json!("https://elsewhere.uz"), json!([]), json!([5]), json!({}), json!(null)] {
        prove(world, &signed(aud), &[]).await.refused(401, "invalid_client");
    }
    // Its algorithm is the registered one alone.
    let other = KEYS[0].assertion(FEDERATED, issuer, &json!({}));
    prove(world, &other, &[]).await.refused(401, "invalid_client");
}

async fn oidc_9_a_client_that_signs_with_its_secret_keeps_both_while_they_rotate(world: &World) {
    let signed = |secret: &str| {
        sign_with_secret(secret.as_bytes(), &assertion_claims(SIGNING, issuer(world), &json!({})))
    };
    let first = secret(SIGNING);
    believed(world, &signed(&first)).await;
    prove(world, &signed("another-secret-another-secret-another"), &[]).await.refused(401, "invalid_client");
    let port = world.nodes[0].port;
    let sent = world.post_bare(port, "/oidc/introspect", &[("token", "x")], Some((SIGNING, &first))).await;
    sent.refused(401, "invalid_client");
    let rotate = |keep: &str| {
        let said = world.command(&["client", "rotate-secret", SIGNING, "--keep-old", keep]);
        let line = said.lines().find_map(|line| line.trim().strip_prefix("client_secret"));
        line.unwrap_or_else(|| panic!("no secret in {said}")).trim().to_owned()
    };
    let is_believed = async |secret: &str| prove(world, &signed(secret), &[]).await.status == 200;
    let second = rotate("1");
    until("the second secret", async || is_believed(&second).await.then_some(())).await;
    assert!(is_believed(&first).await, "it works for an hour more");
    // An export has no digest, and imported again it keeps the secret.
    let exported = world.command(&["client", "export", SIGNING]);
    assert!(
        exported.contains("client_secret_jwt") && !exported.contains("client_secret_sha256"),
        "{exported}"
    );
    let file = world.folder.file("signing.toml");
    std::fs::write(&file, exported).expect("a file");
    world.command(&["client", "import", &file.display().to_string()]);
    let third = rotate("0");
    until("the third secret", async || is_believed(&third).await.then_some(())).await;
    assert!(!is_believed(&second).await && !is_believed(&first).await);
    world.command(&["client", "import", &file.display().to_string()]);
    until("the same secret after an import", async || is_believed(&third).await.then_some(())).await;
}

async fn oidc_10_1_1_the_keys_may_be_published(world: &World) {
    let key = Signer::elliptic("1");
    let published = crate::support::publisher::Publisher::start(&json!({"keys": [key.jwk()]}));
    let id = "publishing";
    let members =
        format!("token_endpoint_auth_method = \"private_key_jwt\"\njwks_uri = \"{}\"\n", published.url);
    let file = world.folder.file("publishing.toml");
    std::fs::write(&file, crate::support::client_file::client(id, &members)).expect("a file");
    let said = world.command(&["client", "import", &file.display().to_string()]);
    assert!(!said.contains("client_secret"), "{said}");
    let proven =
        async || prove(world, &key.assertion(id, issuer(world), &json!({})), &[]).await.status == 200;
    until("the provider to know the client", async || proven().await.then_some(())).await;
    assert!(proven().await);
    assert_eq!(published.asked(), 1, "they are kept");
    let other = Signer::elliptic("2").assertion(id, issuer(world), &json!({}));
    prove(world, &other, &[]).await.refused(401, "invalid_client");
}
