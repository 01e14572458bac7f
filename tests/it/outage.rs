//! PostgreSQL or Redis unavailable or hanging: 503 with Retry-After, automatic recovery, nothing wrongly accepted.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;
use url::Url;

use crate::support::client_file::{KEYED, MACHINE, ONEID, SHOP};
use crate::support::flow::{proving, redemption};
use crate::support::http;
use crate::support::oneid::link;
use crate::support::signer::KEYS;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Browser, Setup, World, code_of, param};

async fn relayed() -> World {
    Setup::new(Backend::Servers).relayed().start().await
}

/// Fails unless the response is a fast 503 with Retry-After.
async fn assert_unavailable(browser: &Browser, method: Method, url: &Url, form: &[(&str, &str)]) {
    let begun = Instant::now();
    assert_gives_up(browser, method, url, form).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(4), "{url} took {took:?}");
}

/// Fails unless the response is a 503 with Retry-After.
pub(crate) async fn assert_gives_up(browser: &Browser, method: Method, url: &Url, form: &[(&str, &str)]) {
    let request = browser.request(method.clone(), url).header("Sec-Fetch-Site", "same-origin");
    let request = if method == Method::POST { request.form(form) } else { request };
    let request = if url.path() == "/oidc/token" {
        request.basic_auth(SHOP, Some(crate::support::client_file::secret(SHOP)))
    } else {
        request
    };
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.text().await.expect("a body");
    assert_eq!(status, 503, "{url}: {body}");
    let after = headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    assert!(after.is_some_and(|seconds| seconds > 0), "{url}: Retry-After {after:?}");
}

pub(crate) async fn assert_ready(world: &World, status: u16) {
    until(&format!("readiness to be {status}"), async || {
        let url = format!("{}/health/ready", world.nodes[0].operations);
        let answer = http::get(&url).await.expect("the operations port");
        (answer.status() == status).then_some(())
    })
    .await;
    let live = http::get(&format!("{}/health/live", world.nodes[0].operations)).await.expect("an answer");
    assert_eq!(live.status(), 200, "a lost server is no reason to be restarted");
}

#[tokio::test]
async fn without_redis_every_answer_is_503_and_then_all_is_well_again() {
    let world = relayed().await;
    let person = world.person();
    let (_, redis) = world.relays.as_ref().expect("relays");
    let mut browser = world.browser();
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    let url = page.url.join(&page.form("continue").action).expect("a URL");
    let number = [("phone", person.number.as_str())];
    let mut other = world.browser();
    let code_page = other.begin_with_number(&world, &Asked::by(SHOP), &world.person()).await;
    let mut known = world.browser();
    code_of(&known.sign_in(&world, &Asked::by(SHOP), &world.person()).await);
    let asked = Asked::by(SHOP).with("scope", "openid offline_access");
    let tokens = world.tokens(&asked, &world.person()).await;
    let token_url = world.url("/oidc/token");

    redis.cut();
    // A refresh needs the database alone; nor can it be known whether a proof of possession was used before.
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
    let proof = KEYS[0].proof("POST", token_url.as_str(), &json!({}));
    let proven = other.request(Method::POST, &token_url).form(&refresh).header("DPoP", proof);
    let proven = proven.basic_auth(SHOP, Some(crate::support::client_file::secret(SHOP)));
    assert_eq!(proven.send().await.expect("an answer").status(), 503);
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    // Whether an assertion was used before cannot be known.
    let assertion = KEYS[0].assertion(KEYED, world.issuer.as_str().trim_end_matches('/'), &json!({}));
    let fields = [("token", "x"), proving(&assertion)[0], proving(&assertion)[1]];
    assert_unavailable(&browser, Method::POST, &world.url("/oidc/introspect"), &fields).await;
    // Where nobody looks at a page the client is told.
    let silent = Asked::by(SHOP).and("prompt", "none");
    let answer = known.begin(&world, &silent).await.away();
    assert_eq!(param(&answer, "error").as_deref(), Some("temporarily_unavailable"));
    // Nothing is stored before a number is entered.
    browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    assert_unavailable(&other, Method::GET, &code_page.url, &[]).await;
    assert_unavailable(&browser, Method::POST, &url, &number).await;
    assert_ready(&world, 503).await;
    assert_eq!(browser.open("/.well-known/openid-configuration").await.page().status, 200);

    redis.restore();
    assert_ready(&world, 200).await;
    let page = browser.press(&page, "continue", &number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
    world.nothing_more_came(&[&person]).await;
}

#[tokio::test]
async fn without_postgres_nothing_is_redeemed_and_nothing_is_lost() {
    let world = relayed().await;
    let (postgres, _) = world.relays.as_ref().expect("relays");
    // The ID token tells a name, so redemptions and refreshes have entries in the ledger.
    let claims = json!({"id_token": {"name": null}}).to_string();
    let asked = Asked::by(SHOP).with("scope", "openid profile phone offline_access").and("claims", &claims);
    let tokens = world.tokens(&asked, &world.person()).await;
    let code = code_of(&world.browser().sign_in(&world, &asked, &world.person()).await);
    let of_oneid = world.oneid_token(ONEID, &mut world.browser(), &world.person()).await;
    let oneid_link = link(&world, ONEID);
    let oneid_code = code_of(&world.browser().sign_in_at(&world, &oneid_link, &world.person()).await);
    let mut browser = world.browser();
    let page = browser.begin(&world, &asked).await.page().expect("phone");
    let number_url = page.url.join(&page.form("continue").action).expect("a URL");
    let token_url = world.url("/oidc/token");
    let person = world.person();
    let mut known = world.browser();
    code_of(&known.sign_in(&world, &Asked::by(SHOP), &world.person()).await);
    let number = [("phone", person.number.as_str())];
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
    let machine =
        world.post_as(MACHINE, "/oidc/token", &[("grant_type", "client_credentials")]).await.granted();

    postgres.cut();
    // A token that stands for no person is told of from memory and Redis.
    let token = [("token", machine.get("access_token"))];
    let introspected = world.post_as(MACHINE, "/oidc/introspect", &token).await;
    assert_eq!((introspected.status, &introspected.body["active"]), (200, &true.into()));
    // One that stands for a person needs the person's record as it is now.
    let token = [("token", tokens.get("access_token"))];
    until("the person to be forgotten", async || {
        let answer = world.post_as(SHOP, "/oidc/introspect", &token).await;
        (answer.status == 503).then_some(())
    })
    .await;
    // Where nobody looks at a page the client is told.
    let answer = known.begin(&world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    assert_eq!(param(&answer, "error").as_deref(), Some("temporarily_unavailable"));
    assert_unavailable(&browser, Method::POST, &token_url, &redemption(&code)).await;
    assert_unavailable(&browser, Method::POST, &token_url, &refresh).await;
    assert_unavailable(&browser, Method::POST, &number_url, &number).await;
    for answer in [
        world.oneid_redeem(ONEID, &oneid_code).await,
        world.oneid_identify(ONEID, &of_oneid).await,
        world.oneid_log_out(ONEID, &of_oneid).await,
    ] {
        answer.refused_by_oneid(503, "ServiceException", "SERVICE_UNAVAILABLE");
        assert_eq!(answer.headers["retry-after"], "2");
    }
    assert_ready(&world, 503).await;

    postgres.restore();
    assert_ready(&world, 200).await;
    // The failed redemption was not half done: the code is still valid, once.
    world.redeem(SHOP, &code).await.granted();
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    world.oneid_redeem(ONEID, &oneid_code).await.granted();
    world.oneid_identify(ONEID, &of_oneid).await.granted();
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    let page = browser.press(&page, "continue", &number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
    world.nothing_more_came(&[&person]).await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_given_up_and_comes_back() {
    let world = relayed().await;
    let person = world.person();
    let (_, redis) = world.relays.as_ref().expect("relays");
    let mut browser = world.browser();
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    let url = page.url.join(&page.form("continue").action).expect("a URL");
    let number = [("phone", person.number.as_str())];
    let mut other = world.browser();
    let code_page = other.begin_with_number(&world, &Asked::by(SHOP), &world.person()).await;

    redis.hang();
    // Nothing is stored before a number is entered.
    browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    assert_gives_up(&other, Method::GET, &code_page.url, &[]).await;
    assert_gives_up(&browser, Method::POST, &url, &number).await;
    assert_ready(&world, 503).await;
    assert_eq!(browser.open("/.well-known/openid-configuration").await.page().status, 200);

    redis.restore();
    assert_ready(&world, 200).await;
    let page = browser.press(&page, "continue", &number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
    world.nothing_more_came(&[&person]).await;
}

#[tokio::test]
async fn a_redemption_that_nobody_was_told_of_can_be_repeated_once() {
    let world = relayed().await;
    let (postgres, _) = world.relays.as_ref().expect("relays");
    let asked = Asked::by(SHOP).with("scope", "openid phone offline_access");
    for _ in 0..4 {
        // Every thread has prepared the statement, so that it goes out before anything comes back.
        world.tokens(&asked, &world.person()).await;
    }
    let code = code_of(&world.browser().sign_in(&world, &asked, &world.person()).await);
    let browser = world.browser();
    let token_url = world.url("/oidc/token");

    postgres.mute();
    assert_gives_up(&browser, Method::POST, &token_url, &redemption(&code)).await;
    postgres.restore();
    assert_ready(&world, 200).await;
    world.until_stored("SELECT COUNT(*) FROM grants", 5).await;
    let tokens = world.redeem(SHOP, &code).await.granted();
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_refresh_that_nobody_was_told_of_can_be_repeated_however_long_it_took() {
    let world = relayed().await;
    let (postgres, _) = world.relays.as_ref().expect("relays");
    let asked = Asked::by(SHOP).with("scope", "openid phone offline_access");
    let mut token = world.tokens(&asked, &world.person()).await.get("refresh_token").to_owned();
    for _ in 0..4 {
        // Every thread has prepared the statement, so that it goes out before anything comes back.
        token = world.refresh(SHOP, &token).await.granted().get("refresh_token").to_owned();
    }
    let browser = world.browser();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    postgres.mute();
    assert_gives_up(&browser, Method::POST, &world.url("/oidc/token"), &fields).await;
    postgres.restore();
    assert_ready(&world, 200).await;
    world.until_stored("SELECT CAST(MAX(refresh_generation) AS BIGINT) FROM grants", 6).await;
    world.advance(300).await;
    let tokens = world.refresh(SHOP, &token).await.granted();
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    world.refresh(SHOP, &token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_postgres_that_hangs_is_given_up_and_comes_back() {
    let world = relayed().await;
    let (postgres, _) = world.relays.as_ref().expect("relays");
    let asked = Asked::by(SHOP).with("scope", "openid phone offline_access");
    let code = code_of(&world.browser().sign_in(&world, &asked, &world.person()).await);
    let browser = world.browser();
    let token_url = world.url("/oidc/token");

    postgres.hang();
    // The first requests wait for the timeout; after that requests fail at once.
    assert_gives_up(&browser, Method::POST, &token_url, &redemption(&code)).await;
    assert_ready(&world, 503).await;
    assert_unavailable(&browser, Method::POST, &token_url, &redemption(&code)).await;

    postgres.restore();
    assert_ready(&world, 200).await;
    // Whether the earlier statement was executed is unknown: no tokens were issued then, and one redemption succeeds now.
    world.redeem(SHOP, &code).await.granted();
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    world.tokens(&asked, &world.person()).await;
}

#[tokio::test]
async fn connections_that_vanish_without_an_end_are_replaced() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).relayed().start().await;
    world.add_node().await;
    let asked = Asked::by(SHOP).with("scope", "openid phone offline_access");
    let tokens = world.tokens(&asked, &world.person()).await;
    let ports: Vec<u16> = world.nodes.iter().map(|node| node.port).collect();
    let fields = [("token", tokens.get("refresh_token"))];
    // More at once than a node may have connections: each of them is used.
    let ask = async || {
        let asking = (0..32).map(|n| world.post_at(ports[n % 2], SHOP, "/oidc/introspect", &fields));
        futures_util::future::join_all(asking).await
    };
    assert!(ask().await.iter().all(|answer| answer.status == 200));
    let (postgres, redis) = world.relays.as_ref().expect("relays");
    let before = (postgres.accepted(), redis.accepted());
    postgres.swallow();
    redis.swallow();
    // They are given up by a deadline, long before TCP would, and no place in a pool is lost with them.
    for _ in 0..3 {
        until("every answer to be there again", async || {
            ask().await.iter().all(|answer| answer.status == 200).then_some(())
        })
        .await;
    }
    // Once a node is ready, none of its threads has a dead connection any more.
    for node in &world.nodes {
        let url = format!("{}/health/ready", node.operations);
        until("readiness", async || (http::get(&url).await.ok()?.status() == 200).then_some(())).await;
        let mut browser = world.browser().at(node.port);
        code_of(&browser.sign_in(&world, &asked, &world.person()).await);
    }
    assert!(postgres.accepted() > before.0 && redis.accepted() > before.1);
}
