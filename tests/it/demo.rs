//! `yagona demo`.

use std::time::Duration;

use serde_json::Value;
use yagona::platform::db;
use yagona::platform::seal::Keyring;
use yagona::platform::telemetry::Metrics;

use crate::support::folder::Folder;
use crate::support::http;
use crate::support::process::{Running, both_streams, free_port, run, yagona};
use crate::support::servers::{postgres_database, redis_database};
use crate::support::wait::until;

/// A started demo and where it is.
pub(crate) struct Demo {
    pub running: Running,
    pub provider: String,
    pub sandbox: String,
    pub portal: String,
    pub folder: Folder,
    arguments: Vec<String>,
}

impl Demo {
    /// Starts one with more arguments.
    pub(crate) async fn start(more: &[&str]) -> Self {
        let folder = Folder::new();
        let [port, sandbox, portal, operations, mail] = [(); 5].map(|()| free_port());
        let mut arguments: Vec<String> = vec!["demo".to_owned()];
        for (flag, port) in [
            ("port", port),
            ("sandbox-port", sandbox),
            ("portal-port", portal),
            ("operations-port", operations),
            ("mail-port", mail),
        ] {
            arguments.push(format!("--{flag}={port}"));
        }
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let at = |port: u16| format!("http://localhost:{port}");
        let running = Self::run(&folder, &arguments);
        let (provider, sandbox, portal) = (at(port), at(sandbox), at(portal));
        let mut demo = Self { running, provider, sandbox, portal, folder, arguments };
        demo.running.until_ready(&format!("{}/.well-known/openid-configuration", demo.provider)).await;
        demo.running.until_ready(&demo.portal).await;
        demo
    }

    fn run(folder: &Folder, arguments: &[String]) -> Running {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Running::start(folder.path(), &arguments, folder.file("demo.log"))
    }
}

async fn text(url: &str) -> String {
    http::get(url).await.expect(url).text().await.expect("text")
}

#[tokio::test]
async fn a_newcomer_sees_what_to_open_and_whom_to_be() {
    let mut demo = Demo::start(&[]).await;
    let banner = until("the banner", async || {
        let log = demo.running.log();
        log.contains("Ctrl-C").then_some(log)
    })
    .await;
    let people: Value = serde_json::from_str(&text(&format!("{}/people", demo.sandbox)).await).expect("JSON");
    let people = people.as_array().expect("people");
    for person in people {
        assert!(banner.contains(person["phone"].as_str().expect("a number")), "{banner}");
        assert!(["pinfl", "name", "about"].iter().all(|name| person[name].is_string()), "{person}");
    }
    for place in [&demo.provider, &demo.sandbox, &demo.portal] {
        assert!(banner.contains(place.as_str()), "{place} in {banner}");
    }
    assert!(text(&demo.portal).await.contains("id=\"sign-in\""));
    assert!(text(&format!("{}/phone", demo.sandbox)).await.contains("id=\"messages\""));
    assert!(text(&format!("{}/.well-known/security.txt", demo.provider)).await.contains("Contact: "));

    // A second one on the same ports fails at once with a clear message.
    let arguments: Vec<&str> = demo.arguments.iter().map(String::as_str).collect();
    let second = run(demo.folder.path(), &arguments);
    let said = both_streams(&second);
    assert!(!second.status.success() && said.contains("in use"), "{said}");
    assert!(said.contains("--port"), "it says what to do: {said}");

    demo.running.signal("INT");
    assert!(demo.running.end().await.success());
    assert!(http::get(&demo.portal).await.is_err(), "everything ended");
}

#[tokio::test]
async fn a_demo_keeps_what_it_stored_until_it_is_reset() {
    let mut demo = Demo::start(&[]).await;
    let keys = async |demo: &Demo| text(&format!("{}/oidc/jwks", demo.provider)).await;
    let first = keys(&demo).await;
    demo.running.signal("INT");
    demo.running.end().await;
    for (more, same) in [(None, true), (Some("--reset".to_owned()), false)] {
        let mut arguments = demo.arguments.clone();
        arguments.extend(more);
        demo.running = Demo::run(&demo.folder, &arguments);
        demo.running.until_ready(&format!("{}/.well-known/openid-configuration", demo.provider)).await;
        assert_eq!(keys(&demo).await == first, same);
        demo.running.signal("INT");
        demo.running.end().await;
    }
}

/// A provider's own database and keyring, which no demo made; returns the database's URL.
async fn real_data(folder: &Folder) -> String {
    std::fs::create_dir(folder.file("real")).expect("a folder");
    let url = format!("sqlite:{}", folder.file("real/yagona.db").display());
    let db = db::connect(&url, 1, Duration::from_secs(5), Metrics::new()).await.expect("a database");
    db::migrate(&db).await.expect("its tables");
    db.execute(db::statement(ROW)).await.expect("a row");
    db.close().await;
    Keyring::read_or_create(&folder.file("real/keyring.toml")).expect("a keyring");
    url
}

const ROW: &str =
    "INSERT INTO clients (client_id, metadata, created_at, updated_at_ms) VALUES ('real', '{}', 1, 1)";

async fn rows(url: &str) -> i64 {
    let db = db::connect(url, 1, Duration::from_secs(5), Metrics::new()).await.expect("the database");
    let count = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM clients WHERE client_id = 'real'";
    let rows =
        db::int(&db.read_one(db::statement(count)).await.expect("a count"), "clients", "n").expect("n");
    db.close().await;
    rows
}

#[tokio::test]
async fn in_the_environment_of_a_real_node_the_demo_touches_nothing_of_it() {
    let folder = Folder::new();
    let url = real_data(&folder).await;
    let keyring = folder.file("real/keyring.toml");
    let sealed_with = std::fs::read(&keyring).expect("the keyring");
    let [port, sandbox, portal, operations, mail] = [(); 5].map(|()| free_port().to_string());
    let mut command =
        yagona(folder.path(), &["demo", "--reset", "--port", &port, "--sandbox-port", &sandbox]);
    command.args(["--portal-port", &portal, "--operations-port", &operations, "--mail-port", &mail]);
    command.env("YAGONA__DATABASE__URL", &url).env("YAGONA__KEYS__KEYRING", &keyring);
    command.env("YAGONA__LOG__LEVEL", "debug");
    let mut running = Running::start_command(command, folder.file("demo.log"));
    running.until_ready(&format!("http://localhost:{port}/.well-known/openid-configuration")).await;
    running.signal("INT");
    assert!(running.end().await.success());
    assert_eq!(std::fs::read(&keyring).expect("the keyring"), sealed_with);
    assert_eq!(rows(&url).await, 1);
    assert!(folder.file("var/yagona.db").exists() && folder.file("var/keyring.toml").exists());
    let log = running.log();
    assert!(log.contains("ignores YAGONA__") && log.contains("YAGONA__DATABASE__URL"), "{log}");
    assert!(!log.contains("ignores YAGONA__LOG"), "{log}");
    // Nor do commands without a configuration.
    let mut list = yagona(folder.path(), &["client", "list"]);
    let listed = list.env("YAGONA__DATABASE__URL", &url).output().expect("the binary under test");
    let said = both_streams(&listed);
    assert!(said.contains("davlat-portali") && said.contains("ignores YAGONA__DATABASE__URL"), "{said}");
}

#[tokio::test]
async fn what_no_demo_made_is_neither_reset_nor_used() {
    let folder = Folder::new();
    // A server's database with a provider's tables.
    let server = postgres_database().await;
    let db = db::connect(&server, 1, Duration::from_secs(5), Metrics::new()).await.expect("a database");
    db::migrate(&db).await.expect("its tables");
    db.execute(db::statement(ROW)).await.expect("a row");
    db.close().await;
    let ports = [(); 5].map(|()| free_port().to_string());
    let ports: Vec<String> = ["port", "sandbox-port", "portal-port", "operations-port", "mail-port"]
        .iter()
        .zip(ports)
        .map(|(flag, port)| format!("--{flag}={port}"))
        .collect();
    let mut arguments = vec!["demo", "--database-url", server.as_str()];
    arguments.extend(ports.iter().map(String::as_str));
    for more in [&[][..], &["--reset"]] {
        let refused = run(folder.path(), &[&arguments[..], more].concat());
        let said = both_streams(&refused);
        assert!(!refused.status.success() && said.contains("no demo"), "{said}");
    }
    assert_eq!(rows(&server).await, 1);
    // A file at the demo's own place.
    let folder = Folder::new();
    let url = real_data(&folder).await;
    std::fs::rename(folder.file("real"), folder.file("var")).expect("another place");
    let keyring = std::fs::read(folder.file("var/keyring.toml")).expect("the keyring");
    let mut arguments = vec!["demo", "--reset"];
    arguments.extend(ports.iter().map(String::as_str));
    let refused = run(folder.path(), &arguments);
    assert!(!refused.status.success(), "{}", both_streams(&refused));
    assert_eq!(std::fs::read(folder.file("var/keyring.toml")).expect("the keyring"), keyring);
    assert_eq!(rows(&url.replace("/real/", "/var/")).await, 1);
}

#[tokio::test]
async fn a_demo_on_a_server_resets_what_it_made() {
    let database = postgres_database().await;
    let mut demo = Demo::start(&["--database-url", &database]).await;
    let keys = async |demo: &Demo| text(&format!("{}/oidc/jwks", demo.provider)).await;
    let first = keys(&demo).await;
    demo.running.signal("INT");
    demo.running.end().await;
    let arguments = [&demo.arguments[..], &["--reset".to_owned()]].concat();
    demo.running = Demo::run(&demo.folder, &arguments);
    demo.running.until_ready(&format!("{}/.well-known/openid-configuration", demo.provider)).await;
    assert_ne!(keys(&demo).await, first);
}

#[tokio::test]
async fn the_very_same_demo_runs_on_postgres_and_redis() {
    let (database, redis) = (postgres_database().await, redis_database().await);
    let demo = Demo::start(&["--database-url", &database, "--redis-url", &redis]).await;
    assert!(!demo.folder.file("var/yagona.db").exists());
    let people = text(&format!("{}/people", demo.sandbox)).await;
    assert!(people.contains("998001112233"), "{people}");
}

#[tokio::test]
async fn commands_without_a_configuration_work_on_the_running_demo() {
    let demo = Demo::start(&[]).await;
    let list = run(demo.folder.path(), &["client", "list"]);
    let said = both_streams(&list);
    assert!(list.status.success() && said.contains("davlat-portali"), "{said}");
}
