//! A provider with everything around it: stores, sandbox, people, relying parties.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::folder::Folder;
use super::http;
use super::listener::Listener;
use super::people::{Kind, People, Person};
use super::process::{Running, free_port, run, run_well};
use super::relay::Relay;
use super::sandbox::Sandbox;
use super::servers::{postgres_database, redis_database, variable};
use super::setup::{Place, Setup};
use super::{Browser, client_file};

/// The stores of a provider.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Backend {
    /// SQLite and in-process state.
    Embedded,
    /// PostgreSQL and Redis.
    Servers,
}

/// One node of a provider.
pub(crate) struct Node {
    pub running: Running,
    pub port: u16,
    pub operations: String,
    config: PathBuf,
}

/// A provider and what belongs to it.
pub(crate) struct World {
    pub issuer: Url,
    pub nodes: Vec<Node>,
    pub sandbox: Sandbox,
    pub setup: Setup,
    pub folder: Folder,
    pub people: People,
    /// Takes logout tokens.
    pub listener: Listener,
    /// Relays before PostgreSQL and Redis, if asked for.
    pub relays: Option<(Relay, Relay)>,
    place: Place,
    /// Seconds by which its nodes' clocks were moved.
    moved: AtomicI64,
}

/// Enough people for all tests on the shared providers.
const SHARED: (usize, usize) = (600, 12);

impl World {
    /// The provider that tests with default settings share.
    pub(crate) async fn shared(backend: Backend) -> &'static World {
        static EMBEDDED: OnceCell<World> = OnceCell::const_new();
        static SERVERS: OnceCell<World> = OnceCell::const_new();
        let cell = if backend == Backend::Embedded { &EMBEDDED } else { &SERVERS };
        cell.get_or_init(|| Setup::new(backend).people(SHARED.0, SHARED.1).start()).await
    }

    pub(super) async fn start(setup: Setup) -> World {
        let folder = Folder::new();
        let people = People::new(setup.census);
        let listener = Listener::start();
        let (port, operations) = (free_port(), free_port());
        let scheme = if setup.tls { "https" } else { "http" };
        let issuer: Url = format!("{scheme}://localhost:{port}").parse().expect("a URL");
        let callback =
            format!("http://localhost:{port}/callbacks/sms/{}/playmobile", super::setup::CALLBACK_SECRET);
        let base = issuer.as_str().trim_end_matches('/').to_owned();
        let sandbox = Sandbox::start(Some(callback), &base);
        let (database, redis, relays) = stores(&setup, &folder).await;
        let place = Place { issuer: base, port, operations, database, redis, sandbox: sandbox.base.clone() };
        std::fs::write(folder.file("people.toml"), people.file()).expect("the people file");
        let clients = client_file::text(&listener.url) + &setup.clients;
        std::fs::write(folder.file("clients.toml"), clients).expect("the client file");
        let nodes = Vec::new();
        let moved = AtomicI64::new(0);
        let mut world =
            World { issuer, nodes, sandbox, setup, folder, people, listener, relays, place, moved };
        let config = world.write_config("node-1.toml", port, operations);
        let path = config.display().to_string();
        run_well(world.folder.path(), &["migrate", "-c", &path]);
        run_well(world.folder.path(), &["client", "import", "clients.toml", "-c", &path]);
        world.start_node(config, port, operations).await;
        world
    }

    fn write_config(&self, name: &str, port: u16, operations: u16) -> PathBuf {
        let place = Place { port, operations, ..self.place.clone() };
        let path = self.folder.file(name);
        std::fs::write(&path, self.setup.configuration(&place).to_string()).expect("the configuration");
        path
    }

    async fn start_node(&mut self, config: PathBuf, port: u16, operations: u16) {
        let path = config.display().to_string();
        let log = self.folder.file(&format!("node-{}.log", self.nodes.len() + 1));
        let start = match &self.setup {
            Setup { unread: true, .. } => Running::start_unread,
            Setup { small_disk: true, .. } => Running::start_on_small_disk,
            _ => Running::start,
        };
        let mut running = start(self.folder.path(), &["serve", "-c", &path], log);
        let operations = format!("http://127.0.0.1:{operations}");
        running.until_ready(&format!("{operations}/health/ready")).await;
        let node = Node { running, port, operations, config };
        let moved = self.moved.load(Ordering::SeqCst);
        if moved > 0 {
            node.advance(moved).await;
        }
        self.nodes.push(node);
    }

    /// Lets time pass for all nodes, those started later included. Never on a shared provider: its other tests go by
    /// the same clock.
    pub(crate) async fn advance(&self, seconds: i64) {
        self.moved.fetch_add(seconds, Ordering::SeqCst);
        for node in &self.nodes {
            node.advance(seconds).await;
        }
    }

    /// Starts one more node of the same provider.
    pub(crate) async fn add_node(&mut self) {
        let (port, operations) = (free_port(), free_port());
        let config = self.write_config(&format!("node-{}.toml", self.nodes.len() + 1), port, operations);
        self.start_node(config, port, operations).await;
    }

    /// The configuration file of a further node, which is not started.
    pub(crate) fn config_of_another(&self) -> PathBuf {
        self.write_config("node-more.toml", free_port(), free_port())
    }

    /// Starts the first node again, after it ended.
    pub(crate) async fn start_again(&mut self) {
        let node = self.nodes.remove(0);
        let operations =
            node.operations.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let (config, port) = (node.config.clone(), node.port);
        drop(node);
        self.start_node(config, port, operations).await;
    }

    /// Runs a command on this provider's configuration; it must succeed.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let config = self.nodes[0].config.display().to_string();
        run_well(self.folder.path(), &[arguments, &["-c", &config]].concat())
    }

    /// Runs a command on this provider's configuration, which may fail.
    pub(crate) fn try_command(&self, arguments: &[&str]) -> std::process::Output {
        let config = self.nodes[0].config.display().to_string();
        run(self.folder.path(), &[arguments, &["-c", &config]].concat())
    }

    /// Runs a command on this provider's configuration with these variables besides, which may fail.
    pub(crate) fn try_command_amid(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> std::process::Output {
        let config = self.nodes[0].config.display().to_string();
        let arguments = [arguments, &["-c", &config]].concat();
        let mut command = super::process::yagona(self.folder.path(), &arguments);
        command.envs(variables.iter().copied()).output().expect("the binary")
    }

    /// Approves what waits of a client, as it is now.
    pub(crate) fn approve(&self, client: &str) {
        let shown = self.command(&["client", "show", client, "--waiting"]);
        let code = shown.trim_end().rsplit(' ').next().expect("a code");
        self.command(&["client", "approve", client, "--review", code]);
    }

    /// A URL of the provider.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.issuer.join(path).expect("a path")
    }

    /// A fresh browser in front of the first node.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.issuer, self.nodes[0].port)
    }

    /// Somebody who can sign in.
    pub(crate) fn person(&self) -> Person {
        self.people.next(Kind::Enrolled)
    }

    /// Somebody of a certain kind.
    pub(crate) fn somebody(&self, kind: Kind) -> Person {
        self.people.next(kind)
    }

    /// A JSON document of the provider.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let page = self.browser().open(path).await.page().expect_status(200);
        serde_json::from_str(&page.body).expect("JSON")
    }

    /// The published keys.
    pub(crate) async fn keys(&self) -> Value {
        self.json("/oidc/jwks").await
    }

    /// As [`Node::metric`], of the first node.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        self.nodes[0].metric(name, labels).await
    }

    /// The first node's addresses and stores.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }
}

impl Node {
    /// Moves this node's clock.
    async fn advance(&self, seconds: i64) {
        let url = format!("{}/sandbox/clock", self.operations);
        let form = [("advance_seconds", seconds)];
        let answer = http::client().post(url).form(&form).send().await.expect("the operations port");
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap_or_default());
    }

    /// Makes this node's own clock wrong by so many seconds from now on, forward or back.
    pub(crate) async fn make_wrong(&self, seconds: i64) {
        let url = format!("{}/sandbox/clock", self.operations);
        let form = [("wrong_seconds", seconds)];
        let answer = http::client().post(url).form(&form).send().await.expect("the operations port");
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap_or_default());
    }

    /// A metric's samples: labels and value.
    async fn samples(&self, name: &str) -> Vec<(String, f64)> {
        let url = format!("{}/metrics", self.operations);
        let text = http::get(&url).await.expect("the operations port").text().await.expect("text");
        text.lines()
            .filter_map(|line| line.strip_prefix(name))
            .filter(|rest| rest.starts_with(['{', ' ']))
            .filter_map(|rest| rest.rsplit_once(' '))
            .filter_map(|(labels, value)| Some((labels.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// The sum of a metric's samples that have every one of `labels`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let samples = self.samples(name).await.into_iter();
        samples
            .filter(|(given, _)| labels.iter().all(|label| given.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }

    /// The sums of a metric's samples by one of its labels.
    pub(crate) async fn metric_by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        let label = format!("{label}=\"");
        for (labels, value) in self.samples(name).await {
            let named = labels.split(&label).nth(1).and_then(|rest| rest.split('"').next());
            *sums.entry(named.unwrap_or_default().to_owned()).or_default() += value;
        }
        sums
    }
}

async fn stores(setup: &Setup, folder: &Folder) -> (String, Option<String>, Option<(Relay, Relay)>) {
    if setup.backend == Backend::Embedded {
        return (format!("sqlite:{}", folder.file("yagona.db").display()), None, None);
    }
    let (database, redis) = (postgres_database().await, redis_database().await);
    if !setup.relayed {
        return (database, Some(redis), None);
    }
    let (database, postgres_relay) = relayed(&database);
    let (redis, redis_relay) = relayed(&redis);
    (database, Some(redis), Some((postgres_relay, redis_relay)))
}

/// The same URL through a relay.
fn relayed(url: &str) -> (String, Relay) {
    let mut url: Url = url.parse().expect("a URL");
    let host = url.host_str().expect("a host").to_owned();
    let relay = Relay::before(format!("{host}:{}", url.port().expect("a port")));
    url.set_host(Some("127.0.0.1")).expect("a host");
    url.set_port(Some(relay.port())).expect("a port");
    (url.into(), relay)
}

/// The folder of the third-party client scripts.
pub(crate) fn clients_folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser-clients"))
}

/// What `scripts/test` sets for browser tests.
pub(crate) fn webdriver() -> String {
    variable("YAGONA_TEST_WEBDRIVER")
}
