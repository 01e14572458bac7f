//! What staff do for people: an identification from the form to a person who signs in, how it is refused or withdrawn, how it waits for
//! registers, and how it is revoked.

use serde_json::json;

use super::{Member, form};
use crate::support::client_file::SHOP;
use crate::support::html::TICKED;
use crate::support::http;
use crate::support::people::Kind;
use crate::support::{
    Asked, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, on_both_backends, param,
};

on_both_backends!(
    r10_r43_a_person_is_identified_step_by_step_pays_and_signs_in,
    r31_r74_nothing_goes_on_without_the_original_and_the_consents,
    r33_r49_photo_and_fingerprint_are_both_taken_and_must_match,
    r51_r92_a_refusal_has_one_of_the_grounds_and_a_sheet_in_the_persons_language,
    d_o_whoever_does_not_go_on_withdraws,
    an_application_is_its_places_alone_and_any_member_goes_on_with_it,
    r35_r82_another_number_wants_a_consent_of_its_own,
    r89_an_identification_is_revoked_with_document_and_photo,
    r44_r64_an_account_that_is_opened_gets_a_temporary_password_after_the_code_and_only_then,
    r107_r120_a_lost_password_is_recovered_at_every_kind_of_place_and_staff_never_sees_it,
);
alone_on_both_backends!(
    r44_a_first_password_may_be_set_by_a_link_once,
    pages_answer_while_registers_do_not,
    a_code_is_entered_with_a_passkey_that_was_used_just_before,
);

/// A photo, as far as anybody looks at it here.
pub(super) const PHOTO: &[u8] = b"\xff\xd8\xff\xe0 a face that nobody has: as long as the smallest photo is that anybody takes for one, which \
    is a hundred and twenty-eight bytes and a few more \xff\xd9";
/// A template of a fingerprint that is the person's, and one that is not.
pub(super) const OWN: &[u8] = b"FMR\0 template of a fingerprint.";
const OTHERS: &[u8] = b"FMR\0 template of a fingerprint N";

impl World {
    /// Somebody whom the registers know and who is not enrolled, with a number of their own in that state.
    pub(crate) async fn applicant(&self, state: &str) -> Person {
        let person = self.somebody(Kind::Unknown);
        self.is_registered(&person, state, None).await;
        person
    }

    /// Makes the registers know somebody, with a number of their own in that state, as alive or dead.
    pub(super) async fn is_registered(&self, person: &Person, state: &str, died: Option<&str>) {
        self.sandbox
            .knows(&json!({ "person": [{
                "pinfl": person.pinfl, "latin": ["VALIYEV", "ALI", "KARIMOVICH"], "died": died,
                "cyrillic": ["ВАЛИЕВ", "АЛИ", "КАРИМОВИЧ"], "english": ["VALIYEV", "ALI"],
                "birth_date": "1990-01-01", "sex": 1, "photo": "/9j/4AAQSkZJRgABAgMEBQYHCP/Z",
                "documents": [{
                    "kind": "IDMS_RECV_MVD_IDCARD_CITIZEN", "number": "AD1234567", "issuer": "ТОШКЕНТ",
                    "from": "2022-03-01", "until": "2032-02-29",
                }],
                "numbers": [{ "msisdn": person.number, "state": state }],
            }] }))
            .await;
    }

    /// Pays an invoice at the sandbox's billing, which tells the provider.
    async fn pay(&self, number: &str) {
        self.pays_with(number, &[("notice", "once")]).await;
    }

    /// Pays an invoice at the sandbox's billing, in a way of its own.
    pub(super) async fn pays_with(&self, number: &str, how: &[(&str, &str)]) {
        let url = format!("{}/invoices/{number}/pay", self.sandbox.base);
        let paid = http::client().post(url).form(how).send().await.expect("the sandbox");
        assert!(paid.status().is_success(), "{}", paid.text().await.unwrap_or_default());
    }

    /// The code of an identification that arrives next on a phone.
    pub(super) async fn told_code(&self, person: &Person) -> String {
        let message = self.sandbox.next_message(person).await;
        let text = message["text"].as_str().expect("a text");
        let digits = text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6);
        digits.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
    }
}

impl Member {
    /// Opens an application by the form; the page of the warning.
    pub(super) async fn opens(&mut self, number: &str, pinfl: &str) -> Page {
        let page = self.at("/desk/applications/new").await;
        let page = self.browser.press(&page, "continue", &form(number, pinfl)).await.page();
        page.expect_status(200).expect("warning")
    }

    /// Notes what the person agreed to; the page of photo and fingerprint.
    pub(super) async fn agrees(&mut self, page: &Page) -> Page {
        let ticks = [("original", TICKED), ("sms_charge", TICKED), ("responsibility", TICKED)];
        self.browser.press(page, "continue", &ticks).await.page().expect_status(200).expect("biometrics")
    }

    /// Gives photo and fingerprint; the page with what came of it.
    pub(super) async fn gives(&mut self, page: &Page, fingerprint: &[u8]) -> Page {
        let ticks = [("biometrics", TICKED)];
        let files = [("photo", PHOTO), ("fingerprint", fingerprint)];
        let page = self.browser.upload(page, "continue", &ticks, &files).await.page().expect_status(200);
        self.until_gone(page, "running").await
    }

    /// Opens a page again, as it does by itself, until it is as wanted.
    pub(super) async fn until(&mut self, page: Page, wanted: impl Fn(&Page) -> bool) -> Page {
        let mut page = page;
        for _ in 0..900 {
            if wanted(&page) {
                return page;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            page = self.browser.get(&page.url.clone()).await.page().expect_status(200);
        }
        panic!("it stays as it is: {page}");
    }

    /// Opens a page again until something is not on it any more.
    pub(super) async fn until_gone(&mut self, page: Page, id: &str) -> Page {
        let waits = page.has(id);
        assert!(!waits || page.body.contains("http-equiv=\"refresh\""), "it asks again by itself: {page}");
        self.until(page, |page| !page.has(id)).await
    }

    /// Opens a page again until something is on it.
    pub(super) async fn until_there(&mut self, page: &Page, id: &str) -> Page {
        self.until(page.clone(), |page| page.has(id)).await
    }

    /// All up to what registers say of it.
    pub(super) async fn applies(&mut self, number: &str, pinfl: &str) -> Page {
        let page = self.opens(number, pinfl).await;
        let page = self.agrees(&page).await;
        let page = self.gives(&page, OWN).await;
        let page = self.browser.press(&page, "continue", &[]).await.page().expect_status(200);
        self.until_gone(page, "running").await
    }

    /// From what registers said to the right code; the page after it.
    pub(super) async fn completes(
        &mut self,
        world: &World,
        page: &Page,
        person: &Person,
        ticks: &[(&str, &str)],
    ) -> Page {
        let page = self.browser.press(page, "send", ticks).await.page().expect_status(200);
        let code = world.told_code(person).await;
        self.prove().await;
        let page = self.browser.get(&page.url).await.page().expect("code");
        self.browser.press(&page, "continue", &[("code", &code)]).await.page().expect_status(200)
    }

    /// Identifies somebody to the end.
    pub(super) async fn identifies(&mut self, world: &World, person: &Person) {
        let page = self.applies(&person.number, &person.pinfl).await.expect("clear");
        let page = self.completes(world, &page, person, &[]).await;
        let page = self.pays(world, page).await;
        self.until_there(&page, "end").await;
        world.sandbox.next_message(person).await;
    }

    /// Pays the invoice that the page names.
    pub(super) async fn pays(&mut self, world: &World, page: Page) -> Page {
        let page = self.until_gone(page.expect("awaiting"), "unregistered").await;
        world.pay(&self.invoice(&page).await).await;
        page
    }

    /// The number of the invoice that a page leads to.
    pub(super) async fn invoice(&mut self, page: &Page) -> String {
        let paper = self.browser.get(&page.link("invoice")).await.page().expect_status(200).expect("paper");
        paper.text().split_whitespace().find(|word| word.starts_with("MID")).expect("it").to_owned()
    }
}

async fn r10_r43_a_person_is_identified_step_by_step_pays_and_signs_in(world: &World) {
    let place = world.open_place("service_centre");
    let (mut member, person) = (world.staff(&place, "operator").await, world.applicant("active").await);
    let page = member.applies(&person.number, &person.pinfl).await.expect("clear");
    assert!(page.text().contains("Code") || page.has("send"), "{page}");
    let page = member.browser.press(&page, "send", &[]).await.page().expect_status(200);
    let code = world.told_code(&person).await;
    member.prove().await;
    let page = member.browser.get(&page.url).await.page().expect("code");
    // A wrong code is told at its field and binds nothing; an empty one as well.
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for left in ["4 tries", "3 tries", "2 tries", "1 try"] {
        let answered = member.browser.press(&page, "continue", &[("code", wrong)]).await.page();
        let answered = answered.expect_status(422).expect("code-error");
        assert!(answered.text().contains(&format!("You have {left} left")), "{answered}");
    }
    // Where no code can be right any more there is no field, and a new one is the main action.
    for entered in [wrong, &code] {
        let over = member.browser.press(&page, "continue", &[("code", entered)]).await.page();
        let over = over.expect_status(422).expect("resend");
        assert!(!over.has("continue") && !over.has("code"), "{over}");
    }
    let page = member.browser.press(&page, "resend", &[]).await.page().expect("code");
    let code = world.told_code(&person).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    member.browser.press(&page, "continue", &[("code", wrong)]).await.page().expect("code-error");
    member
        .browser
        .press(&page, "continue", &[("code", "")])
        .await
        .page()
        .expect_status(422)
        .expect("code-error");
    let page = member.browser.press(&page, "continue", &[("code", &code)]).await.page().expect_status(200);
    let page = page.expect("awaiting");
    // Two percent of the value of the day, in the person's language on the paper.
    let page = member.until_gone(page, "unregistered").await;
    let paper = member.browser.get(&page.link("invoice")).await.page().expect("paper");
    assert!(paper.text().contains("2 percent") && paper.text().contains("The centre"), "{paper}");
    let page = member.pays(world, page).await;
    let done = member.until_there(&page, "end").await;
    assert!(done.text().contains("can sign in at once"), "{done}");
    world.sandbox.next_message(&person).await;
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &person).await);
    // The list has it, and what was done is on record under its reference.
    let list = member.at("/desk").await;
    assert!(list.text().contains("Valiyev"), "{list}");
    let actions = world.command(&["staff", "actions", "--place", &place]);
    for what in ["opened", "evidence_given", "code_sent", "completed", "printed"] {
        assert!(actions.contains(what), "{what} in {actions}");
    }
    assert!(!actions.contains(&person.number) && !actions.contains(&person.pinfl), "{actions}");
}

async fn r31_r74_nothing_goes_on_without_the_original_and_the_consents(world: &World) {
    let mut member = world.staff(&world.open_place("notary_office"), "operator").await;
    let person = world.applicant("active").await;
    let page = member.opens(&person.number, &person.pinfl).await;
    for missing in ["original", "sms_charge", "responsibility"] {
        let ticks = ["original", "sms_charge", "responsibility"].map(|name| (name, TICKED));
        let ticks: Vec<_> = ticks.into_iter().filter(|(name, _)| *name != missing).collect();
        let answered = member.browser.press(&page, "continue", &ticks).await.page().expect_status(422);
        assert!(answered.has(&format!("{missing}-error")), "{answered}");
    }
    let page = member.agrees(&page).await;
    // The file is missing, is no photo, or the consent to biometrics is.
    let files = [("photo", PHOTO), ("fingerprint", OWN)];
    let answered = member.browser.upload(&page, "continue", &[], &files).await.page().expect_status(422);
    assert!(answered.has("biometrics-error"), "{answered}");
    let ticked = [("biometrics", TICKED)];
    let files = [("photo", &b"GIF89a no photo"[..]), ("fingerprint", &[])];
    let answered = member.browser.upload(&page, "continue", &ticked, &files).await.page().expect_status(422);
    assert!(answered.has("photo-error") && answered.has("fingerprint-error"), "{answered}");
    // What was agreed to travels with a proof: made up, it leads back to the warning.
    let address = page.url.as_str();
    let forged = address.split("&agreed=").next().expect("an address").to_owned() + "&agreed=1.2.3.x";
    member.browser.get(&forged.parse().expect("a URL")).await.page().expect("warning");
}

async fn r33_r49_photo_and_fingerprint_are_both_taken_and_must_match(world: &World) {
    let mut member = world.staff(&world.open_place("service_centre"), "operator").await;
    let person = world.applicant("active").await;
    let page = member.opens(&person.number, &person.pinfl).await;
    let page = member.agrees(&page).await;
    let page = member.gives(&page, OTHERS).await.expect("mismatch");
    assert!(page.links().iter().any(|link| link.href.ends_with("refuse?ground=5")), "{page}");
    let again = member.browser.get(&page.link("again")).await.page().expect("biometrics");
    let page = member.gives(&again, OWN).await;
    assert!(!page.has("mismatch") && page.has("continue"), "{page}");
}

async fn r51_r92_a_refusal_has_one_of_the_grounds_and_a_sheet_in_the_persons_language(world: &World) {
    let mut member = world.staff(&world.open_place("service_centre"), "operator").await;
    let person = world.applicant("active").await;
    let page = member.at("/desk/applications/new").await;
    let mut entries = form(&person.number, &person.pinfl);
    entries.iter_mut().filter(|(name, _)| *name == "language").for_each(|(_, value)| *value = "ru");
    let page = member.browser.press(&page, "continue", &entries).await.page().expect("warning");
    assert_eq!(page.attribute("#warning", "lang"), "ru");
    let page = member.browser.get(&page.link("refuse")).await.page().expect_status(200).expect("ground-4");
    // Non-payment is found by the system, and nothing else is on the list.
    for other in ["2", "7", ""] {
        let mut fields = page.form("refuse-now").fields("refuse-now", &[("ground", "1")]);
        fields.iter_mut().filter(|(name, _)| name == "ground").for_each(|(_, value)| other.clone_into(value));
        let url = page.url.join(&page.form("refuse-now").action).expect("a URL");
        member.browser.post(&url, &fields).await.page().expect_status(422).expect("error");
    }
    let page = member.browser.press(&page, "refuse-now", &[("ground", "4")]).await.page().expect("end");
    let sheet = member.browser.get(&page.link("sheet")).await.page().expect_status(200).expect("paper");
    for words in ["Лист об отказе", "18(4)", "обжаловать"] {
        assert!(sheet.text().contains(words), "{words}: {sheet}");
    }
    assert!(!sheet.text().contains(&person.number[3..]), "{sheet}");
    // The complaint begins with the reference of the sheet.
    let complaint = member.browser.get(&page.link("complain")).await.page();
    let reference = complaint.attribute("#of", "value");
    assert!(sheet.text().contains(&reference) && reference.len() == 9, "{reference}");
    // It is over: nothing follows but another application, at once (R52).
    member.opens(&person.number, &person.pinfl).await;
}

async fn d_o_whoever_does_not_go_on_withdraws(world: &World) {
    let mut member = world.staff(&world.open_place("service_centre"), "operator").await;
    let person = world.applicant("active").await;
    let page = member.opens(&person.number, &person.pinfl).await;
    let end = member.browser.press(&page, "withdraw", &[]).await.page().expect_status(200).expect("end");
    assert!(end.text().contains("no refusal") && !end.has("sheet"), "{end}");
    let again = member.browser.press(&page, "withdraw", &[]).await.page().expect("said").expect("end");
    assert!(again.text().contains("somebody else was quicker"), "{again}");
}

async fn an_application_is_its_places_alone_and_any_member_goes_on_with_it(world: &World) {
    let place = world.open_place("service_centre");
    let mut member = world.staff(&place, "operator").await;
    let person = world.applicant("active").await;
    let page = member.opens(&person.number, &person.pinfl).await;
    let path = page.url.path().to_owned();
    let mut elsewhere = world.staff(&world.open_place("service_centre"), "supervisor").await;
    for path in [path.clone(), format!("{path}/refuse"), format!("{path}/invoice"), format!("{path}/sheet")] {
        elsewhere.browser.open(&path).await.page().expect_status(404);
    }
    assert!(elsewhere.at("/desk").await.has("empty"));
    // A colleague finds it by its reference and goes on; that they read it is recorded once.
    let mut colleague = world.staff(&place, "operator").await;
    let list = colleague.at("/desk").await;
    let text = page.text();
    let reference = text.split_whitespace().find(|word| word.len() == 9 && word.as_bytes()[4] == b'-');
    let reference = reference.expect("a reference").to_owned();
    let found = format!("/desk/find?reference={}", reference.to_lowercase());
    let page = colleague.at(&found).await.expect("warning");
    colleague.browser.get(&page.url).await.page().expect("warning");
    let actions = world.command(&["staff", "actions", "--place", &place]);
    let read = actions.lines().filter(|line| line.contains(&colleague.id) && line.contains(" read "));
    assert_eq!(read.filter(|line| line.contains(&reference)).count(), 1, "{actions}");
    assert!(list.has("reference"));
    colleague.at("/desk/find?reference=ABCD-EFGH").await.expect("unknown");
    // A relative of the person does not.
    let relative =
        world.add_staff(&place, "operator", &world.somebody(Kind::Unknown).pinfl, Some(&person.pinfl));
    let mut relative = world.with_passkey(relative).await;
    relative.browser.open(&path).await.page().expect_status(404);
}

async fn r35_r82_another_number_wants_a_consent_of_its_own(world: &World) {
    let mut member = world.staff(&world.open_place("service_centre"), "operator").await;
    let person = world.applicant("active").await;
    member.identifies(world, &person).await;
    let mut signed_in = world.browser();
    code_of(&signed_in.sign_in(world, &Asked::by(SHOP), &person).await);
    // The same person with another number, which is in another's name: no obstacle at a place (R30).
    let other = world.applicant("active").await;
    let page = member.applies(&other.number, &person.pinfl).await.expect("clear");
    let refused = member.browser.press(&page, "send", &[]).await.page().expect_status(422);
    assert!(refused.has("other_number-error"), "{refused}");
    let page = member.completes(world, &page, &other, &[("other_number", TICKED)]).await;
    let page = member.pays(world, page).await;
    member.until_there(&page, "end").await;
    world.sandbox.next_message(&other).await;
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &other).await);
    let silent = signed_in.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    assert_eq!(param(&silent, "error").as_deref(), Some("login_required"));
}

async fn r89_an_identification_is_revoked_with_document_and_photo(world: &World) {
    let mut member = world.staff(&world.open_place("notary_office"), "operator").await;
    let person = world.person();
    let mut browser = world.browser();
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &person).await);
    let page = member.proved_at("/desk/revoke").await.expect("revoke-now");
    let typed = [("pinfl", person.pinfl.as_str()), ("document_number", "AD7654321"), ("original", TICKED)];
    let photo = [("photo", PHOTO)];
    let nothing = member.browser.upload(&page, "revoke-now", &[], &[("photo", &[])]).await.page();
    let nothing = nothing.expect_status(422);
    for field in ["pinfl", "document_number", "original", "photo"] {
        assert!(nothing.has(&format!("{field}-error")), "{field}: {nothing}");
    }
    // A document that is not the one on file is no obstacle once it was checked.
    let asked = member.browser.upload(&page, "revoke-now", &typed, &photo).await.page().expect_status(422);
    let asked = asked.expect("other_document");
    let all = [&typed[..], &[("other_document", TICKED)]].concat();
    member
        .browser
        .upload(&asked, "revoke-now", &all, &photo)
        .await
        .page()
        .expect_status(200)
        .expect("revoked");
    let silent = browser.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    assert_eq!(param(&silent, "error").as_deref(), Some("login_required"));
    // There is nothing more to revoke.
    let again = member.browser.upload(&asked, "revoke-now", &all, &photo).await.page().expect_status(422);
    assert!(again.has("pinfl-error"), "{again}");
}

async fn pages_answer_while_registers_do_not(setup: Setup) {
    let world = setup.start().await;
    let mut member = world.staff(&world.open_place("service_centre"), "operator").await;
    let frozen = world.applicant("frozen").await;
    // All are so slow that whoever waited for them would not have answered by now.
    world.sandbox.registers(&[("all.delay_ms", "4000")]).await;
    let page = member.opens(&frozen.number, &frozen.pinfl).await;
    let page = member.agrees(&page).await;
    let files = [("photo", PHOTO), ("fingerprint", OWN)];
    let page = member.browser.upload(&page, "continue", &[("biometrics", TICKED)], &files).await.page();
    let page = page.expect_status(200).expect("running");
    world.sandbox.registers(&[("reset", "1")]).await;
    let page = member.until_gone(page, "running").await;
    // Obstacles are told with the ground that fits them.
    let page = if page.has("again") || page.has("failed") { member.gives(&page, OWN).await } else { page };
    let page = member.browser.press(&page, "continue", &[]).await.page().expect_status(200);
    let page = member.until_gone(page, "running").await;
    let page = if page.has("failed") {
        let page = member.browser.press(&page, "again", &[]).await.page();
        member.until_gone(page, "running").await
    } else {
        page
    };
    let page = page.expect("obstacles");
    assert!(page.text().contains("frozen") && page.link("refuse").as_str().ends_with("?ground=3"), "{page}");
    // One that fails is named, and the application stays.
    let person = world.applicant("active").await;
    world.sandbox.registers(&[("operators.fail", "1")]).await;
    let page = member.applies(&person.number, &person.pinfl).await.expect("failed");
    world.sandbox.registers(&[("reset", "1")]).await;
    world.advance(120).await;
    member.prove().await;
    let page = member.browser.press(&page, "again", &[]).await.page();
    member.until_gone(page, "running").await.expect("clear");
}

async fn a_code_is_entered_with_a_passkey_that_was_used_just_before(setup: Setup) {
    let world = setup.start().await;
    let mut member = world.staff(&world.open_place("notary_office"), "operator").await;
    let person = world.applicant("active").await;
    let page = member.applies(&person.number, &person.pinfl).await.expect("clear");
    let page = member.browser.press(&page, "send", &[]).await.page().expect("code");
    let code = world.told_code(&person).await;
    world.advance(121).await;
    // What was on the screen leads to the passkey, and nothing was tried.
    let asked =
        member.browser.press(&page, "continue", &[("code", &code)]).await.page().expect("use-passkey");
    let back = member.key.answer(&mut member.browser, &asked).await.page().expect("code");
    // R38, R39: after a quarter of an hour a new code is sent, which is no refusal.
    world.advance(780).await;
    member.sign_in().await;
    let page = member.browser.get(&back.url).await.page().expect("expired");
    let page = member.browser.press(&page, "resend", &[]).await.page().expect("said");
    let newer = world.told_code(&person).await;
    let page = if page.has("prove") {
        let asked = member.browser.get(&page.link("prove")).await.page();
        member.key.answer(&mut member.browser, &asked).await.page()
    } else {
        page
    };
    let page = member.browser.press(&page, "continue", &[("code", &newer)]).await.page();
    page.expect_status(200).expect("awaiting");
}

/// The temporary password in a message.
pub(super) fn temporary_in(text: &str) -> String {
    let is = |word: &&str| word.len() == 14 && word.split('-').all(|group| group.len() == 4);
    text.split_whitespace().find(is).unwrap_or_else(|| panic!("none in {text}")).to_owned()
}

/// Signs in by a temporary password and sets one.
pub(super) async fn first_password(world: &World, login: &str, temporary: &str, password: &str) {
    let mut browser = world.browser();
    let page = browser.at_password(world, &Asked::by(SHOP)).await;
    let page = browser.enter_password(&page, login, temporary).await.page().expect_status(200).expect("new");
    assert_eq!(page.url.path(), "/sign-in/new-password");
    // Nothing else can be done before: whatever else is opened leads back.
    let back = browser.get(&page.url).await.page().expect("new");
    let refused = browser.press(&back, "continue", &[("new", "qisqa"), ("repeat", "qisqa")]).await.page();
    refused.expect_status(422).expect("error");
    let typed = [("new", password), ("repeat", password)];
    // Who let this service have their data before is not asked again.
    if let Step::Page(page) = browser.press(&back, "continue", &typed).await {
        page.expect("allow");
    }
}

async fn r44_r64_an_account_that_is_opened_gets_a_temporary_password_after_the_code_and_only_then(
    world: &World,
) {
    let (mut member, person) =
        (world.staff(&world.open_place("service_centre"), "operator").await, world.applicant("active").await);
    let page = member.applies(&person.number, &person.pinfl).await.expect("clear");
    let page = member.completes(world, &page, &person, &[]).await;
    // The code was confirmed and the fee is due: there is no account, and nothing was sent.
    let stored = "SELECT COUNT(*) AS n FROM passwords w JOIN persons p ON p.person_id = w.person_id \
                  WHERE w.set_by = 'enrolment' AND p.pinfl_index = $1";
    assert_eq!(world.stored_for(stored, "nobody").await, 0);
    let messages = world.sandbox.messages(&person).await;
    assert!(messages.iter().all(|message| !message["text"].to_string().contains("password")), "{messages:?}");
    let page = member.pays(world, page).await;
    member.until_there(&page, "end").await;
    let message = world.sandbox.next_message(&person).await;
    let text = message["text"].as_str().expect("a text");
    assert!(text.contains("Login: your PINFL") && !text.contains(&person.pinfl), "{text}");
    let temporary = temporary_in(text);
    first_password(world, &person.pinfl, &temporary, crate::password::FIRST).await;
    // It was used; the one that was set is the password now.
    let mut browser = world.browser();
    let page = browser.at_password(world, &Asked::by(SHOP)).await;
    browser.enter_password(&page, &person.pinfl, &temporary).await.page().expect_status(422);
    assert!(crate::password::is_right(world, &person.pinfl, crate::password::FIRST).await);
    // Whoever had an account before keeps what they sign in with, and gets no password.
    let other = world.applicant("active").await;
    let page = member.applies(&other.number, &person.pinfl).await.expect("clear");
    let page = member.completes(world, &page, &other, &[("other_number", TICKED)]).await;
    let page = member.pays(world, page).await;
    member.until_there(&page, "end").await;
    let message = world.sandbox.next_message(&other).await;
    assert!(!message["text"].to_string().contains("assword"), "{message}");
}

async fn r107_r120_a_lost_password_is_recovered_at_every_kind_of_place_and_staff_never_sees_it(
    world: &World,
) {
    for kind in ["post_office", "notary_office"] {
        let place = world.open_place(kind);
        let mut member = world.staff(&place, "operator").await;
        let (mut owner, person) = (world.browser(), world.person());
        owner.set_password(world, &person, crate::password::FIRST).await.expect("said");
        let sid = session_at_shop(world, &person).await;
        let page = member.proved_at("/desk/recover").await.expect("recover-now");
        let typed = [
            ("pinfl", person.pinfl.as_str()),
            ("document_number", "AA1234567"),
            ("original", TICKED),
            ("agree", TICKED),
        ];
        // Without the original, or a photo, nothing is done.
        let without = [typed[0], typed[1], typed[3]];
        let files = [("photo", PHOTO)];
        let refused = member.browser.upload(&page, "recover-now", &without, &files).await.page();
        refused.expect_status(422).expect("original-error");
        let page = member.browser.upload(&page, "recover-now", &typed, &files).await.page();
        // Another document than the one on file is checked once more.
        let page = if page.has("other_document") {
            let again = [&typed[..], &[("other_document", TICKED)]].concat();
            member.browser.upload(&page, "recover-now", &again, &files).await.page()
        } else {
            page
        };
        // The Centre compares the face; where it has no photo, the member does.
        let page = member.until_gone(page.expect_status(200), "running").await.expect("ready");
        let seen: &[(&str, &str)] = if page.has("face") { &[("face", TICKED)] } else { &[] };
        let done = member.browser.press(&page, "finish", seen).await.page();
        let done = done.expect_status(200).expect("recovered");
        // One message has the password, and another one the link that stops it.
        let mut told = Vec::new();
        for _ in 0..2 {
            let message = world.sandbox.next_message(&person).await;
            told.push(message["text"].as_str().expect("a text").to_owned());
        }
        told.sort_by_key(|text| text.contains("/recover/stop/"));
        let temporary = temporary_in(&told[0]);
        assert!(!done.body.contains(&temporary) && !done.body.contains("/recover/stop/"));
        // Everything that rested on the lost one has ended, and services are told.
        owner.open("/cabinet").await.page().expect("phone");
        world.told_of_the_end(crate::support::client_file::SHOP, &sid).await;
        first_password(world, &person.pinfl, &temporary, crate::password::SECOND).await;
        let actions = world.command(&["staff", "actions", "--place", &place]);
        assert!(actions.contains("recovered") && !actions.contains(&person.pinfl), "{actions}");
        let notices = owner.enter_cabinet(world, "/cabinet/notices", &person).await;
        assert!(notices.text().contains("recovered at a place of service"), "{notices}");
        owner.cabinet("/cabinet/means").await.expect("recovery");
        let sid = session_at_shop(world, &person).await;
        // Whoever has the number as it was before stops what was not their doing.
        let link = told[1].split_whitespace().find(|word| word.contains("/recover/stop/")).expect("a link");
        let link: url::Url = link.parse().expect("a URL");
        let mut phone = world.browser();
        let page = phone.open(link.path()).await.page().expect_status(200).expect("stop");
        phone.press(&page, "stop", &[]).await.page().expect_status(200).expect("stopped");
        assert!(!crate::password::is_right(world, &person.pinfl, crate::password::SECOND).await);
        owner.open("/cabinet").await.page().expect("phone");
        world.told_of_the_end(crate::support::client_file::SHOP, &sid).await;
    }
    // Who has no account is told so, and nothing is sent.
    let mut member = world.staff(&world.open_place("post_office"), "operator").await;
    let page = member.proved_at("/desk/recover").await;
    let nobody = world.somebody(Kind::Unknown);
    let typed = [
        ("pinfl", nobody.pinfl.as_str()),
        ("document_number", "AA1234567"),
        ("original", TICKED),
        ("agree", TICKED),
    ];
    let refused = member.browser.upload(&page, "recover-now", &typed, &[("photo", PHOTO)]).await.page();
    refused.expect_status(422).expect("pinfl-error");
    world.sandbox.nothing_came(&nobody).await;
}

/// By which name a shop knows a session of somebody who went there.
async fn session_at_shop(world: &World, person: &Person) -> serde_json::Value {
    let shop = crate::support::client_file::SHOP;
    let code = code_of(&world.browser().sign_in(world, &Asked::by(shop), person).await);
    let tokens = world.redeem(shop, &code).await.granted();
    crate::support::jwt::read(tokens.get("id_token")).claims["sid"].clone()
}

async fn r44_a_first_password_may_be_set_by_a_link_once(setup: Setup) {
    let world = setup.set("accounts.initial_credentials", "setup_link").start().await;
    let (mut member, person) =
        (world.staff(&world.open_place("service_centre"), "operator").await, world.applicant("active").await);
    let page = member.applies(&person.number, &person.pinfl).await.expect("clear");
    let page = member.completes(&world, &page, &person, &[]).await;
    let page = member.pays(&world, page).await;
    member.until_there(&page, "end").await;
    let message = world.sandbox.next_message(&person).await;
    let text = message["text"].as_str().expect("a text").to_owned();
    let link = text.split_whitespace().find(|word| word.contains("/password/")).expect(&text);
    let link: url::Url = link.parse().expect("a URL");
    let mut browser = world.browser();
    let page = browser.open(link.path()).await.page().expect_status(200).expect("new");
    let typed = [("new", crate::password::FIRST), ("repeat", crate::password::FIRST)];
    let refused = browser.press(&page, "continue", &[("new", "qisqa"), ("repeat", "qisqa")]).await.page();
    refused.expect_status(422).expect("error");
    browser.press(&page, "continue", &typed).await.page().expect_status(200).expect("done");
    browser.press(&page, "continue", &typed).await.page().expect_status(410).expect("gone");
    browser.open("/password/of-somebody-else").await.page().expect_status(410);
    assert!(crate::password::is_right(&world, &person.pinfl, crate::password::FIRST).await);
    // One that is not used in its time is over.
    let other = world.applicant("active").await;
    let page = member.applies(&other.number, &other.pinfl).await.expect("clear");
    let page = member.completes(&world, &page, &other, &[]).await;
    let page = member.pays(&world, page).await;
    member.until_there(&page, "end").await;
    let message = world.sandbox.next_message(&other).await;
    let text = message["text"].as_str().expect("a text").to_owned();
    let link: url::Url = text
        .split_whitespace()
        .find(|word| word.contains("/password/"))
        .expect(&text)
        .parse()
        .expect("a URL");
    world.advance(86_400).await;
    browser.open(link.path()).await.page().expect_status(410).expect("gone");
}
