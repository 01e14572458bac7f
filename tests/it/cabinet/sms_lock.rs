//! The lock of an account by an SMS from its number (PlayMobile's incoming messages).

use yagona::audit::Kind;

use crate::support::client_file::SHOP;
use crate::support::people::Kind as PersonKind;
use crate::support::setup::CALLBACK_SECRET;
use crate::support::{Asked, Person, World, code_of, http, jwt, on_both_backends};

on_both_backends!(
    an_sms_from_the_number_locks_its_account_at_once_and_tells_everybody,
    what_is_no_such_sms_locks_nobody,
);

impl World {
    /// Passes on an SMS as the broker does; gives the status.
    pub(crate) async fn passes_on(&self, secret: &str, body: String) -> u16 {
        let url =
            format!("http://127.0.0.1:{}/callbacks/sms/{secret}/playmobile/incoming", self.nodes[0].port);
        let host = &self.issuer[url::Position::BeforeHost..url::Position::AfterPort];
        let request = http::client().post(url).header("Host", host).header("Content-Type", "text/xml");
        request.body(body).send().await.expect("an answer").status().as_u16()
    }
}

pub(crate) fn sms(id: &str, from: &str, text: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><sms-request version=\"1.0\">\
         <message id=\"{id}\" msisdn=\"{from}\" submit-date=\"2026-11-27 14:00:00\">\
         <content type=\"text/plain\">{text}</content></message></sms-request>"
    )
}

async fn an_sms_from_the_number_locks_its_account_at_once_and_tells_everybody(world: &World) {
    let person = world.person();
    let mut theirs = world.browser();
    let url = theirs.sign_in(world, &Asked::by(SHOP).with("scope", "openid offline_access"), &person).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let sid = jwt::read(tokens.get("id_token")).claims["sid"].clone();
    let message = sms(&format!("lock-{}", person.number), &person.number, " Блок! ");
    assert_eq!(world.passes_on(CALLBACK_SECRET, message.clone()).await, 200);
    // Everything has ended, and nobody signs in.
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    theirs.open("/cabinet").await.page().expect("phone");
    world.browser().begin_with_number(world, &Asked::by(SHOP), &person).await;
    world
        .listener
        .form("the service to be told", |form| {
            (jwt::read(form.get("logout_token")?).claims["sid"] == sid).then_some(())
        })
        .await;
    let told = world.sandbox.next_message(&person).await;
    assert!(told["text"].as_str().is_some_and(|text| text.contains("bloklandi")), "{told}");
    world.notices_of(&person, "account_locked", 1).await;
    world.until_audited(Kind::SelfLocked, "reason", "sms").await;
    // Passed on again after the person was unlocked, it locks nobody.
    world.command(&["people", "end-self-lock", &person.number]);
    assert_eq!(world.passes_on(CALLBACK_SECRET, message).await, 200);
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &person).await);
    // Another one does, as the sandbox's phone sends it; and who is locked already is told nothing more.
    let written = [("number", person.number.as_str()), ("text", "blok")];
    let sent = http::client().post(format!("{}/phone/send", world.sandbox.base)).form(&written).send();
    assert!(sent.await.expect("the sandbox").status().as_u16() < 400);
    let again = sms(&format!("lock-again-{}", person.number), &format!("+{}", person.number), "LOCK");
    assert_eq!(world.passes_on(CALLBACK_SECRET, again).await, 200);
    world.sandbox.next_message(&person).await;
    world.notices_of(&person, "account_locked", 2).await;
    world.command(&["people", "end-self-lock", &person.number]);
}

async fn what_is_no_such_sms_locks_nobody(world: &World) {
    let (person, unknown) = (world.person(), world.somebody(PersonKind::Unknown));
    let id = &person.number;
    let lock = sms(&format!("x-{id}"), &person.number, "LOCK");
    assert_eq!(world.passes_on("guessed0guessed0guessed0guessed0guess", lock.clone()).await, 404);
    for (body, status) in [
        ("no XML".to_owned(), 400),
        (lock.replace("</message>", ""), 400),
        (lock.replace("<sms-request", "<!DOCTYPE a><sms-request"), 400),
        (sms(&format!("y-{id}"), &person.number, "please do not LOCK me"), 200),
        (sms(&format!("z-{id}"), &unknown.number, "LOCK"), 200),
    ] {
        assert_eq!(world.passes_on(CALLBACK_SECRET, body.clone()).await, status, "{body}");
    }
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &person).await);
    let quiet: &[&Person] = &[&person, &unknown];
    for person in quiet {
        world.sandbox.nothing_came(person).await;
    }
}
