//! "That wasn't me": everything of a person ends by one action, services are told and a complaint is opened. The lock that a person
//! puts on their own account holds in every way in.

use yagona::audit::Kind;

use crate::support::client_file::{COUNTER, LEGACY, ONEID, SHOP};
use crate::support::oneid::link;
use crate::support::wait::until;
use crate::support::{
    Asked, Page, Setup, World, alone_on_both_backends, code_of, jwt, on_both_backends, param,
};

on_both_backends!(
    that_was_not_me_ends_everything_tells_services_and_opens_a_complaint,
    a_complaint_is_its_persons_alone_and_is_answered_by_an_operator,
);
alone_on_both_backends!(
    what_could_hurt_wants_a_proof_of_the_last_five_minutes,
    a_locked_account_lets_nobody_in_by_any_way_until_it_is_unlocked,
);

fn offline(client: &str) -> Asked {
    Asked::by(client).with("scope", "openid profile offline_access")
}

/// The number in the address of a complaint's page.
fn number(page: &Page) -> String {
    page.url.path().rsplit('/').next().expect("a number").to_owned()
}

async fn that_was_not_me_ends_everything_tells_services_and_opens_a_complaint(world: &World) {
    let person = world.person();
    // Somebody else's browser, signed in as this person at two services.
    let mut theirs = world.browser();
    let url = theirs.sign_in(world, &offline(SHOP), &person).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let sid = jwt::read(tokens.get("id_token")).claims["sid"].clone();
    code_of(&theirs.sign_in(world, &Asked::by(LEGACY).with("scope", "openid profile"), &person).await);
    let mut here = world.browser();
    let page = here.enter_cabinet(world, "/cabinet/history", &person).await;
    let link = page.links().into_iter().find(|link| link.href.contains("not-me?about=sign_in"));
    let page = here.cabinet(&link.expect("a sign-in").href).await.expect("what");
    let complaint = here.press(&page, "end-everything", &[("note", "I was asleep <b>")]).await.page();
    let complaint = complaint.expect_status(200).expect("open");
    assert!(complaint.text().contains("I was asleep <b>"), "{complaint}");
    // All that was begun before has ended, but this browser goes on, by another session.
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    assert!(!world.is_active(SHOP, tokens.get("access_token")).await);
    theirs.open("/cabinet").await.page().expect("phone");
    let silent = theirs.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    assert_eq!(param(&silent, "error").as_deref(), Some("login_required"));
    let sessions = here.cabinet("/cabinet/sessions").await.expect("this-session");
    assert!(!sessions.body.contains("about=session"), "{sessions}");
    // The services are told, and what they answered is shown.
    world
        .listener
        .form("the service to be told", |form| {
            let claims = jwt::read(form.get("logout_token")?).claims;
            (claims["sid"] == sid && claims["aud"] == SHOP).then_some(())
        })
        .await;
    let path = complaint.url.path().to_owned();
    let shown = until("both services to have answered", async || {
        let page = here.clone().open(&path).await.page();
        (page.text().matches("Answered:").count() == 2).then_some(page)
    })
    .await;
    assert!(shown.text().contains("Shop") && shown.text().contains("Legacy"), "{shown}");
    assert!(here.cabinet("/cabinet/safety").await.text().contains(&number(&complaint)));
    world.until_audited(Kind::ComplaintOpened, "detail", &number(&complaint)).await;
    // A second one stands beside the first.
    let page = here.cabinet("/cabinet/not-me").await;
    let second = here.press(&page, "end-everything", &[]).await.page().expect("open");
    assert_ne!(number(&second), number(&complaint));
}

async fn a_complaint_is_its_persons_alone_and_is_answered_by_an_operator(world: &World) {
    let person = world.person();
    let (mut here, mut elsewhere) = (world.browser(), world.browser());
    let page = here.enter_cabinet(world, "/cabinet/not-me?about=sign_in&id=guessed", &person).await;
    assert!(!page.has("what"), "{page}");
    let complaint = here.press(&page, "end-everything", &[("note", "My son's friend")]).await.page();
    let number = number(&complaint);
    elsewhere.enter_cabinet(world, "/cabinet", &world.person()).await;
    assert_eq!(elsewhere.open(complaint.url.path()).await.page().status, 404);
    assert!(world.command(&["complaints", "list"]).contains(&number));
    let shown = world.command(&["complaints", "show", &number.to_lowercase()]);
    assert!(shown.contains("My son's friend") && !shown.contains(&person.number), "{shown}");
    assert!(!world.try_command(&["complaints", "close", &number, "--answer", " "]).status.success());
    world.command(&["complaints", "close", &number, "--answer", "We have called you."]);
    assert!(!world.try_command(&["complaints", "close", &number, "--answer", "Twice"]).status.success());
    assert!(!world.command(&["complaints", "list"]).contains(&number));
    assert!(world.command(&["complaints", "list", "--all"]).contains(&number));
    let page = here.cabinet(complaint.url.path()).await.expect("answer");
    assert!(page.text().contains("We have called you."), "{page}");
}

async fn what_could_hurt_wants_a_proof_of_the_last_five_minutes(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let mut browser = world.browser();
    browser.enter_cabinet(&world, "/cabinet", &person).await;
    let (not_me, lock) = (browser.cabinet("/cabinet/not-me").await, browser.cabinet("/cabinet/lock").await);
    let sms = browser.cabinet("/cabinet/notices/sms").await;
    world.mute_counter(&person).await;
    let services = browser.cabinet("/cabinet/services").await.expect("muted");
    let unmute = format!("unmute-{COUNTER}");
    let history = browser.cabinet("/cabinet/history").await;
    assert!(history.text().contains("127.0.0.1") && !history.has("addresses"), "{history}");
    let mut writer = world.browser();
    writer.enter_cabinet(&world, "/cabinet", &world.person()).await;
    let form = writer.cabinet("/cabinet/not-me").await;
    world.advance(300).await;
    // Whoever fills in slowly what such a page asks loses nothing.
    writer.press(&form, "end-everything", &[("note", "I was abroad")]).await.page().expect("open");
    // Where somebody was is not shown to whoever finds the browser open.
    let history = browser.cabinet("/cabinet/history").await;
    assert!(!history.text().contains("127.0.0.1"), "{history}");
    browser.clone().get(&history.link("addresses")).await.page().expect("phone");
    // Nobody else's number is a proof of this person, and what a service may ask stays as it was.
    let page = browser.press(&services, &unmute, &[]).await.page().expect("phone");
    let left = browser.clone().prove(&world, &page, &world.person()).await;
    assert_eq!(left.url.path(), "/", "{left}");
    assert!(world.command(&["people", "muted", &person.number]).contains(COUNTER));
    let mut proved = browser.clone();
    let page = proved.press(&services, &unmute, &[]).await.page().expect("phone");
    let page = proved.prove(&world, &page, &person).await.expect_status(200).expect("muted");
    proved.press(&page, &unmute, &[]).await.page().expect("said");
    assert!(!world.command(&["people", "muted", &person.number]).contains(COUNTER));
    let mut browser = proved;
    world.advance(900).await;
    browser.cabinet("/cabinet/services").await;
    // Forms of pages from before lead through the sign-in too, and nothing has happened.
    for (page, button) in [(&not_me, "end-everything"), (&lock, "lock-now"), (&sms, "sms-on")] {
        let typed: &[(&str, &str)] =
            if button == "sms-on" { &[("wish-all", crate::support::html::TICKED)] } else { &[] };
        browser.clone().press(page, button, typed).await.page().expect("phone");
    }
    for path in ["/cabinet/not-me", "/cabinet/lock", "/cabinet/data/whole", "/cabinet/accesses.csv"] {
        browser.clone().open(path).await.page().expect("phone");
    }
    browser.cabinet("/cabinet/safety").await.expect("empty");
    let page = browser.open("/cabinet/lock").await.page().expect("phone");
    browser.prove(&world, &page, &person).await.expect_status(200).expect("lock-now");
}

async fn a_locked_account_lets_nobody_in_by_any_way_until_it_is_unlocked(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let mut theirs = world.browser();
    let url = theirs.sign_in(&world, &offline(SHOP), &person).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let waiting = code_of(&world.browser().sign_in(&world, &offline(SHOP), &person).await);
    let oneid = code_of(&world.browser().sign_in_at(&world, &link(&world, ONEID), &person).await);
    let oneid = world.oneid_redeem(ONEID, &oneid).await.granted().get("access_token").to_owned();
    // Asked before the lock, in both ways.
    let mut entering = world.browser();
    let entering_page = entering.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let entering_code = world.sandbox.next_code(&person).await;
    let request = world.asked_by_counter(&person, "Desk 1").await;

    let mut here = world.browser();
    let page = here.enter_cabinet(&world, "/cabinet/lock", &person).await.expect("lock-now");
    assert!(page.text().contains("in person"), "{page}");
    let locked = here.press(&page, "lock-now", &[]).await.page().expect_status(200).expect("locked");
    assert_eq!(locked.url.path(), "/cabinet/locked");
    here.open("/cabinet").await.page().expect("phone");
    // What had begun has ended.
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    world.redeem(SHOP, &waiting).await.refused(400, "invalid_grant");
    theirs.open("/cabinet").await.page().expect("phone");
    assert_ne!(world.oneid_identify(ONEID, &oneid).await.status, 200);
    entering.enter_code(&entering_page, &entering_code).await.page().expect("error");
    let mut phone = world.browser();
    let answered = phone.tries_to_approve(&request).await;
    assert!(!answered.has("approval-done"), "{answered}");
    // Nothing begins: no code is sent, by whatever way one is asked for.
    let mut browser = world.browser();
    browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let mut another = world.browser();
    for link in [world.url("/cabinet"), link(&world, ONEID)] {
        let page = another.get(&link).await.page().expect("phone");
        another.enter_number(&page, &person.number).await.page().expect("code");
    }
    world.asks_counter(&person).await;
    world.nothing_more_came(&[&person]).await;
    let shown = world.command(&["people", "show", &person.number]);
    assert!(shown.contains("blocked"), "{shown}");
    let recorded = async |kind: Kind| {
        until("its row", async || (!world.audited(kind).await.is_empty()).then_some(())).await;
    };
    recorded(Kind::SelfLocked).await;

    // In person: an operator ends it, once.
    world.command(&["people", "end-self-lock", &person.number]);
    assert!(!world.try_command(&["people", "end-self-lock", &person.number]).status.success());
    let mut again = world.browser();
    let page = again.enter_cabinet(&world, "/cabinet/notices", &person).await;
    assert!(page.text().contains("Your account is locked"), "the notice of it: {page}");
    assert!(page.text().contains("Your account is unlocked"), "and of its end: {page}");
    recorded(Kind::SelfLockEnded).await;
}
