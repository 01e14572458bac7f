//! Invoices that nobody is to pay any more, and payments that enrol nobody by themselves: what the page says, what billing is told, and how an
//! operator gives money back.

use serde_json::Value;

use super::{Member, reference_of};
use crate::support::client_file::SHOP;
use crate::support::html::TICKED;
use crate::support::wait::until;
use crate::support::{Asked, Page, Person, Setup, World, alone_on_both_backends, code_of, http};

alone_on_both_backends!(
    an_invoice_is_taken_back_when_the_person_does_not_go_on,
    a_payment_for_what_changed_since_enrols_once_the_person_agrees,
    a_payment_that_enrolled_nobody_is_given_back_and_enrols_nobody_afterwards,
    what_billing_answers_after_the_time_out_is_asked_again_and_done_once,
);

impl World {
    /// The state of an invoice at the sandbox's billing.
    async fn invoice_at_billing(&self, number: &str) -> String {
        let url = format!("{}/invoices", self.sandbox.base);
        let all: Value = http::get(&url).await.expect("the sandbox").json().await.expect("JSON");
        let all = all.as_array().expect("a list");
        let one = all.iter().find(|one| one["number"] == number).expect("an invoice");
        one["status"].as_str().expect("a state").to_owned()
    }

    /// What an operator is to give back.
    fn to_return(&self) -> Vec<Value> {
        let said = self.command(&["fees", "to-return", "--format", "json"]);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        said["payments"].as_array().expect("payments").clone()
    }
}

impl Member {
    /// An application that waits for its payment, which billing knows: its page, and the number of its invoice.
    async fn waits(&mut self, world: &World, person: &Person) -> (Page, String) {
        let page = self.applies(&person.number, &person.pinfl).await.expect("clear");
        let page = self.completes(world, &page, person, &[]).await.expect("awaiting");
        let page = self.until_gone(page, "unregistered").await;
        let number = self.invoice(&page).await;
        (page, number)
    }

    /// Opens a page again until it says something.
    async fn until_said(&mut self, page: &Page, what: &str) -> Page {
        self.until(page.clone(), |page| page.text().contains(what)).await
    }
}

async fn at_work(world: &World) -> Member {
    world.staff(&world.open_place("service_centre"), "operator").await
}

async fn an_invoice_is_taken_back_when_the_person_does_not_go_on(setup: Setup) {
    let world = setup.start().await;
    let mut member = at_work(&world).await;
    let person = world.applicant("active").await;
    let (page, number) = member.waits(&world, &person).await;
    let page = member.browser.press(&page, "withdraw", &[]).await.page().expect_status(200).expect("end");
    let page = member.until_said(&page, "was taken back and can no longer be paid").await;
    assert_eq!(world.invoice_at_billing(&number).await, "cancelled");
    world.pays_with(&number, &[("notice", "once")]).await;
    assert_eq!(world.invoice_at_billing(&number).await, "cancelled", "nobody can pay it any more");
    // What was on its way when it was taken back is not lost.
    assert!(world.to_return().is_empty());
    world.pays_with(&number, &[("notice", "twice"), ("late", "1")]).await;
    let page = member.until_said(&page, "were paid and connected nothing").await;
    let listed = world.to_return();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((&listed[0]["invoice"], &listed[0]["outcome"]), (&number.as_str().into(), &"too_late".into()));
    let payment = listed[0]["payment"].as_str().expect("a reference").to_owned();
    let reference = reference_of(&page);
    let shown = world.command(&["identifications", "show", &reference]);
    assert!(shown.contains("can no longer be paid") && shown.contains("to be given back"), "{shown}");
    world.command(&["fees", "returned", &payment]);
    assert!(world.to_return().is_empty());
    assert!(!world.try_command(&["fees", "returned", &payment]).status.success(), "it is noted once");
    assert!(!world.try_command(&["fees", "returned", "PAY-none"]).status.success());
    member.until_said(&page, "were paid and given back").await;
    let shown = world.command(&["identifications", "show", &reference]);
    assert!(shown.contains("given back") && !shown.contains("to be given back"), "{shown}");

    // It was paid just before, and nobody had said so.
    let person = world.applicant("active").await;
    let (page, number) = member.waits(&world, &person).await;
    world.pays_with(&number, &[("notice", "none")]).await;
    let page = member.browser.press(&page, "withdraw", &[]).await.page().expect_status(200).expect("end");
    member.until_said(&page, "were paid and connected nothing").await;
    assert_eq!(world.to_return().len(), 1);

    // Billing does not answer: the page does not wait for it, and it is told as soon as it does.
    let person = world.applicant("active").await;
    let (page, number) = member.waits(&world, &person).await;
    world.sandbox.registers(&[("billing.fail", "1")]).await;
    let page = member.browser.press(&page, "withdraw", &[]).await.page().expect_status(200).expect("end");
    assert!(page.text().contains("is being taken back"), "{page}");
    let shown = world.command(&["identifications", "show", &reference_of(&page)]);
    assert!(shown.contains("is being taken back"), "{shown}");
    world.sandbox.registers(&[("reset", "1")]).await;
    until("what billing says to be known", async || {
        world.advance(130).await;
        let ended =
            "SELECT COUNT(*) FROM identifications WHERE invoice_number = $1 AND invoice_ended_at IS NOT NULL";
        (world.stored_for(ended, &number).await == 1).then_some(())
    })
    .await;
    assert_eq!(world.invoice_at_billing(&number).await, "cancelled");
    let bound = "SELECT COUNT(*) FROM identifications WHERE state = 'enrolled'";
    assert_eq!(world.stored(bound).await, 0);
}

/// Somebody who has paid for a number that became another's in the meantime: the page, and the number of the invoice.
async fn overtaken(world: &World, member: &mut Member, person: &Person) -> (Page, String) {
    let (page, number) = member.waits(world, person).await;
    let mut elsewhere = world.staff(&world.open_place("notary_office"), "operator").await;
    let other = world.applicant("active").await;
    let theirs = elsewhere.applies(&person.number, &other.pinfl).await.expect("clear");
    let theirs = elsewhere.completes(world, &theirs, person, &[]).await;
    let theirs = elsewhere.pays(world, theirs).await;
    elsewhere.until_there(&theirs, "end").await;
    world.sandbox.next_message(person).await;
    world.pays_with(&number, &[("notice", "once")]).await;
    let page = member.until_there(&page, "changed").await;
    assert!(!page.body.contains("http-equiv=\"refresh\""), "what is ticked stays: {page}");
    (page, number)
}

async fn a_payment_for_what_changed_since_enrols_once_the_person_agrees(setup: Setup) {
    let world = setup.start().await;
    let mut member = at_work(&world).await;
    let person = world.applicant("active").await;
    let (page, number) = overtaken(&world, &mut member, &person).await;
    let outcome = "SELECT outcome FROM payments WHERE invoice_number = $1";
    assert_eq!(world.stored_text(outcome, &number).await, "unagreed");
    member.prove().await;
    let page = member.browser.get(&page.url).await.page().expect("changed");
    let refused = member.browser.press(&page, "agree", &[]).await.page().expect_status(422);
    refused.expect("other_cabinets-error");
    assert_eq!(world.stored_text(outcome, &number).await, "unagreed");
    let page = member.browser.press(&page, "agree", &[("other_cabinets", TICKED)]).await.page();
    page.expect_status(200).expect("end");
    assert_eq!(world.stored_text(outcome, &number).await, "applied");
    assert!(world.to_return().is_empty());
    let ends = "SELECT COUNT(*) FROM enrolment_ends WHERE ground = 'other_person'";
    assert_eq!(world.stored(ends).await, 1);
    world.sandbox.next_message(&person).await;
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &person).await);
    let fees = world.command(&["fees", "export", "--each", "--from", "2020-01-01", "--to", "2099-01-01"]);
    assert!(fees.lines().any(|line| line.contains(&number) && line.contains(",applied,")), "{fees}");
}

async fn a_payment_that_enrolled_nobody_is_given_back_and_enrols_nobody_afterwards(setup: Setup) {
    let world = setup.start().await;
    let mut member = at_work(&world).await;
    // An operator gives it back while the page waits for the person: it can no longer enrol.
    let person = world.applicant("active").await;
    let (page, _) = overtaken(&world, &mut member, &person).await;
    let payment = world.to_return()[0]["payment"].as_str().expect("a reference").to_owned();
    world.command(&["fees", "returned", &payment]);
    member.prove().await;
    let page = member.browser.press(&page, "agree", &[("other_cabinets", TICKED)]).await.page().expect("end");
    assert!(page.text().contains("were paid and given back"), "{page}");
    // The person does not agree.
    let person = world.applicant("active").await;
    let (page, _) = overtaken(&world, &mut member, &person).await;
    let page = member.browser.press(&page, "withdraw", &[]).await.page().expect_status(200).expect("end");
    assert!(page.text().contains("were paid and connected nothing"), "{page}");
    assert_eq!(world.to_return().len(), 1);
    // Nobody decides until the time is over: who paid is not refused for not paying.
    let person = world.applicant("active").await;
    let (_, number) = overtaken(&world, &mut member, &person).await;
    world.advance(3 * 86_400 + 400).await;
    let state = "SELECT state FROM identifications WHERE invoice_number = $1";
    until("the end", async || {
        let state = world.stored_text(state, &number).await;
        (state != "awaiting_payment").then(|| assert_eq!(state, "withdrawn"))
    })
    .await;
    assert_eq!(world.to_return().len(), 2);
    // Another sum than the invoice's is no fee either.
    member.comes_back().await;
    let person = world.applicant("active").await;
    let (page, number) = member.waits(&world, &person).await;
    world.pays_with(&number, &[("notice", "once"), ("amount", "100")]).await;
    let page = member.until_there(&page, "other-sum").await;
    assert!(page.text().contains("1 soʻm") || page.text().contains("1.00"), "{page}");
    let mut listed = world.to_return();
    listed.retain(|one| one["outcome"] == "other_sum");
    world.command(&["fees", "returned", listed[0]["payment"].as_str().expect("a reference")]);
    assert_eq!(world.stored_text(state, &number).await, "withdrawn");
    assert_eq!(world.stored("SELECT COUNT(*) FROM identifications WHERE state = 'enrolled'").await, 3);
}

async fn what_billing_answers_after_the_time_out_is_asked_again_and_done_once(setup: Setup) {
    let world = setup.set("registries.billing.timeout_ms", 300).start().await;
    let mut member = at_work(&world).await;
    let slow = [("billing.delay_ms", "1500")];
    // It takes the invoice, and says so too late.
    let person = world.applicant("active").await;
    let page = member.applies(&person.number, &person.pinfl).await.expect("clear");
    world.sandbox.registers(&slow).await;
    let page = member.completes(&world, &page, &person, &[]).await.expect("awaiting").expect("unregistered");
    let number = member.invoice(&page).await;
    until("the invoice at billing", async || {
        let url = format!("{}/invoices", world.sandbox.base);
        let all: Value = http::get(&url).await.ok()?.json().await.ok()?;
        all.as_array()?.iter().any(|one| one["number"] == number.as_str()).then_some(())
    })
    .await;
    // It says what was paid too late: nobody is enrolled by an answer that nobody waits for any more.
    world.pays_with(&number, &[("notice", "once")]).await;
    let state = "SELECT state FROM identifications WHERE invoice_number = $1";
    assert_eq!(world.stored_text(state, &number).await, "awaiting_payment");
    world.sandbox.registers(&[("reset", "1")]).await;
    until("the end", async || {
        world.advance(130).await;
        (world.stored_text(state, &number).await == "enrolled").then_some(())
    })
    .await;
    assert_eq!(world.stored_for("SELECT COUNT(*) FROM payments WHERE invoice_number = $1", &number).await, 1);
    world.sandbox.next_message(&person).await;
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &person).await);
    // It takes an invoice back, and says so too late.
    member.comes_back().await;
    let person = world.applicant("active").await;
    let (page, number) = member.waits(&world, &person).await;
    world.sandbox.registers(&slow).await;
    member.browser.press(&page, "withdraw", &[]).await.page().expect_status(200).expect("end");
    until("billing to have taken it back", async || {
        (world.invoice_at_billing(&number).await == "cancelled").then_some(())
    })
    .await;
    world.sandbox.registers(&[("reset", "1")]).await;
    until("what it says to be known", async || {
        world.advance(130).await;
        let ended =
            "SELECT COUNT(*) FROM identifications WHERE invoice_number = $1 AND invoice_ended_at IS NOT NULL";
        (world.stored_for(ended, &number).await == 1).then_some(())
    })
    .await;
    assert!(world.to_return().is_empty());
}
