//! Two nodes on one PostgreSQL and one Redis are one provider; embedded stores serve one node only.

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::support::client_file::{SHOP, secret};
use crate::support::flow::redemption;
use crate::support::folder::Folder;
use crate::support::people::{Census, People};
use crate::support::process::{Running, both_streams, free_port, run};
use crate::support::servers::{postgres_database, redis_database};
use crate::support::setup::Place;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Setup, Step, World, code_of};

async fn two_nodes() -> World {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    world
}

#[tokio::test]
async fn a_sign_in_may_change_nodes_at_every_step() {
    let world = two_nodes().await;
    let ports = [world.nodes[1].port, world.nodes[0].port];
    let person = world.person();
    let asked = Asked::by(SHOP).with("scope", "openid phone offline_access");
    let mut browser = world.browser();
    let page = browser.begin(&world, &asked).await.page().expect("phone");
    let mut browser = browser.at(ports[0]);
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let mut browser = browser.at(ports[1]);
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    let mut browser = browser.at(ports[0]);
    let code = code_of(&browser.press(&page, "allow", &[]).await.away());
    let tokens = world.post_at(ports[1], SHOP, "/oidc/token", &redemption(&code)).await.granted();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
    let next = world.post_at(ports[0], SHOP, "/oidc/token", &fields).await.granted();
    assert_eq!(world.userinfo(next.get("access_token")).await.status, 200);
    // A revocation at one node takes effect at the other at once.
    let token = [("token", next.get("access_token"))];
    assert_eq!(world.post_at(ports[0], SHOP, "/oidc/revoke", &token).await.status, 200);
    assert_eq!(world.userinfo(next.get("access_token")).await.status, 401);
    // Sessions are shared.
    assert!(
        matches!(browser.at(ports[1]).begin(&world, &asked).await, Step::Page(page) if page.has("other"))
    );
}

#[tokio::test]
async fn nodes_that_start_at_once_on_an_empty_server_all_serve() {
    let folder = Folder::new();
    let setup = Setup::new(Backend::Servers).set("nodes", 3).set("sandbox.movable_clock", false);
    let people = People::new(Census { enrolled: 1, others: 0 }).file();
    std::fs::write(folder.file("people.toml"), people).expect("the people file");
    let (database, redis) = (postgres_database().await, redis_database().await);
    let mut nodes: Vec<(Running, String)> = (0..3)
        .map(|node| {
            let (port, operations) = (free_port(), free_port());
            let place = Place {
                issuer: "http://localhost:8080".to_owned(),
                port,
                operations,
                database: database.clone(),
                redis: Some(redis.clone()),
                sandbox: "http://localhost:9".to_owned(),
            };
            let config = format!("node-{node}.toml");
            std::fs::write(folder.file(&config), setup.configuration(&place).to_string()).expect("a file");
            let log = folder.file(&format!("node-{node}.log"));
            let running = Running::start(folder.path(), &["serve", "-c", &config], log);
            (running, format!("http://127.0.0.1:{operations}/health/ready"))
        })
        .collect();
    for (node, ready) in &mut nodes {
        node.until_ready(ready).await;
    }
    let mut connection = PgConnection::connect(&database).await.expect("the database");
    let count = "SELECT (SELECT COUNT(*) FROM signing_keys) + (SELECT COUNT(*) FROM later_signing_keys)";
    let keys = sqlx::query(count).fetch_one(&mut connection).await.expect("keys");
    assert_eq!(keys.get::<i64, _>(0), 4, "one per algorithm");
}

#[tokio::test]
async fn of_fifty_parallel_redemptions_across_nodes_one_wins() {
    let world = two_nodes().await;
    let ports = [world.nodes[0].port, world.nodes[1].port];
    for _ in 0..3 {
        let code = code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &world.person()).await);
        let fields = redemption(&code);
        let redeem = |n: usize| world.post_at(ports[n % 2], SHOP, "/oidc/token", &fields);
        let answers = join_all((0..50).map(redeem)).await;
        let winners = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(winners, 1, "winners");
    }
}

#[tokio::test]
async fn a_thousand_parallel_guesses_across_nodes_count_five_tries() {
    let world = two_nodes().await;
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let form = page.form("continue");
    let url = page.url.join(&form.action).expect("a URL");
    let at = [browser.at(world.nodes[0].port), browser.at(world.nodes[1].port)];
    let guesses = (0..1001).map(|n| format!("{n:06}")).filter(|guess| *guess != code).take(1000);
    let requests = guesses.enumerate().map(|(n, guess)| {
        let (browser, url, fields) = (&at[n % 2], &url, form.fields("continue", &[("code", &guess)]));
        async move { browser.send_form(url, &fields).await.status().as_u16() }
    });
    let statuses: Vec<u16> = stream::iter(requests).buffer_unordered(64).collect().await;
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    let mut wrong = 0.0;
    for node in &world.nodes {
        wrong += node.metric("yagona_sign_ins_total", &["code", "wrong"]).await;
    }
    assert!((1.0..=5.0).contains(&wrong), "{wrong} tries were looked at");
    let refused = browser.enter_code(&page, &code).await.page();
    assert!(!refused.has("allow"), "{refused}");
}

#[tokio::test]
async fn whichever_node_sends_a_code_it_is_sent_once() {
    let world = two_nodes().await;
    let people: Vec<_> = (0..8).map(|_| world.person()).collect();
    join_all(people.iter().enumerate().map(async |(n, person)| {
        let mut browser = world.browser().at(world.nodes[n % 2].port);
        browser.begin_with_number(&world, &Asked::by(SHOP), person).await;
        world.sandbox.next_code(person).await
    }))
    .await;
    world.nothing_more_came(&people.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_client_added_by_command_is_known_to_every_node_soon() {
    let world = two_nodes().await;
    let text = std::fs::read_to_string(world.folder.file("clients.toml")).expect("the client file");
    let added = text.split("[[clients]]").nth(1).expect("one").replace("\"shop\"", "\"newcomer\"");
    std::fs::write(world.folder.file("one.toml"), format!("[[clients]]{added}")).expect("a file");
    world.command(&["client", "import", "one.toml"]);
    for node in &world.nodes {
        until("the newcomer to be known", async || {
            let mut browser = world.browser().at(node.port);
            let page = browser.begin(&world, &Asked::by("newcomer")).await.page();
            page.has("phone").then_some(())
        })
        .await;
    }
    world.command(&["client", "disable", "newcomer"]);
    for node in &world.nodes {
        let mut browser = world.browser().at(node.port);
        until("the newcomer to be disabled", async || {
            let page = browser.begin(&world, &Asked::by("newcomer")).await.page();
            (page.status == 403).then(|| page.expect("error"))
        })
        .await;
        let basic = Some(("newcomer", secret(SHOP)));
        let basic = basic.as_ref().map(|(id, secret)| (*id, secret.as_str()));
        let answer = world.post_bare(node.port, "/oidc/token", &redemption("x"), basic).await;
        answer.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn keys_rotated_by_command_reach_every_node() {
    let world = two_nodes().await;
    let before = world.keys().await["keys"].as_array().expect("keys").len();
    world.command(&["keys", "rotate"]);
    for node in &world.nodes {
        until("the new keys", async || {
            let page = world.browser().at(node.port).open("/oidc/jwks").await.page();
            let keys: serde_json::Value = serde_json::from_str(&page.body).expect("JSON");
            (keys["keys"].as_array().expect("keys").len() > before).then_some(())
        })
        .await;
    }
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    crate::support::jwt::verify(tokens.get("id_token"), &world.keys().await);
}

#[tokio::test]
async fn embedded_stores_refuse_a_second_node() {
    let world = Setup::new(Backend::Embedded).start().await;
    let config = world.config_of_another().display().to_string();
    let output = run(world.folder.path(), &["serve", "-c", &config]);
    let said = both_streams(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("another"), "it says why: {said}");
    assert_eq!(world.browser().open("/.well-known/openid-configuration").await.page().status, 200);

    let several = Setup::new(Backend::Embedded).set("nodes", 2);
    let path = world.folder.file("several.toml");
    std::fs::write(&path, several.configuration(&world.place()).to_string()).expect("a file");
    let output = run(world.folder.path(), &["serve", "-c", &path.display().to_string()]);
    let said = both_streams(&output);
    assert!(!output.status.success() && said.contains("nodes"), "{said}");
}
