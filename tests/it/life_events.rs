//! The end of everything of a person, and of one consent with all that rests on it, by command while the provider runs.

use crate::support::client_file::{RIVAL, SHOP};
use crate::support::process::both_streams;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Person, Setup, Tokens, World, code_of, on_both_backends, param};

on_both_backends!(
    ending_access_ends_everything_that_began_before,
    what_is_on_the_screen_when_access_ends_leads_to_the_number,
    a_code_that_was_sent_before_access_ended_signs_nobody_in,
    ending_a_consent_ends_what_the_client_holds_and_nothing_else,
    a_consent_that_does_not_exist_or_has_ended_is_reported,
);

fn offline(client: &str) -> Asked {
    Asked::by(client).with("scope", "openid profile offline_access")
}

/// An authorization code that was not redeemed yet, of a person who is signed in anew.
async fn code(world: &World, asked: &Asked, person: &Person) -> String {
    code_of(&world.browser().sign_in(world, asked, person).await)
}

/// Signed access tokens and sealed ones are revoked by the same list, which a command's change reaches within a second.
async fn until_refused(world: &World, tokens: &Tokens) {
    let token = tokens.get("access_token");
    for node in &world.nodes {
        until("UserInfo to be refused", async || {
            let url = world.url("/oidc/userinfo");
            let browser = world.browser().at(node.port);
            let request = browser.request(reqwest::Method::GET, &url).bearer_auth(token);
            (request.send().await.expect("an answer").status() == 401).then_some(())
        })
        .await;
    }
}

fn consent_of(world: &World, person: &Person, client: &str) -> Option<String> {
    let listed = world.command(&["consents", "list", &person.number]);
    let line = listed.lines().find(|line| line.contains(&format!(" {client} ")))?;
    line.split(' ').next().map(str::to_owned)
}

async fn ending_access_ends_everything_that_began_before(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let url = browser.sign_in(world, &offline(SHOP), &person).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let unredeemed = code(world, &offline(SHOP), &person).await;
    let other = world.tokens(&offline(SHOP), &world.person()).await;

    world.command(&["people", "end-access", &person.number]);
    let refresh_token = tokens.get("refresh_token");
    world.refresh(SHOP, refresh_token).await.refused(400, "invalid_grant");
    assert!(!world.is_active(SHOP, refresh_token).await);
    world.redeem(SHOP, &unredeemed).await.refused(400, "invalid_grant");
    let silent = browser.begin(world, &offline(SHOP).with("prompt", "none")).await.away();
    assert_eq!(param(&silent, "error").as_deref(), Some("login_required"));
    until_refused(world, &tokens).await;
    assert!(!world.is_active(SHOP, tokens.get("access_token")).await);

    // Others go on, and the person may sign in anew, in the same browser as well.
    assert_eq!(world.userinfo(other.get("access_token")).await.status, 200);
    let url = browser.sign_in(world, &offline(SHOP), &person).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    let silent = browser.begin(world, &offline(SHOP).with("prompt", "none")).await.away();
    assert!(param(&silent, "code").is_some(), "{silent}");
}

async fn what_is_on_the_screen_when_access_ends_leads_to_the_number(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let at_number = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let sms = world.sandbox.next_code(&person).await;
    let consent = browser.enter_code(&at_number, &sms).await.page().expect("allow");
    let mut signed_in = world.browser();
    signed_in.sign_in(world, &Asked::by(RIVAL), &person).await;
    let going_on = signed_in.begin(world, &Asked::by(RIVAL)).await.page().expect("other");

    world.command(&["people", "end-access", &person.number]);
    let shown = browser.press(&consent, "allow", &[]).await.page().expect("phone");
    assert!(!shown.text().contains("Valiyev"), "{shown}");
    signed_in.press(&going_on, "continue", &[]).await.page().expect("phone");
    let home = signed_in.open("/").await.page();
    assert!(!home.has("sign-out"), "{home}");
}

async fn a_code_that_was_sent_before_access_ended_signs_nobody_in(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let sms = world.sandbox.next_code(&person).await;
    world.command(&["people", "end-access", &person.number]);
    browser.enter_code(&page, &sms).await.page().expect("code").expect("error");
}

async fn ending_a_consent_ends_what_the_client_holds_and_nothing_else(world: &World) {
    let person = world.person();
    let first = world.tokens(&Asked::by(SHOP).with("scope", "openid profile"), &person).await;
    let more =
        world.tokens(&Asked::by(SHOP).with("scope", "openid profile phone offline_access"), &person).await;
    let rival = world.tokens(&offline(RIVAL), &person).await;
    let unredeemed = code(world, &offline(SHOP), &person).await;
    let consent = consent_of(world, &person, SHOP).expect("a consent");

    let listed = world.command(&["consents", "list", &person.number]);
    assert!(listed.contains("birth_date") && !listed.contains("profile"), "{listed}");
    world.command(&["consents", "end", &consent]);
    world.refresh(SHOP, more.get("refresh_token")).await.refused(400, "invalid_grant");
    world.redeem(SHOP, &unredeemed).await.refused(400, "invalid_grant");
    until_refused(world, &first).await;
    until_refused(world, &more).await;
    assert_eq!(world.userinfo(rival.get("access_token")).await.status, 200);
    world.refresh(RIVAL, rival.get("refresh_token")).await.granted();

    // The consent that the ended one had followed does not come back: the person is asked again.
    assert_eq!(consent_of(world, &person, SHOP), None);
    assert!(consent_of(world, &person, RIVAL).is_some());
    let mut browser = world.browser();
    let page =
        browser.begin_with_number(world, &Asked::by(SHOP).with("scope", "openid profile"), &person).await;
    let sms = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &sms).await.page().expect("allow");
    let url = browser.press(&page, "allow", &[]).await.away();
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
}

async fn a_consent_that_does_not_exist_or_has_ended_is_reported(world: &World) {
    let person = world.person();
    assert!(world.command(&["consents", "list", &person.number]).contains("no consents"));
    world.tokens(&offline(SHOP), &person).await;
    let consent = consent_of(world, &person, SHOP).expect("a consent");
    world.command(&["consents", "end", &consent]);
    for id in [consent.as_str(), "made-up"] {
        let output = world.try_command(&["consents", "end", id]);
        assert!(!output.status.success());
        assert!(both_streams(&output).contains("no consent that can be ended"), "{}", both_streams(&output));
    }
    let output = world.try_command(&["people", "end-access", "+998 90 000 00 01"]);
    assert!(!output.status.success(), "{}", both_streams(&output));
}

#[tokio::test]
async fn access_that_is_ended_has_ended_on_every_node() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let person = world.person();
    let tokens = world.tokens(&offline(SHOP), &person).await;
    for node in &world.nodes {
        let browser = world.browser().at(node.port);
        let request = browser.request(reqwest::Method::GET, &world.url("/oidc/userinfo"));
        let answer = request.bearer_auth(tokens.get("access_token")).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "the account is in this node's memory");
    }
    world.command(&["people", "end-access", &person.number]);
    // Redis has told all nodes before the command ended.
    for node in &world.nodes {
        let browser = world.browser().at(node.port);
        let request = browser.request(reqwest::Method::GET, &world.url("/oidc/userinfo"));
        let answer = request.bearer_auth(tokens.get("access_token")).send().await.expect("an answer");
        assert_eq!(answer.status(), 401);
    }
    until_refused(&world, &tokens).await;
}
