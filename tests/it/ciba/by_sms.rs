//! Answers by SMS: phones that open no pages.

use super::*;
use crate::cabinet::sms_lock::sms;
use crate::support::setup::CALLBACK_SECRET;

alone_on_both_backends!(r71_phones_without_internet_answer_by_sms);

async fn r71_phones_without_internet_answer_by_sms(setup: Setup) {
    let world = setup.set("sms.playmobile.reply_number", "3700").start().await;
    who_was_told_what_is_asked_agrees(&world).await;
    what_is_unclear_is_no_yes(&world).await;
    a_code_that_another_phone_sends_answers_nothing(&world).await;
}

impl World {
    /// What a phone sends is passed on; gives what it is answered.
    async fn answered(&self, person: &Person, text: &str) -> String {
        self.sends(&person.number, text).await;
        self.sandbox.next_message(person).await["text"].as_str().expect("a text").to_owned()
    }

    async fn sends(&self, number: &str, text: &str) {
        let id = format!("reply-{}", unique());
        assert_eq!(self.passes_on(CALLBACK_SECRET, sms(&id, number, text)).await, 200);
    }

    async fn asks_in_english(&self, scope: &str, person: &Person) -> (Tokens, Message) {
        let fields = [
            ("scope", scope),
            ("login_hint", person.number.as_str()),
            ("binding_message", "Talon 17"),
            ("ui_locales", "en"),
        ];
        let asked = self.asks(COUNTER, &fields).await.granted();
        let message = self.approval_message(person).await;
        (asked, message)
    }
}

async fn who_was_told_what_is_asked_agrees(world: &World) {
    let person = world.person();
    let (asked, message) = world.asks_in_english("openid profile phone", &person).await;
    let host = world.issuer.as_str();
    assert!(message.text.contains(&format!("{host}a/{} / SMS 3700", message.reference)), "{}", message.text);
    // Nobody agrees to what they were not told, whatever they write.
    let told = world.answered(&person, &format!("Yes {}", message.code)).await;
    for words in ["The owner of Counter asks for: Name, until ", "(To serve you)", "It writes: \"Talon 17\"."]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(told.ends_with(&format!("Answer YES {0} if you agree, NO {0} if not.", message.code)), "{told}");
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    let id = format!("reply-{}", unique());
    let yes = sms(&id, &person.number, &format!("yes {}", message.code));
    assert_eq!(world.passes_on(CALLBACK_SECRET, yes.clone()).await, 200);
    let told = world.sandbox.next_message(&person).await;
    assert_eq!(told["text"], "Counter: approved.", "{told}");
    world.advance(5).await;
    let tokens = world.polled(COUNTER, &asked).await.granted();
    // What may be left out was not named, and is left out.
    let read = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert!(read.get("name").is_some() && read.get("phone_number").is_none(), "{read}");
    let consents = world.command(&["consents", "list", &person.number]);
    assert!(consents.contains(COUNTER) && consents.contains("code"), "{consents}");
    // Passed on again, it is answered by nothing; another one is told what was decided.
    assert_eq!(world.passes_on(CALLBACK_SECRET, yes).await, 200);
    assert_eq!(world.answered(&person, &format!("NO {}", message.code)).await, "Counter: approved.");
}

async fn what_is_unclear_is_no_yes(world: &World) {
    let person = world.person();
    let (asked, message) = world.asks_in_english("openid profile", &person).await;
    for unclear in
        [message.code.clone(), format!("yes no {}", message.code), format!("maybe {}", message.code)]
    {
        let told = world.answered(&person, &unclear).await;
        assert!(told.contains("asks for: Name"), "{unclear}: {told}");
    }
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    assert_eq!(
        world.answered(&person, &format!("YO‘Q {}", message.code)).await,
        "Counter: refused. Nothing was given."
    );
    world.advance(5).await;
    world.polled(COUNTER, &asked).await.refused(400, "access_denied");
    // A request of which its time is over.
    let (asked, message) = world.asks_in_english("openid profile", &person).await;
    world.answered(&person, &message.code).await;
    world.advance(301).await;
    world.sends(&person.number, &format!("yes {}", message.code)).await;
    world.polled(COUNTER, &asked).await.refused(400, "expired_token");
}

async fn a_code_that_another_phone_sends_answers_nothing(world: &World) {
    let (person, other) = (world.person(), world.person());
    let (asked, message) = world.asks_in_english("openid profile", &person).await;
    world.sends(&other.number, &format!("no {}", message.code)).await;
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    world.until_audited(yagona::audit::Kind::ReferenceRefused, "reason", "sms").await;
    // Whoever guesses codes with a forged sender gets no further after ten, right ones included.
    for n in 0..10 {
        let guessed = format!("{:06}", (message.code.parse::<u32>().expect("digits") + 1 + n) % 1_000_000);
        world.sends(&person.number, &format!("no {guessed}")).await;
    }
    world.sends(&person.number, &format!("no {}", message.code)).await;
    world.advance(5).await;
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    // The page still takes the code.
    world.browser().decides(&message, "allow").await.expect("approval-done");
}
