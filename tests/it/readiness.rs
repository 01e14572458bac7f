//! Readiness: a node that cannot do what a sign-in needs says so, and says so no longer once it can.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;

use crate::outage::{assert_gives_up, assert_ready};
use crate::support::client_file::SHOP;
use crate::support::flow::redemption;
use crate::support::folder::Folder;
use crate::support::http;
use crate::support::process::both_streams;
use crate::support::redis_server::RedisServer;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Setup, World, code_of};

const ASKED: &str = "openid phone offline_access";

/// What readiness says is wrong.
async fn problem(world: &World, check: &str) -> String {
    let answer = http::get(&format!("{}/health/ready", world.nodes[0].operations)).await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    body["checks"][check]["problem"].as_str().unwrap_or_else(|| panic!("no problem in {body}")).to_owned()
}

#[tokio::test]
async fn a_postgres_that_became_read_only_is_left_and_its_successor_found() {
    let world = Setup::new(Backend::Servers).start().await;
    let asked = Asked::by(SHOP).with("scope", ASKED);
    let tokens = world.tokens(&asked, &world.person()).await;
    let code = code_of(&world.browser().sign_in(&world, &asked, &world.person()).await);
    let token = [("token", tokens.get("refresh_token"))];
    let introspect = async || world.post_as(SHOP, "/oidc/introspect", &token).await;

    // New connections lead to a server that takes no writes, and the present ones end: a fail-over.
    world
        .change_database(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', \
             current_database()); END $$",
        )
        .await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    world.change_database(end).await;
    assert_ready(&world, 503).await;
    assert_gives_up(&world.browser(), Method::POST, &world.url("/oidc/token"), &redemption(&code)).await;
    assert!(problem(&world, "database").await.contains("read-only"));
    assert_eq!(introspect().await.status, 200, "what only reads goes on");

    // The node's connections stay as they are: they still lead to the old server.
    world
        .change_database(
            "BEGIN READ WRITE; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', \
             current_database()); END $$; COMMIT",
        )
        .await;
    assert_ready(&world, 200).await;
    world.redeem(SHOP, &code).await.granted();
    let answers = join_all((0..16).map(|_| introspect())).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    world.tokens(&asked, &world.person()).await;
}

#[tokio::test]
async fn a_disk_that_is_full_is_a_503_and_no_500_and_all_goes_on_afterwards() {
    let world = Setup::new(Backend::Embedded).on_small_disk().start().await;
    let asked = Asked::by(SHOP).with("scope", ASKED);
    let code = code_of(&world.browser().sign_in(&world, &asked, &world.person()).await);
    let mut browser = world.browser();
    let person = world.person();
    let page = browser.begin(&world, &asked).await.page().expect("phone");
    let number_url = page.url.join(&page.form("continue").action).expect("a URL");
    let node = &world.nodes[0].running;

    node.fill_disk(true);
    let token_url = world.url("/oidc/token");
    assert_gives_up(&world.browser(), Method::POST, &token_url, &redemption(&code)).await;
    assert_gives_up(&browser, Method::POST, &number_url, &[("phone", person.number.as_str())]).await;
    assert_ready(&world, 503).await;
    assert!(problem(&world, "database").await.contains("unavailable"));

    node.fill_disk(false);
    assert_ready(&world, 200).await;
    world.redeem(SHOP, &code).await.granted();
    world.tokens(&asked, &world.person()).await;
}

#[tokio::test]
async fn a_redis_that_is_full_or_a_replica_or_stopped_is_told_and_then_all_is_well_again() {
    let folder = Folder::new();
    let redis = RedisServer::start(folder.path()).await;
    let world = Setup::new(Backend::Servers).set("redis.url", redis.url.as_str()).start().await;
    let said = world.command(&["check"]);
    assert!(said.contains("noeviction") && said.contains("nothing is kept"), "{said}");
    let mut browser = world.browser();
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    let number_url = page.url.join(&page.form("continue").action).expect("a URL");
    let signs_in = async || {
        code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &world.person()).await);
    };

    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let person = world.person();
    let number = [("phone", person.number.as_str())];
    assert_gives_up(&browser, Method::POST, &number_url, &number).await;
    assert_ready(&world, 503).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_ready(&world, 200).await;
    signs_in().await;

    redis.command(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert_gives_up(&browser, Method::POST, &number_url, &number).await;
    assert_ready(&world, 503).await;
    redis.command(&["REPLICAOF", "NO", "ONE"]).await;
    assert_ready(&world, 200).await;
    signs_in().await;

    let code_page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let failures = || world.nodes[0].running.log().matches("redis.unavailable").count();
    let before = failures();
    redis.signal("STOP");
    assert_ready(&world, 503).await;
    until("readiness to ask once more", async || {
        http::get(&format!("{}/health/ready", world.nodes[0].operations)).await.ok()?;
        (failures() > before).then_some(())
    })
    .await;
    // While it is silent, one request at a time finds out whether it still is; the others do not wait.
    let asked = async || world.metric("yagona_redis_round_trips_total", &[]).await;
    let before = asked().await;
    let answers = join_all((0..64).map(|_| {
        let mut browser = browser.clone();
        let url = code_page.url.clone();
        async move { browser.get(&url).await.page().status }
    }))
    .await;
    assert!(answers.iter().all(|status| *status == 503), "{answers:?}");
    let after = asked().await;
    assert!(after - before < 32.0, "{before} {after}");
    redis.signal("CONT");
    assert_ready(&world, 200).await;
    signs_in().await;

    // What it is to keep in mind is checked, too.
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    redis.command(&["CONFIG", "SET", "save", "60 1"]).await;
    let checked = world.try_command(&["check"]);
    let said = both_streams(&checked);
    assert!(!checked.status.success() && said.contains("set noeviction"), "{said}");
    assert!(said.contains("revives sessions"), "{said}");
}
