//! As much of the suite as the plans need: its scripted browser, which does what `config/conformance.json` says and nothing
//! else, and its server's part, the requests of a relying party.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;
use yagona::sandbox::{EskizAccount, PlayMobileAccount, RegistrySettings, Settings};

use crate::ciba::pings::Server;
use crate::support::folder::Folder;
use crate::support::http;
use crate::support::listener::Listener;
use crate::support::process::{Running, free_port, run_well};
use crate::support::{Browser, Page, Step, jwt};

/// The name of the suite, which is never looked up: redirects are read, not followed.
pub(super) const AT_SUITE: &str = "https://localhost.emobix.co.uk:8443/test/a/yagona";
/// Where the files have the provider, its listener for certificates, and the phone of the test person.
const PLACES: [&str; 3] = ["localhost:9443", "localhost:9444", "localhost:8081"];

/// What a module ends with.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Outcome {
    Passed,
    /// A person has to look at a picture.
    Review,
    Warning,
    Skipped,
}

impl Outcome {
    /// The suite's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Review => "REVIEW",
            Self::Warning => "WARNING",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// A file of the repository.
pub(super) fn file(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A JSON file of `config/`.
pub(super) fn json_file(name: &str) -> Value {
    serde_json::from_str(&file(&format!("config/{name}"))).expect("JSON")
}

/// Every text that some module's browser waits for on a page of the provider.
pub(super) fn texts_waited_for(config: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match config {
        Value::Object(members) => found.extend(members.values().flat_map(texts_waited_for)),
        Value::Array(items) if items.first().is_some_and(|first| first == "wait") && items.len() > 4 => {
            found.push(items[4].as_str().expect("a text").to_owned());
        }
        Value::Array(items) => found.extend(items.iter().flat_map(texts_waited_for)),
        _ => {}
    }
    found
}

/// Where a visit of the browser ended.
#[derive(Debug)]
pub(super) enum End {
    /// At the suite, with these fields; whether they came by POST.
    Back { at: Url, fields: BTreeMap<String, String>, posted: bool },
    /// At a page of the provider. Whether a picture of it, or of one before it, was asked for.
    Page,
}

/// A provider as `config/conformance.toml` has it, and the suite before it.
pub(super) struct Suite {
    config: Value,
    /// Where those [`PLACES`] are here.
    places: [String; 3],
    pub(super) issuer: Url,
    port: u16,
    operations: u16,
    listener: Listener,
    /// Where services are told that there is an answer (CIBA).
    pub(super) told: Server,
    running: Option<Running>,
    folder: Folder,
    /// The browser of the module that is run; each has cookies of its own.
    browser: Browser,
    /// Whether a picture was asked for in the module that is run.
    pub(super) pictured: bool,
    /// The frames that were loaded in it.
    pub(super) framed: Vec<String>,
    /// How often each entry of its script served.
    served: BTreeMap<usize, u64>,
    /// By how many seconds the provider's clock was moved.
    pub(super) ahead: Arc<AtomicI64>,
}

/// The files with the clients.
const CLIENTS: [&str; 2] = ["conformance-clients.toml", "conformance-fapi-clients.toml"];

/// The phone that the gateway's account of `config/conformance.toml` sends to, at a port of its own.
fn phone(settings: &toml::Table) -> String {
    let listener = TcpListener::bind(("localhost", 0)).expect("a free port");
    let at = format!("localhost:{}", listener.local_addr().expect("its address").port());
    let account = |member: &str| {
        settings["sms"]["eskiz"][member].as_str().unwrap_or_else(|| panic!("no {member}")).to_owned()
    };
    let nobody = || "nobody".to_owned();
    let settings = Settings {
        people: Vec::new(),
        eskiz: EskizAccount { email: account("email"), password: account("password"), from: account("from") },
        playmobile: PlayMobileAccount { login: nobody(), password: nobody(), originator: nobody() },
        playmobile_callback: None,
        // As in the demo, whose own provider is another one.
        provider: Some("http://localhost:8080".to_owned()),
        registries: RegistrySettings::default(),
    };
    std::thread::spawn(move || {
        actix_web::rt::System::new()
            .block_on(async { yagona::sandbox::start(listener, settings).expect("the sandbox").await })
    });
    at
}

/// A file of the repository with the places of this run.
fn here(places: &[String; 3], text: String) -> String {
    PLACES.iter().zip(places).fold(text, |text, (there, here)| text.replace(there, here))
}

/// Whether a text fits a pattern of the suite, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            rest.is_empty()
                || (0..=text.len()).any(|from| text.is_char_boundary(from) && fits(rest, &text[from..]))
        }),
    }
}

impl Suite {
    /// Starts the provider with the files as they are, but for the ports, which are free ones, and the address that takes
    /// logout tokens, since nobody serves the suite's name here.
    pub(super) async fn start() -> Self {
        let folder = Folder::new();
        let [port, mtls, operations] = [(); 3].map(|()| free_port());
        let (listener, told) = (Listener::start(), Server::start());
        let plain: toml::Table = toml::from_str(&file("config/conformance.toml")).expect("TOML");
        let places = [format!("localhost:{port}"), format!("localhost:{mtls}"), phone(&plain)];
        let text = here(&places, file("config/conformance.toml"));
        let mut settings: toml::Table = toml::from_str(&text).expect("TOML");
        settings["server"]["mtls"]
            .as_table_mut()
            .expect("a section")
            .insert("listen".to_owned(), format!("127.0.0.1:{mtls}").into());
        let mut set = |section: &str, key: &str, value: toml::Value| {
            settings[section].as_table_mut().expect("a section").insert(key.to_owned(), value);
        };
        set("server", "listen", format!("127.0.0.1:{port}").into());
        set("server", "operations_listen", format!("127.0.0.1:{operations}").into());
        set("outbound", "allow", toml::Value::Array(vec!["127.0.0.1".into()]));
        set("sandbox", "movable_clock", true.into());
        std::fs::write(folder.file("conformance.toml"), settings.to_string()).expect("the configuration");
        let with = ["-c", "conformance.toml"];
        run_well(folder.path(), &[&["migrate"][..], &with].concat());
        for name in CLIENTS {
            let clients = file(&format!("config/{name}"))
                .replace(&format!("{AT_SUITE}/backchannel_logout"), &listener.url)
                .replace(&format!("{AT_SUITE}/ciba-notification-endpoint"), &format!("{}/told", told.base));
            std::fs::write(folder.file(name), clients).expect("the clients");
            run_well(folder.path(), &[&["client", "import", name][..], &with].concat());
        }
        let log = folder.file("log");
        let mut running = Running::start(folder.path(), &[&["serve"][..], &with].concat(), log);
        running.until_ready(&format!("http://127.0.0.1:{operations}/health/ready")).await;
        let issuer: Url = format!("https://localhost:{port}").parse().expect("a URL");
        let browser = Browser::new(&issuer, port);
        let mut suite = Self {
            config: Value::Null,
            places,
            issuer,
            port,
            operations,
            listener,
            told,
            running: Some(running),
            folder,
            browser,
            pictured: false,
            framed: Vec::new(),
            served: BTreeMap::new(),
            ahead: Arc::default(),
        };
        suite.configure("conformance.json");
        suite
    }

    /// Takes another configuration of `config/`.
    pub(super) fn configure(&mut self, name: &str) {
        let text = here(&self.places, file(&format!("config/{name}")));
        self.config = serde_json::from_str(&text).expect("JSON");
    }

    /// Runs a command of the provider.
    pub(super) fn command(&self, arguments: &[&str]) -> String {
        run_well(self.folder.path(), &[arguments, &["-c", "conformance.toml"]].concat())
    }

    /// Begins a module: no cookies, no picture.
    pub(super) fn begin(&mut self) {
        (self.browser, self.pictured) = (Browser::new(&self.issuer, self.port), false);
        self.framed.clear();
        self.served.clear();
    }

    /// The configuration of a module: that of all, with its own members instead.
    pub(super) fn of(&self, module: &str) -> Value {
        let mut config = self.config.clone();
        for (name, value) in self.config["override"][module].as_object().into_iter().flatten() {
            config[name] = value.clone();
        }
        config
    }

    /// Lets seconds pass for the provider.
    pub(super) async fn advance(&self, seconds: i64) {
        let url = format!("http://127.0.0.1:{}/sandbox/clock", self.operations);
        let answer = http::client().post(url).form(&[("advance_seconds", seconds)]).send().await;
        assert_eq!(answer.expect("the operations port").status(), 200);
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The browser visits `url` and does what the module's script says.
    pub(super) async fn visit(&mut self, module: &str, method: Method, url: &Url) -> End {
        let config = self.of(module);
        let entries = config["browser"].as_array().expect("a script");
        let serves = |(at, entry): &(usize, &Value)| {
            let served = self.served.get(at).copied().unwrap_or_default();
            fits(text(&entry["match"]), url.as_str())
                && entry["match-limit"].as_u64().is_none_or(|limit| served < limit)
        };
        let found = entries.iter().enumerate().find(serves);
        let (at, entry) = found.unwrap_or_else(|| panic!("{module}: nothing is said of {url}"));
        *self.served.entry(at).or_default() += 1;
        let mut step = match method {
            Method::POST => self.post(url).await,
            _ => self.browser.get(url).await,
        };
        let mut end = None;
        for task in entry["tasks"].as_array().expect("tasks") {
            if end.is_none() {
                end = arrived(&step);
            }
            let at = match (&end, &step) {
                (Some(End::Back { at, .. }), _) | (_, Step::Away(at)) => at.to_string(),
                (_, Step::Page(page)) => page.url.to_string(),
            };
            if !fits(text(&task["match"]), &at) {
                assert_eq!(task["optional"], true, "{module}: {} does not fit {at}; {step:?}", task["task"]);
                continue;
            }
            for command in task["commands"].as_array().into_iter().flatten() {
                step = self.obey(module, command, step, end.is_some()).await;
            }
        }
        match end {
            Some(end) => end,
            None => arrived(&step).unwrap_or(End::Page),
        }
    }

    /// As the suite posts an authorization request: the query as a form of another site.
    async fn post(&mut self, url: &Url) -> Step {
        let fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut bare = url.clone();
        bare.set_query(None);
        let request =
            self.browser.request(Method::POST, &bare).header("Origin", "https://localhost.emobix.co.uk:8443");
        let request = request.header("Sec-Fetch-Site", "cross-site").form(&fields);
        let answer = request.send().await.expect("an answer");
        self.browser.follow(bare, answer).await
    }

    async fn obey(&mut self, module: &str, command: &Value, step: Step, away: bool) -> Step {
        let words: Vec<String> = command
            .as_array()
            .expect("words")
            .iter()
            .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let page = match (&words[..], step) {
            // The suite's own page, which a visit ends at.
            (["wait", "id", "submission_complete", _], step) => {
                assert!(away, "{module}: {words:?} at {step:?}");
                return step;
            }
            (_, Step::Page(page)) => page,
            (_, step) => panic!("{module}: {words:?} at {step:?}"),
        };
        match words[..] {
            ["wait", "xpath", "//*", _, wanted, ..] => {
                assert!(page.text().contains(wanted), "{module}: no `{wanted}`: {page}");
                self.pictured |=
                    words.get(5).is_some_and(|word| word.starts_with("update-image-placeholder"));
                Step::Page(page)
            }
            // The page loads its frames, and goes on by itself.
            ["wait", "contains", part, _] => {
                self.framed.push(page.attribute("iframe", "src"));
                let (_, on) = page.body.split_once(";url=").unwrap_or_else(|| panic!("{module}: {page}"));
                let on = on.split('"').next().unwrap_or_default().replace("&amp;", "&");
                assert!(on.contains(part), "{module}: {on}");
                Step::Away(on.parse().expect("a URL"))
            }
            ["text", "id", id, typed] => Step::Page(fill(page, id, typed)),
            ["click", "id", id, ref optional @ ..] => match find(&page, id) {
                Some(Found::Button) => self.browser.press(&page, id, &[]).await,
                Some(Found::Link(to)) => self.browser.get(&to).await,
                None => {
                    assert_eq!(optional, &["optional"], "{module}: no #{id}: {page}");
                    Step::Page(page)
                }
            },
            _ => panic!("{module}: what is {words:?}?"),
        }
    }

    /// A request of the suite's server; with a client's name and secret if given.
    pub(super) async fn call(
        &self,
        path: &str,
        fields: Option<&[(&str, &str)]>,
        header: Option<(&str, String)>,
    ) -> (u16, Value) {
        let url = self.issuer.join(path).expect("a path");
        let browser = Browser::new(&self.issuer, self.port);
        let request = match fields {
            Some(fields) => browser.request(Method::POST, &url).form(fields),
            None => browser.request(Method::GET, &url),
        };
        let request = match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let (status, body) = (answer.status().as_u16(), answer.text().await.expect("a body"));
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// What the provider says of itself.
    pub(super) async fn metadata(&self) -> Value {
        self.call("/.well-known/openid-configuration", None, None).await.1
    }

    /// Its keys.
    pub(super) async fn keys(&self) -> Value {
        self.call("/oidc/jwks", None, None).await.1
    }

    /// Waits for a logout token to come to the client of back-channel logout.
    pub(super) async fn logout_token(&self, sid: &Value) -> String {
        let pick = |form: &BTreeMap<String, String>| {
            let token = form.get("logout_token")?;
            (jwt::read(token).claims["sid"] == *sid).then(|| token.clone())
        };
        self.listener.form("a logout token", pick).await
    }

    /// The clients that logout tokens came for, once the provider has ended and sends no more.
    pub(super) async fn told_to_end_sessions(&mut self) -> Vec<String> {
        let mut running = self.running.take().expect("a provider");
        running.signal("TERM");
        running.end().await;
        let aud = |form: &BTreeMap<String, String>| {
            let token = form.get("logout_token")?;
            Some(jwt::read(token).claims["aud"].as_str().unwrap_or_default().to_owned())
        };
        self.listener.forms("logout tokens", 1, aud).await
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Whether the browser is at the suite: by a redirect, or by a page whose script posts a form there at once.
fn arrived(step: &Step) -> Option<End> {
    match step {
        Step::Away(at) => {
            let fields = at.query_pairs().into_owned().collect();
            Some(End::Back { at: at.clone(), fields, posted: false })
        }
        Step::Page(page) if page.has("answer") => {
            let form = page.form("continue");
            let fields = form.fields("continue", &[]).into_iter().collect();
            Some(End::Back { at: form.action.parse().expect("a URL"), fields, posted: true })
        }
        Step::Page(_) => None,
    }
}

enum Found {
    Button,
    Link(Url),
}

/// What can be clicked by this id.
fn find(page: &Page, id: &str) -> Option<Found> {
    let button = page.forms().iter().any(|form| form.controls.iter().any(|control| control.id == id));
    let link = || page.links().into_iter().find(|link| link.id == id);
    if button {
        return Some(Found::Button);
    }
    link().map(|link| Found::Link(page.url.join(&link.href).expect("a URL")))
}

/// The page with a field filled in: what is typed stands in its markup, from where forms are read.
fn fill(page: Page, id: &str, typed: &str) -> Page {
    let marker = format!("id=\"{id}\"");
    let at = page.body.find(&marker).unwrap_or_else(|| panic!("no #{id}: {page}"));
    let start = page.body[..at].rfind('<').expect("a tag");
    let end = at + page.body[at..].find('>').expect("its end");
    let tag = &page.body[start..end];
    let before = match tag.find(" value=\"") {
        Some(from) => {
            let close = from + 8 + tag[from + 8..].find('"').expect("its end") + 1;
            format!("{}{}", &tag[..from], &tag[close..])
        }
        None => tag.to_owned(),
    };
    let body = format!("{}{before} value=\"{typed}\"{}", &page.body[..start], &page.body[end..]);
    Page { body, ..page }
}

/// An unsigned request object.
pub(super) fn unsigned(claims: &Value) -> String {
    format!(
        "{}.{}.",
        jwt::encode(json!({"alg": "none"}).to_string().as_bytes()),
        jwt::encode(claims.to_string().as_bytes())
    )
}
