//! The whole way in a real Chromium: every page in four languages, narrow and wide, light and dark, with and without
//! scripts; nothing for axe to find, nothing cut off, nothing refused by the page's own policy.

mod counter;
mod desk;
mod eri;
mod passkeys;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::demo::Demo;
use crate::support::http;
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
     const scrolls = e => e && (/auto|scroll|hidden|clip/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement)); \
     const out = [...document.querySelectorAll('body *')].filter(e => { const r = e.getBoundingClientRect(); \
       return r.width > 0 && (r.right > innerWidth + 1 || r.left < -1) && !scrolls(e) \
         && getComputedStyle(e).position !== 'absolute'; }); \
     const cut = [...document.querySelectorAll('body *')].filter(e => e.scrollWidth > e.clientWidth + 1 \
       && /hidden|clip/.test(getComputedStyle(e).overflowX) && getComputedStyle(e).position !== 'absolute'); \
     return wide > 0 || out.length || cut.length \
       ? [wide, ...[...out, ...cut].slice(0, 5).map(e => e.outerHTML.slice(0, 120))] : [];";

/// Widths, in pixels, each in the light and in the dark.
const LOOKS: [Look; 4] = [
    Look { width: 360, dark: false },
    Look { width: 360, dark: true },
    Look { width: 1280, dark: false },
    Look { width: 1280, dark: true },
];

/// A browser on the demo, with what is asked of every page.
struct Visitor {
    chromium: Chromium,
    demo: Demo,
    scripts: bool,
    language: &'static str,
    axe: String,
    wrong: Vec<String>,
}

impl Visitor {
    async fn start(scripts: bool, language: &'static str) -> Self {
        let path = clients_folder().join("node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; run `scripts/test`", path.display()));
        let demo = Demo::start(&[]).await;
        let chromium = Chromium::start(scripts, language).await;
        chromium.look(LOOKS[0]).await;
        Self { chromium, demo, scripts, language, axe, wrong: Vec::new() }
    }

    /// Looks closely at the page that is shown, in every way.
    async fn inspect(&mut self, name: &str) {
        let mut found: Vec<String> = self.chromium.complaints().await;
        // The console notes the status with which a form comes back that was filled in wrongly.
        found.retain(|complaint| !(name.ends_with("-error") && complaint.contains("status of 422")));
        self.wrong.extend(found.into_iter().map(|what| format!("{} {name}: {what}", self.language)));
        let shown = self.chromium.run("return document.documentElement.lang", json!([])).await;
        if self.chromium.url().await.starts_with(&self.demo.provider) && shown != self.language {
            self.wrong.push(format!("{} {name}: speaks {shown}", self.language));
        }
        if self.scripts {
            self.chromium.run(&self.axe, json!([])).await;
        }
        for look in LOOKS {
            self.inspect_in(look, name).await;
        }
        self.chromium.look(LOOKS[0]).await;
    }

    /// Both answers to a consent are seen that far down a phone's page, in pixels.
    async fn decides_within(&mut self, most: i64) {
        let bottom = "return Math.round(Math.max(...[\"#allow\", \"#deny\"].map(id => \
            document.querySelector(id).getBoundingClientRect().bottom + scrollY)))";
        let bottom = self.chromium.run(bottom, json!([])).await.as_i64().expect("a number");
        if bottom > most {
            self.wrong
                .push(format!("{}: the buttons of the consent end at {bottom} px of {most}", self.language));
        }
    }

    async fn inspect_in(&mut self, look: Look, name: &str) {
        self.chromium.look(look).await;
        let scheme = if look.dark { "dark" } else { "light" };
        let scripts = if self.scripts { "" } else { "-noscript" };
        let place = format!("{}-{}-{scheme}{scripts}-{name}", self.language, look.width);
        self.chromium.picture(&pictures().join(format!("{place}.png"))).await;
        let mut found = Vec::new();
        let overflow = self.chromium.run(OVERFLOW, json!([])).await;
        if overflow.as_array().is_some_and(|list| !list.is_empty()) {
            found.push(format!("sticks out or is cut: {overflow}"));
        }
        if self.scripts {
            let violations = self.chromium.run_until_done(AXE, json!([TAGS])).await;
            found.extend(
                violations.as_array().into_iter().flatten().map(|v| v.as_str().unwrap_or("?").to_owned()),
            );
        }
        self.wrong.extend(found.into_iter().map(|what| format!("{place}: {what}")));
    }

    /// The code in the newest message to a number, if it is not `former`.
    async fn code(&self, number: &str, former: Option<&str>) -> String {
        until("the code on the phone", async || {
            let url = format!("{}/messages?to={number}", self.demo.sandbox);
            let messages: Value = http::get(&url).await.ok()?.json().await.ok()?;
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
        self.decides_within(SCREEN + SCREEN / 2).await;
        self.chromium.click("#allow").await;
        // A policy that forgets the redirect's target would stop real browsers here.
        self.chromium.wait_for("#claims").await;
        assert!(self.chromium.url().await.starts_with(&self.demo.portal));
        self.inspect("7-signed-in").await;
    }

    /// An application that the portal has confirmed, with a session.
    async fn confirm(&mut self) {
        let application = json!([{
            "type": "application", "title": "Bolalar bogʻchasiga navbatga qoʻyish toʻgʻrisida ariza",
            "title#uz-Cyrl": "Болалар боғчасига навбатга қўйиш тўғрисида ариза",
            "title#ru": "Заявление о постановке на очередь в детский сад",
            "title#en": "Application for a place in a kindergarten",
            "summary": "Farzand: 2022-yil 3-mart\nBogʻcha: № 17, Chilonzor tumani\nTil: oʻzbek",
            "document_hash": {"alg": "sha-256", "value": "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"},
            "reference": "AB-2026/17",
        }]);
        let mut url: url::Url = format!("{}/oidc/authorize", self.demo.provider).parse().expect("a URL");
        url.query_pairs_mut()
            .append_pair("client_id", "davlat-portali")
            .append_pair("redirect_uri", &format!("{}/callback/0", self.demo.portal))
            .append_pair("response_type", "code")
            .append_pair("scope", "openid")
            .append_pair("state", "application")
            .append_pair("nonce", "application")
            .append_pair("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
            .append_pair("code_challenge_method", "S256")
            .append_pair("ui_locales", self.language)
            .append_pair("authorization_details", &application.to_string());
        self.chromium.open(url.as_str()).await;
        self.chromium.wait_for("#other").await;
        self.inspect("8d-continue-to-application").await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#application").await;
        self.inspect("8e-application").await;
        self.decides_within(SCREEN + SCREEN / 2).await;
        self.chromium.click("#allow").await;
        self.chromium.wait_for("#code-data").await;
        self.inspect("8f-application-code").await;
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
        self.chromium.open(&format!("{portal}/service/1")).await;
        self.chromium.wait_for("#sign-in").await;
        self.inspect("15-people").await;
        // A second service, with a session: its consent is permitted by a code of its own.
        self.chromium.open(&format!("{portal}/sign-in/1?ui_locales={}", self.language)).await;
        self.chromium.wait_for("#other").await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#allow").await;
        self.inspect("8a-consent-by-code").await;
        self.decides_within(SCREEN).await;
        let former = self.code(FIRST, None).await;
        self.chromium.click("#allow").await;
        self.chromium.wait_for("#code-data").await;
        self.inspect("8b-permission").await;
        let code = self.code(FIRST, Some(&former)).await;
        self.chromium.fill("#code", &code).await;
        self.chromium.click("#continue").await;
        self.chromium.wait_for("#claims").await;
        self.confirm().await;
        for (name, url, id) in [
            ("9-welcome", format!("{provider}/"), "h1"),
            ("10-nowhere", format!("{provider}/nowhere"), "#error"),
            ("11-unknown-service", format!("{provider}/oidc/authorize?client_id=nobody"), "#error"),
            ("8c-privacy", format!("{portal}/privacy/1"), "h1"),
            ("12-phone", format!("{sandbox}/phone?number={FIRST}"), "#messages"),
            ("13-switches", format!("{sandbox}/switches"), "form"),
            ("14-sandbox", format!("{sandbox}/"), "h1"),
            ("35a-sandbox-registers", format!("{sandbox}/registers"), "form"),
            ("35-sandbox-people", format!("{sandbox}/registry-people"), "h1"),
            ("36-sandbox-eimzo", format!("{sandbox}/eimzo-app"), "#qc"),
            ("37-sandbox-eimzo-desktop", format!("{sandbox}/eimzo-desktop"), "#save"),
            ("18-device", format!("{provider}/device?user_code=WDJB-MJHT"), "#user-code"),
            ("20-cabinet", format!("{provider}/cabinet"), "#menu"),
            ("21-cabinet-notices", format!("{provider}/cabinet/notices"), "#menu"),
            ("22-cabinet-sms", format!("{provider}/cabinet/notices/sms"), "#warning"),
            ("23-cabinet-requests", format!("{provider}/cabinet/requests"), "#menu"),
            ("24-cabinet-accesses", format!("{provider}/cabinet/accesses"), "#filter"),
            ("25-cabinet-services", format!("{provider}/cabinet/services"), "#menu"),
            ("26-cabinet-sessions", format!("{provider}/cabinet/sessions"), "#this-session"),
            ("27-cabinet-history", format!("{provider}/cabinet/history"), "#menu"),
            ("28-cabinet-data", format!("{provider}/cabinet/data"), "#whole"),
            ("29-cabinet-whole", format!("{provider}/cabinet/data/whole"), "#speak"),
            ("30-cabinet-safety", format!("{provider}/cabinet/safety"), "#not-me"),
            ("30a-cabinet-mobile-id", format!("{provider}/cabinet/mobile-id"), "#menu"),
            ("31-cabinet-not-me", format!("{provider}/cabinet/not-me"), "#end-everything"),
            ("32-cabinet-lock", format!("{provider}/cabinet/lock"), "#lock-now"),
            ("33-cabinet-locked", format!("{provider}/cabinet/locked"), "#locked"),
            ("33a-cabinet-unlock", format!("{provider}/cabinet/unlock"), "#unlock"),
            ("33b-cabinet-unlocked", format!("{provider}/cabinet/unlocked"), "#unlocked"),
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
            if ["35a-sandbox-registers", "30a-cabinet-mobile-id"].contains(&name) {
                self.inspect_in(Look { width: 820, dark: false }, name).await;
                self.chromium.look(LOOKS[0]).await;
            }
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

/// The height of a phone's screen, in pixels; the first of [`LOOKS`] is as wide as one.
const SCREEN: i64 = 740;

/// The first of the demo's people.
const FIRST: &str = "998001112233";

fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

async fn whole_way(scripts: bool, language: &'static str) {
    assert!(LANGUAGES.contains(&language));
    let mut visitor = Visitor::start(scripts, language).await;
    visitor.sign_in().await;
    visitor.look_around().await;
    visitor.finish().await;
}

#[tokio::test]
async fn the_whole_way_in_uzbek_latin() {
    whole_way(true, "uz-Latn").await;
}

#[tokio::test]
async fn the_whole_way_in_uzbek_cyrillic() {
    whole_way(true, "uz-Cyrl").await;
}

#[tokio::test]
async fn the_whole_way_in_russian() {
    whole_way(true, "ru").await;
}

#[tokio::test]
async fn the_whole_way_in_english() {
    whole_way(true, "en").await;
}

#[tokio::test]
async fn the_whole_way_without_scripts() {
    whole_way(false, "ru").await;
}

#[tokio::test]
async fn the_eyes_of_these_tests_see() {
    let bad = "data:text/html,<title>off</title><script>document.title='on'</script>\
               <img src=x><div style='width:3000px'>wide</div>";
    for scripts in [true, false] {
        let chromium = Chromium::start(scripts, "en").await;
        chromium.look(LOOKS[0]).await;
        chromium.open(bad).await;
        let title = chromium.run("return document.title", json!([])).await;
        assert_eq!(title == "on", scripts, "{title}");
        assert!(chromium.run(OVERFLOW, json!([])).await.as_array().is_some_and(|found| !found.is_empty()));
        if scripts {
            let axe = std::fs::read_to_string(clients_folder().join("node_modules/axe-core/axe.min.js"));
            chromium.run(&axe.expect("axe"), json!([])).await;
            let found = chromium.run_until_done(AXE, json!([TAGS])).await.to_string();
            assert!(found.contains("image-alt"), "{found}");
        }
        chromium.quit().await;
    }
}

#[tokio::test]
async fn signing_out_leads_back_to_the_portal_and_nobody_is_signed_in() {
    let mut visitor = Visitor::start(true, "en").await;
    visitor.sign_in().await;
    // Back to the consent: the sign-in is over, and what is shown leads on.
    visitor.chromium.back().await;
    visitor.chromium.wait_for("#continue, #claims, #sign-in, #allow, #error").await;
    visitor.chromium.open(&visitor.demo.portal).await;
    visitor.chromium.click("#sign-out").await;
    if visitor.chromium.url().await.starts_with(&visitor.demo.provider) {
        visitor.chromium.click("#continue").await;
    }
    let portal = format!("{}/signed-out", visitor.demo.portal);
    visitor.chromium.until_at(&portal).await;
    visitor.chromium.open(&format!("{}/sign-in/0", visitor.demo.portal)).await;
    visitor.chromium.wait_for("#phone").await;
    visitor.chromium.quit().await;
}
