//! The whole way in a real Chromium: every page in four languages, narrow and wide, light and dark, with and without
//! scripts; nothing for axe to find, nothing cut off, nothing refused by the page's own policy.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::demo::Demo;
use crate::support::sandbox::code_in;
use crate::support::wait::until;
use crate::support::webdriver::{Chromium, Look};
use crate::support::world::clients_folder;

const LANGUAGES: [&str; 4] = ["uz-Latn", "uz-Cyrl", "ru", "en"];

/// Runs axe on the page that is shown.
const AXE: &str = "const [tags, done] = arguments; \
     axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']}).then( \
       found => done(found.violations.map(v => v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.target + ' ' \
         + n.failureSummary).join('; '))), \
       error => done(['axe failed: ' + error]));";
const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// What sticks out of the page to the side, and what is cut.
const OVERFLOW: &str = "const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth; \
     const out = [...document.querySelectorAll('body *')].filter(e => { const r = e.getBoundingClientRect(); \
       return r.width > 0 && (r.right > innerWidth + 1 || r.left < -1) && getComputedStyle(e).position !== 'absolute'; }); \
     return wide > 0 || out.length ? [wide, ...out.slice(0, 5).map(e => e.outerHTML.slice(0, 120))] : [];";

/// A browser on the demo, with what is asked of every page.
struct Visitor {
    chromium: Chromium,
    demo: Demo,
    look: Look,
    language: &'static str,
    axe: String,
    wrong: Vec<String>,
}

impl Visitor {
    async fn start(look: Look, language: &'static str) -> Self {
        let path = clients_folder().join("node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; run `scripts/test`", path.display()));
        let demo = Demo::start(&[]).await;
        Self { chromium: Chromium::start(look).await, demo, look, language, axe, wrong: Vec::new() }
    }

    /// Looks closely at the page that is shown.
    async fn inspect(&mut self, name: &str) {
        let scheme = if self.look.dark { "dark" } else { "light" };
        let scripts = if self.look.scripts { "" } else { "-noscript" };
        let place = format!("{}-{}-{scheme}{scripts}-{name}", self.language, self.look.width);
        self.chromium.picture(&pictures().join(format!("{place}.png"))).await;
        let mut found: Vec<String> = self.chromium.complaints().await;
        if self.look.scripts {
            let overflow = self.chromium.run(OVERFLOW, json!([])).await;
            if overflow.as_array().is_some_and(|list| !list.is_empty()) {
                found.push(format!("sticks out: {overflow}"));
            }
            self.chromium.run(&self.axe, json!([])).await;
            let violations = self.chromium.run_until_done(AXE, json!([TAGS])).await;
            found.extend(violations.as_array().into_iter().flatten().map(|v| v.as_str().unwrap_or("?").to_owned()));
        }
        self.wrong.extend(found.into_iter().map(|what| format!("{place}: {what}")));
    }

    /// The code in the newest message to a number, if it is not `former`.
    async fn code(&self, number: &str, former: Option<&str>) -> String {
        until("the code on the phone", async || {
            let url = format!("{}/messages?to={number}", self.demo.sandbox);
            let messages: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
            let text = messages.as_array()?.last()?["text"].as_str()?.to_owned();
            Some(code_in(&text)).filter(|code| Some(code.as_str()) != former)
        })
        .await
    }

    /// From the portal to its signed-in page.
    async fn sign_in(&mut self) {
        let chromium = &self.chromium;
        chromium.open(&self.demo.portal).await;
        chromium.wait_for("#sign-in").await;
        self.inspect("1-portal").await;
        self.chromium.click(&format!("#sign-in-{}", self.language)).await;
        let number = self.chromium.value("#phone").await;
        assert!(number.contains("99800") || number.contains("00"), "the number is filled in: {number}");
        self.inspect("2-number").await;
        self.chromium.fill("#phone", "12").await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#error").await;
        self.inspect("3-number-error").await;
        self.chromium.fill("#phone", FIRST).await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#code").await;
        self.inspect("4-code").await;
        self.chromium.fill("#code", "000000").await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#error").await;
        self.inspect("5-code-error").await;
        let code = self.code(FIRST, None).await;
        self.chromium.fill("#code", &code).await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#allow").await;
        self.chromium.wait_for("#deny").await;
        self.inspect("6-consent").await;
        self.chromium.click("#allow").await;
        // A policy that forgets the redirect's target would stop real browsers here.
        self.chromium.wait_for("#claims").await;
        assert!(self.chromium.url().await.starts_with(&self.demo.portal));
        self.inspect("7-signed-in").await;
    }

    /// The pages beside the straight way.
    async fn look_around(&mut self) {
        let (provider, portal, sandbox) =
            (self.demo.provider.clone(), self.demo.portal.clone(), self.demo.sandbox.clone());
        self.chromium.open(&format!("{portal}/sign-in/0?ui_locales={}", self.language)).await;
        self.chromium.wait_for("#other").await;
        self.inspect("8-continue").await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#claims").await;
        for (name, url, id) in [
            ("9-welcome", format!("{provider}/"), "h1"),
            ("10-nowhere", format!("{provider}/nowhere"), "#error"),
            ("11-unknown-service", format!("{provider}/oidc/authorize?client_id=nobody"), "#error"),
            ("12-phone", format!("{sandbox}/phone?number={FIRST}"), "#messages"),
            ("13-switches", format!("{sandbox}/switches"), "form"),
            ("14-sandbox", format!("{sandbox}/"), "h1"),
            ("15-people", format!("{portal}/service/1"), "#sign-in"),
            ("16-sign-out", format!("{provider}/oidc/logout"), "#stay"),
        ] {
            self.chromium.open(&url).await;
            self.chromium.wait_for(id).await;
            // The status of a problem page is an error that the console notes.
            let expected = ["10-nowhere", "11-unknown-service"].contains(&name);
            if expected {
                self.chromium.complaints().await;
            }
            self.inspect(name).await;
        }
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#signed-out").await;
        self.inspect("17-signed-out").await;
    }

    async fn finish(self) {
        self.chromium.quit().await;
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

/// The first of the demo's people.
const FIRST: &str = "998001112233";

fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

async fn whole_way(look: Look, language: &'static str) {
    let mut visitor = Visitor::start(look, language).await;
    visitor.sign_in().await;
    visitor.look_around().await;
    visitor.finish().await;
}

/// One test per language and look.
macro_rules! whole_ways {
    ($($name:ident: $language:literal, $width:literal, $dark:literal;)+) => {$(
        #[tokio::test]
        async fn $name() {
            assert!(LANGUAGES.contains(&$language));
            whole_way(Look { width: $width, dark: $dark, scripts: true }, $language).await;
        }
    )+};
}

whole_ways! {
    uzbek_latin_on_a_phone: "uz-Latn", 360, false;
    uzbek_latin_on_a_phone_in_the_dark: "uz-Latn", 360, true;
    uzbek_latin_on_a_desktop: "uz-Latn", 1280, false;
    uzbek_latin_on_a_desktop_in_the_dark: "uz-Latn", 1280, true;
    uzbek_cyrillic_on_a_phone: "uz-Cyrl", 360, false;
    uzbek_cyrillic_on_a_phone_in_the_dark: "uz-Cyrl", 360, true;
    uzbek_cyrillic_on_a_desktop: "uz-Cyrl", 1280, false;
    uzbek_cyrillic_on_a_desktop_in_the_dark: "uz-Cyrl", 1280, true;
    russian_on_a_phone: "ru", 360, false;
    russian_on_a_phone_in_the_dark: "ru", 360, true;
    russian_on_a_desktop: "ru", 1280, false;
    russian_on_a_desktop_in_the_dark: "ru", 1280, true;
    english_on_a_phone: "en", 360, false;
    english_on_a_phone_in_the_dark: "en", 360, true;
    english_on_a_desktop: "en", 1280, false;
    english_on_a_desktop_in_the_dark: "en", 1280, true;
}

#[tokio::test]
async fn everything_works_without_scripts() {
    let look = Look { width: 360, dark: false, scripts: false };
    let mut visitor = Visitor::start(look, "ru").await;
    visitor.sign_in().await;
    visitor.look_around().await;
    visitor.finish().await;
}

#[tokio::test]
async fn signing_out_and_the_back_button_lead_to_the_portal() {
    let look = Look { width: 1280, dark: false, scripts: true };
    let mut visitor = Visitor::start(look, "en").await;
    visitor.sign_in().await;
    // Back to the consent: the sign-in is over, and the page says so and leads on.
    visitor.chromium.back().await;
    visitor.chromium.wait_for("body").await;
    visitor.chromium.open(&visitor.demo.portal).await;
    visitor.chromium.click("#sign-out").await;
    for _ in 0..2 {
        if visitor.chromium.url().await.starts_with(&visitor.demo.provider) {
            visitor.chromium.click("#continue").await;
        }
    }
    let portal = format!("{}/signed-out", visitor.demo.portal);
    visitor.chromium.until_at(&portal).await;
    // Nobody is signed in any more.
    visitor.chromium.open(&format!("{}/sign-in/0", visitor.demo.portal)).await;
    visitor.chromium.wait_for("#phone").await;
    visitor.chromium.quit().await;
}
