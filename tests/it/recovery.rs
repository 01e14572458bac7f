//! Recoveries are told on every channel, and stopped from any of them.

use crate::password::{FIRST, SECOND, is_right};
use crate::support::mail_server::{MailServer, link_in};
use crate::support::{Setup, alone_on_both_backends};

alone_on_both_backends!(d_n_a_recovery_is_mailed_with_the_link_that_stops_it);

/// The link that stops a recovery, in a message or a mail.
fn stop_link(text: &str) -> Option<url::Url> {
    let link = text.split_whitespace().find(|word| word.contains("/recover/stop/"))?;
    Some(link.parse().expect("a URL"))
}

async fn d_n_a_recovery_is_mailed_with_the_link_that_stops_it(setup: Setup) {
    let server = MailServer::start("starttls").await;
    let world = &server.serves(setup).start().await;
    let (mut owner, person) = (world.browser(), world.person());
    owner.set_password(world, &person, FIRST).await.expect_status(200).expect("said");
    let page = owner.cabinet("/cabinet/email").await.expect("email-ask");
    owner.press(&page, "email-ask", &[("email", "aziza@mail.example")]).await.page().expect("waiting");
    let link = link_in(&server.next().await);
    let page = owner.get(&link.parse().expect("a URL")).await.page().expect("email-asks");
    owner.press(&page, "email-confirm", &[]).await.page().expect("email-confirmed");
    // Somebody with the phone sets another password: that is a recovery.
    let mut thief = world.browser();
    thief.set_password(world, &person, SECOND).await.expect("recovery");
    assert!(is_right(world, &person.pinfl, SECOND).await);
    let message = world.sandbox.next_message(&person).await;
    let by_sms = stop_link(message["text"].as_str().expect("a text")).expect("the phone has the link");
    let by_mail = loop {
        let mail = server.next().await;
        let text = mail["text"].as_str().expect("a text").to_owned();
        if let Some(link) = stop_link(&text) {
            assert!(!text.contains(&person.pinfl) && text.contains("/cabinet/safety"), "{text}");
            break link;
        }
    };
    assert_eq!(by_mail.path(), by_sms.path());
    assert!(by_mail.as_str().starts_with(world.issuer.as_str()), "{by_mail}");
    // What is kept of it opens nothing.
    let word = by_mail.path().rsplit('/').next().expect("a word");
    for count in [
        "SELECT COUNT(*) AS n FROM mails WHERE sealed LIKE '%' || $1 || '%'",
        "SELECT COUNT(*) AS n FROM notices WHERE about LIKE '%' || $1 || '%'",
        "SELECT COUNT(*) AS n FROM recoveries WHERE stop_link LIKE '%' || $1 || '%'",
    ] {
        assert_eq!(world.stored_for(count, word).await, 0, "{count}");
    }
    let mut reader = world.browser();
    let page = reader.open(by_mail.path()).await.page().expect_status(200).expect("stop");
    reader.press(&page, "stop", &[]).await.page().expect_status(200).expect("stopped");
    assert!(!is_right(world, &person.pinfl, SECOND).await);
    thief.open("/cabinet").await.page().expect("phone");
    reader.open(by_sms.path()).await.page().expect_status(410);
}
