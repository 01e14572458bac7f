//! The desk in a real Chromium, with a virtual authenticator: from the link for a passkey to a person who signs in at the demo's portal.

use serde_json::{Value, json};

use super::{LANGUAGES, Visitor};
use crate::support::http;
use crate::support::process::run_well;
use crate::support::sandbox::code_in;
use crate::support::wait::until;
use crate::support::webdriver::{ENTER, Look, SPACE};

/// A tablet, held upright.
const TABLET: Look = Look { width: 820, dark: false };

/// The person of the demo's registers who has nothing odd, and the code that comes to her phone.
const NUMBER: &str = "998007000001";
const PINFL: &str = "41405882050012";

impl Visitor {
    /// The texts that came to a phone, the oldest first.
    async fn texts(&self, number: &str) -> Vec<String> {
        let url = format!("{}/messages?to={number}", self.demo.sandbox);
        let messages: Value = http::get(&url).await.expect("the sandbox").json().await.expect("JSON");
        let texts = messages.as_array().expect("a list").iter();
        texts.map(|message| message["text"].as_str().expect("a text").to_owned()).collect()
    }

    /// The code of an identification that came to a phone.
    async fn told_code(&self, number: &str) -> String {
        until("the code on the phone", async || {
            let text = self.texts(number).await.pop()?;
            let digits = text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6)?;
            Some(digits.to_owned())
        })
        .await
    }

    /// Chooses an entry of a list by its words.
    async fn choose_option(&self, selector: &str, words: &str) {
        self.chromium.wait_for(selector).await;
        let choose = "const list = document.querySelector(arguments[0]); \
             list.value = [...list.options].find(option => option.text === arguments[1]).value";
        self.chromium.run(choose, json!([selector, words])).await;
    }

    /// The address of a link for a passkey of one of the demo's members.
    fn passkey_link(&self, member: &str) -> String {
        let said = run_well(self.demo.folder.path(), &["staff", "link", member]);
        let path = said.split_once("/desk/").expect("a link").1.split_whitespace().next().expect("a link");
        format!("{}/desk/{path}", self.demo.provider)
    }

    /// Looks closely at a page of the desk in all languages, and on a tablet as well.
    async fn inspect_desk(&mut self, path: &str, name: &str) {
        for language in LANGUAGES {
            self.language = language;
            let mark = if path.contains('?') { '&' } else { '?' };
            self.chromium.open(&format!("{}{path}{mark}lang={language}", self.demo.provider)).await;
            self.chromium.wait_for("h1").await;
            self.inspect(name).await;
            self.inspect_in(TABLET, name).await;
        }
        self.language = "en";
        self.chromium.open(&format!("{}/desk/passkeys?lang=en", self.demo.provider)).await;
        self.chromium.look(Look { width: 1280, dark: false }).await;
    }

    /// Looks closely at the step that is shown, as [`Visitor::inspect_desk`] does at other pages.
    async fn inspect_step(&mut self, name: &str) {
        let step = self.chromium.url().await;
        let mark = if step.contains('?') { '&' } else { '?' };
        for language in LANGUAGES {
            self.language = language;
            self.chromium.open(&format!("{step}{mark}lang={language}")).await;
            self.stay().await;
            self.inspect(name).await;
            self.inspect_in(TABLET, name).await;
        }
        self.chromium.open(&step).await;
        self.chromium.wait_for("h1").await;
    }

    /// Keeps a page that asks again by itself from doing so while it is looked at.
    async fn stay(&self) {
        self.chromium.wait_for("h1").await;
        let stop = "for (let timer = setTimeout(() => {}); timer > 0; timer--) clearTimeout(timer)";
        self.chromium.run(stop, json!([])).await;
    }

    /// Looks at the page that is shown in one way.
    async fn glance(&mut self, look: Look, name: &str) {
        self.stay().await;
        self.chromium.run(&self.axe, json!([])).await;
        self.inspect_in(look, name).await;
    }

    /// Reaches an element by keyboard alone and presses keys there.
    async fn at_keys(&self, selector: &str, keys: &str) {
        self.chromium.tab_to(selector).await;
        self.chromium.keys(keys).await;
    }

    /// Signs a member in, from the link on.
    async fn at_work(&mut self, member: &str) {
        let link = self.passkey_link(member);
        self.chromium.virtual_authenticator().await;
        self.chromium.open(&format!("{link}&lang=en")).await;
        self.chromium.fill("#label", "This laptop").await;
        self.inspect("40-desk-passkey").await;
        self.chromium.click("#use-passkey").await;
        self.chromium.wait_for("#made").await;
        self.chromium.click("#to-sign-in").await;
        self.chromium.wait_for("#use-passkey").await;
        self.inspect("41-desk-sign-in").await;
        self.chromium.click("#use-passkey").await;
        self.chromium.wait_for("#menu").await;
    }
}

#[tokio::test]
async fn a_member_of_staff_signs_in_by_passkey_and_every_page_of_the_desk_is_sound() {
    let mut visitor = Visitor::start(true, "en").await;
    visitor.at_work("demo-supervisor").await;
    for (path, name) in [
        ("/desk", "42-desk"),
        ("/desk/applications/new", "43-desk-new"),
        ("/desk/complaints", "44-desk-complaints"),
        ("/desk/holds", "45-desk-holds"),
        ("/desk/actions", "46-desk-actions"),
        ("/desk/passkeys", "47-desk-passkeys"),
        ("/desk/held", "48-desk-held"),
        ("/desk/revoke", "49-desk-revoke"),
        ("/desk/prove", "50-desk-prove"),
        ("/desk/accounts", "60-desk-account"),
        ("/desk/recover", "61-desk-recover"),
    ] {
        visitor.inspect_desk(path, name).await;
    }
    // A form that was filled in wrongly, by keyboard alone: the summary takes the focus.
    visitor.chromium.open(&format!("{}/desk/applications/new?lang=en", visitor.demo.provider)).await;
    visitor.chromium.fill("#surname", "Yusupova\u{e007}").await;
    visitor.chromium.wait_for("#error").await;
    let focused = visitor.chromium.run("return document.activeElement.id", json!([])).await;
    assert_eq!(focused, "error");
    visitor.inspect("51-desk-new-error").await;
    visitor.finish().await;
}

/// From the list of today to a person who is enrolled and signs in at the portal: the steps of annex 1, as a member of staff and the
/// person see them.
#[tokio::test]
async fn a_person_is_identified_at_the_desk_and_signs_in_at_the_portal() {
    let mut visitor = Visitor::start(true, "en").await;
    visitor.at_work("demo-operator").await;
    let (photo, finger) = (visitor.demo.folder.file("photo.jpg"), visitor.demo.folder.file("finger.bin"));
    std::fs::write(&photo, [&b"\xff\xd8\xff\xe0"[..], &[7; 300], b"\xff\xd9"].concat()).expect("a file");
    std::fs::write(&finger, b"FMR\0 template of a fingerprint.").expect("a file");
    let chromium = &visitor.chromium;
    chromium.open(&format!("{}/desk?lang=en", visitor.demo.provider)).await;
    chromium.click("#new").await;
    for (field, text) in
        [("#category", "Citizen of Uzbekistan"), ("#document", "ID card"), ("#language", "English")]
    {
        visitor.choose_option(field, text).await;
    }
    for (field, text) in [
        ("#surname", "Yusupova"),
        ("#name", "Malika"),
        ("#patronymic", "Anvar qizi"),
        ("#pinfl", PINFL),
        ("#document_number", "AD7000001"),
        ("#number", NUMBER),
    ] {
        chromium.fill(field, text).await;
    }
    chromium.click("#continue").await;
    chromium.wait_for("#warning").await;
    visitor.inspect_step("52-desk-warning").await;
    for tick in ["#original", "#sms_charge", "#responsibility", "#continue"] {
        visitor.chromium.click(tick).await;
    }
    visitor.chromium.wait_for("#fingerprint").await;
    visitor.inspect_step("53-desk-biometrics").await;
    visitor.chromium.choose("#photo", &photo).await;
    visitor.chromium.choose("#fingerprint", &finger).await;
    visitor.chromium.click("#biometrics").await;
    visitor.chromium.click("#continue").await;
    visitor.chromium.wait_for(".facts + form #continue").await;
    visitor.inspect_step("54-desk-compared").await;
    visitor.chromium.click("#continue").await;
    visitor.chromium.wait_for("#send").await;
    visitor.inspect_step("55-desk-precheck").await;
    visitor.chromium.click("#send").await;
    visitor.chromium.wait_for("#code, #prove").await;
    visitor.inspect_step("56-desk-code").await;
    let code = visitor.told_code(NUMBER).await;
    let path = visitor.chromium.url().await;
    visitor.chromium.open(&format!("{}/desk/prove?lang=en", visitor.demo.provider)).await;
    visitor.chromium.click("#use-passkey").await;
    visitor.chromium.wait_for("#said").await;
    visitor.chromium.open(&path).await;
    visitor.chromium.fill("#code", &code).await;
    visitor.chromium.click("#continue").await;
    visitor.chromium.wait_for("#awaiting").await;
    visitor.inspect_step("57-desk-payment").await;
    visitor.chromium.click("#invoice").await;
    visitor.chromium.wait_for("#paper").await;
    visitor.inspect("58-desk-invoice").await;
    let paper = "return document.querySelector('article').innerText.match(/MID[A-Z0-9]+/)[0]";
    let number = visitor.chromium.run(paper, json!([])).await.as_str().expect("a number").to_owned();
    let pay = format!("{}/invoices/{number}/pay", visitor.demo.sandbox);
    let paid = http::client().post(pay).form(&[("notice", "once")]).send().await.expect("the sandbox");
    assert!(paid.status().is_success());
    visitor.chromium.open(&path).await;
    visitor.chromium.wait_for("#end").await;
    visitor.inspect_step("59-desk-end").await;
    visitor.chromium.open(&format!("{}/invoices", visitor.demo.sandbox)).await;
    visitor.chromium.wait_for("dl").await;
    visitor.inspect("38-sandbox-invoices").await;
    visitor.inspect_in(TABLET, "38-sandbox-invoices").await;
    // A second later she signs in at the portal.
    until("the message of completion", async || (visitor.texts(NUMBER).await.len() >= 2).then_some(())).await;
    visitor.chromium.open(&visitor.demo.portal).await;
    visitor.chromium.click("#sign-in-en").await;
    visitor.chromium.fill("#phone", NUMBER).await;
    visitor.chromium.click("#continue").await;
    let code = until("the code of the sign-in", async || {
        let texts = visitor.texts(NUMBER).await;
        texts.get(2).map(|text| code_in(text))
    })
    .await;
    visitor.chromium.fill("#code", &code).await;
    visitor.chromium.click("#continue").await;
    visitor.chromium.click("#allow").await;
    visitor.chromium.wait_for("#claims").await;
    visitor.finish().await;
}

/// R107: a post office opens an account for a child without a number, whose password stands on the paper and not on the screen.
#[tokio::test]
async fn an_account_is_opened_at_a_post_office_and_its_password_is_printed() {
    let mut visitor = Visitor::start(true, "en").await;
    visitor.at_work("demo-post").await;
    let photo = visitor.demo.folder.file("photo.jpg");
    std::fs::write(&photo, [&b"\xff\xd8\xff\xe0"[..], &[7; 300], b"\xff\xd9"].concat()).expect("a file");
    visitor.chromium.open(&format!("{}/desk?lang=en", visitor.demo.provider)).await;
    visitor.chromium.wait_for("#accounts-only").await;
    visitor.inspect("62-desk-post-office").await;
    visitor.chromium.click("#account").await;
    for (field, text) in [("#document", "ID card"), ("#language", "English")] {
        visitor.choose_option(field, text).await;
    }
    for (field, text) in [("#pinfl", "63105162050210"), ("#document_number", "AD7000021")] {
        visitor.chromium.fill(field, text).await;
    }
    visitor.chromium.choose("#photo", &photo).await;
    for tick in ["#original", "#agree", "#begin"] {
        visitor.chromium.click(tick).await;
    }
    visitor.chromium.wait_for("#ready").await;
    visitor.inspect("63-desk-account-ready").await;
    let path = visitor.chromium.url().await;
    visitor.chromium.open(&format!("{}/desk/prove?lang=en", visitor.demo.provider)).await;
    visitor.chromium.click("#use-passkey").await;
    visitor.chromium.wait_for("#said").await;
    visitor.chromium.open(&path).await;
    visitor.chromium.click("#finish").await;
    visitor.chromium.wait_for("#done").await;
    visitor.inspect("64-desk-account-done").await;
    visitor.chromium.click("#sheet").await;
    visitor.chromium.wait_for("#paper").await;
    visitor.inspect("65-desk-account-paper").await;
    let shown = "return getComputedStyle(document.querySelector('#secret').parentElement).display";
    assert_eq!(visitor.chromium.run(shown, json!([])).await, "none", "it is not on the screen");
    visitor.chromium.open(&format!("{}/desk?lang=en", visitor.demo.provider)).await;
    visitor.chromium.wait_for("#menu").await;
    visitor.inspect("66-desk-post-office-after").await;
    visitor.finish().await;
}

/// From the sign-in to the end by keyboard alone; but files are put into their fields, since the system's dialog for them is no part of a page.
async fn by_keyboard(width: u32) {
    let look = Look { width, dark: false };
    let mut visitor = Visitor::start(true, "en").await;
    visitor.chromium.look(look).await;
    let link = visitor.passkey_link("demo-operator");
    visitor.chromium.virtual_authenticator().await;
    visitor.chromium.open(&format!("{link}&lang=en")).await;
    visitor.at_keys("#label", "A keyboard").await;
    visitor.at_keys("#use-passkey", ENTER).await;
    visitor.chromium.wait_for("#made").await;
    visitor.at_keys("#to-sign-in", ENTER).await;
    visitor.chromium.wait_for("#use-passkey").await;
    visitor.glance(look, "70-keyboard-sign-in").await;
    visitor.at_keys("#use-passkey", SPACE).await;
    visitor.chromium.wait_for("#new").await;
    visitor.glance(look, "71-keyboard-desk").await;
    visitor.at_keys("#new", ENTER).await;
    visitor.chromium.wait_for("#surname").await;
    // A list is chosen from by typing how its entry begins.
    for (field, keys) in [
        ("#category", "Citizen"),
        ("#document", "ID"),
        ("#language", "English"),
        ("#surname", "Yusupova"),
        ("#name", "Malika"),
        ("#patronymic", "Anvar qizi"),
        ("#number", NUMBER),
        ("#pinfl", PINFL),
        ("#document_number", "AD7000001"),
    ] {
        visitor.at_keys(field, keys).await;
    }
    visitor.glance(look, "72-keyboard-new").await;
    visitor.at_keys("#continue", ENTER).await;
    visitor.chromium.wait_for("#warning").await;
    visitor.glance(look, "73-keyboard-warning").await;
    for (tick, keys) in
        [("#original", SPACE), ("#sms_charge", SPACE), ("#responsibility", SPACE), ("#continue", ENTER)]
    {
        visitor.at_keys(tick, keys).await;
    }
    visitor.chromium.wait_for("#fingerprint").await;
    visitor.glance(look, "74-keyboard-biometrics").await;
    let (photo, finger) = (visitor.demo.folder.file("photo.jpg"), visitor.demo.folder.file("finger.bin"));
    std::fs::write(&photo, [&b"\xff\xd8\xff\xe0"[..], &[7; 300], b"\xff\xd9"].concat()).expect("a file");
    std::fs::write(&finger, b"FMR\0 template of a fingerprint.").expect("a file");
    visitor.chromium.tab_to("#photo").await;
    visitor.chromium.choose("#photo", &photo).await;
    visitor.chromium.tab_to("#fingerprint").await;
    visitor.chromium.choose("#fingerprint", &finger).await;
    visitor.at_keys("#biometrics", SPACE).await;
    visitor.at_keys("#continue", ENTER).await;
    visitor.chromium.wait_for(".facts + form #continue").await;
    visitor.glance(look, "75-keyboard-compared").await;
    visitor.at_keys("#continue", ENTER).await;
    visitor.chromium.wait_for("#send").await;
    visitor.glance(look, "76-keyboard-precheck").await;
    visitor.at_keys("#send", ENTER).await;
    visitor.chromium.wait_for("#code, #prove").await;
    let code = visitor.told_code(NUMBER).await;
    if visitor.chromium.run("return !document.querySelector('#code')", json!([])).await == true {
        visitor.glance(look, "77-keyboard-prove").await;
        visitor.at_keys("#prove", ENTER).await;
        visitor.at_keys("#use-passkey", ENTER).await;
        visitor.chromium.wait_for("#code").await;
    }
    visitor.glance(look, "78-keyboard-code").await;
    // A code that is wrong leads back to its field, and the sentence takes the focus.
    let wrong = if code == "000000" { "111111" } else { "000000" };
    visitor.at_keys("#code", wrong).await;
    visitor.chromium.keys(ENTER).await;
    visitor.chromium.wait_for("#error").await;
    let focused = visitor.chromium.run("return document.activeElement.id", json!([])).await;
    assert_eq!(focused, "error");
    visitor.glance(look, "79-keyboard-code-error").await;
    visitor.at_keys("#code", &code).await;
    visitor.chromium.keys(ENTER).await;
    visitor.chromium.wait_for("#awaiting").await;
    visitor.glance(look, "80-keyboard-payment").await;
    let path = visitor.chromium.url().await;
    visitor.at_keys("#invoice", ENTER).await;
    visitor.chromium.wait_for("#paper").await;
    let paper = "return document.querySelector('article').innerText.match(/MID[A-Z0-9]+/)[0]";
    let number = visitor.chromium.run(paper, json!([])).await.as_str().expect("a number").to_owned();
    let pay = format!("{}/invoices/{number}/pay", visitor.demo.sandbox);
    let paid = http::client().post(pay).form(&[("notice", "once")]).send().await.expect("the sandbox");
    assert!(paid.status().is_success());
    visitor.chromium.open(&path).await;
    visitor.chromium.wait_for("#end").await;
    visitor.glance(look, "81-keyboard-end").await;
    visitor.at_keys("#next", ENTER).await;
    visitor.chromium.wait_for("#new").await;
    visitor.finish().await;
}

#[tokio::test]
async fn somebody_is_identified_by_keyboard_alone_on_a_wide_screen() {
    by_keyboard(1280).await;
}

#[tokio::test]
async fn somebody_is_identified_by_keyboard_alone_on_a_tablet() {
    by_keyboard(TABLET.width).await;
}
