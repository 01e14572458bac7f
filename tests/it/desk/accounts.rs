//! Accounts in person (R107): opened and confirmed at every kind of place, and passwords given back there.

use serde_json::{Value, json};
use yagona::audit::Kind as Recorded;

use super::enrolment::{PHOTO, first_password, temporary_in};
use super::{Member, World};
use crate::password::{FIRST, SECOND, is_right};
use crate::support::html::TICKED;
use crate::support::people::Kind;
use crate::support::{Page, Person, Setup, alone_on_both_backends, on_both_backends};

on_both_backends!(
    r107_an_account_is_opened_at_a_post_office_with_a_number_in_anothers_name_and_then_confirmed,
    r107_whoever_has_no_number_gets_a_temporary_password_on_paper_once_and_again_when_it_is_lost,
    r116_a_foreigner_without_a_photo_at_the_centre_is_compared_by_eye_and_that_is_recorded,
    r107_whom_registers_do_not_let_through_is_told_and_nothing_is_opened,
    r107_whoever_has_mobile_id_needs_nothing,
    r120_a_face_that_is_anothers_recovers_nothing,
    r107_the_pages_of_each_kind_of_place_and_role_are_those_of_the_table,
);
alone_on_both_backends!(
    r107_a_register_that_is_down_loses_nothing_and_an_old_passkey_opens_nothing,
    r120_a_recovery_waits_for_the_personalisation_centre,
    where_nobody_signs_in_by_password_a_place_gives_and_recovers_none,
);

impl World {
    /// Somebody whom the Personalisation Centre knows, with these numbers in their name; `face` says that no photo matches.
    async fn known(&self, person: &Person, numbers: &[&str], other_face: bool) {
        let numbers: Vec<Value> =
            numbers.iter().map(|number| json!({ "msisdn": number, "state": "active" })).collect();
        self.sandbox
            .knows(&json!({ "person": [{
                "pinfl": person.pinfl, "latin": ["VALIYEV", "ALI", "KARIMOVICH"],
                "cyrillic": ["ВАЛИЕВ", "АЛИ", "КАРИМОВИЧ"], "english": ["VALIYEV", "ALI"],
                "birth_date": "1990-01-01", "sex": 1, "photo": "/9j/4AAQSkZJRgABAgMEBQYHCP/Z",
                "other_face": other_face,
                "documents": [{
                    "kind": "IDMS_RECV_MVD_IDCARD_CITIZEN", "number": "AD1234567", "issuer": "ТОШКЕНТ",
                    "from": "2022-03-01", "until": "2032-02-29",
                }],
                "numbers": numbers,
            }] }))
            .await;
    }

    /// The code that comes next to a phone, which its holder tells to whoever serves them.
    async fn code_to_tell(&self, phone: &Person) -> String {
        let message = self.sandbox.next_message(phone).await;
        let text = message["text"].as_str().expect("a text");
        assert!(text.contains("employee") && !text.contains('#'), "{text}");
        let digits = text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6);
        digits.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
    }
}

/// The form for somebody with an ID-card.
fn typed<'a>(pinfl: &'a str, number: &'a str) -> Vec<(&'a str, &'a str)> {
    with_document(pinfl, number, ("id_card", "AD1234567"))
}

fn with_document<'a>(
    pinfl: &'a str,
    number: &'a str,
    (kind, document): (&'a str, &'a str),
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("document", kind),
        ("language", "en"),
        ("number", number),
        ("pinfl", pinfl),
        ("document_number", document),
        ("original", TICKED),
        ("agree", TICKED),
    ]
}

impl Member {
    /// Fills in the form; the page once registers have answered, or that of what is wrong.
    async fn serves(&mut self, typed: &[(&str, &str)]) -> Page {
        let page = self.at("/desk/accounts").await.expect("begin");
        let page = self.browser.upload(&page, "begin", typed, &[("photo", PHOTO)]).await.page();
        if page.status == 200 { self.until_gone(page, "running").await } else { page }
    }

    /// From a clear page without a number to what was done.
    async fn finishes(&mut self, page: &Page, typed: &[(&str, &str)]) -> Page {
        self.prove().await;
        let page = self.browser.get(&page.url).await.page().expect("ready");
        self.browser.press(&page, "finish", typed).await.page()
    }

    /// Has the face compared of somebody who lost their password.
    async fn recovers(&mut self, pinfl: &str, document: &str) -> Page {
        let page = self.proved_at("/desk/recover").await.expect("recover-now");
        let typed =
            [("pinfl", pinfl), ("document_number", document), ("original", TICKED), ("agree", TICKED)];
        let files = [("photo", PHOTO)];
        let page = self.browser.upload(&page, "recover-now", &typed, &files).await.page();
        if page.status == 200 { self.until_gone(page, "running").await } else { page }
    }
}

async fn r107_an_account_is_opened_at_a_post_office_with_a_number_in_anothers_name_and_then_confirmed(
    world: &World,
) {
    let place = world.open_place("post_office");
    let mut member = world.staff(&place, "operator").await;
    let (child, parent) = (world.somebody(Kind::Unknown), world.somebody(Kind::Unknown));
    world.known(&child, &[], false).await;
    world.known(&parent, &[&parent.number], false).await;
    // What is missing is told at its field, and nobody is asked.
    let nothing = member.serves(&[]).await.expect_status(422);
    for field in ["document", "pinfl", "document_number", "original", "agree"] {
        assert!(nothing.has(&format!("{field}-error")), "{field}: {nothing}");
    }
    let ready = member.serves(&typed(&child.pinfl, &parent.number)).await.expect("ready");
    assert!(ready.text().contains("VALIYEV") || ready.text().contains("Valiyev"), "{ready}");
    assert!(!ready.has("face"), "the Centre compared it: {ready}");
    // Nobody but who began it sees it.
    let mut other = world.staff(&place, "operator").await;
    other.browser.open(ready.url.path()).await.page().expect_status(404);
    let page = member.browser.press(&ready, "send", &[]).await.page().expect_status(200).expect("resend");
    let code = world.code_to_tell(&parent).await;
    member.prove().await;
    let page = member.browser.get(&page.url).await.page().expect("code");
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for entered in [wrong, wrong, wrong, wrong, ""] {
        let answered = member.browser.press(&page, "finish", &[("code", entered)]).await.page();
        answered.expect_status(422).expect("code-error");
    }
    // Where no code can be right any more there is no field, and a new one is the main action.
    for entered in [wrong, &code] {
        let over = member.browser.press(&page, "finish", &[("code", entered)]).await.page();
        let over = over.expect_status(422).expect("resend");
        assert!(!over.has("finish") && !over.has("code"), "{over}");
    }
    let page = member.browser.press(&page, "resend", &[]).await.page().expect("code");
    let code = world.code_to_tell(&parent).await;
    let opened = "SELECT COUNT(*) FROM accounts a JOIN desk_accounts d ON d.person_id = a.person_id \
                  WHERE d.place_id = $1 AND a.opened_by = 'place' AND a.confirmed_by = 'in_person'";
    assert_eq!(world.stored_for(opened, &place).await, 0);
    let done = member.browser.press(&page, "finish", &[("code", &code)]).await.page().expect("done");
    assert_eq!(world.stored_for(opened, &place).await, 1);
    let message = world.sandbox.next_message(&parent).await;
    let text = message["text"].as_str().expect("a text");
    assert!(text.contains("Login: your PINFL") && !text.contains(&child.pinfl), "{text}");
    let temporary = temporary_in(text);
    // The paper says what was done, in the person's language, and no password that an SMS has.
    let paper = member.browser.press(&done, "sheet", &[]).await.page().expect_status(200).expect("paper");
    assert!(paper.text().contains("An account was opened") && !paper.has("secret"), "{paper}");
    assert!(paper.text().to_uppercase().contains("VALIYEV ALI"), "it names the person: {paper}");
    assert!(!done.body.contains(&temporary) && !paper.body.contains(&temporary));
    let list = member.at("/desk").await;
    assert!(list.text().contains("An account was opened") && !list.has("find"), "{list}");
    first_password(world, &child.pinfl, &temporary, FIRST).await;
    assert!(is_right(world, &child.pinfl, FIRST).await);
    // The same person again: the account that is there is confirmed, and stays as it is.
    let ready = member.serves(&typed(&child.pinfl, "")).await.expect("ready");
    let done = member.finishes(&ready, &[]).await.expect("done");
    assert!(done.text().contains("The account was confirmed"), "{done}");
    assert_eq!(world.stored_for(opened, &place).await, 2, "two rows of one account");
    assert!(is_right(world, &child.pinfl, FIRST).await);
    let told = "SELECT COUNT(*) FROM notices n JOIN desk_accounts d ON d.person_id = n.person_id \
                WHERE d.place_id = $1 AND d.outcome = 'opened' AND n.kind IN ('opened_at_place', 'confirmed_at_place')";
    assert_eq!(world.stored_for(told, &place).await, 2);
    let actions = world.command(&["staff", "actions", "--place", &place]);
    for what in ["evidence_given", "code_sent", "account_opened", "printed", "account_confirmed"] {
        assert!(actions.contains(what), "{what} in {actions}");
    }
    assert!(!actions.contains("CHANGED") && !actions.contains(&child.pinfl), "{actions}");
    // Nobody but this test confirms an account.
    world.until_audited(Recorded::ServedAtPlace, "reason", "confirmed").await;
}

async fn r107_whoever_has_no_number_gets_a_temporary_password_on_paper_once_and_again_when_it_is_lost(
    world: &World,
) {
    let place = world.open_place("post_office");
    let (mut member, person) = (world.staff(&place, "operator").await, world.somebody(Kind::Unknown));
    world.known(&person, &[], false).await;
    let ready = member.serves(&typed(&person.pinfl, "")).await.expect("ready");
    let done = member.finishes(&ready, &[]).await.expect_status(200).expect("done");
    let printed = |page: &Page| page.text_at("secret");
    let paper = member.browser.press(&done, "sheet", &[]).await.page().expect_status(200).expect("secret");
    let temporary = printed(&paper);
    assert_eq!(temporary_in(&temporary), temporary.trim());
    // What stands on the paper is not on the screen, and is there once.
    assert!(paper.body.contains("<div class=\"paper-only\">") && paper.has("paper-alone"), "{paper}");
    let again = member.browser.press(&done, "sheet", &[]).await.page().expect_status(200).expect("paper");
    assert!(!again.has("secret") && !again.body.contains(temporary.trim()), "{again}");
    first_password(world, &person.pinfl, temporary.trim(), FIRST).await;
    assert!(is_right(world, &person.pinfl, FIRST).await);
    // It is lost: no number reaches them, so the next one is on paper as well.
    let ready = member.recovers(&person.pinfl, "AD1234567").await.expect("ready");
    let done = member.browser.press(&ready, "finish", &[]).await.page().expect_status(200).expect("sheet");
    assert!(!is_right(world, &person.pinfl, FIRST).await, "the former one has ended");
    let paper = member.browser.press(&done, "sheet", &[]).await.page().expect_status(200).expect("secret");
    let temporary = printed(&paper);
    assert!(paper.text().to_uppercase().contains("VALIYEV ALI"), "it names the person: {paper}");
    let again = member.browser.press(&done, "sheet", &[]).await.page().expect_status(200);
    assert!(!again.has("secret"), "{again}");
    first_password(world, &person.pinfl, temporary.trim(), SECOND).await;
}

async fn r116_a_foreigner_without_a_photo_at_the_centre_is_compared_by_eye_and_that_is_recorded(
    world: &World,
) {
    // Sergey of the registers' people: known by the document with which his PINFL was obtained.
    let place = world.open_place("notary_office");
    let mut member = world.staff(&place, "operator").await;
    let fields = with_document("30707902050054", "", ("national_passport", "725000005"));
    let ready = member.serves(&fields).await.expect("ready");
    let refused = member.finishes(&ready, &[]).await.expect_status(422).expect("face-error");
    let done = member.browser.press(&refused, "finish", &[("face", TICKED)]).await.page();
    done.expect_status(200).expect("done");
    let actions = world.command(&["staff", "actions", "--place", &place]);
    assert!(actions.contains("face_seen") && actions.contains("account_opened"), "{actions}");
}

async fn r107_whom_registers_do_not_let_through_is_told_and_nothing_is_opened(world: &World) {
    let place = world.open_place("service_centre");
    let mut member = world.staff(&place, "operator").await;
    let (person, another) = (world.somebody(Kind::Unknown), world.somebody(Kind::Unknown));
    let (enrolled, unknown) = (world.person(), world.somebody(Kind::Unknown));
    world.known(&person, &[&person.number], false).await;
    world.known(&another, &[], true).await;
    world.known(&world.somebody(Kind::Unknown), &[&enrolled.number], false).await;
    let deceased = with_document("40404412050107", "", ("biometric_passport", "AA7000010"));
    let other_document = with_document(&person.pinfl, "", ("id_card", "AD7654321"));
    for (fields, says) in [
        (deceased, "has died"),
        (other_document, "knows nobody"),
        (typed(&unknown.pinfl, ""), "knows nobody"),
        (typed(&person.pinfl, &unknown.number), "No operator has this number"),
        (typed(&person.pinfl, &enrolled.number), "another person’s"),
        (typed(&another.pinfl, ""), "The face is not"),
    ] {
        let page = member.serves(&fields).await.expect_status(200).expect("stopped").expect("anew");
        assert!(page.text().contains(says), "{says}: {page}");
    }
    let rows = "SELECT COUNT(*) FROM desk_accounts WHERE place_id = $1";
    assert_eq!(world.stored_for(rows, &place).await, 0);
    world.sandbox.nothing_came(&person).await;
}

async fn r107_whoever_has_mobile_id_needs_nothing(world: &World) {
    let place = world.open_place("post_office");
    let (mut member, person) = (world.staff(&place, "supervisor").await, world.person());
    world.known(&person, &[&person.number], false).await;
    let ready = member.serves(&typed(&person.pinfl, "")).await.expect("ready");
    let done = member.finishes(&ready, &[]).await.expect_status(200).expect("done");
    assert!(done.text().contains("Nothing was needed") && !done.has("sheet"), "{done}");
    assert_eq!(world.stored_for("SELECT COUNT(*) FROM desk_accounts WHERE place_id = $1", &place).await, 0);
}

async fn r120_a_face_that_is_anothers_recovers_nothing(world: &World) {
    let place = world.open_place("post_office");
    let (mut member, person) = (world.staff(&place, "operator").await, world.person());
    world.known(&person, &[&person.number], true).await;
    let (mut owner, document) = (world.browser(), "AD1234567");
    owner.set_password(world, &person, FIRST).await.expect("said");
    let page = member.recovers(&person.pinfl, document).await;
    // Another document than the one on file is checked once more.
    let page = if page.has("other_document") {
        let typed = [
            ("pinfl", person.pinfl.as_str()),
            ("document_number", document),
            ("original", TICKED),
            ("agree", TICKED),
            ("other_document", TICKED),
        ];
        let page = member.browser.upload(&page, "recover-now", &typed, &[("photo", PHOTO)]).await.page();
        member.until_gone(page, "running").await
    } else {
        page
    };
    let page = page.expect("stopped");
    assert!(page.text().contains("The face is not"), "{page}");
    // Nor by the form that would have followed.
    let fields = page.form("sign-out").fields("sign-out", &[]);
    member.browser.post(&page.url, &fields).await.page().expect("stopped");
    world.sandbox.nothing_came(&person).await;
    assert!(is_right(world, &person.pinfl, FIRST).await);
    owner.open("/cabinet").await.page().expect_status(200);
}

async fn r120_a_recovery_waits_for_the_personalisation_centre(setup: Setup) {
    let world = setup.start().await;
    let place = world.open_place("post_office");
    let (mut member, person) = (world.staff(&place, "operator").await, world.somebody(Kind::Unknown));
    world.known(&person, &[], false).await;
    let ready = member.serves(&typed(&person.pinfl, "")).await.expect("ready");
    member.finishes(&ready, &[]).await.expect("done");
    world.sandbox.registers(&[("biometrics.fail", "1")]).await;
    let page = member.recovers(&person.pinfl, "AD1234567").await.expect("unanswered");
    // There is no way on but to ask again.
    let fields = page.form("again").fields("again", &[]);
    member.prove().await;
    member.browser.post(&page.url, &fields).await.page().expect("unanswered");
    world.sandbox.registers(&[("reset", "1")]).await;
    world.advance(60).await;
    let page = member.browser.press(&page, "again", &[]).await.page();
    let page = member.until_gone(page, "running").await.expect("same-face");
    member.prove().await;
    let page = member.browser.get(&page.url).await.page().expect("finish");
    member.browser.press(&page, "finish", &[]).await.page().expect("sheet");
}

async fn where_nobody_signs_in_by_password_a_place_gives_and_recovers_none(setup: Setup) {
    let world = &setup.set("passwords.enabled", false).start().await;
    let mut member = world.staff(&world.open_place("post_office"), "operator").await;
    let menu = member.at("/desk").await.expect("menu");
    assert!(menu.links().iter().all(|link| link.href != "/desk/recover"), "{menu}");
    member.browser.open("/desk/recover").await.page().expect_status(404);
    let fields = menu.form("sign-out").fields("sign-out", &[]);
    let gone = member.browser.post(&world.url("/desk/recover/anything"), &fields).await.page();
    gone.expect_status(404);
    // An account is opened with a number, and nobody is told of a login or a password.
    let person = world.somebody(Kind::Unknown);
    world.known(&person, &[&person.number], false).await;
    member.serves(&typed(&person.pinfl, "")).await.expect_status(422).expect("number-error");
    let ready = member.serves(&typed(&person.pinfl, &person.number)).await.expect("ready");
    let page = member.browser.press(&ready, "send", &[]).await.page().expect("resend");
    let code = world.code_to_tell(&person).await;
    member.prove().await;
    let page = member.browser.get(&page.url).await.page().expect("code");
    let done = member.browser.press(&page, "finish", &[("code", &code)]).await.page().expect("done");
    let message = world.sandbox.next_message(&person).await;
    let text = message["text"].as_str().expect("a text");
    assert!(text.contains("account is open") && !text.contains("Login"), "{text}");
    assert!(done.text().contains("Nobody signs in by password"), "{done}");
    let paper = member.browser.press(&done, "sheet", &[]).await.page().expect_status(200).expect("paper");
    assert!(!paper.text().contains("Login") && !paper.has("secret"), "{paper}");
    assert_eq!(world.stored("SELECT COUNT(*) FROM passwords").await, 0);
    // Nor do their own pages.
    world.browser().open("/recover").await.page().expect_status(404);
    let mut browser = world.browser();
    browser.enter_cabinet(world, "/cabinet/means", &world.person()).await.expect("menu");
    for path in ["/cabinet/means/password", "/cabinet/means/login"] {
        let page = browser.open(path).await.page();
        assert!(page.url.path() == "/cabinet/means" && !page.has("save"), "{page}");
    }
}

async fn r107_a_register_that_is_down_loses_nothing_and_an_old_passkey_opens_nothing(setup: Setup) {
    let world = setup.start().await;
    let place = world.open_place("post_office");
    let (mut member, person) = (world.staff(&place, "operator").await, world.somebody(Kind::Unknown));
    world.known(&person, &[&person.number], false).await;
    world.sandbox.registers(&[("operators.fail", "1")]).await;
    let page = member.serves(&typed(&person.pinfl, &person.number)).await.expect("unanswered");
    world.sandbox.registers(&[("reset", "1")]).await;
    world.advance(60).await;
    let page = member.browser.press(&page, "again", &[]).await.page();
    let page = member.until_gone(page, "running").await.expect("ready");
    let page = member.browser.press(&page, "send", &[]).await.page().expect("resend");
    let code = world.code_to_tell(&person).await;
    member.prove().await;
    let page = member.browser.get(&page.url).await.page().expect("code");
    world.advance(121).await;
    // What was on the screen leads to the passkey, and nothing was tried.
    let asked = member.browser.press(&page, "finish", &[("code", &code)]).await.page();
    let asked = asked.expect("use-passkey");
    assert_eq!(world.stored("SELECT COUNT(*) FROM desk_accounts").await, 0);
    let back = member.key.answer(&mut member.browser, &asked).await.page().expect("code");
    member.browser.press(&back, "finish", &[("code", &code)]).await.page().expect("done");
    assert_eq!(world.stored("SELECT COUNT(*) FROM desk_accounts").await, 1);
    // The form sent twice leads to what was done.
    member.browser.press(&back, "finish", &[("code", &code)]).await.page().expect("done");
    assert_eq!(world.stored("SELECT COUNT(*) FROM desk_accounts").await, 1);
}

/// The rows of the table in `docs/desk.md`: a page, and who has it at places that identify people, and at post offices.
fn table() -> Vec<(String, [String; 2])> {
    let text = include_str!("../../../docs/desk.md");
    let rows = text.lines().filter(|line| line.starts_with("| `/desk"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].trim_matches('`').to_owned(), [cells[1].to_owned(), cells[2].to_owned()])
    })
    .collect()
}

async fn r107_the_pages_of_each_kind_of_place_and_role_are_those_of_the_table(world: &World) {
    let table = table();
    assert!(table.len() > 10, "the table of docs/desk.md");
    for (kind, column) in [("service_centre", 0), ("notary_office", 0), ("post_office", 1)] {
        let place = world.open_place(kind);
        for role in ["operator", "supervisor", "administrator"] {
            let mut member = world.staff(&place, role).await;
            for (path, whose) in &table {
                let page = member.browser.open(path).await.page();
                let has = whose[column].split(", ").any(|one| one == role);
                assert_eq!(page.status, if has { 200 } else { 404 }, "{path} of {role} at {kind}");
            }
            // The menu leads to pages that are there, and to no others.
            let menu = member.at("/desk/passkeys").await;
            let links = menu.links().into_iter().map(|link| link.href);
            for href in links.filter(|href| href.starts_with("/desk") && !href.contains('?')) {
                let row = table.iter().find(|(path, _)| *path == href);
                let row = row.unwrap_or_else(|| panic!("{href} is not in the table"));
                assert!(row.1[column].contains(role), "{href} in the menu of {role} at {kind}");
            }
        }
    }
}
