//! SSO sessions: continued on demand, renewed at sign-in, ended by time, `max_age` and sign-out.

use crate::support::client_file::{LEGACY, RIVAL, SHOP};
use crate::support::{
    Asked, Browser, Person, Setup, World, alone_on_both_backends, code_of, jwt, on_both_backends, param,
};

on_both_backends!(
    oidc_3_1_2_6_prompt_none_never_shows_a_page,
    a_known_person_is_asked_whether_to_continue,
    somebody_else_can_sign_in_instead,
    a_person_can_sign_out_where_they_would_continue,
    a_session_is_renewed_at_sign_in,
    oidc_3_1_2_1_a_hint_of_another_person_is_honoured,
    cookies_are_out_of_reach_of_scripts_and_other_hosts,
);
alone_on_both_backends!(oidc_3_1_2_1_prompt_login_asks_again, oidc_3_1_2_1_max_age_asks_again_when_too_old,);

async fn signed_in(world: &World, client: &str) -> (Browser, Person) {
    let (mut browser, person) = (world.browser(), world.person());
    code_of(&browser.sign_in(world, &Asked::by(client), &person).await);
    (browser, person)
}

async fn id_token(world: &World, client: &str, url: &url::Url) -> (String, serde_json::Value) {
    let tokens = world.redeem(client, &code_of(url)).await.granted();
    let token = tokens.get("id_token").to_owned();
    let claims = jwt::read(&token).claims;
    (token, claims)
}

async fn oidc_3_1_2_6_prompt_none_never_shows_a_page(world: &World) {
    let silent = Asked::by(SHOP).and("prompt", "none");
    let url = world.browser().begin(world, &silent).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("login_required"));
    let combined = Asked::by(SHOP).and("prompt", "none login");
    let url = world.browser().begin(world, &combined).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"));

    let (mut browser, _) = signed_in(world, SHOP).await;
    let url = browser.begin(world, &silent).await.away();
    let (hint, first) = id_token(world, SHOP, &url).await;
    let hinted = silent.clone().and("id_token_hint", &hint);
    let url = browser.begin(world, &hinted).await.away();
    let (_, second) = id_token(world, SHOP, &url).await;
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
    let url = browser.begin(world, &Asked::by(RIVAL).and("prompt", "none")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("consent_required"));
}

async fn oidc_3_1_2_1_prompt_login_asks_again(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, person) = signed_in(&world, LEGACY).await;
    let silent = Asked::by(LEGACY).and("prompt", "none").and("max_age", "10000");
    let before = id_token(&world, LEGACY, &browser.begin(&world, &silent).await.away()).await.1;
    world.advance(600).await;
    let asked = Asked::by(LEGACY).and("prompt", "login").and("max_age", "10000");
    let page = browser.begin(&world, &asked).await.page().expect("phone");
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let url = browser.enter_code(&page, &code).await.away();
    let after = id_token(&world, LEGACY, &url).await.1;
    assert!(after["auth_time"].as_i64() >= before["auth_time"].as_i64().map(|then| then + 600), "{after}");
    assert_eq!(after["sub"], before["sub"]);
}

async fn oidc_3_1_2_1_max_age_asks_again_when_too_old(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, _) = signed_in(&world, SHOP).await;
    let silent = |age: &str| Asked::by(SHOP).and("prompt", "none").and("max_age", age);
    // As old as the service takes at most, less a minute for a slow machine.
    world.advance(540).await;
    let url = browser.begin(&world, &silent("600")).await.away();
    let first = id_token(&world, SHOP, &url).await.1;
    world.advance(60).await;
    browser.begin(&world, &Asked::by(SHOP).and("max_age", "600")).await.page().expect("phone");
    browser.begin(&world, &Asked::by(SHOP).and("max_age", "0")).await.page().expect("phone");
    let url = browser.begin(&world, &silent("600")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("login_required"));
    let url = browser.begin(&world, &silent("10000")).await.away();
    assert_eq!(id_token(&world, SHOP, &url).await.1["auth_time"], first["auth_time"]);
    let url = browser.begin(&world, &Asked::by(SHOP).and("max_age", "soon")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"));
}

async fn a_known_person_is_asked_whether_to_continue(world: &World) {
    let (mut browser, person) = signed_in(world, SHOP).await;
    let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("continue").expect("other");
    let text = page.text();
    assert!(text.contains("Shop") && text.contains("Valiyev"), "{text}");
    assert!(!page.body.contains(&person.number[3..]), "the number is masked: {page}");
    code_of(&browser.press(&page, "continue", &[]).await.away());
    world.nothing_more_came(&[&person]).await;
    // A second service: continue, then its consent, which a code permits.
    let page = browser.begin(world, &Asked::by(RIVAL)).await.page().expect("other");
    let page = browser.press(&page, "continue", &[]).await.page().expect("allow");
    let page = browser.press(&page, "allow", &[]).await.page().expect("code-data");
    let code = world.sandbox.next_code(&person).await;
    code_of(&browser.enter_code(&page, &code).await.away());
}

async fn somebody_else_can_sign_in_instead(world: &World) {
    let (mut browser, _) = signed_in(world, SHOP).await;
    let before = browser.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    let before = id_token(world, SHOP, &before).await.1;
    let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("other");
    let page = browser.press(&page, "other", &[]).await.page().expect("phone");
    let other = world.person();
    let page = browser.enter_number(&page, &other.number).await.page().expect("code");
    let code = world.sandbox.next_code(&other).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    let url = browser.press(&page, "allow", &[]).await.away();
    assert_ne!(id_token(world, SHOP, &url).await.1["sub"], before["sub"]);
}

async fn a_person_can_sign_out_where_they_would_continue(world: &World) {
    let (mut browser, _) = signed_in(world, SHOP).await;
    let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("signout");
    browser.press(&page, "signout", &[]).await;
    browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
}

async fn a_session_is_renewed_at_sign_in(world: &World) {
    let name = "__Host-yagona-session";
    let (mut browser, person) = signed_in(world, SHOP).await;
    let first = browser.cookie(name);
    let asked = Asked::by(SHOP).and("prompt", "login");
    let page = browser.begin_with_number(world, &asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    code_of(&browser.enter_code(&page, &code).await.away());
    assert_ne!(browser.cookie(name), first);
    // The former cookie is invalid.
    let mut old = world.browser();
    old.plant(name, &first);
    let url = old.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("login_required"));
    // So is one that was planted before the sign-in (session fixation).
    let mut victim = world.browser();
    victim.plant(name, &"planted".repeat(7)[..43]);
    code_of(&victim.sign_in(world, &Asked::by(SHOP), &world.person()).await);
    assert!(!victim.cookie(name).starts_with("planted"));
}

async fn oidc_3_1_2_1_a_hint_of_another_person_is_honoured(world: &World) {
    let (mut first, _) = signed_in(world, SHOP).await;
    let silent = Asked::by(SHOP).and("prompt", "none");
    let hint = id_token(world, SHOP, &first.begin(world, &silent).await.away()).await.0;
    let (mut second, _) = signed_in(world, SHOP).await;
    let url = second.begin(world, &silent.clone().and("id_token_hint", &hint)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("login_required"));
    let url = second.begin(world, &silent.and("id_token_hint", "forged")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"));
}

async fn cookies_are_out_of_reach_of_scripts_and_other_hosts(world: &World) {
    let browser = world.browser();
    let answer =
        browser.request(reqwest::Method::GET, &Asked::by(SHOP).url(world)).send().await.expect("an answer");
    let cookies: Vec<_> =
        answer.headers().get_all("set-cookie").iter().filter_map(|v| v.to_str().ok()).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("__Host-yagona-browser=")), "{cookies:?}");
    for cookie in cookies {
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(cookie.contains("Path=/") && !cookie.contains("Domain"), "{cookie}");
        assert!(!cookie.starts_with("__Host-") || cookie.contains("Secure"), "{cookie}");
    }
}
