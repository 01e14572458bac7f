//! Mails to people who gave an address, by a real mail server (`tests/smtp/server.py`).

use serde_json::Value;
use yagona::audit::Kind;

use crate::support::client_file::SHOP;
use crate::support::mail_server::{MailServer, link_in};
use crate::support::wait::until;
use crate::support::{Asked, Browser, Setup, World, alone_on_both_backends, code_of, on_both_backends};

on_both_backends!(without_a_mail_server_no_page_asks_for_an_address);

alone_on_both_backends!(
    an_address_counts_once_its_button_was_pressed_and_mails_warn_there_at_once,
    mails_outlast_a_server_that_fails_and_are_given_up_after_a_day,
);

/// Asks for a link in the cabinet of a browser that is signed in, and gives it.
async fn link_to(browser: &mut Browser, server: &MailServer, address: &str) -> String {
    let page = browser.cabinet("/cabinet/email").await.expect("email-ask");
    browser.press(&page, "email-ask", &[("email", address)]).await.page().expect("said").expect("waiting");
    let mail = server.next().await;
    assert_eq!(mail["to"], serde_json::json!([address]), "{mail}");
    link_in(&mail)
}

/// Opens a link and presses its button, in a browser without a session.
async fn confirm(world: &World, link: &str) {
    let mut reader = world.browser();
    let page = reader.get(&link.parse().expect("a URL")).await.page().expect("email-asks");
    reader.press(&page, "email-confirm", &[]).await.page().expect_status(200).expect("email-confirmed");
}

fn subject(mail: &Value) -> &str {
    mail["headers"]["Subject"].as_str().expect("a subject")
}

async fn without_a_mail_server_no_page_asks_for_an_address(world: &World) {
    let mut browser = world.browser();
    let page = browser.enter_cabinet(world, "/cabinet", &world.person()).await;
    assert!(!page.body.contains("/cabinet/email"), "{page}");
    assert_eq!(browser.open("/cabinet/email").await.page().status, 404);
    assert_eq!(browser.open("/cabinet/email/confirm?t=x").await.page().status, 404);
}

async fn an_address_counts_once_its_button_was_pressed_and_mails_warn_there_at_once(setup: Setup) {
    let server = MailServer::start("starttls").await;
    let world = server.serves(setup).start().await;
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.enter_cabinet(&world, "/cabinet/email", &person).await.expect("email-ask");
    // What is no address is told at its field, and what was typed is kept.
    let wrong = browser.press(&page, "email-ask", &[("email", "aziza@x\r\nBcc: b@c.uz")]).await.page();
    assert!(wrong.expect("error").body.contains("aziza@x"), "kept");
    browser.press(&page, "email-ask", &[("email", " Aziza@Mail.Example ")]).await.page().expect("waiting");
    let mail = server.next().await;
    assert_eq!(mail["to"], serde_json::json!(["Aziza@mail.example"]), "{mail}");
    assert_eq!(mail["encrypted"], true, "{mail}");
    for (name, part) in [
        ("From", "noreply@yagona.example"),
        ("Auto-Submitted", "auto-generated"),
        ("Message-ID", "@localhost>"),
        ("Content-Type", "text/plain"),
        ("Subject", "Confirm your e-mail address – Yagona"),
        ("Date", "20"),
    ] {
        assert!(mail["headers"][name].as_str().is_some_and(|value| value.contains(part)), "{name}: {mail}");
    }
    let link = link_in(&mail);
    assert!(link.starts_with(world.issuer.as_str()), "{link}");
    // What opens the link without pressing the button, a scanner of mails, changes nothing.
    for _ in 0..2 {
        let shown = world.browser().get(&link.parse().expect("a URL")).await.page().expect("email-asks");
        assert!(shown.text().contains("A•••@mail.example") && !shown.text().contains("Aziza@"), "{shown}");
    }
    assert!(!browser.cabinet("/cabinet/email").await.has("address"));
    confirm(&world, &link).await;
    assert!(browser.cabinet("/cabinet/email").await.expect("address").text().contains("Aziza@mail.example"));
    world.browser().get(&link.parse().expect("a URL")).await.page().expect("email-gone");
    world.until_audited(Kind::EmailChanged, "reason", "confirmed").await;
    assert!(
        subject(&server.next().await).contains("Elektron pochta"),
        "the notice of it, in the usual language"
    );
    // A sign-in from a new browser is told at once, with nothing of the person's in it.
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &person).await);
    let warning = server.next().await;
    let text = warning["text"].as_str().expect("a text");
    assert!(subject(&warning).contains("Yangi brauzerdan"), "{warning}");
    assert!(text.contains("Shop") && text.contains("/cabinet/safety"), "{text}");
    assert!(!text.contains(&person.pinfl) && !text.contains(&person.number[3..]), "{text}");
    assert!(!text.to_lowercase().contains("valiyev") && !text.contains("?t="), "{text}");
    // Another address: the one before is told, and only the new one is warned from then on.
    let link = link_to(&mut browser, &server, "b@mail.example").await;
    confirm(&world, &link).await;
    let told = [server.next().await, server.next().await];
    let to = |mail: &Value| mail["to"][0].as_str().expect("an address").to_owned();
    let mut both: Vec<String> = told.iter().map(to).collect();
    both.sort();
    assert_eq!(both, ["Aziza@mail.example", "b@mail.example"]);
    // The end of it is told as well, and then there are no more.
    let page = browser.cabinet("/cabinet/email").await.expect("email-end");
    browser.press(&page, "email-end", &[]).await.page().expect("said");
    assert_eq!(to(&server.next().await), "b@mail.example");
    world.until_audited(Kind::EmailChanged, "reason", "removed").await;
    world.notices_of(&person, "email_changed", 3).await;
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &person).await);
    world.notices_of(&person, "new_device", 3).await;
    assert_eq!(world.stored("SELECT COUNT(*) FROM mails WHERE ended IS NULL").await, 0);
    server.nothing_came();
    // A session that is not fresh shows no whole address and takes no other one.
    let link = link_to(&mut browser, &server, "c@mail.example").await;
    confirm(&world, &link).await;
    world.advance(301).await;
    let page = browser.cabinet("/cabinet/email").await.expect("address");
    assert!(page.text().contains("c•••@mail.example") && !page.text().contains(" c@"), "{page}");
    browser.press(&page, "email-ask", &[("email", "thief@mail.example")]).await.page().expect("phone");
}

async fn mails_outlast_a_server_that_fails_and_are_given_up_after_a_day(setup: Setup) {
    let server = MailServer::start("implicit").await;
    let world = server.serves(setup).set("email.confirmations_per_day", 10).start().await;
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.enter_cabinet(&world, "/cabinet/email", &person).await;
    let asks = async |browser: &mut Browser| {
        browser.press(&page, "email-ask", &[("email", "a@mail.example")]).await.page().expect("waiting");
    };
    let counted = async |outcome: &str, least: f64| {
        let label = format!("outcome=\"{outcome}\"");
        let what = format!("{least} mails {outcome}");
        until(&what, async || (world.metric("yagona_mails_total", &[&label]).await >= least).then_some(()))
            .await;
    };
    // Not now (4yz): it waits, and is taken later.
    server.behaves("451 later");
    asks(&mut browser).await;
    counted("failed", 1.0).await;
    server.nothing_came();
    server.behaves("ok");
    world.advance(60).await;
    assert!(server.next().await["encrypted"] == true);
    counted("sent", 1.0).await;
    // Never (5yz): it is not tried again.
    server.behaves("550 nobody here");
    asks(&mut browser).await;
    counted("refused", 1.0).await;
    assert_eq!(world.stored("SELECT COUNT(*) FROM mails WHERE ended IS NULL").await, 0);
    assert_eq!(
        world.stored("SELECT COUNT(*) FROM mails WHERE sealed <> ''").await,
        0,
        "what they said is gone"
    );
    // The connection breaks once the mail was said: it comes again, and mailboxes know it by its name.
    server.behaves("cut");
    asks(&mut browser).await;
    let first = server.next().await;
    counted("failed", 2.0).await;
    server.behaves("ok");
    world.advance(60).await;
    let again = server.next().await;
    assert_eq!(first["headers"]["Message-ID"], again["headers"]["Message-ID"]);
    assert_eq!(first["headers"]["Date"], again["headers"]["Date"]);
    // Nobody listens to anything for a day.
    server.behaves("421 closed");
    asks(&mut browser).await;
    counted("failed", 3.0).await;
    server.behaves("ok");
    world.advance(86_400).await;
    counted("given_up", 1.0).await;
    server.nothing_came();
    assert!(!world.nodes[0].running.log().contains("a@mail.example"), "no log has an address");
}
