//! Registrations that are stricter than the provider's rules, member by member.

use crate::support::client_file::{AGENCY, SHOP};
use crate::support::{Asked, Browser, Setup, Step, World, alone_on_both_backends, code_of, jwt, param};

alone_on_both_backends!(
    session_idle_seconds_wants_a_session_in_use,
    session_absolute_seconds_wants_a_young_session,
    default_max_age_is_used_without_max_age,
    consent_days_ends_a_consent_early,
    no_access_token_outlives_the_consent,
    sends_per_hour_is_a_budget_of_its_own,
    rfc7662_4_a_resource_server_learns_of_tokens_that_are_for_it,
    minimum_acr_is_met_or_refused,
);

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
const PICKY: &str = "picky";

/// Whether `client` takes the browser's session.
async fn is_taken(world: &World, browser: &mut Browser, client: &str) -> bool {
    let url = browser.begin(world, &Asked::by(client).and("prompt", "none")).await.away();
    let error = param(&url, "error");
    assert!(matches!(error.as_deref(), None | Some("login_required")), "{url}");
    error.is_none()
}

/// A signed-in person, with consents for both services.
async fn signed_in(world: &World) -> Browser {
    let (mut browser, person) = (world.browser(), world.person());
    for client in [SHOP, PICKY] {
        code_of(&browser.sign_in(world, &Asked::by(client), &person).await);
    }
    browser
}

async fn session_idle_seconds_wants_a_session_in_use(setup: Setup) {
    let world = setup.client(PICKY, "session_idle_seconds = 600\n").start().await;
    let mut browser = signed_in(&world).await;
    for _ in 0..3 {
        world.advance(5 * MINUTE).await;
        assert!(is_taken(&world, &mut browser, PICKY).await);
    }
    world.advance(10 * MINUTE).await;
    assert!(!is_taken(&world, &mut browser, PICKY).await);
    assert!(is_taken(&world, &mut browser, SHOP).await, "others are not stricter for it");
}

async fn session_absolute_seconds_wants_a_young_session(setup: Setup) {
    let world = setup.client(PICKY, "session_absolute_seconds = 3600\n").start().await;
    let mut browser = signed_in(&world).await;
    for _ in 0..2 {
        world.advance(20 * MINUTE).await;
        assert!(is_taken(&world, &mut browser, PICKY).await);
    }
    world.advance(20 * MINUTE).await;
    assert!(!is_taken(&world, &mut browser, PICKY).await);
    assert!(is_taken(&world, &mut browser, SHOP).await, "others are not stricter for it");
}

async fn default_max_age_is_used_without_max_age(setup: Setup) {
    let world = setup.client(PICKY, "default_max_age = 600\n").start().await;
    let mut browser = signed_in(&world).await;
    world.advance(5 * MINUTE).await;
    assert!(is_taken(&world, &mut browser, PICKY).await);
    world.advance(5 * MINUTE).await;
    assert!(!is_taken(&world, &mut browser, PICKY).await);
    browser.begin(&world, &Asked::by(PICKY)).await.page().expect("phone");
    // An explicit max_age in the request takes precedence.
    let asked = Asked::by(PICKY).and("prompt", "none").and("max_age", "10000");
    let code = code_of(&browser.begin(&world, &asked).await.away());
    let tokens = world.redeem(PICKY, &code).await.granted();
    assert!(jwt::read(tokens.get("id_token")).claims["auth_time"].is_i64());
}

async fn consent_days_ends_a_consent_early(setup: Setup) {
    let world = setup.client(PICKY, "consent_days = 2\n").start().await;
    let person = world.person();
    code_of(&world.browser().sign_in(&world, &Asked::by(PICKY), &person).await);
    let again = async || {
        let mut browser = world.browser();
        let page = browser.begin_with_number(&world, &Asked::by(PICKY), &person).await;
        let code = world.sandbox.next_code(&person).await;
        browser.enter_code(&page, &code).await
    };
    world.advance(DAY).await;
    code_of(&again().await.away());
    world.advance(DAY).await;
    let Step::Page(page) = again().await else { panic!("the consent has ended") };
    page.expect("allow");
}

async fn no_access_token_outlives_the_consent(setup: Setup) {
    let members = "consent_days = 1\ngrant_types = [\"authorization_code\", \"refresh_token\"]\n";
    let world = setup.client(PICKY, members).start().await;
    let asked = Asked::by(PICKY).with("scope", "openid profile offline_access");
    let tokens = world.tokens(&asked, &world.person()).await;
    world.advance(DAY - MINUTE).await;
    let late = world.refresh(PICKY, tokens.get("refresh_token")).await.granted();
    let left = late.body["expires_in"].as_i64().expect("a number");
    assert!((1..=MINUTE).contains(&left), "{left}");
    assert_eq!(world.userinfo(late.get("access_token")).await.status, 200);
    world.advance(MINUTE).await;
    assert_eq!(world.userinfo(late.get("access_token")).await.status, 401);
    world.refresh(PICKY, late.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn sends_per_hour_is_a_budget_of_its_own(setup: Setup) {
    let world = setup.client(PICKY, "sends_per_hour = 2\n").start().await;
    let ask = async |client: &str| {
        let mut browser = world.browser();
        let page = browser.begin(&world, &Asked::by(client)).await.page().expect("phone");
        browser.enter_number(&page, &world.person().number).await.page()
    };
    for _ in 0..2 {
        ask(PICKY).await.expect("code");
    }
    ask(PICKY).await.expect_status(429).expect("error");
    ask(SHOP).await.expect("code");
    assert_eq!(world.metric("yagona_limits_total", &["\"client\""]).await, 1.0);
}

async fn rfc7662_4_a_resource_server_learns_of_tokens_that_are_for_it(setup: Setup) {
    let refreshing = "grant_types = [\"authorization_code\", \"refresh_token\"]\n";
    let named = format!("{refreshing}resource_servers = [\"{PICKY}\", \"{AGENCY}\"]\n");
    let world = setup
        .client(PICKY, "resource_server = true\n")
        .client("nosy", "resource_server = true\n")
        .client("buyer", &named)
        .client("signed", &format!("{named}access_token_format = \"jwt\"\n"))
        .start()
        .await;
    let issuer = world.place().issuer;
    for buyer in ["buyer", "signed"] {
        let asked = Asked::by(buyer).with("scope", "openid offline_access");
        let tokens = world.tokens(&asked, &world.person()).await;
        let token = tokens.get("access_token");
        for client in [PICKY, buyer] {
            let told = world.post_as(client, "/oidc/introspect", &[("token", token)]).await.granted().body;
            assert_eq!((&told["active"], &told["client_id"]), (&true.into(), &buyer.into()), "{told}");
            assert_eq!(told["aud"], serde_json::json!([issuer, AGENCY, PICKY]), "{told}");
        }
        // One that is not named, one that is named and no resource server, and another client.
        for client in ["nosy", AGENCY, SHOP] {
            assert!(!world.is_active(client, token).await, "{client}");
        }
        assert_eq!(world.userinfo(token).await.status, 200);
        let refresh = tokens.get("refresh_token");
        assert!(world.is_active(buyer, refresh).await);
        assert!(!world.is_active(PICKY, refresh).await, "a refresh token is for its client alone");
    }
    // Of a client that names nobody nobody else learns.
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    assert!(!world.is_active(PICKY, tokens.get("access_token")).await);
    let told = world.post_as(SHOP, "/oidc/introspect", &[("token", tokens.get("access_token"))]).await;
    assert_eq!(told.body["aud"], issuer.as_str());
}

async fn minimum_acr_is_met_or_refused(setup: Setup) {
    let acr = |name: &str| format!("minimum_acr = \"urn:yagona:acr:{name}\"\n");
    let world = setup.client(PICKY, &acr("mobile-id")).client("bank", &acr("face")).start().await;
    let tokens = world.tokens(&Asked::by(PICKY), &world.person()).await;
    assert_eq!(jwt::read(tokens.get("id_token")).claims["acr"], "urn:yagona:acr:mobile-id");
    let url = world.browser().begin(&world, &Asked::by("bank")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("unmet_authentication_requirements"));
}
