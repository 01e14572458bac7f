//! `yagona demo`.

use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::http;
use crate::support::process::{Running, both_streams, free_port, run};
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
        let [port, sandbox, portal, operations] = [(); 4].map(|()| free_port());
        let mut arguments: Vec<String> = vec!["demo".to_owned()];
        for (flag, port) in [
            ("port", port),
            ("sandbox-port", sandbox),
            ("portal-port", portal),
            ("operations-port", operations),
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
