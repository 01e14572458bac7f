//! Registration on-line (R113–R116): whom registers let through, the code, the account, and that nobody learns who has one.

mod again;
mod hijack;

use yagona::audit::Kind;

use crate::password::FIRST;

use crate::support::client_file::SHOP;
use crate::support::wait::until;
use crate::support::{Asked, Browser, Page, Person, Setup, World, alone_on_both_backends, on_both_backends};

on_both_backends!(where_it_is_not_offered_there_is_no_page_and_no_link);

alone_on_both_backends!(
    r113_the_code_completes_a_registration_and_nobody_else_learns_who_has_an_account,
    r114_a_signature_stands_for_the_document,
    r115_r116_whom_registers_do_not_let_through_reads_why_and_no_phone_rings,
    beginnings_are_few_and_a_register_that_is_down_loses_nothing,
);

/// Malika of `config/registry-people.toml`: not enrolled, a number in her own name.
pub(crate) const MALIKA: [&str; 4] = ["41405882050012", "id_card", "AD7000001", "998007000001"];

/// Keys of hers: in her present name, and in that of before she married.
const KEYS: [&str; 2] = ["77e100000000000000000000000000000008", "77e100000000000000000000000000000010"];

pub(crate) fn offered(setup: Setup) -> Setup {
    setup.set("sign_up.offered", true).set("sign_up.per_address_hour", 1000)
}

/// The form's fields.
fn typed([pinfl, document, document_number, number]: [&str; 4]) -> Vec<(String, String)> {
    [
        ("pinfl", pinfl),
        ("document", document),
        ("document_number", document_number),
        ("number", number),
        ("agree", "1"),
        ("back", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

impl Browser {
    /// Fills in the form, and gives the page once registers have answered.
    pub(crate) async fn registers(&mut self, world: &World, fields: [&str; 4]) -> Page {
        self.open("/register").await.page().expect_status(200).expect("begin");
        let page = self.post(&world.url("/register"), &typed(fields)).await.page();
        if page.url.path() == "/register" {
            return page;
        }
        self.settled().await
    }

    /// Hands in the form of who signed.
    async fn begins_by_signature(&mut self, form: &Page, token: &str, number: &str) -> Page {
        let back = form.attribute("input[name=back]", "value");
        let fields = [("eri", token), ("number", number), ("agree", "1"), ("back", back.as_str())];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.post(&form.url.join("/register").expect("a URL"), &fields).await.page()
    }

    /// From the page that says that a signature's person has no account to the form of the number.
    async fn registers_by_signature(&mut self, page: &Page) -> Page {
        let field = |name: &str| page.attribute(&format!("input[name={name}]"), "value");
        self.open(&format!("/register?eri={}&t={}", field("eri"), field("t"))).await.page()
    }

    /// Opens an account, and gives the temporary password from the message.
    async fn opens(&mut self, world: &World, fields: [&str; 4]) -> String {
        let phone = Person::with_number(fields[3]);
        let page = self.registers(world, fields).await.expect("code");
        let code = world.sandbox.next_code(&phone).await;
        self.press(&page, "enter", &[("code", &code)]).await.page().expect_status(200).expect("opened");
        temporary_in(world.sandbox.next_message(&phone).await["text"].as_str().expect("a text"))
    }

    /// Signs in to a page of the cabinet by a temporary password, and sets one; the page.
    async fn first_password(&mut self, path: &str, (login, temporary): (&str, &str), password: &str) -> Page {
        let page = self.open(path).await.page();
        let page = self.get(&page.link("password")).await.page();
        let page = self.enter_password(&page, login, temporary).await.page().expect_status(200).expect("new");
        self.press(&page, "continue", &[("new", password), ("repeat", password)]).await.page()
    }

    async fn settled(&mut self) -> Page {
        until("what registers say", async || {
            let page = self.open("/register/check").await.page();
            (!page.has("asking")).then_some(page)
        })
        .await
    }
}

/// The temporary password in a message.
fn temporary_in(text: &str) -> String {
    let is = |word: &&str| word.len() == 14 && word.split('-').all(|group| group.len() == 4);
    text.split_whitespace().find(is).unwrap_or_else(|| panic!("none in {text}")).to_owned()
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

async fn where_it_is_not_offered_there_is_no_page_and_no_link(world: &World) {
    let mut browser = world.browser();
    assert_eq!(browser.open("/register").await.page().status, 404);
    assert_eq!(browser.post(&world.url("/register"), &typed(MALIKA)).await.page().status, 404);
    assert!(!browser.open("/").await.page().has("register"));
    assert!(!browser.open("/cabinet").await.page().expect("phone").has("register"));
}

async fn r113_the_code_completes_a_registration_and_nobody_else_learns_who_has_an_account(setup: Setup) {
    let world = offered(setup).start().await;
    let phone = Person::with_number(MALIKA[3]);
    let mut browser = world.browser();
    // From the sign-in at a page and back to it.
    let asked = browser.open("/cabinet").await.page().expect("phone");
    let form = browser.get(&asked.link("register")).await.page().expect("begin");
    assert!(
        form.form("begin").fields("begin", &[]).iter().any(|(name, back)| name == "back" && !back.is_empty())
    );
    // What is wrong is told at its field.
    let page = browser.post(&world.url("/register"), &typed(["1", "", "", "712000000"])).await.page();
    for field in ["pinfl-error", "document-error", "number-error"] {
        assert!(page.has(field), "{field}: {page}");
    }
    assert!(page.status == 422 && page.body.contains("value=\"712000000\""), "{page}");
    let unagreed = typed(MALIKA).into_iter().filter(|(name, _)| name != "agree").collect::<Vec<_>>();
    browser.post(&world.url("/register"), &unagreed).await.page().expect_status(422).expect("agree-error");
    let first = browser.registers(&world, MALIKA).await.expect("code");
    assert_eq!(first.url.path(), "/register/code");
    let code = world.sandbox.next_code(&phone).await;
    // Another browser has nothing of it.
    assert_eq!(world.browser().open("/register/code").await.page().url.path(), "/register");
    browser.press(&first, "enter", &[("code", wrong(&code))]).await.page().expect_status(422).expect("error");
    assert_eq!(world.stored("SELECT COUNT(*) FROM accounts").await, 0);
    browser.press(&first, "enter", &[("code", &code)]).await.page().expect_status(200).expect("opened");
    assert_eq!(world.stored("SELECT COUNT(*) FROM accounts WHERE opened_by = 'registration'").await, 1);
    assert_eq!(world.stored("SELECT COUNT(*) FROM notices WHERE kind = 'registered'").await, 1);
    until("the audit row", async || (!world.audited(Kind::Registered).await.is_empty()).then_some(())).await;
    // The login is the PINFL, which no message spells out; the password is temporary.
    let message = world.sandbox.next_message(&phone).await;
    let text = message["text"].as_str().expect("a text");
    assert!(!text.contains(MALIKA[0]) && text.contains("PINFL"), "{text}");
    assert_eq!(message["parts"], 1, "{text}");
    let menu = browser.first_password("/cabinet", (MALIKA[0], &temporary_in(text)), FIRST).await;
    menu.expect_status(200).expect("menu");
    // The code is used up, and the page that is due says what came of it.
    browser.press(&first, "enter", &[("code", &code)]).await.page().expect("opened");
    // Whoever tries again sees the same pages, until they have entered the code from her phone.
    let mut again = world.browser();
    let second = again.registers(&world, MALIKA).await.expect("code");
    let same = |page: &Page| {
        let text = page.text().replace("3 minutes", "").replace("2 minutes", "");
        text.split("You can ask for a new code").next().unwrap_or_default().to_owned()
    };
    assert_eq!(same(&second), same(&first));
    let code = world.sandbox.next_code(&phone).await;
    again.press(&second, "enter", &[("code", &code)]).await.page().expect("known");
    world.sandbox.nothing_came(&phone).await;
    assert_eq!(world.stored("SELECT COUNT(*) FROM accounts").await, 1);
    // She is told in her cabinet that somebody tried, once a day.
    until("the notice", async || {
        (world.stored("SELECT COUNT(*) FROM notices WHERE kind = 'registration_tried'").await == 1)
            .then_some(())
    })
    .await;
    assert_eq!(world.stored("SELECT COUNT(*) FROM notices WHERE kind = 'registered'").await, 1);
    // A code has its tries, and a new one takes its place.
    let mut guesser = world.browser();
    let page = guesser.registers(&world, MALIKA).await.expect("code");
    let code = world.sandbox.next_code(&phone).await;
    for _ in 0..5 {
        guesser.press(&page, "enter", &[("code", wrong(&code))]).await.page().expect("error");
    }
    let over = guesser.press(&page, "enter", &[("code", &code)]).await.page().expect_status(422);
    assert!(!over.has("enter") && over.text().contains("Too many wrong codes"), "{over}");
    world.advance(61).await;
    let page = guesser.open("/register/code").await.page().expect("resend");
    guesser.press(&page, "resend", &[]).await.page().expect("enter");
    world.sandbox.next_code(&phone).await;
}

async fn r114_a_signature_stands_for_the_document(setup: Setup) {
    let world = offered(setup).with_proofs().start().await;
    let phone = Person::with_number(MALIKA[3]);
    let mut browser = world.browser();
    let page = browser.begin_by(&world, &Asked::by(SHOP), "eri").await;
    let page = browser.sign_with(&world, &page, KEYS[1]).await.page().expect("register");
    let form = browser.registers_by_signature(&page).await.expect_status(200).expect("signed");
    assert!(form.text().contains("ESHMATOVA MALIKA") && !form.has("document"), "{form}");
    assert!(!form.body.contains(MALIKA[0]), "R114: the proof is sealed");
    let token = |form: &Page| form.attribute("input[name=eri]", "value");
    // The proof is of no use in another browser, and neither is a forged one.
    let stolen = world.browser().get(&form.url).await.page();
    assert!(stolen.status != 200 && !stolen.has("begin"), "{stolen}");
    let forged = browser.begins_by_signature(&form, "forged", MALIKA[3]).await;
    assert!(forged.status != 200 && !forged.has("begin"), "{forged}");
    // A number is needed, in the person's own name (R115); the form stays that of the signature.
    let page = browser.begins_by_signature(&form, &token(&form), "712000000").await.expect_status(422);
    page.expect("number-error").expect("signed");
    browser.begins_by_signature(&form, &token(&form), "998007000002").await;
    let page = browser.settled().await.expect("stopped");
    assert!(page.text().contains("not in your own name"), "{page}");
    // A key in the name of before, which the register no longer has.
    browser.begins_by_signature(&form, &token(&form), MALIKA[3]).await;
    let page = browser.settled().await.expect("stopped").expect("correct");
    assert!(page.text().contains("name in your electronic signature"), "{page}");
    world.sandbox.nothing_came(&phone).await;
    // Her present key.
    let page = browser.begin_by(&world, &Asked::by(SHOP), "eri").await;
    let page = browser.sign_with(&world, &page, KEYS[0]).await.page();
    let form = browser.registers_by_signature(&page).await;
    browser.begins_by_signature(&form, &token(&form), MALIKA[3]).await;
    let page = browser.settled().await.expect("code");
    let code = world.sandbox.next_code(&phone).await;
    let done = browser.press(&page, "enter", &[("code", &code)]).await.page().expect("opened");
    let confirmed = "SELECT COUNT(*) FROM accounts WHERE opened_by = 'registration' AND confirmed_by = 'eri'";
    assert_eq!(world.stored(confirmed).await, 1);
    // Back at the sign-in that she came from, the same key signs her in.
    let means = browser.get(&done.link("go-on")).await.page();
    let page = browser.get(&means.link("eri")).await.page();
    browser.sign_with(&world, &page, KEYS[0]).await.page().expect("allow");
    // The proof lasts a quarter of an hour.
    world.advance(900).await;
    let late = browser.begins_by_signature(&form, &token(&form), MALIKA[3]).await;
    assert!(late.status != 200 && !late.has("begin"), "{late}");
}

async fn r115_r116_whom_registers_do_not_let_through_reads_why_and_no_phone_rings(setup: Setup) {
    let world = offered(setup).set("sign_up.per_pinfl_day", 100).start().await;
    let deceased = ["40404412050107", "biometric_passport", "AA7000010", "998007000010"];
    let cases: [([&str; 4], &str); 5] = [
        (["41405882050012", "id_card", "AD7999999", "998007000001"], "nobody with this PINFL"),
        (["41405882050012", "id_card", "AD7000001", "998007000002"], "not in your own name"),
        (["41405882050012", "id_card", "AD7000001", "998007999999"], "No operator has this number"),
        (["30211792050028", "id_card", "AB7000002", "998007000002"], "nobody with this PINFL"),
        (deceased, "has died"),
    ];
    let mut browser = world.browser();
    for (fields, says) in cases {
        let page = browser.registers(&world, fields).await.expect_status(200).expect("stopped");
        assert!(page.text().contains(says), "{fields:?}: {page}");
        page.expect("correct");
    }
    // A foreigner without permit, by the document with which the PINFL was obtained.
    let foreigner = ["30707902050054", "national_passport", "725000005", "998007000005"];
    browser.registers(&world, foreigner).await.expect("code");
    world.sandbox.next_code(&Person::with_number(foreigner[3])).await;
    // Nobody else's phone rang.
    for number in ["998007000001", "998007000002", "998007999999", "998007000010"] {
        world.sandbox.nothing_came(&Person::with_number(number)).await;
    }
    assert_eq!(world.stored("SELECT COUNT(*) FROM accounts").await, 0);
}

async fn beginnings_are_few_and_a_register_that_is_down_loses_nothing(setup: Setup) {
    let setup = setup.set("sign_up.offered", true).set("sign_up.per_pinfl_network_day", 3);
    let world = setup.set("server.trusted_proxies", vec!["127.0.0.0/8".to_owned()]).start().await;
    let (mut browser, phone) = (world.browser(), Person::with_number(MALIKA[3]));
    world.sandbox.registers(&[("operators.fail", "1")]).await;
    let page = browser.registers(&world, MALIKA).await.expect("unanswered");
    world.sandbox.nothing_came(&phone).await;
    world.sandbox.registers(&[("operators.fail", "0")]).await;
    // The breaker of that line may rest for a while.
    world.advance(20).await;
    browser.press(&page, "again", &[]).await.page();
    browser.settled().await.expect("code");
    world.sandbox.next_code(&phone).await;
    // What registers confirmed is given back; whoever guesses the document of one PINFL is stopped.
    for _ in 0..2 {
        let guess = ["41405882050012", "id_card", "AD7000002", "998007000001"];
        world.browser().registers(&world, guess).await.expect("stopped");
    }
    let mut other = world.browser();
    other.open("/register").await.page().expect("begin");
    let page = other.post(&world.url("/register"), &typed(MALIKA)).await.page();
    assert_eq!(page.status, 429, "{page}");
    world.sandbox.nothing_came(&phone).await;
    // Its owner registers from elsewhere all the same.
    world.browser().from("198.51.100.7").registers(&world, MALIKA).await.expect("code");
    world.sandbox.next_code(&phone).await;
}
