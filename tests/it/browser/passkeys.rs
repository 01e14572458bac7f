//! Passkeys and QR codes of people in a real Chromium, with a virtual authenticator: made, used, refused, and every page looked at.

use serde_json::json;

use super::{FIRST, LANGUAGES, Visitor};
use crate::support::qr;

impl Visitor {
    /// Enters number and code from the page of the number on.
    async fn prove_by_code(&self) {
        self.chromium.fill("#phone", FIRST).await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#code").await;
        let code = self.code(FIRST, None).await;
        self.chromium.fill("#code", &code).await;
        self.chromium.click("#continue").await;
    }

    /// Looks closely at the page that is shown, and at the same in the other languages.
    async fn inspect_here(&mut self, name: &str) {
        let here = self.chromium.url().await;
        let mark = if here.contains('?') { '&' } else { '?' };
        for language in LANGUAGES {
            self.language = language;
            self.chromium.open(&format!("{here}{mark}lang={language}")).await;
            self.chromium.wait_for("h1").await;
            // A page that waits would look again in the middle of this.
            self.chromium.run("for (let one = 0; one < 99; one += 1) clearTimeout(one)", json!([])).await;
            self.inspect(name).await;
        }
        self.language = "en";
        self.chromium.open(&format!("{here}{mark}lang=en")).await;
        self.chromium.wait_for("h1").await;
    }

    async fn shown(&self, id: &str) -> String {
        let text =
            self.chromium.run("return document.getElementById(arguments[0]).textContent", json!([id])).await;
        text.as_str().expect("a text").trim().to_owned()
    }
}

#[tokio::test]
async fn a_person_adds_a_passkey_and_signs_in_by_it_and_by_a_phone() {
    let mut visitor = Visitor::start(true, "en").await;
    let authenticator = visitor.chromium.virtual_authenticator().await;
    let add = format!("{}/cabinet/passkeys/add?lang=en", visitor.demo.provider);
    visitor.chromium.open(&add).await;
    visitor.prove_by_code().await;
    visitor.chromium.wait_for("#use-passkey").await;
    visitor.inspect_here("60-passkey-add").await;
    visitor.chromium.fill("#label", "This laptop").await;
    visitor.chromium.click("#use-passkey").await;
    visitor.chromium.wait_for("#said").await;
    visitor.chromium.open(&format!("{}/cabinet/passkeys?lang=en", visitor.demo.provider)).await;
    visitor.inspect_here("61-passkeys").await;
    // A code alone adds no second one.
    visitor.chromium.open(&add).await;
    visitor.chromium.wait_for("#step-up").await;
    visitor.inspect_here("62-passkey-step-up").await;
    visitor.chromium.click("#step-up").await;
    visitor.chromium.wait_for("#use-passkey, a#passkey").await;
    if !visitor.chromium.url().await.contains("/sign-in/passkey") {
        visitor.inspect_here("63-further-factor").await;
        visitor.chromium.click("a#passkey").await;
    }
    visitor.chromium.wait_for("#use-passkey").await;
    visitor.inspect_here("64-passkey-second").await;
    visitor.chromium.click("#use-passkey").await;
    visitor.chromium.wait_for("#label").await;
    // This device has one already: the browser says so.
    visitor.chromium.click("#use-passkey").await;
    visitor.chromium.wait_for("#passkey-had:not([hidden])").await;
    visitor.inspect("65-passkey-had").await;
    visitor.chromium.open(&format!("{}/oidc/logout", visitor.demo.provider)).await;
    visitor.chromium.click("#continue").await;
    visitor.chromium.wait_for("#signed-out").await;
    visitor.chromium.open(&visitor.demo.portal).await;
    visitor.chromium.click("#sign-in-en").await;
    visitor.chromium.wait_for("#use-passkey, a#passkey").await;
    if !visitor.chromium.url().await.contains("/sign-in/passkey") {
        visitor.chromium.click("a#passkey").await;
    }
    visitor.chromium.wait_for("#use-passkey").await;
    visitor.inspect_here("66-passkey").await;
    // Nobody was verified: no browser gives it away, and the page says what to do.
    visitor.chromium.verifies(&authenticator, false).await;
    visitor.chromium.click("#use-passkey").await;
    visitor.chromium.wait_for("#passkey-failed:not([hidden])").await;
    visitor.inspect("67-passkey-failed").await;
    visitor.chromium.verifies(&authenticator, true).await;
    visitor.chromium.click("#use-passkey").await;
    visitor.chromium.wait_for("#allow").await;
    // The page of the number would offer the passkey, which this authenticator takes at once.
    visitor.chromium.verifies(&authenticator, false).await;
    by_phone(&mut visitor).await;
    visitor.finish().await;
}

/// The same browser is the computer, and the phone on which somebody is signed in.
async fn by_phone(visitor: &mut Visitor) {
    visitor.chromium.open(&format!("{}/sign-in/1?ui_locales=en", visitor.demo.portal)).await;
    visitor.chromium.click("#other").await;
    visitor.chromium.click("a#qr").await;
    visitor.chromium.wait_for("#words").await;
    visitor.inspect_here("68-qr").await;
    let (words, computer) = (visitor.shown("words").await, visitor.chromium.url().await);
    let read = "const code = document.getElementById('code'); \
                return [code.querySelector('path').getAttribute('d'), code.viewBox.baseVal.width]";
    let code = visitor.chromium.run(read, json!([])).await;
    let side = code[1].as_u64().and_then(|side| usize::try_from(side).ok()).expect("a width");
    let phone = qr::text_of_path(code[0].as_str().expect("a path"), side);
    visitor.chromium.open(&phone).await;
    visitor.chromium.wait_for("#words-0").await;
    visitor.inspect_here("69-qr-ask").await;
    for place in 0..3 {
        let button = format!("words-{place}");
        if visitor.shown(&button).await == words {
            visitor.chromium.click(&format!("#{button}")).await;
            break;
        }
    }
    visitor.chromium.wait_for("#approved").await;
    visitor.inspect("70-qr-approved").await;
    visitor.chromium.open(&computer).await;
    visitor.chromium.wait_for("#allow").await;
    // What was used is gone, which the console notes.
    visitor.chromium.open(&phone).await;
    visitor.chromium.wait_for("#gone").await;
    visitor.chromium.complaints().await;
    visitor.inspect("71-qr-gone").await;
}
