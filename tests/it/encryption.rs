//! What is signed and encrypted for a service besides plain ID tokens: nested ID tokens, UserInfo, authorization answers, and
//! introspection.

use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use crate::support::client_file::{ARCHIVE, RIVAL, SEALED, SHOP, client, secret};
use crate::support::flow::redemption;
use crate::support::listener::Listener;
use crate::support::publisher::Publisher;
use crate::support::recipient::{ELLIPTIC, RSA};
use crate::support::wait::until;
use crate::support::{Asked, World, code_of, jwt, on_both_backends, param};

on_both_backends!(
    oidc_core_16_14_id_tokens_are_signed_and_then_encrypted,
    oidc_core_5_3_2_userinfo_is_signed_and_encrypted_as_registered,
    jarm_2_2_answers_are_signed_and_then_encrypted,
    rfc9701_5_introspection_is_answered_by_a_signed_token,
    rfc9701_5_whoever_may_not_know_learns_that_it_is_inactive,
    an_encrypted_hint_is_refused_and_the_signed_one_in_it_taken,
    back_channel_2_6_who_has_id_tokens_encrypted_is_told_by_an_encrypted_token,
    what_cannot_be_encrypted_is_refused_before_anything_is_used_up,
    what_is_read_once_is_not_lost_by_an_answer_that_cannot_be_encrypted,
    who_gets_no_id_token_needs_no_key_for_one,
);

fn issuer(world: &World) -> &str {
    world.issuer.as_str().trim_end_matches('/')
}

async fn oidc_core_16_14_id_tokens_are_signed_and_then_encrypted(world: &World) {
    let keys = world.keys().await;
    for (client, recipient) in [(SEALED, &*ELLIPTIC), (ARCHIVE, &*RSA)] {
        let asked = Asked::by(client).with("scope", "openid profile phone offline_access");
        let tokens = world.tokens(&asked, &world.person()).await;
        let first = jwt::verify(&recipient.nested(tokens.get("id_token")), &keys);
        assert_eq!((&first.header["typ"], &first.claims["aud"]), (&json!("JWT"), &json!(client)));
        assert_eq!(first.claims["nonce"], "nonce-nonce-nonce");
        let next = world.refresh(client, tokens.get("refresh_token")).await.granted();
        let second = jwt::verify(&recipient.nested(next.get("id_token")), &keys);
        assert_eq!(second.claims["sub"], first.claims["sub"]);
        assert_ne!(tokens.get("id_token"), next.get("id_token"));
    }
}

/// Media type and body of UserInfo.
async fn userinfo(world: &World, access_token: &str) -> (String, String) {
    let request =
        world.browser().request(Method::GET, &world.url("/oidc/userinfo")).bearer_auth(access_token);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
    (kind, response.text().await.expect("a body"))
}

async fn oidc_core_5_3_2_userinfo_is_signed_and_encrypted_as_registered(world: &World) {
    let keys = world.keys().await;
    let person = world.person();
    let phone = format!("+{}", person.number);

    let tokens = world.tokens(&Asked::by(SEALED), &person).await;
    let id_token = jwt::read(&ELLIPTIC.nested(tokens.get("id_token")));
    let (kind, body) = userinfo(world, tokens.get("access_token")).await;
    assert_eq!(kind, "application/jwt");
    let signed = jwt::verify(&ELLIPTIC.nested(&body), &keys);
    assert_eq!((&signed.header["alg"], signed.header.get("typ")), (&json!("PS256"), None));
    assert_eq!((&signed.claims["iss"], &signed.claims["aud"]), (&json!(issuer(world)), &json!(SEALED)));
    assert_eq!(signed.claims["sub"], id_token.claims["sub"]);
    assert_eq!(signed.claims["phone_number"], phone);
    // It looks like no ID token: it cannot come back as a hint.
    let hinted = Asked::by(SEALED).and("prompt", "none").and("id_token_hint", &ELLIPTIC.nested(&body));
    let url = world.browser().begin(world, &hinted).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{url}");

    // Encrypted alone: the claims themselves, of no type that had to be said.
    let tokens = world.tokens(&Asked::by(ARCHIVE), &person).await;
    let (kind, body) = userinfo(world, tokens.get("access_token")).await;
    assert_eq!(kind, "application/jwt");
    let (header, claims) = RSA.decrypt(&body);
    assert_eq!(header.get("cty"), None, "{header}");
    let claims: Value = serde_json::from_str(&claims).expect("JSON");
    assert_eq!((&claims["phone_number"], claims.get("iss")), (&json!(phone), None));

    let tokens = world.tokens(&Asked::by(SHOP), &person).await;
    let (kind, body) = userinfo(world, tokens.get("access_token")).await;
    assert!(kind == "application/json" && body.starts_with('{'), "{kind} {body}");
}

async fn jarm_2_2_answers_are_signed_and_then_encrypted(world: &World) {
    let keys = world.keys().await;
    let mut browser = world.browser();
    let asked = Asked::by(SEALED).and("response_mode", "jwt");
    let response = |url: &url::Url| param(url, "response").unwrap_or_else(|| panic!("no response in {url}"));
    let page = browser.begin(world, &asked).await.page().expect("phone");
    let url = browser.get(&page.link("cancel")).await.away();
    let refused = jwt::verify(&ELLIPTIC.nested(&response(&url)), &keys);
    assert_eq!(refused.claims["error"], "access_denied");
    let url = browser.sign_in(world, &asked, &world.person()).await;
    assert_eq!(url.query_pairs().count(), 1, "nothing beside it: {url}");
    let answered = jwt::verify(&ELLIPTIC.nested(&response(&url)), &keys);
    assert_eq!((&answered.claims["iss"], &answered.claims["aud"]), (&json!(issuer(world)), &json!(SEALED)));
    let code = answered.claims["code"].as_str().expect("a code");
    world.redeem(SEALED, code).await.granted();
    // Silently, too.
    let url = browser.begin(world, &asked.and("prompt", "none")).await.away();
    assert!(jwt::verify(&ELLIPTIC.nested(&response(&url)), &keys).claims["code"].is_string());
}

/// Status, media type and body of an introspection.
async fn introspect(world: &World, client: &str, token: &str, accept: &str) -> (u16, String, String) {
    let request = world.browser().request(Method::POST, &world.url("/oidc/introspect"));
    let request = request.basic_auth(client, Some(secret(client))).header(ACCEPT, accept);
    let response = request.form(&[("token", token)]).send().await.expect("an answer");
    let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
    (response.status().as_u16(), kind, response.text().await.expect("a body"))
}

const SIGNED: &str = "application/token-introspection+jwt";

async fn rfc9701_5_introspection_is_answered_by_a_signed_token(world: &World) {
    let keys = world.keys().await;
    let accept = format!("{SIGNED}, application/json;q=0.5");
    for (client, alg) in [(SHOP, "RS256"), (SEALED, "ES256")] {
        let tokens = world.tokens(&Asked::by(client), &world.person()).await;
        let access = tokens.get("access_token");
        let (status, kind, body) = introspect(world, client, access, &accept).await;
        assert_eq!((status, kind.as_str()), (200, SIGNED), "{body}");
        let token = if client == SEALED { ELLIPTIC.nested(&body) } else { body };
        let signed = jwt::verify(&token, &keys);
        assert_eq!(
            (&signed.header["typ"], &signed.header["alg"]),
            (&json!("token-introspection+jwt"), &json!(alg))
        );
        let claims = signed.claims.as_object().expect("an object");
        assert_eq!(claims.keys().collect::<Vec<_>>(), ["aud", "iat", "iss", "token_introspection"]);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer(world)), &json!(client)));
        let (status, kind, plain) = introspect(world, client, access, "*/*").await;
        assert_eq!((status, kind.as_str()), (200, "application/json"));
        let plain: Value = serde_json::from_str(&plain).expect("JSON");
        assert_eq!(claims["token_introspection"], plain, "it says the same");
        assert_eq!(plain["active"], true);
        // What is signed about a token is no token.
        assert_eq!(world.userinfo(&token).await.status, 401);
    }
}

async fn rfc9701_5_whoever_may_not_know_learns_that_it_is_inactive(world: &World) {
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    for token in [tokens.get("access_token"), "nonsense"] {
        let (status, _, body) = introspect(world, RIVAL, token, SIGNED).await;
        assert_eq!(status, 200);
        let claims = jwt::verify(&body, &world.keys().await).claims;
        assert_eq!(
            (&claims["token_introspection"], &claims["aud"]),
            (&json!({"active": false}), &json!(RIVAL))
        );
    }
    // An error is JSON, whatever was asked for.
    let (status, kind, body) = introspect(world, SHOP, "", SIGNED).await;
    assert_eq!((status, kind.as_str()), (400, "application/json"), "{body}");
    let request =
        world.browser().request(Method::POST, &world.url("/oidc/introspect")).header(ACCEPT, SIGNED);
    let request = request.basic_auth(SHOP, Some("wrong")).form(&[("token", "x")]);
    assert_eq!(request.send().await.expect("an answer").status(), 401);
}

async fn an_encrypted_hint_is_refused_and_the_signed_one_in_it_taken(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let url = browser.sign_in(world, &Asked::by(SEALED), &person).await;
    let tokens = world.redeem(SEALED, &code_of(&url)).await.granted();
    let (encrypted, signed) = (tokens.get("id_token"), ELLIPTIC.nested(tokens.get("id_token")));
    let silent = Asked::by(SEALED).and("prompt", "none");
    let url = browser.begin(world, &silent.clone().and("id_token_hint", encrypted)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{url}");
    let description = param(&url, "error_description").expect("a description");
    assert_eq!(
        description,
        "id_token_hint is encrypted: decrypt the ID token, and send the signed one in it"
    );
    let url = browser.begin(world, &silent.and("id_token_hint", &signed)).await.away();
    code_of(&url);
    let page = browser.open(&format!("/oidc/logout?id_token_hint={encrypted}")).await.page();
    assert!(page.body.contains("id_token_hint is encrypted"), "{page}");
    browser.open(&format!("/oidc/logout?id_token_hint={signed}")).await.page().expect("signed-out");
}

async fn back_channel_2_6_who_has_id_tokens_encrypted_is_told_by_an_encrypted_token(world: &World) {
    let (id, listener) = ("informed", Listener::start());
    let members = format!(
        "jwks = '{}'\nid_token_encrypted_response_alg = \"ECDH-ES\"\nid_token_encrypted_response_enc = \"A256GCM\"\n\
         backchannel_logout_uri = \"{}\"\n",
        json!({"keys": [ELLIPTIC.jwk()]}),
        listener.url
    );
    let file = world.folder.file("informed.toml");
    std::fs::write(&file, client(id, &members)).expect("a file");
    world.command(&["client", "import", &file.display().to_string()]);
    let known = async || (world.redeem(id, "x").await.body["error"] != "invalid_client").then_some(());
    until("the provider to know the client", known).await;
    let mut browser = world.browser();
    let url = browser.sign_in(world, &Asked::by(id), &world.person()).await;
    let tokens = world.redeem(id, &code_of(&url)).await.granted();
    let signed = ELLIPTIC.nested(tokens.get("id_token"));
    browser.open(&format!("/oidc/logout?id_token_hint={signed}")).await.page().expect("signed-out");
    let token = listener.form("a logout token", |form| form.get("logout_token").cloned()).await;
    let (header, logout) = ELLIPTIC.decrypt(&token);
    assert_eq!((&header["cty"], &header["iss"]), (&json!("JWT"), &json!(issuer(world))));
    let logout = jwt::verify(&logout, &world.keys().await);
    assert_eq!(logout.header["typ"], "logout+jwt");
    assert_eq!(logout.claims["sid"], jwt::read(&signed).claims["sid"]);
}

async fn what_cannot_be_encrypted_is_refused_before_anything_is_used_up(world: &World) {
    let id = "forgetful";
    let import = |address: &str| {
        let members = format!(
            "jwks_uri = \"{address}\"\n\
             id_token_encrypted_response_alg = \"ECDH-ES\"\nid_token_encrypted_response_enc = \"A256GCM\"\n\
             userinfo_encrypted_response_alg = \"ECDH-ES\"\nuserinfo_encrypted_response_enc = \"A256GCM\"\n\
             authorization_encrypted_response_alg = \"ECDH-ES\"\nauthorization_encrypted_response_enc = \"A256GCM\"\n"
        );
        let file = world.folder.file("forgetful.toml");
        std::fs::write(&file, client(id, &members)).expect("a file");
        world.command(&["client", "import", &file.display().to_string()]);
    };
    // It has keys, but none for encryption.
    let without = Publisher::start(&json!({"keys": [crate::support::signer::Signer::elliptic("s").jwk()]}));
    import(&without.url);
    let known = async || (world.redeem(id, "x").await.body["error"] != "invalid_client").then_some(());
    until("the provider to know the client", known).await;
    // A plain answer is not to be encrypted, and leads to a code.
    let url = world.browser().sign_in(world, &Asked::by(id), &world.person()).await;
    let code = code_of(&url);
    for _ in 0..2 {
        let answer = world.post_as(id, "/oidc/token", &redemption(&code)).await;
        answer.refused(400, "invalid_request");
        let description = answer.get("error_description");
        assert!(
            description.starts_with("no key of the client is for encryption by ECDH-ES"),
            "{description}"
        );
    }
    // Nobody signs in for an answer that cannot be sent, neither pushed nor by a link.
    let signed = Asked::by(id).and("response_mode", "jwt");
    world.push(&signed).await.refused(400, "invalid_request");
    let page = world.browser().begin(world, &signed).await.page().expect_status(400);
    assert!(page.body.contains("no key of the client is for encryption by ECDH-ES"), "{page}");

    // It publishes one: the same code is good for tokens.
    let with = Publisher::start(&json!({"keys": [ELLIPTIC.jwk()]}));
    import(&with.url);
    let redeemed = async || {
        let answer = world.post_as(id, "/oidc/token", &redemption(&code)).await;
        (answer.status == 200).then_some(answer)
    };
    let tokens = until("the provider to know its key", redeemed).await;
    let claims = jwt::verify(&ELLIPTIC.nested(tokens.get("id_token")), &world.keys().await).claims;
    assert_eq!(claims["aud"], id);
    let (kind, body) = userinfo(world, tokens.get("access_token")).await;
    assert_eq!(kind, "application/jwt");
    assert!(ELLIPTIC.decrypt(&body).1.contains("phone_number"));
    assert_eq!(with.asked(), 1, "it is kept");
}

async fn what_is_read_once_is_not_lost_by_an_answer_that_cannot_be_encrypted(world: &World) {
    let id = "careful";
    let import = |address: &str| {
        let members = format!(
            "jwks_uri = \"{address}\"\nauthorization_details_types = [\"personal_data\"]\n\
             data_sets = [{{ name = \"name\", required = true }}, {{ name = \"phone\" }}, {{ name = \"birth_date\" }}]\n\
             userinfo_encrypted_response_alg = \"ECDH-ES\"\nuserinfo_encrypted_response_enc = \"A256GCM\"\n"
        );
        let file = world.folder.file("careful.toml");
        std::fs::write(&file, client(id, &members)).expect("a file");
        world.command(&["client", "import", &file.display().to_string()]);
    };
    let without = Publisher::start(&json!({"keys": [crate::support::signer::Signer::elliptic("s").jwk()]}));
    import(&without.url);
    let known = async || (world.redeem(id, "x").await.body["error"] != "invalid_client").then_some(());
    until("the provider to know the client", known).await;
    let once = |set: &str, purpose: &str| json!({"type": "personal_data", "data_sets": [set], "purpose": purpose, "period": 3600, "use": "single"});
    let details = json!([once("phone", "To call back"), once("birth_date", "A birthday")]);
    let asked = Asked::by(id).with("scope", "openid").and("authorization_details", &details.to_string());
    let url = world.browser().sign_in(world, &asked, &world.person()).await;
    let tokens = world.redeem(id, &code_of(&url)).await.granted();
    for _ in 0..2 {
        let answer = world.userinfo(tokens.get("access_token")).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
    let with = Publisher::start(&json!({"keys": [ELLIPTIC.jwk()]}));
    import(&with.url);
    let read = async || {
        let request = world.browser().request(Method::GET, &world.url("/oidc/userinfo"));
        let response = request.bearer_auth(tokens.get("access_token")).send().await.expect("an answer");
        let good = response.status() == 200;
        let body = response.text().await.expect("a body");
        good.then_some(body)
    };
    let body = until("the provider to know its key", read).await;
    let claims = ELLIPTIC.decrypt(&body).1;
    assert!(claims.contains("phone_number") && claims.contains("birthdate"), "{claims}");
    let again = ELLIPTIC.decrypt(&userinfo(world, tokens.get("access_token")).await.1).1;
    assert!(!again.contains("phone_number") && !again.contains("birthdate"), "{again}");
}

async fn who_gets_no_id_token_needs_no_key_for_one(world: &World) {
    let id = "keyless";
    let members = "jwks_uri = \"http://127.0.0.1:1/keys\"\n\
        grant_types = [\"authorization_code\", \"client_credentials\"]\n\
        id_token_encrypted_response_alg = \"ECDH-ES\"\nid_token_encrypted_response_enc = \"A256GCM\"\n";
    let file = world.folder.file("keyless.toml");
    std::fs::write(&file, client(id, members)).expect("a file");
    world.command(&["client", "import", &file.display().to_string()]);
    let itself = async || {
        let answer = world.post_as(id, "/oidc/token", &[("grant_type", "client_credentials")]).await;
        (answer.body["error"] != "invalid_client").then_some(answer)
    };
    until("the provider to know the client", itself).await.granted();
}
