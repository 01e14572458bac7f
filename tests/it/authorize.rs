//! Requests that the authorization endpoint accepts and rejects, by the clauses of the specifications.

use url::Url;

use crate::support::client_file::{AGENCY, CALLBACK_WITH_QUERY, LEGACY, LENDER, MACHINE, NATIVE, SHOP};
use crate::support::{Asked, Browser, CALLBACK, Step, World, code_of, on_both_backends, param};

on_both_backends!(
    rfc9700_4_1_3_a_redirect_uri_is_compared_character_for_character,
    rfc6749_4_1_2_1_nothing_is_sent_to_a_redirect_uri_that_is_not_proven,
    rfc6749_3_1_a_repeated_parameter_is_refused,
    rfc6749_4_1_2_1_response_types_other_than_code_are_refused,
    rfc9207_2_state_and_issuer_come_back_with_every_answer,
    oidc_6_request_objects_are_refused_and_not_ignored,
    rfc7636_4_3_pkce_is_required_and_only_with_s256,
    rfc9700_2_1_1_a_confidential_client_may_send_a_nonce_instead_of_pkce,
    rfc9700_2_1_1_a_client_registered_so_may_go_without_pkce,
    oidc_3_1_2_1_unknown_parameters_and_values_are_ignored,
    oidc_3_1_2_1_select_account_shows_who_is_signed_in_and_another_number_may_be_used,
    oidc_create_4_1_a_person_who_is_to_be_registered_is_not_signed_in,
    oidc_3_1_2_1_a_request_may_be_posted_by_another_site,
    oidc_unmet_a_service_in_lending_takes_no_mobile_id_alone,
    oidc_unmet_an_essential_acr_out_of_reach_is_refused,
    rfc6749_3_1_2_a_registered_query_is_kept,
    fapi2_5_3_2_2_long_state_and_nonce_come_back_whole,
    only_get_and_post_are_served,
);

/// The error that a client gets at once, without a page.
async fn answer(world: &World, asked: &Asked) -> Url {
    world.browser().begin(world, asked).await.away()
}

/// Fails unless a client gets this error.
fn assert_refused(url: &Url, error: &str) {
    assert_eq!(param(url, "error").as_deref(), Some(error), "{url}");
    assert_eq!(param(url, "code"), None, "{url}");
    // RFC 6749 §4.1.2.1: the characters that a description may have.
    let words = param(url, "error_description").unwrap_or_default();
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    assert!(words.chars().all(allowed), "{words}");
}

async fn assert_page(browser: &mut Browser, url: &Url, status: u16, words: &str) {
    let page = browser.get(url).await.page().expect_status(status).expect("error");
    assert!(page.body.contains(words), "no {words}: {page}");
}

async fn rfc9700_4_1_3_a_redirect_uri_is_compared_character_for_character(world: &World) {
    let tricks = [
        "http://localhost:9/callback/",
        "http://localhost:9/callback?",
        "http://localhost:9/callback#",
        "http://localhost:9/callback?x=1",
        "http://localhost:9/callback/../callback",
        "http://localhost:9/Callback",
        "http://LOCALHOST:9/callback",
        "http://localhost:9/%63allback",
        "http://localhost:9/callback%00",
        "http://localhost:9/callback ",
        " http://localhost:9/callback",
        "http://localhost:9@evil.uz/callback",
        "http://evil.uz\\@localhost:9/callback",
        "http://localhost/callback",
        "http://127.0.0.1:9/callback",
        "https://localhost:9/callback",
        "http://localhost:9",
        "//localhost:9/callback",
        "javascript:alert(1)",
        "http://localhost:9/callback?from=yagona&x=1",
    ];
    for trick in tricks {
        let asked = Asked::by(SHOP).with("redirect_uri", trick);
        assert_page(&mut world.browser(), &asked.url(world), 400, "redirect_uri").await;
    }
}

async fn rfc6749_4_1_2_1_nothing_is_sent_to_a_redirect_uri_that_is_not_proven(world: &World) {
    let mut browser = world.browser();
    let missing = Asked::by(SHOP).without("redirect_uri");
    assert_page(&mut browser, &missing.url(world), 400, "redirect_uri").await;
    let unknown = Asked::by(SHOP).with("client_id", "nobody");
    assert_page(&mut browser, &unknown.url(world), 400, "client_id").await;
    let anonymous = Asked::by(SHOP).without("client_id");
    assert_page(&mut browser, &anonymous.url(world), 400, "client_id").await;
    let codeless = Asked::by(MACHINE);
    assert_page(&mut browser, &codeless.url(world), 400, "redirect_uri").await;
    for name in ["client_id", "redirect_uri"] {
        let value = if name == "client_id" { SHOP } else { CALLBACK };
        let twice = Asked::by(SHOP).and(name, value);
        assert_page(&mut browser, &twice.url(world), 400, name).await;
    }
}

async fn rfc6749_3_1_a_repeated_parameter_is_refused(world: &World) {
    for (name, value) in
        [("scope", "openid"), ("nonce", "other"), ("response_type", "code"), ("prompt", "none")]
    {
        let asked = Asked::by(SHOP).and(name, value).and(name, value);
        assert_refused(&answer(world, &asked).await, "invalid_request");
    }
    let states = Asked::by(SHOP).and("state", "another");
    let url = answer(world, &states).await;
    assert_refused(&url, "invalid_request");
    assert_eq!(param(&url, "state"), None, "neither of two states is the client's");
}

async fn rfc6749_4_1_2_1_response_types_other_than_code_are_refused(world: &World) {
    let missing = answer(world, &Asked::by(SHOP).without("response_type")).await;
    assert_refused(&missing, "invalid_request");
    for kind in ["token", "id_token", "code id_token", "code token", "none", "CODE", "id_token token"] {
        let url = answer(world, &Asked::by(SHOP).with("response_type", kind)).await;
        assert_refused(&url, "unsupported_response_type");
        assert_eq!(url.fragment(), None, "{url}");
    }
}

async fn rfc9207_2_state_and_issuer_come_back_with_every_answer(world: &World) {
    let issuer = world.issuer.as_str().trim_end_matches('/');
    let state = "aZ09-._~".repeat(16);
    let asked = Asked::by(SHOP).with("state", &state);
    let granted = world.browser().sign_in(world, &asked, &world.person()).await;
    let refused = answer(world, &asked.clone().with("scope", "profile")).await;
    assert_refused(&refused, "invalid_scope");
    for url in [&granted, &refused] {
        assert_eq!(param(url, "state"), Some(state.clone()), "{url}");
        assert_eq!(param(url, "iss").as_deref(), Some(issuer), "{url}");
        assert!(url.as_str().starts_with(CALLBACK), "{url}");
    }
    let code = code_of(&granted);
    assert!(code.len() >= 22, "128 bits at least: {code}");
    let stateless = answer(world, &asked.without("state").with("scope", "profile")).await;
    assert_eq!(param(&stateless, "state"), None);
}

async fn oidc_6_request_objects_are_refused_and_not_ignored(world: &World) {
    let object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwOi8vZXZpbC51ei8ifQ.";
    let given = answer(world, &Asked::by(SHOP).and("request", object)).await;
    assert_refused(&given, "request_not_supported");
    // What an unsigned one says of the answer shapes the error, and nothing else of it counts.
    let object = "eyJhbGciOiJub25lIn0.eyJyZXNwb25zZV9tb2RlIjoiZm9ybV9wb3N0Iiwic3RhdGUiOiJpbnNpZGUiLCJyZWRpcmVjdF91cmkiOiJo\
                  dHRwOi8vZXZpbC51ei8ifQ.";
    let bare = Asked::by(SHOP).without("state").without("nonce").and("request", object);
    let page = world.browser().begin(world, &bare).await.page().expect_status(200);
    let form = page.form("continue");
    assert_eq!(form.action, CALLBACK, "the proven redirect URI");
    let fields = form.fields("continue", &[]);
    for (name, value) in [("error", "request_not_supported"), ("state", "inside")] {
        assert!(
            fields.iter().any(|field| (field.0.as_str(), field.1.as_str()) == (name, value)),
            "{fields:?}"
        );
    }
    let linked = answer(world, &Asked::by(SHOP).and("request_uri", "http://127.0.0.1:1/r")).await;
    assert_refused(&linked, "request_uri_not_supported");
    let registering = answer(world, &Asked::by(SHOP).and("registration", "{}")).await;
    assert_refused(&registering, "registration_not_supported");
}

async fn rfc7636_4_3_pkce_is_required_and_only_with_s256(world: &World) {
    let bare = |client: &str| Asked::by(client).without("code_challenge").without("code_challenge_method");
    assert_refused(&answer(world, &bare(NATIVE)).await, "invalid_request");
    for client in [SHOP, NATIVE, AGENCY] {
        assert_refused(&answer(world, &bare(client).without("nonce")).await, "invalid_request");
    }
    let plain = Asked::by(SHOP).with("code_challenge_method", "plain");
    let silent = Asked::by(SHOP).without("code_challenge_method");
    let short = Asked::by(SHOP).with("code_challenge", "tooshort");
    let only_method = Asked::by(LEGACY).without("code_challenge");
    for asked in [plain, silent, short, only_method] {
        assert_refused(&answer(world, &asked).await, "invalid_request");
    }
}

async fn rfc9700_2_1_1_a_confidential_client_may_send_a_nonce_instead_of_pkce(world: &World) {
    let asked = Asked::by(AGENCY).without("code_challenge").without("code_challenge_method");
    let code = code_of(&world.browser().sign_in(world, &asked, &world.person()).await);
    // RFC 9700 §2.1.1, downgrade: whoever sends a verifier had sent a challenge, which somebody took away.
    world.redeem(AGENCY, &code).await.refused(400, "invalid_grant");
    let code = code_of(&world.browser().sign_in(world, &asked, &world.person()).await);
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let tokens = world.post_as(AGENCY, "/oidc/token", &fields).await.granted();
    let id_token = crate::support::jwt::verify(tokens.get("id_token"), &world.keys().await);
    assert_eq!(id_token.claims["nonce"], "nonce-nonce-nonce", "which binds the code to the browser");
}

async fn rfc9700_2_1_1_a_client_registered_so_may_go_without_pkce(world: &World) {
    let asked = Asked::by(LEGACY).without("code_challenge").without("code_challenge_method").without("nonce");
    let code = code_of(&world.browser().sign_in(world, &asked, &world.person()).await);
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let tokens = world.post_as(LEGACY, "/oidc/token", &fields).await.granted();
    let id_token = crate::support::jwt::verify(tokens.get("id_token"), &world.keys().await);
    assert_eq!(id_token.header["alg"], "RS256");
    assert!(id_token.claims.get("nonce").is_none(), "none was sent");
}

async fn oidc_3_1_2_1_unknown_parameters_and_values_are_ignored(world: &World) {
    let odd = [
        ("extra", "foobar"),
        ("display", "page"),
        ("display", "popup"),
        ("display", "touch"),
        ("display", "wap"),
        ("display", "hologram"),
        ("ui_locales", "se xx-invalid-locale"),
        ("claims_locales", "se"),
        ("login_hint", "buffy@host"),
        ("prompt", "juggle"),
        ("acr_values", "urn:nobody:knows"),
    ];
    for (name, value) in odd {
        let page = world.browser().begin(world, &Asked::by(SHOP).and(name, value)).await.page();
        page.expect_status(200).expect("phone");
    }
    let scopes = Asked::by(SHOP).with("scope", "unheard_of phone openid");
    world.browser().begin(world, &scopes).await.page().expect("phone");
}

async fn oidc_3_1_2_1_select_account_shows_who_is_signed_in_and_another_number_may_be_used(world: &World) {
    let (mut browser, first, second) = (world.browser(), world.person(), world.person());
    let asked = Asked::by(SHOP).and("prompt", "select_account");
    browser.begin(world, &asked).await.page().expect("phone");
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &first).await);
    let page = browser.begin(world, &asked).await.page().expect("continue").expect("other");
    let last = &first.number[first.number.len() - 2..];
    assert!(page.text().contains(&format!("•• {last}")) || page.text().contains(last), "whose it is: {page}");
    // The same in every language, by a form without scripts.
    for language in ["uz-Latn", "uz-Cyrl", "ru"] {
        let url = format!("{}&lang={language}", page.url);
        let page = browser.get(&url.parse().expect("a URL")).await.page().expect("continue").expect("other");
        assert!(page.body.contains(&format!("lang=\"{language}\"")), "{page}");
    }
    code_of(&browser.press(&page, "continue", &[]).await.away());
    let page = browser.begin(world, &asked).await.page();
    let page = browser.press(&page, "other", &[]).await.page().expect("phone");
    let page = browser.enter_number(&page, &second.number).await.page().expect("code");
    let code = world.sandbox.next_code(&second).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    let tokens = world.redeem(SHOP, &code_of(&browser.allow_everything(&page).await.away())).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted();
    assert_eq!(told.body["phone_number"], format!("+{}", second.number));
    // Whoever must sign in anew is not asked which session to use; whoever wants no page gets none.
    let anew = Asked::by(SHOP).and("prompt", "login select_account");
    browser.begin(world, &anew).await.page().expect("phone");
    let none = Asked::by(SHOP).and("prompt", "none select_account");
    assert_refused(&browser.begin(world, &none).await.away(), "invalid_request");
}

async fn oidc_create_4_1_a_person_who_is_to_be_registered_is_not_signed_in(world: &World) {
    for prompt in ["create", "create login"] {
        let url = answer(world, &Asked::by(SHOP).and("prompt", prompt)).await;
        assert_refused(&url, "invalid_request");
        let words = param(&url, "error_description").expect("words");
        assert!(words.contains("prompt=create"), "{words}");
    }
}

async fn oidc_3_1_2_1_a_request_may_be_posted_by_another_site(world: &World) {
    let (asked, person) = (Asked::by(SHOP), world.person());
    let mut browser = world.browser();
    let url = world.url("/oidc/authorize");
    let answer = browser
        .request(reqwest::Method::POST, &url)
        .header("Origin", "http://localhost:9")
        .header("Sec-Fetch-Site", "cross-site")
        .form(asked.fields())
        .send()
        .await
        .expect("an answer");
    let page = browser.follow(url, answer).await.page().expect("phone");
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    code_of(&browser.press(&page, "allow", &[]).await.away());
}

async fn oidc_unmet_a_service_in_lending_takes_no_mobile_id_alone(world: &World) {
    // Who has nothing else learns so once that is known of them; who has a passkey is led to it (`passkeys.rs`).
    let url = world.browser().sign_in(world, &Asked::by(LENDER), &world.person()).await;
    assert_refused(&url, "unmet_authentication_requirements");
}

async fn oidc_unmet_an_essential_acr_out_of_reach_is_refused(world: &World) {
    let claims = r#"{"id_token":{"acr":{"essential":true,"values":["urn:yagona:acr:face"]}}}"#;
    let url = answer(world, &Asked::by(SHOP).and("claims", claims)).await;
    assert_refused(&url, "unmet_authentication_requirements");
    let voluntary = Asked::by(SHOP).and("acr_values", "urn:yagona:acr:face urn:yagona:acr:mobile-id");
    let tokens = world.tokens(&voluntary, &world.person()).await;
    let claims = crate::support::jwt::read(tokens.get("id_token")).claims;
    assert_eq!(claims["acr"], "urn:yagona:acr:mobile-id", "an SMS code is one factor and is called so");
}

async fn rfc6749_3_1_2_a_registered_query_is_kept(world: &World) {
    let asked = Asked::by(SHOP).with("redirect_uri", CALLBACK_WITH_QUERY);
    let url = world.browser().sign_in(world, &asked, &world.person()).await;
    assert_eq!(param(&url, "from").as_deref(), Some("yagona"));
    let code = code_of(&url);
    let other = world.redeem(SHOP, &code).await;
    other.refused(400, "invalid_grant");
}

async fn fapi2_5_3_2_2_long_state_and_nonce_come_back_whole(world: &World) {
    let (state, nonce) = ("s".repeat(1000), "n".repeat(384));
    let asked = Asked::by(SHOP).with("state", &state).with("nonce", &nonce);
    let url = world.browser().sign_in(world, &asked, &world.person()).await;
    assert_eq!(param(&url, "state"), Some(state));
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    assert_eq!(crate::support::jwt::read(tokens.get("id_token")).claims["nonce"], *nonce);
}

async fn only_get_and_post_are_served(world: &World) {
    let browser = world.browser();
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::PATCH] {
        let answer =
            browser.request(method.clone(), &Asked::by(SHOP).url(world)).send().await.expect("an answer");
        assert_eq!(answer.status(), 405, "{method}");
    }
    let mut browser = world.browser();
    let Step::Page(page) = browser.open("/oidc/nothing-here").await else { panic!("sent away") };
    page.expect_status(404).expect("error");
}
