//! The table “Lifetimes” of docs/relying-parties.md, row by row, by moving the clock: everything is valid until it
//! expires and not after. (An SMS code's is in `code.rs`, the operator's own settings are in `policies.rs`.)

use crate::support::client_file::{MODERN, RIVAL, SHOP};
use crate::support::{
    Asked, Browser, Setup, Step, Tokens, World, alone_on_both_backends, code_of, jwt, param,
};

alone_on_both_backends!(
    an_authorization_code_lives_a_minute,
    an_id_token_says_five_minutes_and_is_a_hint_after_them,
    an_access_token_lives_ten_minutes,
    a_refresh_token_lives_fourteen_days_without_use_and_thirty_in_all,
    a_session_lives_half_an_hour_without_use,
    a_session_lives_twelve_hours_in_all,
    a_consent_lives_a_year_and_what_rests_on_it_no_longer,
    a_sign_in_may_take_half_an_hour,
);

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

async fn offline(world: &World, client: &str) -> Tokens {
    let asked = Asked::by(client).with("scope", "openid phone offline_access");
    world.tokens(&asked, &world.person()).await
}

/// Whether the browser's session is good enough for an answer without a page.
async fn is_signed_in(world: &World, browser: &mut Browser) -> bool {
    let url = browser.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    let error = param(&url, "error");
    assert!(matches!(error.as_deref(), None | Some("login_required")), "{url}");
    error.is_none()
}

async fn signed_in(world: &World) -> Browser {
    let mut browser = world.browser();
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &world.person()).await);
    browser
}

async fn an_authorization_code_lives_a_minute(setup: Setup) {
    let world = setup.start().await;
    let mut codes = Vec::new();
    for _ in 0..2 {
        codes.push(code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &world.person()).await));
    }
    world.advance(MINUTE / 2).await;
    world.redeem(SHOP, &codes[0]).await.granted();
    world.advance(MINUTE / 2).await;
    world.redeem(SHOP, &codes[1]).await.refused(400, "invalid_grant");
}

async fn an_id_token_says_five_minutes_and_is_a_hint_after_them(setup: Setup) {
    let world = setup.start().await;
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in(&world, &Asked::by(SHOP), &world.person()).await);
    let tokens = world.redeem(SHOP, &code).await.granted();
    let token = tokens.get("id_token");
    let claims = jwt::verify(token, &world.keys().await).claims;
    let life = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
    assert_eq!(life, Some(5 * MINUTE), "{claims}");
    world.advance(10 * MINUTE).await;
    let hinted = Asked::by(SHOP).and("prompt", "none").and("id_token_hint", token);
    code_of(&browser.begin(&world, &hinted).await.away());
}

async fn an_access_token_lives_ten_minutes(setup: Setup) {
    let world = setup.start().await;
    for client in [SHOP, MODERN] {
        let tokens = world.tokens(&Asked::by(client), &world.person()).await;
        assert_eq!(tokens.body["expires_in"], 10 * MINUTE, "{client}");
        let token = tokens.get("access_token");
        world.advance(5 * MINUTE).await;
        assert_eq!(world.userinfo(token).await.status, 200, "{client}");
        assert!(world.is_active(client, token).await, "{client}");
        world.advance(5 * MINUTE).await;
        assert_eq!(world.userinfo(token).await.status, 401, "{client}");
        assert!(!world.is_active(client, token).await, "{client}");
    }
}

async fn a_refresh_token_lives_fourteen_days_without_use_and_thirty_in_all(setup: Setup) {
    let world = setup.start().await;
    let idle = offline(&world, SHOP).await;
    let mut used = offline(&world, SHOP).await;
    world.advance(13 * DAY).await;
    assert!(world.is_active(SHOP, idle.get("refresh_token")).await);
    used = world.refresh(SHOP, used.get("refresh_token")).await.granted();
    world.advance(DAY).await;
    assert!(!world.is_active(SHOP, idle.get("refresh_token")).await);
    world.refresh(SHOP, idle.get("refresh_token")).await.refused(400, "invalid_grant");
    world.advance(12 * DAY).await;
    used = world.refresh(SHOP, used.get("refresh_token")).await.granted();
    world.advance(3 * DAY).await;
    used = world.refresh(SHOP, used.get("refresh_token")).await.granted();
    world.advance(DAY).await;
    world.refresh(SHOP, used.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn a_session_lives_half_an_hour_without_use(setup: Setup) {
    let world = setup.start().await;
    let mut browser = signed_in(&world).await;
    // Use prolongs it.
    for _ in 0..3 {
        world.advance(20 * MINUTE).await;
        assert!(is_signed_in(&world, &mut browser).await);
    }
    world.advance(30 * MINUTE).await;
    assert!(!is_signed_in(&world, &mut browser).await);
}

async fn a_session_lives_twelve_hours_in_all(setup: Setup) {
    let world = setup.start().await;
    let mut browser = signed_in(&world).await;
    for _ in 0..28 {
        world.advance(25 * MINUTE).await;
        assert!(is_signed_in(&world, &mut browser).await);
    }
    world.advance(20 * MINUTE).await;
    assert!(!is_signed_in(&world, &mut browser).await);
}

async fn a_consent_lives_a_year_and_what_rests_on_it_no_longer(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let asked = Asked::by(RIVAL).with("scope", "openid phone offline_access");
    // Days on which a new sign-in needs no consent.
    code_of(&world.browser().sign_in(&world, &asked, &person).await);
    let unasked = async || {
        let mut browser = world.browser();
        let page = browser.begin_with_number(&world, &asked, &person).await;
        let code = world.sandbox.next_code(&person).await;
        browser.enter_code(&page, &code).await
    };
    world.advance(360 * DAY).await;
    let code = code_of(&unasked().await.away());
    let tokens = world.redeem(RIVAL, &code).await.granted();
    world.advance(4 * DAY).await;
    let tokens = world.refresh(RIVAL, tokens.get("refresh_token")).await.granted();
    world.advance(DAY).await;
    let Step::Page(page) = unasked().await else { panic!("the consent has ended") };
    page.expect("allow").expect("deny");
    world.refresh(RIVAL, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn a_sign_in_may_take_half_an_hour(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let mut browser = world.browser();
    let slow = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    let slower = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    world.advance(25 * MINUTE).await;
    let page = browser.enter_number(&slow, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
    world.advance(5 * MINUTE).await;
    let over = browser.enter_number(&slower, &world.person().number).await.page().expect("error");
    assert_eq!(over.link("continue").as_str(), "http://localhost:9/", "back to the service");
}
