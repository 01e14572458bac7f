//! RFC 9449: tokens that are bound to a key, proofs of possession, nonces.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client_file::{BOUND, MACHINE, MODERN, NATIVE, NONCED, SHOP, secret};
use crate::support::flow::redemption;
use crate::support::jwt::encode;
use crate::support::proofs::{for_tokens, for_userinfo, userinfo, with_proofs};
use crate::support::signer::{KEYS, Signer, now, with};
use crate::support::{Asked, Tokens, World, code_of, jwt, on_both_backends, param};

on_both_backends!(
    rfc9449_5_tokens_are_bound_to_the_key_that_proves_itself,
    rfc9449_7_2_a_bound_token_is_nobodys_without_a_proof,
    rfc9449_4_3_no_other_proof_opens_userinfo,
    rfc9449_4_3_what_means_the_same_address_is_accepted,
    rfc9449_5_a_wrong_proof_uses_nothing_up,
    rfc9449_5_refresh_tokens_of_public_clients_are_bound,
    rfc9449_5_2_a_client_may_be_registered_for_bound_tokens_alone,
    rfc9449_10_a_code_is_bound_to_the_key_that_the_request_names,
    rfc9449_8_a_client_may_have_to_use_nonces,
);

/// A request to the token endpoint with these `DPoP` headers.
async fn ask(world: &World, client: &str, fields: &[(&str, &str)], proofs: &[&str]) -> Tokens {
    let request = world.browser().request(Method::POST, &world.url("/oidc/token"));
    let request = match client {
        NATIVE => request.form(&[fields, &[("client_id", client)]].concat()),
        BOUND => {
            let issuer = world.issuer.as_str().trim_end_matches('/');
            let assertion = KEYS[0].assertion(client, issuer, &json!({}));
            request.form(&[fields, &crate::support::flow::proving(&assertion)].concat())
        }
        _ => request.form(fields).basic_auth(client, Some(secret(client))),
    };
    Tokens::of(with_proofs(request, proofs).send().await.expect("an answer")).await
}

/// Signs somebody in and redeems the code with a proof of `key`.
async fn bound_tokens(world: &World, asked: &Asked, key: &Signer) -> Tokens {
    let url = world.browser().sign_in(world, asked, &world.person()).await;
    let proof = for_tokens(world, key, &json!({}));
    ask(world, &asked.client_id, &redemption(&code_of(&url)), &[&proof]).await.granted()
}

async fn rfc9449_5_tokens_are_bound_to_the_key_that_proves_itself(world: &World) {
    for (client, key) in [(SHOP, &KEYS[0]), (MODERN, &KEYS[0]), (SHOP, &KEYS[1]), (SHOP, &KEYS[2])] {
        let tokens = bound_tokens(world, &Asked::by(client), key).await;
        assert_eq!(tokens.get("token_type"), "DPoP");
        let token = tokens.get("access_token");
        let told = world.post_as(client, "/oidc/introspect", &[("token", token)]).await.granted().body;
        assert_eq!((&told["active"], &told["token_type"]), (&true.into(), &"DPoP".into()), "{told}");
        if key.alg() == "ES256" {
            assert_eq!(told["cnf"], json!({"jkt": key.thumbprint()}));
        }
        if client == MODERN {
            assert_eq!(jwt::read(token).claims["cnf"], told["cnf"]);
        }
        for scheme in ["DPoP", "dpop"] {
            let proof = for_userinfo(world, key, token, &json!({}));
            let (status, challenge, nonce) = userinfo(world, &format!("{scheme} {token}"), &[&proof]).await;
            assert_eq!((status, nonce), (200, None), "{client}: {challenge}");
        }
    }
    let proof = for_tokens(world, &KEYS[0], &json!({}));
    let machine = ask(world, MACHINE, &[("grant_type", "client_credentials")], &[&proof]).await.granted();
    assert_eq!(machine.get("token_type"), "DPoP");
}

async fn rfc9449_7_2_a_bound_token_is_nobodys_without_a_proof(world: &World) {
    for client in [SHOP, MODERN] {
        let tokens = bound_tokens(world, &Asked::by(client), &KEYS[0]).await;
        let token = tokens.get("access_token");
        let proof = for_userinfo(world, &KEYS[0], token, &json!({}));
        for proofs in [&[][..], &[proof.as_str()]] {
            let (status, challenge, _) = userinfo(world, &format!("Bearer {token}"), proofs).await;
            assert_eq!(status, 401);
            assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
            assert!(challenge.contains("DPoP realm=\"yagona\", algs=\"ES256 EdDSA PS256\""), "{challenge}");
        }
        let form = [("access_token", token)];
        let request = world.browser().request(Method::POST, &world.url("/oidc/userinfo")).form(&form);
        assert_eq!(request.send().await.expect("an answer").status(), 401);
        let (status, challenge, _) = userinfo(world, &format!("DPoP {token}"), &[&proof]).await;
        assert_eq!(status, 200, "{challenge}");
    }
    // And one that is bound to nothing needs none, and is not presented as if it were.
    let free = world.tokens(&Asked::by(SHOP), &world.person()).await;
    let token = free.get("access_token");
    let proof = for_userinfo(world, &KEYS[0], token, &json!({}));
    let (status, challenge, _) = userinfo(world, &format!("DPoP {token}"), &[&proof]).await;
    assert_eq!(status, 401);
    assert!(challenge.starts_with("DPoP") && challenge.contains("error=\"invalid_token\""), "{challenge}");
    assert_eq!(world.userinfo(token).await.status, 200);
}

async fn rfc9449_4_3_no_other_proof_opens_userinfo(world: &World) {
    let key = &KEYS[0];
    let tokens = bound_tokens(world, &Asked::by(SHOP), key).await;
    let token = tokens.get("access_token");
    let good = || for_userinfo(world, key, token, &json!({}));
    let claims = |more: Value| vec![for_userinfo(world, key, token, &more)];
    let header = |more: Value| {
        let usual = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": key.bare_jwk()});
        vec![key.sign(&with(usual, &more), &jwt::read(&good()).claims)]
    };
    let private = with(key.bare_jwk(), &json!({"d": "AAAA"}));
    let rsa = |alg: &str| {
        let header = json!({"alg": alg, "typ": "dpop+jwt", "jwk": KEYS[2].bare_jwk()});
        vec![KEYS[2].sign(&header, &jwt::read(&good()).claims)]
    };
    let used = good();
    assert_eq!(userinfo(world, &format!("DPoP {token}"), &[&used]).await.0, 200);
    let altered = format!("{}AAAA", &good()[..good().len() - 4]);
    let probes: Vec<(&str, Vec<String>)> = vec![
        ("no proof", vec![]),
        ("two proofs", vec![good(), good()]),
        ("two in one header", vec![format!("{}, {}", good(), good())]),
        ("no JWT", vec!["nonsense".to_owned()]),
        ("an empty one", vec![String::new()]),
        ("no typ", header(json!({"typ": null}))),
        ("another typ", header(json!({"typ": "JWT"}))),
        ("no alg", header(json!({"alg": null}))),
        ("none", header(json!({"alg": "none"}))),
        ("HS256", header(json!({"alg": "HS256"}))),
        ("RS256", rsa("RS256")),
        ("the alg of another key", header(json!({"alg": "PS256"}))),
        ("no jwk", header(json!({"jwk": null}))),
        ("no public key", header(json!({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}))),
        ("a private key", header(json!({"jwk": private}))),
        ("the jwk of another key", header(json!({"jwk": Signer::elliptic("x").bare_jwk()}))),
        ("crit", header(json!({"crit": ["exp"], "exp": 5}))),
        ("a bad signature", vec![altered]),
        ("no jti", claims(json!({"jti": null}))),
        ("no htm", claims(json!({"htm": null}))),
        ("no htu", claims(json!({"htu": null}))),
        ("no iat", claims(json!({"iat": null}))),
        ("no ath", claims(json!({"ath": null}))),
        ("another method", claims(json!({"htm": "POST"}))),
        ("another address", claims(json!({"htu": world.url("/oidc/token").as_str()}))),
        ("another host", claims(json!({"htu": "https://elsewhere.uz/oidc/userinfo"}))),
        ("another token's", claims(json!({"ath": encode(&[0; 32])}))),
        ("an hour old", claims(json!({"iat": now() - 3600}))),
        ("an hour ahead", claims(json!({"iat": now() + 3600}))),
        ("iat as a text", claims(json!({"iat": now().to_string()}))),
        ("a made-up nonce", claims(json!({"nonce": "made up"}))),
        ("another key", vec![for_userinfo(world, &Signer::elliptic("x"), token, &json!({}))]),
        ("another client's algorithm", rsa("PS256")),
        ("used before", vec![used.clone()]),
    ];
    for (what, proofs) in probes {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let (status, challenge, _) = userinfo(world, &format!("DPoP {token}"), &proofs).await;
        assert_eq!(status, 401, "{what}: {challenge}");
        assert!(challenge.starts_with("DPoP ") && challenge.contains("algs="), "{what}: {challenge}");
        let known = ["invalid_dpop_proof", "invalid_token", "use_dpop_nonce"];
        assert!(
            known.iter().any(|error| challenge.contains(&format!("error=\"{error}\""))),
            "{what}: {challenge}"
        );
    }
    let stolen = [for_userinfo(world, key, "another token", &json!({}))];
    assert_eq!(userinfo(world, "DPoP another-token", &[&stolen[0]]).await.0, 401);
    assert_eq!(userinfo(world, &format!("DPoP {token}"), &[&good()]).await.0, 200);
}

async fn rfc9449_4_3_what_means_the_same_address_is_accepted(world: &World) {
    let key = &KEYS[0];
    let tokens = bound_tokens(world, &Asked::by(SHOP), key).await;
    let token = tokens.get("access_token");
    let own = world.url("/oidc/userinfo").to_string();
    for more in [
        json!({"htu": format!("{own}?a=b")}),
        json!({"htu": format!("{own}#part")}),
        json!({"htu": own.replace("http://localhost", "HTTP://LocalHost")}),
        json!({"iat": now() - 10}),
        json!({"iat": now() + 8}),
        json!({"extra": {"a": [1]}, "exp": now() + 5}),
    ] {
        let proof = for_userinfo(world, key, token, &more);
        let (status, challenge, _) = userinfo(world, &format!("DPoP {token}"), &[&proof]).await;
        assert_eq!(status, 200, "{more}: {challenge}");
    }
}

async fn rfc9449_5_a_wrong_proof_uses_nothing_up(world: &World) {
    let url = world.browser().sign_in(world, &Asked::by(SHOP), &world.person()).await;
    let code = code_of(&url);
    let (key, fields) = (&KEYS[0], redemption(&code));
    let good = for_tokens(world, key, &json!({}));
    for proofs in [
        vec!["nonsense".to_owned()],
        vec![good.clone(), good.clone()],
        vec![for_tokens(world, key, &json!({"htm": "GET"}))],
        vec![for_tokens(world, key, &json!({"htu": world.url("/oidc/userinfo").as_str()}))],
        vec![for_tokens(world, key, &json!({"iat": now() - 3600}))],
    ] {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let refused = ask(world, SHOP, &fields, &proofs).await;
        refused.refused(400, "invalid_dpop_proof");
        assert!(refused.body["error_description"].as_str().is_some_and(|why| why.contains("DPoP")));
    }
    ask(world, SHOP, &fields, &[&good]).await.granted();
    ask(world, MACHINE, &[("grant_type", "client_credentials")], &[&good])
        .await
        .refused(400, "invalid_dpop_proof");
}

async fn rfc9449_5_refresh_tokens_of_public_clients_are_bound(world: &World) {
    let (key, other) = (&KEYS[0], Signer::elliptic("x"));
    let refresh = async |client: &str, token: &str, by: Option<&Signer>| {
        let proof = by.map(|key| for_tokens(world, key, &json!({})));
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        ask(world, client, &fields, &proof.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    let offline = |client: &str| Asked::by(client).with("scope", "openid offline_access");
    let public = bound_tokens(world, &offline(NATIVE), key).await;
    let token = public.get("refresh_token");
    refresh(NATIVE, token, None).await.refused(400, "invalid_grant");
    refresh(NATIVE, token, Some(&other)).await.refused(400, "invalid_grant");
    let next = refresh(NATIVE, token, Some(key)).await.granted();
    assert_eq!(next.get("token_type"), "DPoP");
    refresh(NATIVE, next.get("refresh_token"), Some(&other)).await.refused(400, "invalid_grant");
    refresh(NATIVE, next.get("refresh_token"), Some(key)).await.granted();
    // One that proves itself otherwise may change its key, and one that has none yet may begin with it.
    let confidential = bound_tokens(world, &offline(SHOP), key).await;
    let next = refresh(SHOP, confidential.get("refresh_token"), Some(&other)).await.granted();
    let told = world.post_as(SHOP, "/oidc/introspect", &[("token", next.get("access_token"))]).await;
    assert_eq!(told.body["cnf"]["jkt"], other.thumbprint());
    // What it proves then binds all that follows, and the token that it began with gives nobody else a successor.
    let free = world.tokens(&offline(NATIVE), &world.person()).await;
    let first = free.get("refresh_token");
    let next = refresh(NATIVE, first, Some(key)).await.granted();
    assert_eq!(next.get("token_type"), "DPoP");
    refresh(NATIVE, first, None).await.refused(400, "invalid_grant");
    refresh(NATIVE, first, Some(&other)).await.refused(400, "invalid_grant");
    let bound = next.get("refresh_token");
    refresh(NATIVE, bound, None).await.refused(400, "invalid_grant");
    refresh(NATIVE, bound, Some(&other)).await.refused(400, "invalid_grant");
    let later = refresh(NATIVE, bound, Some(key)).await.granted();
    refresh(NATIVE, later.get("refresh_token"), Some(&other)).await.refused(400, "invalid_grant");
    refresh(NATIVE, later.get("refresh_token"), Some(key)).await.granted();
}

async fn rfc9449_5_2_a_client_may_be_registered_for_bound_tokens_alone(world: &World) {
    let asked = Asked::by(BOUND).with("scope", "openid offline_access");
    let url = world.browser().sign_in(world, &asked, &world.person()).await;
    let fields = redemption(&code_of(&url)).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ask(world, BOUND, &fields, &[]).await.refused(400, "invalid_dpop_proof");
    let tokens = ask(world, BOUND, &fields, &[&for_tokens(world, &KEYS[1], &json!({}))]).await.granted();
    let again = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
    ask(world, BOUND, &again, &[]).await.refused(400, "invalid_dpop_proof");
    ask(world, BOUND, &again, &[&for_tokens(world, &KEYS[0], &json!({}))]).await.granted();
}

async fn rfc9449_10_a_code_is_bound_to_the_key_that_the_request_names(world: &World) {
    let (key, other) = (&KEYS[0], Signer::elliptic("x"));
    let asked = Asked::by(SHOP).and("dpop_jkt", &key.thumbprint());
    let code = code_of(&world.browser().sign_in(world, &asked, &world.person()).await);
    let fields = redemption(&code);
    ask(world, SHOP, &fields, &[]).await.refused(400, "invalid_grant");
    ask(world, SHOP, &fields, &[&for_tokens(world, &other, &json!({}))]).await.refused(400, "invalid_grant");
    ask(world, SHOP, &fields, &[&for_tokens(world, key, &json!({}))]).await.granted();
    for wrong in ["x", &"A".repeat(44), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X="] {
        let url = world.browser().begin(world, &Asked::by(SHOP).and("dpop_jkt", wrong)).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{wrong}");
    }
}

async fn rfc9449_8_a_client_may_have_to_use_nonces(world: &World) {
    let key = &KEYS[0];
    let code = code_of(&world.browser().sign_in(world, &Asked::by(NONCED), &world.person()).await);
    let fields = redemption(&code);
    let nonce_of = |answer: &Tokens| answer.headers["dpop-nonce"].to_str().expect("ASCII").to_owned();
    let refused = ask(world, NONCED, &fields, &[&for_tokens(world, key, &json!({}))]).await;
    refused.refused(400, "use_dpop_nonce");
    let exposed = refused.headers["access-control-expose-headers"].to_str().expect("ASCII");
    assert!(exposed.contains("dpop-nonce") && exposed.contains("www-authenticate"), "{exposed}");
    let made_up = for_tokens(world, key, &json!({"nonce": "made up"}));
    ask(world, NONCED, &fields, &[&made_up]).await.refused(400, "use_dpop_nonce");
    // A client without a right clock is believed by the nonce.
    let nonce = nonce_of(&refused);
    let proof = for_tokens(world, key, &json!({"nonce": nonce, "iat": now() - 86_400}));
    let tokens = ask(world, NONCED, &fields, &[&proof]).await.granted();
    let next = nonce_of(&tokens);
    ask(world, NONCED, &fields, &[&proof]).await.refused(400, "invalid_dpop_proof");
    let token = tokens.get("access_token");
    let bare = for_userinfo(world, key, token, &json!({}));
    let (status, challenge, offered) = userinfo(world, &format!("DPoP {token}"), &[&bare]).await;
    assert_eq!(status, 401);
    assert!(challenge.contains("error=\"use_dpop_nonce\"") && offered.is_some(), "{challenge}");
    let proof = for_userinfo(world, key, token, &json!({"nonce": next}));
    let (status, challenge, offered) = userinfo(world, &format!("DPoP {token}"), &[&proof]).await;
    assert_eq!(status, 200, "{challenge}");
    assert!(offered.is_some(), "the next one comes along");
    // Whoever need not use them may, and whose clock is wrong is offered one.
    let wrong = for_tokens(world, key, &json!({"iat": now() - 3600}));
    let refused = ask(world, MACHINE, &[("grant_type", "client_credentials")], &[&wrong]).await;
    refused.refused(400, "invalid_dpop_proof");
    let healed = for_tokens(world, key, &json!({"iat": now() - 3600, "nonce": nonce_of(&refused)}));
    ask(world, MACHINE, &[("grant_type", "client_credentials")], &[&healed]).await.granted();
}
