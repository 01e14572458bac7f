//! The counter of the demo: a clerk asks, the person agrees, refuses or lets it lapse on their phone; what the registration does not
//! allow is refused before that; and a law gives data with a notice.

use serde_json::Value;

use super::{FIRST, LANGUAGES, Visitor};
use crate::support::http;
use crate::support::sandbox::code_in;
use crate::support::wait::until;

/// Two others of the demo's people.
const SECOND: &str = "998002223344";
const THIRD: &str = "998003334455";

impl Visitor {
    /// A clerk asks for somebody's address, in a way; the address of the question's page.
    async fn asks(&self, number: &str, way: &str) -> String {
        self.chromium.open(&format!("{}/counter?lang=en", self.demo.portal)).await;
        self.chromium.fill("#phone-number", &format!("+{number}")).await;
        self.chromium.click(&format!("#ask-{way}")).await;
        self.chromium.wait_for("#counter_waiting, #counter_not_allowed").await;
        self.chromium.url().await
    }

    /// The page and the code of the request that stand in the newest message to a number.
    async fn message(&self, number: &str) -> (String, String) {
        until("the message on the phone", async || {
            let url = format!("{}/messages?to={number}", self.demo.sandbox);
            let messages: Value = http::get(&url).await.ok()?.json().await.ok()?;
            let text = messages.as_array()?.last()?["text"].as_str()?.to_owned();
            let reference = text.split_once("/a/")?.1.get(..8)?.to_owned();
            Some((format!("{}/a/{reference}", self.demo.provider), code_in(&text)))
        })
        .await
    }

    /// The person decides on the phone.
    async fn decides(&self, number: &str, button: &str) {
        let (page, code) = self.message(number).await;
        self.chromium.open(&page).await;
        self.chromium.fill("#code", &code).await;
        self.chromium.click(button).await;
        self.chromium.wait_for("#approval-done, #approval-refused").await;
    }

    /// Looks at a question until something came of it.
    async fn comes_to(&self, case: &str, what: &str) -> String {
        until(what, async || {
            self.chromium.open(case).await;
            self.chromium.wait_for("main section").await;
            let id = "return document.querySelector('main section').id";
            (self.chromium.run(id, Value::Array(Vec::new())).await == what).then_some(())
        })
        .await;
        let text = "return document.querySelector('main').innerText";
        self.chromium.run(text, Value::Array(Vec::new())).await.as_str().expect("a text").to_owned()
    }

    /// Looks closely at a page in all languages.
    async fn inspect_all(&mut self, address: &str, name: &str) {
        for language in LANGUAGES {
            self.language = language;
            self.chromium.open(&format!("{address}?lang={language}")).await;
            self.chromium.wait_for("main section").await;
            self.inspect(name).await;
        }
        self.language = "en";
    }
}

#[tokio::test]
async fn r71_a_clerk_asks_and_the_person_decides_on_their_phone() {
    let mut visitor = Visitor::start(true, "en").await;
    let counter = format!("{}/counter", visitor.demo.portal);
    let lapses = visitor.asks(THIRD, "short").await;
    let agreed = visitor.asks(FIRST, "usual").await;
    let refused = visitor.asks(SECOND, "usual").await;
    let (page, _) = visitor.message(FIRST).await;
    visitor.chromium.open(&format!("{page}?lang=en")).await;
    visitor.chromium.wait_for("#code").await;
    visitor.inspect("24-approval-for-a-purpose").await;
    visitor.decides(FIRST, "#allow").await;
    visitor.decides(SECOND, "#deny").await;

    let told = visitor.comes_to(&agreed, "counter_given").await;
    for words in [
        "The person agreed",
        "Amir Temur",
        "From the Ministry of Internal Affairs",
        "Registration at the place",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // The page is shown again; the data are not read again.
    assert_eq!(visitor.comes_to(&agreed, "counter_given").await, told);
    visitor.inspect_all(&agreed, "20-counter-given").await;
    let told = visitor.comes_to(&refused, "counter_refused").await;
    assert!(told.contains("No data came") && told.contains("access_denied"), "{told}");
    visitor.inspect_all(&refused, "21-counter-refused").await;
    let told = visitor.comes_to(&lapses, "counter_lapsed").await;
    assert!(told.contains("expired_token"), "{told}");

    let outside = visitor.asks(FIRST, "outside").await;
    let told = visitor.comes_to(&outside, "counter_not_allowed").await;
    assert!(
        told.contains("invalid_authorization_details") && told.contains("purposes of the client"),
        "{told}"
    );
    visitor.inspect_all(&outside, "22-counter-not-allowed").await;
    visitor.chromium.open(&counter).await;
    visitor.chromium.click("#take-it").await;
    visitor.chromium.wait_for("#counter_given").await;
    let lawful = visitor.chromium.url().await;
    let told = visitor.comes_to(&lawful, "counter_given").await;
    assert!(told.contains("by a notice") && told.contains("Amir Temur"), "{told}");
    visitor.inspect_all(&lawful, "23-counter-by-law").await;
    visitor.inspect_all(&counter, "19-counter").await;
    visitor.finish().await;
}
