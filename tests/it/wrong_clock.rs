//! Machines whose clocks are wrong: they harm nobody else, and say what is the matter.

use reqwest::Method;

use crate::support::client_file::SHOP;
use crate::support::http;
use crate::support::process::{both_streams, run};
use crate::support::servers::lose;
use crate::support::wait::until;
use crate::support::world::Node;
use crate::support::{Asked, Backend, Setup, World};

const DAY: i64 = 86_400;

const GRANTS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM grants";
const MESSAGES: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM messages";

/// Sets the database's clock back by an hour, for connections that are made from now on.
const SET_BACK: &str = "CREATE SCHEMA elsewhere; \
    CREATE FUNCTION elsewhere.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
    AS $$ SELECT pg_catalog.clock_timestamp() - INTERVAL '1 hour' $$; \
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, elsewhere, pg_catalog', \
    current_database()); END $$";

fn offline() -> Asked {
    Asked::by(SHOP).with("scope", "openid phone offline_access")
}

async fn two_nodes() -> World {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    world
}

/// Waits until a node sees the database's clock so many seconds ahead of its own, within a few.
async fn until_seen(node: &Node, seconds: f64) {
    until("the clocks to be compared", async || {
        let seen = node.metric("yagona_clock_skew_seconds", &["database"]).await;
        ((seen - seconds).abs() < 30.0).then_some(())
    })
    .await;
}

async fn readiness(node: &Node) -> (u16, String) {
    let answer = http::get(&format!("{}/health/ready", node.operations)).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn a_node_whose_clock_is_ahead_removes_nothing_and_is_not_ready() {
    let world = two_nodes().await;
    let tokens = world.tokens(&offline(), &world.person()).await;
    let before = (world.stored(GRANTS).await, world.stored(MESSAGES).await);
    let wrong = &world.nodes[1];
    wrong.make_wrong(40 * DAY).await;
    until_seen(wrong, -3_456_000.0).await;
    let of_redis = wrong.metric("yagona_clock_skew_seconds", &["redis"]).await;
    assert!((of_redis + 3_456_000.0).abs() < 30.0, "{of_redis}");
    until("the node to be out of service", async || {
        let (status, said) = readiness(wrong).await;
        (status == 503 && said.contains("clock of the database")).then_some(())
    })
    .await;
    // What it sees next comes after all that it does in a second, purges included.
    wrong.make_wrong(50 * DAY).await;
    until_seen(wrong, -4_320_000.0).await;
    assert_eq!((world.stored(GRANTS).await, world.stored(MESSAGES).await), before);
    for store in ["database", "redis"] {
        until("its log", async || {
            let log = wrong.running.log();
            let skewed = |line: &str| {
                line.contains("\"clock.skewed\"") && line.contains(&format!("\"store\":\"{store}\""))
            };
            log.lines().any(skewed).then_some(())
        })
        .await;
    }
    // Codes are sent by the others, and none is dropped.
    let person = world.person();
    world.browser().begin_with_number(&world, &Asked::by(SHOP), &person).await;
    world.sandbox.next_code(&person).await;
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    assert_eq!(readiness(&world.nodes[0]).await.0, 200);

    wrong.make_wrong(0).await;
    until("the node to be ready again", async || (readiness(wrong).await.0 == 200).then_some(())).await;
    // The deployment's time, which a sandbox moves, is another matter: all nodes purge by it.
    world.advance(40 * DAY).await;
    world.until_stored(GRANTS, 0).await;
    assert_eq!(readiness(wrong).await.0, 200);
}

#[tokio::test]
async fn embedded_stores_lose_nothing_when_the_clock_jumps_and_comes_back() {
    let world = Setup::new(Backend::Embedded).start().await;
    let tokens = world.tokens(&offline(), &world.person()).await;
    let jumps = async |count: usize| {
        until("the jump to be seen", async || {
            (world.nodes[0].running.log().matches("\"clock.jumped\"").count() == count).then_some(())
        })
        .await;
    };
    world.nodes[0].make_wrong(40 * DAY).await;
    jumps(1).await;
    world.nodes[0].make_wrong(0).await;
    jumps(2).await;
    assert_eq!(world.stored(GRANTS).await, 1);
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    assert_eq!(readiness(&world.nodes[0]).await.0, 200);
}

#[tokio::test]
async fn beside_a_database_whose_clock_differs_no_node_starts_and_the_check_says_why() {
    let world = Setup::new(Backend::Servers).start().await;
    world.change_database(SET_BACK).await;
    let config = world.config_of_another().display().to_string();
    let output = run(world.folder.path(), &["serve", "-c", &config]);
    let said = both_streams(&output);
    assert!(!output.status.success() && said.contains("server.clock_skew_seconds"), "{said}");
    let said = both_streams(&world.try_command(&["check"]));
    assert!(said.contains("database clock  FAILED") && said.contains("-3600 s"), "{said}");
    assert!(said.contains("redis clock     ok"), "{said}");
}

#[tokio::test]
async fn a_revocation_by_a_node_whose_clock_is_behind_is_seen_by_the_others() {
    let world = two_nodes().await;
    let one = world.tokens(&offline(), &world.person()).await;
    let other = world.tokens(&offline(), &world.person()).await;
    let behind = &world.nodes[1];
    behind.make_wrong(-2 * 3600).await;
    for token in [one.get("refresh_token"), other.get("access_token")] {
        let revoked = world.post_at(behind.port, SHOP, "/oidc/revoke", &[("token", token)]).await;
        assert_eq!(revoked.status, 200);
    }
    // Nothing but the database tells of it.
    lose(&world.place().redis.expect("Redis"), b'r').await;
    for token in [one.get("access_token"), other.get("access_token")] {
        until("UserInfo to be refused", async || {
            let request = world.browser().request(Method::GET, &world.url("/oidc/userinfo"));
            let answer = request.bearer_auth(token).send().await.expect("an answer");
            (answer.status() == 401).then_some(())
        })
        .await;
    }
    world.refresh(SHOP, one.get("refresh_token")).await.refused(400, "invalid_grant");
    world.refresh(SHOP, other.get("refresh_token")).await.granted();
}
