//! Registration on-line (R113–R116): whom registers let through, the code, the account, and that nobody learns who has one.

use yagona::audit::Kind;

use crate::support::wait::until;
use crate::support::{Browser, Page, Person, Setup, World, alone_on_both_backends, on_both_backends};

on_both_backends!(where_it_is_not_offered_there_is_no_page_and_no_link);

alone_on_both_backends!(
    r113_the_code_completes_a_registration_and_nobody_else_learns_who_has_an_account,
    r115_r116_whom_registers_do_not_let_through_reads_why_and_no_phone_rings,
    beginnings_are_few_and_a_register_that_is_down_loses_nothing,
);

/// Malika of `config/registry-people.toml`: not enrolled, a number in her own name.
const MALIKA: [&str; 4] = ["41405882050012", "id_card", "AD7000001", "998007000001"];

fn offered(setup: Setup) -> Setup {
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
    async fn registers(&mut self, world: &World, fields: [&str; 4]) -> Page {
        self.open("/register").await.page().expect_status(200).expect("begin");
        let page = self.post(&world.url("/register"), &typed(fields)).await.page();
        if page.url.path() == "/register" {
            return page;
        }
        self.settled().await
    }

    async fn settled(&mut self) -> Page {
        until("what registers say", async || {
            let page = self.open("/register/check").await.page();
            (!page.has("asking")).then_some(page)
        })
        .await
    }
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
    assert!(!over.has("enter"), "{over}");
    world.advance(61).await;
    let page = guesser.open("/register/code").await.page().expect("resend");
    guesser.press(&page, "resend", &[]).await.page().expect("enter");
    world.sandbox.next_code(&phone).await;
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
    let world = setup.set("sign_up.offered", true).set("sign_up.per_pinfl_day", 3).start().await;
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
    // Whoever guesses the document of one PINFL is stopped, from wherever they come.
    world
        .browser()
        .registers(&world, ["41405882050012", "id_card", "AD7000002", "998007000001"])
        .await
        .expect("stopped");
    let mut other = world.browser();
    other.open("/register").await.page().expect("begin");
    let page = other.post(&world.url("/register"), &typed(MALIKA)).await.page();
    assert_eq!(page.status, 429, "{page}");
    world.sandbox.nothing_came(&phone).await;
}
