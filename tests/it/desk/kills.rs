//! The process is killed between any two steps of an identification at the desk, and in the midst of those that change something: it
//! goes on where it was, or is withdrawn, and whatever is done is done once.

use std::time::Duration;

use serde_json::Value;

use super::enrolment::{OWN, PHOTO};
use super::{Member, form};
use crate::support::client_file::SHOP;
use crate::support::html::TICKED;
use crate::support::sandbox::code_in;
use crate::support::wait::until;
use crate::support::{Asked, Page, Person, Setup, World, alone_on_both_backends, code_of, http};

alone_on_both_backends!(
    a_kill_after_any_step_leaves_a_walk_that_goes_on,
    a_kill_after_any_step_leaves_a_walk_that_can_be_withdrawn,
    a_kill_amid_a_step_does_it_once_or_not_at_all,
);

/// Seconds after which what a process had asked registers is known to be lost.
const LOST: i64 = 150;

/// After what the process is killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum After {
    /// Document and questionnaire.
    Form,
    /// The warning, of which nothing is stored before photo and fingerprint are.
    Warning,
    /// Photo and fingerprint were sent to be compared.
    Sent,
    /// They were compared.
    Compared,
    /// The comparison is stored: registers are being asked.
    Evidence,
    /// Registers have answered.
    Asked,
    /// Data went to Mobile-ID and a code to the number.
    Code,
    /// A wrong code was entered.
    Wrong,
    /// The right code was entered: there is an invoice.
    Entered,
    /// Billing knows the invoice.
    Known,
    /// It was paid, and nobody said so.
    Paid,
    /// The number is bound.
    Done,
}

const ALL: [After; 12] = [
    After::Form,
    After::Warning,
    After::Sent,
    After::Compared,
    After::Evidence,
    After::Asked,
    After::Code,
    After::Wrong,
    After::Entered,
    After::Known,
    After::Paid,
    After::Done,
];

/// Somebody's application at a desk.
struct Walk {
    person: Person,
    member: Member,
    /// The page of the application.
    path: String,
    paid: bool,
}

impl Walk {
    async fn begin(world: &World, member: Member) -> Self {
        let person = world.applicant("active").await;
        let mut walk = Self { person, member, path: String::new(), paid: false };
        let page = walk.member.opens(&walk.person.number, &walk.person.pinfl).await;
        walk.path = page.url.path().to_owned();
        walk
    }

    /// The page that is due, after a sign-in where the session is gone, and a proof.
    async fn due(&mut self) -> Page {
        let page = self.member.browser.open(&self.path).await.page();
        if !page.has("use-passkey") {
            return page.expect_status(200);
        }
        let key = &mut self.member.key;
        key.answer(&mut self.member.browser, &page).await.page().expect_status(200).expect("menu");
        self.member.browser.open(&self.path).await.page().expect_status(200)
    }

    /// The newest code that came to the phone.
    async fn newest_code(&self, world: &World) -> Option<String> {
        let messages = world.sandbox.messages(&self.person).await;
        let digits = |message: &Value| {
            let text = message["text"].as_str()?.to_owned();
            text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6).map(str::to_owned)
        };
        messages.iter().rev().find_map(digits)
    }

    /// Messages that say that the number is enrolled now.
    async fn told(&self, world: &World) -> usize {
        let messages = world.sandbox.messages(&self.person).await;
        messages.iter().filter(|message| message["text"].to_string().contains("PINFL")).count()
    }

    /// Does what the page asks for; the page after it.
    async fn step(&mut self, world: &World, page: Page) -> Page {
        let browser = &mut self.member.browser;
        if page.has("running") {
            return self.settles(world, page).await;
        }
        if page.has("sms_charge") {
            let ticks = [("original", TICKED), ("sms_charge", TICKED), ("responsibility", TICKED)];
            return browser.press(&page, "continue", &ticks).await.page().expect_status(200);
        }
        if page.has("fingerprint") {
            let files = [("photo", PHOTO), ("fingerprint", OWN)];
            let ticks = [("biometrics", TICKED)];
            return browser.upload(&page, "continue", &ticks, &files).await.page().expect_status(200);
        }
        if page.has("failed") {
            return browser.press(&page, "again", &[]).await.page();
        }
        if page.has("clear") {
            return browser.press(&page, "send", &[]).await.page().expect_status(200);
        }
        if page.has("code") || page.has("prove") {
            return self.enter(world).await;
        }
        if page.has("awaiting") {
            return self.pay(world, page).await;
        }
        browser.press(&page, "continue", &[]).await.page().expect_status(200)
    }

    /// Waits for registers. What a killed process had asked them is lost, which others know by the time.
    async fn settles(&mut self, world: &World, page: Page) -> Page {
        let mut page = page;
        for _ in 0..100 {
            if !page.has("running") {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            page = self.due_at(&page).await;
        }
        world.advance(LOST).await;
        self.due_at(&page).await
    }

    /// The same page again, with what its address says.
    async fn due_at(&mut self, page: &Page) -> Page {
        let again = self.member.browser.get(&page.url).await.page();
        if again.has("use-passkey") { self.due().await } else { again.expect_status(200) }
    }

    /// Enters the newest code; where none that came is right, a new one is sent.
    async fn enter(&mut self, world: &World) -> Page {
        self.member.prove().await;
        let page = self.due().await.expect("code");
        if let Some(code) = self.newest_code(world).await {
            let answered = self.member.browser.press(&page, "continue", &[("code", &code)]).await.page();
            if answered.status == 200 {
                return answered;
            }
        }
        // What a killed node had stored and not sent is sent by the next, or it is dropped: a new one replaces it.
        let before = world.sandbox.messages(&self.person).await.len();
        self.member.browser.press(&page, "resend", &[]).await.page().expect("said");
        until("a new code", async || {
            (world.sandbox.messages(&self.person).await.len() > before).then_some(())
        })
        .await;
        self.due().await
    }

    async fn pay(&mut self, world: &World, page: Page) -> Page {
        if page.has("unregistered") {
            // Billing is told once more by upkeep, which another process may have had the turn for.
            world.advance(400).await;
            let page = self.due().await;
            self.member.until_gone(page, "unregistered").await;
        }
        if !self.paid {
            let page = self.due().await;
            let number = self.member.invoice(&page).await;
            world.pays_with(&number, &[("notice", "none")]).await;
            self.paid = true;
        }
        // Nobody tells the provider of the payment: it finds out by itself.
        world.advance(400).await;
        let page = self.due().await;
        self.member.until_there(&page, "end").await
    }

    /// Goes on to a step.
    async fn up_to(&mut self, world: &World, after: After) {
        let mut page = self.due().await;
        if after == After::Form {
            return;
        }
        page = self.step(world, page).await;
        if after == After::Warning {
            return;
        }
        page = self.step(world, page).await;
        if after == After::Sent {
            return;
        }
        page = self.member.until_gone(page, "running").await;
        if after == After::Compared {
            return;
        }
        page = self.member.browser.press(&page, "continue", &[]).await.page().expect_status(200);
        if after == After::Evidence {
            return;
        }
        page = self.member.until_gone(page, "running").await.expect("clear");
        if after == After::Asked {
            return;
        }
        self.step(world, page).await.expect_status(200);
        if after == After::Code {
            return;
        }
        let code = world.told_code(&self.person).await;
        self.member.prove().await;
        page = self.due().await.expect("code");
        if after == After::Wrong {
            let wrong = if code == "000000" { "111111" } else { "000000" };
            let answered = self.member.browser.press(&page, "continue", &[("code", wrong)]).await.page();
            answered.expect_status(422);
            return;
        }
        page =
            self.member.browser.press(&page, "continue", &[("code", &code)]).await.page().expect("awaiting");
        if after == After::Entered {
            return;
        }
        page = self.member.until_gone(page, "unregistered").await;
        if after == After::Known {
            return;
        }
        let number = self.member.invoice(&page).await;
        let notice = if after == After::Paid { "none" } else { "twice" };
        world.pays_with(&number, &[("notice", notice)]).await;
        self.paid = true;
        if after == After::Done {
            self.due().await.expect("end");
        }
    }

    /// Goes on to the end, whatever page is due.
    async fn walks_to_the_end(&mut self, world: &World) {
        let mut page = self.due().await;
        for _ in 0..30 {
            if page.has("end") {
                return;
            }
            page = self.step(world, page).await;
        }
        panic!("it does not end: {page}");
    }

    /// One lawful outcome: enrolled once, paid once, told once.
    async fn is_enrolled_once(&mut self, world: &World, (what, told): (&str, bool)) {
        let page = self.due().await.expect("end");
        assert!(page.text().contains("can sign in at once"), "{what}: {page}");
        let reference = self.reference();
        assert_eq!(invoices(world, &reference).await, ["paid"], "{what}");
        let number = format!("MID{}", reference.replace('-', ""));
        let payments = "SELECT COUNT(*) FROM payments WHERE invoice_number = $1";
        assert_eq!(world.stored_for(payments, &number).await, 1, "{what}");
        let enrolled = "SELECT COUNT(*) FROM identifications i JOIN phone_numbers n ON n.person_id = i.person_id \
                        AND n.number_index = i.number_index WHERE i.invoice_number = $1 AND i.state = 'enrolled' \
                        AND n.status = 'enrolled'";
        assert_eq!(world.stored_for(enrolled, &number).await, 1, "{what}");
        // One that was on its way to the gateway when the process was killed is not sent again: it could arrive twice.
        if told {
            until("the message of completion", async || (self.told(world).await > 0).then_some(())).await;
        }
        self.signs_in(world).await;
        assert!(self.told(world).await <= 1, "{what}: told twice");
    }

    /// Signs in by a code that comes after all that came before.
    async fn signs_in(&self, world: &World) {
        let codes = async || {
            let messages = world.sandbox.messages(&self.person).await.into_iter();
            let texts = messages.map(|message| message["text"].as_str().expect("a text").to_owned());
            texts.filter(|text| text.contains("\n@")).collect::<Vec<_>>()
        };
        let before = codes().await.len();
        let mut browser = world.browser();
        let page = browser.begin_with_number(world, &Asked::by(SHOP), &self.person).await;
        let text = until("the code of the sign-in", async || codes().await.get(before).cloned()).await;
        let page = browser.enter_code(&page, &code_in(&text)).await.page().expect("allow");
        code_of(&browser.allow_everything(&page).await.away());
    }

    fn reference(&self) -> String {
        let id = self.path.rsplit('/').next().expect("an identifier");
        let id = yagona::mobile_id::IdentificationId::parse(id).expect("an identifier");
        id.reference().to_string()
    }

    /// Nothing is bound, and nobody was told that it is.
    async fn is_not_bound(&self, world: &World, what: &str) {
        let bound = "SELECT COUNT(*) FROM identifications i JOIN phone_numbers n ON n.number_index = i.number_index \
                     WHERE i.reference = $1 AND n.status = 'enrolled'";
        let reference = self.reference().replace('-', "");
        assert_eq!(world.stored_for(bound, &reference).await, 0, "{what}: bound without a fee");
        assert_eq!(self.told(world).await, 0, "{what}");
    }
}

/// The states of the invoices that the sandbox's billing has for an application.
async fn invoices(world: &World, reference: &str) -> Vec<String> {
    let all: Value = http::get(&format!("{}/invoices", world.sandbox.base))
        .await
        .expect("the sandbox")
        .json()
        .await
        .expect("JSON");
    let of = |one: &&Value| one["purpose"].as_str().is_some_and(|purpose| purpose.contains(reference));
    let all = all.as_array().expect("a list").iter().filter(of);
    all.map(|one| one["status"].as_str().expect("a state").to_owned()).collect()
}

async fn kill(world: &mut World) {
    world.nodes[0].running.kill();
    world.start_again().await;
}

async fn at_work(world: &World) -> Member {
    let place = world.open_place("service_centre");
    world.staff(&place, "operator").await
}

/// Many walks by one member would stop them.
fn generous(setup: Setup) -> Setup {
    setup.set("desk.completions_per_hour", 500).set("desk.look_ups_per_hour", 500)
}

async fn a_kill_after_any_step_leaves_a_walk_that_goes_on(setup: Setup) {
    let mut world = generous(setup).start().await;
    let mut member = at_work(&world).await;
    for after in ALL {
        let mut walk = Walk::begin(&world, member).await;
        walk.up_to(&world, after).await;
        kill(&mut world).await;
        let what = format!("killed after {after:?}");
        if after < After::Done {
            walk.is_not_bound(&world, &what).await;
        }
        walk.walks_to_the_end(&world).await;
        walk.is_enrolled_once(&world, (&what, after < After::Done)).await;
        member = walk.member;
    }
    let enrolled = "SELECT COUNT(*) FROM identifications WHERE state = 'enrolled'";
    assert_eq!(world.stored(enrolled).await, i64::try_from(ALL.len()).expect("few"));
}

async fn a_kill_after_any_step_leaves_a_walk_that_can_be_withdrawn(setup: Setup) {
    let mut world = generous(setup).start().await;
    let mut member = at_work(&world).await;
    for after in [After::Form, After::Sent, After::Evidence, After::Code, After::Entered, After::Known] {
        let mut walk = Walk::begin(&world, member).await;
        walk.up_to(&world, after).await;
        kill(&mut world).await;
        let what = format!("killed after {after:?}");
        let page = walk.due().await;
        let page = walk.member.browser.press(&page, "withdraw", &[]).await.page().expect_status(200);
        page.expect("end");
        kill(&mut world).await;
        walk.due().await.expect("end");
        walk.is_not_bound(&world, &what).await;
        // Whatever invoice there was is taken back, though the process that was to do so is dead.
        let reference = walk.reference();
        let open = "SELECT COUNT(*) FROM identifications WHERE state = 'withdrawn' AND invoice IS NOT NULL \
                    AND invoice_ended_at IS NULL";
        until("the invoice to be taken back", async || {
            world.advance(400).await;
            let states = invoices(&world, &reference).await;
            let taken_back = states.iter().all(|state| state == "cancelled");
            (taken_back && world.stored(open).await == 0).then_some(())
        })
        .await;
        walk.is_not_bound(&world, &what).await;
        walk.due().await.expect("end");
        member = walk.member;
        // Its number is free for whoever applies next.
        let page = member.at("/desk/applications/new").await;
        let typed = form(&walk.person.number, &walk.person.pinfl);
        member.browser.press(&page, "continue", &typed).await.page().expect_status(200).expect("warning");
    }
    assert_eq!(world.stored("SELECT COUNT(*) FROM identifications WHERE state = 'enrolled'").await, 0);
}

/// A request is on its way when the process is killed: at the sending of the code, at the entry of the right code, and at the notice of the
/// payment, which completes.
async fn a_kill_amid_a_step_does_it_once_or_not_at_all(setup: Setup) {
    let mut world = generous(setup).start().await;
    let mut member = at_work(&world).await;
    for delay in [1, 4, 8, 15] {
        for amid in [After::Asked, After::Code, After::Known] {
            let mut walk = Walk::begin(&world, member).await;
            walk.up_to(&world, amid).await;
            let request = match amid {
                After::Asked => {
                    let page = walk.due().await.expect("clear");
                    let form = page.form("send");
                    let url = page.url.join(&form.action).expect("a URL");
                    walk.member.browser.request(reqwest::Method::POST, &url).form(&form.fields("send", &[]))
                }
                After::Code => {
                    let code = world.told_code(&walk.person).await;
                    walk.member.prove().await;
                    let page = walk.due().await.expect("code");
                    let form = page.form("continue");
                    let url = page.url.join(&form.action).expect("a URL");
                    let fields = form.fields("continue", &[("code", &code)]);
                    walk.member.browser.request(reqwest::Method::POST, &url).form(&fields)
                }
                _ => {
                    let page = walk.due().await;
                    let number = walk.member.invoice(&page).await;
                    world.pays_with(&number, &[("notice", "none")]).await;
                    walk.paid = true;
                    let body = serde_json::json!({ "number": number });
                    http::client().post(world.url("/billing/notices")).json(&body)
                }
            };
            let request = request.header("Origin", "null").header("Sec-Fetch-Site", "same-origin");
            // Whether it is answered is what nobody knows.
            let under_way = tokio::spawn(request.send());
            tokio::time::sleep(Duration::from_millis(delay)).await;
            kill(&mut world).await;
            let _ = under_way.await;
            let what = format!("killed {delay} ms into what follows {amid:?}");
            walk.walks_to_the_end(&world).await;
            walk.is_enrolled_once(&world, (&what, amid < After::Known)).await;
            member = walk.member;
        }
    }
}
