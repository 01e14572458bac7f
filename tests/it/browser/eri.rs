//! Signing in by a key on the computer in a real Chromium, whose script talks to the sandbox's E-IMZO: the list of keys, a wrong password, no
//! program, the key of an organisation; and the pages of the other ways.

use serde_json::{Value, json};

use super::{LANGUAGES, LOOKS, Visitor, pictures};
use crate::support::http;

/// Dilnoza of the demo, and her keys for two organisations.
const DILNOZA: &str = "41204902040015";
const OF_NAMUNA: &str = "77e100000000000000000000000000000002";

impl Visitor {
    async fn tell_eimzo(&self, fields: &[(&str, &str)]) {
        let url = format!("{}/eimzo-desktop", self.demo.sandbox);
        let answer = http::client().post(url).form(fields).send().await.expect("the sandbox");
        assert!(answer.status().is_success(), "{fields:?}");
    }

    /// Looks closely at the page that is shown, in all languages.
    async fn inspect_page(&mut self, name: &str, selector: &str) {
        let url = self.chromium.url().await;
        for language in LANGUAGES {
            self.language = language;
            self.chromium.open(&format!("{url}&lang={language}")).await;
            self.chromium.wait_for(selector).await;
            self.inspect(name).await;
        }
        self.language = "en";
        self.chromium.open(&format!("{url}&lang=en")).await;
        self.chromium.wait_for(selector).await;
    }

    /// From the portal to the page of a means.
    async fn to_means(&self, means: &str) {
        self.chromium.open(&format!("{}/sign-in/0?ui_locales=en", self.demo.portal)).await;
        self.chromium.click(means).await;
    }
}

#[tokio::test]
async fn a_key_of_an_organisation_signs_in_and_what_goes_wrong_is_said() {
    let mut visitor = Visitor::start(true, "en").await;
    visitor.tell_eimzo(&[("owner", DILNOZA)]).await;
    visitor.to_means("#face").await;
    visitor.chromium.wait_for("button#face").await;
    visitor.inspect_page("62-face", "button#face").await;
    visitor.to_means("#eri").await;
    visitor.chromium.wait_for("#computer").await;
    visitor.inspect_page("60-eri", "#computer").await;

    visitor.chromium.click("#computer").await;
    visitor.chromium.wait_for("#keys:not([hidden])").await;
    visitor.inspect_page("61-eri-keys", "#keys:not([hidden])").await;
    let listed =
        "return [...document.querySelectorAll('#keys label')].map(label => label.textContent.trim())";
    let listed = visitor.chromium.run(listed, json!([])).await;
    let listed: Vec<&str> = listed.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(listed.len(), 4, "her own, two of organisations, the card in the reader: {listed:?}");
    assert!(listed[1].contains("«NAMUNA» MCHJ, DIREKTOR") && !listed[0].contains("NAMUNA"), "{listed:?}");

    let namuna = "#keys label:nth-of-type(2) input";
    visitor.tell_eimzo(&[("serial", OF_NAMUNA), ("typed", "wrong")]).await;
    visitor.chromium.click(namuna).await;
    visitor.chromium.click("#sign").await;
    visitor.chromium.wait_for("[data-problem=password]:not([hidden])").await;
    visitor.inspect("61a-eri-password").await;
    visitor.tell_eimzo(&[("serial", OF_NAMUNA), ("typed", "cancelled")]).await;
    visitor.chromium.click("#sign").await;
    visitor.chromium.wait_for("[data-problem=closed]:not([hidden])").await;

    let here = visitor.chromium.url().await;
    for (program, problem) in [("old", "old"), ("absent", "absent")] {
        visitor.tell_eimzo(&[("program", program)]).await;
        visitor.chromium.open(&here).await;
        visitor.chromium.wait_for(&format!("[data-problem={problem}]:not([hidden])")).await;
        // Chromium notes that nobody answers there.
        visitor.chromium.complaints().await;
        visitor.inspect("61b-eri-absent").await;
    }
    visitor.tell_eimzo(&[("program", "running")]).await;
    visitor.tell_eimzo(&[("serial", OF_NAMUNA)]).await;

    // By phone: a picture of the code, in both widths; the page loads itself again.
    visitor.chromium.click("#phone").await;
    visitor.chromium.wait_for("svg#code").await;
    for look in [LOOKS[0], LOOKS[2]] {
        visitor.chromium.look(look).await;
        visitor.chromium.picture(&pictures().join(format!("en-{}-light-63-eri-phone.png", look.width))).await;
    }
    visitor.chromium.look(LOOKS[0]).await;

    visitor.chromium.click("#computer").await;
    visitor.chromium.wait_for("#keys:not([hidden])").await;
    visitor.chromium.click(namuna).await;
    visitor.chromium.click("#sign").await;
    visitor.chromium.wait_for("#allow").await;
    visitor.inspect("64-eri-consent").await;
    let text = visitor.chromium.run("return document.body.textContent", json!([])).await;
    assert!(text.as_str().is_some_and(|text| text.contains("«Namuna» MChJ") && text.contains("301000001")));
    visitor.finish().await;
}
