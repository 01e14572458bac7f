//! The SMS sandbox in this process: phones on which codes arrive, and gateways that can be made to misbehave.

use std::net::TcpListener;
use std::sync::atomic::Ordering;

use serde_json::Value;
use yagona::sandbox::{EskizAccount, PlayMobileAccount, RegistryFile, RegistrySettings, Settings};

use super::Person;
use super::http;
use super::wait::until;

/// The accounts that providers under test have at the gateways.
pub(crate) const ESKIZ: [&str; 3] = ["it@yagona.example", "it-eskiz-password", "4546"];
/// Login, password, originator.
pub(crate) const PLAYMOBILE: [&str; 3] = ["it", "it-playmobile-password", "3700"];

/// Key and secret, login and password at the gateway of state registers.
pub(crate) const GATEWAY: [&str; 4] = ["it", "it-gateway-secret", "it-user", "it-gateway-password"];
/// The token of the registers that are not behind it.
pub(crate) const REGISTERS_TOKEN: &str = "it-registers-token";
/// Name and secret at MyID.
pub(crate) const MYID: [&str; 2] = ["it", "it-myid-secret"];
/// The people whom its registers know.
const REGISTRY_PEOPLE: &str = include_str!("../../../config/registry-people.toml");

/// A started sandbox. It lives as long as the tests.
pub(crate) struct Sandbox {
    /// Where it is, without a trailing slash.
    pub base: String,
}

impl Sandbox {
    /// Starts one that reports PlayMobile's deliveries to `playmobile_callback`, for the provider at `provider`.
    pub(crate) fn start(playmobile_callback: Option<String>, provider: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("its address"));
        let owned = |texts: [&str; 3]| texts.map(str::to_owned);
        let ([email, password, from], [login, secret, originator]) = (owned(ESKIZ), owned(PLAYMOBILE));
        let settings = Settings {
            people: Vec::new(),
            eskiz: EskizAccount { email, password, from },
            playmobile: PlayMobileAccount { login, password: secret, originator },
            playmobile_callback,
            provider: Some(provider.to_owned()),
            registries: registries(),
        };
        std::thread::spawn(move || {
            actix_web::rt::System::new()
                .block_on(async { yagona::sandbox::start(listener, settings).expect("the sandbox").await })
        });
        Self { base }
    }

    /// What has arrived on a phone, oldest first.
    pub(crate) async fn messages(&self, person: &Person) -> Vec<Value> {
        let url = format!("{}/messages?to={}", self.base, person.number);
        let response = http::get(&url).await.expect("the sandbox");
        let messages: Value = response.json().await.expect("JSON");
        messages.as_array().expect("a list").clone()
    }

    /// Turns switches such as `("eskiz.fail", "1")`.
    pub(crate) async fn switch(&self, changes: &[(&str, &str)]) {
        let url = format!("{}/switches", self.base);
        let response = http::client()
            .post(url)
            .header("Accept", "application/json")
            .form(changes)
            .send()
            .await
            .expect("the sandbox");
        assert!(response.status().is_success(), "{}", response.text().await.unwrap_or_default());
    }

    /// Turns switches of registers such as `("tax.delay_ms", "5000")` or `("all.fail", "1")`.
    pub(crate) async fn registers(&self, changes: &[(&str, &str)]) {
        let url = format!("{}/registers", self.base);
        let response = http::client().post(url).form(changes).send().await.expect("the sandbox");
        assert!(response.status().is_success(), "{}", response.text().await.unwrap_or_default());
    }

    /// Lets the registers know people and numbers, as `config/registry-people.toml` writes them; known ones are replaced.
    pub(crate) async fn knows(&self, people: &Value) {
        let url = format!("{}/registry-people", self.base);
        let response = http::client().post(url).json(people).send().await.expect("the sandbox");
        assert!(response.status().is_success(), "{}", response.text().await.unwrap_or_default());
    }

    /// The text of the next message that arrives on a phone and that no test has seen.
    pub(crate) async fn next_message(&self, person: &Person) -> Value {
        let what = format!("an SMS to {}", person.number);
        let seen = person.seen.load(Ordering::Relaxed);
        let message = until(&what, async || self.messages(person).await.get(seen).cloned()).await;
        person.seen.store(seen + 1, Ordering::Relaxed);
        message
    }

    /// The code in the next message.
    pub(crate) async fn next_code(&self, person: &Person) -> String {
        let message = self.next_message(person).await;
        code_in(message["text"].as_str().expect("a text"))
    }

    /// Waits for the message that tells of wrong codes.
    pub(crate) async fn next_notice(&self, person: &Person) {
        let message = self.next_message(person).await;
        let text = message["text"].as_str().expect("a text");
        assert!(text.contains("noto'g'ri kodlar") && !text.contains('#'), "{text}");
        assert_eq!(message["parts"], 1, "{text}");
    }

    /// Fails if a message that no test expects has arrived on a phone. To be asked when a message sent later, by the
    /// same outbox, has arrived on another.
    pub(crate) async fn nothing_came(&self, person: &Person) {
        let arrived = self.messages(person).await.len();
        assert_eq!(arrived, person.seen.load(Ordering::Relaxed), "an SMS to {}", person.number);
    }
}

fn registries() -> RegistrySettings {
    let [key, secret, login, password] = GATEWAY.map(str::to_owned);
    RegistrySettings {
        consumer: (key, secret),
        account: (login, password),
        token: REGISTERS_TOKEN.to_owned(),
        myid: (MYID[0].to_owned(), MYID[1].to_owned()),
        everybody: RegistryFile::parse(REGISTRY_PEOPLE).expect("the people of the registers"),
    }
}

/// The code in the domain-bound last line of a message.
pub(crate) fn code_in(text: &str) -> String {
    let last = text.lines().last().unwrap_or_default();
    let code = last.rsplit('#').next().unwrap_or_default();
    assert!(last.starts_with('@') && code.len() == 6, "no domain-bound code in {text:?}");
    code.to_owned()
}
