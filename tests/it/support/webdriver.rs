//! A real Chromium, driven by WebDriver: as much of the protocol as the tests use.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::wait::until;
use super::world::webdriver;

/// The name of an element's reference (WebDriver §11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys, as WebDriver names them (§17.4.2).
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const SPACE: &str = " ";

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Pixels.
    pub width: u32,
    pub dark: bool,
}

/// A browser of its own.
pub(crate) struct Chromium {
    http: reqwest::Client,
    session: String,
}

impl Chromium {
    /// Starts one without cookies, whose owner reads `language`; it runs pages' scripts or not.
    pub(crate) async fn start(scripts: bool, language: &str) -> Self {
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("an HTTP client");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ];
        let javascript = if scripts { 1 } else { 2 };
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": {
                    "profile.managed_default_content_settings.javascript": javascript,
                    "intl.accept_languages": language,
                },
            },
        }}});
        let base = webdriver();
        let answer = http.post(format!("{base}/session")).json(&wanted).send().await;
        let answer =
            answer.unwrap_or_else(|error| panic!("YAGONA_TEST_WEBDRIVER: {error}; run `scripts/test`"));
        let answer: Value = answer.json().await.expect("JSON");
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}"));
        Self { http, session: format!("{base}/session/{id}") }
    }

    /// Looks at pages so from now on.
    pub(crate) async fn look(&self, look: Look) {
        let size =
            json!({"width": look.width, "height": 800, "deviceScaleFactor": 1, "mobile": look.width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    async fn call(&self, command: &str, body: Value) -> Value {
        self.try_call(command, body).await.unwrap_or_else(|error| panic!("WebDriver {command}: {error}"))
    }

    async fn try_call(&self, command: &str, body: Value) -> Result<Value, Value> {
        let url = format!("{}/{command}", self.session);
        let request = if body.is_null() { self.http.get(url) } else { self.http.post(url).json(&body) };
        let answer = request.send().await.expect("ChromeDriver");
        let fine = answer.status().is_success();
        let value = answer.json::<Value>().await.expect("JSON")["value"].clone();
        if fine { Ok(value) } else { Err(value) }
    }

    async fn devtools(&self, command: &str, params: Value) -> Value {
        self.call("goog/cdp/execute", json!({"cmd": command, "params": params})).await
    }

    /// Opens a page.
    pub(crate) async fn open(&self, url: &str) {
        self.call("url", json!({"url": url})).await;
    }

    /// Where it is.
    pub(crate) async fn url(&self) -> String {
        self.call("url", Value::Null).await.as_str().expect("a URL").to_owned()
    }

    /// Gives it a platform authenticator that verifies whoever uses it (Web Authentication §11); returns what names it.
    pub(crate) async fn virtual_authenticator(&self) -> String {
        let wanted = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true,
        });
        let named = self.call("webauthn/authenticator", wanted).await;
        named.as_str().expect("a name").to_owned()
    }

    /// Whether that authenticator verifies whoever uses it from now on.
    pub(crate) async fn verifies(&self, authenticator: &str, verifies: bool) {
        let command = format!("webauthn/authenticator/{authenticator}/uv");
        self.call(&command, json!({"isUserVerified": verifies})).await;
    }

    /// Puts a file into a field.
    pub(crate) async fn choose(&self, selector: &str, file: &Path) {
        let element = self.wait_for(selector).await;
        let path = json!({"text": file.display().to_string()});
        self.call(&format!("element/{element}/value"), path).await;
    }

    /// Goes back.
    pub(crate) async fn back(&self) {
        self.call("back", json!({})).await;
    }

    async fn find(&self, selector: &str) -> Option<String> {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.try_call("element", wanted).await.ok()?;
        Some(found[ELEMENT].as_str()?.to_owned())
    }

    /// Waits for an element.
    pub(crate) async fn wait_for(&self, selector: &str) -> String {
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(found) = self.find(selector).await {
                return found;
            }
            if begun.elapsed() > Duration::from_secs(15) {
                let (url, source) = (self.url().await, self.call("source", Value::Null).await);
                panic!("no {selector} at {url}: {source}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Clicks an element, with what a real click hits.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.wait_for(selector).await;
        self.call(&format!("element/{element}/click"), json!({})).await;
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let element = self.wait_for(selector).await;
        self.call(&format!("element/{element}/clear"), json!({})).await;
        self.call(&format!("element/{element}/value"), json!({"text": text})).await;
    }

    /// The value of a field.
    pub(crate) async fn value(&self, selector: &str) -> String {
        let element = self.wait_for(selector).await;
        let value = self.call(&format!("element/{element}/property/value"), Value::Null).await;
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Runs a script and gives what it returns.
    pub(crate) async fn run(&self, script: &str, arguments: Value) -> Value {
        self.call("execute/sync", json!({"script": script, "args": arguments})).await
    }

    /// Runs a script that ends by calling its last argument.
    pub(crate) async fn run_until_done(&self, script: &str, arguments: Value) -> Value {
        self.call("execute/async", json!({"script": script, "args": arguments})).await
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) async fn keys(&self, keys: &str) {
        let press = |key: char| {
            [
                json!({"type": "keyDown", "value": key.to_string()}),
                json!({"type": "keyUp", "value": key.to_string()}),
            ]
        };
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        self.call("actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}))
            .await;
    }

    /// Goes from one element to the next by the Tab key until one is reached, which shows that it has the focus.
    pub(crate) async fn tab_to(&self, selector: &str) {
        self.wait_for(selector).await;
        let there = "const e = document.activeElement, s = getComputedStyle(e); if (!e.matches(arguments[0])) return null; \
             return s.outlineStyle !== 'none' || s.boxShadow !== 'none' ? 'shown' : 'hidden'";
        for _ in 0..80 {
            self.keys(TAB).await;
            match self.run(there, json!([selector])).await.as_str() {
                Some("shown") => return,
                Some(_) => panic!("nothing shows that {selector} has the focus"),
                None => {}
            }
        }
        panic!("the Tab key does not reach {selector} at {}", self.url().await);
    }

    /// Keeps a picture of the whole page.
    pub(crate) async fn picture(&self, file: &Path) {
        let params = json!({"captureBeyondViewport": true});
        let picture = self.devtools("Page.captureScreenshot", params).await;
        let data = BASE64_STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
        std::fs::write(file, data).expect("a file");
    }

    /// Console errors since the last call: blocked content, failed loads, script errors.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.call("se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().expect("a log");
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until the address begins so.
    pub(crate) async fn until_at(&self, start: &str) {
        until(&format!("the browser to reach {start}"), async || {
            self.url().await.starts_with(start).then_some(())
        })
        .await;
    }

    /// Ends it.
    pub(crate) async fn quit(self) {
        let _ = self.http.delete(&self.session).send().await;
    }
}
